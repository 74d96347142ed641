//! The addresses of a header field: RFC 5322 §3.4, with groups, comments, quoted and encoded names, and the route syntax
//! of its §4.4. Display names are read over: the one question here is which addresses a field names.

use crate::address::{AddressError, Mailbox};

/// Addresses that one field may name.
pub const ADDRESSES_MAX: usize = 10_000;
/// How deep comments may be nested.
const COMMENT_DEPTH_MAX: u32 = 20;

/// Why the value of a field is no list of addresses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressListError {
    /// A quote, comment or angle bracket is never closed.
    #[error("a quote, comment or angle bracket is never closed")]
    Unclosed,
    /// One of the entries is no address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// More than [`ADDRESSES_MAX`].
    #[error("more than {ADDRESSES_MAX} addresses in one field")]
    TooMany,
}

/// The addresses in the unfolded value of From, Sender, To and their like, in order. Empty groups name none.
pub fn mailboxes(value: &str) -> Result<Vec<Mailbox>, AddressListError> {
    let mut found = Vec::new();
    for entry in entries(value)? {
        if found.len() == ADDRESSES_MAX {
            return Err(AddressListError::TooMany);
        }
        found.push(Mailbox::parse(&entry)?);
    }
    Ok(found)
}

/// One entry while it is being read: what stands in angle brackets wins over what stands outside.
#[derive(Default)]
struct Entry {
    outside: String,
    bracketed: Option<String>,
}

impl Entry {
    fn take(&mut self) -> Option<String> {
        let Self { outside, bracketed } = std::mem::take(self);
        let text = match bracketed {
            // `<@relay.test:ann@here.test>`: the route is obsolete and means nothing (RFC 5322 §4.4).
            Some(text) if text.starts_with('@') => {
                text.split_once(':').map_or(text.clone(), |(_, rest)| rest.to_owned())
            }
            Some(text) => text,
            None => outside.trim().to_owned(),
        };
        (!text.is_empty()).then_some(text)
    }
}

/// Cuts the value at its commas, without comments, group names and display names.
fn entries(value: &str) -> Result<Vec<String>, AddressListError> {
    let (mut entries, mut entry, mut in_brackets) = (Vec::new(), Entry::default(), false);
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => skip_comment(&mut chars)?,
            '"' => {
                let quoted = delimited('"', '"', &mut chars)?;
                target(&mut entry, in_brackets).push_str(&quoted);
            }
            '[' => {
                let literal = delimited('[', ']', &mut chars)?;
                target(&mut entry, in_brackets).push_str(&literal);
            }
            '<' if !in_brackets => {
                in_brackets = true;
                entry.bracketed = Some(String::new());
            }
            '>' if in_brackets => in_brackets = false,
            ':' if !in_brackets => entry = Entry::default(),
            ',' | ';' if !in_brackets => entries.extend(entry.take()),
            c if in_brackets && c.is_whitespace() => {}
            c => target(&mut entry, in_brackets).push(c),
        }
    }
    if in_brackets {
        return Err(AddressListError::Unclosed);
    }
    entries.extend(entry.take());
    Ok(entries)
}

fn target(entry: &mut Entry, in_brackets: bool) -> &mut String {
    match &mut entry.bracketed {
        Some(text) if in_brackets => text,
        _ => &mut entry.outside,
    }
}

fn skip_comment(chars: &mut std::str::Chars<'_>) -> Result<(), AddressListError> {
    let mut depth = 1_u32;
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            '(' if depth == COMMENT_DEPTH_MAX => return Err(AddressListError::Unclosed),
            '(' => depth += 1,
            ')' if depth == 1 => return Ok(()),
            ')' => depth -= 1,
            _ => {}
        }
    }
    Err(AddressListError::Unclosed)
}

/// The rest of a quoted string or domain literal, delimiters and backslashes included, as [`Mailbox::parse`] reads it.
fn delimited(open: char, close: char, chars: &mut std::str::Chars<'_>) -> Result<String, AddressListError> {
    let mut text = String::from(open);
    while let Some(c) = chars.next() {
        text.push(c);
        match c {
            c if c == close => return Ok(text),
            '\\' => text.push(chars.next().ok_or(AddressListError::Unclosed)?),
            _ => {}
        }
    }
    Err(AddressListError::Unclosed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<String> {
        mailboxes(value).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_spelling_names_the_same_address() {
        let spellings = [
            "ann@here.test",
            "<ann@here.test>",
            "Ann <ann@here.test>",
            "\"Ann, B.\" <ann@here.test>",
            "ann@here.test (Ann)",
            "(a (nested) comment) Ann <ann@here.test>",
            "=?utf-8?q?J=C3=B6rg?= <ann@here.test>",
            "Ann < ann@here.test >",
            "<@relay.test:ann@here.test>",
            "staff: ann@here.test;",
            "\"boss@other.test\" <ann@here.test>",
        ];
        for value in spellings {
            assert_eq!(read(value), ["ann@here.test"], "{value}");
        }
    }

    #[test]
    fn lists_and_groups_name_them_all() {
        assert_eq!(
            read("a@x.test, B <b@x.test>, g: c@x.test, d@x.test;, ,"),
            ["a@x.test", "b@x.test", "c@x.test", "d@x.test"]
        );
        assert_eq!(read("undisclosed-recipients:;"), Vec::<String>::new());
        assert_eq!(read("\"a b\"@x.test"), ["\"a b\"@x.test"]);
    }

    #[test]
    fn a_colon_in_a_domain_literal_ends_no_group_name() {
        assert_eq!(read("Ann <ann@[IPv6:2001:db8::1]>, b@[192.0.2.1]"), ["ann@[IPv6:2001:db8::1]", "b@[192.0.2.1]"]);
        assert_eq!(read("ann@[IPv6:2001:db8::1]"), ["ann@[IPv6:2001:db8::1]"]);
        assert!(mailboxes("ann@[192.0.2.1").is_err());
    }

    #[test]
    fn what_is_broken_is_an_error_and_never_half_a_list() {
        for value in
            ["ann", "<ann@here.test", "\"ann <a@x.test>", "(", "a@x.test <b", "a@b@c.test", "a@x.test b@x.test"]
        {
            assert!(mailboxes(value).is_err(), "{value}");
        }
        assert_eq!(mailboxes(&"(".repeat(100_000)), Err(AddressListError::Unclosed));
        assert_eq!(mailboxes(&"a@x.test,".repeat(ADDRESSES_MAX + 1)), Err(AddressListError::TooMany));
    }
}
