//! What rules say about addresses, fields and submitters: patterns as the configuration writes them.

use std::{fmt, str::FromStr};

use rohrpost_mail::{
    Domain, Host, Mailbox, ReversePath,
    header::{self, Field},
};
use serde::Deserialize;

/// The text is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It should say which domains.
    #[error("expected a domain, *.domain or *, found {0:?}")]
    Domain(String),
    /// It should say which addresses.
    #[error("expected an address, a domain, *.domain, * or <>, found {0:?}")]
    Address(String),
    /// It should say which fields.
    #[error("expected a field with its value such as \"X-Priority: 5\", or with *, found {0:?}")]
    Header(String),
    /// It should say who handed the mail in.
    #[error("expected the name of an account, or unix: and a user, found {0:?}")]
    Account(String),
    /// This host does not know the user.
    #[error("this host has no user {0:?}")]
    User(String),
}

/// Which domains: `there.test`, `*.there.test`, `*`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DomainPattern {
    /// `*`: all of them.
    Any,
    /// `there.test`: this one.
    Exact(Domain),
    /// `*.there.test`: all below it, not itself.
    Below(Domain),
}

impl DomainPattern {
    /// Whether the pattern means this domain.
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => domain == exact,
            Self::Below(parent) => domain != parent && domain.is_within(parent),
        }
    }

    /// Whether the pattern means this host; literals match `*` only.
    pub fn matches_host(&self, host: &Host) -> bool {
        host.name().map_or(*self == Self::Any, |domain| self.matches(domain))
    }
}

impl FromStr for DomainPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |_| PatternError::Domain(text.to_owned());
        match text.strip_prefix("*.") {
            _ if text == "*" => Ok(Self::Any),
            Some(parent) => Domain::parse(parent).map(Self::Below).map_err(wrong),
            None => Domain::parse(text).map(Self::Exact).map_err(wrong),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(domain) => domain.fmt(f),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl<'de> Deserialize<'de> for DomainPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which addresses: `ann@there.test`, `there.test` (that domain), `*.there.test` (all below it), `*` (all but the null
/// path), `<>`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AddressPattern {
    /// The null path.
    Null,
    /// One address, in any case.
    Mailbox(Mailbox),
    /// Domains.
    Domain(DomainPattern),
}

impl AddressPattern {
    /// Whether a path fits.
    pub fn fits_path(&self, path: &ReversePath) -> bool {
        match path.mailbox() {
            None => *self == Self::Null,
            Some(mailbox) => self.fits_mailbox(mailbox),
        }
    }

    /// Whether an address fits.
    pub fn fits_mailbox(&self, mailbox: &Mailbox) -> bool {
        match self {
            Self::Null => false,
            Self::Mailbox(wanted) => wanted.domain == mailbox.domain && wanted.key() == mailbox.key(),
            Self::Domain(pattern) => pattern.matches_host(&mailbox.domain),
        }
    }

    /// Whether a domain fits.
    pub fn fits_domain(&self, domain: &Domain) -> bool {
        matches!(self, Self::Domain(pattern) if pattern.matches(domain))
    }
}

impl FromStr for AddressPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError::Address(text.to_owned());
        match text {
            "<>" => Ok(Self::Null),
            _ if text.contains('@') => Mailbox::parse(text).map(Self::Mailbox).map_err(|_| wrong()),
            _ => text.parse().map(Self::Domain).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for AddressPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("<>"),
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Domain(pattern) => pattern.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for AddressPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Which fields of a header: `X-Priority: 5`, or `X-Priority: *` for any value. Values are compared on one line, without
/// blanks at their ends and without regard to case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HeaderPattern {
    name: String,
    /// None: any.
    value: Option<String>,
}

impl HeaderPattern {
    /// Whether one of the fields in a header from [`header::split`] fits.
    pub fn fits(&self, head: &[u8]) -> bool {
        header::fields(head).any(|field| field.is(&self.name) && self.fits_value(&field))
    }

    fn fits_value(&self, field: &Field<'_>) -> bool {
        self.value.as_ref().is_none_or(|value| field.unfolded().eq_ignore_ascii_case(value))
    }
}

impl FromStr for HeaderPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = || PatternError::Header(text.to_owned());
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let value = value.trim();
        if name.is_empty() || !name.bytes().all(|octet| octet.is_ascii_graphic()) || value.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), value: (value != "*").then(|| value.to_owned()) })
    }
}

impl fmt::Display for HeaderPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.value.as_deref().unwrap_or("*"))
    }
}

/// Who handed a message in: `ann@here.test`, who logged in by that name, or `unix:www-data`, a user of this host.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AccountPattern {
    /// The login of an account, in any case.
    Login(String),
    /// A user whose program handed it in, by number as the kernel says.
    User(u32),
}

impl AccountPattern {
    /// Reads a pattern; `uid_of` says which number a user of this host has.
    ///
    /// # Errors
    /// It is empty, or the host has no such user.
    pub fn parse(text: &str, uid_of: impl Fn(&str) -> Option<u32>) -> Result<Self, PatternError> {
        match text.strip_prefix("unix:") {
            Some("") => Err(PatternError::Account(text.to_owned())),
            Some(user) => {
                let uid = user.parse().ok().or_else(|| uid_of(user));
                uid.map(Self::User).ok_or_else(|| PatternError::User(user.to_owned()))
            }
            None if text.is_empty() => Err(PatternError::Account(text.to_owned())),
            None => Ok(Self::Login(text.to_owned())),
        }
    }

    /// Whether it is this login, or this user.
    pub fn fits(&self, login: Option<&str>, uid: Option<u32>) -> bool {
        match self {
            Self::Login(name) => login.is_some_and(|login| login.eq_ignore_ascii_case(name)),
            Self::User(number) => uid == Some(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_print_as_they_are_read() {
        for text in ["*", "there.test", "*.there.test"] {
            assert_eq!(text.parse::<DomainPattern>().unwrap().to_string(), text);
        }
        for text in ["", "*there.test", "*.", "a b"] {
            assert!(text.parse::<DomainPattern>().is_err(), "{text}");
        }
        for text in ["<>", "ann@there.test", "there.test", "*.there.test", "*"] {
            assert_eq!(text.parse::<AddressPattern>().unwrap().to_string(), text);
        }
        assert!("a b".parse::<AddressPattern>().is_err());
        for text in ["X-Priority: 5", "List-Id: *"] {
            assert_eq!(text.parse::<HeaderPattern>().unwrap().to_string(), text);
        }
        for text in ["", "X-Priority", "X-Priority:", ": 5", "X Priority: 5"] {
            assert!(text.parse::<HeaderPattern>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_star_means_every_address_but_the_null_path() {
        let fits =
            |pattern: &str, path: &str| pattern.parse::<AddressPattern>().unwrap().fits_path(&path.parse().unwrap());
        assert!(fits("*", "ann@there.test") && !fits("*", ""));
        assert!(fits("<>", "") && !fits("<>", "ann@there.test"));
        assert!(fits("Ann@there.test", "ann@THERE.test") && !fits("ann@there.test", "bob@there.test"));
        assert!(!fits("ann@there.test", "ann@elsewhere.test"));
    }

    #[test]
    fn a_field_is_known_by_its_name_and_its_value_in_any_case_and_folding() {
        let head = b"Subject: X-Route: bulk\r\nX-ROUTE:\r\n Bulk\tmail \r\nX-Empty:\r\n";
        let fits = |pattern: &str| pattern.parse::<HeaderPattern>().unwrap().fits(head);
        assert!(fits("x-route: bulk\tMAIL") && fits("X-Route: *") && fits("X-Empty: *"));
        assert!(!fits("X-Route: bulk") && !fits("X-Other: *"));
    }

    #[test]
    fn a_user_of_the_host_is_named_or_numbered() {
        let parse = |text: &str| AccountPattern::parse(text, |name| (name == "www-data").then_some(33));
        assert_eq!(parse("unix:www-data"), Ok(AccountPattern::User(33)));
        assert_eq!(parse("unix:1000"), Ok(AccountPattern::User(1_000)));
        assert_eq!(parse("unix:nobody-here"), Err(PatternError::User("nobody-here".into())));
        assert!(parse("").is_err() && parse("unix:").is_err());
        let ann = parse("ann@here.test").unwrap();
        assert!(ann.fits(Some("Ann@here.test"), None) && !ann.fits(None, Some(33)));
        assert!(parse("unix:33").unwrap().fits(None, Some(33)));
    }
}
