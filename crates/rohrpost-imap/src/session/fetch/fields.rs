//! HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): some fields of a header, which may be longer than what is held at
//! once.

use super::section::mask_nul;
use crate::{
    command::{FieldName, SectionText},
    limits::NAME_OCTETS_MAX,
};

/// A header that is read piece by piece.
#[derive(Debug, Default)]
pub(super) struct Fields {
    place: Place,
    /// Whether the field that was read last is told.
    is_told: bool,
}

#[derive(Debug)]
enum Place {
    /// At the begin of a line, of which this much has come: it does not say yet whose it is.
    Begin(Vec<u8>),
    /// Within a line.
    Within,
    /// Behind the empty line.
    End,
}

impl Default for Place {
    fn default() -> Self {
        Self::Begin(Vec::new())
    }
}

/// The fields of a header that is here.
pub(super) fn told(header: &[u8], text: &SectionText) -> Vec<u8> {
    let (mut fields, mut told) = (Fields::default(), Vec::new());
    fields.push(text, header, &mut told);
    fields.finish(text, &mut told);
    told
}

impl Fields {
    /// Takes octets of the header, and writes what of them is told, as it stands there.
    pub(super) fn push(&mut self, text: &SectionText, octets: &[u8], told: &mut Vec<u8>) {
        let before = told.len();
        let mut rest = octets;
        while !rest.is_empty() {
            let taken = match &mut self.place {
                Place::End => break,
                Place::Within => self.go_on(rest, told),
                Place::Begin(begin) => {
                    let begin = std::mem::take(begin);
                    self.begin(text, begin, rest, told)
                }
            };
            rest = &rest[taken..];
        }
        mask_nul(&mut told[before..]);
    }

    /// No more octets come. The empty line is told also where the header has none.
    pub(super) fn finish(&mut self, text: &SectionText, told: &mut Vec<u8>) {
        if let Place::Begin(begin) = &mut self.place
            && !begin.is_empty()
        {
            let begin = std::mem::take(begin);
            self.decide(text, &begin, told);
        }
        told.extend_from_slice(b"\r\n");
    }

    fn go_on(&mut self, rest: &[u8], told: &mut Vec<u8>) -> usize {
        let end = memchr::memchr(b'\n', rest);
        let taken = end.map_or(rest.len(), |end| end + 1);
        if self.is_told {
            told.extend_from_slice(&rest[..taken]);
        }
        if end.is_some() {
            self.place = Place::default();
        }
        taken
    }

    /// Looks for the end of the name. A line that begins with a blank has none.
    fn begin(&mut self, text: &SectionText, mut begin: Vec<u8>, rest: &[u8], told: &mut Vec<u8>) -> usize {
        let room = rest.len().min(NAME_OCTETS_MAX - begin.len());
        let is_folded = begin.is_empty() && matches!(rest[0], b' ' | b'\t');
        let end = if is_folded { Some(0) } else { memchr::memchr2(b':', b'\n', &rest[..room]) };
        let taken = end.map_or(room, |end| end + 1);
        if begin.is_empty() && end.is_some() {
            self.decide(text, &rest[..taken], told);
            return taken;
        }
        begin.extend_from_slice(&rest[..taken]);
        if end.is_some() || begin.len() == NAME_OCTETS_MAX {
            self.decide(text, &begin, told);
        } else {
            self.place = Place::Begin(begin);
        }
        taken
    }

    /// Whose line this is.
    fn decide(&mut self, text: &SectionText, begin: &[u8], told: &mut Vec<u8>) {
        match begin {
            b"\n" | b"\r\n" => return self.place = Place::End,
            [b' ' | b'\t', ..] => {}
            [name @ .., b':'] => self.is_told = is_told(text, name),
            line => self.is_told = is_told(text, line),
        }
        if self.is_told {
            told.extend_from_slice(begin);
        }
        self.place = if begin.ends_with(b"\n") { Place::default() } else { Place::Within };
    }
}

fn is_told(text: &SectionText, name: &[u8]) -> bool {
    let (names, wanted): (&[FieldName], bool) = match text {
        SectionText::HeaderFields(names) => (names, true),
        SectionText::HeaderFieldsNot(names) => (names, false),
        SectionText::Header | SectionText::Text | SectionText::Mime => (&[], false),
    };
    let name = name.trim_ascii_end();
    names.iter().any(|named| named.as_str().as_bytes().eq_ignore_ascii_case(name)) == wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] =
        b"Received: a\r\n\tb\r\nFrom : ann\r\nno field\r\nSubject: one\r\n two\r\nreceived: c\r\n\r\nFrom: text";

    fn named(names: &[&str]) -> Vec<FieldName> {
        names.iter().map(|name| FieldName::new(name).unwrap()).collect()
    }

    /// In pieces of each size the answer is the same.
    fn fields(header: &[u8], text: &SectionText) -> Vec<u8> {
        let whole = told(header, text);
        for size in 1..header.len() {
            let (mut fields, mut told) = (Fields::default(), Vec::new());
            header.chunks(size).for_each(|piece| fields.push(text, piece, &mut told));
            fields.finish(text, &mut told);
            assert_eq!(told, whole, "in pieces of {size}");
        }
        whole
    }

    #[test]
    fn fields_are_told_with_their_folded_lines_and_in_any_case() {
        let told = fields(HEADER, &SectionText::HeaderFields(named(&["RECEIVED", "X"])));
        assert_eq!(told, b"Received: a\r\n\tb\r\nreceived: c\r\n\r\n");
        let told = fields(HEADER, &SectionText::HeaderFieldsNot(named(&["received", "from"])));
        assert_eq!(told, b"no field\r\nSubject: one\r\n two\r\n\r\n");
        let from = SectionText::HeaderFields(named(&["from"]));
        assert_eq!(fields(HEADER, &from), b"From : ann\r\n\r\n");
        assert_eq!(fields(b"", &from), b"\r\n");
        assert_eq!(fields(b"From: \0ann", &from), b"From: \x80ann\r\n");
        assert_eq!(fields(b"a: b\nfrom: c\n\nfrom: d\n", &from), b"from: c\n\r\n");
    }

    #[test]
    fn a_line_without_end_is_nobodys_and_not_held() {
        let header = [&[b'x'; 3 * NAME_OCTETS_MAX][..], b": y\r\nFrom: ann\r\n\r\n"].concat();
        assert_eq!(fields(&header, &SectionText::HeaderFields(named(&["from"]))), b"From: ann\r\n\r\n");
    }
}
