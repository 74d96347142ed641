//! The tree of parts that a scanner builds, and what is read from it: structure, sections.

use std::ops::Range;

use super::{Section, SectionKind, content::Content};

/// One part. They are kept in the order of the message, each behind the one that holds it.
#[derive(Debug)]
pub(super) struct Part {
    /// The part that holds this one.
    pub(super) parent: Option<usize>,
    pub(super) kind: SectionKind,
    pub(super) content: Content,
    /// Its number; that of the message around it when it is a multipart and all of that message.
    pub(super) path: Vec<u32>,
    /// Whether it is the whole of a message, be it the outer one or one inside.
    pub(super) is_root: bool,
    /// How many parts it holds itself.
    pub(super) children: u32,
    pub(super) header: Range<u64>,
    pub(super) body: Range<u64>,
    /// Lines of the message before its body.
    pub(super) first_line: u64,
    /// Lines of its body that have an end.
    pub(super) lines: u64,
    /// Of the message that it is, printed. Empty unless it is a [`SectionKind::Message`].
    pub(super) envelope: Vec<u8>,
}

impl Part {
    /// A part whose header begins here.
    pub(super) fn new(parent: Option<usize>, start: u64, is_root: bool) -> Self {
        Self {
            parent,
            kind: SectionKind::Other,
            content: Content::default(),
            path: Vec::new(),
            is_root,
            children: 0,
            header: start..start,
            body: start..start,
            first_line: 0,
            lines: 0,
            envelope: Vec::new(),
        }
    }

    /// The number of the next part in this one. RFC 9051 §6.4.5.1: the parts of a message that is a multipart are
    /// numbered right below the message, and a message that is none has the one part 1.
    pub(super) fn next_path(&mut self, is_root: bool) -> Vec<u32> {
        let mut path = self.path.clone();
        if !is_root {
            self.children += 1;
            path.push(self.children);
        }
        path
    }

    /// Says what the part is.
    pub(super) fn set_content(&mut self, content: Content) {
        self.kind = content.kind();
        self.content = content;
        if self.is_root && self.kind != SectionKind::Multipart {
            self.path.push(1);
        }
    }

    /// Ends the part. A multipart none of whose parts was found is a text: there must be something to show.
    pub(super) fn close(&mut self, end: u64, lines: u64) {
        self.body.end = end.max(self.body.start);
        self.lines = lines.saturating_sub(self.first_line);
        if self.kind == SectionKind::Multipart && self.children == 0 {
            let content = std::mem::take(&mut self.content);
            self.set_content(content.into_plain());
        }
    }

    /// Whether BODY[…] can ask for it.
    fn is_numbered(&self) -> bool {
        !(self.is_root && self.kind == SectionKind::Multipart)
    }
}

/// The stored form of the sections.
pub(super) fn sections(parts: &[Part]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.len() * 16);
    for (at, part) in parts.iter().enumerate().filter(|(_, part)| part.is_numbered()) {
        let is_text = matches!(part.kind, SectionKind::Plain | SectionKind::Html);
        let charset = part.content.parameters.raw("charset").filter(|_| is_text).map(String::from_utf8_lossy);
        let message = (part.kind == SectionKind::Message).then(|| parts.get(at + 1)).flatten();
        // The last line end of a header without a body may belong to the boundary behind it.
        let header_octets = message.map_or(0, |inner| inner.header.end - inner.header.start);
        let section = Section {
            path: part.path.clone(),
            header: part.header.clone(),
            body: part.body.clone(),
            kind: part.kind,
            encoding: part.content.encoding(),
            message_header_octets: header_octets.min(part.body.end - part.body.start),
            charset: charset.as_deref().unwrap_or_default(),
        };
        section.store(&mut out);
    }
    out
}
