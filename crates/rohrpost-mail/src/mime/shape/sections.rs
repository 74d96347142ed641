//! The parts of a message: where each stands, and how it is to be read.
//!
//! They are stored one behind the other: kind and encoding in one octet, then numbers of seven bits an octet, then the
//! name of the charset.

use std::ops::Range;

/// How the body of a part travels. RFC 2045 §6.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Encoding {
    /// As it is: `7bit`, `8bit`, `binary`, or nothing said.
    #[default]
    Identity,
    /// `quoted-printable`
    QuotedPrintable,
    /// `base64`
    Base64,
    /// One that nobody knows: its octets mean nothing to us (RFC 9051 §6.4.5 `UNKNOWN-CTE`).
    Unknown,
}

/// What a part is, as far as reading it goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SectionKind {
    /// Text that stands for itself.
    #[default]
    Plain,
    /// `text/html`
    Html,
    /// Several parts.
    Multipart,
    /// `message/rfc822` or `message/global`: a message with a header of its own.
    Message,
    /// Anything else.
    Other,
}

/// A part of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Section<'a> {
    /// Its number: `[1, 2]` for `1.2`. A message that is no multipart has the one part `[1]`.
    pub path: Vec<u32>,
    /// Its MIME header with the empty line behind it: `BODY[1.2.MIME]`.
    pub header: Range<u64>,
    /// Its body: `BODY[1.2]`.
    pub body: Range<u64>,
    /// What it is.
    pub kind: SectionKind,
    /// How its body travels.
    pub encoding: Encoding,
    /// Octets of the header of the message in it; zero unless it is a [`SectionKind::Message`].
    pub message_header_octets: u64,
    /// The charset of a text, in the letters of the message; empty when none is named.
    pub charset: &'a str,
}

impl Section<'_> {
    /// Whether it is a text that can be read.
    pub fn is_text(&self) -> bool {
        matches!(self.kind, SectionKind::Plain | SectionKind::Html) && self.encoding != Encoding::Unknown
    }

    /// `BODY[1.2.HEADER]` and `BODY[1.2.TEXT]`: header and body of the message that the part is.
    pub fn message(&self) -> Option<(Range<u64>, Range<u64>)> {
        let middle = self.body.start.saturating_add(self.message_header_octets).min(self.body.end);
        (self.kind == SectionKind::Message).then_some((self.body.start..middle, middle..self.body.end))
    }

    /// Appends the stored form.
    pub(crate) fn store(&self, out: &mut Vec<u8>) {
        out.push(self.kind as u8 | (self.encoding as u8) << 4);
        number(out, self.path.len() as u64);
        self.path.iter().for_each(|at| number(out, u64::from(*at)));
        number(out, self.header.start);
        number(out, self.body.start - self.header.start);
        number(out, self.body.end - self.body.start);
        number(out, self.message_header_octets);
        number(out, self.charset.len() as u64);
        out.extend_from_slice(self.charset.as_bytes());
    }
}

/// Walks the parts of a message: [`super::Shape::sections`].
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    rest: &'a [u8],
}

impl<'a> Sections<'a> {
    pub(super) fn new(stored: &'a [u8]) -> Self {
        Self { rest: stored }
    }

    /// Whether all can be read and lie inside the message.
    pub(super) fn are_sound(mut self, octets: u64) -> bool {
        while !self.rest.is_empty() {
            let Some(section) = self.read() else { return false };
            if section.body.end > octets || section.message_header_octets > section.body.end - section.body.start {
                return false;
            }
        }
        true
    }

    fn read(&mut self) -> Option<Section<'a>> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        let (kind, encoding) = (kind(first & 0xf)?, encoding(first >> 4)?);
        let steps = self.number()?;
        let path = (0..steps).map(|_| u32::try_from(self.number()?).ok()).collect::<Option<Vec<u32>>>()?;
        let start = self.number()?;
        let middle = start.checked_add(self.number()?)?;
        let end = middle.checked_add(self.number()?)?;
        let message_header_octets = self.number()?;
        let charset_octets = usize::try_from(self.number()?).ok()?;
        let (charset, rest) = self.rest.split_at_checked(charset_octets)?;
        self.rest = rest;
        let charset = std::str::from_utf8(charset).ok()?;
        Some(Section { path, header: start..middle, body: middle..end, kind, encoding, message_header_octets, charset })
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (octet, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= u64::from(octet & 0x7f).checked_shl(shift)?;
            if octet & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Section<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read()
    }
}

fn kind(stored: u8) -> Option<SectionKind> {
    use SectionKind::{Html, Message, Multipart, Other, Plain};
    [Plain, Html, Multipart, Message, Other].into_iter().find(|kind| *kind as u8 == stored)
}

fn encoding(stored: u8) -> Option<Encoding> {
    use Encoding::{Base64, Identity, QuotedPrintable, Unknown};
    [Identity, QuotedPrintable, Base64, Unknown].into_iter().find(|encoding| *encoding as u8 == stored)
}

fn number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}
