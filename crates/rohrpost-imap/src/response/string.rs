//! Strings: which of the three forms, and how it is written.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use crate::{command, sequence::push_number};

/// Strings of this length and more are literals: no program has trouble with them, and some have with long quoted ones.
const QUOTED_OCTETS_MAX: usize = 1_024;

/// Writes an `astring`: as an atom where it can be one, else as [`string`].
pub fn astring(out: &mut Vec<u8>, octets: &[u8], utf8: bool) {
    let is_nil = octets.eq_ignore_ascii_case(b"NIL");
    if !octets.is_empty() && !is_nil && octets.iter().all(|octet| command::is_astring_octet(*octet)) {
        out.extend_from_slice(octets);
    } else {
        string(out, octets, utf8);
    }
}

/// Writes a `string`: quoted where that can hold it, else as a literal. `utf8` says whether quoted strings may be UTF-8
/// (RFC 9051 §4.3); octets that are not UTF-8, CR, LF and NUL are never quoted.
pub fn string(out: &mut Vec<u8>, octets: &[u8], utf8: bool) {
    let plain = octets.iter().all(|octet| !matches!(octet, 0 | b'\r' | b'\n') && octet.is_ascii());
    let good = plain || utf8 && !octets.iter().any(|octet| matches!(octet, 0 | b'\r' | b'\n')) && is_utf8(octets);
    if good && octets.len() <= QUOTED_OCTETS_MAX {
        quote(out, octets);
    } else {
        literal_head(out, octets.len() as u64);
        out.extend_from_slice(octets);
    }
}

/// Writes an `nstring`: NIL or [`string`].
pub fn nstring(out: &mut Vec<u8>, octets: Option<&[u8]>, utf8: bool) {
    match octets {
        Some(octets) => string(out, octets, utf8),
        None => out.extend_from_slice(b"NIL"),
    }
}

/// Writes a quoted string of words of ours: no CR, LF or NUL is in it.
pub fn quoted(out: &mut Vec<u8>, text: &str) {
    debug_assert!(!text.contains(['\0', '\r', '\n']), "not a text that can be quoted");
    quote(out, text.as_bytes());
}

/// Writes the head of a literal: `{12}` and CRLF. So many octets must follow.
pub fn literal_head(out: &mut Vec<u8>, octets: u64) {
    out.push(b'{');
    push_number(out, octets);
    out.extend_from_slice(b"}\r\n");
}

/// Writes a `date-time` in UTC, with its quotes: `"22-Nov-2026 10:00:00 +0000"`.
pub fn date_time(out: &mut Vec<u8>, at: Timestamp) {
    let at: Zoned = at.to_zoned(TimeZone::UTC);
    out.push(b'"');
    // `date-day-fixed`: a blank stands for a leading zero.
    match at.day() {
        day @ 1..=9 => out.extend_from_slice(&[b' ', b'0' + day.unsigned_abs()]),
        day => push_number(out, day.unsigned_abs().into()),
    }
    out.push(b'-');
    out.extend_from_slice(month(at.month()).as_bytes());
    out.push(b'-');
    push_padded(out, at.year().unsigned_abs(), 4);
    for (before, number) in [(b' ', at.hour()), (b':', at.minute()), (b':', at.second())] {
        out.push(before);
        push_padded(out, number.unsigned_abs().into(), 2);
    }
    out.extend_from_slice(b" +0000\"");
}

/// The three letters of a month, counted from 1.
pub(crate) fn month(number: i8) -> &'static str {
    MONTHS[usize::from(number.unsigned_abs()).saturating_sub(1) % 12]
}

/// The months in IMAP's spelling (RFC 9051 §9, `date-month`).
pub(crate) const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// With zeros in front up to so many digits.
fn push_padded(out: &mut Vec<u8>, number: u16, digits: u32) {
    let mut place = 10_u16.pow(digits - 1);
    while place > 1 && number < place {
        out.push(b'0');
        place /= 10;
    }
    push_number(out, number.into());
}

fn quote(out: &mut Vec<u8>, octets: &[u8]) {
    out.push(b'"');
    let mut rest = octets;
    while let Some(place) = memchr::memchr2(b'"', b'\\', rest) {
        out.extend_from_slice(&rest[..place]);
        out.extend_from_slice(&[b'\\', rest[place]]);
        rest = &rest[place + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn is_utf8(octets: &[u8]) -> bool {
    std::str::from_utf8(octets).is_ok()
}
