//! What travels beside a message: who sent it, who gets it, and what they asked for.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::address::{Mailbox, ReversePath};

/// How the body was declared. RFC 6152.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyKind {
    /// ASCII only.
    #[default]
    SevenBit,
    /// `BODY=8BITMIME`
    EightBitMime,
}

/// How much of the message a failure notice returns. RFC 3461 §4.3.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ret {
    /// The whole message.
    Full,
    /// Only its header.
    Hdrs,
}

/// Which notices a recipient's sender wants. RFC 3461 §4.1. Without the parameter: failure and delay.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Notify {
    /// A notice when the message was delivered.
    pub success: bool,
    /// A notice when it cannot be delivered.
    pub failure: bool,
    /// A notice when it is late.
    pub delay: bool,
    /// Whether the sender said so; only then the next hop is told.
    pub explicit: bool,
}

impl Notify {
    /// `NOTIFY=NEVER`
    pub const NEVER: Self = Self { success: false, failure: false, delay: false, explicit: true };
}

impl Default for Notify {
    fn default() -> Self {
        Self { success: false, failure: true, delay: true, explicit: false }
    }
}

/// The value of the parameter: `NEVER` or a list such as `SUCCESS,FAILURE`.
impl fmt::Display for Notify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [("SUCCESS", self.success), ("FAILURE", self.failure), ("DELAY", self.delay)];
        let mut words = words.iter().filter(|(_, on)| *on).map(|(word, _)| *word).peekable();
        if words.peek().is_none() {
            return f.write_str("NEVER");
        }
        f.write_str(&words.collect::<Vec<_>>().join(","))
    }
}

/// The text is no value of NOTIFY.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("NOTIFY takes NEVER, or a list of SUCCESS, FAILURE and DELAY")]
pub struct NotifyError;

impl FromStr for Notify {
    type Err = NotifyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut notify = Self::NEVER;
        if text.eq_ignore_ascii_case("NEVER") {
            return Ok(notify);
        }
        for word in text.split(',') {
            match word.to_ascii_uppercase().as_str() {
                "SUCCESS" => notify.success = true,
                "FAILURE" => notify.failure = true,
                "DELAY" => notify.delay = true,
                _ => return Err(NotifyError),
            }
        }
        Ok(notify)
    }
}

/// The original recipient, decoded from xtext. RFC 3461 §4.2.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Orcpt {
    /// `rfc822`, `utf-8`, …
    pub kind: String,
    /// The address as the first sender wrote it; no control characters.
    pub address: String,
}

/// One recipient with what its sender asked for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Recipient {
    /// Where the message goes.
    pub address: Mailbox,
    /// `ORCPT=`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orcpt: Option<Orcpt>,
    /// `NOTIFY=`
    #[serde(default)]
    pub notify: Notify,
}

impl Recipient {
    /// A recipient for whom nothing special was asked.
    pub fn new(address: Mailbox) -> Self {
        Self { address, orcpt: None, notify: Notify::default() }
    }
}

/// The envelope without its recipients, who go their own ways.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Envelope {
    /// `MAIL FROM:`
    pub reverse_path: ReversePath,
    /// `ENVID=`, decoded; no control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envid: Option<String>,
    /// `RET=`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ret: Option<Ret>,
    /// `BODY=`
    #[serde(default)]
    pub body: BodyKind,
    /// `SMTPUTF8`
    #[serde(default)]
    pub smtputf8: bool,
    /// `REQUIRETLS` (RFC 8689).
    #[serde(default)]
    pub require_tls: bool,
    /// `HOLDFOR=`, `HOLDUNTIL=` (RFC 4865): not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_until: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notify_prints_as_it_is_read() {
        for text in ["NEVER", "SUCCESS", "SUCCESS,FAILURE", "SUCCESS,FAILURE,DELAY"] {
            assert_eq!(text.parse::<Notify>().unwrap().to_string(), text);
        }
        for text in ["", "NEVER,SUCCESS", "SOMETIMES", "SUCCESS,"] {
            assert!(text.parse::<Notify>().is_err(), "{text}");
        }
    }
}
