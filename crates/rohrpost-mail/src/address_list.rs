//! The addresses of a header field: RFC 5322 §3.4, with groups, comments, quoted and encoded names, and the route syntax
//! of its §4.4.
//!
//! Two questions can be asked: which addresses a field names ([`mailboxes`], for mail that came from elsewhere), and what
//! all of it says, with display names and groups ([`addresses`], for what somebody wants to write).

use crate::{
    address::{AddressError, Mailbox},
    header::{HeaderText, HeaderTextError},
};

/// Addresses that one field may name.
pub const ADDRESSES_MAX: usize = 10_000;
/// How deep comments may be nested.
const COMMENT_DEPTH_MAX: u32 = 20;

/// Why the value of a field is no list of addresses.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressListError {
    /// A quote, comment, group or angle bracket is never closed.
    #[error("a quote, comment, group or angle bracket is never closed")]
    Unclosed,
    /// One of the entries is no address.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// A display name holds a control character. Only [`addresses`] looks at names.
    #[error("a display name: {0}")]
    Name(#[from] HeaderTextError),
    /// More than [`ADDRESSES_MAX`].
    #[error("more than {ADDRESSES_MAX} addresses in one field")]
    TooMany,
}

/// An address with the name that people see: RFC 5322 §3.4 `name-addr`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct NameAddr {
    /// The display name as it is meant: without quotes, not encoded. Never empty.
    pub name: Option<HeaderText>,
    /// The address.
    pub mailbox: Mailbox,
}

impl From<Mailbox> for NameAddr {
    fn from(mailbox: Mailbox) -> Self {
        Self { name: None, mailbox }
    }
}

/// One entry of a list of addresses: RFC 5322 §3.4.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Address {
    /// `Ann <ann@here.test>`
    Single(NameAddr),
    /// `Staff: ann@here.test, bob@here.test;`
    Group {
        /// What stands before the colon, without quotes.
        name: HeaderText,
        /// Those in it; there may be none, as in `undisclosed-recipients:;`.
        members: Vec<NameAddr>,
    },
}

impl Address {
    /// The address itself, or those of the group.
    pub fn members(&self) -> &[NameAddr] {
        match self {
            Self::Single(single) => std::slice::from_ref(single),
            Self::Group { members, .. } => members,
        }
    }
}

impl From<Mailbox> for Address {
    fn from(mailbox: Mailbox) -> Self {
        Self::Single(mailbox.into())
    }
}

/// The addresses in the unfolded value of From, Sender, To and their like, in order. Empty groups name none; display
/// names are read over, whatever they hold.
pub fn mailboxes(value: &str) -> Result<Vec<Mailbox>, AddressListError> {
    let mut found = Vec::new();
    each_token(value, |token| {
        let Token::Address { address, .. } = token else { return Ok(()) };
        if found.len() == ADDRESSES_MAX {
            return Err(AddressListError::TooMany);
        }
        found.push(Mailbox::parse(&address)?);
        Ok(())
    })?;
    Ok(found)
}

/// The list with its display names and groups. Names are taken as they are meant: encoded words are not decoded.
pub fn addresses(value: &str) -> Result<Vec<Address>, AddressListError> {
    let (mut found, mut group, mut count) = (Vec::new(), None::<(_, Vec<NameAddr>)>, 0);
    each_token(value, |token| {
        match (token, &mut group) {
            (Token::Address { .. } | Token::Group(_), _) if count == ADDRESSES_MAX => {
                return Err(AddressListError::TooMany);
            }
            (Token::Address { name, address }, group) => {
                count += 1;
                let single = NameAddr { name: display_name(&name)?, mailbox: Mailbox::parse(&address)? };
                match group {
                    Some((_, members)) => members.push(single),
                    None => found.push(Address::Single(single)),
                }
            }
            (Token::Group(_), Some(_)) => return Err(AddressListError::Unclosed),
            (Token::Group(name), group) => {
                count += 1;
                *group = Some((HeaderText::new(unquoted(&name))?, Vec::new()));
            }
            (Token::GroupEnd, group) => {
                found.extend(group.take().map(|(name, members)| Address::Group { name, members }));
            }
        }
        Ok(())
    })?;
    if group.is_some() { Err(AddressListError::Unclosed) } else { Ok(found) }
}

fn display_name(raw: &str) -> Result<Option<HeaderText>, HeaderTextError> {
    let name = unquoted(raw);
    if name.is_empty() { Ok(None) } else { HeaderText::new(name).map(Some) }
}

/// A phrase without its quotes and backslashes.
fn unquoted(phrase: &str) -> String {
    let (mut out, mut quoted) = (String::new(), false);
    let mut chars = phrase.trim_matches(is_blank).chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => out.extend(chars.next()),
            c => out.push(c),
        }
    }
    out
}

/// What a list is made of.
enum Token {
    /// An address as it was written, and what stood beside its angle brackets.
    Address { name: String, address: String },
    /// The name of a group, with its quotes.
    Group(String),
    /// A semicolon. Some programs put it between addresses, too.
    GroupEnd,
}

/// One entry while it is being read: what stands in angle brackets wins over what stands outside.
#[derive(Default)]
struct Entry {
    outside: String,
    bracketed: Option<String>,
}

impl Entry {
    fn take(&mut self) -> Option<Token> {
        let Self { outside, bracketed } = std::mem::take(self);
        let (name, address) = match bracketed {
            // `<@relay.test:ann@here.test>`: the route is obsolete and means nothing (RFC 5322 §4.4).
            Some(text) if text.starts_with('@') => {
                (outside, text.split_once(':').map_or(text.clone(), |(_, rest)| rest.to_owned()))
            }
            Some(text) => (outside, text),
            None => (String::new(), outside.trim_matches(is_blank).to_owned()),
        };
        (!address.is_empty()).then_some(Token::Address { name, address })
    }
}

/// Cuts the value at its commas, colons and semicolons, and hands out what it finds; comments are left out.
fn each_token(
    value: &str,
    mut take: impl FnMut(Token) -> Result<(), AddressListError>,
) -> Result<(), AddressListError> {
    let (mut entry, mut in_brackets) = (Entry::default(), false);
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
            ':' if !in_brackets => take(Token::Group(std::mem::take(&mut entry).outside))?,
            ',' if !in_brackets => entry.take().map_or(Ok(()), &mut take)?,
            ';' if !in_brackets => entry.take().into_iter().chain([Token::GroupEnd]).try_for_each(&mut take)?,
            c if in_brackets && is_blank(c) => {}
            c => target(&mut entry, in_brackets).push(c),
        }
    }
    if in_brackets {
        return Err(AddressListError::Unclosed);
    }
    entry.take().map_or(Ok(()), take)
}

/// Blanks and line ends of a header (RFC 5322 §2.2.2). Those of other scripts may stand in an address (RFC 6532 §3.2).
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
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
    fn display_names_and_groups_are_kept_where_they_are_asked_for() {
        let text = |text: &str| HeaderText::new(text).unwrap();
        let single = |name: Option<&str>, mailbox: &str| {
            Address::Single(NameAddr { name: name.map(text), mailbox: mailbox.parse().unwrap() })
        };
        let members = [single(Some("Cy"), "c@x.test"), single(None, "d@x.test")];
        let members = members.iter().flat_map(Address::members).cloned().collect();
        assert_eq!(
            addresses(
                "\"Hara, Ann \\\"A\\\" <x>\" <a@x.test>, b@x.test (Bob), Staff: Cy <c@x.test>, <d@x.test>;, No:;"
            ),
            Ok(vec![
                single(Some("Hara, Ann \"A\" <x>"), "a@x.test"),
                single(None, "b@x.test"),
                Address::Group { name: text("Staff"), members },
                Address::Group { name: text("No"), members: vec![] },
            ])
        );
        assert_eq!(addresses("Staff: a@x.test"), Err(AddressListError::Unclosed));
        assert_eq!(addresses("A: B: a@x.test;;"), Err(AddressListError::Unclosed));
        assert_eq!(addresses("A\r\nBcc: x; <a@x.test>"), Err(AddressListError::Name(HeaderTextError)));
        assert_eq!(addresses("Hara, Ann <a@x.test>"), Err(AddressListError::Address(AddressError::NoAt)));
    }

    #[test]
    fn blanks_of_other_scripts_belong_to_the_address() {
        let wide: Mailbox = "\u{3000}@here.test".parse().unwrap();
        for value in ["\u{3000}@here.test", " <\u{3000}@here.test>", "Ann < \u{3000}@here.test >"] {
            assert_eq!(mailboxes(value), Ok(vec![wide.clone()]), "{value:?}");
        }
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
