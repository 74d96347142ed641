//! Patterns of LIST.

use std::fmt;

use super::{NameError, SEPARATOR, canonical, utf7};

/// A name with wildcards (RFC 9051 §6.3.9): `*` is anything, `%` anything within a level.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ListPattern(Box<str>);

impl ListPattern {
    /// A pattern from UTF-8. It may be empty; a row of wildcards is as one.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn new(text: &str) -> Result<Self, NameError> {
        let mut pattern = canonical(text)?.into_string();
        let mut before = None;
        pattern.retain(|letter| {
            let doubled = letter == '*' && before == Some('*') || letter == '%' && before == Some('%');
            before = Some(letter);
            !doubled
        });
        Ok(Self(pattern.into()))
    }

    /// A pattern from modified UTF-7.
    ///
    /// # Errors
    /// [`NameError`]
    pub fn from_utf7(octets: &[u8]) -> Result<Self, NameError> {
        Self::new(&utf7::decode(octets)?)
    }

    /// The pattern in UTF-8.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it asks for the separator only (RFC 9051 §6.3.9): an empty pattern.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it matches all of this name. The time is at most the product of both lengths, whatever the pattern.
    pub fn matches(&self, name: &str) -> bool {
        // What of the pattern matches what was read of the name: bit `i` says that the first `i` octets do.
        let pattern = self.0.as_bytes();
        let mut reached = vec![false; pattern.len() + 1];
        reached[0] = true;
        pass_wildcards(pattern, &mut reached);
        for octet in name.bytes() {
            let mut next = vec![false; pattern.len() + 1];
            for (place, wanted) in pattern.iter().enumerate().filter(|(place, _)| reached[*place]) {
                match wanted {
                    b'*' => next[place] = true,
                    b'%' => next[place] |= octet != SEPARATOR as u8,
                    wanted => next[place + 1] |= *wanted == octet,
                }
            }
            pass_wildcards(pattern, &mut next);
            reached = next;
        }
        reached[pattern.len()]
    }
}

/// A wildcard may match nothing: where it is reached, so is what stands behind it.
fn pass_wildcards(pattern: &[u8], reached: &mut [bool]) {
    for place in 0..pattern.len() {
        if reached[place] && matches!(pattern[place], b'*' | b'%') {
            reached[place + 1] = true;
        }
    }
}

impl fmt::Display for ListPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
