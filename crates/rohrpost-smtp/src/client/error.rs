//! What can go wrong in a dialogue, and what it means for a recipient.

use std::time::Duration;

use rohrpost_mail::{Class, EnhancedStatus, Reply, Severity, Stage};
use rohrpost_sasl::SaslError;

use crate::reply::ReplyError;

/// An extension that was needed and is not offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Extension {
    /// RFC 3207
    Starttls,
    /// RFC 4954
    Auth,
    /// RFC 8689
    RequireTls,
}

impl std::fmt::Display for Extension {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Starttls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::RequireTls => "REQUIRETLS",
        })
    }
}

/// Why a dialogue, or one recipient in it, came to nothing. Ordered by whose fault it is.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The server said no.
    #[error("refused at {stage}: {reply}")]
    Refused {
        /// Where.
        stage: Stage,
        /// With these words.
        reply: Reply,
    },
    /// The server ended the connection with 421 (RFC 5321 §3.8).
    #[error("the server hung up at {stage}: {reply}")]
    Closing {
        /// Where.
        stage: Stage,
        /// With these words.
        reply: Reply,
    },
    /// An extension is missing without which nothing may be sent.
    #[error("the server does not offer {0}")]
    NotOffered(Extension),
    /// The message is larger than what EHLO announced (RFC 1870 §6.1).
    #[error("the server takes at most {max} octets")]
    TooLarge {
        /// Octets.
        max: u64,
    },
    /// An address needs SMTPUTF8 (RFC 6531 §3.2).
    #[error("the server takes no addresses beyond ASCII")]
    Utf8Address,
    /// The header needs SMTPUTF8 (RFC 6531 §3.2).
    #[error("the server takes no header beyond ASCII")]
    Utf8Header,
    /// Another recipient was refused, and all or nobody is to get the message.
    #[error("withheld, since another recipient was refused")]
    Withheld,
    /// The server takes fewer recipients at once than there are, and all or nobody is to get the message.
    #[error("the server takes at most {max} recipients at once")]
    TooManyRecipients {
        /// So many.
        max: usize,
    },
    /// A reply that cannot be read.
    #[error("protocol error at {stage}: {fault}")]
    Malformed {
        /// Where.
        stage: Stage,
        /// What is wrong with it.
        #[source]
        fault: ReplyError,
    },
    /// A reply that has no place where it came.
    #[error("protocol error at {stage}: unexpected reply {reply}")]
    Unexpected {
        /// Where.
        stage: Stage,
        /// The reply.
        reply: Reply,
    },
    /// Octets came in clear text behind the reply to STARTTLS (CVE-2011-0411 and its kin).
    #[error("somebody put clear text between STARTTLS and the handshake")]
    Injected,
    /// The server's side of AUTH is not base64.
    #[error("protocol error at auth: the challenge is not base64")]
    Challenge,
    /// The mechanism of AUTH found fault with the server.
    #[error("log-in stopped: {0}")]
    Sasl(SaslError),
    /// The connection ended.
    #[error("the connection was lost at {stage}")]
    Lost {
        /// Where.
        stage: Stage,
    },
    /// No progress for too long.
    #[error("no progress at {stage} for {} s", limit.as_secs())]
    TimedOut {
        /// Where.
        stage: Stage,
        /// How long was waited.
        limit: Duration,
    },
    /// The body could not be read to its end on our side; nothing was sent.
    #[error("the message could not be read to its end")]
    BodyUnreadable,
}

impl SessionError {
    /// What a reply means that is not the one hoped for: a goodbye, a refusal, or nothing that belongs here.
    pub(super) fn from_reply(stage: Stage, reply: Reply) -> Self {
        match reply.severity() {
            _ if reply.code == 421 => Self::Closing { stage, reply },
            Severity::Temporary | Severity::Permanent => Self::Refused { stage, reply },
            Severity::Positive | Severity::Intermediate => Self::Unexpected { stage, reply },
        }
    }

    /// Whether another attempt makes sense, going by the dialogue alone. A queue is milder with its own relays.
    pub fn class(&self) -> Class {
        match self {
            // A server that offers STARTTLS and cannot do it is broken, not unwilling.
            Self::Refused { stage: Stage::Starttls, .. } => Class::Temporary,
            Self::Refused { reply, .. } if reply.is_permanent() => Class::Permanent,
            Self::TooLarge { .. } | Self::Utf8Address | Self::Utf8Header | Self::NotOffered(Extension::RequireTls) => {
                Class::Permanent
            }
            Self::BodyUnreadable => Class::Ours,
            Self::Sasl(error) if error.class() == Class::Ours => Class::Ours,
            _ => Class::Temporary,
        }
    }

    /// Where the dialogue stood.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Refused { stage, .. }
            | Self::Closing { stage, .. }
            | Self::Unexpected { stage, .. }
            | Self::Malformed { stage, .. }
            | Self::Lost { stage }
            | Self::TimedOut { stage, .. } => *stage,
            Self::NotOffered(Extension::Starttls) | Self::Injected => Stage::Starttls,
            Self::NotOffered(Extension::Auth) | Self::Challenge | Self::Sasl(_) => Stage::Auth,
            Self::NotOffered(Extension::RequireTls) | Self::TooLarge { .. } | Self::Utf8Header => Stage::Mail,
            Self::Utf8Address | Self::Withheld | Self::TooManyRecipients { .. } => Stage::Rcpt,
            Self::BodyUnreadable => Stage::Data,
        }
    }

    /// What the server said, if it said anything.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Refused { reply, .. } | Self::Closing { reply, .. } | Self::Unexpected { reply, .. } => Some(reply),
            _ => None,
        }
    }

    /// The status for a bounce: the server's, or the one of RFC 3463 and its successors that fits.
    pub fn enhanced(&self) -> EnhancedStatus {
        match self {
            Self::Refused { reply, .. } | Self::Closing { reply, .. } => reply_status(reply),
            Self::NotOffered(Extension::Starttls) => EnhancedStatus(4, 7, 10),
            Self::NotOffered(Extension::Auth) => EnhancedStatus(4, 3, 5),
            Self::NotOffered(Extension::RequireTls) => EnhancedStatus(5, 7, 30),
            Self::TooLarge { .. } => EnhancedStatus(5, 3, 4),
            Self::TooManyRecipients { .. } => EnhancedStatus(4, 5, 3),
            Self::Utf8Address => EnhancedStatus(5, 6, 7),
            Self::Utf8Header => EnhancedStatus(5, 6, 9),
            Self::Malformed { .. } | Self::Unexpected { .. } | Self::Challenge | Self::Withheld => {
                EnhancedStatus(4, 5, 0)
            }
            Self::Injected | Self::Sasl(_) => EnhancedStatus(4, 7, 0),
            Self::Lost { .. } => EnhancedStatus(4, 4, 2),
            Self::TimedOut { .. } => EnhancedStatus(4, 4, 1),
            Self::BodyUnreadable => EnhancedStatus(4, 3, 0),
        }
    }
}

/// The reply's own status, or the class of its code with "other" (RFC 3463 §3.1).
fn reply_status(reply: &Reply) -> EnhancedStatus {
    reply.enhanced.unwrap_or(EnhancedStatus(if reply.is_permanent() { 5 } else { 4 }, 0, 0))
}

/// Why one recipient did not get the message.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What to do about it. Not always the class of `error`: a 552 can mean "too many recipients".
    pub class: Class,
    /// What happened.
    #[source]
    pub error: SessionError,
    /// The final dot was sent and no reply came: the server may have taken the message (RFC 1047).
    pub possible_duplicate: bool,
}

impl Failure {
    /// Whether the server refuses us rather than the recipient or the message, so that its operator, our settings or
    /// another server can help: any 5xx up to MAIL, and a 5xx to RCPT that does not speak of the address.
    pub fn is_servers_fault(&self) -> bool {
        let Some(reply) = self.reply().filter(|reply| reply.is_permanent()) else { return false };
        match self.stage() {
            Stage::Rcpt => !judges_the_address(reply),
            Stage::Data | Stage::Dot => false,
            _ => true,
        }
    }

    /// Where the dialogue stood.
    pub fn stage(&self) -> Stage {
        self.error.stage()
    }

    /// What the server said, if it said anything.
    pub fn reply(&self) -> Option<&Reply> {
        self.error.reply()
    }

    /// The status for a bounce; its class digit follows [`Failure::class`].
    pub fn enhanced(&self) -> EnhancedStatus {
        let EnhancedStatus(_, subject, detail) = self.error.enhanced();
        EnhancedStatus(if self.class == Class::Permanent { 5 } else { 4 }, subject, detail)
    }
}

/// 5.1.x, 5.2.x, or no enhanced status and no word of relaying or logging in.
fn judges_the_address(reply: &Reply) -> bool {
    if let Some(EnhancedStatus(_, subject, _)) = reply.enhanced {
        return matches!(subject, 1 | 2);
    }
    let text = reply.text.to_lowercase();
    !["relay", "authent", "log in", "login", "credential"].iter().any(|word| text.contains(word))
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        Self { class: error.class(), error, possible_duplicate: false }
    }
}

/// What became of one recipient: the reply that took the message, or why not.
pub type Outcome = Result<Reply, Failure>;
