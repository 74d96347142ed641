//! Encoded words: RFC 2047, as they come.

use std::ops::Range;

use super::{
    Encoding, charset,
    transfer::{Decoder, underscores},
};

/// The text of a field's value as it is meant: unfolded, encoded words decoded.
///
/// Words side by side are decoded as one, for those who cut letters in two. What only looks like an encoded word stays
/// as it is.
///
/// ```
/// use rohrpost_mail::mime::decode_words;
///
/// assert_eq!(decode_words(b"=?utf-8?q?Gr=C3?= =?utf-8?q?=BC=C3=9Fe?= an\r\n alle"), "Grüße an alle");
/// ```
pub fn decode(value: &[u8]) -> String {
    let mut out = String::with_capacity(value.len());
    let (mut rest, mut run) = (value, Run::default());
    while let Some((place, word)) = next(rest) {
        let before = &rest[..place.start];
        let joins = !run.octets.is_empty() && before.iter().all(u8::is_ascii_whitespace);
        if !joins || !run.is_like(&word) {
            run.end(&mut out);
        }
        if !joins {
            plain(before, &mut out);
        }
        run.push(&word);
        rest = &rest[place.end..];
    }
    run.end(&mut out);
    plain(rest, &mut out);
    out
}

/// `=?charset?encoding?text?=`
struct Word<'a> {
    charset: &'a [u8],
    encoding: Encoding,
    text: &'a [u8],
}

/// The octets of words side by side with one charset.
#[derive(Default)]
struct Run<'a> {
    charset: &'a [u8],
    octets: Vec<u8>,
}

impl<'a> Run<'a> {
    fn is_like(&self, word: &Word<'a>) -> bool {
        self.charset.eq_ignore_ascii_case(word.charset)
    }

    fn push(&mut self, word: &Word<'a>) {
        self.charset = word.charset;
        let mut decoder = Decoder::new(word.encoding);
        if word.encoding == Encoding::QuotedPrintable {
            decoder.push(&underscores(word.text), &mut self.octets);
        } else {
            decoder.push(word.text, &mut self.octets);
        }
        decoder.finish(&mut self.octets);
    }

    fn end(&mut self, out: &mut String) {
        if !self.octets.is_empty() {
            // A decoded word is text, not a field: its line ends would make one.
            out.extend(
                charset::decode(self.charset, &self.octets).chars().map(|c| if c.is_control() { ' ' } else { c }),
            );
            self.octets.clear();
        }
    }
}

fn plain(octets: &[u8], out: &mut String) {
    if octets.is_ascii() {
        out.extend(octets.iter().filter(|octet| !matches!(octet, b'\r' | b'\n')).map(|octet| char::from(*octet)));
    } else {
        out.extend(charset::decode(b"", octets).chars().filter(|c| !matches!(c, '\r' | '\n')));
    }
}

/// The next encoded word and where it stands.
fn next(value: &[u8]) -> Option<(Range<usize>, Word<'_>)> {
    let mut from = 0;
    loop {
        let start = from + memchr::memmem::find(&value[from..], b"=?")?;
        if let Some((word, octets)) = word(&value[start..]) {
            return Some((start..start + octets, word));
        }
        from = start + 2;
    }
}

/// The word that the octets begin with, and its length.
fn word(value: &[u8]) -> Option<(Word<'_>, usize)> {
    let inner = value.get(2..)?;
    let (charset, rest) = until_mark(inner)?;
    let (encoding, rest) = until_mark(rest)?;
    let encoding = match encoding {
        b"q" | b"Q" => Encoding::QuotedPrintable,
        b"b" | b"B" => Encoding::Base64,
        _ => return None,
    };
    let end = memchr::memchr(b'?', rest).filter(|end| rest.get(end + 1) == Some(&b'='))?;
    let octets = value.len() - rest.len() + end + 2;
    Some((Word { charset, encoding, text: &rest[..end] }, octets))
}

/// Cuts at the next question mark. No blank may come before it.
fn until_mark(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = value.iter().position(|octet| *octet == b'?' || octet.is_ascii_whitespace())?;
    (value[end] == b'?' && end > 0).then(|| (&value[..end], &value[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(value: &str) -> String {
        decode(value.as_bytes())
    }

    #[test]
    fn words_are_decoded_and_the_blanks_between_them_go() {
        assert_eq!(decoded("=?ISO-8859-1?Q?a?= b"), "a b");
        assert_eq!(decoded("=?ISO-8859-1?Q?a_b?=\r\n =?iso-8859-1?q?=FC?= c"), "a bü c");
        assert_eq!(decoded("x =?utf-8*de?B?R3LDvMOfZQ==?= =?koi8-r?q?=F0?="), "x GrüßeП");
        assert_eq!(decoded("=?utf-8?b?w7w?="), "ü");
        assert_eq!(decoded("(=?utf-8?q?a?=)"), "(a)");
    }

    #[test]
    fn what_only_looks_like_a_word_stays() {
        for text in
            ["=?", "=?utf-8?q?a", "=?utf-8?x?a?=", "=? utf-8?q?a?=", "=?utf-8?q?a? =", "=??q?a?=", "a =? b ?= c"]
        {
            assert_eq!(decoded(text), text);
        }
    }

    #[test]
    fn raw_octets_are_read_as_well_as_they_can_be() {
        assert_eq!(decoded("Grüße"), "Grüße");
        assert_eq!(decode(b"Gr\xfc\xdfe =?utf-8?q?=C3=BC?="), "Grüße ü");
    }

    #[test]
    fn no_line_ends_come_out_of_a_word() {
        assert_eq!(decoded("=?utf-8?q?=0D=0ABcc:_x?="), "  Bcc: x");
    }

    #[test]
    fn h06_an_encoded_word_of_a_quarter_megabyte_takes_no_time() {
        assert_eq!(decoded(&format!("=?utf-8?q?{}?=", "=C3=BC".repeat(40_000))).chars().count(), 40_000);
        decoded(&"=?a?q".repeat(50_000));
        decoded(&"=?".repeat(100_000));
    }
}
