//! A message as a program hands it over: read to its end, its line ends made CRLF, header and body apart.
//!
//! It is read as it comes, in pieces of any size: the header stays in memory, and so does the body up to
//! [`MEMORY_BYTES_MAX`]; a larger one goes to a file without a name in the directory for temporary files. What the header
//! says, and what is repaired of it, is the business of each persona.

mod line_ends;

use std::io::{self, Read, Seek as _};

use rohrpost_mail::{header, seven_bit};
use rohrpost_smtp::limits::{HEADER_BYTES_MAX, HEADER_FIELDS_MAX};
use tempfile::{SpooledData, SpooledTempFile};

pub(crate) use self::line_ends::Facts;
use self::line_ends::LineEnds;
use crate::exit::Exit;

/// Octets of a body that are kept in memory.
const MEMORY_BYTES_MAX: usize = 1 << 20;
/// Octets that are read at once.
const READ_BYTES: usize = 64 << 10;
/// Octets of a body that can be re-encoded: it takes the whole of it in memory, and only a body with a NUL needs it.
const ENCODE_BYTES_MAX: u64 = 32 << 20;

/// Why a message cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum MessageError {
    /// A NUL, or a CR without its LF, in the header.
    #[error("the header holds a NUL or a bare CR")]
    HeaderControl,
    /// More octets or fields than anybody reads.
    #[error("the header is longer than {HEADER_BYTES_MAX} octets or has more than {HEADER_FIELDS_MAX} fields")]
    HeaderTooLong,
    /// A NUL in a body that cannot be encoded so that it is gone.
    #[error("the body holds a NUL and cannot be re-encoded")]
    Nul,
    /// Standard input cannot be read, or the temporary file not written.
    #[error("the message cannot be read or kept: {0}")]
    Io(#[from] io::Error),
}

impl MessageError {
    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Io(_) => Exit::Io,
            _ => Exit::Data,
        }
    }
}

/// A message, whole.
#[derive(Debug)]
pub(crate) struct Message {
    /// The fields, each with CRLF, without the empty line behind them. The octets are as they came.
    pub(crate) header: Vec<u8>,
    /// What was seen in the body.
    pub(crate) facts: Facts,
    body: SpooledTempFile,
}

impl Message {
    /// The message from its first octet on, as often as it is asked for.
    pub(crate) fn reader(&mut self) -> io::Result<impl Read> {
        self.body.rewind()?;
        Ok(self.header.as_slice().chain(&b"\r\n"[..]).chain(&mut self.body))
    }

    /// Octets of the whole message.
    pub(crate) fn octets(&mut self) -> io::Result<u64> {
        Ok(self.header.len() as u64 + 2 + self.body.seek(io::SeekFrom::End(0))?)
    }

    /// The body alone, for whoever has a header of their own.
    pub(crate) fn into_body(self) -> SpooledData {
        self.body.into_inner()
    }

    /// Encodes a body that holds a NUL, which nobody may send (RFC 5321 §4.5.2, RFC 5322 §4).
    pub(crate) fn without_nul(mut self) -> Result<Self, MessageError> {
        if !self.facts.nul {
            return Ok(self);
        }
        if self.octets()? > ENCODE_BYTES_MAX {
            return Err(MessageError::Nul);
        }
        let mut whole = Vec::new();
        self.reader()?.read_to_end(&mut whole)?;
        let encoded = seven_bit::encode(&whole);
        if encoded.contains(&0) {
            return Err(MessageError::Nul);
        }
        let mut collector = Collector::new(false);
        collector.push(&encoded)?;
        collector.finish()
    }
}

/// Reads a message to the end of the input, or to a line with one dot where that ends it.
pub(crate) fn read(mut input: impl Read, dot_ends: bool) -> Result<Message, MessageError> {
    let mut collector = Collector::new(dot_ends);
    let mut buffer = vec![0; READ_BYTES];
    while !collector.has_ended() {
        match input.read(&mut buffer) {
            Ok(0) => break,
            Ok(octets) => collector.push(&buffer[..octets])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    collector.finish()
}

/// A message on its way in.
#[derive(Debug)]
pub(crate) struct Collector {
    /// There as long as the header lasts.
    head: Option<Head>,
    header: Vec<u8>,
    lines: LineEnds,
    body: SpooledTempFile,
    dot_ends: bool,
    ended: bool,
}

impl Collector {
    /// `dot_ends` says whether a line with one dot is the end.
    pub(crate) fn new(dot_ends: bool) -> Self {
        Self {
            head: Some(Head::default()),
            header: Vec::new(),
            lines: LineEnds::new(dot_ends),
            body: SpooledTempFile::new(MEMORY_BYTES_MAX),
            dot_ends,
            ended: false,
        }
    }

    /// Takes the next octets. What follows the end is dropped.
    pub(crate) fn push(&mut self, mut octets: &[u8]) -> Result<(), MessageError> {
        while let Some(head) = &mut self.head
            && !self.ended
            && !octets.is_empty()
        {
            let end = octets.iter().position(|octet| *octet == b'\n').map_or(octets.len(), |end| end + 1);
            head.line.extend_from_slice(&octets[..end]);
            octets = &octets[end..];
            if head.line.ends_with(b"\n") || head.is_too_long() {
                self.end_line()?;
            }
        }
        self.push_body(octets)
    }

    /// The end of the input, of the line and of the message.
    pub(crate) fn finish(mut self) -> Result<Message, MessageError> {
        if self.head.as_ref().is_some_and(|head| !head.line.is_empty()) {
            self.end_line()?;
        }
        self.lines.finish(&mut self.body)?;
        let facts = self.lines.facts();
        Ok(Message { header: self.header, facts, body: self.body })
    }

    /// Whether the line with the dot was seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    fn end_line(&mut self) -> Result<(), MessageError> {
        let Some(mut head) = self.head.take() else { return Ok(()) };
        match head.end_line(&mut self.header, self.dot_ends)? {
            Line::Header => self.head = Some(head),
            Line::Empty => {}
            Line::Dot => self.ended = true,
            Line::Body(line) => self.push_body(&line)?,
        }
        Ok(())
    }

    fn push_body(&mut self, octets: &[u8]) -> Result<(), MessageError> {
        if !self.ended {
            self.ended = self.lines.read(octets, &mut self.body)?;
        }
        Ok(())
    }
}

/// What a line turned out to be.
enum Line {
    /// Part of the header, or nothing that stays.
    Header,
    /// The empty line behind it.
    Empty,
    /// The end of the message.
    Dot,
    /// The first line of a body that no empty line precedes.
    Body(Vec<u8>),
}

/// The header while it is read.
#[derive(Debug, Default)]
struct Head {
    /// The line so far.
    line: Vec<u8>,
    fields: usize,
    /// Whether a line was read before this one.
    begun: bool,
}

impl Head {
    fn is_too_long(&self) -> bool {
        self.line.len() > HEADER_BYTES_MAX
    }

    /// CR* LF is one line end. RFC 5321 §2.3.8: any other CR has no place; in a header there is no telling what it would
    /// come to mean, so it is refused there.
    fn end_line(&mut self, header: &mut Vec<u8>, dot_ends: bool) -> Result<Line, MessageError> {
        let line = std::mem::take(&mut self.line);
        let first = !std::mem::replace(&mut self.begun, true);
        let content = trim_line_end(&line);
        match content {
            b"" => return Ok(Line::Empty),
            b"." if dot_ends && line.ends_with(b"\n") => return Ok(Line::Dot),
            // The separator of a mailbox file, which some programs leave on top.
            _ if first && content.starts_with(b"From ") => return Ok(Line::Header),
            _ => {}
        }
        let starts_field = header::fields(content).next().is_some();
        if !starts_field && (self.fields == 0 || !matches!(content[0], b' ' | b'\t')) {
            return Ok(Line::Body(line));
        }
        self.fields += usize::from(starts_field);
        if content.iter().any(|octet| matches!(octet, b'\r' | 0)) {
            return Err(MessageError::HeaderControl);
        }
        header.extend_from_slice(content);
        header.extend_from_slice(b"\r\n");
        if header.len() > HEADER_BYTES_MAX || self.fields > HEADER_FIELDS_MAX {
            return Err(MessageError::HeaderTooLong);
        }
        Ok(Line::Header)
    }
}

fn trim_line_end(line: &[u8]) -> &[u8] {
    let mut content = line.strip_suffix(b"\n").unwrap_or(line);
    while let Some(rest) = content.strip_suffix(b"\r") {
        content = rest;
    }
    content
}

#[cfg(test)]
mod tests;
