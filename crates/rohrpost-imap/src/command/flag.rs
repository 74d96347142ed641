//! Flags, and STORE.

use super::{Atom, Messages};

/// A flag of a message (RFC 9051 §2.3.2).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Flag {
    /// One that begins with `\`.
    System(SystemFlag),
    /// One that a client made up.
    Keyword(Keyword),
}

/// The flags that a client may set and whose meaning the standard fixes. `\Recent` of RFC 3501 is none of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SystemFlag {
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Seen`
    Seen,
    /// `\Draft`
    Draft,
}

/// A keyword: `$Forwarded`, `NonJunk`, `work`. An atom, in the case in which it came.
pub type Keyword = Atom;

/// STORE (RFC 9051 §6.4.6)
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Store {
    /// Whether the numbers are UIDs.
    pub uid: bool,
    /// Which messages.
    pub messages: Messages,
    /// UNCHANGEDSINCE (RFC 7162 §3.1.3): only messages whose MODSEQ is at most this one are changed.
    pub unchanged_since: Option<u64>,
    /// What is done with the flags.
    pub action: StoreAction,
    /// Whether the client wants no FETCH of what it changes.
    pub silent: bool,
    /// The flags; none of them is there twice, keywords compared without regard to case.
    pub flags: Vec<Flag>,
}

/// What STORE does with its flags.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum StoreAction {
    /// `FLAGS`: these and no others.
    Replace,
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
}

impl SystemFlag {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Answered, Self::Flagged, Self::Deleted, Self::Seen, Self::Draft];

    /// The flag of this name, `\` included, in whatever case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|flag| flag.name().eq_ignore_ascii_case(name))
    }

    /// Its name: `\Seen`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Seen => "\\Seen",
            Self::Draft => "\\Draft",
        }
    }
}

impl Flag {
    /// Its name, as it is written: `\Seen`, `$Junk`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::System(flag) => flag.name(),
            Self::Keyword(keyword) => keyword.as_str(),
        }
    }
}
