//! The parts of a message (RFC 2045, RFC 2046): a tree whose leaves are texts and files.
//!
//! Writing the tree gives *pieces*: what is written already, and between them the files, which are whatever the caller
//! wants them to be – octets at hand, or something to be read while the message goes out. So nothing here holds a file.

use std::{borrow::Cow, fmt};

use memchr::{memchr2, memmem};

use crate::{
    encode::{TransferEncoding, parameter, parameter_of_old},
    header::HeaderText,
    seven_bit,
};

/// Octets of a type with its parameters.
const CONTENT_TYPE_BYTES_MAX: usize = 250;

/// The value of `Content-Type`: printable ASCII of the form `type/subtype; parameters` (RFC 2045 §5.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ContentType(Box<str>);

/// The text is no content type.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a content type looks like `text/csv` or `text/csv; charset=utf-8`")]
pub struct ContentTypeError;

impl ContentType {
    /// Takes a type, with its parameters if it has any.
    pub fn new(text: &str) -> Result<Self, ContentTypeError> {
        let token = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte))
        };
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        let essence = text.split(';').next().unwrap_or_default().trim_end();
        match essence.split_once('/') {
            Some((kind, subtype))
                if printable && token(kind) && token(subtype) && text.len() <= CONTENT_TYPE_BYTES_MAX =>
            {
                Ok(Self(text.into()))
            }
            _ => Err(ContentTypeError),
        }
    }

    /// `application/octet-stream`: what every mail program offers to save.
    pub fn octets() -> Self {
        Self("application/octet-stream".into())
    }

    /// `text/plain`, `text/html` and the like, in UTF-8.
    fn text(subtype: &str) -> Self {
        Self(format!("text/{subtype}; charset=utf-8").into())
    }

    /// Type and subtype, without parameters.
    pub fn essence(&self) -> &str {
        self.0.split(';').next().unwrap_or_default().trim_end()
    }

    /// With the parameters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a receiver's program does with a file. RFC 2183.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Disposition {
    /// It is offered for saving.
    Attachment,
    /// It is shown where the HTML names it, as `cid:` and this id (RFC 2392), which stands here without brackets.
    Inline(HeaderText),
}

/// What several parts are to each other.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Multipart {
    /// One after the other.
    Mixed,
    /// The same in several forms, the best one last.
    Alternative,
    /// The first one and what it is made of (RFC 2387).
    Related,
}

/// A leaf, or several parts together.
#[derive(Clone, Debug)]
pub enum Part<S> {
    /// Text. Its line ends become CRLF; its encoding is chosen by what it holds.
    Text {
        /// `text/…`
        content_type: ContentType,
        /// What is said.
        text: String,
    },
    /// A file, in base64.
    File {
        /// What it is. Not `message/…`, which must not be in base64 (RFC 2046 §5.2.1): see [`Part::message`].
        content_type: ContentType,
        /// What to do with it.
        disposition: Disposition,
        /// The name under which it is saved.
        name: Option<HeaderText>,
        /// Where its octets come from.
        data: S,
    },
    /// Another message, from [`Part::message`].
    Message(NestedMessage),
    /// Several.
    Multipart {
        /// What they are to each other.
        kind: Multipart,
        /// They themselves.
        parts: Vec<Self>,
    },
}

/// A message within a message: in seven bits, with CRLF.
#[derive(Clone, Debug)]
pub struct NestedMessage {
    name: Option<HeaderText>,
    octets: Vec<u8>,
}

impl<S> Part<S> {
    /// `text/plain`
    pub fn plain(text: impl Into<String>) -> Self {
        Self::Text { content_type: ContentType::text("plain"), text: text.into() }
    }

    /// `text/html`
    pub fn html(text: impl Into<String>) -> Self {
        Self::Text { content_type: ContentType::text("html"), text: text.into() }
    }

    /// A message as `message/rfc822`. Leaves of it that are too wide are encoded. `None` when it cannot be brought into
    /// seven bits, as with UTF-8 in its header: then it can only travel as a file.
    pub fn message(name: Option<HeaderText>, message: &[u8]) -> Option<Self> {
        let message = with_crlf(message);
        let octets = seven_bit::encode(&message).into_owned();
        (!seven_bit::needs_encoding(&octets)).then_some(Self::Message(NestedMessage { name, octets }))
    }

    /// The parts together; a single one stays alone.
    ///
    /// # Panics
    /// When there is none.
    pub fn several(kind: Multipart, mut parts: Vec<Self>) -> Self {
        assert!(!parts.is_empty(), "a multipart has parts");
        if parts.len() == 1 { parts.remove(0) } else { Self::Multipart { kind, parts } }
    }

    fn essence(&self) -> &str {
        match self {
            Self::Text { content_type, .. } | Self::File { content_type, .. } => content_type.essence(),
            Self::Message(_) => "message/rfc822",
            Self::Multipart { kind, .. } => kind.essence(),
        }
    }

    /// Whether a text or nested message holds these octets.
    fn holds(&self, octets: &str) -> bool {
        match self {
            Self::Text { text, .. } => text.contains(octets),
            Self::Message(message) => memmem::find(&message.octets, octets.as_bytes()).is_some(),
            Self::File { .. } => false,
            Self::Multipart { parts, .. } => parts.iter().any(|part| part.holds(octets)),
        }
    }
}

impl Multipart {
    fn essence(self) -> &'static str {
        match self {
            Self::Mixed => "multipart/mixed",
            Self::Alternative => "multipart/alternative",
            Self::Related => "multipart/related",
        }
    }
}

/// A stretch of a written message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Piece<S> {
    /// To be sent as it is.
    Written(Vec<u8>),
    /// To be sent in base64, as [`base64_lines`](crate::encode::base64_lines) writes it.
    Base64(S),
}

/// Writes the fields that describe the body, the empty line, and the body.
pub(super) struct Writer<S> {
    pieces: Vec<Piece<S>>,
    written: Vec<u8>,
    seed: String,
    multiparts: u32,
}

impl<S> Writer<S> {
    /// Continues a header that stands already.
    pub(super) fn new(header: Vec<u8>, part: &Part<S>) -> Self {
        // Base64 and quoted-printable never hold `=_`; what travels as it is could hold anything.
        let mut seed = String::from("rohrpost");
        while part.holds(&format!("_{seed}")) {
            seed.push('_');
        }
        Self { pieces: Vec::new(), written: header, seed, multiparts: 0 }
    }

    pub(super) fn part(&mut self, part: Part<S>) {
        match part {
            Part::Text { content_type, text } => self.text(&content_type, text),
            Part::File { content_type, disposition, name, data } => {
                self.describe_file(&content_type, &disposition, name.as_ref());
                self.pieces.push(Piece::Written(std::mem::take(&mut self.written)));
                self.pieces.push(Piece::Base64(data));
            }
            Part::Message(NestedMessage { name, octets }) => {
                let name = name.as_ref().map(|name| parameter("filename", name.as_str())).unwrap_or_default();
                self.write(&format!(
                    "Content-Type: message/rfc822\r\nContent-Disposition: attachment{name}\r\n\
                     Content-Transfer-Encoding: 7bit\r\n\r\n"
                ));
                self.written.extend(octets);
            }
            Part::Multipart { kind, parts } => self.multipart(kind, parts),
        }
    }

    pub(super) fn end(mut self) -> Vec<Piece<S>> {
        if !self.written.is_empty() {
            self.pieces.push(Piece::Written(self.written));
        }
        self.pieces
    }

    fn text(&mut self, content_type: &ContentType, text: String) {
        let text = text_with_crlf(text);
        let encoding = TransferEncoding::of(&text);
        self.write(&format!(
            "Content-Type: {content_type}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
            encoding.as_str()
        ));
        self.written.extend(encoding.encode(text));
    }

    fn describe_file(&mut self, content_type: &ContentType, disposition: &Disposition, name: Option<&HeaderText>) {
        let old_name = name.map(|name| parameter_of_old("name", name.as_str())).unwrap_or_default();
        let name = name.map(|name| parameter("filename", name.as_str())).unwrap_or_default();
        self.write(&format!("Content-Type: {content_type}{old_name}\r\n"));
        match disposition {
            Disposition::Attachment => self.write(&format!("Content-Disposition: attachment{name}\r\n")),
            Disposition::Inline(id) => {
                self.write(&format!("Content-ID: <{}>\r\nContent-Disposition: inline{name}\r\n", id.as_str()));
            }
        }
        self.write("Content-Transfer-Encoding: base64\r\n\r\n");
    }

    fn multipart(&mut self, kind: Multipart, parts: Vec<Part<S>>) {
        self.multiparts += 1;
        // The number and its own underscore keep one boundary from being the beginning of another.
        let boundary = format!("=_{}_{}", self.multiparts, self.seed);
        let root = match (kind, parts.first()) {
            (Multipart::Related, Some(first)) => format!("; type=\"{}\"", first.essence()),
            _ => String::new(),
        };
        self.write(&format!("Content-Type: {}{root};\r\n boundary=\"{boundary}\"\r\n", kind.essence()));
        for part in parts {
            self.write(&format!("\r\n--{boundary}\r\n"));
            self.part(part);
        }
        self.write(&format!("\r\n--{boundary}--\r\n"));
    }

    fn write(&mut self, text: &str) {
        self.written.extend_from_slice(text.as_bytes());
    }
}

/// The octets with CRLF line ends, a bare CR or LF being one too, and with one at their end.
pub fn with_crlf(octets: &[u8]) -> Cow<'_, [u8]> {
    if is_crlf_throughout(octets) {
        return Cow::Borrowed(octets);
    }
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 32 + 2);
    let mut rest = octets;
    while let Some(at) = memchr2(b'\r', b'\n', rest) {
        let end = if rest[at..].starts_with(b"\r\n") { 2 } else { 1 };
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(b"\r\n");
        rest = &rest[at + end..];
    }
    out.extend_from_slice(rest);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    Cow::Owned(out)
}

fn is_crlf_throughout(octets: &[u8]) -> bool {
    let mut lines = octets.split_inclusive(|octet| *octet == b'\n');
    lines.all(|line| line.strip_suffix(b"\r\n").is_some_and(|line| !line.contains(&b'\r')))
}

/// The same for a text.
fn text_with_crlf(text: String) -> String {
    match with_crlf(text.as_bytes()) {
        Cow::Borrowed(_) => text,
        Cow::Owned(octets) => String::from_utf8(octets).expect("only line ends changed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_line_ends_become_crlf() {
        assert_eq!(&*with_crlf(b"a\rb\nc\r\nd\n\re"), b"a\r\nb\r\nc\r\nd\r\n\r\ne\r\n");
        assert_eq!(&*with_crlf(b"\r\r\n"), b"\r\n\r\n");
        for octets in [&b""[..], b"a\r\n", b"\r\n\r\n"] {
            assert!(matches!(with_crlf(octets), Cow::Borrowed(same) if same == octets));
        }
    }

    #[test]
    fn what_is_no_content_type_is_refused() {
        for good in ["text/csv", "text/csv; charset=utf-8", "application/vnd.oasis.opendocument.text"] {
            assert_eq!(ContentType::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "text", "text/", "/csv", "te xt/csv", "text/csv\r\nBcc: x", "text/csv; name=ä"] {
            assert_eq!(ContentType::new(bad), Err(ContentTypeError), "{bad:?}");
        }
    }

    #[test]
    fn a_message_with_a_wide_header_is_no_part_of_its_own() {
        assert!(Part::<Vec<u8>>::message(None, "Subject: Grüße\n\nx".as_bytes()).is_none());
        let Some(Part::<Vec<u8>>::Message(nested)) = Part::message(None, "Subject: x\n\nGrüße".as_bytes()) else {
            panic!("its text can be encoded");
        };
        assert!(nested.octets.is_ascii() && nested.octets.ends_with(b"Gr=C3=BC=C3=9Fe\r\n"));
    }
}
