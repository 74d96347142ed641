//! Mail addresses as SMTP knows them: RFC 5321 §4.1.2, with UTF-8 by RFC 6531 §3.3.
//!
//! Quoting is a matter of spelling: a [`LocalPart`] holds the text that was meant and quotes itself when it is printed,
//! so `"ann"@here.test` and `ann@here.test` are one address.

use std::{fmt, str::FromStr};

use crate::domain::{Domain, DomainError, Host};

/// Octets a local part may have. RFC 5321 §4.5.3.1.1 asks for 64; bounce addresses of lists are often longer.
pub const LOCAL_BYTES_MAX: usize = 128;
const _: () = assert!(LOCAL_BYTES_MAX >= 64);

/// Why a text is no address.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// A path does not start with `<` or does not end with `>`.
    #[error("the address must stand in angle brackets")]
    NoBrackets,
    /// There is no `@`.
    #[error("the address has no @")]
    NoAt,
    /// The local part is empty, or a dot stands at an end or beside another one.
    #[error("the part before the @ is empty or has a dot too many")]
    BadLocal,
    /// A control character, or a blank or special character outside quotes.
    #[error("the part before the @ holds a character that must not stand there")]
    BadCharacter,
    /// More than [`LOCAL_BYTES_MAX`] octets before the `@`.
    #[error("the part before the @ is longer than {LOCAL_BYTES_MAX} octets")]
    TooLong,
    /// The bytes are not UTF-8.
    #[error("the address is not UTF-8")]
    NotUtf8,
    /// The part behind the `@` is no domain.
    #[error("after the @: {0}")]
    Domain(#[from] DomainError),
}

/// What stands before the `@`, without quotes. It holds no control characters.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct LocalPart(Box<str>);

impl LocalPart {
    /// Takes the meant text, without quotes.
    pub fn new(text: &str) -> Result<Self, AddressError> {
        if text.is_empty() {
            return Err(AddressError::BadLocal);
        }
        if text.len() > LOCAL_BYTES_MAX {
            return Err(AddressError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::BadCharacter);
        }
        Ok(Self(text.into()))
    }

    /// The meant text, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Quoted where it must be (RFC 5321 §4.1.2: the shorter form is to be preferred).
impl fmt::Display for LocalPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if is_dot_atom(&self.0) {
            return f.write_str(&self.0);
        }
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// RFC 5322 §3.2.3 `atext`, and everything beyond ASCII (RFC 6531 §3.3).
fn is_atext(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii() && !c.is_control()
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

/// One mail address.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Mailbox {
    /// Before the `@`.
    pub local: LocalPart,
    /// Behind the `@`.
    pub domain: Host,
}

impl Mailbox {
    /// Reads an address without brackets and without display name.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (local, rest) = split_local(text)?;
        Ok(Self { local, domain: Host::parse(rest)? })
    }

    /// What local mailboxes, lists and counters are looked up by: all in lower case.
    pub fn key(&self) -> String {
        format!("{}@{}", self.local.as_str().to_lowercase(), self.domain)
    }

    /// Whether the address itself needs SMTPUTF8 (RFC 6531): only the local part can, since domains are A-labels.
    pub fn needs_smtputf8(&self) -> bool {
        !self.local.as_str().is_ascii()
    }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

crate::serde_as_text!(Mailbox);

/// Splits `local@rest`, removing the quotes of the local part.
fn split_local(text: &str) -> Result<(LocalPart, &str), AddressError> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (local, rest) = unquote(quoted)?;
        return Ok((LocalPart::new(&local)?, rest.strip_prefix('@').ok_or(AddressError::NoAt)?));
    }
    let (local, rest) = text.split_once('@').ok_or(AddressError::NoAt)?;
    if local.chars().any(|c| !is_atext(c) && c != '.') {
        return Err(AddressError::BadCharacter);
    }
    if !is_dot_atom(local) {
        return Err(AddressError::BadLocal);
    }
    Ok((LocalPart::new(local)?, rest))
}

/// Reads up to the closing quote; gives the meant text and what follows the quote.
fn unquote(quoted: &str) -> Result<(String, &str), AddressError> {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((text, &quoted[at + 1..])),
            '\\' => text.push(chars.next().ok_or(AddressError::BadLocal)?.1),
            c => text.push(c),
        }
    }
    Err(AddressError::BadLocal)
}

/// Reads `<…>` at the start of the argument of MAIL or RCPT: what stands in the brackets, and what follows them.
///
/// A source route is read and dropped (RFC 5321 §4.1.1.3, appendix C). `None` is the null path `<>`.
fn split_path(input: &[u8]) -> Result<(Option<&str>, &str), AddressError> {
    let text = std::str::from_utf8(input).map_err(|_| AddressError::NotUtf8)?;
    let inner = text.strip_prefix('<').ok_or(AddressError::NoBrackets)?;
    let end = closing_bracket(inner).ok_or(AddressError::NoBrackets)?;
    let (path, rest) = (&inner[..end], &inner[end + 1..]);
    let path = match path.strip_prefix('@') {
        Some(route) => route.split_once(':').ok_or(AddressError::NoAt)?.1,
        None => path,
    };
    Ok((Some(path).filter(|path| !path.is_empty()), rest))
}

/// The place of the first `>` outside quotes.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'>' if !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The argument of `MAIL FROM:`.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum ReversePath {
    /// `<>`: bounces and other mail that must never be answered by a bounce.
    #[default]
    Null,
    /// `<ann@here.test>`
    Mailbox(Mailbox),
}

impl ReversePath {
    /// Reads `<…>`; gives the path and what follows it, as the parameters of MAIL.
    pub fn parse_prefix(input: &[u8]) -> Result<(Self, &str), AddressError> {
        let (path, rest) = split_path(input)?;
        let path = path.map(Mailbox::parse).transpose()?;
        Ok((path.map_or(Self::Null, Self::Mailbox), rest))
    }

    /// The address, unless this is the null path.
    pub fn mailbox(&self) -> Option<&Mailbox> {
        match self {
            Self::Null => None,
            Self::Mailbox(mailbox) => Some(mailbox),
        }
    }
}

/// Without brackets; the null path is the empty text.
impl FromStr for ReversePath {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() { Ok(Self::Null) } else { Mailbox::parse(text).map(Self::Mailbox) }
    }
}

impl fmt::Display for ReversePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

crate::serde_as_text!(ReversePath);

/// The argument of `RCPT TO:`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum ForwardPath {
    /// `<postmaster>` without a domain, in any case (RFC 5321 §4.1.1.3): the postmaster of the server itself.
    Postmaster,
    /// `<bob@there.test>`
    Mailbox(Mailbox),
}

impl ForwardPath {
    /// Reads `<…>`; gives the path and what follows it, as the parameters of RCPT.
    pub fn parse_prefix(input: &[u8]) -> Result<(Self, &str), AddressError> {
        let (path, rest) = split_path(input)?;
        let path = path.ok_or(AddressError::BadLocal)?;
        if path.eq_ignore_ascii_case("postmaster") {
            return Ok((Self::Postmaster, rest));
        }
        Ok((Self::Mailbox(Mailbox::parse(path)?), rest))
    }
}

impl fmt::Display for ForwardPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postmaster => f.write_str("postmaster"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
        }
    }
}

impl From<Domain> for Host {
    fn from(domain: Domain) -> Self {
        Self::Name(domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rcpt(path: &str) -> Result<String, AddressError> {
        ForwardPath::parse_prefix(path.as_bytes()).map(|(path, _)| path.to_string())
    }

    #[test]
    fn addresses_print_as_they_are_read() {
        for text in ["ann@here.test", "a.b+c@here.test", "\"a b\"@here.test", "\"a>b\"@[192.0.2.1]", "jörg@here.test"]
        {
            assert_eq!(Mailbox::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Mailbox::parse("\"ann\"@Here.Test").unwrap().to_string(), "ann@here.test");
        assert_eq!(Mailbox::parse("\"a\\\"\\\\\"@here.test").unwrap().to_string(), "\"a\\\"\\\\\"@here.test");
    }

    #[test]
    fn a_bracket_in_quotes_does_not_end_the_path() {
        let (path, rest) = ForwardPath::parse_prefix(b"<\"a> ORCPT=rfc822;x\"@d.test> NOTIFY=NEVER").unwrap();
        assert_eq!(path.to_string(), "\"a> ORCPT=rfc822;x\"@d.test");
        assert_eq!(rest, " NOTIFY=NEVER");
    }

    #[test]
    fn source_routes_are_dropped_and_postmaster_needs_no_domain() {
        assert_eq!(rcpt("<@a.test,@b.test:u@d.test>").unwrap(), "u@d.test");
        assert_eq!(rcpt("<PostMaster>").unwrap(), "postmaster");
        assert_eq!(ReversePath::parse_prefix(b"<>").unwrap().0, ReversePath::Null);
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let bad = [
            "ann@here.test",
            "<ann>",
            "<>",
            "<@here.test>",
            "<ann@>",
            "<.ann@here.test>",
            "<a..b@here.test>",
            "<a b@here.test>",
            "<a\0b@here.test>",
            "<\"a\rb\"@here.test>",
            "<u@d@here.test>",
            "<ann@here.test",
            "<\"ann@here.test>",
            "<\"ann\"x@here.test>",
            "<ann@here..test>",
            "<a\x7fb@here.test>",
        ];
        for path in bad {
            assert!(rcpt(path).is_err(), "{path:?}");
        }
        assert_eq!(rcpt(&format!("<{}@d.test>", "a".repeat(129))), Err(AddressError::TooLong));
        assert_eq!(ForwardPath::parse_prefix(b"<\xff@d.test>"), Err(AddressError::NotUtf8));
    }
}
