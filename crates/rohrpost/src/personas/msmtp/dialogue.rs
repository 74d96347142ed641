//! `-bs`: SMTP on standard input and output, as Symfony and Laravel speak it. msmtp itself refuses it.
//!
//! Each message goes to its server before it is acknowledged, by the account of its own sender: the reply to its dot says
//! what became of it there.

use rohrpost_mail::{Domain, Envelope, QueueId};
use rohrpost_server::submit::To;

use super::{environment::Environment, fault::Fault, options::Options, send};
use crate::{
    exit::{Exit, Failure, code_of},
    personas::{message::Message, smtp},
};

/// Speaks until the caller has enough. Nothing but replies may stand on standard output, so `--debug` shows nothing.
pub(super) fn run(options: Options, environment: &Environment) -> Result<(), Fault> {
    let name = environment.expand_patterns("%M");
    let name =
        Domain::parse(&name).map_err(|error| Fault::new(Exit::Config, format!("mail name {name:?}: {error}")))?;
    // Where the dialogue names recipients and sender, no header does, and a reply must tell "later" from "never".
    let options = Options { read_recipients: false, debug: false, rohrpost_exit_codes: true, ..options };
    let office = Office { options, environment };
    smtp::converse(&name, std::io::stdin().lock(), std::io::stdout().lock(), office)
        .map_err(|error| Fault::new(code_of(&error), format!("{error:#}")))
}

/// Sends each message by itself.
struct Office<'a> {
    options: Options,
    environment: &'a Environment,
}

/// The server has the message. Made by [`Office::send`] only.
struct Sent(());

impl smtp::Office for Office<'_> {
    type Proof = Sent;

    fn send(
        &mut self,
        envelope: Envelope,
        recipients: Vec<To>,
        message: Message,
    ) -> anyhow::Result<(Sent, Option<QueueId>)> {
        let options = Options {
            from: Some(envelope.reverse_path.to_string()),
            recipients: recipients.into_iter().map(|to| to.address).collect(),
            ..self.options.clone()
        };
        send::one(&options, message, self.environment).map_err(|fault| Failure::new(fault.exit, fault))?;
        Ok((Sent(()), None))
    }
}
