//! An independent reader sees in the corpus of messages what we see.

use std::{collections::BTreeSet, path::PathBuf};

use mail_parser::{Address, HeaderValue, Message, MessageParser, MimeHeaders, PartType};
use rohrpost_mail::header;
use rohrpost_mail::mime::{Scanner, Section, SectionKind, Shape, TextDecoder, decode_words, file_name, transfer};

/// The messages of the corpus that the fuzzer starts from, with the line ends of mail.
fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/mime");
    let read = |path: PathBuf| {
        let octets = std::fs::read(&path).unwrap();
        let lines: Vec<&[u8]> = octets.split(|octet| *octet == b'\n').collect();
        (path.file_name().unwrap().to_str().unwrap().to_owned(), lines.join(&b"\r\n"[..]))
    };
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

/// Those that are as the standards want them, and that one reader cannot take otherwise than another.
fn sound() -> Vec<(String, Vec<u8>)> {
    let sound: Vec<_> = corpus().into_iter().filter(|(name, _)| !name.starts_with("broken")).collect();
    assert!(sound.len() >= 6, "the corpus is there");
    sound
}

fn shape(message: &[u8]) -> Shape {
    let mut scanner = Scanner::new();
    message.chunks(64).for_each(|piece| scanner.push(piece));
    scanner.finish()
}

/// A part that holds no others: the name of its file, and what is in it.
type Leaf = (Option<String>, Vec<u8>);

fn ours(shape: &Shape, message: &[u8]) -> Vec<Leaf> {
    let is_leaf = |section: &Section<'_>| !matches!(section.kind, SectionKind::Multipart | SectionKind::Message);
    let slice = |range: &std::ops::Range<u64>| {
        &message[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]
    };
    let leaf = |section: Section<'_>| (file_name(slice(&section.header)), content(&section, slice(&section.body)));
    shape.sections().filter(is_leaf).map(leaf).collect()
}

fn content(section: &Section<'_>, body: &[u8]) -> Vec<u8> {
    if section.kind == SectionKind::Plain {
        let (mut decoder, mut text) = (TextDecoder::new(section).unwrap(), String::new());
        body.chunks(3).for_each(|piece| decoder.push(piece, &mut text));
        decoder.finish(&mut text);
        return text.trim_end().as_bytes().to_vec();
    }
    let (mut decoder, mut octets) = (transfer::Decoder::new(section.encoding), Vec::new());
    body.chunks(3).for_each(|piece| decoder.push(piece, &mut octets));
    decoder.finish(&mut octets);
    octets.trim_ascii_end().to_vec()
}

fn theirs(message: &Message<'_>) -> Vec<Leaf> {
    let mut found = Vec::new();
    for part in &message.parts {
        match &part.body {
            PartType::Multipart(_) => {}
            PartType::Message(inner) => found.extend(theirs(inner)),
            _ => found.push((part.attachment_name().map(str::to_owned), part.contents().trim_ascii_end().to_vec())),
        }
    }
    found
}

#[test]
fn another_reader_finds_the_same_parts() {
    for (name, message) in sound() {
        let theirs = theirs(&MessageParser::default().parse(&message).unwrap());
        assert_eq!(ours(&shape(&message), &message), theirs, "{name}");
    }
}

#[test]
fn another_reader_finds_the_same_subject_date_and_id() {
    for (name, message) in sound() {
        let (shape, seen) = (shape(&message), MessageParser::default().parse(&message).unwrap());
        let subject = header::fields(shape.header()).find(|field| field.is("Subject")).unwrap().value;
        assert_eq!(decode_words(subject).trim(), seen.subject().unwrap(), "{name}");
        assert_eq!(shape.sent().unwrap().as_second(), seen.date().unwrap().to_timestamp(), "{name}");
        // The other one leaves needless quotes in it.
        assert_eq!(shape.message_id(), seen.message_id().unwrap().replace('"', ""), "{name}");
        let references = match seen.references() {
            HeaderValue::Empty => Vec::new(),
            HeaderValue::Text(id) => vec![id.to_string()],
            several => several.as_text_list().unwrap().iter().map(ToString::to_string).collect(),
        };
        assert_eq!(shape.references().collect::<Vec<_>>(), references, "{name}");
    }
}

#[test]
fn another_reader_finds_the_same_addresses() {
    for (name, message) in sound() {
        let (shape, seen) = (shape(&message), MessageParser::default().parse(&message).unwrap());
        let fields = [seen.from(), seen.sender(), seen.reply_to(), seen.to(), seen.cc()];
        let theirs = fields.into_iter().flatten().flat_map(Address::iter).filter_map(|address| address.address());
        let theirs: BTreeSet<String> = theirs.map(str::to_owned).collect();
        assert_eq!(addresses(&String::from_utf8_lossy(shape.envelope())), theirs, "{name}");
    }
}

/// Those of an envelope: each ends in a local part and a host. Behind the last one come the ids.
fn addresses(envelope: &str) -> BTreeSet<String> {
    let end = |piece: &str| {
        let mut strings = piece.rsplit(" \"");
        let (host, local) = (strings.next()?.strip_suffix('"')?, strings.next()?.strip_suffix('"')?);
        Some(format!("{local}@{host}"))
    };
    let ends: Vec<&str> = envelope.split(')').collect();
    ends[..ends.len() - 2].iter().filter_map(|piece| end(piece)).collect()
}

#[test]
fn what_is_broken_is_read_in_some_way() {
    for (name, message) in corpus() {
        let shape = shape(&message);
        assert!(shape.sections().count() > 0, "{name}");
        assert!(shape.envelope().starts_with(b"(") && shape.structure().ends_with(b")"), "{name}");
    }
}
