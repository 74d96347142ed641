//! Domain names and the right-hand side of an address.

use std::{borrow::Cow, fmt, net::IpAddr, str::FromStr};

/// Octets a domain may have. RFC 5321 §4.5.3.1.2 and RFC 1035 §2.3.4.
pub const DOMAIN_BYTES_MAX: usize = 255;
/// Octets a label may have. RFC 1035 §2.3.4.
pub const LABEL_BYTES_MAX: usize = 63;

/// A host or mail domain: A-labels, lower case, without the trailing dot.
///
/// U-labels are converted when the value is built (RFC 5891), so that comparison, DNS, SNI and policy keys all see one
/// spelling.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Domain(Box<str>);

/// Why a text is no domain.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DomainError {
    /// Nothing was there.
    #[error("the domain is empty")]
    Empty,
    /// Longer than [`DOMAIN_BYTES_MAX`], or a label longer than [`LABEL_BYTES_MAX`].
    #[error("the domain or one of its labels is too long")]
    TooLong,
    /// A label is empty, starts or ends with a hyphen, or holds a character that no host name has.
    #[error("a label of the domain is empty or holds a character that no host name has")]
    BadLabel,
    /// The U-labels have no A-label form (RFC 5891).
    #[error("the international domain name has no ASCII form")]
    NotConvertible,
}

impl Domain {
    /// Reads a domain; a trailing dot is dropped, U-labels become A-labels.
    ///
    /// Underscores are accepted: service names such as `_dmarc` and many private hosts have them.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(DomainError::Empty);
        }
        let ascii = if text.is_ascii() {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::URL)
                .map_err(|_| DomainError::NotConvertible)?
        };
        if ascii.len() > DOMAIN_BYTES_MAX {
            return Err(DomainError::TooLong);
        }
        ascii.split('.').try_for_each(check_label)?;
        Ok(Self(ascii.into()))
    }

    /// The A-label form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form people read; falls back to the A-labels where they decode to nothing.
    pub fn to_unicode(&self) -> String {
        match idna::domain_to_unicode(&self.0) {
            (text, Ok(())) => text,
            _ => self.0.to_string(),
        }
    }

    /// Whether the name can only mean this host: `localhost` and what lies below it (RFC 6761 §6.3).
    pub fn is_localhost(&self) -> bool {
        self.0.rsplit('.').next() == Some("localhost")
    }

    /// Whether this is `other` or lies below it.
    pub fn is_within(&self, other: &Self) -> bool {
        self == other || self.0.strip_suffix(other.as_str()).is_some_and(|rest| rest.ends_with('.'))
    }
}

fn check_label(label: &str) -> Result<(), DomainError> {
    if label.len() > LABEL_BYTES_MAX {
        return Err(DomainError::TooLong);
    }
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let good = !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-');
    good.then_some(()).ok_or(DomainError::BadLabel)
}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

crate::serde_as_text!(Domain);

/// What stands behind the `@`, or names a server: a domain or an address literal.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Host {
    /// `mx.example`
    Name(Domain),
    /// `[192.0.2.1]` or `[IPv6:2001:db8::1]` (RFC 5321 §4.1.3).
    Literal(IpAddr),
}

impl Host {
    /// Reads a domain or a bracketed literal.
    pub fn parse(text: &str) -> Result<Self, DomainError> {
        let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return Domain::parse(text).map(Self::Name);
        };
        let v6 = inner.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:")).map(|_| &inner[5..]);
        let literal = match v6 {
            Some(v6) => v6.parse().map(IpAddr::V6),
            None => inner.parse().map(IpAddr::V4),
        };
        literal.map(Self::Literal).map_err(|_| DomainError::BadLabel)
    }

    /// The domain, unless this is a literal.
    pub fn name(&self) -> Option<&Domain> {
        match self {
            Self::Name(domain) => Some(domain),
            Self::Literal(_) => None,
        }
    }
}

impl FromStr for Host {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(domain) => domain.fmt(f),
            Self::Literal(IpAddr::V4(v4)) => write!(f, "[{v4}]"),
            Self::Literal(IpAddr::V6(v6)) => write!(f, "[IPv6:{v6}]"),
        }
    }
}

crate::serde_as_text!(Host);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_whatever_was_typed() {
        for typed in ["Bücher.example", "bücher.example.", "XN--BCHER-KVA.example"] {
            assert_eq!(Domain::parse(typed).unwrap().as_str(), "xn--bcher-kva.example");
        }
        assert_eq!(Domain::parse("xn--bcher-kva.example").unwrap().to_unicode(), "bücher.example");
    }

    #[test]
    fn what_no_host_name_has_is_refused() {
        for typed in ["", ".", "a..b", "-a.b", "a-.b", "a b.c", "a\0.b", "a\r\n.b", "a/b", "..", "a@b", "[1.2.3.4]"] {
            assert!(Domain::parse(typed).is_err(), "{typed:?}");
        }
        assert_eq!(Domain::parse(&format!("{}.de", "a".repeat(64))), Err(DomainError::TooLong));
        assert_eq!(Domain::parse(&"a.".repeat(200)), Err(DomainError::TooLong));
    }

    #[test]
    fn a_domain_lies_within_its_parents_only() {
        let domain = |text| Domain::parse(text).unwrap();
        assert!(domain("mx.here.test").is_within(&domain("here.test")));
        assert!(domain("here.test").is_within(&domain("here.test")));
        assert!(!domain("nothere.test").is_within(&domain("here.test")));
    }

    #[test]
    fn literals_print_as_they_are_read() {
        for text in ["[192.0.2.1]", "[IPv6:2001:db8::1]", "mx.example"] {
            assert_eq!(Host::parse(text).unwrap().to_string(), text);
        }
        for text in ["[::1]", "[IPv6:1.2.3.4]", "[999.1.1.1]", "[", "[]"] {
            assert!(Host::parse(text).is_err(), "{text}");
        }
    }
}
