//! Replies on their way to the client: gathered, and handed out as one group (RFC 2920 §3.2).

use std::{fmt::Write as _, time::Instant};

use bytes::{BufMut as _, BytesMut};
use rohrpost_mail::{EnhancedStatus, Reply};

use super::{event::Transmit, replies::Fixed};
use crate::limits::{OUTPUT_BYTES_MAX, REPLY_LINE_BYTES_MAX};

/// Octets of a text that fit into one line behind `550-5.7.999 `.
const TEXT_BYTES_MAX: usize = REPLY_LINE_BYTES_MAX - "550-5.999.999 \r\n".len();

/// Octets of room that a line finds: most replies need no more.
const BUFFER_BYTES_MIN: usize = 80;

/// What waits to be written.
#[derive(Debug)]
pub(super) struct Output {
    bytes: BytesMut,
    not_before: Option<Instant>,
    /// Whether the client waits for this before it sends more.
    due: bool,
    /// Whether enhanced status codes are written.
    enhanced: bool,
    /// Stands behind every refusal, so that the log line can be found.
    id: Box<str>,
}

impl Output {
    pub(super) fn new(enhanced: bool) -> Self {
        Self { bytes: BytesMut::new(), not_before: None, due: false, enhanced, id: Box::default() }
    }

    pub(super) fn set_id(&mut self, id: Box<str>) {
        self.id = id;
    }

    /// The client waits for what was written so far.
    pub(super) fn flush(&mut self) {
        self.due = true;
    }

    /// What was written so far is not to leave before this instant.
    pub(super) fn delay_until(&mut self, instant: Instant) {
        self.not_before = self.not_before.max(Some(instant));
        self.due = true;
    }

    pub(super) fn fixed(&mut self, Fixed(code, subject, detail, text): Fixed) {
        let class = (code / 100).to_le_bytes()[0];
        self.line(code, Some(EnhancedStatus(class, subject, detail)), text, true);
    }

    /// A reply that has no enhanced status.
    pub(super) fn plain(&mut self, code: u16, text: &str) {
        self.line(code, None, text, true);
    }

    /// A reply of the driver. Without SMTPUTF8 the client may not get what is not ASCII (RFC 6531 §3.7.4.2).
    pub(super) fn reply(&mut self, reply: &Reply, smtputf8: bool) {
        let ascii = |c: char| if c.is_ascii() { c } else { '?' };
        let text = reply.text.as_str();
        let text = if smtputf8 || text.is_ascii() { text.into() } else { text.chars().map(ascii).collect::<String>() };
        let mut lines = text.split('\n').flat_map(pieces).peekable();
        while let Some(line) = lines.next() {
            self.line(reply.code, reply.enhanced, line, lines.peek().is_none());
        }
    }

    /// The reply to EHLO and its like: no enhanced status (RFC 2034 §4), one keyword a line.
    pub(super) fn hello(&mut self, lines: &[String]) {
        for (n, line) in lines.iter().enumerate() {
            self.line(250, None, line, n + 1 == lines.len());
        }
    }

    fn line(&mut self, code: u16, enhanced: Option<EnhancedStatus>, text: &str, last: bool) {
        // Handed out in pieces, one buffer serves many replies: it is taken back once the pieces are gone.
        self.bytes.reserve(text.len().max(BUFFER_BYTES_MIN));
        let separator = if last { ' ' } else { '-' };
        let enhanced = enhanced.filter(|_| self.enhanced);
        let written = match enhanced {
            Some(enhanced) => write!(self.bytes, "{code}{separator}{enhanced} {text}"),
            None => write!(self.bytes, "{code}{separator}{text}"),
        };
        written.expect("a buffer in memory takes everything");
        if last && code >= 400 && !self.id.is_empty() {
            write!(self.bytes, " ({})", self.id).expect("a buffer in memory takes everything");
        }
        self.bytes.put_slice(b"\r\n");
    }

    /// Hands out the group, unless more is to be added to it.
    pub(super) fn take(&mut self, complete: bool) -> Option<Transmit> {
        if self.bytes.is_empty() || !(complete || self.due || self.is_full()) {
            return None;
        }
        self.due = false;
        Some(Transmit { bytes: self.bytes.split().freeze(), not_before: self.not_before.take() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= OUTPUT_BYTES_MAX
    }
}

/// Cuts a text into pieces that fit into a line; the text may be empty.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        if text.len() <= TEXT_BYTES_MAX {
            return rest.take();
        }
        let cut = text.floor_char_boundary(TEXT_BYTES_MAX);
        let cut = text[..cut].rfind(' ').map_or(cut, |blank| blank + 1);
        rest = Some(&text[cut..]);
        Some(text[..cut].trim_end())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(reply: &Reply, smtputf8: bool) -> String {
        let mut output = Output::new(true);
        output.reply(reply, smtputf8);
        String::from_utf8(output.take(true).unwrap().bytes.to_vec()).unwrap()
    }

    #[test]
    fn every_line_of_a_reply_has_code_and_status_and_fits() {
        let reply = Reply::with(550, 7, 1, "one\ntwo");
        assert_eq!(written(&reply, false), "550-5.7.1 one\r\n550 5.7.1 two\r\n");
        let long = written(&Reply::with(550, 7, 1, "word ".repeat(300)), false);
        assert!(long.lines().count() > 2);
        assert!(long.split_inclusive("\r\n").all(|line| line.len() <= REPLY_LINE_BYTES_MAX), "{long}");
        assert!(written(&Reply::with(550, 7, 1, "x".repeat(2_000)), false).lines().count() > 3);
        assert_eq!(written(&Reply::new(250, None, ""), false), "250 \r\n");
    }

    #[test]
    fn only_a_client_with_smtputf8_sees_more_than_ascii() {
        let reply = Reply::with(550, 1, 1, "No such user: jörg");
        assert_eq!(written(&reply, false), "550 5.1.1 No such user: j?rg\r\n");
        assert_eq!(written(&reply, true), "550 5.1.1 No such user: jörg\r\n");
    }

    #[test]
    fn a_refusal_names_the_session() {
        let mut output = Output::new(false);
        output.set_id("a7".into());
        output.fixed(super::super::replies::OK);
        output.fixed(super::super::replies::MAIL_FIRST);
        assert_eq!(output.take(false), None);
        assert_eq!(&output.take(true).unwrap().bytes[..], b"250 OK\r\n503 Send MAIL first (a7)\r\n");
    }
}
