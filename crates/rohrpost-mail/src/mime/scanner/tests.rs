//! What the scanner finds, and that nothing it is fed can hurt it.

use bytes::Bytes;

use super::*;
use crate::mime::{Encoding, Scope, ShapeError, Texts};

/// The shape of a message, however it is cut.
fn scan(message: &[u8]) -> Shape {
    let run = |size: usize| {
        let mut scanner = Scanner::new();
        message.chunks(size).for_each(|piece| scanner.push(piece));
        scanner.finish()
    };
    let whole = run(message.len().max(1));
    for size in [1, 7, 1_000].into_iter().filter(|size| message.len() / size < 100_000) {
        assert!(run(size) == whole, "pieces of {size} make a difference");
    }
    assert_eq!(Shape::from_bytes(whole.to_bytes()).as_ref(), Ok(&whole));
    assert_eq!(whole.octets(), message.len() as u64);
    whole
}

fn crlf(message: &str) -> Vec<u8> {
    message.replace('\n', "\r\n").into_bytes()
}

fn structure(shape: &Shape) -> &str {
    std::str::from_utf8(shape.structure()).unwrap()
}

/// What `BODY[path]` is.
fn body<'a>(shape: &Shape, message: &'a [u8], path: &[u32]) -> &'a str {
    let body = shape.section(path).unwrap_or_else(|| panic!("there is no part {path:?}")).body;
    text(message, body)
}

fn text(message: &[u8], range: std::ops::Range<u64>) -> &str {
    std::str::from_utf8(&message[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()]).unwrap()
}

fn words(shape: &Shape, message: &[u8]) -> String {
    read(shape, message, Scope::Body)
}

fn read(shape: &Shape, message: &[u8], scope: Scope) -> String {
    let (mut texts, mut out) = (Texts::new(shape, scope), String::new());
    message.chunks(5).for_each(|piece| texts.push(piece, &mut out));
    texts.finish(&mut out);
    out
}

const NESTED: &str = "\
From: ann@here.test
Subject: Re: [list] parts
MIME-Version: 1.0
Date: Sun, 22 Nov 2026 00:30:00 +0100
Message-ID: <3@here.test>
References: <1@here.test> <2@here.test>
Content-Type: multipart/mixed; boundary=\"out er\"
Content-Language: de, en

preamble
--out er
Content-Type: multipart/alternative; boundary=in

--in

plain words
--in
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<p>page=C3=A4</p>
--in--
--out er
Content-Type: message/rfc822
Content-Description: forwarded

From: bob@there.test
Subject: inner
Content-Type: multipart/mixed; boundary=deep

--deep
Content-Type: text/x-log; name=a.log

one
two

--deep--
--out er
Content-Type: application/pdf; name=\"a.pdf\"
Content-Transfer-Encoding: base64
Content-ID: <id@here.test>
Content-MD5: Q2hlY2s=
Content-Location: http://x.test/
Content-Disposition: attachment; filename=\"a.pdf\"; size=3

AQID
--out er--
epilogue
--out er
";

#[test]
fn a_message_is_taken_apart_as_clients_count() {
    let message = crlf(NESTED);
    let shape = scan(&message);
    let paths: Vec<_> = shape.sections().map(|section| section.path).collect();
    let expected: [&[u32]; 7] = [&[1], &[1, 1], &[1, 2], &[2], &[2, 1], &[3], &[]];
    assert_eq!(paths, expected[..6]);
    assert_eq!(body(&shape, &message, &[1, 1]), "plain words");
    assert_eq!(body(&shape, &message, &[1, 2]), "<p>page=C3=A4</p>");
    assert_eq!(body(&shape, &message, &[2, 1]), "one\r\ntwo\r\n");
    assert_eq!(body(&shape, &message, &[3]), "AQID");

    let page = shape.section(&[1, 2]).unwrap();
    assert_eq!((page.kind, page.encoding, page.charset), (SectionKind::Html, Encoding::QuotedPrintable, "utf-8"));
    assert!(text(&message, page.header).starts_with("Content-Type: text/html"));

    let (header, inner) = shape.section(&[2]).unwrap().message().unwrap();
    assert!(text(&message, header.clone()).starts_with("From: bob") && text(&message, header).ends_with("\r\n\r\n"));
    assert!(text(&message, inner.clone()).starts_with("--deep") && text(&message, inner).ends_with("--deep--"));
    assert_eq!(words(&shape, &message), "plain words\npageä\none\r\ntwo\r\n\n");
}

#[test]
fn a_whole_message_is_read_with_all_headers_once() {
    let message = crlf(NESTED);
    let text = read(&scan(&message), &message, Scope::Whole);
    for once in ["Subject: Re: [list] parts", "Subject: inner", "name=a.log", "\na.pdf\n", "plain words", "pageä"] {
        assert_eq!(text.matches(once).count(), 1, "{once} in {text}");
    }
    assert!(!text.contains("AQID") && !text.contains("preamble"));

    let plain = b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nHello";
    assert_eq!(read(&scan(plain), plain, Scope::Whole), "Subject: Grüße\n\nHello\n");
}

#[test]
fn the_structure_is_what_rfc_9051_has() {
    let shape = scan(&crlf(NESTED));
    assert_eq!(
        structure(&shape),
        concat!(
            r#"((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 0 NIL NIL NIL NIL)"#,
            r#"("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 17 0 NIL NIL NIL NIL) "#,
            r#""alternative" ("boundary" "in") NIL NIL NIL)"#,
            r#"("message" "rfc822" NIL NIL "forwarded" "7bit" 154 "#,
            r#"(NIL "inner" ((NIL NIL "bob" "there.test")) ((NIL NIL "bob" "there.test")) "#,
            r#"((NIL NIL "bob" "there.test")) NIL NIL NIL NIL NIL) "#,
            r#"(("text" "x-log" ("name" "a.log") NIL NIL "7bit" 10 2 NIL NIL NIL NIL) "#,
            r#""mixed" ("boundary" "deep") NIL NIL NIL) 10 NIL NIL NIL NIL)"#,
            r#"("application" "pdf" ("name" "a.pdf") "<id@here.test>" NIL "base64" 4 "Q2hlY2s=" "#,
            r#"("attachment" ("filename" "a.pdf" "size" "3")) NIL "http://x.test/") "#,
            r#""mixed" ("boundary" "out er") NIL ("de" "en") NIL)"#,
        )
    );
    let body = std::str::from_utf8(shape.body()).unwrap();
    assert!(body.starts_with(r#"((("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 11 0)"#));
    assert!(body.ends_with(r#"("application" "pdf" ("name" "a.pdf") "<id@here.test>" NIL "base64" 4) "mixed")"#));
}

#[test]
fn what_lists_and_threads_want_is_there() {
    let shape = scan(&crlf(NESTED));
    assert_eq!(shape.sent().map(|at| at.to_string()).as_deref(), Some("2026-11-21T23:30:00Z"));
    assert_eq!(shape.sent_on(), Some(jiff::civil::date(2026, 11, 22)));
    assert_eq!((shape.subject_base(), shape.is_reply()), ("parts", true));
    assert_eq!(shape.message_id(), "3@here.test");
    assert_eq!(shape.references().collect::<Vec<_>>(), ["1@here.test", "2@here.test"]);
    assert_eq!(shape.preview(), "plain words");
    assert_eq!(shape.lines(), 40);
}

#[test]
fn a_plain_message_is_its_own_part_1() {
    let message = b"Subject: hi\r\n\r\nHello\r\nworld\r\n";
    let shape = scan(message);
    assert_eq!(shape.header(), b"Subject: hi\r\n\r\n");
    assert_eq!((shape.header_octets(), shape.lines()), (15, 2));
    assert_eq!(body(&shape, message, &[1]), "Hello\r\nworld\r\n");
    assert_eq!(shape.section(&[1]).unwrap().header, 0..15);
    assert_eq!(shape.section(&[]), None);
    assert_eq!(shape.section(&[1, 1]), None);
}

#[test]
fn a_message_may_be_nothing_but_another_one() {
    let message = b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nHello\r\n";
    let shape = scan(message);
    assert_eq!(shape.sections().map(|section| section.path).collect::<Vec<_>>(), [vec![1], vec![1, 1]]);
    assert_eq!(body(&shape, message, &[1, 1]), "Hello\r\n");
    assert!(structure(&shape).contains(r#"(NIL "inner" NIL"#));
}

#[test]
fn the_parts_of_a_digest_are_messages() {
    let message = crlf("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: one\n\ntext\n--b\n\n--b--\n");
    let shape = scan(&message);
    let kinds: Vec<_> = shape.sections().map(|section| (section.path, section.kind)).collect();
    let message_kind = SectionKind::Message;
    assert_eq!(
        kinds,
        [
            (vec![1], message_kind),
            (vec![1, 1], SectionKind::Plain),
            (vec![2], message_kind),
            (vec![2, 1], SectionKind::Plain)
        ]
    );
    assert!(structure(&shape).contains(r#"(NIL "one" NIL"#));
}

#[test]
fn line_ends_of_one_octet_are_line_ends() {
    let message = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b  \n\ntwo\n--b--\n";
    let shape = scan(message);
    assert_eq!((body(&shape, message, &[1]), body(&shape, message, &[2])), ("one", "two"));
}

#[test]
fn a_boundary_counts_for_its_own_multipart_alone() {
    let message = crlf(
        "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: multipart/mixed; boundary=aa\n\n--aa\n\ninner\n\
         --a\n\nouter\n--ab\n --a\n-- a\n--a--x\n",
    );
    let shape = scan(&message);
    assert_eq!(body(&shape, &message, &[1, 1]), "inner");
    assert_eq!(body(&shape, &message, &[2]), "outer\r\n--ab\r\n --a\r\n-- a\r\n--a--x\r\n");
}

#[test]
fn a_part_may_end_in_its_header() {
    let message = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n--b\n--b--");
    let shape = scan(&message);
    assert_eq!(body(&shape, &message, &[1]), "");
    assert_eq!(body(&shape, &message, &[1, 1]), "");
    assert_eq!(body(&shape, &message, &[2]), "");
    assert!(structure(&shape).contains("(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"));
}

#[test]
fn the_preview_is_short_and_of_the_best_text() {
    let page = crlf("Content-Type: text/html\n\n<style>p{}</style><p>Hi <b>there</b>&nbsp;&amp; bye</p>\n");
    assert_eq!(scan(&page).preview(), "Hi there & bye");
    let long = scan(format!("\r\n{}", "wörd \r\n".repeat(100)).as_bytes());
    assert_eq!(long.preview().chars().count(), 199);
    let both = "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\n\n<p>page\n--b\n\
                Content-Disposition: attachment\n\nattached\n--b\n\nplain\n--b--\n";
    assert_eq!(scan(&crlf(both)).preview(), "plain");
    let empty =
        "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n\n--b\nContent-Type: text/html\n\n<p>page\n--b--\n";
    assert_eq!(scan(&crlf(empty)).preview(), "page");
}

#[test]
fn h03_nested_ten_thousand_deep() {
    let mut message = "Content-Type: multipart/mixed; boundary=0\r\n\r\n".to_owned();
    for level in 0..10_000 {
        message += &format!("--{level}\r\nContent-Type: multipart/mixed; boundary={}\r\n\r\n", level + 1);
    }
    let shape = scan(message.as_bytes());
    let deepest = shape.sections().map(|section| section.path.len()).max();
    assert_eq!(deepest, Some(DEPTH_MAX));
    assert!(structure(&shape).contains("octet-stream"));

    let messages = "Content-Type: message/rfc822\r\n\r\n".repeat(10_000);
    assert_eq!(scan(messages.as_bytes()).sections().count(), DEPTH_MAX + 1);
}

#[test]
fn h03_too_many_parts() {
    let message =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}--b--\r\n", "--b\r\n\r\npart\r\n".repeat(5_000));
    let shape = scan(message.as_bytes());
    let sections: Vec<_> = shape.sections().collect();
    assert_eq!(sections.len(), PARTS_MAX - 1);
    assert_eq!(sections[0].body.end - sections[0].body.start, 4);
    assert_eq!(sections.last().unwrap().body.end, message.len() as u64);

    let digest = "Content-Type: multipart/digest; boundary=b\r\n\r\n".to_owned() + &"--b\r\n\r\n".repeat(2_000);
    assert!(scan(digest.as_bytes()).sections().count() <= PARTS_MAX + 1);
}

#[test]
fn h03_a_missing_boundary_and_one_of_a_megabyte() {
    for boundary in ["", "; boundary=", "; boundary=\"\"", "; boundary=never-seen"] {
        let message = format!("Content-Type: multipart/mixed{boundary}\r\n\r\n--x\r\n\r\ntext\r\n");
        let shape = scan(message.as_bytes());
        assert_eq!(body(&shape, message.as_bytes(), &[1]), "--x\r\n\r\ntext\r\n");
        assert!(structure(&shape).starts_with(r#"("text" "plain" "#), "{}", structure(&shape));
    }
    let long = "b".repeat(1 << 20);
    let message = format!("Content-Type: multipart/mixed; boundary={long}\r\n\r\n--{long}\r\n\r\ntext\r\n");
    let shape = scan(message.as_bytes());
    assert_eq!(shape.sections().count(), 1);
    assert!(shape.structure().len() < 1_000);
    assert!(shape.header().len() < usize::try_from(shape.header_octets()).unwrap());
}

#[test]
fn a_header_beyond_the_limits_is_cut_where_it_is_looked_at() {
    let message = format!("{}Subject: late\r\n\r\nbody", "X: y\r\n".repeat(HEADER_FIELDS_MAX_AND_MORE));
    let shape = scan(message.as_bytes());
    assert_eq!(shape.header_octets(), message.len() as u64 - 4);
    assert_eq!(shape.subject_base(), "");
    assert_eq!(body(&shape, message.as_bytes(), &[1]), "body");
}
const HEADER_FIELDS_MAX_AND_MORE: usize = crate::mime::limits::HEADER_FIELDS_MAX + 1;

#[test]
fn a_hundred_thousand_recipients_are_bounded() {
    let message = format!("To: {}x@y\r\n\r\nbody", "a@b.test,\r\n ".repeat(100_000));
    let shape = scan(message.as_bytes());
    assert!(shape.envelope().len() < 1 << 20, "{}", shape.envelope().len());
    assert_eq!(shape.preview(), "body");
}

#[test]
fn headers_of_many_parts_are_bounded() {
    let part = format!("--b\r\nContent-Type: text/plain; name=\"{}\"\r\n\r\n", "n".repeat(60_000));
    let message = format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", part.repeat(100));
    let shape = scan(message.as_bytes());
    assert_eq!(shape.sections().count(), 100);
    assert!(shape.structure().len() < 2 * PART_HEADERS_OCTETS_MAX);
}

#[test]
fn h06_broken_encodings_are_read_as_far_as_they_go() {
    let of = |header: &str, body: &[u8]| {
        let message = [format!("{header}\r\n\r\n").as_bytes(), body].concat();
        words(&scan(&message), &message)
    };
    assert_eq!(of("Content-Transfer-Encoding: base64", b"R3\0LDvM!OfZQ"), "Grüße\n");
    assert_eq!(of("Content-Transfer-Encoding: quoted-printable", b"1 = 1 =3D ="), "1 = 1 = \n");
    assert_eq!(of("Content-Type: text/plain; charset=x-none", b"Gr\xfc\xdfe"), "Grüße\n");
    assert_eq!(of("Content-Type: text/plain; charset=utf-8", b"a\xc0\xafb"), "a\u{fffd}\u{fffd}b\n");
    assert_eq!(of("Content-Type: text/plain; charset=utf-7", b"+APw-"), "+APw-\n");
    assert_eq!(of("Content-Transfer-Encoding: x-uuencode", b"begin 644"), "");
    let shape = scan(format!("Subject: =?utf-8?q?{}?=\r\n\r\n", "x".repeat(10 << 20)).as_bytes());
    assert!(shape.to_bytes().len() < 1 << 20);
}

#[test]
fn h09_a_message_without_header_or_body() {
    for (message, header_octets, preview) in [
        ("", 0, ""),
        ("\r\n", 2, ""),
        ("\r\nonly a body\r\n", 2, "only a body"),
        ("no field\r\n\r\nx", 0, "no field x"),
        ("Subject: only a header", 22, ""),
        ("Subject: only a header\r\n", 24, ""),
        (">From x\r\nSubject: y\r\n\r\nz", 0, ">From x Subject: y z"),
        ("Subject: y\r\nno field\r\n", 12, "no field"),
    ] {
        let shape = scan(message.as_bytes());
        assert_eq!((shape.header_octets(), shape.preview()), (header_octets, preview), "{message:?}");
        assert_eq!(shape.sections().count(), 1);
    }
}

#[test]
fn octets_above_127_and_nul_reach_the_client_in_literals() {
    let shape = scan(b"Subject: Gr\xfc\0e\r\nContent-Type: text/plain; name=\"\xc3\xbc\"\r\n\r\n");
    assert!(shape.envelope().starts_with(b"(NIL {5}\r\nGr\xfc e NIL"));
    assert!(shape.body().starts_with(b"(\"text\" \"plain\" (\"name\" {2}\r\n\xc3\xbc)"));
}

#[test]
fn a_damaged_shape_is_an_error_or_another_shape_but_never_a_panic() {
    let stored = scan(&crlf(NESTED)).to_bytes();
    for cut in 0..stored.len() {
        assert_eq!(Shape::from_bytes(stored.slice(..cut)), Err(ShapeError));
    }
    for at in 0..stored.len() {
        for octet in [0, 1, 0x7f, 0x80, 0xff] {
            let mut damaged = stored.to_vec();
            damaged[at] = octet;
            let Ok(shape) = Shape::from_bytes(Bytes::from(damaged)) else { continue };
            assert!(shape.sections().all(|section| section.body.end <= shape.octets()));
            let _ = (shape.sent(), shape.sent_on(), shape.references().count(), shape.preview(), shape.header());
        }
    }
    let mut later = stored.to_vec();
    later[0] = 2;
    assert_eq!(Shape::from_bytes(Bytes::from(later)), Err(ShapeError));
}
