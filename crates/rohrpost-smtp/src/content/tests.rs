use proptest::{collection::vec, prelude::*, sample::select};

use super::*;
use crate::data;

/// What the standard says, as plainly as it can be written: end mark and octets behind it, dots, line ends.
fn by_the_book(raw: &[u8]) -> Option<(Vec<u8>, usize)> {
    let lead = [b"\r\n", raw].concat();
    let end = lead.windows(5).position(|window| window == b"\r\n.\r\n")?;
    let mut unstuffed = Vec::new();
    let mut at_line_start = true;
    for (n, octet) in raw[..end].iter().enumerate() {
        if !(at_line_start && *octet == b'.') {
            unstuffed.push(*octet);
        }
        at_line_start = *octet == b'\n' && n > 0 && raw[n - 1] == b'\r';
    }
    Some((one_line_end(&unstuffed), end + 3))
}

/// CR* LF, CR and LF become CRLF.
fn one_line_end(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(octet) = rest.first() {
        let crs = rest.iter().take_while(|octet| **octet == b'\r').count();
        let (taken, meaning): (usize, &[u8]) = match (octet, rest.get(crs)) {
            (b'\r' | b'\n', Some(b'\n')) => (crs + 1, b"\r\n"),
            (b'\r', _) => (1, b"\r\n"),
            (octet, _) => (1, std::slice::from_ref(octet)),
        };
        out.extend_from_slice(meaning);
        rest = &rest[taken..];
    }
    out
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = select(vec!["\r\n", "\r", "\n", ".", "x", "A: b", "\r\n.\r\n", "\r\n.", ".\r", " "]);
    vec(piece, 0..40).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn the_reader_reads_by_the_book(raw in pieces(), size in 1_usize..20) {
        let raw = [&raw[..], b"\r\n.\r\n", b"MAIL FROM:<>\r\n"].concat();
        let (body, taken) = by_the_book(&raw).unwrap();

        let read = data::Reader::new(1_000_000).read(&raw);
        prop_assert!(read.ended);
        prop_assert_eq!(read.taken, taken);
        prop_assert_eq!(&read.body[..], &body[..]);

        let mut reader = data::Reader::new(1_000_000);
        let (mut joined, mut count) = (Vec::new(), 0);
        for part in raw.chunks(size) {
            let read = reader.read(part);
            joined.extend_from_slice(&read.body);
            count += read.taken;
            if read.ended {
                break;
            }
        }
        prop_assert_eq!(reader.octets(), joined.len() as u64);
        prop_assert_eq!((joined, count), (body, taken));
    }
}

fn error_of(message: &[u8]) -> Option<ContentError> {
    let mut reader = data::Reader::new(10_000_000);
    for part in message.chunks(1_000) {
        reader.read(part);
    }
    reader.error()
}

#[test]
fn the_limits_are_where_they_are_said_to_be() {
    let line = |octets| [b"A: b\r\n\r\n", vec![b'x'; octets].as_slice(), b"\r\n"].concat();
    assert_eq!(error_of(&line(TEXT_LINE_BYTES_MAX)), None);
    assert_eq!(error_of(&line(TEXT_LINE_BYTES_MAX + 1)), Some(ContentError::LineTooLong));

    let fields = |count| "A: b\r\n".repeat(count) + "\r\n";
    assert_eq!(error_of(fields(HEADER_FIELDS_MAX).as_bytes()), None);
    assert_eq!(error_of(fields(HEADER_FIELDS_MAX + 1).as_bytes()), Some(ContentError::TooManyFields));

    let header = |octets: usize| format!("A: {}\r\n\r\n", " x\r\n".repeat((octets - 5) / 4));
    assert_eq!(error_of(header(HEADER_BYTES_MAX).as_bytes()), None);
    assert_eq!(error_of(header(HEADER_BYTES_MAX + 8).as_bytes()), Some(ContentError::HeaderTooLong));

    let mut exact = data::Reader::new(10);
    assert_eq!(&exact.read(b"12345678\r\n.\r\n").body[..], b"12345678\r\n");
    assert_eq!(exact.error(), None);
    let mut above = data::Reader::new(9);
    assert!(above.read(b"12345678\r\n.\r\n").ended);
    assert_eq!(above.error(), Some(ContentError::TooLarge { size_max: 9 }));
}

#[test]
fn a_text_without_header_has_no_header_to_be_too_large() {
    let log = "2026-11-22 something happened\r\n".repeat(20_000);
    assert_eq!(error_of(log.as_bytes()), None);
    assert_eq!(error_of(format!("A: b\r\n{log}").as_bytes()), None);
    assert_eq!(error_of(format!("\r\n{}", "A: b\r\n".repeat(2_000)).as_bytes()), None);
    assert_eq!(error_of(format!(":\r\n{}", "A: b\r\n".repeat(2_000)).as_bytes()), None);
}

#[test]
fn the_header_ends_where_the_rest_of_the_house_says_it_ends() {
    for first in
        ["A: b\r\n c\r\n", "A \t: b\r\n", "A\r\n", " fold\r\n", "A b: c\r\n", "\u{e4}: c\r\n", ": x\r\n", "A:\r\n"]
    {
        let message = format!("{first}{}\r\nbody", "X: y\r\n".repeat(HEADER_FIELDS_MAX));
        let (header, _) = rohrpost_mail::header::split(message.as_bytes());
        let too_many = rohrpost_mail::header::fields(header).count() > HEADER_FIELDS_MAX;
        assert_eq!(error_of(message.as_bytes()).is_some(), too_many, "{first:?}");
    }
}

#[test]
fn after_an_error_nothing_is_handed_out_but_the_end_is_found() {
    let mut reader = data::Reader::new(1_000);
    assert_eq!(&reader.read(b"A: b\r\nbefore\0behind").body[..], b"A: b\r\nbefore");
    let read = reader.read(b"more\r\n.\r\nQUIT\r\n");
    assert_eq!((read.taken, read.body.len(), read.ended), (9, 0, true));
}
