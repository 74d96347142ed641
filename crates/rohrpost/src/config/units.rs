//! Spans of time and sizes as people write them: `"5 min"`, `"50 MiB"`.
//!
//! A number and one unit, nothing else: a setting that needs two units is written in the smaller one.

use std::{fmt, str::FromStr, time::Duration};

/// The text is no span of time or no size.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub(crate) struct UnitError {
    expected: &'static str,
    found: String,
}

/// Splits `12 min` into number and unit; the blank may be missing.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    Some((text[..end].parse().ok()?, text[end..].trim_start()))
}

/// A span of time. Serialises as it is written.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Span(pub(crate) Duration);

/// Units of time with their length in milliseconds, the longest first.
const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];

impl Span {
    /// So many seconds.
    pub(crate) const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// So many minutes.
    pub(crate) const fn mins(minutes: u64) -> Self {
        Self::secs(60 * minutes)
    }

    /// So many hours.
    pub(crate) const fn hours(hours: u64) -> Self {
        Self::mins(60 * hours)
    }

    /// So many days of 24 hours.
    pub(crate) const fn days(days: u64) -> Self {
        Self::hours(24 * days)
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let found =
            || UnitError { expected: "a number with ms, s, min, h or d, such as \"5 min\"", found: text.into() };
        let (number, unit) = split(text).ok_or_else(found)?;
        let (_, millis) = TIMES.iter().find(|(name, _)| *name == unit).ok_or_else(found)?;
        number.checked_mul(*millis).map(|millis| Self(Duration::from_millis(millis))).ok_or_else(found)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let whole = |length: u64| millis.is_multiple_of(u128::from(length));
        let (name, length) = TIMES.iter().find(|(_, length)| millis > 0 && whole(*length)).unwrap_or(&("s", 1_000));
        write!(f, "{} {name}", millis / u128::from(*length))
    }
}

/// A number of octets. Serialises as it is written.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Size(pub(crate) u64);

/// Units of size, the largest first.
const SIZES: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl Size {
    /// So many times 2^20 octets.
    pub(crate) const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }
}

impl FromStr for Size {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let found =
            || UnitError { expected: "a number with B, KiB, MiB or GiB, such as \"50 MiB\"", found: text.into() };
        let (number, unit) = split(text).ok_or_else(found)?;
        let (_, octets) = SIZES.iter().find(|(name, _)| *name == unit).ok_or_else(found)?;
        number.checked_mul(*octets).map(Self).ok_or_else(found)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, length) =
            SIZES.iter().find(|(_, length)| self.0 > 0 && self.0.is_multiple_of(*length)).unwrap_or(&("B", 1));
        write!(f, "{} {name}", self.0 / length)
    }
}

/// Reads a type from a TOML string by its `FromStr`.
macro_rules! read_as_text {
    ($type:ty) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

read_as_text!(Span);
read_as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_print_as_they_are_read() {
        for text in ["250 ms", "5 s", "90 s", "5 min", "4 h", "30 d", "0 s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["1 B", "128 KiB", "50 MiB", "2 GiB", "0 B"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        assert_eq!("5min".parse::<Span>(), Ok(Span::mins(5)));
        assert_eq!("24 h".parse::<Span>().unwrap().to_string(), "1 d");
    }

    #[test]
    fn what_has_no_unit_or_does_not_fit_is_refused() {
        for text in ["", "5", "min", "-5 min", "5 minutes", "1 h 30 min", "99999999999999999 d"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
        for text in ["50", "50 MB", "1.5 MiB", "99999999999999 GiB"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }
}
