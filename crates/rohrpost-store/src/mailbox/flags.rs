//! The flags of a message. RFC 9051 §2.3.2.

use std::{
    fmt,
    ops::{BitAnd, BitOr, Not},
    sync::Arc,
};

/// A set of system flags.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct System(u8);

impl System {
    /// `\Seen`
    pub const SEEN: Self = Self(1);
    /// `\Answered`
    pub const ANSWERED: Self = Self(2);
    /// `\Flagged`
    pub const FLAGGED: Self = Self(4);
    /// `\Deleted`
    pub const DELETED: Self = Self(8);
    /// `\Draft`
    pub const DRAFT: Self = Self(16);

    /// Every flag with its name.
    pub const ALL: [(Self, &'static str); 5] = [
        (Self::ANSWERED, "\\Answered"),
        (Self::FLAGGED, "\\Flagged"),
        (Self::DELETED, "\\Deleted"),
        (Self::SEEN, "\\Seen"),
        (Self::DRAFT, "\\Draft"),
    ];

    /// The number in the store; bits that mean nothing are dropped.
    pub fn from_bits(bits: u8) -> Self {
        Self(bits & 31)
    }

    /// The number in the store.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `other` are in it.
    pub fn contains(self, other: Self) -> bool {
        self & other == other
    }
}

impl BitOr for System {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for System {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for System {
    type Output = Self;

    fn not(self) -> Self {
        Self::from_bits(!self.0)
    }
}

/// All flags of a message: system flags and keywords. Small, and cheap to clone.
///
/// ```
/// use rohrpost_store::mailbox::{Flags, System};
/// let flags = Flags::new(System::SEEN | System::DRAFT, ["$Forwarded", "$forwarded", "$Junk"]);
/// assert_eq!(flags.to_string(), r"\Seen \Draft $Forwarded $Junk");
/// ```
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Flags {
    system: System,
    /// Sorted without regard to case, each once, with a space between them; nothing where there are none.
    keywords: Option<Arc<str>>,
}

impl Flags {
    /// Puts flags together. Keywords are atoms (RFC 9051 §9): whatever holds a space or is empty is not one and is left
    /// out. Of those that differ in case only, the first stays.
    pub fn new<'a>(system: System, keywords: impl IntoIterator<Item = &'a str>) -> Self {
        let mut words: Vec<&str> =
            keywords.into_iter().filter(|word| !word.is_empty() && !word.contains(' ')).collect();
        words.sort_by_cached_key(|word| word.to_ascii_lowercase());
        words.dedup_by(|second, first| second.eq_ignore_ascii_case(first));
        Self { system, keywords: (!words.is_empty()).then(|| words.join(" ").into()) }
    }

    /// The system flags alone.
    pub fn system(&self) -> System {
        self.system
    }

    /// The keywords, sorted without regard to case.
    pub fn keywords(&self) -> impl Iterator<Item = &str> {
        self.keywords.as_deref().into_iter().flat_map(|words| words.split(' '))
    }

    /// Whether it has a keyword, in any case.
    pub fn has_keyword(&self, keyword: &str) -> bool {
        self.keywords().any(|word| word.eq_ignore_ascii_case(keyword))
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        let system = self.system | other.system;
        if other.keywords.is_none() {
            return Self { system, keywords: self.keywords.clone() };
        }
        Self::new(system, self.keywords().chain(other.keywords()))
    }

    /// These without those.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let system = self.system & !other.system;
        if self.keywords.is_none() || other.keywords.is_none() {
            return Self { system, keywords: self.keywords.clone() };
        }
        Self::new(system, self.keywords().filter(|word| !other.has_keyword(word)))
    }

    /// As the two columns have it.
    pub(crate) fn from_columns(bits: i64, keywords: Option<&str>) -> Self {
        let system = System::from_bits(u8::try_from(bits).unwrap_or_default());
        Self { system, keywords: keywords.map(Arc::from) }
    }

    /// For its column.
    pub(crate) fn keyword_column(&self) -> Option<&str> {
        self.keywords.as_deref()
    }
}

impl From<System> for Flags {
    fn from(system: System) -> Self {
        Self { system, keywords: None }
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let system = System::ALL.iter().filter(|(flag, _)| self.system.contains(*flag)).map(|(_, name)| *name);
        for (place, word) in system.chain(self.keywords()).enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(word)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_a_set_that_knows_no_case_and_keeps_the_first_spelling() {
        let flags = Flags::new(System::SEEN, ["b", "$Junk", "", "no atom", "$junk", "A"]);
        assert_eq!(flags.keywords().collect::<Vec<_>>(), ["$Junk", "A", "b"]);
        assert!(flags.has_keyword("a") && !flags.has_keyword("no"));
        assert_eq!(flags.to_string(), "\\Seen $Junk A b");
    }

    #[test]
    fn flags_are_added_and_taken_away() {
        let flags = Flags::new(System::SEEN, ["one"]);
        let other = Flags::new(System::DELETED, ["ONE", "two"]);
        assert_eq!(flags.with(&other), Flags::new(System::SEEN | System::DELETED, ["one", "two"]));
        assert_eq!(flags.with(&other).without(&other), Flags::from(System::SEEN));
        assert_eq!(flags.without(&System::SEEN.into()), Flags::new(System::default(), ["one"]));
        assert_eq!(Flags::default().to_string(), "");
    }
}
