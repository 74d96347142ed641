//! The vocabulary of transport security: how a link is encrypted, and who is on the other side.
//!
//! The two are settings of their own, never one flag ([`TlsMode`], [`Trust`]); [`Policy`] names the usual pairs.

use std::{fmt, str::FromStr};

/// The text is none of the words that are expected.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct WordError {
    /// The words that would do.
    pub expected: &'static str,
    /// What was there.
    pub found: String,
}

/// Defines an enum of plain words with `as_str`, `Display`, `FromStr` and serde by the same words.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident: $expected:literal { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in the order of its definition.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word as settings, records and logs have it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = WordError;

            fn from_str(text: &str) -> Result<Self, WordError> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(WordError { expected: $expected, found: text.to_owned() }),
                }
            }
        }

        crate::serde_as_text!($name);
    };
}
pub(crate) use words;

words! {
    /// How a link to a server is encrypted.
    #[derive(Default)]
    TlsMode: "auto, implicit, starttls, opportunistic or off" {
        /// Port 465 implicit, any other port STARTTLS required; loopback may be plain.
        #[default]
        Auto = "auto",
        /// TLS from the first octet (RFC 8314 §3).
        Implicit = "implicit",
        /// STARTTLS, or nothing is sent.
        Starttls = "starttls",
        /// STARTTLS where it is offered.
        Opportunistic = "opportunistic",
        /// Never.
        Off = "off",
    }
}

words! {
    /// The oldest TLS version that will do.
    #[derive(Default, Ord, PartialOrd)]
    MinTls: "1.2 or 1.3" {
        /// TLS 1.2 (RFC 5246)
        #[default]
        Tls12 = "1.2",
        /// TLS 1.3 (RFC 8446)
        Tls13 = "1.3",
    }
}

words! {
    /// TLS on a listener. Details: the settings of `[[listener]]`.
    #[derive(Default)]
    ListenerTls: "off, offered, required or implicit" {
        /// No TLS.
        Off = "off",
        /// STARTTLS is offered, clear text allowed.
        #[default]
        Offered = "offered",
        /// Before STARTTLS only six commands are answered.
        Required = "required",
        /// TLS from the first octet.
        Implicit = "implicit",
    }
}

words! {
    /// What a destination asks of its link: the usual pairs of [`TlsMode`] and [`Trust`].
    #[derive(Default, Ord, PartialOrd)]
    Policy: "off, opportunistic, required, verified, dane or pin" {
        /// No TLS: the operator's word.
        Off = "off",
        /// STARTTLS when offered, any certificate.
        #[default]
        Opportunistic = "opportunistic",
        /// TLS, any certificate.
        Required = "required",
        /// TLS, certificate of a known authority for that name.
        Verified = "verified",
        /// TLS, certificate as the TLSA records say (RFC 7672).
        Dane = "dane",
        /// TLS, that certificate or key and no other.
        Pin = "pin",
    }
}

words! {
    /// Who decided the [`Policy`].
    #[derive(Default)]
    PolicySource: "operator, dane, half-dane, sts or default" {
        /// A `[[tls_policy]]` or `[[route]]` of ours.
        Operator = "operator",
        /// TLSA records under a signed MX set.
        Dane = "dane",
        /// TLSA records of a host whose MX set is not signed.
        HalfDane = "half-dane",
        /// The destination's MTA-STS policy (RFC 8461).
        Sts = "sts",
        /// Nobody: opportunistic.
        #[default]
        Default = "default",
    }
}

/// Who must be on the other side of a link.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub enum Trust {
    /// An authority that this system trusts, for the server's name.
    #[default]
    System,
    /// An authority from this PEM file, for the server's name; or from one of several, with `:` between them as in `PATH`.
    /// Files may hold lists of revoked certificates (RFC 5280 §5), too: what stands on one is not trusted.
    Ca(String),
    /// One of those, or one that this system trusts.
    SystemAndCa(String),
    /// The certificate with this SHA-256 digest (64 lower-case hex digits). Files of other programs may have one of SHA-1
    /// (40 digits) or MD5 (32), which is held to as well; no text of ours is read as one.
    PinCertificate(String),
    /// The public key with this SHA-256 digest (64 lower-case hex digits).
    PinSpki(String),
    /// What the TLSA records say.
    Dane,
    /// Whoever answers first; later only the same key.
    FirstUse,
    /// Anybody.
    Any,
}

const TRUST_EXPECTED: &str =
    "system, ca:FILE, system+ca:FILE, pin:sha256:HEX, pin:spki-sha256:HEX (64 digits), dane, first-use or any";

impl Trust {
    /// The files of [`Trust::Ca`] and [`Trust::SystemAndCa`], cut at `:`.
    pub fn ca_files(list: &str) -> impl Iterator<Item = &str> {
        list.split(':').filter(|file| !file.is_empty())
    }

    /// The same with each file of authorities called by another name, such as its absolute one.
    #[must_use]
    pub fn with_ca_files(&self, rename: impl Fn(&str) -> String) -> Self {
        let renamed = |list| Self::ca_files(list).map(&rename).collect::<Vec<_>>().join(":");
        match self {
            Self::Ca(list) => Self::Ca(renamed(list)),
            Self::SystemAndCa(list) => Self::SystemAndCa(renamed(list)),
            other => other.clone(),
        }
    }
}

impl fmt::Display for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("system"),
            Self::Ca(file) => write!(f, "ca:{file}"),
            Self::SystemAndCa(file) => write!(f, "system+ca:{file}"),
            Self::PinCertificate(digest) => match digest.len() {
                32 => write!(f, "pin:md5:{digest}"),
                40 => write!(f, "pin:sha1:{digest}"),
                _ => write!(f, "pin:sha256:{digest}"),
            },
            Self::PinSpki(digest) => write!(f, "pin:spki-sha256:{digest}"),
            Self::Dane => f.write_str("dane"),
            Self::FirstUse => f.write_str("first-use"),
            Self::Any => f.write_str("any"),
        }
    }
}

impl FromStr for Trust {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let wrong = || WordError { expected: TRUST_EXPECTED, found: text.to_owned() };
        let digest = |hex: &str| {
            let good = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
            good.then(|| hex.to_ascii_lowercase()).ok_or_else(wrong)
        };
        match text {
            "system" => Ok(Self::System),
            "dane" => Ok(Self::Dane),
            "first-use" => Ok(Self::FirstUse),
            "any" => Ok(Self::Any),
            _ => match text.split_once(':') {
                Some(("ca", file)) if !file.is_empty() => Ok(Self::Ca(file.to_owned())),
                Some(("system+ca", file)) if !file.is_empty() => Ok(Self::SystemAndCa(file.to_owned())),
                Some(("pin", pin)) => match pin.split_once(':') {
                    Some(("sha256", hex)) => digest(hex).map(Self::PinCertificate),
                    Some(("spki-sha256", hex)) => digest(hex).map(Self::PinSpki),
                    _ => Err(wrong()),
                },
                _ => Err(wrong()),
            },
        }
    }
}

crate::serde_as_text!(Trust);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_prints_as_it_is_read() {
        let hex = "ab".repeat(32);
        let pins = [format!("pin:sha256:{hex}"), format!("pin:spki-sha256:{hex}")];
        for text in [
            "system",
            "ca:/etc/ca.pem",
            "ca:/a.pem:/b.pem",
            "system+ca:/etc/ca.pem",
            &pins[0],
            &pins[1],
            "dane",
            "first-use",
            "any",
        ] {
            assert_eq!(text.parse::<Trust>().unwrap().to_string(), text);
        }
        for text in ["", "ca:", "system+ca:", "pin:sha256:12", "pin:md5:00", "System", "anyone"] {
            assert!(text.parse::<Trust>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_file_of_a_list_is_renamed() {
        let trust =
            |text: &str| text.parse::<Trust>().unwrap().with_ca_files(|file| format!("/etc/{file}")).to_string();
        assert_eq!(trust("ca:a.pem:b.pem"), "ca:/etc/a.pem:/etc/b.pem");
        assert_eq!(trust("system+ca:a.pem"), "system+ca:/etc/a.pem");
        assert_eq!(trust("any"), "any");
    }

    #[test]
    fn words_print_as_they_are_read_and_errors_name_the_choices() {
        for policy in Policy::ALL {
            assert_eq!(policy.as_str().parse(), Ok(*policy));
        }
        let error = "on".parse::<TlsMode>().unwrap_err().to_string();
        assert_eq!(error, "expected auto, implicit, starttls, opportunistic or off, found \"on\"");
    }
}
