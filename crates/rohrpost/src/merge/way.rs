//! Who takes the mails: servers, as the library speaks to them, or the queue of the server on this host.

use rohrpost_mail::Seal;
use rohrpost_sender::{Error, Kind, Mail, Outcome, Receipt, Sender};
use rohrpost_server::submit::{Accepted, Refused, Submission};
use rohrpost_tls::crypto;

use super::{
    host::{Host, HostError},
    journal::{Fate, Word},
    limits,
};
use crate::exit::Exit;

/// How the report calls the server of this host.
const LOCAL: &str = "local";

/// Who takes the mails.
#[derive(Debug)]
pub(crate) enum Way {
    /// Servers.
    Servers(Sender),
    /// The server on this host. It knows a mail again by the merge and the row.
    Local(Host),
}

/// What came of handing a mail over.
#[derive(Debug)]
pub(super) enum Passage {
    /// Each recipient has a fate.
    Settled { server: String, seal: Option<Seal>, fates: Vec<Fate> },
    /// Nobody was there to take it, or to take anything from us: so it will be for the next row.
    Stopped(Stop),
    /// The same, and it may have been taken before. Who took it will know it again.
    Silent(Stop),
}

/// Why no further row is sent.
#[derive(Debug)]
pub(super) struct Stop {
    /// Of `sysexits.h`.
    pub(super) code: u8,
    /// What happened.
    pub(super) why: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Way {
    /// Whether what is handed over twice arrives once.
    pub(super) fn is_local(&self) -> bool {
        matches!(self, Self::Local(_))
    }

    /// How many rows go at once where nobody says otherwise.
    pub(super) fn connections(&self) -> u16 {
        if self.is_local() { limits::CONNECTIONS_LOCAL } else { limits::CONNECTIONS }
    }

    /// Hands over the mail of a row of the merge with this id.
    pub(super) async fn carry(&self, merge: &str, row: u64, mail: &Mail) -> Passage {
        match self {
            Self::Servers(sender) => match sender.send(mail).await {
                Ok(receipt) => received(&receipt),
                Err(error) => failed(mail, &error),
            },
            Self::Local(host) => {
                let submission =
                    Submission { id: submission_id(merge, row), options: mail.into(), environment: Vec::new() };
                answered(mail, host.submit(&submission, mail).await)
            }
        }
    }

    /// Says goodbye.
    pub(super) async fn close(&self) {
        if let Self::Servers(sender) = self {
            sender.close().await;
        }
    }
}

/// The id of a row: half of it names the merge, and half counts, so that the server's entries for neighbours lie side by side
/// and share pages of its database.
fn submission_id(merge: &str, row: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&crypto::sha256(merge.as_bytes())[..8]);
    id[8..].copy_from_slice(&row.to_be_bytes());
    id
}

fn received(receipt: &Receipt) -> Passage {
    let fates = receipt.recipients.iter().map(|(to, outcome)| fate(to, outcome)).collect();
    Passage::Settled { server: receipt.server.clone(), seal: receipt.seal, fates }
}

/// A refusal that is about this mail settles its row. One that is about us, or silence, will meet the next row as well.
fn failed(mail: &Mail, error: &Error) -> Passage {
    let of_mail = [Kind::AfterDot, Kind::Recipient, Kind::Data, Kind::Capability, Kind::Build];
    if !of_mail.contains(&error.kind()) {
        return Passage::Stopped(Stop { code: error.sysexit(), why: error.to_string(), hint: error.hint() });
    }
    let server = error.attempts().last().map(|attempt| attempt.server().to_owned()).unwrap_or_default();
    let fates = if error.recipients().is_empty() {
        let word = match error.kind() {
            Kind::AfterDot => Word::Unknown,
            _ if error.is_temporary() => Word::Deferred,
            _ => Word::Refused,
        };
        all(mail, word, Some(&error.to_string()))
    } else {
        error.recipients().iter().map(|(to, outcome)| fate(to, outcome)).collect()
    };
    Passage::Settled { server, seal: None, fates }
}

fn fate(to: &impl ToString, outcome: &Outcome) -> Fate {
    let word = match outcome {
        Outcome::Delivered(_) => Word::Delivered,
        Outcome::Queued => Word::Queued,
        Outcome::Deferred(_) | Outcome::NotSent { temporary: true, .. } => Word::Deferred,
        Outcome::Refused(_) | Outcome::NotSent { .. } => Word::Refused,
        Outcome::Unknown => Word::Unknown,
    };
    let reply = match outcome {
        Outcome::NotSent { reason, .. } => Some(reason.clone()),
        outcome => outcome.reply().map(ToString::to_string),
    };
    Fate { recipient: to.to_string(), outcome: word, reply }
}

/// The same fate for all recipients of a mail.
fn all(mail: &Mail, outcome: Word, reply: Option<&str>) -> Vec<Fate> {
    let fate = |to: String| Fate { recipient: to, outcome, reply: reply.map(str::to_owned) };
    mail.recipients().iter().map(|to| fate(to.address.to_string())).collect()
}

fn answered(mail: &Mail, answer: Result<Accepted, HostError>) -> Passage {
    let settled = |fates| Passage::Settled { server: LOCAL.to_owned(), seal: None, fates };
    let stop = |code: u8, why: String, hint: Option<&str>| Stop { code, why, hint: hint.map(str::to_owned) };
    match answer {
        Ok(accepted) => settled(queued(mail, &accepted)),
        Err(HostError::Refused(refused)) if refused.is_temporary() => {
            Passage::Stopped(stop(refused.sysexit, refused.text, None))
        }
        Err(HostError::Refused(Refused { text, .. })) => settled(all(mail, Word::Refused, Some(&text))),
        Err(HostError::Unreadable(error)) => Passage::Stopped(stop(Exit::Io as u8, error.to_string(), None)),
        Err(HostError::Absent(error)) => {
            let hint = "Start it with `rohrpost serve`, or name another with --server in the place of --local.";
            let why = format!("the server of this host does not answer: {error}");
            Passage::Stopped(stop(Exit::TempFail as u8, why, Some(hint)))
        }
        Err(HostError::Silent(error)) => {
            let hint = "The same command goes on, and the server will know what it has had already.";
            let why = format!("the server of this host fell silent: {error}");
            Passage::Silent(stop(Exit::TempFail as u8, why, Some(hint)))
        }
    }
}

/// All but those whom the server refused, who are told of it by mail to the sender too.
fn queued(mail: &Mail, accepted: &Accepted) -> Vec<Fate> {
    let mut fates = all(mail, Word::Queued, None);
    for refused in &accepted.refused {
        for fate in fates.iter_mut().filter(|fate| fate.recipient == refused.address) {
            fate.outcome = Word::Refused;
            fate.reply = Some(refused.text.clone());
        }
    }
    fates
}
