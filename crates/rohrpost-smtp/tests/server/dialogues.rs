//! Dialogues as they should be, and small slips in them.

use std::time::Duration;

use rohrpost_mail::{Domain, ListenerTls, Reply};
use rohrpost_smtp::server::{CloseReason, Profile, Protocol, TlsFacts};

use crate::harness::{Wire, in_data, in_transaction, mailbox, play, profile, transcript};

#[test]
fn a_message_comes_in() {
    let wire = transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250-mx.here.test
         S: 250-PIPELINING
         S: 250-SIZE 100000
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250-STARTTLS
         S: 250 LIMITS RCPTMAX=1000 MAILMAX=100
         C: MAIL FROM:<ann@a.test> SIZE=30 BODY=8BITMIME
         S: 250 2.1.0 Sender OK
         C: RCPT TO:<bob@here.test>
         S: 250 2.1.5 Recipient OK
         C: DATA
         S: 354 Go ahead, end with a dot on a line of its own
         C: Subject: hi
         C:
         C: ..dot
         C: .
         S: 250 2.6.0 Message queued as 0000000000001
         C: QUIT
         S: 221 2.0.0 Bye
         (closed)",
    );
    assert_eq!(wire.closed, Some(CloseReason::Quit));
    assert_eq!(wire.messages.len(), 1);
    assert_eq!(wire.messages[0].body, b"Subject: hi\r\n\r\n.dot\r\n");
    assert_eq!(wire.messages[0].mail.envelope.reverse_path.mailbox(), Some(&mailbox("ann@a.test")));
    assert_eq!(wire.hellos, ["a.test"]);
}

#[test]
fn a_submission_listener_offers_its_own_extensions_and_auth_inside_tls() {
    transcript(
        profile(Protocol::Submission),
        "C: EHLO a.test
         S: 250-mx.here.test
         S: 250-PIPELINING
         S: 250-SIZE 100000
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250-DSN
         S: 250-STARTTLS
         S: 250-LIMITS RCPTMAX=1000 MAILMAX=100
         S: 250 FUTURERELEASE 2592000 2026-12-22T10:00:00Z
         C: STARTTLS
         S: 220 2.0.0 Ready to start TLS
         (tls)
         C: EHLO a.test
         S: 250-mx.here.test
         S: 250-PIPELINING
         S: 250-SIZE 100000
         S: 250-8BITMIME
         S: 250-ENHANCEDSTATUSCODES
         S: 250-SMTPUTF8
         S: 250-CHUNKING
         S: 250-DSN
         S: 250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN
         S: 250-LIMITS RCPTMAX=1000 MAILMAX=100
         S: 250 FUTURERELEASE 2592000 2026-12-22T10:00:00Z",
    );
}

#[test]
fn what_is_switched_off_is_neither_listed_nor_known() {
    let mut off = profile(Protocol::Submission);
    let on = &mut off.extensions;
    (on.pipelining, on.eightbitmime, on.smtputf8, on.chunking, on.dsn) = (false, false, false, false, false);
    (on.limits, on.futurerelease, on.size, on.starttls, on.auth) = (false, false, false, false, false);
    on.enhancedstatuscodes = false;
    transcript(
        off,
        "C: EHLO a.test
         S: 250 mx.here.test
         C: STARTTLS
         S: 502 Command not implemented
         C: AUTH PLAIN
         S: 502 Command not implemented
         C: BDAT 4
         C: QUIT\\
         S: 502 Command not implemented
         C: MAIL FROM:<ann@a.test> SIZE=30
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test> BODY=7BIT
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test> SMTPUTF8
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test> RET=FULL
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test> HOLDFOR=1
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test> AUTH=<>
         S: 555 A parameter is not known here
         C: MAIL FROM:<ann@a.test>
         S: 250 Sender OK",
    );
}

#[test]
fn a_limit_that_is_none_is_not_listed() {
    for (recipients_max, messages_max, listed) in [
        (999_999, usize::MAX, Some("LIMITS RCPTMAX=999999\r\n")),
        (1_000_000, 5, Some("LIMITS MAILMAX=5\r\n")),
        (usize::MAX, usize::MAX, None),
    ] {
        let mut wire = Wire::new(Profile { recipients_max, messages_max, ..profile(Protocol::Smtp) });
        let hello = wire.send("EHLO a.test\r\n");
        assert_eq!(hello.find("LIMITS").map(|at| &hello[at..]), listed, "{hello}");
    }
}

#[test]
fn helo_has_no_extensions() {
    transcript(
        profile(Protocol::Smtp),
        "C: HELO a.test
         S: 250 mx.here.test
         C: MAIL FROM:<ann@a.test> SIZE=1
         S: 555 5.5.4 A parameter is not known here
         C: MAIL FROM: <ann@a.test>
         S: 250 2.1.0 Sender OK",
    );
}

#[test]
fn replies_to_commands_sent_together_leave_together() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    wire.send("EHLO a.test\r\n");
    let before = wire.writes;
    let replies = wire
        .send("MAIL FROM:<ann@a.test>\r\nRCPT TO:<nobody@here.test>\r\nRCPT TO:<bob@here.test>\r\nNOOP\r\nDATA\r\n");
    assert_eq!(wire.writes - before, 1);
    let codes: Vec<_> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "550", "250", "250", "354"]);
    let replies = wire.send("A: b\r\n\r\n.\r\nMAIL FROM:<>\r\nRSET\r\nQUIT\r\n");
    assert_eq!(wire.writes - before, 2);
    let codes: Vec<_> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "250", "250", "221"]);
}

#[test]
fn rcpt_before_mail_is_refused_and_the_session_lives_on() {
    transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: RCPT TO:<ann@here.test>
         S: 503 5.5.1 Send MAIL first
         C: NOOP
         S: 250 2.0.0 OK",
    );
}

#[test]
fn commands_that_need_no_answer_have_one() {
    transcript(
        profile(Protocol::Smtp),
        "C: NOOP whatever
         S: 250 2.0.0 OK
         C: VRFY ann
         S: 252 2.5.2 Send some mail, I'll try my best
         C: HELP MAIL
         S: 214 2.0.0 See RFC 5321
         C: EXPN staff
         S: 502 5.5.1 Command not implemented
         C: XYZZY
         S: 500 5.5.2 Unknown command
         C: RSET now
         S: 501 5.5.4 Syntax error in the arguments
         C: rset
         S: 250 2.0.0 OK
         C: MAIL FROM:<ann@a.test>
         S: 503 5.5.1 Send EHLO first
         C: LHLO a.test
         S: 500 5.5.2 Unknown command",
    );
}

#[test]
fn lmtp_answers_for_each_recipient() {
    let wire = transcript(
        profile(Protocol::Lmtp),
        "C: EHLO a.test
         S: 500 5.5.2 Unknown command
         C: LHLO a.test
         S: 250…
         C: MAIL FROM:<>
         C: RCPT TO:<ann@here.test>
         C: RCPT TO:<nobody@here.test>
         C: RCPT TO:<bob@here.test>
         C: DATA
         S: 250 2.1.0 Sender OK
         S: 250 2.1.5 Recipient OK
         S: 550 5.1.1 No such mailbox
         S: 250 2.1.5 Recipient OK
         S: 354…
         C: infected
         C: .
         S: 550 5.7.1 Malware
         S: 550 5.7.1 Malware
         C: MAIL FROM:<>
         C: RCPT TO:<ann@here.test>
         C: RCPT TO:<bob@here.test>
         C: BDAT 3 LAST
         C: a\\
         S: 250 2.1.0 Sender OK
         S: 250 2.1.5 Recipient OK
         S: 250 2.1.5 Recipient OK
         C: \\r\\n\\
         S: 250 2.6.0 Message queued as 0000000000001
         S: 250 2.6.0 Message queued as 0000000000001",
    );
    assert_eq!(wire.messages[0].body, b"a\r\n");
}

#[test]
fn chunks_make_a_message() {
    let wire = transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test>
         C: RCPT TO:<bob@here.test>
         C: BDAT 6
         C: A: b
         C: BDAT 0
         C: BDAT 10 LAST
         C:
         C: .
         C: ..x
         C: NOOP
         S: 250 2.1.0 Sender OK
         S: 250 2.1.5 Recipient OK
         S: 250 2.0.0 Chunk OK
         S: 250 2.0.0 Chunk OK
         S: 250 2.6.0 Message queued as 0000000000001
         S: 250 2.0.0 OK",
    );
    assert_eq!(wire.messages[0].body, b"A: b\r\n\r\n.\r\n..x\r\n");
}

#[test]
fn a_message_can_be_held_for_a_while() {
    let wire = transcript(
        profile(Protocol::Submission),
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test> HOLDFOR=2592001
         S: 501 5.5.4 The message cannot be held that long
         C: MAIL FROM:<ann@a.test> HOLDUNTIL=2026-12-22T10:00:01Z
         S: 501 5.5.4 The message cannot be held that long
         C: MAIL FROM:<ann@a.test> HOLDFOR=1 HOLDUNTIL=2026-11-23T10:00:00Z
         S: 501 5.5.4 A parameter is given twice
         C: MAIL FROM:<ann@a.test> HOLDFOR=3600
         C: RCPT TO:<bob@here.test>
         C: BDAT 0 LAST
         S: 250 2.1.0 Sender OK
         S: 250 2.1.5 Recipient OK
         S: 250 2.6.0 Message queued as 0000000000001",
    );
    let until = wire.messages[0].mail.envelope.hold_until.unwrap();
    assert!(until >= "2026-11-22T11:00:00Z".parse().unwrap());
}

#[test]
fn an_address_beyond_ascii_needs_smtputf8() {
    transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<jörg@a.test>
         S: 550 5.6.7 The address needs SMTPUTF8
         C: MAIL FROM:<jörg@a.test> SMTPUTF8
         S: 250 2.1.0 Sender OK
         C: RCPT TO:<jörg@bücher.test>
         S: 250 2.1.5 Recipient OK",
    );
}

#[test]
fn a_required_listener_answers_six_commands_before_tls() {
    let mut required = profile(Protocol::Submission);
    required.tls = ListenerTls::Required;
    transcript(
        required,
        "C: HELO a.test
         S: 250 mx.here.test
         C: EHLO a.test
         S: 250…
         C: NOOP
         S: 250 2.0.0 OK
         C: RSET
         S: 250 2.0.0 OK
         C: MAIL FROM:<ann@a.test>
         S: 530 5.7.0 Must issue a STARTTLS command first
         C: VRFY ann
         S: 530 5.7.0 Must issue a STARTTLS command first
         C: XYZZY
         S: 530 5.7.0 Must issue a STARTTLS command first
         C: BDAT 6 LAST
         C: QUIT
         S: 530 5.7.0 Must issue a STARTTLS command first
         C: STARTTLS
         S: 220 2.0.0 Ready to start TLS
         (tls)
         C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test>
         S: 250 2.1.0 Sender OK",
    );
}

#[test]
fn implicit_tls_has_no_starttls() {
    let mut wire = Wire::connected(
        Profile { tls: ListenerTls::Implicit, ..profile(Protocol::Submission) },
        Some(TlsFacts::default()),
    );
    wire.session.greet(wire.now);
    assert_eq!(wire.send(""), "220 mx.here.test ESMTP Rohrpost\r\n");
    assert!(!wire.send("EHLO a.test\r\n").contains("STARTTLS"));
    play(&mut wire, "C: STARTTLS\nS: 503 5.5.1 TLS is on already");
}

#[test]
fn mail_needs_a_login_where_it_is_demanded() {
    transcript(
        Profile { require_auth: true, ..profile(Protocol::Submission) },
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test>
         S: 530 5.7.0 Authentication required",
    );
}

#[test]
fn a_silent_client_is_told_and_left() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    assert_eq!(wire.pass(Duration::from_secs(299)), "");
    assert_eq!(wire.pass(Duration::from_secs(1)), "421 4.4.2 Timeout\r\n");
    assert_eq!(wire.closed, Some(CloseReason::TimedOut));

    let mut wire = in_data(profile(Protocol::Smtp));
    wire.send("A: b\r\n".repeat(2_000));
    assert_eq!(wire.pass(Duration::from_secs(179)), "421 4.4.2 Too slow\r\n");
    assert_eq!((wire.closed, wire.aborts), (Some(CloseReason::TimedOut), 1));
}

#[test]
fn noop_keeps_nobody_here_forever_but_transactions_may_last() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    for _ in 0..7 {
        wire.send("NOOP\r\n");
        assert_eq!(wire.pass(Duration::from_mins(4)), "");
    }
    wire.send("NOOP\r\n");
    assert_eq!(wire.pass(Duration::from_mins(4)), "421 4.4.2 Timeout\r\n");

    let mut wire = in_transaction(profile(Protocol::Smtp));
    for n in 0..20 {
        assert_eq!(wire.send(format!("RCPT TO:<r{n}@here.test>\r\n")), "250 2.1.5 Recipient OK\r\n");
        assert_eq!(wire.pass(Duration::from_mins(4)), "");
    }
}

#[test]
fn a_slow_but_steady_message_is_read() {
    let mut wire = in_data(Profile { size_max: 10_000_000, ..profile(Protocol::Smtp) });
    for _ in 0..100 {
        wire.send("x".repeat(998) + "\r\n");
        assert_eq!(wire.pass(Duration::from_secs(9)), "");
    }
    assert!(wire.send(".\r\n").starts_with("250 2.6.0"));
}

#[test]
fn shutting_down_finishes_what_was_begun() {
    let farewell = || Reply::with(421, 3, 2, "Shutting down");
    let mut idle = Wire::new(profile(Protocol::Smtp));
    idle.session.shut_down(farewell());
    assert_eq!(idle.send(""), "421 4.3.2 Shutting down\r\n");
    assert!(idle.is_closed());

    let mut busy = in_data(profile(Protocol::Smtp));
    busy.session.shut_down(farewell());
    assert_eq!(busy.send("A: b\r\n\r\n"), "");
    let replies = busy.send(".\r\nMAIL FROM:<>\r\n");
    assert_eq!(replies, "250 2.6.0 Message queued as 0000000000001\r\n421 4.3.2 Shutting down\r\n");
    assert_eq!((busy.messages.len(), busy.closed), (1, Some(CloseReason::ShutDown)));
}

#[test]
fn a_client_that_hangs_up_leaves_nothing_behind() {
    let mut wire = in_data(profile(Protocol::Smtp));
    wire.send("A: b\r\n\r\nhalf a mess");
    wire.eof();
    assert_eq!((wire.closed, wire.aborts, wire.messages.len()), (Some(CloseReason::Lost), 1, 0));
}

#[test]
fn a_refused_message_leaves_the_session_between_transactions() {
    let mut wire = in_data(profile(Protocol::Smtp));
    play(
        &mut wire,
        "C: infected
         C: .
         S: 550 5.7.1 Malware
         C: DATA
         S: 503 5.5.1 Send MAIL first
         C: MAIL FROM:<>
         S: 250 2.1.0 Sender OK",
    );
}

#[test]
fn a_refusal_carries_the_id_of_the_session() {
    let mut wire = Wire::connected(profile(Protocol::Smtp), None);
    wire.session = rohrpost_smtp::server::Session::new(
        std::sync::Arc::new(Profile { host_name: Domain::parse("b.test").unwrap(), ..profile(Protocol::Smtp) }),
        None,
        wire.now,
        jiff::Timestamp::UNIX_EPOCH,
    )
    .with_id("a7");
    wire.session.greet(wire.now);
    assert_eq!(wire.send("MAIL FROM:<>\r\n"), "220 b.test ESMTP Rohrpost\r\n503 5.5.1 Send EHLO first (a7)\r\n");
}
