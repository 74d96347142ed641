//! What became of a message.

use std::{fmt, path::PathBuf};

use rohrpost_client::{Failure, Mechanism};
use rohrpost_mail::{Class, Link, Mailbox, QueueId, Reply, Seal, TlsInfo};
use serde::{Serialize, Serializer};

use crate::mail::Mail;

/// What became of a message that at least one recipient's server took. Serialised, it is the JSON of `rohrpost send --json`.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The message's Message-ID, without angle brackets.
    pub id: String,
    /// The server that took it, as `host:port`. Where several took it for different recipients, the first of them; the
    /// others are in the notes.
    pub server: String,
    /// How well the way there was sealed; nothing on this very host.
    pub seal: Option<Seal>,
    /// The TLS connection, with the verdict on the server's certificate and its reason; nothing in clear text.
    pub tls: Option<TlsInfo>,
    /// How we logged in, if we did.
    #[serde(serialize_with = "as_text")]
    pub auth: Option<Mechanism>,
    /// The message waits in a queue of ours.
    pub queued: bool,
    /// Each recipient with the outcome, in the order of the message.
    #[serde(serialize_with = "by_name")]
    pub recipients: Vec<(Mailbox, Outcome)>,
    /// What else is worth knowing. Nothing of it is an error.
    pub notes: Vec<Note>,
    /// The dialogues with all servers that were asked, each under a line with its name; without secrets and message texts.
    /// Of more than [`DIALOGUES_MAX`](crate::limits::DIALOGUES_MAX) the last.
    #[serde(skip)]
    pub transcript: String,
}

impl Receipt {
    /// A message that waits, for everybody.
    pub(crate) fn queued(mail: &Mail, server: String) -> Self {
        Self {
            id: mail.message_id().to_owned(),
            server,
            seal: None,
            tls: None,
            auth: None,
            queued: true,
            recipients: mail.recipients().iter().map(|to| (to.address.clone(), Outcome::Queued)).collect(),
            notes: Vec::new(),
            transcript: String::new(),
        }
    }

    /// Whether everybody got it, or will.
    pub fn is_complete(&self) -> bool {
        self.recipients.iter().all(|(_, outcome)| outcome.is_good())
    }
}

/// What became of one recipient. Serialised: the word, and the reply or the reason where there is one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The server took it: the reply to the whole message.
    Delivered(Reply),
    /// A queue of ours took it.
    Queued,
    /// A server said: not now.
    Deferred(Reply),
    /// A server said: not at all.
    Refused(Reply),
    /// It was not sent, and no server said a word about this recipient: none was reached, the connection broke, or the
    /// server lacks what the message needs.
    NotSent {
        /// Why.
        reason: String,
        /// Whether trying the same again later may work.
        temporary: bool,
    },
    /// The connection was lost behind the final dot. Nobody knows whether the server has it; sending it again may make it
    /// arrive twice.
    Unknown,
}

impl Outcome {
    /// Delivered or queued.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Delivered(_) | Self::Queued)
    }

    /// The reply, if there is one.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Delivered(reply) | Self::Deferred(reply) | Self::Refused(reply) => Some(reply),
            Self::Queued | Self::NotSent { .. } | Self::Unknown => None,
        }
    }

    /// The word, as JSON has it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered(_) => "delivered",
            Self::Queued => "queued",
            Self::Deferred(_) => "deferred",
            Self::Refused(_) => "refused",
            Self::NotSent { .. } => "not-sent",
            Self::Unknown => "unknown",
        }
    }

    pub(crate) fn of(outcome: &rohrpost_client::Outcome) -> Self {
        match outcome {
            Ok(reply) => Self::Delivered(reply.clone()),
            Err(Failure { possible_duplicate: true, .. }) => Self::Unknown,
            Err(failure) => match failure.reply() {
                Some(reply) if failure.class == Class::Permanent => Self::Refused(reply.clone()),
                Some(reply) => Self::Deferred(reply.clone()),
                None => Self::NotSent { reason: failure.to_string(), temporary: failure.class != Class::Permanent },
            },
        }
    }
}

/// The word, and the reply or the reason.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Delivered(reply) | Self::Deferred(reply) | Self::Refused(reply) => {
                write!(f, "{}: {reply}", self.as_str())
            }
            Self::Queued => f.write_str("queued"),
            Self::NotSent { reason, .. } => write!(f, "not sent: {reason}"),
            Self::Unknown => f.write_str("unknown: no reply to the message; it may have arrived"),
        }
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (reason, temporary) = match self {
            Self::NotSent { reason, temporary } => (Some(&**reason), Some(*temporary)),
            _ => (None, None),
        };
        Told { outcome: self.as_str(), reply: self.reply(), reason, temporary }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct Told<'a> {
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply: Option<&'a Reply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary: Option<bool>,
}

/// Something worth knowing that is no error. Serialised as the sentence that it prints.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Note {
    /// A server took nothing, and the next one was asked.
    PassedOver {
        /// Which, as `host:port`.
        server: String,
        /// Why.
        reason: String,
    },
    /// A server took the message for some recipients only, and the next one was asked for the others.
    Partly {
        /// Which, as `host:port`.
        server: String,
        /// Why.
        reason: String,
    },
    /// These recipients' message went through another server than the receipt names.
    Through {
        /// Which, as `host:port`.
        server: String,
        /// Whose.
        recipients: Vec<Mailbox>,
    },
    /// The port speaks the other form of TLS than its number or the setting says.
    OtherForm {
        /// Which, as `host:port`.
        server: String,
        /// What it speaks: `STARTTLS`, or `TLS from the first octet`.
        speaks: &'static str,
    },
    /// The message went in clear text.
    Clear {
        /// Why.
        reason: String,
    },
    /// The server's certificate was not verified. Nobody said whom to trust, and on this very host any certificate will do.
    Lenient {
        /// Which, as `host:port`.
        server: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// A server was met for the first time, and its key is known from now on.
    FirstUse {
        /// Which, as `host:port`.
        server: String,
        /// SHA-256 of its public key, lower-case hex.
        key: String,
        /// Where that is kept.
        file: PathBuf,
    },
    /// The message waits in the queue of this host's server.
    Waits {
        /// Under this name.
        id: QueueId,
    },
    /// The server of this host is down. It finds the message in its drop directory when it runs again.
    Left {
        /// Which directory.
        directory: PathBuf,
    },
    /// The message holds 8-bit text and the server did not say that it takes any. It was sent as it is.
    EightBit,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PassedOver { server, reason } => write!(f, "passed over {server}: {reason}"),
            Self::Partly { server, reason } => write!(f, "{server} took it for some only: {reason}"),
            Self::Through { server, recipients } => {
                let list = recipients.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                write!(f, "went through {server}: {list}")
            }
            Self::OtherForm { server, speaks } => write!(f, "{server} speaks {speaks}"),
            Self::Clear { reason } => write!(f, "sent in clear text: {reason}"),
            Self::Lenient { server, reason } => {
                write!(
                    f,
                    "{server} is on this host, so its certificate was taken as it is ({reason}); trust=system would insist on a good one"
                )
            }
            Self::FirstUse { server, key, file } => {
                write!(
                    f,
                    "{server} was met for the first time; its key spki-sha256:{key} is kept in {}",
                    file.display()
                )
            }
            Self::Waits { id } => write!(f, "waits in the queue of this host's server as {id}"),
            Self::Left { directory } => {
                let directory = directory.display();
                write!(f, "the server of this host is down; it finds the message in {directory} when it runs again")
            }
            Self::EightBit => f.write_str("the server does not announce 8BITMIME; the message was sent as it is"),
        }
    }
}

impl Serialize for Note {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The facts of the link as a receipt has them.
pub(crate) fn facts(link: &Link) -> (Option<Seal>, Option<TlsInfo>) {
    let tls = match link {
        Link::Tls(info) => Some(info.clone()),
        Link::Clear { .. } | Link::Local | Link::None => None,
    };
    (link.seal(), tls)
}

#[expect(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde hands fields over like this")]
fn as_text<S: Serializer>(mechanism: &Option<Mechanism>, serializer: S) -> Result<S::Ok, S::Error> {
    mechanism.map(|mechanism| mechanism.to_string()).serialize(serializer)
}

/// One object for each recipient: `{"recipient": …, "outcome": …, "reply": …}`.
fn by_name<S: Serializer>(recipients: &[(Mailbox, Outcome)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(recipients.iter().map(|(recipient, outcome)| Row { recipient, outcome }))
}

/// A recipient as receipts and errors have it.
#[derive(Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) recipient: &'a Mailbox,
    #[serde(flatten)]
    pub(crate) outcome: &'a Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_in_json_has_one_object_for_each_recipient() {
        let to = |text: &str| text.parse::<Mailbox>().unwrap();
        let receipt = Receipt {
            id: "1@here.test".into(),
            server: "mx.test:587".into(),
            seal: None,
            tls: None,
            auth: Some(Mechanism::Plain),
            queued: false,
            recipients: vec![
                (to("ann@here.test"), Outcome::Delivered(Reply::with(250, 0, 0, "taken"))),
                (to("bob@here.test"), Outcome::Unknown),
                (to("cy@here.test"), Outcome::NotSent { reason: "lost".into(), temporary: true }),
            ],
            notes: vec![Note::Clear { reason: "off".into() }],
            transcript: "C: QUIT".into(),
        };
        let expected = serde_json::json!({
            "id": "1@here.test", "server": "mx.test:587", "seal": null, "tls": null, "auth": "PLAIN", "queued": false,
            "recipients": [
                {"recipient": "ann@here.test", "outcome": "delivered",
                 "reply": {"code": 250, "enhanced": "2.0.0", "text": "taken"}},
                {"recipient": "bob@here.test", "outcome": "unknown"},
                {"recipient": "cy@here.test", "outcome": "not-sent", "reason": "lost", "temporary": true},
            ],
            "notes": ["sent in clear text: off"],
        });
        assert_eq!(serde_json::to_value(&receipt).unwrap(), expected);
        assert!(!receipt.is_complete());
    }
}
