//! Replies as they come over the wire: RFC 5321 §4.2, with enhanced status codes by RFC 2034.
//!
//! [`Parser`] takes octets in any portions and gives whole [`Reply`] values. It is strict where leniency has been used
//! against clients before: every line ends with CRLF, has the same three digits and fits the bounds below. It holds at
//! most one unfinished reply, so a peer that never stops costs [`LINE_BYTES_MAX`] × [`LINES_MAX`] octets and no more.
//!
//! This module reads what a peer says; what the server side says is put into words there.
//!
//! ```
//! use rohrpost_smtp::reply::Parser;
//!
//! let mut parser = Parser::default();
//! parser.push(b"250-mx.example\r\n250 SIZE 1");
//! assert_eq!(parser.next_reply(), Ok(None));
//! parser.push(b"000\r\n");
//! let reply = parser.next_reply()?.expect("the reply is whole");
//! assert_eq!((reply.code, reply.text.as_str()), (250, "mx.example\nSIZE 1000"));
//! # Ok::<(), rohrpost_smtp::reply::ReplyError>(())
//! ```

use rohrpost_mail::{EnhancedStatus, Reply};

/// Octets of one line, its end included. RFC 5321 §4.5.3.1.5 sets 512; long greetings and SASL challenges need more.
pub const LINE_BYTES_MAX: usize = 2_048;
const _: () = assert!(LINE_BYTES_MAX >= 512);

/// Lines of one reply. The longest honest ones are replies to EHLO and to HELP.
pub const LINES_MAX: usize = 100;

/// What is wrong with a peer's reply. Nothing after it can be understood: the connection has to go.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// A line is longer than [`LINE_BYTES_MAX`].
    #[error("a line of the reply is longer than {LINE_BYTES_MAX} octets")]
    LineTooLong,
    /// More than [`LINES_MAX`] lines.
    #[error("the reply has more than {LINES_MAX} lines")]
    TooManyLines,
    /// A line does not start with three digits from 200 to 599, and a blank or a hyphen.
    #[error("the reply has no code")]
    NoCode,
    /// The lines of one reply have different codes.
    #[error("the lines of the reply have different codes")]
    MixedCodes,
    /// LF without CR, or CR without LF.
    #[error("a line of the reply does not end with CRLF")]
    BareNewline,
    /// NUL.
    #[error("the reply holds a NUL")]
    Nul,
}

/// Cuts what a peer sends into replies.
#[derive(Debug, Default)]
pub struct Parser {
    buffer: Vec<u8>,
    /// Octets of `buffer` that are read already.
    start: usize,
    /// Octets of `buffer` that were searched for a line end already.
    searched: usize,
    reply: Option<Partial>,
    error: Option<ReplyError>,
}

#[derive(Debug)]
struct Partial {
    code: u16,
    enhanced: Option<EnhancedStatus>,
    text: String,
    lines: usize,
}

impl Parser {
    /// Takes octets. What exceeds the bounds is found by the next [`Parser::next_reply`].
    pub fn push(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole reply, or `None` if more octets are needed.
    ///
    /// # Errors
    /// [`ReplyError`], again at every later call: the parser cannot find its way back into such a stream.
    pub fn next_reply(&mut self) -> Result<Option<Reply>, ReplyError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        let result = self.read();
        if let Err(error) = result {
            self.error = Some(error);
            self.buffer = Vec::new();
            (self.start, self.searched) = (0, 0);
        }
        result
    }

    /// Octets that were pushed and are in no reply that was handed out.
    pub fn unread(&self) -> usize {
        let partial = self.reply.as_ref().map_or(0, |partial| partial.text.len());
        self.buffer.len() - self.start + partial
    }

    fn read(&mut self) -> Result<Option<Reply>, ReplyError> {
        while let Some(end) = memchr::memchr(b'\n', &self.buffer[self.searched..]).map(|at| self.searched + at) {
            let line = check_line(&self.buffer[self.start..=end])?;
            let last = read_line(&mut self.reply, line)?;
            self.start = end + 1;
            self.searched = self.start;
            if last {
                return Ok(self.reply.take().map(Partial::finish));
            }
        }
        self.searched = self.buffer.len();
        if self.buffer.len() - self.start >= LINE_BYTES_MAX { Err(ReplyError::LineTooLong) } else { Ok(None) }
    }
}

impl Partial {
    fn finish(self) -> Reply {
        Reply::new(self.code, self.enhanced, self.text)
    }
}

/// Takes the line end off, and sees that it is a proper one.
fn check_line(line: &[u8]) -> Result<&[u8], ReplyError> {
    if line.len() > LINE_BYTES_MAX {
        return Err(ReplyError::LineTooLong);
    }
    let line = line.strip_suffix(b"\r\n").ok_or(ReplyError::BareNewline)?;
    match memchr::memchr2(b'\r', 0, line) {
        Some(at) if line[at] == 0 => Err(ReplyError::Nul),
        Some(_) => Err(ReplyError::BareNewline),
        None => Ok(line),
    }
}

/// Adds a line to the reply; says whether it was the last one.
fn read_line(reply: &mut Option<Partial>, line: &[u8]) -> Result<bool, ReplyError> {
    let (code, last, text) = split_line(line)?;
    let text = String::from_utf8_lossy(text);
    let (enhanced, rest) = split_enhanced(code, &text);
    let Some(partial) = reply else {
        *reply = Some(Partial { code, enhanced, text: rest.to_owned(), lines: 1 });
        return Ok(last);
    };
    if partial.code != code {
        return Err(ReplyError::MixedCodes);
    }
    if partial.lines == LINES_MAX {
        return Err(ReplyError::TooManyLines);
    }
    partial.lines += 1;
    partial.text.push('\n');
    // RFC 2034 §4: every line repeats the code; it is taken off where it is the same.
    partial.text.push_str(if enhanced.is_some() && enhanced == partial.enhanced { rest } else { &text });
    Ok(last)
}

/// Code, whether this is the last line, text. RFC 5321 §4.2: also a code without blank and text is a line.
fn split_line(line: &[u8]) -> Result<(u16, bool, &[u8]), ReplyError> {
    let (digits, rest) = line.split_at_checked(3).ok_or(ReplyError::NoCode)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return Err(ReplyError::NoCode);
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    match rest.split_first() {
        None => Ok((code, true, rest)),
        Some((b' ', text)) => Ok((code, true, text)),
        Some((b'-', text)) => Ok((code, false, text)),
        Some(_) => Err(ReplyError::NoCode),
    }
}

/// Takes an enhanced status off the front, if its class fits the code (RFC 2034 §4).
fn split_enhanced(code: u16, text: &str) -> (Option<EnhancedStatus>, &str) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    match word.parse::<EnhancedStatus>() {
        Ok(enhanced) if u16::from(enhanced.0) == code / 100 => (Some(enhanced), rest),
        _ => (None, text),
    }
}

#[cfg(test)]
mod tests;
