//! Lines on their way in: where they end, and how long they may be.

use std::{borrow::Cow, fmt};

use crate::limits::LINE_BYTES_MAX;

/// What the octets up to the end of a line make.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Line<'a> {
    /// No end yet.
    Partial,
    /// A line without its CRLF.
    Whole(Cow<'a, [u8]>),
    /// More than [`LINE_BYTES_MAX`] octets.
    TooLong,
    /// A line that ends with a bare LF, or holds a bare CR.
    BareNewline,
}

/// The beginning of a line whose end has not come yet. It allocates nothing while lines come whole.
#[derive(Default)]
pub(crate) struct LineBuffer {
    held: Vec<u8>,
}

impl LineBuffer {
    /// Takes octets up to the end of a line; says how many.
    pub(crate) fn cut<'a>(&mut self, input: &'a [u8]) -> (usize, Line<'a>) {
        let (taken, is_ended) = memchr::memchr(b'\n', input).map_or((input.len(), false), |end| (end + 1, true));
        let part = &input[..taken];
        if self.held.len() + part.len() > LINE_BYTES_MAX {
            return (taken, Line::TooLong);
        }
        if is_ended && self.is_empty() {
            return (taken, without_end(part).map_or(Line::BareNewline, |line| Line::Whole(line.into())));
        }
        self.held.extend_from_slice(part);
        if !is_ended {
            return (taken, Line::Partial);
        }
        let held = std::mem::take(&mut self.held);
        (taken, without_end(&held).map_or(Line::BareNewline, |line| Line::Whole(line.to_vec().into())))
    }

    /// Whether no line has begun.
    pub(crate) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

/// The line may be a password.
impl fmt::Debug for LineBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineBuffer").field("octets", &self.held.len()).finish_non_exhaustive()
    }
}

/// Only CRLF ends a line, and a CR stands nowhere else: what some read as one line others would read as two.
fn without_end(line: &[u8]) -> Option<&[u8]> {
    line.strip_suffix(b"\r\n").filter(|line| memchr::memchr(b'\r', line).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_same_in_one_piece_and_octet_by_octet() {
        let mut lines = LineBuffer::default();
        assert_eq!(lines.cut(b"NOOP\r\nQUIT"), (6, Line::Whole(b"NOOP".into())));
        for octet in b"STAT\r" {
            assert_eq!(lines.cut(&[*octet]), (1, Line::Partial));
        }
        assert_eq!(lines.cut(b"\n"), (1, Line::Whole(b"STAT".into())));
        assert!(lines.is_empty());
    }

    #[test]
    fn nothing_but_crlf_ends_a_line() {
        for line in [&b"NOOP\n"[..], b"NO\rOP\r\n", b"NOOP\r\r\n"] {
            assert_eq!(LineBuffer::default().cut(line), (line.len(), Line::BareNewline));
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut lines = LineBuffer::default();
        let part = [b'x'; 1024];
        let long = (0..13).map(|_| lines.cut(&part).1).find(|line| *line == Line::TooLong);
        assert_eq!(long, Some(Line::TooLong));
        assert!(lines.held.len() <= LINE_BYTES_MAX);
    }
}
