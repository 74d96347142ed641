//! Who takes the mails: servers, as the library speaks to them, or the queue of the server on this host.

use std::path::PathBuf;

use rohrpost_mail::Seal;
use rohrpost_sender::{Error, Kind, Mail, Outcome, Receipt, Sender};
use rohrpost_server::submit::{self, Accepted, Options, Refused, Submission, SubmitAnswer, To};
use rohrpost_tls::crypto;

use super::journal::{Fate, Word};
use crate::exit::Exit;

/// How the report calls the server of this host.
const LOCAL: &str = "local";

/// Who takes the mails.
#[derive(Debug)]
pub(crate) enum Way {
    /// Servers.
    Servers(Sender),
    /// The socket of the server on this host. It knows a mail again by the merge and the row.
    Local(PathBuf),
}

/// What came of handing a mail over.
#[derive(Debug)]
pub(super) enum Passage {
    /// Each recipient has a fate.
    Settled { server: String, seal: Option<Seal>, fates: Vec<Fate> },
    /// Nobody was there to take it, or to take anything from us: so it will be for the next row.
    Stopped(Stop),
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

    /// Hands over the mail of a row of the merge with this id.
    pub(super) async fn carry(&self, merge: &str, row: u64, mail: Mail) -> Passage {
        match self {
            Self::Servers(sender) => match sender.send(&mail).await {
                Ok(receipt) => received(&receipt),
                Err(error) => failed(&mail, &error),
            },
            Self::Local(socket) => {
                let id = crypto::sha256(format!("{merge} {row}").as_bytes());
                let submission = Submission {
                    id: std::array::from_fn(|at| id[at]),
                    options: options(&mail),
                    environment: Vec::new(),
                };
                let (socket, copy) = (socket.clone(), mail.clone());
                let handed = tokio::task::spawn_blocking(move || submit::submit(&socket, &submission, copy.reader()));
                answered(&mail, handed.await.expect("handing over does not panic"))
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
        Outcome::Deferred(_) => Word::Deferred,
        Outcome::NotSent { temporary: true, .. } => Word::Deferred,
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

fn options(mail: &Mail) -> Options {
    let to = |to: &rohrpost_mail::Recipient| To {
        address: to.address.to_string(),
        notify: to.notify,
        orcpt: to.orcpt.clone(),
    };
    Options {
        envelope: mail.envelope().clone(),
        recipients: mail.recipients().iter().map(to).collect(),
        mode: submit::Mode::Background,
    }
}

fn answered(mail: &Mail, answer: SubmitAnswer) -> Passage {
    let settled = |fates| Passage::Settled { server: LOCAL.to_owned(), seal: None, fates };
    match answer {
        SubmitAnswer::Accepted(accepted) => settled(queued(mail, &accepted)),
        SubmitAnswer::Refused(refused) if refused.is_temporary() => stopped(refused.sysexit, &refused),
        SubmitAnswer::Refused(Refused { text, .. }) => settled(all(mail, Word::Refused, Some(&text))),
        SubmitAnswer::Unreadable(error) => stopped(Exit::Io as u8, &error),
        SubmitAnswer::Unreachable(error) => {
            let why = format!("the server of this host does not answer: {error}");
            let hint = Some(
                "Start it with `rohrpost serve`, or name another with --server in the place of --local.".to_owned(),
            );
            Passage::Stopped(Stop { code: Exit::TempFail as u8, why, hint })
        }
    }
}

fn stopped(code: u8, why: &impl ToString) -> Passage {
    Passage::Stopped(Stop { code, why: why.to_string(), hint: None })
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
