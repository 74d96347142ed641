//! `rohrpost send`: one message, through one server or the next or the queue of this host, and a receipt.
//!
//! What is sent is in [`mail`], through what in [`super::ways`], what is shown of it in [`crate::view::receipt`]. The
//! rest is the work of `rohrpost_sender`.

mod limits;
mod mail;
mod progress;

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use rohrpost_mail::Recipient;
use rohrpost_sender::{Error, LocalServer, Mail, Receipt, Relays, Sender, Transport};

use self::progress::Watched;
use super::{
    print, print_json,
    ways::{Way, ways},
};
use crate::{
    cli::{self, Place, Servers},
    exit::{Exit, Failure},
    personas::Settings,
    view::{
        self, BAD, Styled,
        receipt::{outcomes, reasons, receipt},
    },
};

/// What the message goes through.
enum Through {
    /// The servers that were named.
    Servers(Vec<Way>),
    /// None was named: the server of this host.
    Local(LocalServer),
}

impl Through {
    fn of(place: &Place, options: &Servers) -> anyhow::Result<Self> {
        if !options.server.is_empty() {
            return Ok(Self::Servers(ways(options)?));
        }
        let Settings { socket, drop_dir, .. } = Settings::read(place)?;
        Ok(Self::Local(LocalServer::new().socket(socket).drop_dir(drop_dir)))
    }

    /// For people.
    fn words(&self) -> Vec<String> {
        match self {
            Self::Servers(ways) => ways.iter().map(|way| way.words.clone()).collect(),
            Self::Local(_) => vec!["that of this host".to_owned()],
        }
    }
}

/// Sends the message and prints the receipt.
pub(super) async fn run(place: &Place, command: &cli::Send) -> anyhow::Result<ExitCode> {
    let through = Through::of(place, &command.servers)?;
    let mail = mail::of(command)?;
    if command.look.dry_run {
        return dry_run(&mail, &through);
    }
    let mut dialogue = command.look.transcript.as_deref().map(open).transpose()?;
    let sent = send(&mail, through).await;
    let written = match &mut dialogue {
        Some(dialogue) => dialogue.write_all(transcript(&sent).as_bytes()).context("the transcript"),
        None => Ok(()),
    };
    // What became of the message is settled: a full disk now must not make a script send it again.
    let printed = show(&sent, command.look.output.json);
    for error in [written, printed].into_iter().filter_map(Result::err) {
        complain(&format!("{} {error:#}\n", Styled(BAD, "rohrpost:")));
    }
    Ok(sent.map_or_else(|error| error.sysexit().into(), |_| ExitCode::SUCCESS))
}

/// The receipt bears the id of the message, also where it travelled in disguise to be watched.
async fn send(mail: &Mail, through: Through) -> Result<Receipt, Error> {
    let watched = Watched::new(mail);
    let sent = match through {
        Through::Local(server) => server.send(watched.mail()).await,
        Through::Servers(ways) => {
            let sender = Sender::new(Relays::failover(ways.into_iter().map(|way| way.server)))?;
            let sent = sender.send(watched.mail()).await;
            sender.close().await;
            sent
        }
    };
    watched.finish();
    sent.map(|receipt| with_id(receipt, mail))
}

fn with_id(mut receipt: Receipt, mail: &Mail) -> Receipt {
    mail.message_id().clone_into(&mut receipt.id);
    receipt
}

/// Prints the receipt, or says why nobody got it, or why nobody knows.
fn show(sent: &Result<Receipt, Error>, json: bool) -> anyhow::Result<()> {
    let printed = match (sent, json) {
        (Ok(taken), true) => print_json([taken]),
        (Ok(taken), false) => print(&receipt(taken)),
        (Err(error), true) => print_json([error]),
        (Err(error), false) => print(&outcomes(error.recipients(), None, "")),
    };
    if let Err(error) = sent {
        complain(&reasons(error));
    }
    printed
}

/// Where standard error cannot be written to either, the exit code says it alone.
fn complain(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Where the dialogue is written to. It is made before anything is sent.
fn open(path: &Path) -> Result<Box<dyn Write>, Failure> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stderr()));
    }
    match File::create(path) {
        Ok(file) => Ok(Box::new(file)),
        Err(error) => Err(Failure::new(Exit::CannotCreate, format!("{}: {error}", path.display()))),
    }
}

fn transcript(sent: &Result<Receipt, Error>) -> String {
    match sent {
        Ok(receipt) => receipt.transcript.clone(),
        Err(error) => error.transcript(),
    }
}

/// Prints the message, and to standard error who would get it through which server.
fn dry_run(mail: &Mail, through: &Through) -> anyhow::Result<ExitCode> {
    let everybody = |to: &[Recipient]| to.iter().map(|to| to.address.to_string()).collect::<Vec<_>>().join(", ");
    let size = view::size(mail.octets());
    eprintln!("from    {}", mail.envelope().reverse_path);
    eprintln!("to      {}", everybody(mail.recipients()));
    eprintln!("size    {size}");
    for words in through.words() {
        eprintln!("server  {words}");
    }
    eprintln!("Nothing was sent.");
    match io::copy(&mut mail.reader(), &mut io::stdout().lock()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
        copied => drop(copied.context("the message")?),
    }
    Ok(ExitCode::SUCCESS)
}
