//! Mailboxes: what IMAP and POP3 show of an account's mail.
//!
//! A mailbox has a number of its own ([`MailboxId`]), a UIDVALIDITY that no other mailbox ever had, and counters that are
//! kept with every change. Each change gives it the next MODSEQ, so that whoever knows one MODSEQ learns all that
//! happened since ([`Store::mailbox_changes`](crate::Store::mailbox_changes)); a watch ([`Selected::changes`]) says when.
//! Mail that is expunged, and mailboxes that are deleted, can be brought back for
//! [`limits::UNDELETE_DAYS`](crate::limits::UNDELETE_DAYS) days.
//!
//! Copies share their body. Nothing here knows IMAP's syntax. Why it is as it is: `docs/design/mailboxes.md`.

mod change;
pub(crate) mod damage;
mod flags;
pub(crate) mod folders;
mod fullness;
mod info;
pub(crate) mod kept;
pub(crate) mod mails;
pub(crate) mod migrate;
pub(crate) mod name;
pub(crate) mod quota;
mod read;
pub(crate) mod rows;
pub(crate) mod select;
pub(crate) mod shapes;
pub(crate) mod uids;
pub(crate) mod undelete;
pub(crate) mod work;

pub use change::{Copied, Expunged, FlagOp, FlagsStored};
pub use flags::{Flags, System};
pub use fullness::Filled;
pub use info::{Entry, MailboxId, MailboxInfo, ObjectId, SpecialUse};
pub use mails::{Appended, NewMail};
pub use name::{INBOX, SEPARATOR};
pub use quota::{Quota, SaidBy};
pub use read::{Changes, FetchPage, FetchedMail, Parts};
pub use select::Selected;

use crate::error::StoreError;

/// Why something was not done to a mailbox. Nothing was changed then.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// There is no such mailbox (any more).
    #[error("there is no such mailbox")]
    Missing,
    /// The name is taken.
    #[error("there is a mailbox of this name already")]
    Exists,
    /// `INBOX` can be neither deleted nor made.
    #[error("INBOX always exists")]
    Inbox,
    /// No mailbox can have this name, or not one so deep or long.
    #[error("no mailbox can have this name")]
    BadName,
    /// The account has as many mailboxes, the mailbox as many messages or keywords, or the request as many messages as
    /// there may be.
    #[error("that would be too many")]
    TooMany,
    /// The account's mail would take more room than it may.
    #[error("the account has no room left for it")]
    OverQuota,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
