//! Makes a message fit for a peer that takes seven bits and lines of 998 octets: RFC 6152 §3, RFC 5321 §4.5.3.1.6.
//!
//! Leaves that are too wide or too long are re-encoded as quoted-printable; everything else stays as it was, to the
//! octet. It breaks signatures over the body, so callers ask first whether the message carries one.

use std::borrow::Cow;

use memchr::memchr_iter;

use crate::{
    encode::{TEXT_LINE_BYTES_MAX, quoted_printable},
    header,
};

/// How deep parts may be nested; deeper ones stay as they are.
const DEPTH_MAX: u32 = 50;

/// Whether the body needs re-encoding: an octet beyond ASCII, a NUL (RFC 5322 §2.2), or a line longer than 998 octets.
pub fn needs_encoding(body: &[u8]) -> bool {
    !body.is_ascii() || body.contains(&0) || has_long_line(body)
}

fn has_long_line(body: &[u8]) -> bool {
    let mut start = 0;
    memchr_iter(b'\n', body)
        .chain([body.len()])
        .any(|end| end - std::mem::replace(&mut start, end + 1) > TEXT_LINE_BYTES_MAX + 1)
}

/// The message with every leaf in seven bits; borrowed where nothing had to change.
///
/// A body without MIME is declared as UTF-8 text where it is that, else as `unknown-8bit` (RFC 1428).
pub fn encode(message: &[u8]) -> Cow<'_, [u8]> {
    encode_part(message, 0)
}

fn encode_part(part: &[u8], depth: u32) -> Cow<'_, [u8]> {
    let (head, body) = header::split(part);
    if depth == DEPTH_MAX || !needs_encoding(body) {
        return Cow::Borrowed(part);
    }
    let content_type = header::value(head, "Content-Type").unwrap_or_default();
    let transfer = header::value(head, "Content-Transfer-Encoding").unwrap_or_default().to_ascii_lowercase();
    if matches!(transfer.as_str(), "base64" | "quoted-printable") {
        return Cow::Borrowed(part);
    }
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let encoded = match boundary(&content_type) {
        Some(boundary) if kind.starts_with("multipart/") => encode_multipart(body, &boundary, depth),
        _ if kind.starts_with("message/") => encode_part(body, depth + 1).into_owned(),
        _ => quoted_printable(body),
    };
    let leaf = !kind.starts_with("multipart/") && !kind.starts_with("message/");
    let mut out = with_encoding(head, if leaf { "quoted-printable" } else { "7bit" }, body, content_type.is_empty());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&encoded);
    Cow::Owned(out)
}

/// The header with the new encoding, and with what MIME demands where it was missing.
fn with_encoding(head: &[u8], encoding: &str, body: &[u8], untyped: bool) -> Vec<u8> {
    let mut out = header::without(head, |field| field.is("Content-Transfer-Encoding")).into_owned();
    if untyped {
        if header::count(head, "MIME-Version") == 0 {
            out.extend_from_slice(b"MIME-Version: 1.0\r\n");
        }
        let charset = if std::str::from_utf8(body).is_ok() { "utf-8" } else { "unknown-8bit" };
        out.extend_from_slice(format!("Content-Type: text/plain; charset={charset}\r\n").as_bytes());
    }
    out.extend_from_slice(format!("Content-Transfer-Encoding: {encoding}\r\n").as_bytes());
    out
}

/// The boundary parameter of a Content-Type value.
fn boundary(content_type: &str) -> Option<String> {
    let lower = content_type.to_ascii_lowercase();
    let at = lower.match_indices("boundary").find(|(at, _)| {
        lower[..*at].trim_end().ends_with(';') && lower[at + "boundary".len()..].trim_start().starts_with('=')
    })?;
    let value = content_type[at.0..].split_once('=')?.1.trim_start();
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([';', ' ', '\t']).next()?,
    };
    (!value.is_empty()).then(|| value.to_owned())
}

/// Re-encodes what stands between the delimiters; preamble and epilogue, which nobody reads, lose their eighth bit.
fn encode_multipart(body: &[u8], boundary: &str, depth: u32) -> Vec<u8> {
    let delimiter = format!("--{boundary}");
    let (mut out, mut part, mut inside) = (Vec::with_capacity(body.len() + body.len() / 8), 0..0, false);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let here = part.end;
        part.end += line.len();
        if line.starts_with(delimiter.as_bytes())
            && line[delimiter.len()..].trim_ascii().iter().all(|byte| *byte == b'-')
        {
            push_part(&mut out, &body[part.start..here], inside, depth);
            out.extend_from_slice(line);
            inside = !line[delimiter.len()..].starts_with(b"--");
            part.start = part.end;
        }
    }
    push_part(&mut out, &body[part.start..], inside, depth);
    out
}

fn push_part(out: &mut Vec<u8>, part: &[u8], inside: bool, depth: u32) {
    if inside {
        out.extend_from_slice(&encode_part(part, depth + 1));
    } else {
        out.extend(part.iter().map(|byte| if byte.is_ascii() { *byte } else { b'?' }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(message: &str) -> String {
        String::from_utf8(encode(message.as_bytes()).into_owned()).unwrap()
    }

    #[test]
    fn what_is_narrow_stays_as_it_is() {
        let message = b"Subject: x\r\n\r\nplain\r\n";
        assert!(matches!(encode(message), Cow::Borrowed(_)));
        let already = "Content-Transfer-Encoding: base64\r\n\r\n\u{e4}\r\n";
        assert_eq!(encoded(already), already);
    }

    #[test]
    fn text_without_mime_is_declared_and_encoded() {
        assert_eq!(
            encoded("Subject: x\r\n\r\nGrüße\r\n"),
            "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
             Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=C3=BC=C3=9Fe\r\n"
        );
        let latin = encode(b"A: b\r\n\r\n\xe4\r\n").into_owned();
        assert!(String::from_utf8(latin).unwrap().contains("charset=unknown-8bit"));
    }

    #[test]
    fn a_nul_is_encoded() {
        assert!(encoded("Subject: x\r\n\r\na\0b\r\n").ends_with("\r\n\r\na=00b\r\n"));
    }

    #[test]
    fn only_the_wide_leaves_of_a_multipart_change() {
        let message = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"b b\"\r\n\r\n\
                       --b b\r\n\r\nascii\r\n\
                       --b b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nä\r\n\
                       --b b--\r\n";
        let expected = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"b b\"\r\n\
                        Content-Transfer-Encoding: 7bit\r\n\r\n\
                        --b b\r\n\r\nascii\r\n\
                        --b b\r\nContent-Type: text/plain; charset=utf-8\r\n\
                        Content-Transfer-Encoding: quoted-printable\r\n\r\n=C3=A4\r\n\
                        --b b--\r\n";
        assert_eq!(encoded(message), expected);
    }

    #[test]
    fn long_lines_are_broken_softly() {
        let out = encoded(&format!("A: b\r\n\r\n{}\r\n", "x".repeat(2_000)));
        assert!(out.lines().all(|line| line.len() <= 76));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut message = String::new();
        for level in 0..10_000 {
            message.push_str(&format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n"));
        }
        message.push('ä');
        assert!(!encode(message.as_bytes()).is_empty());
    }
}
