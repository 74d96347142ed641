//! What is known of a mailbox without a look at its mail, and the names of things in it.

use std::fmt;

use rohrpost_mail::QueueId;

/// Which mailbox; never given twice, also when one is deleted and its name made again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MailboxId(pub(crate) i64);

impl MailboxId {
    /// From the number that [`Self::as_i64`] gave.
    pub fn from_i64(number: i64) -> Self {
        Self(number)
    }

    /// Its number, for those who may not name this type.
    pub fn as_i64(self) -> i64 {
        self.0
    }

    /// Its object id. RFC 8474 §5.1.
    pub fn object_id(self) -> ObjectId {
        ObjectId { kind: 'F', number: self.0 }
    }
}

/// A name that the server gave to a mailbox, a message or a thread, and that never changes. RFC 8474 §3.
///
/// ```
/// # use rohrpost_store::mailbox::ObjectId;
/// assert_eq!(ObjectId::thread(31).to_string(), "T000000000000Z");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ObjectId {
    /// So that ids of different things differ.
    kind: char,
    number: i64,
}

impl ObjectId {
    /// The id of a message: copies have the same.
    pub fn email(number: i64) -> Self {
        Self { kind: 'M', number }
    }

    /// The id of a thread.
    pub fn thread(number: i64) -> Self {
        Self { kind: 'T', number }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, QueueId::from_i64(self.number))
    }
}

/// What a mailbox is for. RFC 6154 §2.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SpecialUse {
    /// `\All`
    All,
    /// `\Archive`
    Archive,
    /// `\Drafts`
    Drafts,
    /// `\Flagged`
    Flagged,
    /// `\Junk`
    Junk,
    /// `\Sent`
    Sent,
    /// `\Trash`
    Trash,
}

impl SpecialUse {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::All, Self::Archive, Self::Drafts, Self::Flagged, Self::Junk, Self::Sent, Self::Trash];

    /// The attribute, with its backslash.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "\\All",
            Self::Archive => "\\Archive",
            Self::Drafts => "\\Drafts",
            Self::Flagged => "\\Flagged",
            Self::Junk => "\\Junk",
            Self::Sent => "\\Sent",
            Self::Trash => "\\Trash",
        }
    }

    /// From the attribute, in any case.
    pub fn parse(attribute: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|special_use| special_use.as_str().eq_ignore_ascii_case(attribute))
    }
}

/// A mailbox, as it was at one moment: all its fields belong together.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailboxInfo {
    /// Which one.
    pub id: MailboxId,
    /// Its name: UTF-8, levels parted by `/`.
    pub name: String,
    /// UIDVALIDITY: no two mailboxes have the same.
    pub uid_validity: u32,
    /// UIDNEXT.
    pub uid_next: u32,
    /// HIGHESTMODSEQ; at least 1.
    pub modseq: u64,
    /// Messages in it.
    pub messages: u32,
    /// Messages without `\Seen`.
    pub unseen: u32,
    /// Messages with `\Deleted`.
    pub deleted: u32,
    /// Octets of these. RFC 9208 §4.1.4.
    pub deleted_octets: u64,
    /// Octets of all its messages.
    pub octets: u64,
    /// What it is for.
    pub special_use: Option<SpecialUse>,
    /// Whether its owner wants it listed.
    pub subscribed: bool,
}

/// What a session must know of each message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// Its UID.
    pub uid: u32,
    /// When it changed last.
    pub modseq: u64,
    /// Its flags.
    pub flags: super::Flags,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_special_use_is_read_in_any_case() {
        for special_use in SpecialUse::ALL {
            assert_eq!(SpecialUse::parse(&special_use.as_str().to_uppercase()), Some(special_use));
        }
        assert_eq!(SpecialUse::parse("\\Inbox"), None);
    }
}
