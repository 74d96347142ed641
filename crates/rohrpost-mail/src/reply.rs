//! Replies of a server: code, enhanced status, text.

use std::{fmt, str::FromStr};

/// The digits of RFC 3463: class, subject, detail.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct EnhancedStatus(pub u8, pub u16, pub u16);

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// The text holds no enhanced status code.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not an enhanced status code such as 5.1.1")]
pub struct EnhancedStatusError;

impl FromStr for EnhancedStatus {
    type Err = EnhancedStatusError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split('.').map(|part| match part.len() {
            1..=3 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<u16>().ok(),
            _ => None,
        });
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(class @ (2 | 4 | 5))), Some(Some(subject)), Some(Some(detail)), None) => {
                Ok(Self(class.to_le_bytes()[0], subject, detail))
            }
            _ => Err(EnhancedStatusError),
        }
    }
}

crate::serde_as_text!(EnhancedStatus);

/// What the first digit of a reply says. RFC 5321 §4.2.1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// 2xx: done.
    Positive,
    /// 3xx: go on.
    Intermediate,
    /// 4xx: try again later.
    Temporary,
    /// 5xx: do not try again.
    Permanent,
}

/// One reply, ours or a peer's. The text holds no control characters: [`Reply::new`] and the parser replace them.
#[derive(Clone, Debug, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    /// The code of RFC 3463, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<EnhancedStatus>,
    /// The text, without code and enhanced status; lines are separated by `\n`.
    pub text: String,
}

impl Reply {
    /// A reply of one or more lines; control characters other than `\n` become `?`.
    pub fn new(code: u16, enhanced: Option<EnhancedStatus>, text: impl AsRef<str>) -> Self {
        let is_unfit = |c: char| c.is_control() && c != '\n';
        Self { code, enhanced, text: text.as_ref().replace(is_unfit, "?") }
    }

    /// Short for a reply with an enhanced status whose class follows from the code.
    pub fn with(code: u16, subject: u16, detail: u16, text: impl AsRef<str>) -> Self {
        let class = (code / 100).to_le_bytes()[0];
        Self::new(code, Some(EnhancedStatus(class, subject, detail)), text)
    }

    /// What the first digit says.
    pub fn severity(&self) -> Severity {
        match self.code {
            200..300 => Severity::Positive,
            300..400 => Severity::Intermediate,
            400..500 => Severity::Temporary,
            _ => Severity::Permanent,
        }
    }

    /// 2xx.
    pub fn is_positive(&self) -> bool {
        self.severity() == Severity::Positive
    }

    /// 5xx.
    pub fn is_permanent(&self) -> bool {
        self.severity() == Severity::Permanent
    }
}

/// One line, as logs and bounces quote it: `550 5.1.1 No such mailbox`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        let text = self.text.replace('\n', " / ");
        if text.is_empty() { Ok(()) } else { write!(f, " {text}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enhanced_codes_print_and_read_back() {
        assert_eq!("5.1.1".parse(), Ok(EnhancedStatus(5, 1, 1)));
        assert_eq!(EnhancedStatus(4, 7, 28).to_string(), "4.7.28");
        for text in ["", "5", "5.1", "5.1.1.1", "3.1.1", "5.1.1000", "5.+1.1", "5.1.x"] {
            assert!(text.parse::<EnhancedStatus>().is_err(), "{text}");
        }
    }

    #[test]
    fn control_characters_never_get_into_a_reply() {
        let reply = Reply::with(550, 1, 1, "no\r\n250 \x1b[31mOK");
        assert_eq!(reply.to_string(), "550 5.1.1 no? / 250 ?[31mOK");
    }
}
