use proptest::prelude::*;

use super::*;

fn parse(bytes: &[u8]) -> Result<Option<Reply>, ReplyError> {
    let mut parser = Parser::default();
    parser.push(bytes);
    parser.next_reply()
}

fn one(bytes: &[u8]) -> Reply {
    parse(bytes).unwrap().unwrap()
}

#[test]
fn a_reply_has_code_enhanced_status_and_text() {
    assert_eq!(one(b"550 5.1.1 No such mailbox\r\n"), Reply::with(550, 1, 1, "No such mailbox"));
    assert_eq!(one(b"250\r\n"), Reply::new(250, None, ""));
    assert_eq!(one(b"250 2.1.0\r\n"), Reply::with(250, 1, 0, ""));
    assert_eq!(one(b"250-2.1.0 a\r\n250 2.1.0 b\r\n"), Reply::with(250, 1, 0, "a\nb"));
}

#[test]
fn an_enhanced_status_of_another_class_is_text() {
    assert_eq!(one(b"450 5.1.1 later\r\n"), Reply::new(450, None, "5.1.1 later"));
    assert_eq!(one(b"250-2.1.0 a\r\n250 2.1.5 b\r\n"), Reply::with(250, 1, 0, "a\n2.1.5 b"));
}

#[test]
fn replies_that_came_together_are_handed_out_one_by_one() {
    let mut parser = Parser::default();
    parser.push(b"250 a\r\n354 b\r\n4");
    assert_eq!(parser.next_reply().unwrap().unwrap().code, 250);
    assert_eq!(parser.next_reply().unwrap().unwrap().code, 354);
    assert_eq!(parser.next_reply(), Ok(None));
    assert_eq!(parser.unread(), 1);
}

#[test]
fn a_c01_endless_broken_and_mixed_replies_are_protocol_errors() {
    let long = [b"250 ".as_slice(), &vec![b'x'; 1 << 20], b"\r\n"].concat();
    let endless = b"250-more\r\n".repeat(1_000_000);
    let cases: [(&[u8], ReplyError); 12] = [
        (&long, ReplyError::LineTooLong),
        (&long[..5_000], ReplyError::LineTooLong),
        (&endless, ReplyError::TooManyLines),
        (b"250-a\r\n251 b\r\n", ReplyError::MixedCodes),
        (b"250 a\0b\r\n", ReplyError::Nul),
        (b"hello\r\n", ReplyError::NoCode),
        (b"\r\n", ReplyError::NoCode),
        (b"99\r\n", ReplyError::NoCode),
        (b"199 a\r\n", ReplyError::NoCode),
        (b"600 a\r\n", ReplyError::NoCode),
        (b"250 a\n", ReplyError::BareNewline),
        (b"250 a\r250 b\r\n", ReplyError::BareNewline),
    ];
    for (bytes, error) in cases {
        assert_eq!(parse(bytes), Err(error), "{:?}", String::from_utf8_lossy(&bytes[..bytes.len().min(40)]));
    }
}

#[test]
fn a_c01_the_bounds_themselves_are_allowed() {
    let line = [b"250 ".as_slice(), &[b'x'; LINE_BYTES_MAX - 6], b"\r\n"].concat();
    assert_eq!(one(&line).text.len(), LINE_BYTES_MAX - 6);
    let lines = [b"250-a\r\n".repeat(LINES_MAX - 1).as_slice(), b"250 a\r\n"].concat();
    assert_eq!(one(&lines).text.lines().count(), LINES_MAX);
}

#[test]
fn a_c01_an_error_stays_and_frees_what_was_buffered() {
    let mut parser = Parser::default();
    parser.push(&vec![b'x'; 100_000]);
    assert_eq!(parser.next_reply(), Err(ReplyError::LineTooLong));
    parser.push(b"250 ok\r\n");
    assert_eq!(parser.next_reply(), Err(ReplyError::LineTooLong));
    assert_eq!(parser.unread(), 0);
}

#[test]
fn a_c02_reply_text_holds_no_control_characters() {
    let reply = one(b"550 \x1b[2J<b>\\r\\nBcc: x\x07\xff\xc2\x9b\r\n");
    assert!(!reply.text.chars().any(char::is_control), "{:?}", reply.text);
    assert!(reply.text.contains("<b>\\r\\nBcc: x"), "{:?}", reply.text);
}

proptest! {
    #[test]
    fn where_the_octets_are_cut_changes_nothing(
        lines in proptest::collection::vec("[245][0-9]{2}[ -]([245]\\.[0-9]\\.[0-9] )?[ -~\r\0]{0,20}(\r\n|\n)", 0..8),
        cuts in proptest::collection::vec(1..9_usize, 0..60),
    ) {
        let whole = lines.concat().into_bytes();
        let all = |parser: &mut Parser| {
            let mut replies = Vec::new();
            loop {
                match parser.next_reply() {
                    Ok(Some(reply)) => replies.push(Ok(reply)),
                    Ok(None) => return replies,
                    Err(error) => { replies.push(Err(error)); return replies; }
                }
            }
        };
        let mut parser = Parser::default();
        parser.push(&whole);
        let expected = all(&mut parser);

        let (mut parser, mut rest, mut found) = (Parser::default(), &whole[..], Vec::new());
        for cut in cuts {
            let (now, later) = rest.split_at(cut.min(rest.len()));
            parser.push(now);
            rest = later;
            if found.last().is_none_or(Result::is_ok) {
                found.extend(all(&mut parser));
            }
        }
        parser.push(rest);
        if found.last().is_none_or(Result::is_ok) {
            found.extend(all(&mut parser));
        }
        prop_assert_eq!(found, expected);
    }
}
