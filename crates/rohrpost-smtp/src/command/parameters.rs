//! The parameters of MAIL and RCPT: `KEYWORD` or `KEYWORD=value` (RFC 5321 §4.1.2), each at most once.
//!
//! They print as a client sends them.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use rohrpost_mail::{BodyKind, Notify, Orcpt, Ret};

use crate::{
    limits::{ENVID_BYTES_MAX, ORCPT_BYTES_MAX},
    xtext,
};

/// Why the parameters cannot be taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// No extension has this keyword.
    #[error("parameter unknown")]
    Unknown,
    /// The same keyword twice, or two that exclude each other.
    #[error("parameter given twice")]
    Twice,
    /// The value is missing, superfluous, or not of the form that its extension wants.
    #[error("value of the parameter not of the form it must have")]
    Value,
}

/// Until when a message is to be held back. RFC 4865 §4.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Hold {
    /// `HOLDFOR=`
    For(Duration),
    /// `HOLDUNTIL=`
    Until(Timestamp),
}

impl Hold {
    /// The instant, with `now` on the clock.
    pub fn until(self, now: Timestamp) -> Timestamp {
        match self {
            Self::For(span) => now.checked_add(span).unwrap_or(Timestamp::MAX),
            Self::Until(at) => at,
        }
    }
}

/// What stands behind the path of MAIL.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MailParameters {
    /// `SIZE=` (RFC 1870); more than 2⁶⁴ octets count as that.
    pub size: Option<u64>,
    /// `BODY=` (RFC 6152)
    pub body: Option<BodyKind>,
    /// `SMTPUTF8` (RFC 6531)
    pub smtputf8: bool,
    /// `RET=` (RFC 3461 §4.3)
    pub ret: Option<Ret>,
    /// `ENVID=`, decoded (RFC 3461 §4.4)
    pub envid: Option<String>,
    /// `AUTH=`, decoded (RFC 4954 §5)
    pub auth: Option<String>,
    /// `HOLDFOR=` or `HOLDUNTIL=` (RFC 4865 §4)
    pub hold: Option<Hold>,
    /// `REQUIRETLS` (RFC 8689)
    pub require_tls: bool,
}

impl MailParameters {
    /// Reads what follows the path: nothing, or a blank and the parameters.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let mut parsed = Self::default();
        for parameter in Parameter::split(text)? {
            parsed.take(parameter)?;
        }
        Ok(parsed)
    }

    fn take(&mut self, Parameter { keyword, value }: Parameter<'_>) -> Result<(), ParameterError> {
        match keyword.to_ascii_uppercase().as_str() {
            "SIZE" => set(&mut self.size, value.and_then(size)),
            "BODY" => set(&mut self.body, value.and_then(body)),
            "SMTPUTF8" => flag(&mut self.smtputf8, value),
            "RET" => set(&mut self.ret, value.and_then(ret)),
            "ENVID" => set(&mut self.envid, value.and_then(|text| decoded(text, ENVID_BYTES_MAX))),
            "AUTH" => set(&mut self.auth, value.and_then(|text| decoded(text, ORCPT_BYTES_MAX))),
            "HOLDFOR" => set(&mut self.hold, value.and_then(hold_for)),
            "HOLDUNTIL" => set(&mut self.hold, value.and_then(hold_until)),
            "REQUIRETLS" => flag(&mut self.require_tls, value),
            _ => Err(ParameterError::Unknown),
        }
    }
}

impl fmt::Display for MailParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(size) = self.size {
            write!(f, " SIZE={size}")?;
        }
        if let Some(body) = self.body {
            f.write_str(if body == BodyKind::EightBitMime { " BODY=8BITMIME" } else { " BODY=7BIT" })?;
        }
        if let Some(ret) = self.ret {
            f.write_str(if ret == Ret::Full { " RET=FULL" } else { " RET=HDRS" })?;
        }
        for (keyword, text) in [("ENVID", &self.envid), ("AUTH", &self.auth)] {
            if let Some(text) = text {
                write!(f, " {keyword}={}", xtext::encode(text))?;
            }
        }
        match self.hold {
            Some(Hold::For(span)) => write!(f, " HOLDFOR={}", span.as_secs())?,
            Some(Hold::Until(at)) => write!(f, " HOLDUNTIL={at}")?,
            None => {}
        }
        for (keyword, on) in [("SMTPUTF8", self.smtputf8), ("REQUIRETLS", self.require_tls)] {
            if on {
                write!(f, " {keyword}")?;
            }
        }
        Ok(())
    }
}

/// What stands behind the path of RCPT.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RcptParameters {
    /// `NOTIFY=` (RFC 3461 §4.1)
    pub notify: Option<Notify>,
    /// `ORCPT=`, decoded (RFC 3461 §4.2)
    pub orcpt: Option<Orcpt>,
}

impl RcptParameters {
    /// Reads what follows the path: nothing, or a blank and the parameters.
    pub fn parse(text: &str) -> Result<Self, ParameterError> {
        let mut parsed = Self::default();
        for Parameter { keyword, value } in Parameter::split(text)? {
            match keyword.to_ascii_uppercase().as_str() {
                "NOTIFY" => set(&mut parsed.notify, value.and_then(|text| text.parse().ok()))?,
                "ORCPT" => set(&mut parsed.orcpt, value.and_then(orcpt))?,
                _ => return Err(ParameterError::Unknown),
            }
        }
        Ok(parsed)
    }
}

impl fmt::Display for RcptParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(notify) = &self.notify {
            write!(f, " NOTIFY={notify}")?;
        }
        if let Some(Orcpt { kind, address }) = &self.orcpt {
            write!(f, " ORCPT={kind};{}", xtext::encode(address))?;
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Parameter<'a> {
    keyword: &'a str,
    value: Option<&'a str>,
}

impl<'a> Parameter<'a> {
    /// Parameters stand behind blanks; old clients send two. A control character never belongs to one.
    fn split(text: &'a str) -> Result<impl Iterator<Item = Self>, ParameterError> {
        let good = text.is_empty() || text.starts_with(' ') && !text.chars().any(char::is_control);
        let split = |word: &'a str| match word.split_once('=') {
            Some((keyword, value)) => Self { keyword, value: Some(value) },
            None => Self { keyword: word, value: None },
        };
        let words = text.split(' ').filter(|word| !word.is_empty());
        if good { Ok(words.map(split)) } else { Err(ParameterError::Value) }
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> Result<(), ParameterError> {
    let value = value.ok_or(ParameterError::Value)?;
    if place.replace(value).is_some() { Err(ParameterError::Twice) } else { Ok(()) }
}

fn flag(place: &mut bool, value: Option<&str>) -> Result<(), ParameterError> {
    match value {
        Some(_) => Err(ParameterError::Value),
        None if *place => Err(ParameterError::Twice),
        None => {
            *place = true;
            Ok(())
        }
    }
}

fn is_digits(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// RFC 1870 §4: up to 20 digits, of which not all numbers fit.
fn size(text: &str) -> Option<u64> {
    is_digits(text, 20).then(|| text.parse().unwrap_or(u64::MAX))
}

fn body(text: &str) -> Option<BodyKind> {
    match text.to_ascii_uppercase().as_str() {
        "7BIT" => Some(BodyKind::SevenBit),
        "8BITMIME" => Some(BodyKind::EightBitMime),
        _ => None,
    }
}

fn ret(text: &str) -> Option<Ret> {
    match text.to_ascii_uppercase().as_str() {
        "FULL" => Some(Ret::Full),
        "HDRS" => Some(Ret::Hdrs),
        _ => None,
    }
}

fn hold_for(text: &str) -> Option<Hold> {
    is_digits(text, 9).then(|| text.parse().ok().map(|seconds| Hold::For(Duration::from_secs(seconds))))?
}

fn hold_until(text: &str) -> Option<Hold> {
    text.parse().ok().map(Hold::Until)
}

fn decoded(text: &str, octets_max: usize) -> Option<String> {
    xtext::decode(text).ok().filter(|text| (1..=octets_max).contains(&text.len()))
}

/// `rfc822;ann+40here.test`: a type that is an atom, and the address.
fn orcpt(text: &str) -> Option<Orcpt> {
    let (kind, address) = text.split_once(';')?;
    let atom = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let address = decoded(address, ORCPT_BYTES_MAX).filter(|_| atom)?;
    Some(Orcpt { kind: kind.to_ascii_lowercase(), address })
}
