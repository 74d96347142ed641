//! What clients do every day.

use rohrpost_mail::ListenerTls;
use rohrpost_pop3::{CloseReason, Profile};

use crate::harness::{Wire, log_in, logged_in, play, profile, three, transcript};

#[test]
fn a_client_reads_its_mail_and_removes_it() {
    let wire = transcript(
        profile(),
        "C: USER ann@here.test
         S: +OK Send PASS
         C: PASS pencil
         S: +OK 3 messages of 83 octets
         C: STAT
         S: +OK 3 83
         C: LIST
         S: +OK List follows
         S: 1 38
         S: 2 27
         S: 3 18
         S: .
         C: RETR 1
         S: +OK 38 octets
         S: Subject: one
         S:
         S: first
         S: second
         S: third
         S: .
         C: DELE 1
         S: +OK Deleted
         C: QUIT
         S: +OK Bye
         (closed)",
    );
    assert_eq!(wire.closed, Some(CloseReason::Quit));
    assert_eq!(wire.mailbox.keys().collect::<Vec<_>>(), [&12, &15]);
}

#[test]
fn a_client_that_keeps_its_mail_finds_what_is_new_by_unique_ids() {
    play(
        &mut logged_in(),
        "C: UIDL
         S: +OK List follows
         S: 1 7.11
         S: 2 7.12
         S: 3 7.15
         S: .
         C: UIDL 3
         S: +OK 3 7.15
         C: TOP 3 0
         S: +OK 18 octets
         S: Subject: three
         S:
         S: .
         C: QUIT
         S: +OK Bye
         (closed)",
    );
}

#[test]
fn dots_that_begin_a_line_are_doubled() {
    play(
        &mut logged_in(),
        "C: RETR 2
         S: +OK 27 octets
         S: Subject: two
         S:
         S: ..
         S: ...dots
         S: .",
    );
}

#[test]
fn top_ends_after_the_lines_that_were_asked_for() {
    play(
        &mut logged_in(),
        "C: TOP 1 2
         S: +OK 38 octets
         S: Subject: one
         S:
         S: first
         S: second
         S: .",
    );
}

#[test]
fn a_deleted_message_keeps_its_number_and_comes_back_with_rset() {
    let mut wire = logged_in();
    play(
        &mut wire,
        "C: DELE 2
         S: +OK Deleted
         C: DELE 2
         S: -ERR No such message
         C: RETR 2
         S: -ERR No such message
         C: LIST 2
         S: -ERR No such message
         C: LIST
         S: +OK List follows
         S: 1 38
         S: 3 18
         S: .
         C: STAT
         S: +OK 2 56
         C: RSET
         S: +OK Nothing is deleted
         C: STAT
         S: +OK 3 83
         C: QUIT
         S: +OK Bye
         (closed)",
    );
    assert_eq!(wire.mailbox, three());
}

#[test]
fn a_lost_connection_removes_nothing() {
    let mut wire = logged_in();
    play(&mut wire, "C: DELE 1\nS: +OK Deleted\n(eof)\n(closed)");
    assert_eq!((wire.closed, wire.mailbox), (Some(CloseReason::Lost), three()));
}

#[test]
fn a_client_hears_when_its_mail_could_not_be_removed() {
    let mut wire = logged_in();
    wire.is_store_down = true;
    play(&mut wire, "C: DELE 1\nC: QUIT\nS: +OK Deleted\nS: -ERR [SYS/TEMP] Nothing was removed\n(closed)");
    assert_eq!(wire.mailbox, three());
}

#[test]
fn commands_that_come_together_are_answered_in_one_write() {
    let mut wire = logged_in();
    let before = wire.writes;
    play(
        &mut wire,
        "C: STAT
         C: TOP 3 0
         C: DELE 3
         C: NOOP
         S: +OK 3 83
         S: +OK 18 octets
         S: Subject: three
         S:
         S: .
         S: +OK Deleted
         S: +OK OK",
    );
    assert_eq!(wire.writes - before, 1);
}

#[test]
fn a_session_goes_the_same_way_octet_by_octet() {
    let mut wire = Wire::new(profile());
    let said: String = b"USER ann@here.test\r\nPASS pencil\r\nRETR 3\r\nDELE 3\r\nQUIT\r\n"
        .iter()
        .map(|octet| wire.send([*octet]))
        .collect();
    assert_eq!(
        said,
        "+OK Send PASS\r\n+OK 3 messages of 83 octets\r\n+OK 18 octets\r\nSubject: three\r\n\r\n.\r\n+OK Deleted\r\n+OK Bye\r\n"
    );
}

#[test]
fn capabilities_say_before_the_log_in_how_to_log_in() {
    let mut wire = Wire::new(profile());
    play(
        &mut wire,
        "C: CAPA
         S: +OK Capabilities
         S: USER
         S: SASL SCRAM-SHA-256 PLAIN LOGIN
         S: STLS
         S: TOP
         S: UIDL
         S: RESP-CODES
         S: AUTH-RESP-CODE
         S: PIPELINING
         S: UTF8 USER
         S: EXPIRE NEVER
         S: IMPLEMENTATION Rohrpost
         S: .",
    );
    log_in(&mut wire);
    let after = wire.send("CAPA\r\n");
    assert!(!after.contains("USER\r\nSASL") && !after.contains("STLS") && after.contains("\r\nUIDL\r\n"), "{after}");
}

#[test]
fn where_tls_is_required_capabilities_name_nothing_but_stls() {
    let mut wire = Wire::new(Profile { tls: ListenerTls::Required, ..profile() });
    let before = wire.send("CAPA\r\n");
    assert!(before.starts_with("+OK Capabilities\r\nSTLS\r\nTOP\r\n"), "{before}");
    assert_eq!(wire.send("STLS\r\n"), "+OK Begin TLS\r\n");
    wire.tls();
    let inside = wire.send("CAPA\r\n");
    assert!(inside.contains("\r\nUSER\r\nSASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\nTOP\r\n"), "{inside}");
}

#[test]
fn names_and_passwords_are_utf_8_and_may_hold_blanks() {
    play(
        &mut Wire::new(profile()),
        "C: UTF8
         S: +OK UTF-8 is read and written
         C: USER jörg
         S: +OK Send PASS
         C: PASS grün weiß
         S: +OK 3 messages of 83 octets",
    );
}

#[test]
fn commands_at_the_wrong_time_are_refused_and_the_session_lives_on() {
    let mut wire = Wire::new(profile());
    play(
        &mut wire,
        "C: STAT
         S: -ERR Log in first
         C: PASS pencil
         S: -ERR Send USER first
         C: XTND
         S: -ERR Unknown command
         C: USER ann@here.test
         S: +OK Send PASS
         C: PASS pencil
         S: +OK 3 messages of 83 octets
         C: USER ann@here.test
         S: -ERR You have logged in already
         C: STLS
         S: -ERR You have logged in already
         C: RETR
         S: -ERR Syntax error in the arguments
         C: NOOP
         S: +OK OK",
    );
}
