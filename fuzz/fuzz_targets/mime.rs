//! A message of a stranger: the same shape however it is cut, parts that lie inside it, answers that a client can read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::portions;
use rohrpost_mail::mime::{Scanner, Scope, SectionKind, Shape, Texts, decode_words, file_name, limits};

fuzz_target!(|message: &[u8]| {
    let shape = scan([message].into_iter());
    assert_eq!(shape, scan(portions(message)));
    assert_eq!(Shape::from_bytes(shape.to_bytes()).as_ref(), Ok(&shape));
    assert_eq!(shape.octets(), message.len() as u64);
    for printed in [shape.envelope(), shape.structure(), shape.body()] {
        assert_eq!(after_list(printed), Some(&b""[..]), "{}", String::from_utf8_lossy(printed));
    }
    assert!(shape.preview().chars().count() <= limits::PREVIEW_CHARS_MAX);
    assert!(!shape.preview().contains(char::is_control));
    check_sections(&shape, message);
    assert_eq!(texts(&shape, [message].into_iter()), texts(&shape, portions(message)));
    let _ = decode_words(message);
    // Octets that were never a shape are none, or one that can be read.
    if let Ok(other) = Shape::from_bytes(bytes::Bytes::copy_from_slice(message)) {
        let _ = (other.sent_on(), other.sections().count(), other.references().count(), other.preview());
    }
});

fn scan<'a>(portions: impl Iterator<Item = &'a [u8]>) -> Shape {
    let mut scanner = Scanner::new();
    portions.for_each(|portion| scanner.push(portion));
    scanner.finish()
}

fn texts<'a>(shape: &Shape, portions: impl Iterator<Item = &'a [u8]>) -> String {
    let (mut texts, mut out) = (Texts::new(shape, Scope::Whole), String::new());
    portions.for_each(|portion| texts.push(portion, &mut out));
    texts.finish(&mut out);
    out
}

fn check_sections(shape: &Shape, message: &[u8]) {
    let mut count = 0;
    for section in shape.sections() {
        count += 1;
        assert!(section.header.start <= section.header.end && section.header.end == section.body.start);
        assert!(section.body.start <= section.body.end && section.body.end <= shape.octets());
        assert_eq!(section.message().is_some(), section.kind == SectionKind::Message);
        assert_eq!(shape.section(&section.path).as_ref(), Some(&section), "no number comes twice");
        let _ = file_name(&message[section.header.start as usize..section.header.end as usize]);
    }
    assert!((1..=limits::PARTS_MAX + 2).contains(&count));
}

/// What follows a list in parentheses, read as a client reads it; none if it is no list.
fn after_list(octets: &[u8]) -> Option<&[u8]> {
    let (mut rest, mut depth) = (octets, 0);
    loop {
        let (first, behind) = rest.split_first()?;
        rest = match first {
            b'(' => {
                depth += 1;
                behind
            }
            b')' if depth == 1 => return Some(behind),
            b')' => {
                depth -= 1;
                behind
            }
            b'"' => after_quoted(behind)?,
            b'{' => after_literal(behind)?,
            b' ' | b'0'..=b'9' => behind,
            b'N' => behind.strip_prefix(b"IL")?,
            _ => return None,
        };
    }
}

fn after_quoted(octets: &[u8]) -> Option<&[u8]> {
    let mut rest = octets;
    loop {
        let (first, behind) = rest.split_first()?;
        rest = match first {
            b'"' => return Some(behind),
            b'\\' => behind.strip_prefix(b"\"").or(behind.strip_prefix(b"\\"))?,
            0 | b'\r' | b'\n' | 128.. => return None,
            _ => behind,
        };
    }
}

fn after_literal(octets: &[u8]) -> Option<&[u8]> {
    let end = octets.iter().position(|octet| *octet == b'}')?;
    let count: usize = std::str::from_utf8(&octets[..end]).ok()?.parse().ok()?;
    let (literal, rest) = octets[end + 1..].strip_prefix(b"\r\n")?.split_at_checked(count)?;
    (!literal.contains(&0)).then_some(rest)
}
