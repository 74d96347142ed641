//! What FETCH says of a message, item by item.
//!
//! An item is printed whole, or up to a literal whose octets are too many to be here: these come piece by piece, and
//! printing goes on behind them. So a message may be larger than all buffers.

use std::ops::Range;

use bytes::Bytes;
use rohrpost_mail::mime::Encoding;

use super::{
    Fault, Fetching, fields,
    section::{self, Place},
    twice::{self, Item, Twice},
};
use crate::{
    command::{FetchItem, Part, Partial, Section, SectionText},
    event::{Mail, Parts},
    response::{FetchWriter, Wire},
    session::output::Output,
    view::View,
};

/// The message that is being printed.
#[derive(Debug)]
pub(super) struct Printing {
    mail: Mail,
    /// The item that comes next.
    next: usize,
    /// Its number.
    number: u32,
    /// Whether the response is begun.
    is_begun: bool,
    /// What must come before the next item.
    stream: Option<Stream>,
    /// Whether the flags changed by this command, and are told though not asked for.
    tells_flags: bool,
    /// The same of MODSEQ (RFC 7162 §3.1).
    tells_modseq: bool,
}

/// Octets of the message that come piece by piece, counted from its begin.
#[derive(Debug)]
enum Stream {
    /// A literal whose head is printed.
    Literal(Range<u64>),
    /// What is made of them.
    Twice(Box<Twice>),
}

/// What printing came to.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// Something was printed, or left out; go on.
    Printed,
    /// All messages of the page are.
    PageDone,
    /// These octets are needed.
    Octets { uid: u32, from: u64, octets: u64 },
}

/// What the items need of each message.
pub(super) fn parts(items: &[FetchItem]) -> Parts {
    let mut parts = Parts::default();
    for item in items {
        match item {
            FetchItem::Uid | FetchItem::Flags | FetchItem::ModSeq => {}
            FetchItem::InternalDate
            | FetchItem::Rfc822Size
            | FetchItem::EmailId
            | FetchItem::ThreadId
            | FetchItem::SaveDate => parts.facts = true,
            FetchItem::Envelope
            | FetchItem::Body
            | FetchItem::BodyStructure
            | FetchItem::Rfc822Header
            | FetchItem::Preview { .. } => parts.shape = true,
            FetchItem::Rfc822 => parts.content = true,
            FetchItem::Rfc822Text | FetchItem::BinarySize(_) => (parts.shape, parts.content) = (true, true),
            FetchItem::Section { section, .. } => {
                parts.shape |= *section != Section::default();
                parts.content |= !section.part.is_empty() || !is_of_header(section);
            }
            FetchItem::Binary { part, .. } => {
                parts.shape |= !part.is_empty();
                parts.content = true;
            }
        }
    }
    parts
}

/// Whether the kept header of a message is all it takes.
fn is_of_header(section: &Section) -> bool {
    use SectionText::{Header, HeaderFields, HeaderFieldsNot};
    matches!(section.text, Some(Header | HeaderFields(_) | HeaderFieldsNot(_)))
}

/// Whether showing this item makes a message seen.
pub(super) fn sets_seen(item: &FetchItem) -> bool {
    match item {
        FetchItem::Rfc822 | FetchItem::Rfc822Text => true,
        FetchItem::Section { peek, .. } | FetchItem::Binary { peek, .. } => !peek,
        _ => false,
    }
}

impl Fetching {
    /// Prints the next item.
    pub(super) fn step(&mut self, view: &View, output: &mut Output, wire: Wire) -> Step {
        let Some(printing) = &mut self.printing else { return self.next_mail(view) };
        if let Some(stream) = &printing.stream {
            let Range { start, end } = stream.wanted();
            return Step::Octets { uid: printing.mail.entry.uid, from: start, octets: end - start };
        }
        if let Some(item) = self.items.get(printing.next) {
            printing.next += 1;
            let fault = printing.item(item, output, wire);
            self.fault = self.fault.or(fault);
        } else {
            printing.finish(output);
            self.printing = None;
        }
        Step::Printed
    }

    /// Takes octets that were wanted; any that are too many are dropped.
    pub(super) fn take_octets(&mut self, octets: &Bytes, output: &mut Output) {
        if let Some(printing) = &mut self.printing {
            printing.take_octets(octets, output);
        }
    }

    /// Octets that were wanted cannot be had: the item is left out, and the answer says so. Nothing else can follow where
    /// their number was said already; then nothing is done, and this is false.
    pub(super) fn leave_out(&mut self) -> bool {
        let Some(printing) = &mut self.printing else { return false };
        let is_promised = printing.stream.as_ref().is_none_or(Stream::is_promised);
        if !is_promised {
            printing.stream = None;
            self.fault = Some(Fault::Damaged);
        }
        !is_promised
    }

    /// Begins with the next message. One that has no number any more is left out.
    fn next_mail(&mut self, view: &View) -> Step {
        let Some(mail) = self.page.pop_front() else { return Step::PageDone };
        let Some(number) = view.uids.number(mail.entry.uid) else { return Step::Printed };
        if self.parts.shape && mail.shape.is_none() {
            self.fault = Some(Fault::Damaged);
            return Step::Printed;
        }
        let is_new = self.newly_seen.contains(mail.entry.uid);
        let tells_flags = is_new && !self.items.contains(&FetchItem::Flags);
        let tells_modseq = is_new && self.condstore && !self.items.contains(&FetchItem::ModSeq);
        let stream = None;
        self.printing = Some(Printing { mail, next: 0, number, is_begun: false, stream, tells_flags, tells_modseq });
        Step::Printed
    }
}

impl Stream {
    fn wanted(&self) -> Range<u64> {
        match self {
            Self::Literal(rest) => rest.clone(),
            Self::Twice(twice) => twice.wanted(),
        }
    }

    /// Whether the client was told how many octets come.
    fn is_promised(&self) -> bool {
        match self {
            Self::Literal(_) => true,
            Self::Twice(twice) => twice.counted().is_none(),
        }
    }
}

impl Printing {
    /// Where the next item is written.
    fn writer<'a>(&mut self, output: &'a mut Output) -> FetchWriter<'a> {
        if std::mem::replace(&mut self.is_begun, true) {
            FetchWriter::resume(output.buffer())
        } else {
            FetchWriter::new(output.buffer(), self.number)
        }
    }

    fn item(&mut self, item: &FetchItem, output: &mut Output, wire: Wire) -> Option<Fault> {
        match item {
            FetchItem::Section { section, partial, .. } => self.section(section, *partial, output),
            FetchItem::Binary { part, partial, .. } => return self.binary(part, *partial, output),
            FetchItem::BinarySize(part) => return self.binary_size(part, output),
            FetchItem::Rfc822 => self.rfc822("RFC822", None, output),
            FetchItem::Rfc822Header => self.rfc822("RFC822.HEADER", Some(SectionText::Header), output),
            FetchItem::Rfc822Text => self.rfc822("RFC822.TEXT", Some(SectionText::Text), output),
            // A message without the one has nothing to say.
            FetchItem::EmailId if self.mail.email_id.is_none() => {}
            item => self.fact(item, output, wire),
        }
        None
    }

    /// What a message is told to be, without a word of its own.
    fn fact(&mut self, item: &FetchItem, output: &mut Output, wire: Wire) {
        let mut fetch = self.writer(output);
        let mail = &self.mail;
        match (item, mail.shape.as_ref()) {
            (FetchItem::Uid, _) => fetch.uid(mail.entry.uid),
            (FetchItem::Flags, _) => fetch.flags(mail.entry.flags.names()),
            (FetchItem::ModSeq, _) => fetch.mod_seq(mail.entry.modseq),
            (FetchItem::InternalDate, _) => fetch.internal_date(mail.internal_date),
            (FetchItem::Rfc822Size, _) => fetch.rfc822_size(mail.octets),
            (FetchItem::SaveDate, _) => fetch.save_date(mail.saved),
            (FetchItem::EmailId, _) => mail.email_id.iter().for_each(|id| fetch.email_id(id)),
            (FetchItem::ThreadId, _) => fetch.thread_id(mail.thread_id.as_ref()),
            (FetchItem::Envelope, Some(shape)) => fetch.envelope(shape.envelope()),
            (FetchItem::Body, Some(shape)) => fetch.body(shape.body()),
            (FetchItem::BodyStructure, Some(shape)) => fetch.body_structure(shape.structure()),
            (FetchItem::Preview { .. }, Some(shape)) => fetch.preview(Some(shape.preview()), wire.utf8),
            _ => {}
        }
    }

    /// `BODY[…]`
    fn section(&mut self, section: &Section, partial: Option<Partial>, output: &mut Output) {
        let first = partial.map(|partial| partial.first);
        match section::place(&self.mail, section) {
            Place::Missing => self.writer(output).section(section, first, None),
            Place::Octets(range) => {
                let range = section::clip(range, partial);
                self.writer(output).section_head(section, first, range.end - range.start);
                self.literal(range, output);
            }
            Place::Fields(range) => match section::read(&self.mail, &range) {
                Some(header) => self.fields(section, partial, &header, output),
                None => self.read_twice(Item::Fields(section.clone(), partial), range),
            },
        }
    }

    fn fields(&mut self, section: &Section, partial: Option<Partial>, header: &[u8], output: &mut Output) {
        let Some(text) = &section.text else { return };
        let told = fields::told(header, text);
        let clipped = section::clip(0..told.len() as u64, partial);
        let first = partial.map(|partial| partial.first);
        self.writer(output).section(section, first, Some(&told[section::indices(&clipped)]));
    }

    /// RFC822 and what begins so (RFC 3501 §6.4.5).
    fn rfc822(&mut self, name: &str, text: Option<SectionText>, output: &mut Output) {
        let section = Section { part: Part::new(), text };
        if let Place::Octets(range) = section::place(&self.mail, &section) {
            self.writer(output).rfc822_head(name, range.end - range.start);
            self.literal(range, output);
        }
    }

    /// The octets behind the head of a literal, now or piece by piece.
    fn literal(&mut self, range: Range<u64>, output: &mut Output) {
        if !range.is_empty() && !section::write(&self.mail, &range, output) {
            self.stream = Some(Stream::Literal(range));
        }
    }

    /// `BINARY[…]`
    fn binary(&mut self, part: &Part, partial: Option<Partial>, output: &mut Output) -> Option<Fault> {
        let first = partial.map(|partial| partial.first);
        match section::part(&self.mail, part) {
            None => self.writer(output).binary(part, first, None),
            Some((_, Encoding::Unknown)) => {
                self.writer(output).binary(part, first, None);
                return Some(Fault::UnknownEncoding);
            }
            Some((range, encoding)) => match section::read(&self.mail, &range) {
                Some(encoded) => {
                    let decoded = twice::decode(&encoded, encoding);
                    let clipped = section::clip(0..decoded.len() as u64, partial);
                    self.writer(output).binary(part, first, Some(&decoded[section::indices(&clipped)]));
                }
                None => self.read_twice(Item::Binary(part.clone(), partial, encoding), range),
            },
        }
        None
    }

    /// `BINARY.SIZE[…]`; of a part that is not there it is 0, as that of an empty one.
    fn binary_size(&mut self, part: &Part, output: &mut Output) -> Option<Fault> {
        let (range, encoding) = section::part(&self.mail, part).unwrap_or((0..0, Encoding::Identity));
        match (encoding, section::read(&self.mail, &range)) {
            (Encoding::Unknown, _) => return Some(Fault::UnknownEncoding),
            (Encoding::Identity, _) => self.writer(output).binary_size(part, range.end - range.start),
            (_, Some(encoded)) => {
                let octets = twice::decode(&encoded, encoding).len() as u64;
                self.writer(output).binary_size(part, octets);
            }
            (_, None) => self.read_twice(Item::BinarySize(part.clone(), encoding), range),
        }
        None
    }

    fn read_twice(&mut self, item: Item, range: Range<u64>) {
        self.stream = Some(Stream::Twice(Twice::new(item, range).into()));
    }

    fn take_octets(&mut self, octets: &Bytes, output: &mut Output) {
        let Some(mut stream) = self.stream.take() else { return };
        let wanted = stream.wanted();
        let taken = octets.len().min(usize::try_from(wanted.end - wanted.start).unwrap_or(usize::MAX));
        let octets = octets.slice(..taken);
        match &mut stream {
            Stream::Literal(rest) => {
                rest.start += taken as u64;
                output.bytes(section::without_nul(octets));
            }
            Stream::Twice(twice) => twice.push(&octets, output.buffer()),
        }
        if stream.wanted().is_empty() {
            self.streamed(stream, output);
        } else {
            self.stream = Some(stream);
        }
    }

    /// All octets came that were wanted.
    fn streamed(&mut self, stream: Stream, output: &mut Output) {
        let Stream::Twice(mut twice) = stream else { return };
        let Some(octets) = twice.counted() else { return };
        let clip = |partial| section::clip(0..octets, partial);
        let first = |partial: Option<Partial>| partial.map(|partial| partial.first);
        let sent = match &twice.item {
            Item::BinarySize(part, _) => return self.writer(output).binary_size(part, octets),
            Item::Binary(part, partial, _) => {
                let sent = clip(*partial);
                self.writer(output).binary_head(part, first(*partial), sent.end - sent.start);
                sent
            }
            Item::Fields(section, partial) => {
                let sent = clip(*partial);
                self.writer(output).section_head(section, first(*partial), sent.end - sent.start);
                sent
            }
        };
        if !sent.is_empty() {
            twice.send(&sent);
            self.stream = Some(Stream::Twice(twice));
        }
    }

    fn finish(&mut self, output: &mut Output) {
        if self.tells_flags {
            let mut fetch = self.writer(output);
            fetch.flags(self.mail.entry.flags.names());
        }
        if self.tells_modseq {
            self.writer(output).mod_seq(self.mail.entry.modseq);
        }
        if self.is_begun {
            FetchWriter::resume(output.buffer()).finish();
        }
    }
}
