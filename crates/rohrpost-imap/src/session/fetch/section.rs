//! Where the octets of a section lie in a message (RFC 9051 §6.4.5.1).
//!
//! Ranges count from the begin of the message as the client sees it: the prefix of its copy, then the shared body.

use std::ops::Range;

use bytes::Bytes;
use rohrpost_mail::mime::Shape;

use crate::{
    command::{Part, Partial, Section, SectionText},
    event::{Content, Mail},
    session::output::Output,
};

/// What a section is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// These octets.
    Octets(Range<u64>),
    /// Some fields of the header that is there.
    Fields(Range<u64>),
    /// There is no such part.
    Missing,
}

/// Octets of the whole message.
pub(super) fn total(mail: &Mail) -> u64 {
    match &mail.content {
        Content::Here(body) => mail.prefix.len() as u64 + body.len() as u64,
        Content::Elsewhere => mail.octets,
    }
}

/// Where a section lies.
pub(super) fn place(mail: &Mail, section: &Section) -> Place {
    let Some(shape) = &mail.shape else {
        return if *section == Section::default() { Place::Octets(0..total(mail)) } else { Place::Missing };
    };
    let found = match section.part.as_slice() {
        [] => Some(of_message(mail, shape, section.text.as_ref())),
        part => of_part(mail, shape, part, section.text.as_ref()),
    };
    match (found, &section.text) {
        (None, _) => Place::Missing,
        (Some(range), Some(SectionText::HeaderFields(_) | SectionText::HeaderFieldsNot(_))) => Place::Fields(range),
        (Some(range), _) => Place::Octets(range),
    }
}

fn of_message(mail: &Mail, shape: &Shape, text: Option<&SectionText>) -> Range<u64> {
    let total = total(mail);
    let header = (mail.prefix.len() as u64).saturating_add(shape.header_octets()).min(total);
    match text {
        None => 0..total,
        Some(SectionText::Text) => header..total,
        Some(_) => 0..header,
    }
}

fn of_part(mail: &Mail, shape: &Shape, part: &[u32], text: Option<&SectionText>) -> Option<Range<u64>> {
    let section = shape.section(part)?;
    let range = match text {
        None => section.body.clone(),
        Some(SectionText::Mime) => section.header.clone(),
        Some(SectionText::Text) => section.message()?.1,
        Some(_) => section.message()?.0,
    };
    let prefix = mail.prefix.len() as u64;
    let end = prefix.saturating_add(range.end).min(total(mail));
    Some(prefix.saturating_add(range.start).min(end)..end)
}

/// A part for BINARY, and how it travels. The message itself travels as it is.
pub(super) fn part(mail: &Mail, part: &Part) -> Option<(Range<u64>, rohrpost_mail::mime::Encoding)> {
    if part.is_empty() {
        return Some((0..total(mail), rohrpost_mail::mime::Encoding::Identity));
    }
    let shape = mail.shape.as_ref()?;
    Some((of_part(mail, shape, part, None)?, shape.section(part)?.encoding))
}

/// The part of a range that `<first.octets>` names (RFC 9051 §6.4.5).
pub(super) fn clip(range: Range<u64>, partial: Option<Partial>) -> Range<u64> {
    let Some(Partial { first, octets }) = partial else { return range };
    let start = range.start.saturating_add(first).min(range.end);
    start..start.saturating_add(octets).min(range.end)
}

/// Octets of a buffer in memory.
pub(super) fn indices(range: &Range<u64>) -> Range<usize> {
    let index = |octet: u64| usize::try_from(octet).expect("a buffer in memory has no more octets than a usize counts");
    index(range.start)..index(range.end)
}

/// Octets of a message as a literal may hold them: RFC 9051 §4.3.1 allows a NUL only in what BINARY sends. Deviation from
/// RFC 9051 §6.4.5: the NULs of a message are shown as the octet 0x80, as Dovecot shows them, so that all numbers stay
/// true. BINARY sends them as they are.
pub(super) fn without_nul(octets: Bytes) -> Bytes {
    if memchr::memchr(0, &octets).is_none() {
        return octets;
    }
    let mut copy = Vec::from(octets);
    mask_nul(&mut copy);
    copy.into()
}

/// The same in place.
pub(super) fn mask_nul(mut octets: &mut [u8]) {
    while let Some(place) = memchr::memchr(0, octets) {
        octets[place] = 0x80;
        octets = &mut octets[place + 1..];
    }
}

/// Writes octets of a message, if they are here.
pub(super) fn write(mail: &Mail, range: &Range<u64>, output: &mut Output) -> bool {
    let Some((prefix, body)) = split(mail, range) else { return false };
    match (&mail.content, &mail.shape) {
        (Content::Here(content), _) if body.end <= content.len() => {
            output.bytes(mail.prefix.slice(prefix));
            output.bytes(without_nul(content.slice(body)));
        }
        (Content::Elsewhere, Some(shape)) if body.end <= shape.header().len() => {
            output.bytes(mail.prefix.slice(prefix));
            let (out, header) = (output.buffer(), &shape.header()[body]);
            out.extend_from_slice(header);
            let begin = out.len() - header.len();
            mask_nul(&mut out[begin..]);
        }
        _ => return false,
    }
    true
}

/// Octets of a message, if they are here. Of an empty range they always are, wherever it lies.
pub(super) fn read(mail: &Mail, range: &Range<u64>) -> Option<Vec<u8>> {
    if range.is_empty() {
        return Some(Vec::new());
    }
    let (prefix, body) = split(mail, range)?;
    let body = match (&mail.content, &mail.shape) {
        (Content::Here(content), _) => content.get(body)?,
        (Content::Elsewhere, Some(shape)) => shape.header().get(body)?,
        (Content::Elsewhere, None) => return None,
    };
    Some([&mail.prefix[prefix], body].concat())
}

/// Parts a range into that of the prefix and that of the body.
fn split(mail: &Mail, range: &Range<u64>) -> Option<(Range<usize>, Range<usize>)> {
    let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
    let prefix = mail.prefix.len();
    Some((start.min(prefix)..end.min(prefix), start.max(prefix) - prefix..end.max(prefix) - prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_ends_where_the_section_does() {
        let partial = |first, octets| Some(Partial { first, octets });
        assert_eq!(clip(10..20, partial(0, 5)), 10..15);
        assert_eq!(clip(10..20, partial(8, u64::MAX)), 18..20);
        assert_eq!(clip(10..20, partial(u64::MAX, 1)), 20..20);
        assert_eq!(clip(10..20, None), 10..20);
    }
}
