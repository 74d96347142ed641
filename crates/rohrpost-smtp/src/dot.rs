//! The body on its way out: CRLF everywhere, dots stuffed. RFC 5321 §2.3.8 and §4.5.2.
//!
//! [`Writer`] takes a body in any portions. Whatever came in, no bare CR and no bare LF goes out, and with
//! [`Framing::Dot`] no line of the body can end it: this is where SMTP smuggling stops, also for messages that another
//! program stored. A body that has proper line ends already passes unchanged, copied in long runs.
//!
//! ```
//! use rohrpost_smtp::dot::{Framing, Writer};
//!
//! let (mut writer, mut out) = (Writer::new(Framing::Dot), Vec::new());
//! writer.push(b"one\n.\r\ntwo", &mut out);
//! writer.finish(&mut out);
//! assert_eq!(out, b"one\r\n..\r\ntwo\r\n.\r\n");
//! ```

/// How the receiver finds the end of the body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Framing {
    /// By a line with a single dot: DATA. Dots at the start of a line are doubled, the body ends with CRLF.
    Dot,
    /// By a count: BDAT (RFC 3030). Only line ends are put right.
    Counted,
}

/// Where in a line the octets so far end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    LineStart,
    Inside,
    /// Behind a CR that is not written yet, since what follows decides what it means.
    AfterCr,
}

/// Puts a body into the form in which it travels.
#[derive(Debug)]
pub struct Writer {
    framing: Framing,
    place: Place,
}

impl Writer {
    /// A writer at the start of a body.
    pub fn new(framing: Framing) -> Self {
        Self { framing, place: Place::LineStart }
    }

    /// Appends `input` to `out` in the form in which it travels. A CR at the end is held until its successor is known.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.reserve(input.len() + input.len() / 64 + 8);
        let mut rest = input;
        if self.place == Place::AfterCr && !rest.is_empty() {
            out.extend_from_slice(b"\r\n");
            self.place = Place::LineStart;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        self.copy_runs(rest, out);
    }

    /// Ends the body: a line that is not ended is, and with [`Framing::Dot`] the lone dot follows.
    pub fn finish(self, out: &mut Vec<u8>) {
        let unended = match self.framing {
            Framing::Dot => self.place != Place::LineStart,
            Framing::Counted => self.place == Place::AfterCr,
        };
        if unended {
            out.extend_from_slice(b"\r\n");
        }
        if self.framing == Framing::Dot {
            out.extend_from_slice(b".\r\n");
        }
    }

    /// Copies what may stay in runs as long as possible; a run ends where something has to be put right.
    fn copy_runs(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let (mut run, mut at) = (0, 0);
        while at < input.len() {
            if self.place == Place::LineStart {
                if self.framing == Framing::Dot && input[at] == b'.' {
                    out.extend_from_slice(&input[run..at]);
                    out.push(b'.');
                    run = at;
                }
                self.place = Place::Inside;
            }
            let Some(found) = memchr::memchr2(b'\r', b'\n', &input[at..]) else { break };
            let end = at + found;
            match (input[end], input.get(end + 1)) {
                (b'\r', Some(b'\n')) => at = end + 2,
                (b'\r', None) => {
                    out.extend_from_slice(&input[run..end]);
                    self.place = Place::AfterCr;
                    return;
                }
                _ => {
                    out.extend_from_slice(&input[run..end]);
                    out.extend_from_slice(b"\r\n");
                    at = end + 1;
                    run = at;
                }
            }
            self.place = Place::LineStart;
        }
        out.extend_from_slice(&input[run..]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(framing: Framing, portions: &[&[u8]]) -> Vec<u8> {
        let (mut writer, mut out) = (Writer::new(framing), Vec::new());
        for portion in portions {
            writer.push(portion, &mut out);
        }
        writer.finish(&mut out);
        out
    }

    #[test]
    fn every_form_of_line_end_becomes_crlf_and_none_ends_the_body() {
        for forged in ["\n.\n", "\n.\r", "\r.\n", "\r.\r", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\n"] {
            let body = format!("a{forged}MAIL FROM:<x@y.test>\r\n");
            let out = written(Framing::Dot, &[body.as_bytes()]);
            assert_eq!(out, b"a\r\n..\r\nMAIL FROM:<x@y.test>\r\n.\r\n", "{forged:?}");
        }
    }

    #[test]
    fn dots_are_doubled_only_at_the_start_of_a_line() {
        assert_eq!(written(Framing::Dot, &[b".a.b\r\n..\r\nc."]), b"..a.b\r\n...\r\nc.\r\n.\r\n");
        assert_eq!(written(Framing::Dot, &[b"a\r\n", b".b\r\n"]), b"a\r\n..b\r\n.\r\n");
    }

    #[test]
    fn a_body_ends_with_a_line_end_before_the_dot() {
        assert_eq!(written(Framing::Dot, &[]), b".\r\n");
        assert_eq!(written(Framing::Dot, &[b"a"]), b"a\r\n.\r\n");
        assert_eq!(written(Framing::Dot, &[b"a\r"]), b"a\r\n.\r\n");
        assert_eq!(written(Framing::Dot, &[b"a\r\n"]), b"a\r\n.\r\n");
    }

    #[test]
    fn a_counted_body_keeps_its_dots_and_its_end() {
        assert_eq!(written(Framing::Counted, &[b".a\n.b"]), b".a\r\n.b");
        assert_eq!(written(Framing::Counted, &[b"a\r"]), b"a\r\n");
        assert_eq!(written(Framing::Counted, &[b"a\r\r\nb"]), b"a\r\n\r\nb");
    }

    /// What the receiver makes of the octets between 354 and the lone dot.
    fn received(wire: &[u8]) -> Option<Vec<u8>> {
        let body = if wire == b".\r\n" { b"" } else { wire.strip_suffix(b"\r\n.\r\n")? };
        if body.windows(5).any(|five| five == b"\r\n.\r\n") {
            return None;
        }
        let lines = body.split(|byte| *byte == b'\n').map(|line| line.strip_prefix(b".").unwrap_or(line));
        Some(lines.collect::<Vec<_>>().join(&b'\n'))
    }

    /// The same normalisation, octet by octet.
    fn normalised(body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for (at, byte) in body.iter().enumerate() {
            match byte {
                b'\n' if at > 0 && body[at - 1] == b'\r' => {}
                b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
                byte => out.push(*byte),
            }
        }
        out
    }

    proptest! {
        #[test]
        fn the_receiver_gets_the_normalised_body_however_it_was_cut(
            body in "[a.\r\n]{0,60}", cut in 0..60_usize, second in 0..60_usize,
        ) {
            let body = body.as_bytes();
            let (head, tail) = body.split_at(cut.min(body.len()));
            let (middle, tail) = tail.split_at(second.min(tail.len()));
            let expected = normalised(body);
            let counted = written(Framing::Counted, &[head, middle, tail]);
            prop_assert_eq!(&counted, &expected);
            let wire = written(Framing::Dot, &[head, middle, tail]);
            let ended = expected.strip_suffix(b"\r\n").unwrap_or(&expected);
            prop_assert_eq!(received(&wire), Some(ended.to_vec()), "{:?}", wire);
        }
    }
}
