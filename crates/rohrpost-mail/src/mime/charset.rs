//! Octets to text, by the names of charsets that mail has.
//!
//! The names and what they mean are those of the Encoding Standard, as browsers read them. Texts that name no charset, or
//! one that nobody knows, are read as UTF-8 up to the first octet that cannot be UTF-8, and from there on as
//! windows-1252, in which every octet is a letter: nothing gets lost.

use encoding_rs::{Encoding, REPLACEMENT, WINDOWS_1252};

/// Decodes a text at once. Here, what is not UTF-8 to its end is windows-1252 from its beginning.
pub(super) fn decode(name: &[u8], octets: &[u8]) -> String {
    match known(name) {
        Some(encoding) => encoding.decode_without_bom_handling(octets).0.into_owned(),
        None => match std::str::from_utf8(octets) {
            Ok(text) => text.to_owned(),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(octets).0.into_owned(),
        },
    }
}

/// Decodes a text that comes in pieces; how it is cut makes no difference.
pub(super) struct Decoder(State);

enum State {
    Known(encoding_rs::Decoder),
    /// So far it is UTF-8. The octets are the beginning of a letter that the last piece cut.
    Guess(Vec<u8>),
}

impl Decoder {
    pub(super) fn new(name: &[u8]) -> Self {
        Self(
            known(name)
                .map_or(State::Guess(Vec::new()), |encoding| State::Known(encoding.new_decoder_with_bom_removal())),
        )
    }

    /// Decodes the next octets; `last` says that none follow.
    pub(super) fn push(&mut self, octets: &[u8], last: bool, out: &mut String) {
        match &mut self.0 {
            State::Known(decoder) => {
                out.reserve(decoder.max_utf8_buffer_length(octets.len()).unwrap_or(octets.len()));
                let (_, read, _) = decoder.decode_to_string(octets, out, last);
                debug_assert_eq!(read, octets.len(), "there was room for all");
            }
            State::Guess(cut) if cut.is_empty() => self.guess(octets, last, out),
            State::Guess(cut) => {
                let octets = [cut, octets].concat();
                self.guess(&octets, last, out);
            }
        }
    }

    fn guess(&mut self, octets: &[u8], last: bool, out: &mut String) {
        let mut pieces = octets.utf8_chunks();
        let Some(piece) = pieces.next() else { return };
        out.push_str(piece.valid());
        let rest = &octets[piece.valid().len()..];
        let is_cut = std::str::from_utf8(rest).is_err_and(|error| error.error_len().is_none());
        if rest.is_empty() || is_cut && !last {
            self.0 = State::Guess(rest.to_vec());
        } else {
            self.0 = State::Known(WINDOWS_1252.new_decoder_without_bom_handling());
            self.push(rest, last, out);
        }
    }
}

/// The encoding with this name. US-ASCII is none: those who say so and write other octets mean something else.
fn known(name: &[u8]) -> Option<&'static Encoding> {
    // RFC 2231 §5: the language behind the name in an encoded word is nothing to us.
    let name = name.split(|octet| *octet == b'*').next().unwrap_or_default().trim_ascii();
    if name.eq_ignore_ascii_case(b"us-ascii") || name.eq_ignore_ascii_case(b"ascii") {
        return None;
    }
    // The standard has an encoding that reads as nothing, for those that browsers must not read.
    Encoding::for_label(name).filter(|encoding| *encoding != REPLACEMENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(name: &str, pieces: &[&[u8]]) -> String {
        let (mut decoder, mut out) = (Decoder::new(name.as_bytes()), String::new());
        for piece in pieces {
            decoder.push(piece, false, &mut out);
        }
        decoder.push(b"", true, &mut out);
        out
    }

    #[test]
    fn charsets_are_read_by_their_names() {
        assert_eq!(decode(b"ISO-8859-1", b"Gr\xfc\xdfe"), "Grüße");
        assert_eq!(decode(b"iso-8859-15*de", b"\xa4"), "€");
        assert_eq!(decode(b"koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4"), "Привет");
        assert_eq!(decode(b"shift_jis", b"\x93\xfa\x96\x7b"), "日本");
        assert_eq!(pieces("iso-2022-jp", &[b"\x1b$BF|", b"K\\\x1b(B"]), "日本");
        assert_eq!(pieces("utf-16le", &[b"a\0\xfc", b"\0"]), "aü");
    }

    #[test]
    fn what_names_no_charset_is_utf8_or_else_western() {
        for name in ["", "us-ascii", "x-unknown", "utf-7", "iso-2022-kr", "8bit"] {
            assert_eq!(decode(name.as_bytes(), "Grüße".as_bytes()), "Grüße", "{name}");
            assert_eq!(decode(name.as_bytes(), b"Gr\xfc\xdfe"), "Grüße", "{name}");
            assert_eq!(pieces(name, &[b"Gr\xc3", b"\xbc\xc3\x9fe"]), "Grüße", "{name}");
            assert_eq!(pieces(name, &[b"Gr\xfc\xdfe", b" \xfc"]), "Grüße ü", "{name}");
        }
        assert_eq!(pieces("", &[b"a\xc3", b"b\xfc"]), "aÃbü");
    }

    #[test]
    fn utf8_that_is_none_shows_where() {
        assert_eq!(decode(b"utf-8", b"a\xc0\xafb"), "a\u{fffd}\u{fffd}b");
        assert_eq!(pieces("utf-8", &[b"a\xc3"]), "a\u{fffd}");
    }
}
