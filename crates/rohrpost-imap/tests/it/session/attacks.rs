//! Entries of the list of attacks, as far as the session decides them, and other bad input.

use jiff::Timestamp;
use rohrpost_imap::{event::CloseReason, flags::Flags, limits, profile::Profile};
use rohrpost_mail::ListenerTls;
use rohrpost_sasl::server::TlsFacts;

use super::harness::{Account, Wire, profile};

/// I01: nothing is allocated by a number that a stranger names, and nothing recurses by what it opens.
#[test]
fn i01_endless_literals_and_parentheses_are_refused_before_the_log_in() {
    let mut wire = Wire::connect(&Account::new());
    wire.take_output();
    wire.transcript(
        "C: a LOGIN {4294967295}
        S: a BAD [TOOBIG] …
        C: b LOGIN {99999999999999999999}
        S: b BAD [TOOBIG] …",
    );
    wire.send(b"c LOGIN {99999999999999999999+}\r\nmore");
    assert!(wire.take_output().starts_with("c BAD [TOOBIG]"));
    assert_eq!(wire.closed, Some(CloseReason::NotImap));

    let mut wire = Wire::selected(&Account::new());
    wire.send(format!("a SEARCH {}\r\nb NOOP\r\n", "(".repeat(100_000)).as_bytes());
    let answer = wire.take_output();
    assert!(answer.starts_with("a BAD ") && answer.ends_with("b OK NOOP completed\r\n"), "{answer}");
}

/// I02: what was sent behind STARTTLS is not read as if TLS had brought it.
#[test]
fn i02_commands_behind_starttls_are_never_executed() {
    let offered = || Wire::with(Profile { tls: ListenerTls::Offered, ..profile() }, None, &Account::new());
    let mut wire = offered();
    wire.take_output();
    wire.send(b"a STARTTLS\r\nb LOGIN ann pencil\r\n");
    wire.transcript("S: * BYE Nothing may follow STARTTLS before the handshake (a7)");
    assert!(!wire.wants_handshake && wire.session.is_closed());
    assert_eq!(wire.closed, Some(CloseReason::Injection));

    let mut wire = offered();
    wire.take_output();
    wire.transcript("C: a STARTTLS\nS: a OK Begin TLS now");
    wire.send(b"b NOOP\r\n");
    assert_eq!(wire.closed, Some(CloseReason::Injection));

    // Half a command before the handshake is none behind it.
    let mut wire = offered();
    wire.take_output();
    wire.transcript("C: a STARTTLS\nS: a OK Begin TLS now");
    wire.session.tls_started(wire.now, TlsFacts::default());
    wire.transcript("C: b LOGIN ann pencil\nS: b OK …");
}

/// I03: names are data.
#[test]
fn i03_names_of_mailboxes_are_nothing_but_names() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.transcript(
        r#"C: a CREATE "../../etc"
        S: a OK [MAILBOXID (F2)] CREATE completed
        C: b CREATE "&AGE-"
        S: b NO [CANNOT] …
        C: c CREATE "x&"
        S: c NO [CANNOT] …"#,
    );
    wire.send(b"d CREATE {3+}\r\na\0b\r\n");
    assert!(wire.take_output().starts_with("d BAD "));
    wire.send(format!("e CREATE {}\r\n", "x".repeat(10_240)).as_bytes());
    assert!(wire.take_output().starts_with("e NO [CANNOT] "));
    assert_eq!(account.borrow().boxes.len(), 2);
}

/// I04: one command asks for much, many times. What waits to be written stays bounded, and no more is read.
#[test]
fn i04_a_client_that_does_not_read_is_not_read() {
    let account = Account::new();
    let long = "x".repeat(1_000);
    account.borrow_mut().fill(&[long.as_str(); 20]);
    let mut wire = Wire::selected(&account);
    wire.reads = false;
    let items: Vec<String> = (0..100).map(|n| format!("BODY.PEEK[]<{n}.1000>")).collect();
    for _ in 0..5 {
        wire.send(format!("a FETCH 1:* ({})\r\n", items.join(" ")).as_bytes());
    }
    assert!(wire.pending_octets() > 0, "commands are left where they are");
    wire.reads = true;
    wire.pump();
    let written = wire.take_output().len();
    assert!(written > 9_000_000, "{written}");
    assert!(wire.largest < 300_000, "{}", wire.largest);
}

/// I04: an APPEND that never ends is given up, and nothing of it is kept.
#[test]
fn i04_an_append_that_never_ends_is_given_up() {
    let account = Account::new();
    let mut wire = Wire::logged_in(&account);
    wire.send(b"a APPEND INBOX {1000+}\r\nsome");
    wire.advance(std::time::Duration::from_mins(4));
    assert_eq!(wire.closed, Some(CloseReason::TimedOut));
    assert!(account.borrow().asked.contains(&"abort"));
}

#[test]
fn what_is_no_imap_ends_at_once() {
    for noise in [&b"GET / HTTP/1.1\r\n"[..], b"EHLO a.test\r\n", b"\x16\x03\x01\x02\x00", b"\r\n\r\n\0\r\nQUIT\n"] {
        let mut wire = Wire::connect(&Account::new());
        wire.send(noise);
        assert_eq!(wire.closed, Some(CloseReason::NotImap), "{}", noise.escape_ascii());
    }
}

#[test]
fn commands_that_are_none_are_answered_with_their_tag_and_slower_and_slower() {
    let mut wire = Wire::logged_in(&Account::new());
    let begin = wire.now;
    for _ in 0..9 {
        wire.transcript("C: a1 NONSENSE\nS: a1 BAD …");
    }
    assert_eq!(wire.now, begin);
    for _ in 0..40 {
        wire.transcript("C: a1 NONSENSE\nS: a1 BAD …");
    }
    assert!(wire.now > begin);
    wire.transcript("C: a1 NONSENSE\nS: a1 BAD …\nS: * BYE Too many errors (a7)");
    assert_eq!(wire.closed, Some(CloseReason::Errors));
}

#[test]
fn a_half_closed_client_still_gets_its_answers() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let mut wire = Wire::selected(&account);
    wire.send(b"a NOOP\r\nb FETCH 1 UID\r\nc NOO");
    wire.session.handle_eof(wire.now);
    wire.pump();
    wire.transcript("S: a OK NOOP completed\nS: * 1 FETCH (UID 1)\nS: b OK FETCH completed");
    assert_eq!(wire.closed, Some(CloseReason::Lost));
}

/// Commands sent at once are answered in their order, however they are cut.
#[test]
fn input_may_come_octet_by_octet() {
    let account = Account::new();
    account.borrow_mut().fill(&["one"]);
    let input = b"a NOOP\r\nb APPEND INBOX {4+}\r\ntext\r\nc FETCH 1 UID\r\nd LOGIN {3+}\r\nann {6+}\r\npencil\r\n";
    let mut whole = Wire::selected(&account);
    whole.send(input);
    let mut cut = Wire::selected(&account);
    for octet in input {
        cut.send(&[*octet]);
    }
    let told = |wire: &mut Wire| {
        wire.take_output()
            .replace("APPENDUID 101 2", "APPENDUID 101 3")
            .replace("2 EXISTS", "3 EXISTS")
            .replace("* 2 FETCH", "* 3 FETCH")
    };
    assert_eq!(told(&mut whole), told(&mut cut));
}

/// Addresses and references may be as long as a header, and the session would hold those of all messages at once.
#[test]
fn texts_without_end_are_not_put_in_order() {
    let account = Account::new();
    let long = "x".repeat(240_000);
    let message = format!("From: <{long}@b.test>\r\n\r\n");
    let count = limits::HELD_OCTETS_MAX / long.len() + 1;
    for _ in 0..count {
        account.borrow_mut().inbox().add(Flags::default(), "", message.as_bytes(), Timestamp::UNIX_EPOCH);
    }
    let mut wire = Wire::selected(&account);
    wire.transcript("C: a SORT (FROM) UTF-8 ALL\nS: a NO [LIMIT] More than can be put in order at once");
    wire.transcript(&format!("C: a SORT (FROM) UTF-8 2:{count}\nS: * SORT 2 3…\nS: a OK…"));
}
