//! Responses on their way to the client: gathered, and handed out together, so that commands that came together are
//! answered in one write (RFC 2449 §6.6).

use std::{
    fmt::{self, Write as _},
    time::Instant,
};

use bytes::BytesMut;

use crate::{
    event::Transmit,
    limits::{OUTPUT_BYTES_MAX, REPLY_LINE_BYTES_MAX},
    response::Negative,
};

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: BytesMut,
    not_before: Option<Instant>,
    /// Whether the client waits for this before it sends more.
    due: bool,
    /// Stands behind every refusal, so that the log line can be found.
    id: Box<str>,
}

impl Output {
    pub(crate) fn set_id(&mut self, id: Box<str>) {
        self.id = id;
    }

    /// The client waits for what was written so far.
    pub(crate) fn flush(&mut self) {
        self.due = true;
    }

    /// What was written so far is not to leave before this instant.
    pub(crate) fn delay_until(&mut self, instant: Instant) {
        self.not_before = self.not_before.max(Some(instant));
        self.due = true;
    }

    /// `+OK` and a text.
    pub(crate) fn ok(&mut self, text: fmt::Arguments<'_>) {
        self.line(format_args!("+OK {text}"));
    }

    /// `-ERR`, code and text, which may be of the driver.
    pub(crate) fn negative(&mut self, Negative { code, text }: &Negative) {
        let code = code.map(|code| code.to_string()).unwrap_or_default();
        let id = if self.id.is_empty() { String::new() } else { format!(" ({})", self.id) };
        let room = REPLY_LINE_BYTES_MAX - "-ERR \r\n".len() - code.len();
        let text = text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
        let text: String = text.take(room.saturating_sub(id.len())).collect();
        self.line(format_args!("-ERR {code}{text}{id}"));
    }

    /// A line as it is.
    pub(crate) fn line(&mut self, text: fmt::Arguments<'_>) {
        write!(self.bytes, "{text}\r\n").expect("a buffer in memory takes everything");
    }

    /// Where a message is written.
    pub(crate) fn bytes(&mut self) -> &mut BytesMut {
        &mut self.bytes
    }

    /// Hands out what there is, unless more is to be added to it.
    pub(crate) fn take(&mut self, complete: bool) -> Option<Transmit> {
        if self.bytes.is_empty() || !(complete || self.due || self.is_full()) {
            return None;
        }
        self.due = false;
        Some(Transmit { bytes: self.bytes.split().freeze(), not_before: self.not_before.take() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() >= OUTPUT_BYTES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::ResponseCode;

    #[test]
    fn a_refusal_is_one_short_line_of_ascii_whatever_its_text_is() {
        let mut output = Output::default();
        output.set_id("a7".into());
        output.negative(&Negative::new(ResponseCode::SysTemp, format!("f\u{fc}r\r\n{}", "x".repeat(600))));
        let line = output.take(true).unwrap().bytes;
        assert_eq!(line.len(), REPLY_LINE_BYTES_MAX);
        assert!(line.starts_with(b"-ERR [SYS/TEMP] f?r??xx"));
        assert!(line.ends_with(b"xx (a7)\r\n"));
    }
}
