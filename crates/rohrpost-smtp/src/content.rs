//! The octets of a message on their way in: line ends, transparency dots, and the limits of lines, header and size.
//!
//! [`crate::data::Reader`] and [`crate::bdat::Reader`] are built on this. The common message – CRLF at every line end,
//! no line that begins with a dot – is searched at the speed of `memchr` and copied once. Only around an octet that is
//! out of the ordinary are octets looked at one by one.
//!
//! Two readings of one message are what smuggling lives on ([`crate::manual::smuggling`]). Hence the order: the end
//! mark is looked for and dots are removed in the raw octets, where only CRLF ends a line; after that a CR or LF that
//! stands alone becomes CRLF. A dot that thereby comes to stand at the beginning of a line is content.

use bytes::BytesMut;
use memchr::memchr3;

use crate::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX, TEXT_LINE_BYTES_MAX};

/// Why a message cannot be taken. It is read to its end all the same.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// More octets than the listener takes.
    #[error("the message is larger than {size_max} octets")]
    TooLarge {
        /// How many it takes.
        size_max: u64,
    },
    /// A NUL.
    #[error("the message holds a NUL")]
    Nul,
    /// A line longer than [`TEXT_LINE_BYTES_MAX`].
    #[error("a line is longer than {TEXT_LINE_BYTES_MAX} octets")]
    LineTooLong,
    /// A header longer than [`HEADER_BYTES_MAX`].
    #[error("the header is longer than {HEADER_BYTES_MAX} octets")]
    HeaderTooLong,
    /// More than [`HEADER_FIELDS_MAX`] fields.
    #[error("the header has more than {HEADER_FIELDS_MAX} fields")]
    TooManyFields,
}

/// How the end of a message is known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Framing {
    /// DATA: CRLF `.` CRLF, and another dot before each line that begins with one.
    Dots,
    /// BDAT: the octets are counted.
    Counted,
}

/// Where in the raw octets the reader stands.
///
/// ```text
///                 CRLF                    .             CR           LF
///        Text ───────────► LineStart ──────────► Dot ──────► DotCr ──────► the end
///         ▲  ╲ CR          (also at the           │            │
///         │   ╲             beginning)            │ other:     │ other: the dot goes,
///  other: │    ▼                                  │ the dot    ▼ the CR stays
///  CRLF   └─── Cr(n) ──► LineStart                ▼ goes      Cr(1)
///  for each          LF                          Text
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Position {
    Text,
    LineStart,
    Dot,
    DotCr,
    /// So many CRs whose meaning depends on what follows.
    Cr(usize),
}

/// What [`Content::read`] did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Progress {
    pub(crate) taken: usize,
    pub(crate) ended: bool,
}

/// One message on its way in.
#[derive(Debug)]
pub(crate) struct Content {
    framing: Framing,
    position: Position,
    bare_newline: bool,
    checks: Checks,
}

impl Content {
    pub(crate) fn new(framing: Framing, size_max: u64) -> Self {
        Self { framing, position: Position::LineStart, bare_newline: false, checks: Checks::new(size_max) }
    }

    /// Takes raw octets up to the end mark and appends to `out` what they mean; nothing any more after an error.
    pub(crate) fn read(&mut self, input: &[u8], out: &mut BytesMut) -> Progress {
        let mut taken = 0;
        while let Some(&next) = input.get(taken) {
            match (self.position, next) {
                (Position::LineStart, b'.') if self.framing == Framing::Dots => {
                    self.position = Position::Dot;
                    taken += 1;
                }
                (Position::Text | Position::LineStart, _) => taken += self.lines(&input[taken..], out),
                (Position::Dot, b'\r') => {
                    self.position = Position::DotCr;
                    taken += 1;
                }
                (Position::Dot, _) => self.position = Position::Text,
                (Position::DotCr, b'\n') => return Progress { taken: taken + 1, ended: true },
                (Position::DotCr, _) => self.position = Position::Cr(1),
                (Position::Cr(count), _) => taken += self.after_cr(count, next, out),
            }
        }
        Progress { taken, ended: false }
    }

    /// The octets are over (BDAT LAST): a CR that still waits for its LF stands alone.
    pub(crate) fn finish(&mut self, out: &mut BytesMut) {
        if let Position::Cr(count) = self.position {
            self.bare_crs(count, out);
        }
    }

    /// Octets that were handed out, had there been no error.
    pub(crate) fn octets(&self) -> u64 {
        self.checks.octets
    }

    /// The first rule that was broken.
    pub(crate) fn error(&self) -> Option<ContentError> {
        self.checks.error
    }

    /// Whether a CR or LF stood alone.
    pub(crate) fn has_bare_newline(&self) -> bool {
        self.bare_newline
    }

    /// Takes whole lines as long as nothing is out of the ordinary, and the odd octet that ended this.
    fn lines(&mut self, input: &[u8], out: &mut BytesMut) -> usize {
        let mut line = 0;
        loop {
            let Some(found) = memchr3(b'\r', b'\n', 0, &input[line..]).map(|found| line + found) else {
                self.checks.text(&input[line..]);
                self.copy(input, out);
                self.position = if line == input.len() { Position::LineStart } else { Position::Text };
                return input.len();
            };
            self.checks.text(&input[line..found]);
            if input[found..].starts_with(b"\r\n") {
                self.checks.line_end();
                line = found + 2;
                if self.framing == Framing::Counted || input.get(line) != Some(&b'.') {
                    continue;
                }
                self.copy(&input[..line], out);
                self.position = Position::LineStart;
                return line;
            }
            self.copy(&input[..found], out);
            self.odd(input[found], out);
            return found + 1;
        }
    }

    /// An octet that no line of text holds: a CR without its LF yet, a bare LF, a NUL.
    fn odd(&mut self, octet: u8, out: &mut BytesMut) {
        self.position = Position::Text;
        match octet {
            b'\r' => self.position = Position::Cr(1),
            b'\n' => self.bare_newline(out),
            _ => self.checks.fail(ContentError::Nul),
        }
    }

    /// CR* LF is one line end; any other CR is one by itself.
    fn after_cr(&mut self, count: usize, next: u8, out: &mut BytesMut) -> usize {
        match next {
            b'\n' => {
                self.bare_newline |= count > 1;
                self.line_end(out);
                self.position = Position::LineStart;
                1
            }
            // Nothing is handed out for a run of CRs until it ends, so it has the bound of a line.
            b'\r' if count < TEXT_LINE_BYTES_MAX => {
                self.position = Position::Cr(count + 1);
                1
            }
            b'\r' => {
                self.checks.fail(ContentError::LineTooLong);
                1
            }
            _ => {
                self.bare_crs(count, out);
                self.position = Position::Text;
                0
            }
        }
    }

    fn bare_crs(&mut self, count: usize, out: &mut BytesMut) {
        (0..count).for_each(|_| self.bare_newline(out));
    }

    fn bare_newline(&mut self, out: &mut BytesMut) {
        self.bare_newline = true;
        self.line_end(out);
    }

    fn line_end(&mut self, out: &mut BytesMut) {
        self.checks.line_end();
        self.copy(b"\r\n", out);
    }

    fn copy(&self, text: &[u8], out: &mut BytesMut) {
        if self.checks.error.is_none() {
            out.extend_from_slice(text);
        }
    }
}

/// The limits of what comes out: size, lines, header.
#[derive(Debug)]
struct Checks {
    size_max: u64,
    octets: u64,
    line_octets: usize,
    /// There as long as the header lasts.
    header: Option<Header>,
    error: Option<ContentError>,
}

impl Checks {
    fn new(size_max: u64) -> Self {
        Self { size_max, octets: 0, line_octets: 0, header: Some(Header::default()), error: None }
    }

    /// Part of a line.
    fn text(&mut self, part: &[u8]) {
        self.line_octets += part.len();
        if self.line_octets > TEXT_LINE_BYTES_MAX {
            self.fail(ContentError::LineTooLong);
        }
        if let Some(header) = &mut self.header {
            let lasting = header.text(part);
            self.judge_header(lasting);
        }
        self.count(part.len());
    }

    fn line_end(&mut self) {
        self.line_octets = 0;
        if let Some(header) = &mut self.header {
            let lasting = header.line_end();
            self.judge_header(lasting);
        }
        self.count(2);
    }

    fn count(&mut self, octets: usize) {
        self.octets += octets as u64;
        if self.octets > self.size_max {
            self.fail(ContentError::TooLarge { size_max: self.size_max });
        }
    }

    fn judge_header(&mut self, lasting: Lasting) {
        match lasting {
            Lasting::Yes => {}
            Lasting::No => self.header = None,
            Lasting::TooLong(error) => self.fail(error),
        }
    }

    fn fail(&mut self, error: ContentError) {
        self.header = None;
        self.error.get_or_insert(error);
    }
}

/// Counts octets and fields of the header. It ends at the first line that is neither field nor continuation, as
/// [`rohrpost_mail::header::split`] sees it.
#[derive(Debug, Default)]
struct Header {
    octets: usize,
    fields: usize,
    line: HeaderLine,
}

/// What is known of a line of the header so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum HeaderLine {
    #[default]
    Start,
    Name,
    /// Blanks between name and colon (RFC 5322 §4.5).
    Blank,
    /// Behind the colon, or a continuation.
    Value,
}

/// Whether the header goes on.
#[derive(Clone, Copy)]
enum Lasting {
    Yes,
    No,
    TooLong(ContentError),
}

impl Header {
    fn text(&mut self, part: &[u8]) -> Lasting {
        for byte in part {
            self.line = match (self.line, byte) {
                (HeaderLine::Value, _) => break,
                (HeaderLine::Name | HeaderLine::Blank, b':') => {
                    self.fields += 1;
                    HeaderLine::Value
                }
                (HeaderLine::Start, b' ' | b'\t') if self.fields > 0 => HeaderLine::Value,
                (HeaderLine::Start, b':') => return Lasting::No,
                (HeaderLine::Start | HeaderLine::Name, byte) if byte.is_ascii_graphic() => HeaderLine::Name,
                (HeaderLine::Name | HeaderLine::Blank, b' ' | b'\t') => HeaderLine::Blank,
                _ => return Lasting::No,
            };
        }
        self.count(part.len())
    }

    fn line_end(&mut self) -> Lasting {
        if self.line != HeaderLine::Value {
            return Lasting::No;
        }
        self.line = HeaderLine::Start;
        self.count(2)
    }

    fn count(&mut self, octets: usize) -> Lasting {
        self.octets += octets;
        if self.octets > HEADER_BYTES_MAX {
            Lasting::TooLong(ContentError::HeaderTooLong)
        } else if self.fields > HEADER_FIELDS_MAX {
            Lasting::TooLong(ContentError::TooManyFields)
        } else {
            Lasting::Yes
        }
    }
}

#[cfg(test)]
mod tests;
