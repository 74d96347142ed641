//! BODY and BODYSTRUCTURE: RFC 9051 §7.5.2.

use super::{SectionKind, content::Content, parameters::Parameters, part::Part, print};

/// Prints the structure of a message. `extended` adds what BODYSTRUCTURE has beyond BODY.
pub(super) fn print(parts: &[Part], extended: bool) -> Vec<u8> {
    let mut printer = Printer { parts, extended, out: Vec::with_capacity(128 * parts.len()) };
    printer.part(0);
    printer.out
}

struct Printer<'a> {
    parts: &'a [Part],
    extended: bool,
    out: Vec<u8>,
}

impl Printer<'_> {
    /// Prints a part with those inside it; hands back the index of the part that follows. It calls itself once for
    /// each level, of which the limits allow a few.
    fn part(&mut self, at: usize) -> usize {
        let part = &self.parts[at];
        self.out.push(b'(');
        let next = match part.kind {
            SectionKind::Multipart => self.multipart(at),
            kind => self.leaf(at, kind),
        };
        if self.extended {
            self.extension(part);
        }
        self.out.push(b')');
        next
    }

    fn multipart(&mut self, at: usize) -> usize {
        let mut next = at + 1;
        while self.parts.get(next).is_some_and(|part| part.parent == Some(at)) {
            next = self.part(next);
        }
        self.out.push(b' ');
        print::string(&mut self.out, &self.parts[at].content.subtype);
        next
    }

    fn leaf(&mut self, at: usize, kind: SectionKind) -> usize {
        let part = &self.parts[at];
        let Content { media_type, subtype, parameters, id, description, transfer_encoding, .. } = &part.content;
        let transfer_encoding = if transfer_encoding.is_empty() { b"7bit" } else { transfer_encoding.as_slice() };
        print::string(&mut self.out, media_type);
        self.field(|out| print::string(out, subtype));
        self.field(|out| list(out, parameters));
        self.field(|out| print::nstring(out, id.as_deref()));
        self.field(|out| print::nstring(out, description.as_deref()));
        self.field(|out| print::string(out, transfer_encoding));
        self.field(|out| print::number(out, part.body.end - part.body.start));
        let mut next = at + 1;
        if kind == SectionKind::Message {
            self.field(|out| out.extend_from_slice(&part.envelope));
            self.out.push(b' ');
            next = self.part(next);
        }
        if matches!(kind, SectionKind::Message | SectionKind::Plain | SectionKind::Html) {
            self.field(|out| print::number(out, part.lines));
        }
        next
    }

    fn extension(&mut self, part: &Part) {
        let Content { parameters, md5, disposition, languages, location, .. } = &part.content;
        if part.kind == SectionKind::Multipart {
            self.field(|out| list(out, parameters));
        } else {
            self.field(|out| print::nstring(out, md5.as_deref()));
        }
        self.field(|out| match disposition {
            Some((kind, parameters)) => {
                out.push(b'(');
                print::string(out, kind);
                out.push(b' ');
                list(out, parameters);
                out.push(b')');
            }
            None => out.extend_from_slice(b"NIL"),
        });
        self.field(|out| match languages.as_slice() {
            [] => out.extend_from_slice(b"NIL"),
            [only] => print::string(out, only),
            several => {
                for (at, language) in several.iter().enumerate() {
                    out.push(if at == 0 { b'(' } else { b' ' });
                    print::string(out, language);
                }
                out.push(b')');
            }
        });
        self.field(|out| print::nstring(out, location.as_deref()));
    }

    /// A blank, and what follows it.
    fn field(&mut self, print: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b' ');
        print(&mut self.out);
    }
}

fn list(out: &mut Vec<u8>, parameters: &Parameters) {
    let start = out.len();
    for (name, value) in parameters.iter() {
        out.push(if out.len() == start { b'(' } else { b' ' });
        print::string(out, name);
        out.push(b' ');
        print::string(out, value);
    }
    out.extend_from_slice(if out.len() == start { b"NIL" } else { b")" });
}
