//! The words of a message, for search: what people see of its texts, in whatever encoding and charset they travel.
//!
//! [`Texts`] takes the octets of a message whose [`Shape`] is known, piece by piece, and hands out the texts among them.
//! Attachments that are texts count; of anything else, only the name does.

use std::ops::Range;

use super::{
    Encoding, Section, SectionKind, Shape, charset, file_name,
    html::Stripper,
    limits::{HEADER_FIELDS_MAX, HEADER_OCTETS_MAX},
    transfer,
    word::decode,
};
use crate::header;

/// Decodes the body of one text that comes in pieces.
///
/// ```
/// use rohrpost_mail::mime::{Scanner, TextDecoder};
///
/// let message = b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<p>Gr\xfc&szlig;e";
/// let mut scanner = Scanner::new();
/// scanner.push(message);
/// let shape = scanner.finish();
/// let section = shape.section(&[1]).expect("every message has a part 1");
///
/// let (mut decoder, mut text) = (TextDecoder::new(&section).expect("it is a text"), String::new());
/// decoder.push(&message[47..], &mut text);
/// decoder.finish(&mut text);
/// assert_eq!(text, "Grüße");
/// ```
pub struct TextDecoder {
    transfer: transfer::Decoder,
    charset: charset::Decoder,
    html: Option<Stripper>,
    /// Octets on their way from one to the next, kept for their memory.
    octets: Vec<u8>,
    page: String,
}

impl TextDecoder {
    /// A decoder for this part; none if it is no text, or travels in a way that nobody knows.
    pub fn new(section: &Section<'_>) -> Option<Self> {
        section.is_text().then(|| Self::of_section(section))
    }

    fn of_section(section: &Section<'_>) -> Self {
        Self::of(section.kind == SectionKind::Html, section.encoding, section.charset.as_bytes())
    }

    pub(super) fn of(is_html: bool, encoding: Encoding, charset: &[u8]) -> Self {
        Self {
            transfer: transfer::Decoder::new(encoding),
            charset: charset::Decoder::new(charset),
            html: is_html.then(Stripper::default),
            octets: Vec::new(),
            page: String::new(),
        }
    }

    /// Takes the next octets of the body and appends their text.
    pub fn push(&mut self, octets: &[u8], out: &mut String) {
        self.octets.clear();
        self.transfer.push(octets, &mut self.octets);
        self.decode(false, out);
    }

    /// Appends what the end leaves over.
    pub fn finish(mut self, out: &mut String) {
        self.octets.clear();
        self.transfer.finish(&mut self.octets);
        self.decode(true, out);
        if let Some(html) = &mut self.html {
            html.finish(out);
        }
    }

    fn decode(&mut self, last: bool, out: &mut String) {
        match &mut self.html {
            None => self.charset.push(&self.octets, last, out),
            Some(html) => {
                self.page.clear();
                self.charset.push(&self.octets, last, &mut self.page);
                html.push(&self.page, out);
            }
        }
    }
}

/// What of a message is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Scope {
    /// The texts in its body.
    Body,
    /// Its header too, and the headers of its parts, with the names of files. Not the fields that hold signatures and
    /// traces, which have no words.
    Whole,
}

/// Reads the words of a message whose octets come in order, in pieces.
pub struct Texts<'a> {
    /// What is still to come, in the order of the message.
    rest: Box<dyn Iterator<Item = Passage<'a>> + Send + 'a>,
    current: Option<Passage<'a>>,
    /// Octets of the message before the next piece.
    at: u64,
}

/// A header, or the body of a text.
struct Passage<'a> {
    octets: Range<u64>,
    reading: Reading<'a>,
}

enum Reading<'a> {
    /// A header as far as it has been read.
    Header(Vec<u8>),
    /// Made when the body begins.
    Body(Section<'a>, Option<Box<TextDecoder>>),
}

impl<'a> Texts<'a> {
    /// Before the first octet of the message that has this shape.
    pub fn new(shape: &'a Shape, scope: Scope) -> Self {
        let header = std::iter::once(Passage::header(0..shape.header_octets()));
        let mut after = 0;
        let passages = header.chain(shape.sections().flat_map(Passage::of));
        let mut rest = Box::new(passages.filter(move |passage| {
            let wanted = scope == Scope::Whole || matches!(passage.reading, Reading::Body(..));
            // A message and the one part that it has have one header.
            let is_new = passage.octets.start >= after && !passage.octets.is_empty();
            after = if is_new { passage.octets.end } else { after };
            wanted && is_new
        }));
        let current = rest.next();
        Self { rest, current, at: 0 }
    }

    /// Whether more octets are of use: behind the last text there is nothing to read.
    pub fn wants_more(&self) -> bool {
        self.current.is_some()
    }

    /// Takes the next octets of the message and appends the words in them. A line end stands between two texts.
    pub fn push(&mut self, octets: &[u8], out: &mut String) {
        let end = self.at + octets.len() as u64;
        while let Some(passage) = &mut self.current {
            let (from, to) = (passage.octets.start.max(self.at), passage.octets.end.min(end));
            if from < to {
                let place = |at: u64| usize::try_from(at - self.at).expect("it is inside this piece");
                passage.push(&octets[place(from)..place(to)], out);
            }
            if passage.octets.end > end {
                break;
            }
            self.end_passage(out);
        }
        self.at = end;
    }

    /// Ends the message, which may have been shorter than its shape says.
    pub fn finish(mut self, out: &mut String) {
        self.end_passage(out);
    }

    fn end_passage(&mut self, out: &mut String) {
        if let Some(passage) = self.current.take() {
            passage.finish(out);
            out.push('\n');
        }
        self.current = self.rest.next();
    }
}

impl<'a> Passage<'a> {
    fn header(octets: Range<u64>) -> Self {
        Self { octets, reading: Reading::Header(Vec::new()) }
    }

    /// The header of a part, that of the message in it, and its text.
    fn of(section: Section<'a>) -> impl Iterator<Item = Self> {
        let header = Self::header(section.header.clone());
        let inner = section.message().map(|(header, _)| Self::header(header));
        let octets = section.body.clone();
        let is_text = section.is_text();
        let body = is_text.then_some(Self { octets, reading: Reading::Body(section, None) });
        std::iter::once(header).chain(inner).chain(body)
    }

    fn push(&mut self, octets: &[u8], out: &mut String) {
        match &mut self.reading {
            Reading::Header(header) => {
                let left = HEADER_OCTETS_MAX - header.len();
                header.extend_from_slice(&octets[..octets.len().min(left)]);
            }
            Reading::Body(section, decoder) => {
                decoder.get_or_insert_with(|| Box::new(TextDecoder::of_section(section))).push(octets, out);
            }
        }
    }

    fn finish(self, out: &mut String) {
        match self.reading {
            Reading::Header(header) => write_header(&header, out),
            Reading::Body(_, decoder) => decoder.into_iter().for_each(|decoder| decoder.finish(out)),
        }
    }
}

/// Fields that hold signatures and the numbers of servers instead of words. An index would drown in them.
const WORDLESS: [&str; 5] =
    ["Received", "DKIM-Signature", "ARC-Seal", "ARC-Message-Signature", "X-Google-DKIM-Signature"];

/// The fields of a header as they are meant, one a line, and the name of a file in whatever form it is given.
fn write_header(octets: &[u8], out: &mut String) {
    let has_words = |field: &header::Field<'_>| !WORDLESS.iter().any(|name| field.is(name));
    for field in header::fields(octets).take(HEADER_FIELDS_MAX).filter(has_words) {
        out.push_str(&String::from_utf8_lossy(field.name));
        out.push_str(": ");
        out.push_str(decode(field.value).trim());
        out.push('\n');
    }
    if let Some(name) = file_name(octets) {
        out.push_str(&name);
    }
}
