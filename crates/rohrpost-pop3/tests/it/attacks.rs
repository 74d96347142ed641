//! Past attacks, by the names they have in the list of attacks.

use rohrpost_pop3::CloseReason;

use crate::harness::{Wire, logged_in, play, profile, three};

#[test]
fn i02_what_is_pipelined_behind_stls_is_discarded_and_ends_the_session() {
    let mut wire = Wire::new(profile());
    let said = wire.send("STLS\r\nUSER ann@here.test\r\nPASS pencil\r\n");
    assert_eq!(said, "-ERR Nothing may follow STLS before its response\r\n");
    assert_eq!((wire.closed, wire.handshakes), (Some(CloseReason::Injection), 0));
}

#[test]
fn i02_octets_between_stls_and_the_handshake_end_the_session() {
    let mut wire = Wire::new(profile());
    assert_eq!(wire.send("STLS\r\n"), "+OK Begin TLS\r\n");
    let said = wire.send("CAPA\r\n");
    assert_eq!(said, "-ERR Nothing may follow STLS before its response\r\n");
    assert_eq!(wire.closed, Some(CloseReason::Injection));
}

#[test]
fn i05_top_of_many_lines_is_the_message_and_no_more() {
    let mut wire = logged_in();
    let whole = wire.send("RETR 1\r\n");
    assert_eq!(wire.send("TOP 1 999999999\r\n"), whole);
    assert_eq!(wire.send("TOP 1 99999999999999999999999999\r\n"), whole);
    assert_eq!(wire.send("TOP 999999999 1\r\n"), "-ERR No such message\r\n");
}

#[test]
fn i05_a_second_session_deletes_and_the_first_keeps_its_numbers() {
    let (mut first, mut second) = (logged_in(), logged_in());
    play(&mut second, "C: DELE 1\nC: QUIT\nS: +OK Deleted\nS: +OK Bye");
    first.mailbox = second.mailbox.clone();
    play(
        &mut first,
        "C: UIDL
         S: +OK List follows
         S: 1 7.11
         S: 2 7.12
         S: 3 7.15
         S: .
         C: RETR 1
         S: -ERR [SYS/TEMP] The message is gone
         C: TOP 2 0
         S: +OK 27 octets
         S: Subject: two
         S:
         S: .
         C: DELE 1
         C: DELE 3
         C: QUIT
         S: +OK Deleted
         S: +OK Deleted
         S: +OK Bye",
    );
    assert_eq!(first.mailbox.keys().collect::<Vec<_>>(), [&12]);
}

#[test]
fn i05_unique_ids_during_a_deletion_are_those_that_are_left() {
    let mut wire = logged_in();
    play(&mut wire, "C: DELE 2\nC: UIDL\nS: +OK Deleted\nS: +OK List follows\nS: 1 7.11\nS: 3 7.15\nS: .");
    play(&mut wire, "C: UIDL 2\nS: -ERR No such message\n(eof)\n(closed)");
    assert_eq!(wire.mailbox, three());
}

#[test]
fn only_crlf_ends_a_line() {
    for lines in ["USER ann@here.test\nPASS pencil\n", "USER ann@here.test\rPASS pencil\r\n"] {
        let mut wire = Wire::new(profile());
        assert_eq!(wire.send(lines), "-ERR Lines must end with CR LF\r\n");
        assert_eq!(wire.closed, Some(CloseReason::BareNewline));
    }
}

#[test]
fn other_protocols_are_sent_away_at_once() {
    for octets in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}\r\n"] {
        let mut wire = Wire::new(profile());
        assert_eq!(wire.send(octets), "-ERR This is not POP3\r\n");
        assert_eq!(wire.closed, Some(CloseReason::NotPop3));
    }
}

#[test]
fn a_nul_does_not_split_a_password() {
    let mut wire = Wire::new(profile());
    play(&mut wire, "C: USER ann@here.test\nC: PASS pencil\\0x\nS: +OK Send PASS\nS: -ERR NUL is not allowed");
}

#[test]
fn a_message_that_breaks_off_has_no_end_mark() {
    let mut wire = logged_in();
    wire.is_disk_bad = true;
    assert_eq!(wire.send("RETR 3\r\nNOOP\r\n"), "+OK 18 octets\r\nSubject: three\r\n\r\n");
    assert_eq!(wire.closed, Some(CloseReason::Broken));
}
