//! Every answer there is, a refusal among them.

use rohrpost_store::{Class, mailbox::MailboxError};
use serde::{Deserialize, Serialize};

use super::{
    AccountRow, Added, AliasRow, Checked, DomainRow, MailOut, MailRow, MailboxRow, Mark, Piece, QueueMessage, QueueRow,
    QuotaRow, Renamed, RouteRow, Shape, Trace,
};

use crate::wiring::Offer;

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
    /// What went along with a domain.
    Renamed(Renamed),
    /// Ways out.
    Routes(Vec<RouteRow>),
    /// A page of a mailbox.
    Mailbox(Vec<MailRow>),
    /// The mailboxes of an account.
    Mailboxes(Vec<MailboxRow>),
    /// The number under which pieces of a message are kept.
    Uploaded(u64),
    /// Where messages were filed.
    Added(Added),
    /// What the messages of a mailbox are known by.
    Marks(Vec<Mark>),
    /// Messages of a mailbox.
    Mails(Vec<MailOut>),
    /// How much room accounts take.
    Quotas(Vec<QuotaRow>),
    /// What mail programs can use here.
    Offer(Offer),
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

impl From<MailboxError> for Refusal {
    fn from(error: MailboxError) -> Self {
        let kind = match error {
            MailboxError::Store(error) => return error.into(),
            MailboxError::Missing => RefusalKind::Missing,
            MailboxError::OverQuota => RefusalKind::Later,
            _ => RefusalKind::Wrong,
        };
        Self::new(kind, error.to_string())
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
