//! Status responses and continuations.

use std::borrow::Cow;

use super::Code;
use crate::command::Tag;

/// A status response (RFC 9051 §7.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Line {
    /// The command it answers; none for what is said of the session's own accord.
    pub tag: Option<Tag>,
    /// How it went.
    pub status: Status,
    /// The part for programs.
    pub code: Option<Code>,
    /// The part for people.
    pub text: Cow<'static, str>,
}

/// How a command went, or what becomes of the session.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Status {
    /// OK
    Ok,
    /// NO: it cannot be done.
    No,
    /// BAD: it is no command, or none that may come now.
    Bad,
    /// BYE: the session ends.
    Bye,
}

impl Line {
    /// The answer to a command.
    pub fn tagged(tag: Tag, status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { tag: Some(tag), status, code: None, text: text.into() }
    }

    /// A line that answers no command.
    pub fn untagged(status: Status, text: impl Into<Cow<'static, str>>) -> Self {
        Self { tag: None, status, code: None, text: text.into() }
    }

    /// The same with a code.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = Some(code);
        self
    }

    /// Writes the line with its CRLF.
    pub fn print(&self, out: &mut Vec<u8>) {
        match &self.tag {
            Some(tag) => out.extend_from_slice(tag.as_str().as_bytes()),
            None => out.push(b'*'),
        }
        out.push(b' ');
        out.extend_from_slice(self.status.name().as_bytes());
        out.push(b' ');
        if let Some(code) = &self.code {
            out.push(b'[');
            code.print(out);
            out.extend_from_slice(b"] ");
        }
        text(out, &self.text);
        out.extend_from_slice(b"\r\n");
    }
}

impl Status {
    /// Its name: `OK`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::No => "NO",
            Self::Bad => "BAD",
            Self::Bye => "BYE",
        }
    }
}

/// Writes a continuation (RFC 9051 §7.6) with its CRLF: a challenge in base64, which may be empty, or a word that the
/// client may go on.
pub fn continuation(out: &mut Vec<u8>, rest: &str) {
    out.extend_from_slice(b"+ ");
    if !rest.is_empty() {
        text(out, rest);
    }
    out.extend_from_slice(b"\r\n");
}

/// Writes the words of a line. What would end the line or is not ASCII is a question mark: texts may quote a peer.
fn text(out: &mut Vec<u8>, text: &str) {
    if text.is_empty() {
        // `resp-text` has at least one octet, and some clients insist.
        return out.push(b'.');
    }
    out.extend(text.chars().map(|letter| if matches!(letter, ' '..='~') { letter as u8 } else { b'?' }));
}
