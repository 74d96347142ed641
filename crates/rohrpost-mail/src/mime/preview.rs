//! The first words of a message: RFC 8970.

use super::{
    SectionKind,
    content::Content,
    limits::{PREVIEW_CHARS_MAX, PREVIEW_OCTETS_MAX},
    text::TextDecoder,
};

/// Octets that are decoded at a time: a preview of plain text is found in the first ones.
const STEP_OCTETS: usize = 512;

/// The beginning of the text that a preview is taken from: the first plain one that is no attachment, else the first
/// page of HTML.
#[derive(Debug, Default)]
pub(super) struct Sample {
    text: Option<Text>,
}

#[derive(Debug)]
struct Text {
    part: usize,
    content: Content,
    octets: Vec<u8>,
}

impl Sample {
    /// The body of a part begins.
    pub(super) fn begin(&mut self, part: usize, content: &Content) {
        let is_better = match (content.kind(), &self.text) {
            _ if content.is_attachment() => false,
            (SectionKind::Plain, None) => true,
            (SectionKind::Plain, Some(text)) => text.content.kind() == SectionKind::Html,
            // Some programs put an empty text before their page.
            (SectionKind::Html, text) => text.as_ref().is_none_or(|text| text.octets.trim_ascii().is_empty()),
            _ => false,
        };
        if is_better {
            self.text = Some(Text { part, content: content.clone(), octets: Vec::new() });
        }
    }

    /// Whether the lines of this part are wanted.
    pub(super) fn is_of(&self, part: usize) -> bool {
        self.text.as_ref().is_some_and(|text| text.part == part)
    }

    /// Takes a line of a body.
    pub(super) fn push(&mut self, part: usize, line: &[u8]) {
        if let Some(text) = self.text.as_mut().filter(|text| text.part == part) {
            let left = PREVIEW_OCTETS_MAX - text.octets.len();
            text.octets.extend_from_slice(&line[..line.len().min(left)]);
        }
    }

    /// The words on one line.
    pub(super) fn preview(&self) -> String {
        let Some(Text { content, octets, .. }) = &self.text else { return String::new() };
        let charset = content.parameters.raw("charset").unwrap_or_default();
        let mut decoder = TextDecoder::of(content.kind() == SectionKind::Html, content.encoding(), charset);
        let (mut out, mut words) = (OneLine::default(), String::new());
        for piece in octets.chunks(STEP_OCTETS) {
            decoder.push(piece, &mut words);
            if !out.push(&words) {
                return out.text;
            }
            words.clear();
        }
        decoder.finish(&mut words);
        out.push(&words);
        out.text
    }
}

/// A text with blanks for its line ends, cut when it is long enough.
#[derive(Default)]
struct OneLine {
    text: String,
    chars: usize,
    is_gap: bool,
}

impl OneLine {
    /// Says whether there is room for more.
    fn push(&mut self, text: &str) -> bool {
        for c in text.chars() {
            if c.is_whitespace() || c.is_control() {
                self.is_gap = self.chars > 0;
                continue;
            }
            let wanted = 1 + usize::from(self.is_gap);
            if self.chars + wanted > PREVIEW_CHARS_MAX {
                return false;
            }
            if std::mem::take(&mut self.is_gap) {
                self.text.push(' ');
            }
            self.text.push(c);
            self.chars += wanted;
        }
        true
    }
}
