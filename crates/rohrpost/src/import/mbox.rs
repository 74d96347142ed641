//! Reads mbox files: mboxrd, mboxo, mboxcl and mboxcl2, as the file itself shows.
//!
//! A message begins with a line `From SENDER DATE` at the start of the file or behind an empty line. A line without a
//! date begins none: it is somebody's prose that no `>` was put before. Where a header seems to follow, that is told. Where the header has a `Content-Length` and the
//! next message, or the end, is just there, it is believed; else only lines count. One `>` is taken from lines that begin
//! with any number of `>` and `From `, but not where the text has an unquoted `From ` line within its `Content-Length`:
//! such a file (mboxcl2) quotes nothing.
//!
//! Fields that belong to the file and not to the message become flags and go: `Status`, `X-Status`, `X-Keywords`,
//! `X-Mozilla-Status`, `X-Mozilla-Keys`, `Content-Length`, and the ids of other servers.

use std::io::{self, BufRead, BufReader, Read, Seek};

use jiff::Timestamp;

use super::{
    limits::{DOUBTFUL_LINES_MAX, HEADER_BYTES_MAX, LINE_BYTES_MAX},
    marks::{Marks, from_line},
    spool::{Letter, Spool},
};

/// Reads one file.
pub(crate) struct Mbox<R> {
    reader: BufReader<R>,
    line: Line,
    /// Octets read so far.
    position: u64,
    /// Octets of the whole file.
    octets: u64,
    /// Where the message begins whose `From ` line has been read, and its date.
    ahead: Option<(u64, Option<Timestamp>)>,
    number: u64,
}

/// A line, or a piece of a long one.
#[derive(Default)]
struct Line {
    octets: Vec<u8>,
    /// Whether a line begins with it.
    begins: bool,
}

/// A message of an mbox file.
pub(crate) struct MboxMail {
    /// Its number in the file, from 1 on.
    pub(crate) number: u64,
    /// Where it begins.
    pub(crate) offset: u64,
    /// When its `From ` line says that it came.
    pub(crate) at: Option<Timestamp>,
    /// Its flags.
    pub(crate) marks: Marks,
    /// What it is.
    pub(crate) what: What,
    /// Where lines are that would begin a message if they had a date that can be, the first
    /// [`DOUBTFUL_LINES_MAX`] of them.
    pub(crate) doubtful: Vec<u64>,
    /// The message.
    pub(crate) letter: Letter,
}

/// What a message of an mbox file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum What {
    /// Mail.
    Mail,
    /// Mail that a program has deleted but left in the file.
    Deleted,
    /// What a program noted for itself.
    Note,
}

/// What the header says beside the message.
#[derive(Default)]
struct Beside {
    marks: Marks,
    length: Option<u64>,
    is_gone: bool,
}

impl<R: Read + Seek> Mbox<R> {
    /// Reads from the start.
    pub(crate) fn new(mut reader: R) -> io::Result<Self> {
        let octets = reader.seek(io::SeekFrom::End(0))?;
        reader.rewind()?;
        let reader = BufReader::with_capacity(LINE_BYTES_MAX, reader);
        Ok(Self { reader, line: Line::default(), position: 0, octets, ahead: None, number: 0 })
    }

    /// Octets read so far.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next message; none at the end.
    ///
    /// # Errors
    /// The file cannot be read, or what it begins with is no `From ` line.
    pub(crate) fn next(&mut self) -> io::Result<Option<MboxMail>> {
        let Some((offset, at)) = self.begin()? else { return Ok(None) };
        self.number += 1;
        let mut spool = Spool::new();
        let beside = self.header(&mut spool)?;
        let length = match beside.length {
            Some(length) if self.ends_behind(length)? => Some(length),
            _ => None,
        };
        let mut doubtful = Vec::new();
        match length {
            Some(length) => self.counted(length, &mut spool)?,
            None => self.lines(&mut spool, &mut doubtful)?,
        }
        let letter = spool.finish()?;
        let what = match beside.is_gone {
            _ if is_note_to_itself(&letter.header) => What::Note,
            true => What::Deleted,
            false => What::Mail,
        };
        Ok(Some(MboxMail { number: self.number, offset, at, marks: beside.marks, what, doubtful, letter }))
    }

    /// The `From ` line of the next message.
    fn begin(&mut self) -> io::Result<Option<(u64, Option<Timestamp>)>> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            let offset = self.position;
            if !self.read_line()? {
                return Ok(None);
            }
            let line = self.line.octets.as_slice();
            if line.starts_with(b"From ") {
                let at = from_line(line);
                self.finish_line()?;
                return Ok(Some((offset, at)));
            }
            if !is_empty(line) {
                let why = match compressed_by(line).filter(|_| offset == 0) {
                    Some(program) => {
                        format!("compressed: `{program} -dc FILE | rohrpost import mbox - --folder NAME` reads it")
                    }
                    None => format!("octet {offset}: expected a line that begins with \"From \""),
                };
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
        }
    }

    /// Reads the header and takes out what does not belong to the message.
    fn header(&mut self, spool: &mut Spool) -> io::Result<Beside> {
        let (mut beside, mut own, mut octets) = (Beside::default(), Vec::new(), 0);
        let mut is_own = false;
        while octets < HEADER_BYTES_MAX && self.read_line()? {
            let line = self.line.octets.as_slice();
            octets += line.len();
            if self.line.begins && !line.starts_with(b" ") && !line.starts_with(b"\t") {
                beside.note(&own);
                own.clear();
                is_own = is_of_the_file(line);
            }
            if is_own {
                own.extend_from_slice(line);
            } else {
                spool.push(line)?;
            }
            if self.line.begins && is_empty(line) {
                break;
            }
        }
        beside.note(&own);
        Ok(beside)
    }

    /// Whether a text of so many octets ends with a line, and the next message or the end of the file is just there.
    fn ends_behind(&mut self, length: u64) -> io::Result<bool> {
        let end = self.position.checked_add(length).filter(|end| *end <= self.octets);
        let (Some(end), Ok(ahead)) = (end, i64::try_from(length)) else { return Ok(false) };
        self.reader.seek_relative(ahead)?;
        let mut next = Vec::new();
        (&mut self.reader).take(7).read_to_end(&mut next)?;
        self.reader.seek_relative(-ahead - i64::try_from(next.len()).expect("it is at most seven"))?;
        let behind_line = next.strip_prefix(b"\r\n").or_else(|| next.strip_prefix(b"\n"));
        Ok(end == self.octets || behind_line.is_some_and(|next| next.is_empty() || next.starts_with(b"From ")))
    }

    /// Reads a text of known length. It is looked through twice: first for what tells whether it is quoted.
    fn counted(&mut self, length: u64, spool: &mut Spool) -> io::Result<()> {
        let (start, end) = (self.position, self.position + length);
        let mut is_quoted = true;
        while self.position < end && self.read_up_to(end)? {
            is_quoted &= !(self.line.begins && self.line.octets.starts_with(b"From "));
        }
        self.reader.seek(io::SeekFrom::Start(start))?;
        (self.position, self.line.begins) = (start, true);
        self.line.octets.clear();
        while self.position < end && self.read_up_to(end)? {
            spool.push(self.line.text(is_quoted))?;
        }
        Ok(())
    }

    /// Reads a text up to the next `From ` line. A line without a date is doubtful where a header seems to follow.
    fn lines(&mut self, spool: &mut Spool, doubtful: &mut Vec<u64>) -> io::Result<()> {
        // The empty line that ended the header counts.
        let (mut after_empty, mut held, mut doubt) = (true, Vec::new(), None);
        loop {
            let offset = self.position;
            if !self.read_line()? {
                return Ok(());
            }
            let line = &self.line;
            if line.begins && doubtful.len() < DOUBTFUL_LINES_MAX {
                doubtful.extend(doubt.take().filter(|_| is_field(&line.octets)));
            }
            if after_empty && line.begins && line.octets.starts_with(b"From ") {
                let at = from_line(&line.octets);
                if at.is_some() {
                    self.finish_line()?;
                    self.ahead = Some((offset, at));
                    return Ok(());
                }
                doubt = Some(offset);
            }
            // An empty line is held back: the last one before the next message is not part of this one.
            spool.push(&held)?;
            held.clear();
            after_empty = line.begins && is_empty(&line.octets);
            if after_empty {
                held.extend_from_slice(&line.octets);
            } else {
                spool.push(line.text(true))?;
            }
        }
    }

    fn read_line(&mut self) -> io::Result<bool> {
        self.read_up_to(u64::MAX)
    }

    /// Reads the next line, or a piece of it, not beyond `end`. False at the end of the file.
    fn read_up_to(&mut self, end: u64) -> io::Result<bool> {
        self.line.begins = self.line.octets.last().is_none_or(|last| *last == b'\n');
        self.line.octets.clear();
        let room = (end - self.position).min(LINE_BYTES_MAX as u64);
        let read = (&mut self.reader).take(room).read_until(b'\n', &mut self.line.octets)?;
        self.position += read as u64;
        Ok(read > 0)
    }

    /// Passes over the rest of a long line.
    fn finish_line(&mut self) -> io::Result<()> {
        while self.line.octets.last().is_some_and(|last| *last != b'\n') && self.read_line()? {}
        self.line.octets.clear();
        Ok(())
    }
}

impl Line {
    /// What the message has there, without the quotation mark of the file.
    fn text(&self, is_quoted: bool) -> &[u8] {
        let quoted = self.octets.iter().take_while(|octet| **octet == b'>').count();
        let is_from = is_quoted && self.begins && quoted > 0 && self.octets[quoted..].starts_with(b"From ");
        if is_from { &self.octets[1..] } else { &self.octets }
    }
}

impl Beside {
    /// Takes in a field that belongs to the file.
    fn note(&mut self, field: &[u8]) {
        let Some(colon) = field.iter().position(|octet| *octet == b':') else { return };
        let (name, value) = (field[..colon].to_ascii_lowercase(), String::from_utf8_lossy(&field[colon + 1..]));
        match name.as_slice() {
            b"status" | b"x-status" => self.marks.add_status(value.as_bytes()),
            b"x-keywords" | b"x-mozilla-keys" => value.split_ascii_whitespace().for_each(|word| self.marks.add(word)),
            b"x-mozilla-status" => self.is_gone |= !self.marks.add_mozilla(&value),
            b"content-length" => self.length = value.trim().parse().ok(),
            _ => {}
        }
    }
}

/// Fields that mbox files have beside those of the message.
const OF_THE_FILE: [&str; 10] = [
    "Status",
    "X-Status",
    "X-Keywords",
    "X-Mozilla-Status",
    "X-Mozilla-Status2",
    "X-Mozilla-Keys",
    "Content-Length",
    "X-UID",
    "X-IMAP",
    "X-IMAPbase",
];

/// Whether a line begins a field of the file.
pub(crate) fn is_of_the_file(line: &[u8]) -> bool {
    let name = line.split(|octet| *octet == b':').next().unwrap_or_default();
    name.len() < line.len() && OF_THE_FILE.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}

/// The message in which the c-client library keeps its own data.
fn is_note_to_itself(header: &[u8]) -> bool {
    rohrpost_mail::header::value(header, "Subject")
        .is_some_and(|subject| subject.starts_with("DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"))
}

/// Whether a line looks like a field of a header (RFC 5322 §2.2).
fn is_field(line: &[u8]) -> bool {
    let name = line.iter().take_while(|octet| octet.is_ascii_graphic() && **octet != b':').count();
    name > 0 && line.get(name) == Some(&b':')
}

/// The program that compressed what begins so.
pub(super) fn compressed_by(start: &[u8]) -> Option<&'static str> {
    const STARTS: [(&[u8], &str); 4] =
        [(b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"\x28\xb5\x2f\xfd", "zstd")];
    STARTS.iter().find(|(first, _)| start.starts_with(first)).map(|(_, program)| *program)
}

fn is_empty(line: &[u8]) -> bool {
    matches!(line, b"\n" | b"\r\n")
}

#[cfg(test)]
mod tests;
