//! The steps that a journal notes, one line of JSON each.

use rohrpost_mail::Seal;
use serde::{Deserialize, Serialize};

use crate::cli::AfterDot;

/// One step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::merge) enum Entry {
    /// A merge: its own id, and a fingerprint of rows and letter.
    Began { id: String, digest: String },
    /// Rows up to this one may be handed over from now on, to the server of this host: it knows rows again that it has had.
    /// One that was begun says that no other was.
    Ahead(UnderWay),
    /// A row is about to be handed over.
    Sending(UnderWay),
    /// What became of it.
    Done(Settled),
    /// It was not handed over: nobody took it.
    Back { row: u64 },
}

/// A row that is being handed over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::merge) struct UnderWay {
    /// Which, counted from 1.
    pub(in crate::merge) row: u64,
    /// Since when, in seconds since 1970.
    pub(in crate::merge) at: i64,
}

/// What became of a row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::merge) struct Settled {
    /// Which, counted from 1.
    pub(in crate::merge) row: u64,
    /// The line on which it begins.
    pub(in crate::merge) line: u64,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::merge) server: Option<String>,
    /// How well the way there was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::merge) seal: Option<Seal>,
    /// Each recipient's fate.
    pub(in crate::merge) recipients: Vec<Fate>,
}

/// What became of a recipient.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(in crate::merge) struct Fate {
    /// Who.
    pub(in crate::merge) recipient: String,
    /// In one word.
    pub(in crate::merge) outcome: Word,
    /// What was said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::merge) reply: Option<String>,
}

/// A fate in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::merge) enum Word {
    /// The server took it.
    Delivered,
    /// The queue of this host took it.
    Queued,
    /// It may have arrived, and counts as delivered.
    Assumed,
    /// Not now.
    Deferred,
    /// Not at all.
    Refused,
    /// It may have arrived.
    Unknown,
}

impl Word {
    /// All of them, in their order.
    pub(in crate::merge) const ALL: [Self; 6] =
        [Self::Delivered, Self::Queued, Self::Assumed, Self::Deferred, Self::Refused, Self::Unknown];

    /// As the journal and the report have it.
    pub(in crate::merge) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Queued => "queued",
            Self::Assumed => "assumed",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl Settled {
    /// Whether nobody knows of any recipient what became of the mail.
    pub(in crate::merge) fn is_unknown(&self) -> bool {
        self.recipients.iter().all(|fate| fate.outcome == Word::Unknown)
    }

    /// Whether the row may be sent once more: nobody has it, and somebody may get it later.
    pub(in crate::merge) fn may_go_again(&self, after_dot: AfterDot) -> bool {
        let is_open = |word| word == Word::Deferred || word == Word::Unknown && after_dot == AfterDot::Retry;
        let words = || self.recipients.iter().map(|fate| fate.outcome);
        words().all(|word| is_open(word) || word == Word::Refused) && words().any(is_open)
    }
}
