//! Names of mailboxes, and the patterns that LIST matches them with.
//!
//! Within Rohrpost a name is UTF-8 in normalization form C, its levels are parted by `/`, and INBOX is written in capitals.
//! Clients of IMAP4rev1 say it in modified UTF-7 (RFC 3501 §5.1.3), which exists only in this module and what calls it.
//!
//! ```
//! use rohrpost_imap::mailbox_name::{ListPattern, MailboxName};
//!
//! let name = MailboxName::from_utf7(b"Entw&APw-rfe")?;
//! assert_eq!(name.as_str(), "Entwürfe");
//! assert!(ListPattern::new("%")?.matches(name.as_str()));
//! assert_eq!(MailboxName::new("inbox/Rechnungen")?.as_str(), "INBOX/Rechnungen");
//! # Ok::<(), rohrpost_imap::mailbox_name::NameError>(())
//! ```

mod pattern;
mod utf7;

pub use pattern::ListPattern;
pub use utf7::print as print_utf7;

use std::fmt;

use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfc_quick};

use crate::limits::{MAILBOX_LEVELS_MAX, MAILBOX_NAME_OCTETS_MAX};

/// What stands between the levels of a name.
pub const SEPARATOR: char = '/';

/// The mailbox that every account has.
pub const INBOX: &str = "INBOX";

/// The name of a mailbox: not empty, no level of it empty, no control characters, at most
/// [`MAILBOX_NAME_OCTETS_MAX`] octets. Nothing else is refused: `..`, `~` and `*` are letters like others, because no
/// name is ever the name of a file.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MailboxName(Box<str>);

/// Why a text is no name or pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// It, or one of its levels, is empty.
    #[error("a mailbox name or one of its levels is empty")]
    Empty,
    /// It is longer than [`MAILBOX_NAME_OCTETS_MAX`].
    #[error("a mailbox name of more than {MAILBOX_NAME_OCTETS_MAX} octets")]
    TooLong,
    /// It has more than [`MAILBOX_LEVELS_MAX`] levels.
    #[error("a mailbox name of more than {MAILBOX_LEVELS_MAX} levels")]
    TooDeep,
    /// It holds NUL, a line end or another control character.
    #[error("a control character in a mailbox name")]
    Control,
    /// It is not UTF-8, or not modified UTF-7 where that is spoken.
    #[error("a mailbox name must be modified UTF-7, or UTF-8 once that is enabled")]
    Encoding,
}

impl MailboxName {
    /// A name from UTF-8. INBOX in any case, also as the first of several levels, becomes capitals (RFC 9051 §5.1). One
    /// separator at the end is dropped: RFC 9051 §6.3.4 allows it in CREATE, and it has no meaning here.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn new(text: &str) -> Result<Self, NameError> {
        let text = canonical(text.strip_suffix(SEPARATOR).unwrap_or(text))?;
        match text.split(SEPARATOR).enumerate().find(|(index, level)| *index >= MAILBOX_LEVELS_MAX || level.is_empty())
        {
            Some((_, "")) => Err(NameError::Empty),
            Some(_) => Err(NameError::TooDeep),
            None => Ok(Self(text)),
        }
    }

    /// A name from modified UTF-7.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn from_utf7(octets: &[u8]) -> Result<Self, NameError> {
        Self::new(&utf7::decode(octets)?)
    }

    /// INBOX.
    pub fn inbox() -> Self {
        Self(INBOX.into())
    }

    /// The name in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is INBOX itself.
    pub fn is_inbox(&self) -> bool {
        &*self.0 == INBOX
    }

    /// The mailbox above it; none for a name of one level.
    pub fn parent(&self) -> Option<&str> {
        self.0.rsplit_once(SEPARATOR).map(|(parent, _)| parent)
    }
}

impl fmt::Display for MailboxName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a letter can stand in a name: RFC 6855 §3 refuses control characters and what ends lines or paragraphs.
pub fn is_allowed(letter: char) -> bool {
    !letter.is_control() && !matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Normalization form C, and INBOX in capitals: what names and patterns have in common.
fn canonical(text: &str) -> Result<Box<str>, NameError> {
    // Normalizing can make a text three times as long, and never shorter than a third.
    if text.len() > 3 * MAILBOX_NAME_OCTETS_MAX {
        return Err(NameError::TooLong);
    }
    if !text.chars().all(is_allowed) {
        return Err(NameError::Control);
    }
    let mut text = if is_nfc_quick(text.chars()) == IsNormalized::Yes { text.to_owned() } else { text.nfc().collect() };
    if text.len() > MAILBOX_NAME_OCTETS_MAX {
        return Err(NameError::TooLong);
    }
    let first_octets = text.find(SEPARATOR).unwrap_or(text.len());
    if text[..first_octets].eq_ignore_ascii_case(INBOX) {
        text[..first_octets].make_ascii_uppercase();
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests;
