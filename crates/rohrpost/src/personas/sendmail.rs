//! `sendmail` and its sisters `mailq`, `runq` and `newaliases`: what the programs of a host call to send mail.
//!
//! One message is read from standard input to its end, repaired ([`header`]), and handed to the server ([`handoff`]); only
//! then the program ends, with a code of `sysexits.h` and, where something went wrong, one line on standard error. Not
//! before the message is whole is a socket opened: cron keeps the pipe open for hours.
//!
//! | module | what it is |
//! |---|---|
//! | [`options`], [`getopt`] | the command line |
//! | [`recipients`], [`caller`] | who gets it, who sends it |
//! | [`queue`], [`verify`], [`daemon`] | `-bp`, `-q`, `-bv`, `-bd` |
//! | [`settings`] | where the server is found |

mod caller;
mod daemon;
mod getopt;
mod handoff;
mod header;
mod options;
mod queue;
mod recipients;
pub(super) mod settings;
mod verify;

use std::{ffi::OsString, io::Write as _, process::ExitCode};

use jiff::Timestamp;
use rohrpost_intake::aliases_file::AliasesFile;
use rohrpost_mail::{BodyKind, Envelope, Notify, QueueId, ReversePath};
use rohrpost_server::submit::{self, Submission, To};

use self::{
    caller::Caller,
    handoff::Taken,
    options::{DeliveryMode, Flush, Mode, Options},
    settings::Settings,
};
use super::{
    message::{self, Message},
    smtp,
};
use crate::{
    cli::Place,
    commands::{block_on, print},
    exit::{self, Exit, Failure},
};

const HELP: &str = "\
Takes a message from standard input and hands it to the server, as sendmail does.

Usage: sendmail [OPTIONS] [--] [RECIPIENT]...
       mailq | runq | newaliases

  -t                 recipients are those of To, Cc and Bcc too
  -i, -oi            a line with one dot does not end the message
  -f, -r ADDRESS     sender; '' for none
  -F NAME            full name for a From field that is missing
  -B 7BIT|8BITMIME   how the body is declared
  -N never|success,failure,delay
                     which notices the sender wants
  -R hdrs|full       what of the message a notice returns
  -V ID              envelope id for notices
  -odb, -odi, -odq   deliver at once; and say what came of it; when the queue is run next
  -O NAME=VALUE      DeliveryMode, IgnoreDots, requiretls, smtputf8
  -bs                SMTP on standard input and output
  -bp  -q            list the queue; try all of it now
  -bv  -bi  -bd      say whom the recipients stand for; check the aliases; start the server
  -qIID  -qRTEXT     try one message now; those for recipients with this text
  -C FILE            other configuration
  -v                 say what was done

Other options of sendmail are accepted. Exit codes are those of sysexits.h.
";

/// The names that this program has.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Name {
    /// `sendmail`, `send-mail`
    Sendmail,
    /// `mailq`: `sendmail -bp`
    Mailq,
    /// `runq`: `sendmail -q`
    Runq,
    /// `newaliases`: `sendmail -bi`
    Newaliases,
}

impl Name {
    /// Which name this is, if it is one.
    pub(crate) fn of(name: &str) -> Option<Self> {
        match name {
            "sendmail" | "send-mail" => Some(Self::Sendmail),
            "mailq" => Some(Self::Mailq),
            "runq" => Some(Self::Runq),
            "newaliases" => Some(Self::Newaliases),
            _ => None,
        }
    }

    /// What is done when no option says otherwise.
    fn mode(self) -> Mode {
        match self {
            Self::Sendmail => Mode::Deliver,
            Self::Mailq => Mode::List,
            Self::Runq => Mode::Flush(Flush::All),
            Self::Newaliases => Mode::Aliases,
        }
    }
}

/// Does what the command line says.
pub(crate) fn run(name: Name, place: &Place, arguments: Vec<OsString>) -> ExitCode {
    obey(name, place, arguments).unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        exit::code_of(&error).into()
    })
}

/// One line on standard error, whatever the text holds.
fn say(text: &str) {
    let text = text.replace(char::is_control, " ");
    // Where standard error is closed there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "rohrpost: {text}");
}

fn obey(name: Name, place: &Place, arguments: Vec<OsString>) -> anyhow::Result<ExitCode> {
    let options = Options::read(name, arguments).map_err(|error| Failure::new(Exit::Usage, error))?;
    options.warnings.iter().for_each(|warning| say(warning));
    let place = &place_of(place, &options);
    match &options.mode {
        Mode::Deliver => deliver(&options, &Settings::read(place)?),
        Mode::Smtp => converse(options.delivery, &Settings::read(place)?),
        Mode::List => block_on(queue::list(place)),
        Mode::Flush(flush) => block_on(queue::flush(place, flush)),
        Mode::Verify => {
            print(&verify::addresses(&options.operands, &Settings::read(place)?)?).map(|()| ExitCode::SUCCESS)
        }
        Mode::Aliases => check_aliases(&Settings::read(place)?),
        Mode::Daemon => daemon::start(place),
        Mode::Nothing => Ok(ExitCode::SUCCESS),
        Mode::Help => print(HELP).map(|()| ExitCode::SUCCESS),
    }
}

/// Which server is meant. A program with rights that its caller does not have listens to nobody about that.
fn place_of(place: &Place, options: &Options) -> Place {
    if caller::is_elevated() {
        return Place { config: None, dir: None };
    }
    Place { config: options.config.clone().or_else(|| place.config.clone()), dir: place.dir.clone() }
}

/// `-bm`: one message from standard input.
fn deliver(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let office = Office::open(options, settings)?;
    let reverse_path = match &options.reverse_path {
        Some(written) => caller::reverse_path(written, &settings.mail_name)?,
        None => ReversePath::Mailbox(office.caller.address.clone()),
    };
    let message = read_message(options)?;
    let head = options.header_recipients.then_some(message.header.as_slice());
    let recipients = recipients::all(&options.operands, head).map_err(|error| Failure::new(error.exit(), error))?;
    let envelope = envelope(options, reverse_path, &recipients, &message);
    let notify = options.notify.unwrap_or_default();
    let recipients = recipients.into_iter().map(|address| to(address, notify)).collect();
    let taken = office.send(envelope, recipients, message)?;
    if let Some(refusals) = taken.refusals() {
        say(&refusals);
    }
    if options.verbose {
        say(&taken.id().map_or("left in the drop directory".to_owned(), |id| format!("queued as {id}")));
    }
    Ok(ExitCode::SUCCESS)
}

fn read_message(options: &Options) -> Result<Message, Failure> {
    let message = message::read(std::io::stdin().lock(), !options.ignore_dots);
    message.and_then(Message::without_nul).map_err(|error| Failure::new(error.exit(), error))
}

fn to(address: String, notify: Notify) -> To {
    let mut to = To::new(address);
    to.notify = notify;
    to
}

fn envelope(options: &Options, reverse_path: ReversePath, recipients: &[String], message: &Message) -> Envelope {
    let needs_utf8 = reverse_path.mailbox().is_some_and(rohrpost_mail::Mailbox::needs_smtputf8)
        || recipients.iter().any(|address| !address.is_ascii());
    let is_wide = message.facts.eight_bit || !message.header.is_ascii();
    Envelope {
        reverse_path,
        envid: options.envid.clone(),
        ret: options.ret,
        body: if is_wide { BodyKind::EightBitMime } else { options.body },
        smtputf8: options.smtputf8 || needs_utf8,
        require_tls: options.require_tls,
        hold_until: None,
    }
}

/// `-bs`: SMTP on standard input and output.
fn converse(delivery: DeliveryMode, settings: &Settings) -> anyhow::Result<ExitCode> {
    let office = Office::open(&Options { delivery, ..Options::default() }, settings)?;
    smtp::converse(&settings.mail_name, std::io::stdin().lock(), std::io::stdout().lock(), office)?;
    Ok(ExitCode::SUCCESS)
}

/// Where messages are made ready and handed over.
struct Office<'a> {
    settings: &'a Settings,
    caller: Caller,
    /// For a From field that is missing.
    name: String,
    mode: submit::Mode,
}

impl<'a> Office<'a> {
    fn open(options: &Options, settings: &'a Settings) -> anyhow::Result<Self> {
        let caller = Caller::current(&settings.mail_name)?;
        let mode = match options.delivery {
            DeliveryMode::Background => submit::Mode::Background,
            DeliveryMode::Interactive => submit::Mode::Interactive,
            DeliveryMode::Queue => submit::Mode::Queue,
        };
        Ok(Self { settings, name: caller.name(options.full_name.as_deref()), caller, mode })
    }

    fn send(&self, envelope: Envelope, recipients: Vec<To>, mut message: Message) -> anyhow::Result<Taken> {
        let defaults = header::Defaults {
            from: envelope.reverse_path.mailbox().unwrap_or(&self.caller.address),
            name: &self.name,
            mail_name: &self.settings.mail_name,
            now: Timestamp::now(),
        };
        message.header = header::repaired(&message.header, message.facts, &defaults);
        let submission = Submission::new(submit::Options { envelope, recipients, mode: self.mode });
        handoff::hand_over(self.settings, &submission, &mut message)
    }
}

/// `-bs`
impl smtp::Office for Office<'_> {
    type Proof = Taken;

    fn send(
        &mut self,
        envelope: Envelope,
        recipients: Vec<To>,
        message: Message,
    ) -> anyhow::Result<(Taken, Option<QueueId>)> {
        let taken = Office::send(self, envelope, recipients, message)?;
        let id = taken.id();
        Ok((taken, id))
    }
}

/// `-bi`: the server reads its aliases when they change, so there is nothing to rebuild; what is wrong in them is said.
fn check_aliases(settings: &Settings) -> anyhow::Result<ExitCode> {
    let faults = match AliasesFile::new(settings.aliases.clone()).faults() {
        Ok(faults) => faults,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ExitCode::SUCCESS),
        Err(error) => {
            return Err(Failure::new(Exit::NoInput, format!("{} ({error})", settings.aliases.display())).into());
        }
    };
    for (line, fault) in &faults {
        say(&format!("{}:{line}: {fault}", settings.aliases.display()));
    }
    Ok(if faults.is_empty() { ExitCode::SUCCESS } else { Exit::Config.into() })
}
