use std::io::Cursor;

use super::*;

const FROM: &str = "From ann@here.test Sun Nov 22 10:00:00 2026\n";

/// Texts in canonical form with their flags.
fn read(file: &str) -> Vec<(String, Vec<String>)> {
    let mut mbox = Mbox::new(Cursor::new(file.as_bytes().to_vec())).unwrap();
    let mut found = Vec::new();
    while let Some(mut mail) = mbox.next().unwrap() {
        assert!(file[usize::try_from(mail.offset).unwrap()..].starts_with("From "));
        if mail.what == What::Mail {
            let text = String::from_utf8(mail.letter.piece(u64::MAX).unwrap()).unwrap();
            found.push((text, mail.marks.names()));
        }
    }
    assert_eq!(mbox.position(), file.len() as u64);
    found
}

fn texts(file: &str) -> Vec<String> {
    read(file).into_iter().map(|(text, _)| text).collect()
}

#[test]
fn messages_are_divided_by_from_lines_behind_empty_lines() {
    let file =
        format!("{FROM}Subject: 1\n\nOne\n\n{FROM}Subject: 2\n\n{FROM}Subject: 3\n\nThree\nFrom you\n\nFrom me\n\n");
    let wanted =
        ["Subject: 1\r\n\r\nOne\r\n", "Subject: 2\r\n\r\n", "Subject: 3\r\n\r\nThree\r\nFrom you\r\n\r\nFrom me\r\n"];
    assert_eq!(texts(&file), wanted);
    assert_eq!(texts(&file.replace('\n', "\r\n")), wanted);
}

#[test]
fn one_quotation_mark_is_taken_away() {
    let file = format!("{FROM}A: 1\n\n>From one\n>>From two\n> From three\n");
    assert_eq!(texts(&file), ["A: 1\r\n\r\nFrom one\r\n>From two\r\n> From three\r\n"]);
}

#[test]
fn a_content_length_is_believed_where_the_next_message_is_just_there() {
    let text = format!("One\n\n{FROM}>From two\n");
    let file = format!("{FROM}Content-Length: {}\nA: 1\n\n{text}\n{FROM}A: 2\n\nTwo\n", text.len());
    let inner = text.replace('\n', "\r\n");
    assert_eq!(texts(&file), [format!("A: 1\r\n\r\n{inner}"), "A: 2\r\n\r\nTwo\r\n".to_owned()]);
}

#[test]
fn a_quoted_text_with_a_content_length_loses_its_quotation_marks() {
    let file = format!("{FROM}Content-Length: 14\n\nOne\n>From two\n\n{FROM}\n");
    assert_eq!(texts(&file), ["\r\nOne\r\nFrom two\r\n", "\r\n"]);
}

#[test]
fn a_content_length_that_leads_nowhere_is_not_believed() {
    for length in ["3", "5", "400", "18446744073709551615", "9223372036854775807", "-1", "x"] {
        let file = format!("{FROM}Content-Length: {length}\nA: 1\n\nOne\n\n{FROM}A: 2\n\nTwo\n");
        assert_eq!(texts(&file), ["A: 1\r\n\r\nOne\r\n", "A: 2\r\n\r\nTwo\r\n"], "{length}");
    }
}

#[test]
fn fields_of_the_file_become_flags_and_go() {
    let fields =
        "Status: RO\nX-Status: AF\nSubject: x\nX-Keywords: $Label1\n  work   \nX-UID: 7\nX-Mozilla-Status: 1001\n";
    let file = format!("{FROM}{fields}\nOne\n");
    let flags = ["$Forwarded", "$Label1", "\\Answered", "\\Flagged", "\\Seen", "work"].map(str::to_owned);
    assert_eq!(read(&file), [("Subject: x\r\n\r\nOne\r\n".to_owned(), flags.to_vec())]);
}

#[test]
fn what_is_no_mail_is_passed_over() {
    let note = "Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA\n";
    let file = format!("{FROM}{note}\nx\n\n{FROM}X-Mozilla-Status: 0009\n\ngone\n\n{FROM}A: 1\n\nOne\n");
    assert_eq!(texts(&file), ["A: 1\r\n\r\nOne\r\n"]);
    let mut mbox = Mbox::new(Cursor::new(file.into_bytes())).unwrap();
    let kinds: Vec<_> = std::iter::from_fn(|| mbox.next().unwrap()).map(|mail| mail.what).collect();
    assert_eq!(kinds, [What::Note, What::Deleted, What::Mail]);
}

#[test]
fn a_file_that_is_no_mbox_is_refused_and_an_empty_one_is_not() {
    let error = Mbox::new(Cursor::new(b"Hello\n".to_vec())).unwrap().next().err().unwrap();
    assert_eq!(error.to_string(), "octet 0: expected a line that begins with \"From \"");
    assert_eq!(texts(""), Vec::<String>::new());
    assert_eq!(texts("\n\n"), Vec::<String>::new());
}

#[test]
fn a_line_whose_date_cannot_be_is_text_and_told_where_a_header_follows() {
    let doubtful = |line: &str| {
        let file = format!("{FROM}A: 1\n\nOne\n\n{line}\nSubject: 2\n\nTwo\n");
        let mut mbox = Mbox::new(Cursor::new(file.into_bytes())).unwrap();
        let mail = mbox.next().unwrap().unwrap();
        assert_eq!(mail.doubtful.is_empty(), mbox.next().unwrap().is_some());
        mail.doubtful
    };
    assert!(doubtful("From a@b.test Sun Nov 22 10:00:00 2026").is_empty());
    for line in ["From a@b.test Sun Nov 31 10:00:00 2026", "From a@b.test Sun Nov 22 10:00:00 26", "From a@b.test"] {
        assert_eq!(doubtful(line), [55], "{line}");
    }
    let file = format!("{FROM}A: 1\n\nFrom here on it is prose\nand no header.\n");
    assert!(Mbox::new(Cursor::new(file.into_bytes())).unwrap().next().unwrap().unwrap().doubtful.is_empty());
    let file = format!("{FROM}\n{}", "\nFrom a@b\nX: y\n".repeat(2 * DOUBTFUL_LINES_MAX));
    let mail = Mbox::new(Cursor::new(file.into_bytes())).unwrap().next().unwrap().unwrap();
    assert_eq!(mail.doubtful.len(), DOUBTFUL_LINES_MAX);
}

#[test]
fn a_compressed_file_says_with_what() {
    let mut mbox = Mbox::new(Cursor::new(b"\x1f\x8b\x08\0...".to_vec())).unwrap();
    let why = mbox.next().err().unwrap().to_string();
    assert_eq!(why, "compressed: `gzip -dc FILE | rohrpost import mbox - --folder NAME` reads it");
}

#[test]
fn lines_and_headers_of_any_length_are_read() {
    let long = "x".repeat(3 * LINE_BYTES_MAX);
    let file = format!("From {long}\nA: {long}\n\n{long}From \n>From {long}\n\n{FROM}\n");
    assert_eq!(texts(&file), [format!("A: {long}\r\n\r\n{long}From \r\nFrom {long}\r\n"), "\r\n".to_owned()]);
    let header = "B: 1\n".repeat(HEADER_BYTES_MAX);
    assert_eq!(texts(&format!("{FROM}{header}\nx\n{FROM}")).len(), 1);
}
