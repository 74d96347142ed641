//! The flags of a message (RFC 9051 §2.3.2): five system flags, and keywords that users make up.
//!
//! What is set on a message, in a form that costs nothing to copy: most messages have system flags only, and those with
//! keywords share a few lists. It is no grammar: what a command named comes as [`crate::command`] read it.

use std::{
    fmt,
    ops::{BitOr, BitOrAssign},
    sync::Arc,
};

use crate::command::{Flag, SystemFlag};

/// Some of the five system flags.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct SystemFlags(u8);

impl SystemFlags {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// `\Answered`
    pub const ANSWERED: Self = Self(1);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(2);
    /// `\Deleted`
    pub const DELETED: Self = Self(4);
    /// `\Seen`
    pub const SEEN: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// Each with its name, in the order of RFC 9051 §2.3.2.
    const NAMES: [(Self, &'static str); 5] = [
        (Self::ANSWERED, r"\Answered"),
        (Self::FLAGGED, r"\Flagged"),
        (Self::DELETED, r"\Deleted"),
        (Self::SEEN, r"\Seen"),
        (Self::DRAFT, r"\Draft"),
    ];

    /// The flags whose bits are set; bits that mean nothing are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// One bit for each flag.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of these are set.
    pub fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Their names, in the order of RFC 9051 §2.3.2.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }

    /// Those of these that are not among the others.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }
}

impl BitOr for SystemFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for SystemFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl fmt::Debug for SystemFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// All flags of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Flags {
    /// The system flags.
    pub system: SystemFlags,
    /// The keywords, sorted; none twice, whatever its case. `None` where there are none.
    keywords: Option<Arc<[Box<str>]>>,
}

impl Flags {
    /// System flags and keywords; of keywords that differ in case only, one stays.
    pub fn new<S: Into<Box<str>>>(system: SystemFlags, keywords: impl IntoIterator<Item = S>) -> Self {
        let mut keywords: Vec<Box<str>> = keywords.into_iter().map(Into::into).collect();
        keywords.sort_by(|a, b| compare(a, b));
        keywords.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        Self { system, keywords: (!keywords.is_empty()).then(|| keywords.into()) }
    }

    /// The keywords, sorted.
    pub fn keywords(&self) -> &[Box<str>] {
        self.keywords.as_deref().unwrap_or_default()
    }

    /// Whether the keyword is set. RFC 9051 §2.3.2: its case does not matter.
    pub fn has_keyword(&self, keyword: &str) -> bool {
        self.keywords().binary_search_by(|own| compare(own, keyword)).is_ok()
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.system == SystemFlags::NONE && self.keywords.is_none()
    }

    /// The names of all flags, as they are written: `\Seen`, `$Forwarded`.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let keywords = self.keywords().iter().map(|keyword| &**keyword);
        self.system.names().map(|name| -> &str { name }).chain(keywords)
    }
}

/// What a command named.
impl From<&[Flag]> for Flags {
    fn from(flags: &[Flag]) -> Self {
        let mut system = SystemFlags::NONE;
        let mut keywords = Vec::new();
        for flag in flags {
            match flag {
                Flag::System(flag) => system |= SystemFlags::from(*flag),
                Flag::Keyword(keyword) => keywords.push(keyword.as_str()),
            }
        }
        Self::new(system, keywords)
    }
}

impl From<SystemFlag> for SystemFlags {
    fn from(flag: SystemFlag) -> Self {
        match flag {
            SystemFlag::Answered => Self::ANSWERED,
            SystemFlag::Flagged => Self::FLAGGED,
            SystemFlag::Deleted => Self::DELETED,
            SystemFlag::Seen => Self::SEEN,
            SystemFlag::Draft => Self::DRAFT,
        }
    }
}

impl From<SystemFlags> for Flags {
    fn from(system: SystemFlags) -> Self {
        Self { system, keywords: None }
    }
}

/// The order of keywords: by their letters, whatever their case.
fn compare(a: &str, b: &str) -> std::cmp::Ordering {
    let (a, b) = (a.bytes(), b.bytes());
    a.map(|octet| octet.to_ascii_lowercase()).cmp(b.map(|octet| octet.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(flags: &Flags) -> String {
        flags.names().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_are_written_in_one_order_and_none_twice() {
        let flags = Flags::new(SystemFlags::SEEN | SystemFlags::ANSWERED, ["$MDNSent", "b", "$mdnsent", "A"]);
        assert_eq!(written(&flags), r"\Answered \Seen $MDNSent A b");
        assert_eq!(written(&Flags::default()), "");
        assert_eq!(written(&Flags::new(SystemFlags::NONE, ["x"])), "x");
    }

    #[test]
    fn a_keyword_is_found_in_any_case() {
        let flags = Flags::new(SystemFlags::NONE, ["$Forwarded", "Later", "zeta"]);
        assert!(flags.has_keyword("$forwarded") && flags.has_keyword("LATER"));
        assert!(!flags.has_keyword("late"));
    }

    #[test]
    fn bits_without_meaning_are_dropped() {
        assert_eq!(SystemFlags::from_bits(0xFF), SystemFlags::ALL);
        assert_eq!(written(&SystemFlags::ALL.without(SystemFlags::SEEN).into()), r"\Answered \Flagged \Deleted \Draft");
    }
}
