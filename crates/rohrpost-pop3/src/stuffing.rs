//! A message on its way out: transparency dots (RFC 1939 §3), the end mark, and where TOP stops.

use bytes::{BufMut as _, BytesMut};
use memchr::memmem;

/// Writes one message. It comes in pieces of any size, with CRLF line ends.
#[derive(Debug)]
pub(crate) struct Stuffing {
    at_line_start: bool,
    cut: Option<Cut>,
}

impl Stuffing {
    /// A whole message, or its header and that many lines of its body.
    pub(crate) fn new(lines: Option<u64>) -> Self {
        Self { at_line_start: true, cut: lines.map(Cut::new) }
    }

    /// Takes the next piece. False where no more is wanted.
    pub(crate) fn push(&mut self, output: &mut BytesMut, piece: &[u8]) -> bool {
        let wanted = self.cut.as_mut().map_or(piece.len(), |cut| cut.wanted(piece));
        self.write(output, &piece[..wanted]);
        self.cut.as_ref().is_none_or(|cut| !cut.is_over())
    }

    /// Ends the message. RFC 1939 §3: the end mark is a line of its own, also where the last line had no end.
    pub(crate) fn end(self, output: &mut BytesMut) {
        output.put_slice(if self.at_line_start { b".\r\n" } else { b"\r\n.\r\n" });
    }

    fn write(&mut self, output: &mut BytesMut, piece: &[u8]) {
        let Some(last) = piece.last() else { return };
        if self.at_line_start && piece[0] == b'.' {
            output.put_u8(b'.');
        }
        let mut written = 0;
        for newline in memmem::find_iter(piece, b"\n.") {
            output.put_slice(&piece[written..=newline]);
            output.put_u8(b'.');
            written = newline + 1;
        }
        output.put_slice(&piece[written..]);
        self.at_line_start = *last == b'\n';
    }
}

/// Finds the place where TOP stops.
#[derive(Debug)]
struct Cut {
    in_header: bool,
    /// Lines of the body that are still to come.
    lines: u64,
    /// Octets of the line that has begun, without its LF.
    line_octets: usize,
}

impl Cut {
    fn new(lines: u64) -> Self {
        Self { in_header: true, lines, line_octets: 0 }
    }

    fn is_over(&self) -> bool {
        !self.in_header && self.lines == 0
    }

    /// How many octets of this piece belong to what is wanted.
    fn wanted(&mut self, piece: &[u8]) -> usize {
        let mut begin = 0;
        for newline in memchr::memchr_iter(b'\n', piece) {
            if self.is_over() {
                return begin;
            }
            self.end_line(newline - begin);
            begin = newline + 1;
        }
        if self.is_over() {
            return begin;
        }
        self.line_octets = self.line_octets.saturating_add(piece.len() - begin);
        piece.len()
    }

    /// A line has ended, the last part of which had that many octets. The first empty one ends the header.
    fn end_line(&mut self, octets: usize) {
        let is_empty = std::mem::take(&mut self.line_octets).saturating_add(octets) <= 1;
        if self.in_header {
            self.in_header = !is_empty;
        } else {
            self.lines -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(message: &str, lines: Option<u64>, piece_octets: usize) -> String {
        let mut output = BytesMut::new();
        let mut stuffing = Stuffing::new(lines);
        for piece in message.as_bytes().chunks(piece_octets) {
            if !stuffing.push(&mut output, piece) {
                break;
            }
        }
        stuffing.end(&mut output);
        String::from_utf8(output.to_vec()).unwrap()
    }

    #[test]
    fn a_dot_that_begins_a_line_is_doubled_and_no_other() {
        for piece_octets in 1..20 {
            let text = written(".a\r\n..\r\nb.c.\r\n.\r\n", None, piece_octets);
            assert_eq!(text, "..a\r\n...\r\nb.c.\r\n..\r\n.\r\n");
        }
    }

    #[test]
    fn a_message_without_an_end_gets_one_and_an_empty_one_is_nothing() {
        assert_eq!(written("a: b\r\n\r\nc", None, 3), "a: b\r\n\r\nc\r\n.\r\n");
        assert_eq!(written("", None, 1), ".\r\n");
    }

    #[test]
    fn top_ends_after_its_lines() {
        let message = "a: b\r\nc: d\r\n\r\n1\r\n\r\n.3\r\n4";
        for piece_octets in 1..=message.len() {
            let top = |lines| written(message, Some(lines), piece_octets);
            assert_eq!(top(0), "a: b\r\nc: d\r\n\r\n.\r\n");
            assert_eq!(top(1), "a: b\r\nc: d\r\n\r\n1\r\n.\r\n");
            assert_eq!(top(3), "a: b\r\nc: d\r\n\r\n1\r\n\r\n..3\r\n.\r\n");
            assert_eq!(top(999_999_999), written(message, None, 1));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_as_what_it_was(
            lines in proptest::collection::vec("[.ab]{0,4}\r\n", 0..9), piece_octets in 1_usize..9,
        ) {
            let message = lines.concat();
            let text = written(&message, None, piece_octets);
            let body = text.strip_suffix(".\r\n").unwrap();
            prop_assert!(!body.starts_with(".\r\n") && !body.contains("\n.\r\n"), "an end mark within");
            let read: String =
                body.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
            prop_assert_eq!(read, message);
        }
    }
}
