//! LIST and STATUS.

use crate::mailbox_name::{ListPattern, MailboxName};

/// LIST (RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct List {
    /// Whether it was written in the form of RFC 5258, which wants to be told of `\NonExistent` and the like.
    pub extended: bool,
    /// Which mailboxes.
    pub selection: ListSelection,
    /// Names with wildcards; the reference is put in front of each already. An empty pattern asks for the separator.
    pub patterns: Vec<ListPattern>,
    /// What is told of each.
    pub returns: ListReturn,
}

/// Which mailboxes LIST selects.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ListSelection {
    /// SUBSCRIBED: also those that are no more.
    pub subscribed: bool,
    /// REMOTE: there are none here.
    pub remote: bool,
    /// RECURSIVEMATCH: also parents of what matches, with CHILDINFO. Stands only beside SUBSCRIBED or SPECIAL-USE.
    pub recursive_match: bool,
    /// SPECIAL-USE (RFC 6154 §2)
    pub special_use: bool,
}

/// What LIST tells of each mailbox.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ListReturn {
    /// SUBSCRIBED
    pub subscribed: bool,
    /// CHILDREN
    pub children: bool,
    /// SPECIAL-USE
    pub special_use: bool,
    /// STATUS (RFC 5819); empty without.
    pub status: Vec<StatusItem>,
}

/// STATUS (RFC 9051 §6.3.11).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Status {
    /// Of which mailbox.
    pub mailbox: MailboxName,
    /// What is asked.
    pub items: Vec<StatusItem>,
}

/// What STATUS can tell.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum StatusItem {
    /// MESSAGES
    Messages,
    /// RECENT (RFC 3501 §6.3.10)
    Recent,
    /// UIDNEXT
    UidNext,
    /// UIDVALIDITY
    UidValidity,
    /// UNSEEN
    Unseen,
    /// DELETED
    Deleted,
    /// DELETED-STORAGE (RFC 9208 §4.1.4)
    DeletedStorage,
    /// SIZE (RFC 8438)
    Size,
    /// HIGHESTMODSEQ (RFC 7162 §3.1.7)
    HighestModSeq,
    /// APPENDLIMIT (RFC 7889)
    AppendLimit,
    /// MAILBOXID (RFC 8474 §4.3)
    MailboxId,
}

/// What a mailbox is for (RFC 6154 §2, RFC 8457).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Important`
    Important,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl StatusItem {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Messages,
        Self::Recent,
        Self::UidNext,
        Self::UidValidity,
        Self::Unseen,
        Self::Deleted,
        Self::DeletedStorage,
        Self::Size,
        Self::HighestModSeq,
        Self::AppendLimit,
        Self::MailboxId,
    ];

    /// The item of this name, in whatever case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|item| item.name().eq_ignore_ascii_case(name))
    }

    /// Its name: `UIDNEXT`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Messages => "MESSAGES",
            Self::Recent => "RECENT",
            Self::UidNext => "UIDNEXT",
            Self::UidValidity => "UIDVALIDITY",
            Self::Unseen => "UNSEEN",
            Self::Deleted => "DELETED",
            Self::DeletedStorage => "DELETED-STORAGE",
            Self::Size => "SIZE",
            Self::HighestModSeq => "HIGHESTMODSEQ",
            Self::AppendLimit => "APPENDLIMIT",
            Self::MailboxId => "MAILBOXID",
        }
    }
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::All, Self::Archive, Self::Drafts, Self::Flagged, Self::Important, Self::Junk, Self::Sent, Self::Trash];

    /// The use of this name, `\` included, in whatever case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special_use| special_use.name().eq_ignore_ascii_case(name))
    }

    /// Its name: `\Drafts`.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Important => "\\Important",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }
}
