//! The names of the mechanisms.

use std::{fmt, str::FromStr};

/// A mechanism of the IANA registry, strongest first: the order in which a client prefers them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Mechanism {
    /// RFC 7677, bound to the TLS channel (RFC 9266): a man in the middle gains nothing.
    ScramSha256Plus,
    /// RFC 7677: the password does not cross the link.
    ScramSha256,
    /// RFC 4616: the password as it is.
    Plain,
    /// The password as it is, in two questions (draft-murchison-sasl-login): old printers know nothing else.
    Login,
}

impl Mechanism {
    /// Every mechanism, strongest first.
    pub const ALL: [Self; 4] = [Self::ScramSha256Plus, Self::ScramSha256, Self::Plain, Self::Login];

    /// The name in the IANA registry.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Whether whoever reads the link learns the password.
    pub fn reveals_password(self) -> bool {
        matches!(self, Self::Plain | Self::Login)
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name is none of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected SCRAM-SHA-256-PLUS, SCRAM-SHA-256, PLAIN or LOGIN")]
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
        assert_eq!("CRAM-MD5".parse::<Mechanism>(), Err(MechanismError));
    }
}
