//! Encodings of MIME: quoted-printable and base64 for bodies, encoded words for header texts, RFC 2231 for parameters.
//!
//! What a header field says comes as *words*: pieces that no fold may cut. [`text_words`] and [`phrase_words`] make them,
//! [`fold`] puts them into lines.

use std::{borrow::Cow, fmt::Write as _};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::seven_bit;

/// Octets of a line in an encoded body, the soft line break included (RFC 2045 §6.7, §6.8), and of a header line that
/// holds an encoded word (RFC 2047 §2).
const LINE_BYTES_MAX: usize = 76;
/// Octets of a line that RFC 5322 §2.1.1 allows, without CRLF.
pub const TEXT_LINE_BYTES_MAX: usize = 998;
/// Octets that make one full line of base64.
pub const BASE64_LINE_DATA_BYTES: usize = LINE_BYTES_MAX / 4 * 3;
/// Octets of a word in a header that travels as it is. A longer one, with the name of its field, might break
/// [`TEXT_LINE_BYTES_MAX`].
const WORD_BYTES_MAX: usize = 900;
/// Octets of text in one encoded word. 33 become 56, which fit behind `Subject: ` in one line.
const ENCODED_WORD_DATA_BYTES_MAX: usize = 33;
/// Octets of a quoted string; longer ones become encoded words, which can be folded everywhere.
const QUOTED_BYTES_MAX: usize = 60;

/// How a text is made fit for the way. RFC 2045 §6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TransferEncoding {
    /// As it is.
    SevenBit,
    /// Readable where it is ASCII.
    QuotedPrintable,
    /// Four characters for three octets.
    Base64,
}

impl TransferEncoding {
    /// The encoding that keeps a text with CRLF line ends unharmed, and short or readable.
    pub fn of(text: &str) -> Self {
        if !seven_bit::needs_encoding(text.as_bytes()) && !is_fragile(text) {
            return Self::SevenBit;
        }
        let plain = |byte: &u8| byte.is_ascii_graphic() && *byte != b'=' || b" \t\r\n".contains(byte);
        let wide = text.bytes().filter(|byte| !plain(byte)).count();
        // Quoted-printable grows by two for each of them, base64 by a third in any case. Up to twice the size at which both
        // are equally long, a text that can be read without tools is worth the difference.
        if wide * 3 > text.len() { Self::Base64 } else { Self::QuotedPrintable }
    }

    /// The value of `Content-Transfer-Encoding`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SevenBit => "7bit",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
        }
    }

    /// The text in this encoding.
    pub fn encode(self, text: String) -> Vec<u8> {
        match self {
            Self::SevenBit => text.into_bytes(),
            Self::QuotedPrintable => quoted_printable(text.as_bytes()),
            Self::Base64 => base64_lines(text.as_bytes()).into_bytes(),
        }
    }
}

/// Whether some program on the way might change the text: control characters, which 7bit forbids in part and terminals
/// obey, and lines that a mailbox of the mbox kind would quote.
fn is_fragile(text: &str) -> bool {
    // Octets are looked at many at once: each part is looked through to its end.
    let fragile = |byte: &u8| byte.is_ascii_control() & !matches!(byte, b'\t' | b'\r' | b'\n');
    let has_fragile = |part: &[u8]| part.iter().fold(false, |found, byte| found | fragile(byte));
    text.as_bytes().chunks(256).any(has_fragile) || text.lines().any(|line| line.starts_with("From "))
}

/// Quoted-printable (RFC 2045 §6.7); line ends stay line ends.
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let (content, end) = match line {
            [content @ .., b'\r', b'\n'] | [content @ .., b'\n'] => (content, &b"\r\n"[..]),
            content => (content, &b""[..]),
        };
        quoted_printable_line(content, &mut out);
        out.extend_from_slice(end);
    }
    out
}

fn quoted_printable_line(line: &[u8], out: &mut Vec<u8>) {
    let mut column = 0;
    for (at, byte) in line.iter().copied().enumerate() {
        let last = at + 1 == line.len();
        // A blank at the end would be lost on the way; a dot or "From " at the start invites damage.
        let plain = match byte {
            b' ' | b'\t' => !last,
            b'.' | b'F' => column != 0,
            b'=' => false,
            byte => byte.is_ascii_graphic(),
        };
        let width = if plain { 1 } else { 3 };
        if column + width > LINE_BYTES_MAX - usize::from(!last) {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            out.push(byte);
        } else {
            out.extend([b'=', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        column += width;
    }
}

fn hex_digit(half: u8) -> u8 {
    b"0123456789ABCDEF"[usize::from(half)]
}

/// Base64 in lines of 76 (RFC 2045 §6.8).
pub fn base64_lines(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len() * 4 / 3 + data.len() / 36 + 6);
    for line in data.chunks(BASE64_LINE_DATA_BYTES) {
        STANDARD.encode_string(line, &mut out);
        out.push_str("\r\n");
    }
    out
}

/// How many octets [`base64_lines`] makes of so many.
pub fn base64_lines_octets(octets: u64) -> u64 {
    let line = BASE64_LINE_DATA_BYTES as u64;
    let (full, rest) = (octets / line, octets % line);
    full * (LINE_BYTES_MAX as u64 + 2) + if rest == 0 { 0 } else { rest.div_ceil(3) * 4 + 2 }
}

/// The words of an unstructured field such as Subject: as they are where that is safe, else encoded (RFC 2047).
///
/// Whoever decodes them gets exactly `text` back; text that looks like an encoded word is encoded once more.
pub fn text_words(text: &str) -> Vec<Cow<'_, str>> {
    let fits = |word: &str| (1..=WORD_BYTES_MAX).contains(&word.len());
    let plain = is_printable(text) && !text.contains("=?") && (text.is_empty() || text.split(' ').all(fits));
    if plain { text.split(' ').map(Cow::Borrowed).collect() } else { encoded_words(text) }
}

/// The words of a display name: atoms, a quoted string, or encoded words (RFC 5322 §3.2.5, RFC 2047 §5).
pub fn phrase_words(name: &str) -> Vec<Cow<'_, str>> {
    let atom = |word: &str| !word.is_empty() && word.bytes().all(is_atext);
    if !is_printable(name) || name.contains("=?") || name.len() > QUOTED_BYTES_MAX {
        encoded_words(name)
    } else if name.split(' ').all(atom) {
        name.split(' ').map(Cow::Borrowed).collect()
    } else {
        vec![Cow::Owned(quoted_string(name))]
    }
}

fn is_printable(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// RFC 5322 §3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// RFC 5322 §3.2.4.
fn quoted_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out + "\""
}

/// Encoded words (RFC 2047), each of whole characters, for the blanks between them are dropped by the reader.
fn encoded_words(text: &str) -> Vec<Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(|| {
        let end = rest.floor_char_boundary(ENCODED_WORD_DATA_BYTES_MAX.min(rest.len()));
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then(|| Cow::Owned(format!("=?utf-8?b?{}?=", STANDARD.encode(piece))))
    })
    .collect()
}

/// Puts words into lines of at most 76 octets (where a single word leaves room for that), the first of which starts at
/// `column`: behind the name of the field, its colon and a blank.
pub fn fold<'a>(column: usize, words: impl IntoIterator<Item = Cow<'a, str>>) -> String {
    let (mut out, mut column) = (String::new(), column);
    for (place, word) in words.into_iter().enumerate() {
        let blank = usize::from(place > 0);
        let full = column + blank + word.len() > LINE_BYTES_MAX;
        // Only an encoded word, which has a line to keep to, makes the first line an empty one.
        if full && (place > 0 || word.starts_with("=?")) {
            out.push_str("\r\n ");
            column = 1;
        } else {
            out.push_str(&" "[..blank]);
            column += blank;
        }
        out.push_str(&word);
        column += word.len();
    }
    out
}

/// A parameter of a MIME field, on a line of its own and with the semicolon before it: quoted where it is short ASCII,
/// else by RFC 2231, in pieces where it is long.
pub fn parameter(name: &str, value: &str) -> String {
    if is_quotable(value) {
        return format!(";\r\n {name}=\"{value}\"");
    }
    let room = QUOTED_BYTES_MAX - name.len().min(QUOTED_BYTES_MAX / 2);
    let mut pieces = vec![String::from("utf-8''")];
    for c in value.chars() {
        let piece = pieces.last_mut().expect("there is always one");
        let encoded = percent_encoded(c);
        // Pieces hold whole characters, since some programs decode each of them alone.
        if piece.len() + encoded.len() > room {
            pieces.push(encoded);
        } else {
            piece.push_str(&encoded);
        }
    }
    if let [whole] = pieces.as_slice() {
        return format!(";\r\n {name}*={whole}");
    }
    let mut out = String::new();
    for (place, piece) in pieces.iter().enumerate() {
        write!(out, ";\r\n {name}*{place}*={piece}").expect("a String takes all");
    }
    out
}

/// RFC 2231 §7 `attribute-char`, and less than that, to be safe.
fn percent_encoded(c: char) -> String {
    if c.is_ascii_alphanumeric() || "._-".contains(c) {
        return c.to_string();
    }
    c.encode_utf8(&mut [0; 4])
        .bytes()
        .flat_map(|byte| ['%', hex_digit(byte >> 4).into(), hex_digit(byte & 15).into()])
        .collect()
}

/// The same for programs that do not know RFC 2231: encoded words in quotes, which no standard allows and all read.
pub fn parameter_of_old(name: &str, value: &str) -> String {
    let words = if is_quotable(value) { vec![Cow::Borrowed(value)] } else { encoded_words(value) };
    format!(";\r\n {name}=\"{}\"", fold(name.len() + 3, words))
}

/// Whether a parameter's value may stand in quotes without a backslash, which many programs misread.
fn is_quotable(value: &str) -> bool {
    value.len() <= QUOTED_BYTES_MAX && is_printable(value) && !value.contains(['"', '\\']) && !value.contains("=?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_keeps_lines_short_and_ends_safe() {
        let encoded = |text: &str| String::from_utf8(quoted_printable(text.as_bytes())).unwrap();
        assert_eq!(encoded("Grüße = \r\n.\r\nFrom x\n"), "Gr=C3=BC=C3=9Fe =3D=20\r\n=2E\r\n=46rom x\r\n");
        let long = encoded(&"ä".repeat(100));
        assert!(long.split("\r\n").all(|line| line.len() <= 76), "{long}");
        assert_eq!(encoded(&"a".repeat(76)), "a".repeat(76));
        assert_eq!(encoded(&"a".repeat(77)), format!("{}=\r\naa", "a".repeat(75)));
    }

    #[test]
    fn the_encoding_follows_the_content() {
        for (text, encoding) in [
            ("Hello\r\n", TransferEncoding::SevenBit),
            ("", TransferEncoding::SevenBit),
            ("Grüße aus dem Süden\r\n", TransferEncoding::QuotedPrintable),
            ("你好，世界\r\n", TransferEncoding::Base64),
            ("From here on it is easy\r\n", TransferEncoding::QuotedPrintable),
            ("a NUL \0 in the middle\r\n", TransferEncoding::QuotedPrintable),
            (&format!("{}\r\n", "x".repeat(998)), TransferEncoding::SevenBit),
            (&format!("{}\r\n", "x".repeat(999)), TransferEncoding::QuotedPrintable),
        ] {
            assert_eq!(TransferEncoding::of(text), encoding, "{text}");
        }
    }

    #[test]
    fn base64_lines_have_76_octets_and_a_length_known_beforehand() {
        let encoded = base64_lines(&[0; 100]);
        assert_eq!(encoded.lines().map(str::len).collect::<Vec<_>>(), [76, 60]);
        for octets in [0, 1, 2, 3, 56, 57, 58, 114, 1_000] {
            assert_eq!(base64_lines_octets(octets as u64), base64_lines(&vec![0; octets]).len() as u64, "{octets}");
        }
    }

    #[test]
    fn header_words_are_short_and_whole_characters() {
        let written = |text: &str| fold("Subject: ".len(), text_words(text));
        assert_eq!(written("Plain text"), "Plain text");
        assert_eq!(written("Grüße"), "=?utf-8?b?R3LDvMOfZQ==?=");
        for text in ["=?utf-8?q?x?=", " blank before", "two  blanks", "a\ttab", &"x".repeat(901)] {
            assert!(written(text).starts_with("=?utf-8?b?"), "{text}");
        }
        let long = written(&"ü€".repeat(100));
        assert!(long.split("\r\n ").all(|word| word.len() <= 75), "{long}");
        assert!(!long.starts_with("\r\n"), "{long}");
    }

    #[test]
    fn long_fields_are_folded_at_their_blanks() {
        let words = "seven letters each ".repeat(10);
        let folded = fold(20, text_words(words.trim()));
        assert_eq!(folded.replace("\r\n", ""), words.trim());
        assert!(folded.lines().all(|line| line.len() <= 76));
        assert_eq!(fold(70, text_words("Grüße")), "\r\n =?utf-8?b?R3LDvMOfZQ==?=");
    }

    #[test]
    fn display_names_are_bare_quoted_or_encoded() {
        let written = |name: &str| fold(0, phrase_words(name));
        assert_eq!(written("Anna Müller"), "=?utf-8?b?QW5uYSBNw7xsbGVy?=");
        assert_eq!(written("Anna O'Hara"), "Anna O'Hara");
        assert_eq!(written("Müller, Anna").split('?').next(), Some("="));
        assert_eq!(written("Hara, Anna <x>"), "\"Hara, Anna <x>\"");
        assert_eq!(written("a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert!(written("=?utf-8?q?x?=").starts_with("=?utf-8?b?"));
    }

    #[test]
    fn file_names_survive() {
        assert_eq!(parameter("filename", "a b.pdf"), ";\r\n filename=\"a b.pdf\"");
        assert_eq!(parameter("filename", "Rechnung \"ü\".pdf"), ";\r\n filename*=utf-8''Rechnung%20%22%C3%BC%22.pdf");
        let long = parameter("filename", &"ü".repeat(60));
        assert!(long.contains(";\r\n filename*0*=utf-8''%C3") && long.contains(";\r\n filename*2*=%"), "{long}");
        assert!(long.split("\r\n").all(|line| line.len() <= 76), "{long}");
        assert_eq!(parameter_of_old("name", "a b.pdf"), ";\r\n name=\"a b.pdf\"");
        assert_eq!(parameter_of_old("name", "ü\"\r"), ";\r\n name=\"=?utf-8?b?w7wiDQ==?=\"");
    }
}
