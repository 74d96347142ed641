//! DKIM signatures (RFC 6376) as far as they are text: what is signed of a message, and the field that says so.
//!
//! Keys, hashes and the clock are somebody else's: `rohrpost-sender` puts them together. Checking signatures is not done here.
//!
//! Signed is in the form `relaxed/relaxed` (§3.4.2, §3.4.4), which survives servers that fold lines anew or cut blanks at their
//! ends. There is no `l=`: what follows a length that was signed would look signed too.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};

use crate::{
    domain::Domain,
    header::{self, Field},
};

/// Fields that are signed where they are there: what a reader sees or acts upon (RFC 6376 §5.4.1), and what RFC 8058 §4
/// wants to be signed.
const SIGNED: [&str; 15] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "list-unsubscribe",
    "list-unsubscribe-post",
];

/// Those that are signed once more than they are there, so that nobody can add one that readers see (RFC 6376 §8.15).
const SEALED: [&str; 6] = ["from", "reply-to", "to", "cc", "subject", "date"];

/// Characters in a line of base64: with the blank before them below the 78 of RFC 5322 §2.1.1.
const BASE64_CHARACTERS: usize = 72;

/// A body on its way into the relaxed form. Its line ends need not be CRLF: they count as they are sent.
#[derive(Debug, Default)]
pub struct RelaxedBody {
    /// Blanks were passed, one of which stays unless the line ends.
    blank: bool,
    /// A CR was passed whose LF has not come.
    after_return: bool,
    /// So many line ends were passed, which stay unless the body ends.
    line_ends: usize,
    /// Something was written.
    begun: bool,
}

impl RelaxedBody {
    /// Takes the next octets, in any portions, and hands out what is to be hashed.
    pub fn push(&mut self, mut octets: &[u8], mut out: impl FnMut(&[u8])) {
        while let Some((first, rest)) = octets.split_first() {
            match first {
                b'\r' => {
                    self.end_return();
                    self.after_return = true;
                }
                b'\n' => self.end_line(),
                b' ' | b'\t' => {
                    self.end_return();
                    self.blank = true;
                }
                _ => {
                    self.end_return();
                    let length = octets.iter().position(|octet| b"\r\n \t".contains(octet)).unwrap_or(octets.len());
                    self.text(&octets[..length], &mut out);
                    octets = &octets[length..];
                    continue;
                }
            }
            octets = rest;
        }
    }

    /// The body is over: empty lines at its end do not count, a last line without an end gets one.
    pub fn end(mut self, mut out: impl FnMut(&[u8])) {
        self.end_return();
        if self.begun {
            out(b"\r\n");
        }
    }

    fn end_line(&mut self) {
        (self.blank, self.after_return) = (false, false);
        self.line_ends += 1;
    }

    /// RFC 5321 §2.3.8 knows no other line end than CRLF: a CR that stands alone is sent as one.
    fn end_return(&mut self) {
        if self.after_return {
            self.end_line();
        }
    }

    fn text(&mut self, text: &[u8], out: &mut impl FnMut(&[u8])) {
        for _ in 0..std::mem::take(&mut self.line_ends) {
            out(b"\r\n");
        }
        if std::mem::take(&mut self.blank) {
            out(b" ");
        }
        out(text);
        self.begun = true;
    }
}

/// What a signature says of itself, before it is made.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a> {
    /// `rsa-sha256` or `ed25519-sha256` (RFC 8463).
    pub algorithm: &'static str,
    /// The domain that signs.
    pub domain: &'a Domain,
    /// Which of its keys.
    pub selector: &'a Domain,
    /// When, in seconds of the epoch.
    pub at: i64,
    /// SHA-256 of the body in relaxed form.
    pub body_hash: &'a [u8; 32],
}

/// A signature that is still to be made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Draft {
    field: String,
    /// What is to be hashed and signed.
    pub signed: Vec<u8>,
}

impl Statement<'_> {
    /// The statement about a message with this header.
    pub fn draft(&self, header: &[u8]) -> Draft {
        let Self { algorithm, domain, selector, at, body_hash } = self;
        let (names, mut signed) = choose(header);
        let mut field = format!("DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={domain};\r\n");
        // A String takes all.
        let _ = write!(field, " s={selector}; t={at};\r\n h={};\r\n", names.join(":\r\n  "));
        let _ = write!(field, " bh={};\r\n b=", BASE64.encode(body_hash));
        for own in header::fields(field.as_bytes()) {
            let own = relaxed(&own);
            // RFC 6376 §3.7: the field itself comes last, and without its line end.
            signed.extend_from_slice(own.strip_suffix(b"\r\n").unwrap_or(&own));
        }
        Draft { field, signed }
    }
}

impl Draft {
    /// The whole field, its line end included.
    pub fn complete(mut self, signature: &[u8]) -> String {
        let text = BASE64.encode(signature);
        let mut rest = &*text;
        while rest.len() > BASE64_CHARACTERS {
            let (line, more) = rest.split_at(BASE64_CHARACTERS);
            self.field += line;
            self.field += "\r\n ";
            rest = more;
        }
        self.field + rest + "\r\n"
    }
}

/// The names that `h=` lists, and their fields in relaxed form. Of several with one name the last comes first (§5.4.2).
fn choose(header: &[u8]) -> (Vec<&'static str>, Vec<u8>) {
    let fields: Vec<Field<'_>> = header::fields(header).collect();
    let (mut names, mut signed) = (Vec::new(), Vec::new());
    for name in SIGNED {
        for field in fields.iter().rev().filter(|field| field.is(name)) {
            names.push(name);
            signed.extend(relaxed(field));
        }
        if SEALED.contains(&name) {
            names.push(name);
        }
    }
    (names, signed)
}

/// RFC 6376 §3.4.2: the name in lower case, the value on one line with single blanks, CRLF.
fn relaxed(field: &Field<'_>) -> Vec<u8> {
    let mut line = field.name.to_ascii_lowercase();
    line.push(b':');
    let words = field.value.split(|octet| b" \t\r\n".contains(octet)).filter(|word| !word.is_empty());
    for (place, word) in words.enumerate() {
        if place > 0 {
            line.push(b' ');
        }
        line.extend_from_slice(word);
    }
    line.extend_from_slice(b"\r\n");
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str, portion: usize) -> String {
        let (mut relaxed, mut out) = (RelaxedBody::default(), Vec::new());
        for part in text.as_bytes().chunks(portion) {
            relaxed.push(part, |octets| out.extend_from_slice(octets));
        }
        relaxed.end(|octets| out.extend_from_slice(octets));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_body_is_relaxed_as_the_standard_says_in_any_portions() {
        let cases = [
            // The example of RFC 6376 §3.4.5.
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
            ("", ""),
            ("\r\n\r\n", ""),
            (" \t\r\n", ""),
            ("a", "a\r\n"),
            ("a \r\n \r\n", "a\r\n"),
            ("\r\n\r\na\r\n", "\r\n\r\na\r\n"),
            ("a\r\n  b", "a\r\n b\r\n"),
            ("a\nb\r\r\nc\rd", "a\r\nb\r\n\r\nc\r\nd\r\n"),
            ("a\r", "a\r\n"),
            ("a ", "a\r\n"),
        ];
        for (text, expected) in cases {
            for portion in [1, 2, 3, 99] {
                assert_eq!(body(text, portion), expected, "{text:?} in portions of {portion}");
            }
        }
    }

    #[test]
    fn a_field_is_relaxed_as_the_standard_says() {
        let header = b"A: X\r\nB : Y\t\r\n\tZ  \r\nSubject:\r\n";
        let all: Vec<_> = header::fields(header).map(|field| String::from_utf8(relaxed(&field)).unwrap()).collect();
        assert_eq!(all, ["a:X\r\n", "b:Y Z\r\n", "subject:\r\n"]);
    }

    #[test]
    fn what_readers_see_is_signed_once_more_than_it_is_there() {
        let header = b"Received: x\r\nTo: b@x.test\r\nFrom: a@x.test\r\nSubject: 1\r\nSubject: 2\r\n";
        let (names, signed) = choose(header);
        assert_eq!(names, ["from", "from", "reply-to", "to", "to", "cc", "subject", "subject", "subject", "date"]);
        let text = String::from_utf8(signed).unwrap();
        assert_eq!(text, "from:a@x.test\r\nto:b@x.test\r\nsubject:2\r\nsubject:1\r\n");
    }

    #[test]
    fn the_field_has_no_long_line_and_is_signed_without_its_signature() {
        let (domain, selector) = (Domain::parse("x.test").unwrap(), Domain::parse("mail").unwrap());
        let statement =
            Statement { algorithm: "rsa-sha256", domain: &domain, selector: &selector, at: 7, body_hash: &[1; 32] };
        let draft = statement.draft(b"From: a@x.test\r\n");
        assert!(draft.signed.ends_with(b"bh=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=; b="), "{draft:?}");
        let field = draft.complete(&[2; 256]);
        assert!(field.ends_with("\r\n") && field.lines().all(|line| line.len() <= 78), "{field}");
        assert_eq!(header::count(field.as_bytes(), "DKIM-Signature"), 1);
    }
}
