//! What commands ask of a server, and what it answers: one JSON value each way through `control.sock`.
//!
//! The framing, the socket and its permissions are `rohrpost_server`'s. The requests are answered by
//! [`crate::operator::Operator`], in the server or, where none runs, in the command itself: see [`crate::door`].

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Domain, Mailbox, QueueId, ReversePath, Secret};
use rohrpost_store::{Class, Filter, State};
use serde::{Deserialize, Serialize};

/// Rows of one answer, so that a frame stays small however long the queue is.
pub(crate) const PAGE_ROWS: usize = 1_000;

/// Octets of a message in one answer, before base64.
pub(crate) const PIECE_BYTES: usize = 512 << 10;

/// What a command asks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(crate) enum Request {
    /// One page of the queue.
    QueueList {
        /// Which recipients.
        filter: Filter,
        /// Those after this one.
        after: Option<(QueueId, u32)>,
        /// How many, at most [`PAGE_ROWS`].
        limit: usize,
    },
    /// One message with its recipients.
    QueueShow {
        /// Which.
        id: QueueId,
    },
    /// A verb for some recipients.
    QueueApply {
        /// Which recipients.
        filter: Filter,
        /// The verb.
        verb: VerbWord,
        /// Only count them.
        count_only: bool,
    },
    /// Age by destination.
    QueueShape,
    /// Every hop of some messages.
    Trace {
        /// Queue id, Message-ID or address.
        query: String,
        /// How many messages.
        limit: usize,
    },
    /// A piece of a message.
    Body {
        /// Which message.
        of: BodyOf,
        /// Octets to leave out.
        from: u64,
    },
    /// A new account.
    AccountAdd {
        /// The account.
        account: NewAccount,
        /// Its first password.
        password: Password,
    },
    /// All accounts.
    AccountList,
    /// Removes an account.
    AccountRemove {
        /// Its name.
        name: Mailbox,
    },
    /// Sets the password with this label.
    AccountPassword {
        /// The account.
        name: Mailbox,
        /// The device it is for.
        label: String,
        /// The password.
        password: Password,
    },
    /// Forgets failed log-ins.
    AccountUnlock {
        /// The account.
        name: Mailbox,
    },
    /// Sets an alias.
    AliasSet {
        /// The address, or `@domain`.
        name: String,
        /// Where its mail goes.
        targets: Vec<Mailbox>,
    },
    /// All aliases.
    AliasList,
    /// Removes an alias.
    AliasRemove {
        /// The address, or `@domain`.
        name: String,
    },
    /// Adds a local domain.
    DomainAdd {
        /// The domain.
        name: Domain,
    },
    /// All local domains.
    DomainList,
    /// Removes a local domain.
    DomainRemove {
        /// The domain.
        name: Domain,
    },
    /// One page of a mailbox.
    MailboxList {
        /// The account.
        account: Mailbox,
        /// The folder.
        folder: String,
        /// Messages after this number.
        after: i64,
    },
    /// Checks the store.
    StoreCheck,
}

impl Request {
    /// Whether it changes anything, rather than only looks.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::QueueList { .. }
                | Self::QueueShow { .. }
                | Self::QueueApply { count_only: true, .. }
                | Self::QueueShape
                | Self::Trace { .. }
                | Self::Body { .. }
                | Self::AccountList
                | Self::AliasList
                | Self::DomainList
                | Self::MailboxList { .. }
                | Self::StoreCheck
        )
    }
}

/// What a server answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "answer", content = "data")]
pub(crate) enum Answer {
    /// It is done.
    Done,
    /// So many recipients.
    Count(u64),
    /// A page of the queue.
    Queue(Vec<QueueRow>),
    /// A message.
    Message(Box<QueueMessage>),
    /// The shape of the queue.
    Shape(Vec<Shape>),
    /// Hops of messages.
    Traces(Vec<Trace>),
    /// A piece of a message.
    Piece(Piece),
    /// Accounts.
    Accounts(Vec<AccountRow>),
    /// Aliases.
    Aliases(Vec<AliasRow>),
    /// Domains.
    Domains(Vec<DomainRow>),
    /// A page of a mailbox.
    Mailbox(Vec<MailRow>),
    /// What the check of the store found.
    Checked(Checked),
    /// It cannot be done.
    Refused(Refusal),
}

/// Why something cannot be done.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Refusal {
    /// Whose fault it is.
    pub(crate) kind: RefusalKind,
    /// In words.
    pub(crate) message: String,
}

/// Whose fault a refusal is; decides the exit code.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RefusalKind {
    /// There is no such thing.
    Missing,
    /// What was given is wrong.
    Wrong,
    /// Later it may work.
    Later,
    /// Our fault.
    Ours,
}

impl Refusal {
    /// A refusal of this kind.
    pub(crate) fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// There is no such thing.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(RefusalKind::Missing, message)
    }
}

impl From<rohrpost_store::StoreError> for Refusal {
    fn from(error: rohrpost_store::StoreError) -> Self {
        let kind = match error.class() {
            Class::Temporary => RefusalKind::Later,
            Class::Permanent => RefusalKind::Wrong,
            Class::Ours => RefusalKind::Ours,
        };
        Self::new(kind, error.to_string())
    }
}

/// Verbs of the queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VerbWord {
    /// Keep back.
    Hold,
    /// Let go.
    Release,
    /// Try now.
    Retry,
    /// Another way.
    Route(String),
    /// Take out without a notice.
    Drop,
    /// Return to the sender.
    Bounce,
}

/// A recipient in the queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct QueueRow {
    /// The message.
    pub(crate) id: QueueId,
    /// Number of the recipient in it.
    pub(crate) n: u32,
    /// Who sent it.
    pub(crate) sender: ReversePath,
    /// Who gets it.
    pub(crate) recipient: Mailbox,
    /// `mx`, `local` or the name of a route.
    pub(crate) route: String,
    /// Waiting or held.
    pub(crate) state: State,
    /// Whether the server lets nothing out to where it goes, whatever its state: `rohrpost demo --hold`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) kept_in: bool,
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// When it came in.
    pub(crate) created: Timestamp,
    /// When it is tried next.
    pub(crate) due: Timestamp,
    /// When it goes back.
    pub(crate) expires: Timestamp,
    /// Octets of the message.
    pub(crate) octets: u64,
    /// What came of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// A message in the queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct QueueMessage {
    /// Its id.
    pub(crate) id: QueueId,
    /// Who sent it.
    pub(crate) sender: ReversePath,
    /// The account that submitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Its Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// When it came in.
    pub(crate) created: Timestamp,
    /// When it goes back.
    pub(crate) expires: Timestamp,
    /// Octets.
    pub(crate) octets: u64,
    /// Recipients that still wait.
    pub(crate) recipients: Vec<QueueRow>,
}

/// What waits for one site.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// The route.
    pub(crate) route: String,
    /// The destination.
    pub(crate) site: String,
    /// Recipients by age; the bounds are [`rohrpost_store::ShapeRow::AGES`].
    pub(crate) ages: Vec<u64>,
    /// How many are held.
    pub(crate) held: u64,
}

/// Every hop of one message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Trace {
    /// Its id.
    pub(crate) id: QueueId,
    /// Who sent it; none when only its records are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<ReversePath>,
    /// Its Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The hops, the oldest first.
    pub(crate) records: Vec<DeliveryRecord>,
    /// Who still waits.
    pub(crate) waiting: Vec<QueueRow>,
}

/// Where a message is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyOf {
    /// In the queue.
    Queued(QueueId),
    /// In a mailbox.
    Filed {
        /// The account.
        account: Mailbox,
        /// The folder.
        folder: String,
        /// Its queue id when it came in.
        id: QueueId,
    },
}

/// A piece of a message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Piece {
    /// Octets of the whole message.
    pub(crate) octets: u64,
    /// The piece, base64.
    #[serde(with = "base64_text")]
    pub(crate) bytes: Vec<u8>,
}

mod base64_text {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// An account to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct NewAccount {
    /// Its name and first address.
    pub(crate) name: Mailbox,
    /// More addresses.
    pub(crate) addresses: Vec<Mailbox>,
    /// `person`, `service` or `bulk`.
    pub(crate) class: String,
    /// `en` or `de`.
    pub(crate) language: String,
}

/// A password on its way to the one who keeps it, through a socket that only its owner can open.
#[derive(Clone, Debug)]
pub(crate) struct Password(pub(crate) Secret);

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Secret::deserialize(deserializer).map(Self)
    }
}

/// An account as it is shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AccountRow {
    /// Its name.
    pub(crate) name: String,
    /// Its addresses.
    pub(crate) addresses: Vec<Mailbox>,
    /// `person`, `service` or `bulk`.
    pub(crate) class: String,
    /// `en` or `de`.
    pub(crate) language: String,
    /// Labels of its passwords.
    pub(crate) passwords: Vec<String>,
    /// Whether it may not log in.
    pub(crate) disabled: bool,
}

/// An alias.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AliasRow {
    /// The address, or `@domain`.
    pub(crate) name: String,
    /// Where its mail goes.
    pub(crate) targets: Vec<Mailbox>,
}

/// A local domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct DomainRow {
    /// The domain.
    pub(crate) name: String,
    /// Whether the configuration names it, rather than the store.
    pub(crate) configured: bool,
}

/// A message in a mailbox.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct MailRow {
    /// Its place in the folder: grows with each message that is filed.
    pub(crate) number: i64,
    /// Its queue id when it came in.
    pub(crate) id: QueueId,
    /// When it was filed.
    pub(crate) at: Timestamp,
    /// Its From field.
    pub(crate) from: String,
    /// Its Subject field.
    pub(crate) subject: String,
    /// Octets.
    pub(crate) octets: u64,
}

/// What the check of the store found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Checked {
    /// Messages looked at.
    pub(crate) messages: u64,
    /// Bodies looked at.
    pub(crate) bodies: u64,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
}

#[cfg(test)]
mod tests;
