//! Lines on their way in: where they end, and how long they may be.

use std::fmt;

use crate::limits::{AUTH_LINE_BYTES_MAX, ENDLESS_LINE_BYTES};

/// Octets kept of a line that is too long: enough to tell its verb.
const PREFIX_BYTES: usize = 16;

/// What the octets up to the end of a line make.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Line<'a> {
    /// No end yet.
    Partial,
    /// A line that lay whole in the input, without its CRLF.
    Whole(&'a [u8]),
    /// A line that came in parts, without its CRLF.
    Joined(Vec<u8>),
    /// A line too long to be kept, and how it begins.
    TooLong(Vec<u8>),
    /// A line that ends with a bare LF, or holds a bare CR.
    BareNewline,
    /// So long that there is no use in waiting for its end.
    Endless,
}

/// The beginning of a line whose end has not come yet. It allocates nothing while lines come whole.
#[derive(Default)]
pub(super) struct LineBuffer {
    held: Vec<u8>,
    /// Octets of the line, those too many to be held included.
    octets: usize,
}

impl LineBuffer {
    /// Takes octets up to the end of a line; says how many.
    pub(super) fn cut<'a>(&mut self, input: &'a [u8]) -> (usize, Line<'a>) {
        let Some(end) = memchr::memchr(b'\n', input) else {
            self.hold(input);
            return (input.len(), if self.is_endless() { Line::Endless } else { Line::Partial });
        };
        let part = &input[..end];
        if self.is_empty() && part.len() < AUTH_LINE_BYTES_MAX {
            return (end + 1, without_cr(part).map_or(Line::BareNewline, Line::Whole));
        }
        self.hold(part);
        let line = match std::mem::take(self) {
            line if line.is_endless() => Line::Endless,
            Self { held, octets } if held.len() < octets => Line::TooLong(held),
            Self { held, .. } => without_cr(&held).map_or(Line::BareNewline, |line| Line::Joined(line.to_vec())),
        };
        (end + 1, line)
    }

    /// Whether no line has begun.
    pub(super) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    fn is_endless(&self) -> bool {
        self.octets > ENDLESS_LINE_BYTES
    }

    fn hold(&mut self, part: &[u8]) {
        self.octets += part.len();
        if self.octets < AUTH_LINE_BYTES_MAX {
            self.held.extend_from_slice(part);
        } else if self.held.len() < PREFIX_BYTES {
            self.held.extend_from_slice(&part[..part.len().min(PREFIX_BYTES)]);
        } else {
            self.held.truncate(PREFIX_BYTES);
        }
    }
}

/// The line may be a password.
impl fmt::Debug for LineBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineBuffer").field("octets", &self.octets).finish_non_exhaustive()
    }
}

/// Only CRLF ends a line, and a CR stands nowhere else (RFC 5321 §2.3.8).
fn without_cr(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\r").filter(|line| memchr::memchr(b'\r', line).is_none())
}
