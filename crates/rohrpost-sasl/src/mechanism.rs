//! The mechanisms by name.

use std::{fmt, str::FromStr};

/// A mechanism of the IANA registry, in the order in which a client prefers them inside TLS.
///
/// First those that keep the password from the server, bound ones before others; then those that need none; then those
/// that show it. CRAM-MD5 comes behind PLAIN, since inside TLS it only forces the server to keep the password itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Mechanism {
    /// RFC 7677, bound to the TLS channel (RFC 9266): a man in the middle gains nothing.
    ScramSha256Plus,
    /// RFC 5802, bound to the TLS channel.
    ScramSha1Plus,
    /// RFC 7677: the password does not cross the link.
    ScramSha256,
    /// RFC 5802: the same with the older hash. What is known against SHA-1 does not touch its use in HMAC.
    ScramSha1,
    /// RFC 4422 appendix A: the client certificate of the TLS connection is the proof.
    External,
    /// RFC 7628: a bearer token of OAuth 2.0.
    OAuthBearer,
    /// The same in the form that Google had before there was a standard.
    XOAuth2,
    /// RFC 4616: the password as it is.
    Plain,
    /// RFC 2195: a keyed MD5 of the server's challenge. Whoever reads the link can guess passwords at leisure.
    CramMd5,
    /// The password as it is, in two questions (draft-murchison-sasl-login): old printers know nothing else.
    Login,
}

impl Mechanism {
    /// Every mechanism, best first.
    pub const ALL: [Self; 10] = [
        Self::ScramSha256Plus,
        Self::ScramSha1Plus,
        Self::ScramSha256,
        Self::ScramSha1,
        Self::External,
        Self::OAuthBearer,
        Self::XOAuth2,
        Self::Plain,
        Self::CramMd5,
        Self::Login,
    ];

    /// The name in the IANA registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::External => "EXTERNAL",
            Self::OAuthBearer => "OAUTHBEARER",
            Self::XOAuth2 => "XOAUTH2",
            Self::Plain => "PLAIN",
            Self::CramMd5 => "CRAM-MD5",
            Self::Login => "LOGIN",
        }
    }

    /// Whether whoever reads the link learns the password.
    pub fn reveals_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
    }

    /// Whether it is one of RFC 5802 or RFC 7677.
    pub fn is_scram(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus | Self::ScramSha256 | Self::ScramSha1)
    }

    /// Whether it is bound to the TLS channel.
    pub fn is_plus(self) -> bool {
        matches!(self, Self::ScramSha256Plus | Self::ScramSha1Plus)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is none of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no mechanism of that name; there are {}", Mechanism::ALL.map(Mechanism::as_str).join(", "))]
pub struct MechanismError;

/// In any case.
impl FromStr for Mechanism {
    type Err = MechanismError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|mechanism| mechanism.as_str().eq_ignore_ascii_case(text)).ok_or(MechanismError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_print_as_they_are_read_in_any_case() {
        for mechanism in Mechanism::ALL {
            assert_eq!(mechanism.to_string().parse(), Ok(mechanism));
            assert_eq!(mechanism.to_string().to_lowercase().parse(), Ok(mechanism));
        }
        assert_eq!("DIGEST-MD5".parse::<Mechanism>(), Err(MechanismError));
        assert!(MechanismError.to_string().ends_with("PLAIN, CRAM-MD5, LOGIN"));
    }

    #[test]
    fn the_list_is_in_the_order_of_preference() {
        assert!(Mechanism::ALL.is_sorted());
    }
}
