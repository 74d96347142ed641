//! Words that several commands share.

use std::fmt;

use crate::sequence::SequenceSet;

/// What the answer to a command begins with (RFC 9051 §2.2.1): one or more octets of an atom, `+` excepted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Tag(pub(crate) Box<str>);

/// A word without quotes (RFC 9051 §9, `atom`): printable ASCII without blanks, quotes, brackets and wildcards.
/// Comparing minds the case; [`Self::is`] does not.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Atom(pub(crate) Box<str>);

/// The name of a header field: printable ASCII without a colon (RFC 5322 §3.6.8).
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct FieldName(pub(crate) Box<str>);

/// An identifier of RFC 8474: at most 255 letters, digits, `-` and `_`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ObjectId(pub(crate) Box<str>);

/// Which messages a command is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Messages {
    /// These numbers.
    Set(SequenceSet),
    /// `$`: what the last SEARCH saved (RFC 9051 §6.4.4.1).
    Saved,
}

macro_rules! text {
    ($($type:ty),*) => {$(
        impl $type {
            /// The word as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}
text!(Tag, Atom, FieldName, ObjectId);

impl Tag {
    /// A tag, if this is one.
    pub fn new(text: &str) -> Option<Self> {
        let good = !text.is_empty() && text.len() <= crate::limits::TAG_OCTETS_MAX && text.bytes().all(is_tag_octet);
        good.then(|| Self(text.into()))
    }
}

impl Atom {
    /// An atom, if this is one.
    pub fn new(text: &str) -> Option<Self> {
        let good = !text.is_empty() && text.bytes().all(is_atom_octet);
        good.then(|| Self(text.into()))
    }

    /// Whether it is this word, in whatever case.
    pub fn is(&self, word: &str) -> bool {
        self.0.eq_ignore_ascii_case(word)
    }
}

impl FieldName {
    /// A field name, if this is one.
    pub fn new(text: &str) -> Option<Self> {
        let good = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_graphic() && octet != b':');
        good.then(|| Self(text.into()))
    }
}

impl ObjectId {
    /// An identifier, if this is one.
    pub fn new(text: &str) -> Option<Self> {
        let of_id = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'_';
        let good = (1..=255).contains(&text.len()) && text.bytes().all(of_id);
        good.then(|| Self(text.into()))
    }
}

/// `ATOM-CHAR`
pub(crate) fn is_atom_octet(octet: u8) -> bool {
    octet.is_ascii_graphic() && !matches!(octet, b'(' | b')' | b'{' | b'%' | b'*' | b'"' | b'\\' | b']')
}

/// `ASTRING-CHAR`
pub(crate) fn is_astring_octet(octet: u8) -> bool {
    is_atom_octet(octet) || octet == b']'
}

/// Of `tag`: an `ASTRING-CHAR`, `+` excepted.
pub(crate) fn is_tag_octet(octet: u8) -> bool {
    is_astring_octet(octet) && octet != b'+'
}
