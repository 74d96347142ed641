//! Mails as programs make them: an independent reader finds what was put in, and nothing that was not.
//!
//! The first line of the input stands wherever people's words do, all of it is the text and the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mail_parser::{Address as Seen, MessageParser, MimeHeaders};
use rohrpost_fuzz::assert_crlf_only;
use rohrpost_mail::address_list::{Address, NameAddr};
use rohrpost_mail::compose::{ContentType, Disposition, FieldName, Fields, Multipart, Part, Piece, name, pieces};
use rohrpost_mail::encode::base64_lines;
use rohrpost_mail::{HeaderText, Mailbox, header};

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    let Ok(words) = HeaderText::new(text.lines().next().unwrap_or_default()) else { return };
    let message = written(&fields(&words), body(&words, &text, octets));
    assert!(message.is_ascii());
    assert_crlf_only(&message);
    assert!(message.split(|octet| *octet == b'\n').all(|line| line.len() <= 999), "RFC 5322 §2.1.1");

    let names: Vec<&[u8]> = header::fields(header::split(&message).0).map(|field| field.name).collect();
    let expected = ["Subject", "To", "Cc", "X-Note", "MIME-Version", "Content-Type"];
    assert_eq!(names, expected.map(str::as_bytes));

    let seen = MessageParser::default().parse(&message).expect("this is a message");
    assert_eq!(addresses(seen.to()), ["bob@there.test"]);
    assert_eq!(addresses(seen.cc()), ["cy@there.test", "dan@there.test"]);
    let file = seen.attachment(0).expect("there is a file");
    assert_eq!((seen.attachment_count(), file.contents()), (1, octets));
    assert_eq!(blanks(file.attachment_name().unwrap_or_default()), blanks(words.as_str()));
    let letter = seen.body_text(0).expect("there is a text");
    assert_eq!(lines(&letter), lines(&text));
    // Readers may take several blanks for one.
    assert_eq!(blanks(seen.subject().unwrap_or_default()), blanks(words.as_str()));
});

fn fields(words: &HeaderText) -> Fields {
    let person = |name: Option<HeaderText>, address: &str| NameAddr { name, mailbox: mailbox(address) };
    let cy = Address::Group { name: words.clone(), members: vec![person(Some(words.clone()), "cy@there.test")] };
    let dan = Address::Single(person(Some(words.clone()), "dan@there.test"));
    let mut fields = Fields::default();
    fields.text(&name::SUBJECT, words);
    fields.addresses(&name::TO, &[Address::Single(person(Some(words.clone()), "bob@there.test"))]);
    fields.addresses(&name::CC, &[cy, dan]);
    fields.text(&FieldName::known("X-Note"), words);
    fields
}

fn mailbox(address: &str) -> Mailbox {
    Mailbox::parse(address).expect("an address")
}

fn body<'a>(words: &HeaderText, text: &str, octets: &'a [u8]) -> Part<&'a [u8]> {
    let file = Part::File {
        content_type: ContentType::octets(),
        disposition: Disposition::Attachment,
        name: Some(words.clone()),
        data: octets,
    };
    Part::several(Multipart::Mixed, vec![Part::plain(text), file])
}

fn written(fields: &Fields, body: Part<&[u8]>) -> Vec<u8> {
    let octets = pieces(fields, body).into_iter().map(|piece| match piece {
        Piece::Written(written) => written,
        Piece::Base64(data) => base64_lines(data).into_bytes(),
    });
    octets.collect::<Vec<_>>().concat()
}

fn addresses<'a>(list: Option<&'a Seen<'_>>) -> Vec<&'a str> {
    list.into_iter().flat_map(Seen::iter).filter_map(|seen| seen.address()).collect()
}

fn blanks(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// The lines of a text, however they end; an end of the text without one is no difference.
fn lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.strip_suffix('\n').unwrap_or(&text).to_owned()
}
