use super::*;
use crate::{mailbox_name::MailboxName, response::Code};

/// What a client said, as a reader understood it; `accept` says what becomes of messages.
fn read_in(portions: &[&[u8]], reader: &mut Reader, accept: bool) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for portion in portions {
        let mut rest = *portion;
        loop {
            let (taken, input) = reader.read(rest);
            rest = &rest[taken..];
            match input {
                Some(Input::Octets(octets)) => match seen.last_mut() {
                    Some(last) if last.starts_with("octets ") => last.push_str(&text(octets)),
                    _ => seen.push(format!("octets {}", text(octets))),
                },
                Some(input) => seen.push(describe(reader, input, accept)),
                None if rest.is_empty() || taken == 0 => break,
                None => {}
            }
        }
        assert!(rest.is_empty(), "not taken: {}", text(rest));
    }
    seen
}

fn describe(reader: &mut Reader, input: Input<'_>, accept: bool) -> String {
    let mut decide = |message: &AppendMessage| {
        if accept {
            reader.accept_message();
        } else {
            reader.refuse_append();
        }
        format!("{} {}", message.octets, if message.synchronizing { "waits" } else { "comes" })
    };
    match input {
        Input::Command(Command { tag, body: Body::Append { mailbox, message } }) => {
            format!("{tag} append {mailbox} {}", decide(&message))
        }
        Input::Message(message) => format!("message {}", decide(&message)),
        Input::Command(command) => format!("{} command", command.tag),
        Input::Bad(bad) => {
            let mut out = Vec::new();
            bad.line().print(&mut out);
            text(&out).trim_end().to_owned()
        }
        Input::Continue => "continue".to_owned(),
        Input::MessageEnd => "message end".to_owned(),
        Input::AppendEnd => "append end".to_owned(),
        Input::Line(line) => format!("line {}", line.expose()),
        Input::Octets(_) => unreachable!("read_in has them"),
    }
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

/// Reads the octets at once, one by one, and in threes: nothing may depend on where a packet ends.
fn read_with(octets: &[u8], accept: bool) -> Vec<String> {
    let at_once = read_in(&[octets], &mut Reader::default(), accept);
    for size in [1, 3] {
        let portions: Vec<_> = octets.chunks(size).collect();
        let mut reader = Reader::default();
        assert_eq!(read_in(&portions, &mut reader, accept), at_once, "in portions of {size}");
    }
    at_once
}

fn read(octets: &[u8]) -> Vec<String> {
    read_with(octets, true)
}

#[test]
fn commands_one_after_another_are_cut() {
    assert_eq!(read(b"a1 NOOP\r\na2 CAPABILITY\r\na3 IDLE\n"), ["a1 command", "a2 command", "a3 command"]);
}

#[test]
fn literals_become_part_of_their_command() {
    assert_eq!(read(b"a LOGIN {3}\r\nann {6+}\r\npen{3}\r\n"), ["continue", "a command"]);
    assert_eq!(read(b"a LOGIN {3+}\r\nann {0+}\r\n\r\nb NOOP\r\n"), ["a command", "b command"]);
}

#[test]
fn a_line_that_only_looks_like_an_announcement_is_none() {
    assert_eq!(read(b"a SEARCH SUBJECT \"{3}\"\r\nb NOOP\r\n"), ["a command", "b command"]);
    // The literal ends in what would be an announcement on a line.
    assert_eq!(read(b"a LOGIN {3+}\r\n{9} x\r\nb NOOP\r\n"), ["a command", "b command"]);
}

#[test]
fn messages_of_append_pass_through() {
    let octets = b"a APPEND INBOX (\\Seen) {5}\r\nhello\r\nb NOOP\r\n";
    let expected = ["a append INBOX 5 waits", "octets hello", "message end", "append end", "b command"];
    assert_eq!(read(octets), expected);
}

#[test]
fn several_messages_of_one_append_pass_through() {
    let octets = b"a APPEND {5+}\r\nDraft {2+}\r\nm1 (\\Seen) {2+}\r\nm2 UTF8 (~{2+}\r\nm3)\r\nb NOOP\r\n";
    let expected = [
        "a append Draft 2 comes",
        "octets m1",
        "message end",
        "message 2 comes",
        "octets m2",
        "message end",
        "message 2 comes",
        "octets m3",
        "message end",
        "append end",
        "b command",
    ];
    assert_eq!(read(octets), expected);
}

#[test]
fn a_refused_message_that_comes_unasked_is_thrown_away() {
    let octets = b"a APPEND x {9+}\r\nb LOGOUT\n {3+}\r\nc L)\r\nd NOOP\r\n";
    assert_eq!(read_with(octets, false), ["a append x 9 comes", "d command"]);
}

#[test]
fn a_refused_message_for_which_the_client_waited_does_not_come() {
    assert_eq!(read_with(b"a APPEND x {9}\r\nb NOOP\r\n", false), ["a append x 9 waits", "b command"]);
}

/// A session that forgot to refuse an APPEND before log-in once waited for itself for ever.
#[test]
fn a_message_that_nobody_accepts_is_refused() {
    let mut reader = Reader::default();
    let octets = b"a APPEND x {9+}\r\nb LOGOUT\n\r\nc NOOP\r\n";
    let (taken, input) = reader.read(octets);
    assert!(matches!(input, Some(Input::Command(_))), "{input:?}");
    assert_eq!(read_in(&[&octets[taken..]], &mut reader, true), ["c command"]);
}

/// RFC 3502 §6.3.11: so clients give up.
#[test]
fn an_empty_message_ends_the_append() {
    let octets = b"a APPEND x {2+}\r\nm1 {0}\r\nb APPEND x {0+}\r\n\r\nc NOOP\r\n";
    let expected = [
        "a append x 2 comes",
        "octets m1",
        "message end",
        "a NO a message of no octets, nothing is appended",
        "b NO a message of no octets, nothing is appended",
        "c command",
    ];
    assert_eq!(read(octets), expected);
}

#[test]
fn what_stands_wrongly_behind_a_message_is_answered_with_the_tag() {
    let octets = b"a APPEND x {2+}\r\nm1 FOO {3+}\r\nabc\r\nb APPEND x {2+}\r\nm1)\r\nc NOOP\r\n";
    let expected = [
        "a append x 2 comes",
        "octets m1",
        "message end",
        "a BAD APPEND has no message",
        "b append x 2 comes",
        "octets m1",
        "message end",
        "b BAD a blank is missing at octet 0",
        "c command",
    ];
    assert_eq!(read(octets), expected);
}

/// CVE-2024-34055 and its kin allocated what a stranger announced.
#[test]
fn i01_a_literal_of_4_gib_before_log_in_is_refused_before_allocation() {
    let mut reader = Reader::default();
    let expected = ["a BAD [TOOBIG] a literal too large, at most 16384 octets are taken", "b command"];
    assert_eq!(read_in(&[b"a LOGIN {4294967295}\r\nb NOOP\r\n"], &mut reader, true), expected);
    assert_eq!(reader.kept.capacity(), 0);
    // One for which the client does not wait cannot be told from commands, and is too large to throw away.
    for octets in [&b"a LOGIN {99999999999999999999999999+}\r\n"[..], b"a APPEND x {4294967295+}\r\n"] {
        let mut reader = Reader::default();
        let seen = read_in(&[octets, b"b NOOP\r\n"], &mut reader, false);
        assert_eq!(seen.last().unwrap(), "* BYE [TOOBIG] more octets than are taken");
        assert_eq!(reader.kept.capacity(), 0);
    }
}

#[test]
fn a_literal_somewhat_too_large_is_thrown_away() {
    let mut octets = b"a LOGIN {20000+}\r\n".to_vec();
    octets.extend_from_slice(&b"x NOOP\r\n".repeat(2_500));
    octets.extend_from_slice(b" {4+}\r\n\r\n\r\n\r\nb NOOP\r\n");
    let expected = ["a BAD [TOOBIG] a literal too large, at most 16384 octets are taken", "b command"];
    assert_eq!(read(&octets), expected);
}

#[test]
fn a_line_without_end_is_not_kept() {
    let mut octets = b"a NOOP ".to_vec();
    octets.resize(100_000, b'x');
    octets.extend_from_slice(b" {7+}\r\nb LOGIN\r\nc NOOP\r\n");
    assert_eq!(read(&octets), ["a BAD [LIMIT] more than 16384 octets", "c command"]);
}

#[test]
fn endless_rubbish_ends_the_session() {
    let mut reader = Reader::default();
    let portion = vec![b'x'; 1 << 20];
    let portions = vec![&portion[..]; 100];
    let seen = read_in(&portions, &mut reader, true);
    let expected = ["* BAD [LIMIT] more than 16384 octets", "* BYE [TOOBIG] more octets than are taken"];
    assert_eq!(seen, expected);
    assert!(reader.kept.len() <= ANNOUNCEMENT_OCTETS_MAX);
}

#[test]
fn more_is_taken_after_log_in() {
    let mut reader = Reader::default();
    reader.set_logged_in();
    let mut octets = b"a SEARCH UID 1".to_vec();
    octets.extend_from_slice(&b",1".repeat(100_000));
    octets.extend_from_slice(b"\r\n");
    assert_eq!(read_in(&[&octets], &mut reader, true), ["a command"]);
}

#[test]
fn names_are_utf8_once_that_is_enabled() {
    let mut reader = Reader::default();
    let (_, input) = reader.read("a SELECT \"Entwürfe\"\r\n".as_bytes());
    let Some(Input::Bad(bad)) = input else { panic!("{input:?}") };
    assert_eq!(bad.error.code(), Some(Code::Cannot));
    reader.set_utf8();
    let (_, input) = reader.read("a DELETE \"Entwürfe\"\r\n".as_bytes());
    let Some(Input::Command(command)) = input else { panic!("{input:?}") };
    assert_eq!(command.body, Body::Delete(MailboxName::new("Entwürfe").unwrap()));
}

#[test]
fn a_line_that_is_asked_for_is_no_command() {
    let mut reader = Reader::default();
    reader.expect_line();
    assert_eq!(read_in(&[b"AGFu", b"bg==\r\na NOOP\r\n"], &mut reader, true), ["line AGFubg==", "a command"]);
    reader.expect_line();
    let seen = read_in(&[&vec![b'x'; 13_000], b"\r\na NOOP\r\n"], &mut reader, true);
    assert_eq!(seen, ["* BAD [LIMIT] more than 12288 octets", "a command"]);
}

#[test]
fn an_idle_reader_holds_no_memory() {
    let mut reader = Reader::default();
    read_in(&[b"a LOGIN {3}\r\n", b"ann {3}\r\nabc\r\n"], &mut reader, true);
    assert_eq!(reader.kept.capacity(), 0);
    assert!(reader.is_between_commands());
}
