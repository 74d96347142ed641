//! What a program asks for, and what it is told.

use rohrpost_mail::{Envelope, Notify, Orcpt, QueueId};
use serde::{Deserialize, Serialize};

/// What a program wants to be done with its message.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// The envelope but for its recipients.
    pub envelope: Envelope,
    /// Who gets it. On the submit socket they come after the rest, for they may be many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<To>,
    /// When it is sent.
    #[serde(default)]
    pub mode: Mode,
}

/// One recipient as a program names it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct To {
    /// `ann@b.example`, or a name of this host such as `root`.
    pub address: String,
    /// Which reports are wanted (RFC 3461 §4.1).
    #[serde(default)]
    pub notify: Notify,
    /// The original recipient (RFC 3461 §4.2), where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<Orcpt>,
}

impl To {
    /// A recipient for whom nothing special is asked.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), notify: Notify::default(), orcpt: None }
    }
}

/// When a message is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// As soon as it is stored.
    #[default]
    Background,
    /// At the next run of the queue: after its first interval, or when an operator asks for it.
    Queue,
    /// As soon as it is stored, and the program waits for what comes of the first attempt.
    Interactive,
}

/// A message was taken, for one recipient at least.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Accepted {
    /// Its names in the queue.
    pub ids: Vec<QueueId>,
    /// Who does not get it; its sender is told by mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedRecipient>,
}

/// A recipient who does not get the message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RefusedRecipient {
    /// Who, as the program named them.
    pub address: String,
    /// What `sysexits.h` calls the reason.
    pub sysexit: u8,
    /// The reason.
    pub text: String,
}

/// What came of the first attempt to deliver a message that was taken.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Tried {
    /// Somebody has it, or waits for another attempt.
    pub is_under_way: bool,
    /// Who does not get it; its sender is told by mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<RefusedRecipient>,
}

/// A message was not taken, for nobody. This is final: a program that was told so keeps its message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// What `sysexits.h` calls the reason.
    pub sysexit: u8,
    /// The reason.
    pub text: String,
}

impl Refused {
    /// Whether the same message may be taken later: the store is full or down, or somebody could not be asked.
    pub fn is_temporary(&self) -> bool {
        const EX_SOFTWARE: u8 = 70;
        const EX_CANTCREAT: u8 = 73;
        const EX_TEMPFAIL: u8 = 75;
        matches!(self.sysexit, EX_SOFTWARE | EX_CANTCREAT | EX_TEMPFAIL)
    }
}
