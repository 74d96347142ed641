//! Encodings of MIME: quoted-printable and base64 for bodies, encoded words for headers.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Octets of a line in an encoded body, the soft line break included. RFC 2045 §6.7, §6.8.
const LINE_BYTES_MAX: usize = 76;
/// Octets of a line that RFC 5322 §2.1.1 allows, without CRLF.
pub const TEXT_LINE_BYTES_MAX: usize = 998;

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
            out.extend_from_slice(format!("={byte:02X}").as_bytes());
        }
        column += width;
    }
}

/// Base64 in lines of 76 (RFC 2045 §6.8).
pub fn base64_lines(data: &[u8]) -> String {
    let mut out = String::with_capacity(data.len() * 4 / 3 + data.len() / 36 + 2);
    // 57 octets make one line of 76.
    for line in data.chunks(LINE_BYTES_MAX / 4 * 3) {
        STANDARD.encode_string(line, &mut out);
        out.push_str("\r\n");
    }
    out
}

/// Text for a header: as it is where it is printable ASCII, else as encoded words (RFC 2047), folded.
pub fn header_words(text: &str) -> String {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') && !text.contains("=?");
    if plain && text.len() <= TEXT_LINE_BYTES_MAX - 100 {
        return text.to_owned();
    }
    let mut words = String::new();
    for piece in pieces(text) {
        let separator = if words.is_empty() { "" } else { "\r\n " };
        write!(words, "{separator}=?utf-8?b?{}?=", STANDARD.encode(piece)).expect("a String takes all");
    }
    words
}

/// Cuts at character bounds so that each encoded word has at most 75 octets (RFC 2047 §2).
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    const PIECE_BYTES_MAX: usize = 45;
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = rest.floor_char_boundary(PIECE_BYTES_MAX.min(rest.len()));
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The `filename` parameter: quoted where it is ASCII, else by RFC 2231.
pub fn file_name_parameter(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" ._-+@()".contains(&byte);
    if name.bytes().all(plain) {
        return format!("filename=\"{name}\"");
    }
    let mut parameter = String::from("filename*=utf-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            parameter.push(char::from(byte));
        } else {
            write!(parameter, "%{byte:02X}").expect("a String takes all");
        }
    }
    parameter
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
    fn base64_lines_have_76_octets() {
        let encoded = base64_lines(&[0; 100]);
        assert_eq!(encoded.lines().map(str::len).collect::<Vec<_>>(), [76, 60]);
        assert_eq!(base64_lines(b""), "");
    }

    #[test]
    fn header_words_are_short_and_whole_characters() {
        assert_eq!(header_words("Plain text"), "Plain text");
        assert_eq!(header_words("Grüße"), "=?utf-8?b?R3LDvMOfZQ==?=");
        assert!(header_words("=?utf-8?q?x?=").starts_with("=?utf-8?b?"));
        assert!(header_words(&"ü€".repeat(100)).split("\r\n ").all(|word| word.len() <= 75));
    }

    #[test]
    fn file_names_survive() {
        assert_eq!(file_name_parameter("a b.pdf"), "filename=\"a b.pdf\"");
        assert_eq!(file_name_parameter("Rechnung \"ü\".pdf"), "filename*=utf-8''Rechnung%20%22%C3%BC%22.pdf");
    }
}
