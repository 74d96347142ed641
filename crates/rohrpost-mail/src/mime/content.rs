//! What the header of a part says about its body: RFC 2045, RFC 2183, RFC 3282, RFC 2557, RFC 1864.

use super::{
    Encoding, SectionKind,
    fields::{Fields, text},
    lexer::{Lexer, is_blank},
    limits::BOUNDARY_OCTETS_MAX,
    parameters::Parameters,
};

/// The content of a part, in the letters of its header.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    pub(super) media_type: Vec<u8>,
    pub(super) subtype: Vec<u8>,
    pub(super) parameters: Parameters,
    pub(super) id: Option<Vec<u8>>,
    pub(super) description: Option<Vec<u8>>,
    /// As it is written; empty when nothing is said.
    pub(super) transfer_encoding: Vec<u8>,
    pub(super) md5: Option<Vec<u8>>,
    pub(super) disposition: Option<(Vec<u8>, Parameters)>,
    pub(super) languages: Vec<Vec<u8>>,
    pub(super) location: Option<Vec<u8>>,
}

impl Content {
    /// What the fields say. A part of a digest that names no type is a message (RFC 2046 §5.1.5); any other one, and
    /// one whose type cannot be read, is plain text in ASCII (RFC 2045 §5.2).
    pub(super) fn of(fields: &Fields<'_>, in_digest: bool) -> Self {
        let owned = |value| text(value).map(std::borrow::Cow::into_owned);
        let (media_type, subtype, parameters) =
            fields.content_type.and_then(content_type).unwrap_or_else(|| default_type(in_digest));
        Self {
            media_type,
            subtype,
            parameters,
            id: owned(fields.content_id),
            description: owned(fields.content_description),
            transfer_encoding: fields.content_transfer_encoding.map(token).unwrap_or_default(),
            md5: owned(fields.content_md5),
            disposition: fields.content_disposition.and_then(disposition),
            languages: fields.content_language.map(languages).unwrap_or_default(),
            location: owned(fields.content_location),
        }
    }

    /// A part that is not taken apart.
    pub(super) fn opaque() -> Self {
        Self { media_type: b"application".to_vec(), subtype: b"octet-stream".to_vec(), ..Self::default() }
    }

    /// Says that this is a text after all: a multipart none of whose parts can be found.
    pub(super) fn into_plain(self) -> Self {
        let (media_type, subtype, parameters) = default_type(false);
        Self { media_type, subtype, parameters, ..self }
    }

    pub(super) fn kind(&self) -> SectionKind {
        let is = |name: &str| self.subtype.eq_ignore_ascii_case(name.as_bytes());
        let mut media_type = [0; 9];
        let Some(lower) = media_type.get_mut(..self.media_type.len()) else { return SectionKind::Other };
        lower.copy_from_slice(&self.media_type);
        lower.make_ascii_lowercase();
        match &*lower {
            b"text" if is("html") => SectionKind::Html,
            b"text" => SectionKind::Plain,
            b"multipart" => SectionKind::Multipart,
            b"message" if is("rfc822") || is("global") => SectionKind::Message,
            _ => SectionKind::Other,
        }
    }

    /// The boundary of a multipart, if it has one that can be found. RFC 2046 §5.1.1.
    pub(super) fn boundary(&self) -> Option<&[u8]> {
        let boundary = self.parameters.raw("boundary")?.trim_ascii_end();
        (!boundary.is_empty() && boundary.len() <= BOUNDARY_OCTETS_MAX).then_some(boundary)
    }

    pub(super) fn encoding(&self) -> Encoding {
        match self.transfer_encoding.to_ascii_lowercase().as_slice() {
            b"" | b"7bit" | b"8bit" | b"binary" => Encoding::Identity,
            b"quoted-printable" => Encoding::QuotedPrintable,
            b"base64" => Encoding::Base64,
            _ => Encoding::Unknown,
        }
    }

    pub(super) fn is_digest(&self) -> bool {
        self.subtype.eq_ignore_ascii_case(b"digest")
    }

    pub(super) fn is_attachment(&self) -> bool {
        self.disposition.as_ref().is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"attachment"))
    }
}

fn default_type(in_digest: bool) -> (Vec<u8>, Vec<u8>, Parameters) {
    if in_digest {
        return (b"message".to_vec(), b"rfc822".to_vec(), Parameters::default());
    }
    let parameters = Parameters::read(&mut Lexer::new(b"; charset=us-ascii"));
    (b"text".to_vec(), b"plain".to_vec(), parameters)
}

fn content_type(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Parameters)> {
    let mut lexer = Lexer::new(value);
    let media_type = next_token(&mut lexer);
    lexer.skip();
    if media_type.is_empty() || !lexer.eat(b'/') {
        return None;
    }
    let subtype = next_token(&mut lexer);
    (!subtype.is_empty()).then(|| (media_type, subtype, Parameters::read(&mut lexer)))
}

fn disposition(value: &[u8]) -> Option<(Vec<u8>, Parameters)> {
    let mut lexer = Lexer::new(value);
    let kind = next_token(&mut lexer);
    (!kind.is_empty()).then(|| (kind, Parameters::read(&mut lexer)))
}

/// RFC 3282 §2.
fn languages(value: &[u8]) -> Vec<Vec<u8>> {
    let mut lexer = Lexer::new(value);
    let mut found = Vec::new();
    loop {
        let tag = next_token(&mut lexer);
        if !tag.is_empty() {
            found.push(tag);
        }
        lexer.take_while(|octet| octet != b',');
        if !lexer.eat(b',') {
            return found;
        }
    }
}

fn token(value: &[u8]) -> Vec<u8> {
    next_token(&mut Lexer::new(value))
}

/// RFC 2045 §5.1, and the octets above 127.
fn next_token(lexer: &mut Lexer<'_>) -> Vec<u8> {
    lexer.skip();
    lexer
        .take_while(|octet| !is_blank(octet) && !octet.is_ascii_control() && !b"()<>@,;:\\\"/[]?=".contains(&octet))
        .to_vec()
}
