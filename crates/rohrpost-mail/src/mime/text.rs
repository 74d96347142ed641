//! The words of a message, for search: what people see of its texts, in whatever encoding and charset they travel.
//!
//! [`Texts`] takes the octets of a message whose [`Shape`] is known, piece by piece, and hands out the texts among them.
//! Attachments that are texts count; anything else does not.

use super::{Encoding, Section, SectionKind, Shape, charset, html::Stripper, transfer};

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
        let is_text = matches!(section.kind, SectionKind::Plain | SectionKind::Html);
        (is_text && section.encoding != Encoding::Unknown)
            .then(|| Self::of(section.kind == SectionKind::Html, section.encoding, section.charset.as_bytes()))
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

/// Reads the texts of a message whose octets come in order, in pieces.
pub struct Texts<'a> {
    /// The parts that are still to come.
    sections: Box<dyn Iterator<Item = Section<'a>> + Send + 'a>,
    current: Option<(Section<'a>, TextDecoder)>,
    /// Octets of the message before the next piece.
    at: u64,
}

impl<'a> Texts<'a> {
    /// Before the first octet of the message that has this shape.
    pub fn new(shape: &'a Shape) -> Self {
        let mut texts = Self { sections: Box::new(shape.sections()), current: None, at: 0 };
        texts.next_section();
        texts
    }

    /// Whether more octets are of use: behind the last text there is nothing to read.
    pub fn wants_more(&self) -> bool {
        self.current.is_some()
    }

    /// Takes the next octets of the message and appends the text in them. A line end stands between two texts.
    pub fn push(&mut self, octets: &[u8], out: &mut String) {
        let end = self.at + octets.len() as u64;
        while let Some((section, decoder)) = &mut self.current {
            let (from, to) = (section.body.start.max(self.at), section.body.end.min(end));
            if from < to {
                let place = |at: u64| usize::try_from(at - self.at).expect("it is inside this piece");
                decoder.push(&octets[place(from)..place(to)], out);
            }
            if section.body.end > end {
                break;
            }
            self.end_section(out);
        }
        self.at = end;
    }

    /// Ends the message, which may have been shorter than its shape says.
    pub fn finish(mut self, out: &mut String) {
        self.end_section(out);
    }

    fn end_section(&mut self, out: &mut String) {
        if let Some((_, decoder)) = self.current.take() {
            decoder.finish(out);
            out.push('\n');
        }
        self.next_section();
    }

    fn next_section(&mut self) {
        self.current = self.sections.find_map(|section| TextDecoder::new(&section).map(|decoder| (section, decoder)));
    }
}
