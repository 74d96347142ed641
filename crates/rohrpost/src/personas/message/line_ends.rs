//! The line ends of a body: CR* LF is one, any other CR is one too, and each becomes CRLF.
//!
//! Programs that write progress bars send bare CRs, and no bare CR may leave (RFC 5321 §2.3.8).

use std::io::{self, Write};

use memchr::memchr3;

/// What was seen on the way.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Facts {
    /// An octet beyond ASCII.
    pub(crate) eight_bit: bool,
    /// Octets beyond ASCII that are no UTF-8.
    pub(crate) not_utf8: bool,
    /// A NUL.
    pub(crate) nul: bool,
}

/// Where in a line the reader stands.
///
/// ```text
///            LF                   . (where it ends)       LF
///   Text ──────────► LineStart ────────────────────► Dot ────► the end
///    ▲  ╲ CR            ▲                             │ CR       ▲ LF
///    │   ▼              │ LF                          ▼          │
///    └── Crs(n) ────────┘                          DotCrs(n) ────┘
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Position {
    LineStart,
    Text,
    /// So many CRs whose meaning depends on what follows.
    Crs(u64),
    Dot,
    /// The same behind a dot that stands alone so far.
    DotCrs(u64),
}

/// Reads a body.
#[derive(Debug)]
pub(super) struct LineEnds {
    position: Position,
    dot_ends: bool,
    facts: Facts,
    /// The octets of a UTF-8 sequence whose rest has not come yet.
    begun: Vec<u8>,
}

impl LineEnds {
    pub(super) fn new(dot_ends: bool) -> Self {
        Self { position: Position::LineStart, dot_ends, facts: Facts::default(), begun: Vec::new() }
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts
    }

    /// Takes octets; says whether the line with the dot ended them.
    pub(super) fn read(&mut self, octets: &[u8], out: &mut impl Write) -> io::Result<bool> {
        let mut at = 0;
        while let Some(octet) = octets.get(at).copied() {
            match (self.position, octet) {
                (Position::Dot | Position::DotCrs(_), b'\n') => {
                    self.position = Position::LineStart;
                    return Ok(true);
                }
                (Position::Dot, b'\r') => self.position = Position::DotCrs(1),
                (Position::DotCrs(count), b'\r') => self.position = Position::DotCrs(count + 1),
                (Position::Dot | Position::DotCrs(_), _) => {
                    self.undo_dot(out)?;
                    continue;
                }
                (Position::Crs(count), b'\r') => self.position = Position::Crs(count + 1),
                (Position::Crs(_) | Position::LineStart | Position::Text, b'\n') => self.line_end(out)?,
                (Position::Crs(count), _) => {
                    self.bare_crs(count, out)?;
                    continue;
                }
                (Position::LineStart, b'.') if self.dot_ends => self.position = Position::Dot,
                (Position::LineStart | Position::Text, b'\r') => self.position = Position::Crs(1),
                (Position::LineStart | Position::Text, _) => {
                    at += self.text(&octets[at..], out)?;
                    continue;
                }
            }
            at += 1;
        }
        Ok(false)
    }

    /// The octets are over. A last line without an end gets one.
    pub(super) fn finish(&mut self, out: &mut impl Write) -> io::Result<()> {
        if matches!(self.position, Position::Dot | Position::DotCrs(_)) {
            self.undo_dot(out)?;
        }
        if self.position != Position::LineStart {
            self.line_end(out)?;
        }
        Ok(())
    }

    /// The dot was the beginning of a longer line.
    fn undo_dot(&mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b".")?;
        self.position = match self.position {
            Position::DotCrs(count) => Position::Crs(count),
            _ => Position::Text,
        };
        Ok(())
    }

    fn bare_crs(&mut self, count: u64, out: &mut impl Write) -> io::Result<()> {
        (0..count).try_for_each(|_| self.line_end(out))?;
        // Only LF begins a line in which a dot could stand alone.
        self.position = Position::Text;
        Ok(())
    }

    fn line_end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.facts.not_utf8 |= !self.begun.is_empty();
        self.begun.clear();
        self.position = Position::LineStart;
        out.write_all(b"\r\n")
    }

    /// Copies up to the next octet that needs a look; at least one.
    fn text(&mut self, octets: &[u8], out: &mut impl Write) -> io::Result<usize> {
        let length = match memchr3(b'\r', b'\n', 0, octets) {
            Some(0) => {
                self.facts.nul = true;
                1
            }
            Some(found) => found,
            None => octets.len(),
        };
        let text = &octets[..length];
        self.position = Position::Text;
        self.look_at(text);
        out.write_all(text)?;
        Ok(length)
    }

    fn look_at(&mut self, text: &[u8]) {
        if self.begun.is_empty() && text.is_ascii() {
            return;
        }
        self.facts.eight_bit = true;
        let joined = [self.begun.as_slice(), text].concat();
        self.begun = match std::str::from_utf8(&joined) {
            Ok(_) => Vec::new(),
            Err(error) => {
                self.facts.not_utf8 |= error.error_len().is_some();
                let begun = error.error_len().is_none();
                if begun { joined[error.valid_up_to()..].to_vec() } else { Vec::new() }
            }
        };
    }
}
