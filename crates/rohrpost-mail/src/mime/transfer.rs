//! Decodes how bodies travel: RFC 2045 §6.
//!
//! Nothing is refused. Base64 is read over what is not of its alphabet, as RFC 2045 §6.8 asks, and a group that ends too
//! early gives what it can; an equals sign of quoted-printable that begins nothing stays (§6.7, note 1).

use std::borrow::Cow;

use memchr::memchr;

use super::Encoding;

/// Octets behind an equals sign that are kept until it is clear what they are: blanks that a gateway put at the end of
/// a line. RFC 2045 §6.7 has no longer lines.
const PENDING_OCTETS_MAX: usize = 76;

/// Decodes a body that comes in pieces.
///
/// ```
/// use rohrpost_mail::mime::{Encoding, transfer::Decoder};
///
/// let (mut decoder, mut out) = (Decoder::new(Encoding::Base64), Vec::new());
/// decoder.push(b"R3LDv", &mut out);
/// decoder.push(b"MOf\r\nZQ==", &mut out);
/// decoder.finish(&mut out);
/// assert_eq!(out, "Grüße".as_bytes());
/// ```
#[derive(Clone, Debug)]
pub struct Decoder(State);

#[derive(Clone, Debug)]
enum State {
    /// As it is.
    Identity,
    /// What follows an equals sign, itself included.
    QuotedPrintable { pending: Vec<u8> },
    /// The letters of a group of four, and how many there are.
    Base64 { group: u32, letters: u32 },
}

impl Decoder {
    /// A decoder for one body. What travels in a way that nobody knows stays as it is.
    pub fn new(encoding: Encoding) -> Self {
        Self(match encoding {
            Encoding::Identity | Encoding::Unknown => State::Identity,
            Encoding::QuotedPrintable => State::QuotedPrintable { pending: Vec::new() },
            Encoding::Base64 => State::Base64 { group: 0, letters: 0 },
        })
    }

    /// Decodes the next octets and appends what they are.
    pub fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => out.extend_from_slice(octets),
            State::QuotedPrintable { pending } => quoted_printable(octets, pending, out),
            State::Base64 { group, letters } => base64(octets, group, letters, out),
        }
    }

    /// Appends what the end leaves over.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        match &mut self.0 {
            State::Identity => {}
            // A soft line break without its line.
            State::QuotedPrintable { pending } if pending.as_slice() == b"=" => pending.clear(),
            State::QuotedPrintable { pending } => out.append(pending),
            State::Base64 { group, letters } => end_group(group, letters, out),
        }
    }
}

fn quoted_printable(octets: &[u8], pending: &mut Vec<u8>, out: &mut Vec<u8>) {
    let mut rest = octets;
    while !rest.is_empty() {
        if pending.is_empty() {
            let plain = memchr(b'=', rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..plain]);
            rest = &rest[plain..];
            pending.extend(rest.first());
            rest = rest.get(1..).unwrap_or_default();
        } else if rest[0] == b'=' {
            // The one before began nothing.
            out.append(pending);
        } else {
            pending.push(rest[0]);
            rest = &rest[1..];
            settle(pending, out);
        }
    }
}

/// Decides on what follows an equals sign, if it can be decided.
fn settle(pending: &mut Vec<u8>, out: &mut Vec<u8>) {
    match pending[1..] {
        [.., b'\n'] => pending.clear(),
        [first] if first.is_ascii_hexdigit() => {}
        [first, second] if first.is_ascii_hexdigit() && second.is_ascii_hexdigit() => {
            out.push(hex(first) << 4 | hex(second));
            pending.clear();
        }
        [.., b' ' | b'\t' | b'\r'] if pending[1..].iter().all(u8::is_ascii_whitespace) => {
            if pending.len() > PENDING_OCTETS_MAX {
                out.append(pending);
            }
        }
        _ => out.append(pending),
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// The values of letters; 64 and more are none.
const LETTERS: [u8; 256] = {
    let mut table = [64; 256];
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut at: u8 = 0;
    while at < 64 {
        table[alphabet[at as usize] as usize] = at;
        at += 1;
    }
    table
};

fn base64(octets: &[u8], group: &mut u32, letters: &mut u32, out: &mut Vec<u8>) {
    out.reserve(octets.len() / 4 * 3 + 3);
    let mut rest = octets;
    loop {
        if *letters == 0 {
            rest = base64_groups(rest, out);
        }
        let Some((first, behind)) = rest.split_first() else { return };
        base64_letter(*first, group, letters, out);
        rest = behind;
    }
}

/// Decodes whole groups, up to the first one with something else in it.
fn base64_groups<'a>(octets: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let mut rest = octets;
    while let Some(([a, b, c, d], behind)) = rest.split_first_chunk::<4>() {
        let values = [*a, *b, *c, *d].map(|letter| LETTERS[usize::from(letter)]);
        if values.iter().any(|value| *value > 63) {
            break;
        }
        let group = values.iter().fold(0, |group: u32, value| group << 6 | u32::from(*value));
        out.extend_from_slice(&group.to_be_bytes()[1..]);
        rest = behind;
    }
    rest
}

fn base64_letter(letter: u8, group: &mut u32, letters: &mut u32, out: &mut Vec<u8>) {
    let value = LETTERS[usize::from(letter)];
    if letter == b'=' {
        end_group(group, letters, out);
    } else if value < 64 {
        *group = *group << 6 | u32::from(value);
        *letters += 1;
        if *letters == 4 {
            end_group(group, letters, out);
        }
    }
}

/// Writes the octets of a group, which may have too few letters. After this one, another may begin: some programs put
/// texts together that each have their own end.
fn end_group(group: &mut u32, letters: &mut u32, out: &mut Vec<u8>) {
    let octets = (*group << (6 * (4 - *letters) % 24)).to_be_bytes();
    match *letters {
        0 | 1 => {}
        count => out.extend_from_slice(&octets[1..count as usize]),
    }
    (*group, *letters) = (0, 0);
}

/// In the quoted-printable of encoded words an underscore is a blank. RFC 2047 §4.2.
pub(super) fn underscores(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'_', text).is_none() {
        return Cow::Borrowed(text);
    }
    text.iter().map(|octet| if *octet == b'_' { b' ' } else { *octet }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text, however it is cut.
    fn decoded(encoding: Encoding, text: &[u8]) -> String {
        let run = |size: usize| {
            let (mut decoder, mut out) = (Decoder::new(encoding), Vec::new());
            text.chunks(size).for_each(|piece| decoder.push(piece, &mut out));
            decoder.finish(&mut out);
            out
        };
        let whole = run(usize::MAX);
        for size in 1..8 {
            assert_eq!(run(size), whole, "in pieces of {size}");
        }
        whole.iter().map(|octet| char::from(*octet)).collect()
    }

    #[test]
    fn base64_is_read_as_it_was_written() {
        let read = |text: &str| decoded(Encoding::Base64, text.as_bytes());
        assert_eq!(read(""), "");
        assert_eq!(read("TQ=="), "M");
        assert_eq!(read("TWE="), "Ma");
        assert_eq!(read("TWFu\r\nTWFu\r\n"), "ManMan");
        assert_eq!(read("/+8="), "\u{ff}\u{ef}");
    }

    #[test]
    fn h06_base64_with_junk() {
        let read = |text: &str| decoded(Encoding::Base64, text.as_bytes());
        assert_eq!(read("T!W\0F-u"), "Man");
        assert_eq!(read("TWFuTW"), "ManM");
        assert_eq!(read("TWFuT"), "Man");
        assert_eq!(read("TQ==TWE=TWFu"), "MMaMan");
        assert_eq!(read("===="), "");
        assert_eq!(read("TWFu\r\n--\r\nad=="), "Mani");
    }

    #[test]
    fn quoted_printable_is_read_as_it_was_written() {
        let read = |text: &str| decoded(Encoding::QuotedPrintable, text.as_bytes());
        assert_eq!(read("a=3D=FC=fc\r\nb=\r\nc=  \r\nd=\ne\r\n"), "a=\u{fc}\u{fc}\r\nbcde\r\n");
    }

    #[test]
    fn h06_quoted_printable_with_bare_equals_signs() {
        let read = |text: &str| decoded(Encoding::QuotedPrintable, text.as_bytes());
        assert_eq!(read("a=b c"), "a=b c");
        assert_eq!(read("1==3D2"), "1==2");
        assert_eq!(read("=ZZ=G=4"), "=ZZ=G=4");
        assert_eq!(read("== = x=\tx"), "== = x=\tx");
        assert_eq!(read("end="), "end");
        let blanks = format!("={}x", " ".repeat(200));
        assert_eq!(read(&blanks), blanks);
    }
}
