//! What a session asks and tells its driver, and what the answers hold.
//!
//! The session knows no store. It asks in terms of RFC 9051 – mailboxes by name or [`MailboxId`], messages by UID – and
//! takes no more input until the answer is there. Each question names the method that answers it. Where much is asked
//! for, the answer comes in pages, so that neither side ever holds a whole mailbox.

use std::ops::RangeInclusive;

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{Secret, mime::Shape};
use rohrpost_sasl::Mechanism;

use crate::{
    command::{ObjectId, SpecialUse},
    flags::Flags,
};

/// Which mailbox, as the driver's store numbers them.
pub type MailboxId = i64;

/// UIDs as a question names them: ascending, and no two ranges touch.
pub type Uids = Vec<RangeInclusive<u32>>;

/// What [`crate::session::Session::poll_event`] hands out. "Asks" means that the session takes no more input until the
/// answer is there.
#[derive(Debug)]
pub enum Event {
    /// Asks whether the password is right, and `authzid` allowed: [`crate::session::Session::answer_password`].
    Password {
        /// PLAIN or LOGIN; the command LOGIN counts as the latter.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose password it is, in the form of RFC 8265.
        user: String,
        /// The password, in the form of RFC 8265.
        password: Secret,
    },
    /// Asks for the keys of an account: [`crate::session::Session::answer_scram`]. Where `authzid` is not allowed for
    /// it, there are none.
    ScramKeys {
        /// Which of the two.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose keys are asked for, in the form of RFC 8265.
        user: String,
    },
    /// The client has logged in. Nothing to answer.
    Authenticated {
        /// Which mechanism.
        mechanism: Mechanism,
        /// Who it is.
        user: String,
        /// Whom it acts as; empty for itself.
        authzid: String,
    },
    /// A proof of SCRAM was wrong: one wrong password more for this account and peer. Nothing to answer.
    AuthFailed {
        /// Which of the two.
        mechanism: Mechanism,
        /// The account that was tried, whether it exists or not.
        user: String,
    },
    /// Once everything of [`crate::session::Session::poll_transmit`] is written: shake hands, then
    /// [`crate::session::Session::tls_started`]. Nothing that was read before may be given to TLS or to the session.
    StartTls,
    /// The client said what it is (RFC 2971): names and values, sanitised, for the log. Nothing to answer.
    ClientId(Vec<(String, String)>),
    /// Asks for all mailboxes of the account, in the order of their names:
    /// [`crate::session::Session::answer_mailboxes`].
    Mailboxes,
    /// Asks for one mailbox, for STATUS or APPENDUID: [`crate::session::Session::answer_mailbox`].
    Mailbox {
        /// Its name; `INBOX` in capitals.
        name: String,
    },
    /// Asks to change the list of mailboxes: [`crate::session::Session::answer_mailbox`], with the mailbox as it is
    /// afterwards, or before it was deleted.
    ChangeMailbox(MailboxChange),
    /// SELECT or EXAMINE asks for a mailbox and its UIDs: [`crate::session::Session::answer_select`]. From the answer
    /// on the session wants to hear of its changes: [`crate::session::Session::notify`].
    Select {
        /// Its name.
        name: String,
        /// Whether only to be looked at (EXAMINE).
        read_only: bool,
    },
    /// Asks what has happened since: [`crate::session::Session::answer_changes`].
    Changes {
        /// The selected mailbox, or the one that is being selected (QRESYNC).
        mailbox: MailboxId,
        /// Only what is newer than this.
        since: u64,
    },
    /// Asks for a page of messages: [`crate::session::Session::answer_fetch`]. FETCH, SEARCH, SORT and THREAD use it.
    Fetch {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Which messages; those that are gone meanwhile are left out.
        uids: Uids,
        /// What must be in the answer besides UID, flags and MODSEQ.
        parts: Parts,
    },
    /// Asks for octets of a message whose body was not in the page ([`Content::Elsewhere`]):
    /// [`crate::session::Session::answer_octets`].
    Octets {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Which message.
        uid: u32,
        /// The first octet that is wanted; 0 is the first of the prefix.
        from: u64,
        /// At most so many; one at least.
        octets_max: usize,
    },
    /// SEARCH asks which messages hold these texts: [`crate::session::Session::answer_text`].
    TextSearch {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Among which messages.
        uids: Uids,
        /// The texts, none twice.
        queries: Vec<TextQuery>,
    },
    /// STORE, and FETCH that makes messages seen: [`crate::session::Session::answer_store`].
    Store {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Which messages; those that are gone are passed over.
        uids: Uids,
        /// What is done with the flags.
        operation: FlagOperation,
        /// Which flags.
        flags: Flags,
        /// Messages with a higher MODSEQ stay as they are (RFC 7162 §3.1.3).
        unchanged_since: Option<u64>,
    },
    /// Asks to take messages out of the mailbox: [`crate::session::Session::answer_expunge`].
    Expunge {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Among which messages, of those with `\Deleted`; `None` among all.
        uids: Option<Uids>,
    },
    /// COPY and MOVE, all or nothing: [`crate::session::Session::answer_copy`].
    Copy {
        /// The selected mailbox.
        mailbox: MailboxId,
        /// Which messages.
        uids: Uids,
        /// The name of the other mailbox.
        target: String,
        /// Whether they go from here in the same transaction (RFC 6851).
        is_move: bool,
    },
    /// APPEND asks whether a message may come: [`crate::session::Session::answer_append`]. Each message of MULTIAPPEND
    /// asks anew, with the same mailbox.
    Append {
        /// The name of the mailbox.
        mailbox: String,
        /// Octets that the message will have.
        octets: u64,
        /// Its flags.
        flags: Flags,
        /// Its INTERNALDATE; now, where the client named none.
        at: Option<Timestamp>,
    },
    /// Octets of the message, as they came. Nothing to answer.
    AppendData(Bytes),
    /// The message is whole; another one may follow. Nothing to answer.
    AppendEnd,
    /// The command is whole: asks to file all its messages, all or nothing:
    /// [`crate::session::Session::answer_appended`].
    AppendCommit,
    /// The command failed. What was taken in for it is to be dropped. Nothing to answer.
    AppendAbort,
    /// Asks how full the account is: [`crate::session::Session::answer_quota`].
    Quota,
    /// The session is over; what [`crate::session::Session::poll_transmit`] still has may be written.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// A change to the list of mailboxes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MailboxChange {
    /// CREATE, with the special use asked for (RFC 6154 §3). Mailboxes above it that are missing are made, too.
    Create {
        /// Its name.
        name: String,
        /// `\Drafts` and its like.
        special_use: Option<SpecialUse>,
    },
    /// DELETE
    Delete {
        /// Its name.
        name: String,
    },
    /// RENAME; of INBOX, by RFC 9051 §6.3.6, the messages move and INBOX stays.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// SUBSCRIBE or UNSUBSCRIBE.
    Subscribe {
        /// Its name.
        name: String,
        /// Whether it is subscribed to afterwards.
        subscribed: bool,
    },
}

/// A mailbox as LIST, STATUS and SELECT show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailboxInfo {
    /// How the driver's store calls it.
    pub id: MailboxId,
    /// Its name: UTF-8, with `/` between its parts.
    pub name: String,
    /// UIDVALIDITY
    pub uid_validity: u32,
    /// UIDNEXT
    pub uid_next: u32,
    /// HIGHESTMODSEQ (RFC 7162 §3.1.2).
    pub modseq: u64,
    /// MESSAGES
    pub messages: u32,
    /// UNSEEN: how many are not seen.
    pub unseen: u32,
    /// DELETED: how many are marked so.
    pub deleted: u32,
    /// SIZE: octets of all messages.
    pub octets: u64,
    /// DELETED-STORAGE: octets of those marked as deleted.
    pub deleted_octets: u64,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether it is subscribed to.
    pub subscribed: bool,
    /// MAILBOXID (RFC 8474 §4): stays when the name changes.
    pub object_id: Option<ObjectId>,
}

/// A mailbox at the moment of its selection.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The mailbox; `messages` and `uids` agree, and both are as of `modseq`.
    pub info: MailboxInfo,
    /// The UIDs of all its messages.
    pub uids: Uids,
    /// The first message that is not seen.
    pub first_unseen: Option<u32>,
    /// Keywords in use.
    pub keywords: Vec<Box<str>>,
}

/// UID, MODSEQ and flags of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// UID
    pub uid: u32,
    /// MODSEQ (RFC 7162 §3.1.1).
    pub modseq: u64,
    /// The flags.
    pub flags: Flags,
}

/// What has happened in a mailbox since a MODSEQ.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The highest MODSEQ of the mailbox, which this answer reaches.
    pub modseq: u64,
    /// UIDNEXT
    pub uid_next: u32,
    /// Messages that are new, or whose flags changed, by UID.
    pub entries: Vec<Entry>,
    /// Messages that are gone.
    pub vanished: Uids,
}

/// What a page of messages must hold besides UID, flags and MODSEQ.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Parts {
    /// [`Mail::octets`], [`Mail::internal_date`], [`Mail::saved`], [`Mail::email_id`] and [`Mail::thread_id`].
    pub facts: bool,
    /// [`Mail::shape`] and [`Mail::prefix`].
    pub shape: bool,
    /// [`Mail::content`] and [`Mail::prefix`].
    pub content: bool,
}

/// Messages, by UID.
#[derive(Debug, Default)]
pub struct Page {
    /// The messages that were asked for, from the first on, without those that are gone.
    pub mails: Vec<Mail>,
    /// Whether none is missing. Else the session asks again for those behind the last one here, of which there is one
    /// at least.
    pub is_complete: bool,
}

/// A message as a page holds it. What was not asked for may be empty.
#[derive(Clone, Debug)]
pub struct Mail {
    /// UID, MODSEQ and flags.
    pub entry: Entry,
    /// RFC822.SIZE: the prefix and the body. Also there where [`Parts::content`] was asked for.
    pub octets: u64,
    /// INTERNALDATE
    pub internal_date: Timestamp,
    /// SAVEDATE (RFC 8514).
    pub saved: Option<Timestamp>,
    /// EMAILID (RFC 8474 §5.1): the same for all copies.
    pub email_id: Option<ObjectId>,
    /// THREADID (RFC 8474 §5.2).
    pub thread_id: Option<ObjectId>,
    /// What is known of its structure; ranges count from behind the prefix.
    pub shape: Option<Shape>,
    /// Header lines of this copy, which stand in front of the body.
    pub prefix: Bytes,
    /// The body of the copy.
    pub content: Content,
}

/// Where the octets of a message behind its prefix are.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Content {
    /// They were not asked for, or are too many for a page: [`Event::Octets`] asks for them.
    #[default]
    Elsewhere,
    /// All of them.
    Here(Bytes),
}

/// A text that SEARCH looks for: a substring of what is there once it is decoded, whatever the case (RFC 9051 §6.4.4).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct TextQuery {
    /// Whether the header is looked at, too (TEXT), and not only the text of the body (BODY).
    pub with_header: bool,
    /// The text.
    pub text: String,
}

/// What STORE does with flags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlagOperation {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// What became of STORE.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Stored {
    /// Messages whose flags were to be changed, as they are now, by UID; also those whose flags were so already: who is
    /// in neither list is gone.
    pub changed: Vec<Entry>,
    /// Messages that `unchanged_since` kept as they are.
    pub modified: Vec<u32>,
    /// The MODSEQ of this change; `None` where nothing changed.
    pub modseq: Option<u64>,
}

/// What EXPUNGE took out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expunged {
    /// The messages.
    pub uids: Uids,
    /// The mailbox's highest MODSEQ afterwards.
    pub modseq: u64,
}

/// What COPY or MOVE did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Copied {
    /// UIDVALIDITY of the target.
    pub uid_validity: u32,
    /// UID here and UID there, ascending.
    pub pairs: Vec<(u32, u32)>,
    /// MOVE: the highest MODSEQ of the mailbox here afterwards; 0 for COPY.
    pub modseq: u64,
}

/// What APPEND filed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Appended {
    /// UIDVALIDITY of the mailbox.
    pub uid_validity: u32,
    /// A UID for each message, in their order.
    pub uids: Vec<u32>,
}

/// How full an account is (RFC 9208).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Quota {
    /// Octets of all its messages.
    pub octets: u64,
    /// Its messages.
    pub messages: u64,
    /// Octets it may have; `None` without end.
    pub octets_max: Option<u64>,
}

/// Why a question was answered with no. The text that the client gets is the session's.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No such mailbox: `NO [NONEXISTENT]`, or `[TRYCREATE]` where it is a target.
    #[error("there is no such mailbox")]
    NoMailbox,
    /// The mailbox that is selected was deleted: `NO [NONEXISTENT]`, and `BYE`.
    #[error("the selected mailbox was deleted")]
    SelectedGone,
    /// The name is taken: `NO [ALREADYEXISTS]`.
    #[error("there is a mailbox of that name")]
    Exists,
    /// The name cannot be a mailbox's, or INBOX was to be deleted: `NO [CANNOT]`.
    #[error("{0}")]
    Cannot(&'static str),
    /// Another mailbox has the special use: `NO [USEATTR]`.
    #[error("another mailbox has that use")]
    UseTaken,
    /// More mailboxes, keywords or messages than there may be: `NO [LIMIT]`.
    #[error("{0}")]
    Limit(&'static str),
    /// No room in the account: `NO [OVERQUOTA]`.
    #[error("the mailbox is full")]
    OverQuota,
    /// The message is too large: `NO [TOOBIG]`.
    #[error("the message is too large")]
    TooBig,
    /// The messages are gone: `NO [EXPUNGEISSUED]`.
    #[error("the messages are gone")]
    Expunged,
    /// The stored octets are damaged: `NO [SERVERBUG]`.
    #[error("the message is damaged")]
    Damaged,
    /// The store cannot be asked now: `NO [UNAVAILABLE]`.
    #[error("the mailboxes cannot be reached now; try again later")]
    Unavailable,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseReason {
    /// The client said LOGOUT.
    Logout,
    /// The client closed the connection.
    Lost,
    /// The client took too long.
    TimedOut,
    /// Too many errors.
    Errors,
    /// Too many wrong passwords.
    Guessing,
    /// What came was no IMAP: HTTP, TLS, PROXY, noise, or a line without end.
    NotImap,
    /// Octets followed STARTTLS before its reply.
    Injection,
    /// The driver refused the connection.
    Refused,
    /// The driver shuts down.
    ShutDown,
    /// Another session deleted the mailbox that was selected.
    MailboxGone,
    /// Octets of a message could not be had after their number was said, or news in IDLE.
    Broken,
}

/// Octets to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// Responses, or part of a long one.
    pub bytes: Bytes,
    /// Not to be written before this instant.
    pub not_before: Option<std::time::Instant>,
}
