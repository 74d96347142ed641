//! The rows of a merge, one after the other: from CSV, or from JSON with one object per line.
//!
//! Nothing of the file is held but the row at hand, and the file is never changed. In CSV the first line names the columns;
//! of `,`, `;` and the tabulator the one that this line has most of separates them.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek},
    path::Path,
};

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use rohrpost_tls::crypto;
use serde_json::{Map, Value};

use super::limits::{READ_BYTES, ROW_BYTES_MAX};

/// What some programs put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a row has, by name.
pub(super) type Values = Map<String, Value>;

/// Why a row cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum RowFault {
    /// More or fewer fields than the first line of the CSV names.
    #[error("{found} fields, where the first line names {expected}")]
    Fields {
        /// Names in the first line.
        expected: usize,
        /// Fields here.
        found: usize,
    },
    /// A field is no text.
    #[error("{0}: not in UTF-8")]
    Encoding(String),
    /// A field holds a control character other than tabulator and line end.
    #[error("{0}: a control character")]
    Control(String),
    /// A field begins with a quotation mark, and none ends it.
    #[error("a quotation mark is never closed")]
    Unclosed,
    /// Text stands behind the quotation mark that ends a field: perhaps it ends another one, which was left open.
    #[error("text behind a quotation mark that closes; was the one before it left open?")]
    BehindQuote,
    /// The line is not JSON.
    #[error("no JSON: {0}")]
    Json(String),
    /// The line is JSON, but no object.
    #[error("no JSON object")]
    NoObject,
    /// The file cannot be read further.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// A file with rows.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    is_json: bool,
}

impl Table {
    /// Opens it; its name says what it holds.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let is_json = ["jsonl", "ndjson"].iter().any(|json| ending.eq_ignore_ascii_case(json));
        let file = File::open(path)?;
        if file.metadata()?.is_file() {
            Ok(Self { file, is_json })
        } else {
            Err(io::Error::other("not a file; rows are read more than once"))
        }
    }

    /// A fingerprint of `start` and of the whole file.
    pub(super) fn digest(&self, start: &[u8]) -> io::Result<[u8; 32]> {
        let mut reader = self.rewound()?;
        let mut chunk = Vec::with_capacity(READ_BYTES);
        let mut digest = crypto::sha256(start);
        loop {
            chunk.clear();
            chunk.extend_from_slice(&digest);
            if (&mut reader).take(READ_BYTES as u64).read_to_end(&mut chunk)? == 0 {
                return Ok(digest);
            }
            digest = crypto::sha256(&chunk);
        }
    }

    /// All rows, from the first.
    pub(super) fn rows(&self) -> Result<Rows, RowFault> {
        let mut lines = Lines { reader: BufReader::new(self.rewound()?), number: 0 };
        let format = if self.is_json { Format::Json } else { Format::csv(&mut lines)? };
        Ok(Rows { lines, format })
    }

    fn rewound(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// Iterates over rows: the number of the line on which each begins, and what it has.
#[derive(Debug)]
pub(super) struct Rows {
    lines: Lines,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Csv { splitter: Splitter, names: Vec<String> },
    Json,
}

impl Format {
    /// By the first line.
    fn csv(lines: &mut Lines) -> Result<Self, RowFault> {
        let mut first = lines.next()?.unwrap_or_default();
        if first.starts_with(BYTE_ORDER_MARK) {
            first.drain(..BYTE_ORDER_MARK.len());
        }
        let count = |delimiter: &u8| memchr::memchr_iter(*delimiter, &first).count();
        // The last of several equals wins: the comma, where there is one column only.
        let delimiter = *b"\t;,".iter().max_by_key(|delimiter| count(delimiter)).expect("there are three");
        let mut splitter = Splitter::new(delimiter);
        let names = splitter.split(&first).iter().map(name).collect::<Result<Vec<_>, _>>()?;
        if let Some(name) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(name)) {
            return Err(io::Error::other(format!("the first line names {name:?} twice")).into());
        }
        Ok(Self::Csv { splitter, names })
    }
}

impl Iterator for Rows {
    type Item = (u64, Result<Values, RowFault>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.lines.number + 1;
            let text = match &self.format {
                Format::Csv { splitter, .. } => self.lines.next_record(splitter.delimiter),
                Format::Json => self.lines.next().map_err(RowFault::Io),
            };
            let text = match text {
                Ok(text) => text?,
                Err(fault) => return Some((line, Err(fault))),
            };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let values = match &mut self.format {
                Format::Csv { splitter, names } => fields(names, &splitter.split(&text)),
                Format::Json => object(&text),
            };
            return Some((line, values));
        }
    }
}

/// A file line by line, with their ends. Rows are put together from them by hand, since the CSV library counts lines
/// otherwise than editors do.
#[derive(Debug)]
struct Lines {
    reader: BufReader<File>,
    /// Of the line that was read last, from 1.
    number: u64,
}

impl Lines {
    /// None behind the last one.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut text = Vec::new();
        Ok((self.append(&mut text)? > 0).then_some(text))
    }

    /// The lines of a record: more than one, where a field between quotation marks holds the end of a line.
    fn next_record(&mut self, delimiter: u8) -> Result<Option<Vec<u8>>, RowFault> {
        let mut text = Vec::new();
        let mut place = Place::Start;
        loop {
            let start = text.len();
            if self.append(&mut text)? == 0 {
                return if text.is_empty() { Ok(None) } else { Err(RowFault::Unclosed) };
            }
            for octet in &text[start..] {
                place = place.behind(*octet, delimiter).ok_or(RowFault::BehindQuote)?;
            }
            if place != Place::Quoted {
                return Ok(Some(text));
            }
        }
    }

    fn append(&mut self, text: &mut Vec<u8>) -> io::Result<usize> {
        let octets = (&mut self.reader).take(ROW_BYTES_MAX + 1).read_until(b'\n', text)?;
        self.number += 1;
        if text.len() as u64 > ROW_BYTES_MAX {
            let why = format!("a row of more than {ROW_BYTES_MAX} octets; is a quotation mark left open?");
            return Err(io::Error::other(why));
        }
        Ok(octets)
    }
}

/// Where in a record we are. RFC 4180 §2: quotation marks stand around a whole field, and two of them for one.
///
/// A mark that is left open would take the rows behind it into its field, up to the next mark. So nothing may stand between
/// a mark that closes and the end of its field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// A field begins here.
    Start,
    /// Within a field without marks.
    Plain,
    /// Between marks.
    Quoted,
    /// Behind a mark that closes, or is the first of two.
    Closed,
}

impl Place {
    /// Behind one more octet; none where it must not stand.
    fn behind(self, octet: u8, delimiter: u8) -> Option<Self> {
        Some(match (self, octet) {
            (Self::Quoted, b'"') => Self::Closed,
            (Self::Quoted, _) | (Self::Start | Self::Closed, b'"') => Self::Quoted,
            (_, b'\n') => Self::Start,
            (_, octet) if octet == delimiter => Self::Start,
            (Self::Closed, b' ' | b'\t' | b'\r') => Self::Closed,
            (Self::Closed, _) => return None,
            (Self::Start | Self::Plain, _) => Self::Plain,
        })
    }
}

/// Cuts records into fields. Setting it up costs more than cutting.
#[derive(Debug)]
struct Splitter {
    delimiter: u8,
    reader: Box<Reader>,
}

/// The fields of a record, one behind the other.
#[derive(Debug)]
struct Record {
    octets: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Splitter {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, reader: Box::new(ReaderBuilder::new().delimiter(delimiter).build()) }
    }

    /// The fields of a text that is one whole record, with or without the end of its line.
    fn split(&mut self, text: &[u8]) -> Record {
        self.reader.reset();
        // Fields are never longer than the text, nor more than its delimiters let there be.
        let mut octets = vec![0; text.len()];
        let mut ends = vec![0; memchr::memchr_iter(self.delimiter, text).count() + 1];
        let (result, _, written, mut count) = self.reader.read_record(text, &mut octets, &mut ends);
        if result == ReadRecordResult::InputEmpty {
            count += self.reader.read_record(&[], &mut octets[written..], &mut ends[count..]).3;
        }
        ends.truncate(count);
        Record { octets, ends }
    }
}

impl Record {
    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.octets[start..*end])
    }
}

fn name(octets: &[u8]) -> Result<String, RowFault> {
    let name = std::str::from_utf8(octets).map_err(|_| RowFault::Encoding("the first line".to_owned()))?.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(io::Error::other(format!("the first line holds {name:?}, which is no name of a column")).into());
    }
    Ok(name.to_owned())
}

fn fields(names: &[String], record: &Record) -> Result<Values, RowFault> {
    if record.ends.len() != names.len() {
        return Err(RowFault::Fields { expected: names.len(), found: record.ends.len() });
    }
    let field = |(name, octets): (&String, &[u8])| {
        let text = std::str::from_utf8(octets).map_err(|_| RowFault::Encoding(name.clone()))?;
        checked(name, Value::from(text)).map(|value| (name.clone(), value))
    };
    names.iter().zip(record.iter()).map(field).collect()
}

/// A name whose value is null is as good as missing: nothing writes "none" into a letter.
fn object(text: &[u8]) -> Result<Values, RowFault> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(values)) => {
            let present = values.into_iter().filter(|(_, value)| !value.is_null());
            present.map(|(name, value)| checked(&name, value).map(|value| (name, value))).collect()
        }
        Ok(_) => Err(RowFault::NoObject),
        Err(error) => Err(RowFault::Json(error.to_string())),
    }
}

fn checked(name: &str, value: Value) -> Result<Value, RowFault> {
    if holds_control(&value) { Err(RowFault::Control(name.to_owned())) } else { Ok(value) }
}

fn holds_control(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().any(|char| char.is_control() && !matches!(char, '\t' | '\r' | '\n')),
        Value::Array(values) => values.iter().any(holds_control),
        Value::Object(values) => values.values().any(holds_control),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
