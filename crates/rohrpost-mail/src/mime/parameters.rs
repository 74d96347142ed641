//! Parameters of Content-Type and Content-Disposition: RFC 2045 §5.1, RFC 2231.
//!
//! A value that was cut into numbered pieces is put together again. Its percent signs and the name of its charset stay:
//! in a BODYSTRUCTURE they are the client's to decode. [`Parameters::decoded`] does it for us.

use super::{
    charset,
    lexer::{Lexer, is_blank, unfolded},
    limits::PARAMETERS_MAX,
    word,
};

/// Names and values, in the order of the message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Parameters(Vec<(Vec<u8>, Vec<u8>)>);

/// One parameter as it is written: `name*3*=value` has the name, the number of its piece, and is encoded.
struct Written {
    name: Vec<u8>,
    piece: Option<usize>,
    encoded: bool,
    value: Vec<u8>,
}

impl Parameters {
    /// Reads the parameters that follow a type, from the first semicolon on.
    pub(super) fn read(lexer: &mut Lexer<'_>) -> Self {
        let mut written = Vec::new();
        while written.len() < PARAMETERS_MAX {
            lexer.take_while(|octet| octet != b';');
            if !lexer.eat(b';') {
                break;
            }
            written.extend(parameter(lexer));
        }
        Self(joined(written))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// The value as it is written.
    pub(super) fn raw(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The value as it is meant. Where both forms are there, that of RFC 2231 counts: it is the one that says how to
    /// read it. Encoded words, which may not stand here but do, are decoded too.
    pub(super) fn decoded(&self, name: &str) -> Option<String> {
        match self.raw(&format!("{name}*")) {
            Some(extended) => Some(decode_extended(extended)),
            None => self.raw(name).map(word::decode),
        }
    }
}

fn parameter(lexer: &mut Lexer<'_>) -> Option<Written> {
    lexer.skip();
    let written = lexer.take_while(|octet| !is_blank(octet) && !matches!(octet, b'=' | b';' | b'('));
    lexer.skip();
    if written.is_empty() || !lexer.eat(b'=') {
        return None;
    }
    lexer.skip();
    let mut value = Vec::new();
    if !lexer.quoted(&mut value) {
        value = bare_value(lexer, written);
    }
    let (rest, encoded) = written.strip_suffix(b"*").map_or((written, false), |rest| (rest, true));
    let (name, piece) = numbered(rest).map_or((rest, None), |(name, piece)| (name, Some(piece)));
    Some(Written { name: name.to_vec(), piece, encoded, value })
}

/// A value without quotes. It ends at a blank, but names of files may have blanks although they may not.
fn bare_value(lexer: &mut Lexer<'_>, name: &[u8]) -> Vec<u8> {
    let is_name = [&b"name"[..], b"filename"].iter().any(|other| name.eq_ignore_ascii_case(other));
    let value = lexer.take_while(|octet| octet != b';' && (is_name || !is_blank(octet)));
    unfolded(value).into_owned()
}

/// `name*3` has the number 3. RFC 2231 §3: no zeros in front.
fn numbered(written: &[u8]) -> Option<(&[u8], usize)> {
    let star = memchr::memrchr(b'*', written)?;
    let digits = std::str::from_utf8(&written[star + 1..]).ok()?;
    let number: usize = digits.parse().ok()?;
    (number.to_string() == digits).then_some((&written[..star], number))
}

/// Puts pieces together, each value where its first piece stood.
fn joined(mut written: Vec<Written>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut found = Vec::new();
    for at in 0..written.len() {
        match written[at].piece {
            None => {
                let Written { name, encoded, value, .. } = &mut written[at];
                found.push((extended_name(name, *encoded), std::mem::take(value)));
            }
            Some(0) => found.push(join(&written, at)),
            Some(_) => {}
        }
    }
    found
}

fn join(written: &[Written], first: usize) -> (Vec<u8>, Vec<u8>) {
    let name = &written[first].name;
    let piece = |number| written.iter().find(|w| w.piece == Some(number) && w.name.eq_ignore_ascii_case(name));
    let pieces: Vec<&Written> = (0..written.len()).map_while(piece).collect();
    let encoded = pieces.iter().any(|piece| piece.encoded);
    let mut value = if encoded && !pieces[0].encoded { b"''".to_vec() } else { Vec::new() };
    for piece in pieces {
        if encoded && !piece.encoded {
            percent_encode(&piece.value, &mut value);
        } else {
            value.extend_from_slice(&piece.value);
        }
    }
    (extended_name(name, encoded), value)
}

fn extended_name(name: &[u8], encoded: bool) -> Vec<u8> {
    [name, if encoded { b"*" } else { b"" }].concat()
}

/// RFC 2231 §7: what may stand in an extended value stays.
fn percent_encode(value: &[u8], out: &mut Vec<u8>) {
    for octet in value {
        if octet.is_ascii_graphic() && !b"*'%()<>@,;:\\\"/[]?=".contains(octet) {
            out.push(*octet);
        } else {
            out.extend_from_slice(format!("%{octet:02X}").as_bytes());
        }
    }
}

/// `charset'language'text`
fn decode_extended(value: &[u8]) -> String {
    let mut pieces = value.splitn(3, |octet| *octet == b'\'');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(name), Some(_), Some(text)) => charset::decode(name, &percent_decode(text)),
        _ => charset::decode(b"", &percent_decode(value)),
    }
}

fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let octet = hex.filter(|_| *first == b'%' && behind[0] != b'+');
        out.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &behind[2..] } else { behind };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Parameters {
        Parameters::read(&mut Lexer::new(value.as_bytes()))
    }

    fn listed(value: &str) -> Vec<(String, String)> {
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
        read(value).iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn values_are_read_as_strangers_write_them() {
        assert_eq!(
            listed("text/plain; charset=us-ascii (Plain text); Format = \"flo\\\"wed\";;delsp=yes"),
            pairs(&[("charset", "us-ascii"), ("Format", "flo\"wed"), ("delsp", "yes")])
        );
        assert_eq!(listed(";\r\n name=My File.pdf;\r\n\tx=a b"), pairs(&[("name", "My File.pdf"), ("x", "a")]));
        assert_eq!(listed("; =x; alone; y="), pairs(&[("y", "")]));
        assert_eq!(listed("; name=\"never closed; x=y"), pairs(&[("name", "never closed; x=y")]));
    }

    #[test]
    fn pieces_are_put_together_and_stay_encoded() {
        assert_eq!(
            listed("; URL*0=\"ftp://\"; x=y; URL*1=\"cs.example/a\""),
            pairs(&[("URL", "ftp://cs.example/a"), ("x", "y")])
        );
        assert_eq!(
            listed("; title*1*=%20is; title*0*=us-ascii'en'This; title*2=\" it!\""),
            pairs(&[("title*", "us-ascii'en'This%20is%20it!")])
        );
        assert_eq!(listed("; a*0=x; a*2=z; b*7=lost; c*00=no piece"), pairs(&[("a", "x"), ("c*00", "no")]));
    }

    #[test]
    fn values_are_decoded_as_they_are_meant() {
        let name = |value: &str| read(value).decoded("filename").unwrap_or_default();
        assert_eq!(name("; filename*=utf-8''%e2%82%ac%20rates"), "€ rates");
        assert_eq!(name("; filename*=iso-8859-1'de'Gr%FC%DFe; filename=Gruesse"), "Grüße");
        assert_eq!(name("; filename=\"=?utf-8?B?R3LDvMOfZQ==?=\""), "Grüße");
        assert_eq!(name("; filename*=100%"), "100%");
        assert_eq!(name("; filename*=''%+1%zz"), "%+1%zz");
    }
}
