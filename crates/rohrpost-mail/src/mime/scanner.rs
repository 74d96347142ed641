//! Reads a message once, line by line, and finds its parts.
//!
//! ```text
//!            header of a part ── empty line, or a line that is no field ──▶ its body
//!               ▲    ▲                                                        │
//!               │    └── message/rfc822: the header of the message in it ─────┤
//!               └─────── a boundary of an open multipart ─────────────────────┘
//! ```
//!
//! A line that the octets at hand do not end is kept until they do, its beginning at least. So the memory is that of one
//! header, of a line of it, and of what the headers of the parts said.

use memchr::memchr;

use super::{
    SectionKind, Shape,
    content::Content,
    date, envelope,
    fields::Fields,
    limits::{
        ADDRESSES_MAX, DEPTH_MAX, HEADER_OCTETS_MAX, LINE_OCTETS_MAX, PART_HEADERS_OCTETS_MAX, PARTS_MAX,
        PREVIEW_OCTETS_MAX,
    },
    part::{self, Part},
    preview::Sample,
    shape::Pieces,
    structure, subject, thread,
};
use crate::header;

/// Reads a message and makes its [`Shape`]. Feed it with [`push`](Self::push), in pieces of any size, and take the
/// shape from [`finish`](Self::finish). Lines may end in CRLF, as those of all mail here do, or in LF.
#[derive(Debug)]
pub struct Scanner {
    /// Octets before the line that is being read.
    at: u64,
    /// Lines before it.
    lines: u64,
    /// Octets of the end of the line before it: one or two, none at the beginning.
    line_end_octets: u64,
    line: Line,
    in_header: bool,
    /// The header that is being read, as far as it is looked at.
    header: Vec<u8>,
    /// Octets of the headers of parts that may still be kept.
    part_headers_left: usize,
    addresses_left: usize,
    parts: Vec<Part>,
    /// The part that is being read, and those around it, by their index.
    open: Vec<usize>,
    /// The boundaries of the open multiparts, outermost first.
    boundaries: Vec<Boundary>,
    pieces: Pieces,
    sample: Sample,
}

/// The beginning of a line that has not ended yet.
#[derive(Debug, Default)]
struct Line {
    kept: Vec<u8>,
    /// Octets of it that are not kept.
    dropped: u64,
    /// Whether its last octet so far is a CR.
    ends_in_cr: bool,
}

#[derive(Debug)]
struct Boundary {
    text: Vec<u8>,
    /// The place of its multipart in [`Scanner::open`].
    level: usize,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Before the first octet.
    pub fn new() -> Self {
        let mut scanner = Self {
            at: 0,
            lines: 0,
            line_end_octets: 0,
            line: Line::default(),
            in_header: true,
            header: Vec::new(),
            part_headers_left: PART_HEADERS_OCTETS_MAX,
            addresses_left: ADDRESSES_MAX,
            parts: Vec::new(),
            open: Vec::new(),
            boundaries: Vec::new(),
            pieces: Pieces::default(),
            sample: Sample::default(),
        };
        scanner.begin_part(0, 0, true);
        scanner
    }

    /// Takes the next octets of the message.
    pub fn push(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while let Some(end) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(end + 1);
            rest = behind;
            if self.line.is_empty() {
                self.take_line(line, line.len() as u64, if line.ends_with(b"\r\n") { 2 } else { 1 });
            } else {
                self.end_line(line);
            }
        }
        let kept_max = self.line_octets_max();
        self.line.push(rest, kept_max);
    }

    /// Ends the message and hands out its shape.
    pub fn finish(mut self) -> Shape {
        if !self.line.is_empty() {
            self.end_line(b"");
        }
        self.end_headers();
        self.close(0, self.at, self.lines);
        self.pieces.octets = self.at;
        self.pieces.header_octets = self.parts[0].header.end;
        self.pieces.lines = self.parts[0].lines;
        self.pieces.preview = self.sample.preview();
        self.pieces.structure = structure::print(&self.parts, true);
        self.pieces.body = structure::print(&self.parts, false);
        self.pieces.sections = part::sections(&self.parts);
        Shape::of(&self.pieces)
    }

    /// Takes the last octets of a line whose beginning was kept.
    fn end_line(&mut self, octets: &[u8]) {
        let mut line = std::mem::take(&mut self.line);
        let end_octets = match octets {
            [.., b'\r', b'\n'] => 2,
            [b'\n'] if line.ends_in_cr => 2,
            [.., b'\n'] => 1,
            _ => 0,
        };
        line.push(octets, self.line_octets_max());
        self.take_line(&line.kept, line.kept.len() as u64 + line.dropped, end_octets);
    }

    /// How much of a line is kept: what is looked at, so that it does not matter where the octets were cut.
    fn line_octets_max(&self) -> usize {
        if self.in_header {
            HEADER_OCTETS_MAX
        } else if self.sample.is_of(self.current()) {
            PREVIEW_OCTETS_MAX
        } else {
            LINE_OCTETS_MAX
        }
    }

    /// Takes a line, as far as it is kept.
    fn take_line(&mut self, line: &[u8], octets: u64, end_octets: u64) {
        if line.starts_with(b"--") && octets <= LINE_OCTETS_MAX as u64 && self.take_delimiter(line) {
            // It belongs to no part.
        } else if !(self.in_header && self.take_header_line(line, octets)) {
            self.sample.push(self.current(), line);
        }
        self.at += octets;
        self.lines += u64::from(end_octets > 0);
        self.line_end_octets = end_octets;
    }

    /// Takes a line of a header; says no when it is the first of the body.
    fn take_header_line(&mut self, line: &[u8], octets: u64) -> bool {
        let line = &line[..line.len().min(HEADER_OCTETS_MAX)];
        if matches!(line, b"\r\n" | b"\n") {
            self.keep_header(line);
            self.end_header(self.at + octets, self.lines + 1);
            return true;
        }
        while self.in_header {
            let is_first = self.at == self.parts[self.current()].header.start;
            if header::starts_field(line) || !is_first && header::is_fold(line) {
                self.keep_header(line);
                return true;
            }
            // The body may be a message, whose header this line may begin.
            self.end_header(self.at, self.lines);
        }
        false
    }

    fn keep_header(&mut self, line: &[u8]) {
        let octets_max = if self.parts.len() == 1 { HEADER_OCTETS_MAX } else { self.part_headers_left };
        let left = octets_max.min(HEADER_OCTETS_MAX).saturating_sub(self.header.len());
        self.header.extend_from_slice(&line[..line.len().min(left)]);
    }

    /// Ends the header that is being read, and those of the messages that would begin here.
    fn end_headers(&mut self) {
        while self.in_header {
            self.end_header(self.at, self.lines);
        }
    }

    /// Ends a header; the body begins at `body`, which is the line with the number `line`.
    fn end_header(&mut self, body: u64, line: u64) {
        self.in_header = false;
        let header = std::mem::take(&mut self.header);
        let fields = Fields::of(&header);
        let current = self.current();
        let part = &mut self.parts[current];
        (part.header.end, part.body, part.first_line) = (body, body..body, line);
        let in_digest = part.parent.is_some_and(|parent| self.parts[parent].content.is_digest());
        let content = Content::of(&fields, in_digest && !self.parts[current].is_root);
        if self.parts[current].is_root {
            self.take_message_fields(current, &fields);
        }
        if current == 0 {
            self.pieces.header = header;
        } else {
            self.part_headers_left = self.part_headers_left.saturating_sub(header.len());
            self.header = header;
            self.header.clear();
        }
        self.begin_body(current, content);
    }

    /// Keeps what the header of a message says about it.
    fn take_message_fields(&mut self, current: usize, fields: &Fields<'_>) {
        let envelope = envelope::print(fields, &mut self.addresses_left);
        if let Some(parent) = self.parts[current].parent {
            self.parts[parent].envelope = envelope;
            return;
        }
        let pieces = &mut self.pieces;
        pieces.envelope = envelope;
        pieces.sent = fields.date.and_then(date::parse);
        let base = fields.subject.map(subject::of_field).unwrap_or_default();
        (pieces.subject_base, pieces.is_reply) = (base.text, base.is_reply);
        pieces.message_id = fields.message_id.and_then(thread::first_id).unwrap_or_default();
        pieces.references = thread::references(fields.references, fields.in_reply_to);
    }

    /// Decides by its content how the body of a part is read.
    fn begin_body(&mut self, current: usize, content: Content) {
        let level = self.open.len() - 1;
        let content = match (content.kind(), content.boundary()) {
            (SectionKind::Multipart, None) => content.into_plain(),
            (SectionKind::Multipart | SectionKind::Message, _) if level >= DEPTH_MAX => Content::opaque(),
            (SectionKind::Multipart, Some(text)) => {
                self.boundaries.push(Boundary { text: text.to_vec(), level });
                content
            }
            _ => content,
        };
        self.sample.begin(current, &content);
        let part = &mut self.parts[current];
        part.set_content(content);
        if part.kind == SectionKind::Message {
            let (start, line) = (part.body.start, part.first_line);
            self.begin_part(start, line, true);
        }
    }

    /// Begins a part of the one that is being read, where the line with the number `line` begins; `is_root` says that it
    /// is all of a message.
    fn begin_part(&mut self, start: u64, line: u64, is_root: bool) {
        let parent = self.open.last().copied();
        let mut part = Part::new(parent, start, is_root);
        if let Some(parent) = parent {
            part.path = self.parts[parent].next_path(is_root);
        }
        self.open.push(self.parts.len());
        self.parts.push(part);
        self.in_header = self.parts.len() < PARTS_MAX;
        if !self.in_header {
            // One too many: the rest is one part, whatever it holds.
            self.boundaries.clear();
            let current = self.current();
            if is_root {
                self.take_message_fields(current, &Fields::default());
            }
            self.parts[current].first_line = line;
            self.parts[current].set_content(Content::opaque());
        }
    }

    /// Takes a line that stands between two parts, or ends the last one (RFC 2046 §5.1.1); says no when it is none.
    fn take_delimiter(&mut self, line: &[u8]) -> bool {
        let found = self.boundaries.iter().rev().find_map(|boundary| Some((boundary.level, boundary.is_end(line)?)));
        let Some((level, is_end)) = found else { return false };
        self.end_headers();
        // The line end before the boundary is part of it.
        let lines = self.lines - u64::from(self.line_end_octets > 0);
        self.close(level + 1, self.at - self.line_end_octets, lines);
        if is_end {
            self.boundaries.retain(|boundary| boundary.level < level);
        } else {
            self.begin_part(self.at + line.len() as u64, self.lines + 1, false);
        }
        true
    }

    /// Closes the open parts from this level on.
    fn close(&mut self, level: usize, end: u64, lines: u64) {
        for at in self.open.drain(level..) {
            self.parts[at].close(end, lines);
        }
        self.boundaries.retain(|boundary| boundary.level < level);
    }

    /// The part that is being read.
    fn current(&self) -> usize {
        *self.open.last().expect("the message itself is open to its end")
    }
}

impl Line {
    fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    fn push(&mut self, octets: &[u8], kept_max: usize) {
        let Some(last) = octets.last() else { return };
        self.ends_in_cr = *last == b'\r';
        let kept = octets.len().min(kept_max.saturating_sub(self.kept.len()));
        self.kept.extend_from_slice(&octets[..kept]);
        self.dropped += (octets.len() - kept) as u64;
    }
}

impl Boundary {
    /// Whether the line ends the last part; none if it is no delimiter of this boundary. Blanks may follow it.
    fn is_end(&self, line: &[u8]) -> Option<bool> {
        let rest = line.strip_prefix(b"--")?.strip_prefix(self.text.as_slice())?;
        match rest.trim_ascii_end() {
            b"" => Some(false),
            b"--" => Some(true),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
