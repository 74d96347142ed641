//! FETCH responses, item by item.

use jiff::Timestamp;

use super::string::{date_time, literal_head, nstring};
use crate::{
    command::{ObjectId, Part, Section, SectionText},
    sequence::push_number,
};

/// Writes one FETCH response (RFC 9051 §7.5.2) into a buffer.
///
/// Nothing is built in between: an item is octets as soon as it is named. Where a body is too large for one buffer,
/// [`Self::section_head`] or [`Self::binary_head`] announce it as a literal; the buffer and then the body go to the peer,
/// and [`Self::resume`] goes on behind it.
///
/// ```
/// use rohrpost_imap::response::FetchWriter;
///
/// let mut out = Vec::new();
/// let mut fetch = FetchWriter::new(&mut out, 12);
/// fetch.flags(["\\Seen", "work"]);
/// fetch.uid(4827);
/// fetch.finish();
/// assert_eq!(out, b"* 12 FETCH (FLAGS (\\Seen work) UID 4827)\r\n");
/// ```
#[derive(Debug)]
pub struct FetchWriter<'a> {
    out: &'a mut Vec<u8>,
    /// Whether an item is there already.
    begun: bool,
}

impl<'a> FetchWriter<'a> {
    /// Begins the response of the message with this number.
    pub fn new(out: &'a mut Vec<u8>, number: u32) -> Self {
        out.extend_from_slice(b"* ");
        push_number(out, number.into());
        out.extend_from_slice(b" FETCH (");
        Self { out, begun: false }
    }

    /// Goes on with a response behind an item.
    pub fn resume(out: &'a mut Vec<u8>) -> Self {
        Self { out, begun: true }
    }

    /// UID
    pub fn uid(&mut self, uid: u32) {
        self.item(b"UID ");
        push_number(self.out, uid.into());
    }

    /// FLAGS, by their names: `\Seen`, `work`.
    pub fn flags<'f>(&mut self, flags: impl IntoIterator<Item = &'f str>) {
        self.item(b"FLAGS ");
        print_flags(self.out, flags);
    }

    /// INTERNALDATE
    pub fn internal_date(&mut self, at: Timestamp) {
        self.item(b"INTERNALDATE ");
        date_time(self.out, at);
    }

    /// ENVELOPE, in its text form with its parentheses.
    pub fn envelope(&mut self, envelope: &[u8]) {
        self.item(b"ENVELOPE ");
        self.out.extend_from_slice(envelope);
    }

    /// BODY, in its text form with its parentheses.
    pub fn body(&mut self, body: &[u8]) {
        self.item(b"BODY ");
        self.out.extend_from_slice(body);
    }

    /// BODYSTRUCTURE, in its text form with its parentheses.
    pub fn body_structure(&mut self, structure: &[u8]) {
        self.item(b"BODYSTRUCTURE ");
        self.out.extend_from_slice(structure);
    }

    /// RFC822.SIZE
    pub fn rfc822_size(&mut self, octets: u64) {
        self.item(b"RFC822.SIZE ");
        push_number(self.out, octets);
    }

    /// RFC822, RFC822.HEADER or RFC822.TEXT, by its name, as a literal.
    pub fn rfc822(&mut self, name: &str, content: &[u8]) {
        self.rfc822_head(name, content.len() as u64);
        self.out.extend_from_slice(content);
    }

    /// The same up to the octets of its literal.
    pub fn rfc822_head(&mut self, name: &str, octets: u64) {
        self.item(name.as_bytes());
        self.out.push(b' ');
        literal_head(self.out, octets);
    }

    /// `BODY[…]` as a literal. `first` is the first octet of a partial; there is no section where `content` is `None`.
    pub fn section(&mut self, section: &Section, first: Option<u64>, content: Option<&[u8]>) {
        self.section_name(section, first);
        let Some(content) = content else { return self.out.extend_from_slice(b"NIL") };
        literal_head(self.out, content.len() as u64);
        self.out.extend_from_slice(content);
    }

    /// `BODY[…]` up to the octets of its literal.
    pub fn section_head(&mut self, section: &Section, first: Option<u64>, octets: u64) {
        self.section_name(section, first);
        literal_head(self.out, octets);
    }

    /// `BINARY[…]`: as a literal, which is a `literal8` where it holds NUL (RFC 3516 §4.2).
    pub fn binary(&mut self, part: &Part, first: Option<u64>, content: Option<&[u8]>) {
        self.binary_name(part, first);
        let Some(content) = content else { return self.out.extend_from_slice(b"NIL") };
        if memchr::memchr(0, content).is_some() {
            self.out.push(b'~');
        }
        literal_head(self.out, content.len() as u64);
        self.out.extend_from_slice(content);
    }

    /// `BINARY[…]` up to the octets of its `literal8`.
    pub fn binary_head(&mut self, part: &Part, first: Option<u64>, octets: u64) {
        self.binary_name(part, first);
        self.out.push(b'~');
        literal_head(self.out, octets);
    }

    /// `BINARY.SIZE[…]`
    pub fn binary_size(&mut self, part: &Part, octets: u64) {
        self.item(b"BINARY.SIZE[");
        print_part(self.out, part);
        self.out.extend_from_slice(b"] ");
        push_number(self.out, octets);
    }

    /// MODSEQ
    pub fn mod_seq(&mut self, modseq: u64) {
        self.item(b"MODSEQ (");
        push_number(self.out, modseq);
        self.out.push(b')');
    }

    /// EMAILID
    pub fn email_id(&mut self, id: &ObjectId) {
        self.item(b"EMAILID (");
        self.out.extend_from_slice(id.as_str().as_bytes());
        self.out.push(b')');
    }

    /// THREADID; NIL where the server knows none.
    pub fn thread_id(&mut self, id: Option<&ObjectId>) {
        match id {
            Some(id) => {
                self.item(b"THREADID (");
                self.out.extend_from_slice(id.as_str().as_bytes());
                self.out.push(b')');
            }
            None => self.item(b"THREADID NIL"),
        }
    }

    /// SAVEDATE; NIL where the server knows none.
    pub fn save_date(&mut self, at: Option<Timestamp>) {
        self.item(b"SAVEDATE ");
        match at {
            Some(at) => date_time(self.out, at),
            None => self.out.extend_from_slice(b"NIL"),
        }
    }

    /// PREVIEW; NIL where it is not there yet. It is UTF-8 also for clients that enabled nothing (RFC 8970 §4), and a
    /// literal then.
    pub fn preview(&mut self, preview: Option<&str>, utf8: bool) {
        self.item(b"PREVIEW ");
        nstring(self.out, preview.map(str::as_bytes), utf8);
    }

    /// Ends the response.
    pub fn finish(self) {
        self.out.extend_from_slice(b")\r\n");
    }

    fn item(&mut self, name: &[u8]) {
        if std::mem::replace(&mut self.begun, true) {
            self.out.push(b' ');
        }
        self.out.extend_from_slice(name);
    }

    fn section_name(&mut self, section: &Section, first: Option<u64>) {
        self.item(b"BODY[");
        print_section(self.out, section);
        self.origin(first);
    }

    fn binary_name(&mut self, part: &Part, first: Option<u64>) {
        self.item(b"BINARY[");
        print_part(self.out, part);
        self.origin(first);
    }

    /// The bracket behind a section, and where a partial begins.
    fn origin(&mut self, first: Option<u64>) {
        self.out.push(b']');
        if let Some(first) = first {
            self.out.push(b'<');
            push_number(self.out, first);
            self.out.push(b'>');
        }
        self.out.push(b' ');
    }
}

/// Writes flags with their parentheses.
pub(crate) fn print_flags<'f>(out: &mut Vec<u8>, flags: impl IntoIterator<Item = &'f str>) {
    out.push(b'(');
    for (index, flag) in flags.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(flag.as_bytes());
    }
    out.push(b')');
}

/// Writes what stands between the brackets of `BODY[…]`.
pub(crate) fn print_section(out: &mut Vec<u8>, section: &Section) {
    print_part(out, &section.part);
    let Some(text) = &section.text else { return };
    if !section.part.is_empty() {
        out.push(b'.');
    }
    let (name, fields) = match text {
        SectionText::Header => ("HEADER", None),
        SectionText::HeaderFields(fields) => ("HEADER.FIELDS (", Some(fields)),
        SectionText::HeaderFieldsNot(fields) => ("HEADER.FIELDS.NOT (", Some(fields)),
        SectionText::Text => ("TEXT", None),
        SectionText::Mime => ("MIME", None),
    };
    out.extend_from_slice(name.as_bytes());
    let Some(fields) = fields else { return };
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        super::astring(out, field.as_str().as_bytes(), false);
    }
    out.push(b')');
}

/// Writes the number of a part: `4.2`.
pub(crate) fn print_part(out: &mut Vec<u8>, part: &Part) {
    for (index, number) in part.iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        push_number(out, (*number).into());
    }
}
