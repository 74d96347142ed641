//! Strings as IMAP has them: RFC 9051 §4.3.

use std::io::Write as _;

/// A quoted string, or a literal where the octets cannot be quoted.
///
/// Both versions of IMAP read a quoted string of ASCII, and a literal of any octets but NUL. UTF-8 in quotes is
/// for those clients alone who asked for it, so it is a literal here. NUL, which neither may have, becomes a blank.
pub(super) fn string(out: &mut Vec<u8>, octets: &[u8]) {
    if octets.iter().all(|octet| octet.is_ascii() && !matches!(octet, 0 | b'\r' | b'\n')) {
        quoted(out, octets);
    } else {
        literal(out, octets);
    }
}

/// As [`string`], or NIL.
pub(super) fn nstring<T: AsRef<[u8]>>(out: &mut Vec<u8>, octets: Option<T>) {
    match octets {
        Some(octets) => string(out, octets.as_ref()),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// A number.
pub(super) fn number(out: &mut Vec<u8>, number: u64) {
    write!(out, "{number}").expect("a vector takes all");
}

fn quoted(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    let mut rest = octets;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[b'\\', rest[at]]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn literal(out: &mut Vec<u8>, octets: &[u8]) {
    write!(out, "{{{}}}\r\n", octets.len()).expect("a vector takes all");
    out.extend(octets.iter().map(|octet| if *octet == 0 { b' ' } else { *octet }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(octets: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        string(&mut out, octets);
        out
    }

    #[test]
    fn what_can_be_quoted_is_quoted_and_the_rest_is_a_literal() {
        assert_eq!(printed(b""), b"\"\"");
        assert_eq!(printed(br#"a "b" \c"#), br#""a \"b\" \\c""#);
        assert_eq!(printed("Grüße".as_bytes()), "{7}\r\nGrüße".as_bytes());
        assert_eq!(printed(b"a\0b\xff"), b"{4}\r\na b\xff");
        assert_eq!(printed(b"a\r\nb"), b"{4}\r\na\r\nb");
    }
}
