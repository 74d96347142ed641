//! What a client can say: the commands of RFC 9051 §6 and of the extensions, as values.
//!
//! Each command is a variant of [`Body`], each word of the grammar a type. A value that was parsed is valid: its atoms
//! are atoms, its dates are days, its numbers are in their ranges. Whether a command may come now, and whether what it
//! names exists, is the session's business.
//!
//! [`crate::parse`] makes these values, and [`Command::print`] writes them as a client does.

mod append;
mod fetch;
mod flag;
mod list;
mod print;
mod search;
mod select;
mod word;

pub use append::AppendMessage;
pub use fetch::{Fetch, FetchItem, Part, Partial, Section, SectionText};
pub use flag::{Flag, Keyword, Store, StoreAction, SystemFlag};
pub use list::{List, ListReturn, ListSelection, SpecialUse, Status, StatusItem};
pub use search::{
    Charset, ModSeqSearch, Search, SearchKey, SearchReturn, Sort, SortCriterion, SortKey, Thread, ThreadAlgorithm,
};
pub use select::{QResync, Select};
pub use word::{Atom, FieldName, Messages, ObjectId, Tag};

pub(crate) use word::{is_astring_octet, is_atom_octet, is_tag_octet};

use rohrpost_mail::Secret;

use crate::mailbox_name::{ListPattern, MailboxName};

/// A tagged command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Command {
    /// What its answer begins with.
    pub tag: Tag,
    /// What is asked for.
    pub body: Body,
}

/// A command without its tag. `uid` says whether it came as `UID …` (RFC 9051 §6.4.9): its numbers are UIDs then, and so
/// are those of its answer.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Body {
    /// CAPABILITY (RFC 9051 §6.1.1)
    Capability,
    /// NOOP (§6.1.2)
    Noop,
    /// LOGOUT (§6.1.3)
    Logout,
    /// ID (RFC 2971): names and values the client tells of itself, in its order; none where it says NIL.
    Id(Vec<(String, Option<String>)>),
    /// STARTTLS (RFC 9051 §6.2.1)
    StartTls,
    /// AUTHENTICATE (§6.2.2)
    Authenticate {
        /// The name of the mechanism, whether there is one of that name or not.
        mechanism: Atom,
        /// The initial response (RFC 4959), still in base64; `=` is an empty one.
        initial: Option<Secret>,
    },
    /// LOGIN (§6.2.3)
    Login {
        /// The name of the account.
        user: String,
        /// Its password.
        password: Secret,
    },
    /// ENABLE (RFC 5161, RFC 9051 §6.3.1), also with names that nobody knows.
    Enable(Vec<Atom>),
    /// SELECT (§6.3.2)
    Select(Select),
    /// EXAMINE (§6.3.3)
    Examine(Select),
    /// CREATE (§6.3.4)
    Create {
        /// The new mailbox. A `/` at its end is gone: it says that children will follow, which any mailbox may have.
        mailbox: MailboxName,
        /// USE (RFC 6154 §3); empty without.
        special_use: Vec<SpecialUse>,
    },
    /// DELETE (RFC 9051 §6.3.5)
    Delete(MailboxName),
    /// RENAME (§6.3.6)
    Rename {
        /// The name that is.
        from: MailboxName,
        /// The name that shall be.
        to: MailboxName,
    },
    /// SUBSCRIBE (§6.3.7)
    Subscribe(MailboxName),
    /// UNSUBSCRIBE (§6.3.8)
    Unsubscribe(MailboxName),
    /// LIST (§6.3.9)
    List(List),
    /// LSUB (RFC 3501 §6.3.9): the reference is put in front of the pattern already.
    Lsub(ListPattern),
    /// NAMESPACE (§6.3.10)
    Namespace,
    /// STATUS (§6.3.11)
    Status(Status),
    /// APPEND (§6.3.12) up to its first message. What follows comes from [`crate::reader`] piece by piece.
    Append {
        /// Where the messages go.
        mailbox: MailboxName,
        /// What is said of the first message.
        message: AppendMessage,
    },
    /// IDLE (§6.3.13). [`crate::reader`] tells when DONE came.
    Idle,
    /// GETQUOTA (RFC 9208 §4.1.1) of a quota root.
    GetQuota(String),
    /// GETQUOTAROOT (RFC 9208 §4.1.2)
    GetQuotaRoot(MailboxName),
    /// SETQUOTA (RFC 9208 §4.1.3): a quota root, and new limits of its resources.
    SetQuota {
        /// The quota root.
        root: String,
        /// Names of resources and their limits.
        limits: Vec<(Atom, u64)>,
    },
    /// CHECK (RFC 3501 §6.4.1)
    Check,
    /// CLOSE (RFC 9051 §6.4.1)
    Close,
    /// UNSELECT (§6.4.2)
    Unselect,
    /// EXPUNGE (§6.4.3)
    Expunge,
    /// UID EXPUNGE (§6.4.9)
    UidExpunge(Messages),
    /// SEARCH (§6.4.4)
    Search(Search),
    /// FETCH (§6.4.5)
    Fetch(Fetch),
    /// STORE (§6.4.6)
    Store(Store),
    /// COPY (§6.4.7)
    Copy {
        /// Whether the numbers are UIDs.
        uid: bool,
        /// Which messages.
        messages: Messages,
        /// Where to.
        mailbox: MailboxName,
    },
    /// MOVE (§6.4.8)
    Move {
        /// Whether the numbers are UIDs.
        uid: bool,
        /// Which messages.
        messages: Messages,
        /// Where to.
        mailbox: MailboxName,
    },
    /// SORT (RFC 5256 §3)
    Sort(Sort),
    /// THREAD (RFC 5256 §3)
    Thread(Thread),
}
