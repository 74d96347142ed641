//! Known attacks on servers, by the ids of the list of attacks.

use rohrpost_mail::{ForwardPath, ListenerTls};
use rohrpost_smtp::server::{BareNewline, CloseReason, Profile, Protocol};

use crate::harness::{Wire, in_data, in_transaction, play, profile, transcript};

/// What programs have taken for the end of a message, and what it means here.
const FALSE_ENDS: [(&str, &str); 8] = [
    ("\n.\n", "\r\n.\r\n"),
    ("\n.\r", "\r\n.\r\n"),
    ("\r.\n", "\r\n.\r\n"),
    ("\r.\r", "\r\n.\r\n"),
    ("\n.\r\n", "\r\n.\r\n"),
    ("\r.\r\n", "\r\n.\r\n"),
    ("\r\n.\n", "\r\n\r\n"),
    ("\r\n.\r", "\r\n\r\n"),
];

const SECOND_MAIL: &str = "MAIL FROM:<evil@a.test>\r\nRCPT TO:<bob@here.test>\r\nDATA\r\n";

fn listeners() -> Vec<Profile> {
    let mut listeners = Vec::new();
    for protocol in [Protocol::Smtp, Protocol::Submission, Protocol::Lmtp] {
        listeners.push(profile(protocol));
        listeners.push(Profile { known_peer: true, ..profile(protocol) });
    }
    listeners
}

#[test]
fn a_s01_only_crlf_dot_crlf_ends_a_message() {
    for listener in listeners() {
        for (end, meaning) in FALSE_ENDS {
            let mut wire = in_data(listener.clone());
            assert_eq!(wire.send(format!("A: b\r\n\r\nfirst{end}{SECOND_MAIL}")), "", "{end:?}");
            assert_eq!(wire.send("\r\n.\r\n"), "250 2.6.0 Message queued as 0000000000001\r\n", "{end:?}");
            let body = String::from_utf8(wire.messages.remove(0).body).unwrap();
            assert_eq!(body, format!("A: b\r\n\r\nfirst{meaning}{SECOND_MAIL}\r\n"), "{end:?}");
            assert!(wire.messages.is_empty());
        }
    }
}

#[test]
fn a_s01_a_nul_before_the_dot_is_no_end_and_no_message() {
    let mut wire = in_data(profile(Protocol::Smtp));
    assert_eq!(wire.send(format!("A: b\r\n\r\nfirst\r\n\0.\r\n{SECOND_MAIL}")), "");
    assert_eq!(wire.send("\r\n.\r\n"), "550 5.6.0 The message holds a NUL\r\n");
    assert_eq!((wire.messages.len(), wire.aborts), (0, 1));
}

#[test]
fn a_s01_where_bare_newlines_are_refused_nothing_behind_them_is_executed() {
    for listener in listeners() {
        for (end, _) in FALSE_ENDS {
            let mut wire = in_data(Profile { bare_newline: BareNewline::Reject, ..listener.clone() });
            let replies = wire.send(format!("A: b\r\n\r\nfirst{end}{SECOND_MAIL}\r\n.\r\nNOOP\r\n"));
            assert_eq!(replies, "550 5.5.2 The message holds a bare CR or LF\r\n", "{end:?}");
            assert_eq!(wire.closed, Some(CloseReason::BareNewline));
            assert!(wire.messages.is_empty());
        }
    }
}

#[test]
fn a_s02_nothing_of_a_refused_message_is_left_for_the_next() {
    let mut wire = in_data(Profile { known_peer: true, size_max: 100, ..profile(Protocol::Smtp) });
    wire.send(format!("A: b\r\n\r\n{}\n.\n{SECOND_MAIL}", "x".repeat(100)));
    assert_eq!(wire.send("\r\n.\r\n"), "552 5.3.4 Message too large\r\n");
    play(
        &mut wire,
        "C: RCPT TO:<bob@here.test>
         S: 503 5.5.1 Send MAIL first
         C: MAIL FROM:<ann@a.test>
         C: RCPT TO:<bob@here.test>
         C: DATA
         S: 250…
         S: 250…
         S: 354…
         C: A: c
         C: .
         S: 250…",
    );
    assert_eq!(wire.messages.len(), 1);
    assert_eq!(wire.messages[0].body, b"A: c\r\n");
}

#[test]
fn a_s03_chunks_mean_what_data_means() {
    for (end, _) in FALSE_ENDS {
        let content = format!("A: b\r\n\r\nfirst{end}{SECOND_MAIL}");
        let mut wire = in_transaction(profile(Protocol::Smtp));
        let replies = wire.send(format!("BDAT {} LAST\r\n{content}", content.len()));
        assert_eq!(replies, "250 2.6.0 Message queued as 0000000000001\r\n", "{end:?}");
        let body = &wire.messages[0].body;
        assert_eq!(wire.messages.len(), 1);
        let text = String::from_utf8(body.clone()).unwrap();
        let without = text.replace("\r\n", "");
        assert!(!without.contains(['\r', '\n']), "{text:?}");
        // Every dot is still there: in chunks none is added for transparency.
        assert_eq!(text.matches('.').count(), content.matches('.').count(), "{text:?}");

        let mut wire = in_transaction(Profile { bare_newline: BareNewline::Reject, ..profile(Protocol::Smtp) });
        let replies = wire.send(format!("BDAT {} LAST\r\n{content}NOOP\r\n", content.len()));
        assert_eq!(replies, "550 5.5.2 The message holds a bare CR or LF\r\n", "{end:?}");
        assert!(wire.is_closed());
    }
}

#[test]
fn a_s04_nothing_that_follows_starttls_is_executed() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    wire.send("EHLO a.test\r\n");
    let replies = wire.send("STARTTLS\r\nMAIL FROM:<x@a.test>\r\n");
    assert_eq!(replies, "554 5.5.0 Nothing may follow STARTTLS before its reply\r\n");
    assert_eq!((wire.closed, wire.handshakes), (Some(CloseReason::Injection), 0));

    // In two segments: the reply is out, but TLS has not begun.
    let mut wire = Wire::new(profile(Protocol::Smtp));
    wire.send("EHLO a.test\r\n");
    assert_eq!(wire.send("STARTTLS\r\n"), "220 2.0.0 Ready to start TLS\r\n");
    let replies = wire.send("MAIL FROM:<x@a.test>\r\n");
    assert_eq!(replies, "554 5.5.0 Nothing may follow STARTTLS before its reply\r\n");
    assert_eq!((wire.closed, wire.handshakes), (Some(CloseReason::Injection), 1));

    // A command cut in two by the handshake.
    let mut wire = Wire::new(profile(Protocol::Smtp));
    assert!(wire.send("EHLO a.test\r\nSTARTTLS\r\nMAIL FR").ends_with("before its reply\r\n"));
}

#[test]
fn a_s05_nothing_said_before_tls_counts_inside() {
    let mut wire = transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test>
         S: 250…
         C: STARTTLS
         S: 503 5.5.1 Not in this place
         C: RSET
         S: 250…
         C: STARTTLS
         S: 220…
         (tls)
         C: RCPT TO:<bob@here.test>
         S: 503 5.5.1 Send EHLO first
         C: DATA
         S: 503 5.5.1 Send EHLO first
         C: MAIL FROM:<ann@a.test>
         S: 503 5.5.1 Send EHLO first",
    );
    assert!(!wire.send("EHLO a.test\r\n").contains("STARTTLS"));
}

#[test]
fn a_s06_empty_chunks_have_an_end() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    let replies = wire.send("BDAT 0\r\n".repeat(1_000));
    assert_eq!(replies.matches("250 2.0.0 Chunk OK").count(), 100);
    assert_eq!(replies.matches("503 5.5.1").count(), 19);
    assert!(replies.ends_with("421 4.7.0 Too many errors\r\n"));
    assert_eq!(wire.closed, Some(CloseReason::Errors));
}

#[test]
fn a_s06_tiny_chunks_are_counted_like_large_ones() {
    let mut wire = in_transaction(Profile { size_max: 1_000, ..profile(Protocol::Smtp) });
    let replies = wire.send("BDAT 1\r\nx".repeat(1_100));
    assert_eq!(replies.matches("250 2.0.0 Chunk OK").count(), 1_000);
    assert_eq!(replies.matches("552 5.3.4").count(), 1);
    assert!(wire.body_most() <= 1_000);
    assert!(wire.is_closed());
}

#[test]
fn a_s06_a_chunk_that_cannot_be_counted_ends_the_session() {
    for argument in ["18446744073709551616", "-1", "+1", "1 FIRST", "x", "", "1 LAST LAST"] {
        let mut wire = in_transaction(profile(Protocol::Smtp));
        let replies = wire.send(format!("BDAT {argument}\r\nMAIL FROM:<evil@a.test>\r\n"));
        assert_eq!(replies, "501 5.5.4 BDAT takes a number of octets, and perhaps LAST\r\n", "{argument}");
        assert_eq!(wire.closed, Some(CloseReason::BadChunk));
    }
}

#[test]
fn a_s06_octets_of_a_misplaced_chunk_are_no_commands() {
    let content = "MAIL FROM:<evil@a.test>\r\n";
    let mut wire = Wire::new(profile(Protocol::Smtp));
    for before in ["", "EHLO a.test\r\n", "MAIL FROM:<ann@a.test>\r\n"] {
        wire.send(before);
        let replies = wire.send(format!("BDAT {} LAST\r\n{content}NOOP\r\n", content.len()));
        let codes: Vec<_> = replies.lines().map(|line| &line[..3]).collect();
        assert_eq!(codes, ["503", "250"], "{replies}");
    }
    assert!(wire.messages.is_empty());
}

#[test]
fn a_s06_a_second_last_is_misplaced() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    let replies = wire.send("BDAT 6 LAST\r\nA: b\r\nBDAT 6 LAST\r\nA: b\r\nNOOP\r\n");
    let codes: Vec<_> = replies.lines().map(|line| &line[..3]).collect();
    assert_eq!(codes, ["250", "503", "250"]);
    assert_eq!(wire.messages.len(), 1);
}

#[test]
fn a_s07_after_a_failed_chunk_only_a_new_beginning_helps() {
    let mut wire = in_transaction(Profile { size_max: 10, ..profile(Protocol::Smtp) });
    play(
        &mut wire,
        "C: BDAT 12
         C: 0123456789
         S: 552 5.3.4 Message too large
         C: DATA
         S: 503 5.5.1 A chunk has failed, send RSET
         C: NOOP
         S: 503 5.5.1 A chunk has failed, send RSET
         C: BDAT 6 LAST
         C: QUIT
         S: 503 5.5.1 A chunk has failed, send RSET
         C: RSET
         S: 250…
         C: MAIL FROM:<ann@a.test>
         S: 250…",
    );
    assert_eq!((wire.messages.len(), wire.aborts), (0, 1));
}

#[test]
fn a_s07_data_after_a_good_chunk_is_misplaced() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    play(&mut wire, "C: BDAT 6\nC: A: b\nS: 250…\nC: DATA\nS: 503 5.5.1 Not in this place\nC: BDAT 0 LAST\nS: 250…");
    assert_eq!(wire.messages.len(), 1);
}

#[test]
fn a_s08_a_command_without_end_is_cut_off() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    let noise = vec![b'x'; 1_024];
    let mut replies = String::new();
    for _ in 0..1_024 {
        replies += &wire.send(&noise);
    }
    assert_eq!(replies, "500 5.5.2 Line too long\r\n");
    assert!(wire.is_closed());
}

#[test]
fn a_s08_a_long_command_is_answered_once() {
    for (line, reply) in [
        (format!("NOOP {}", "x".repeat(600)), "500 5.5.2 Line too long"),
        (format!("XYZZY{}", "x".repeat(30_000)), "500 5.5.2 Line too long"),
        (format!("MAIL FROM:<{}@a.test>", "x".repeat(3_000)), "501 5.5.4 Syntax error in the arguments"),
        (format!("RCPT TO:<{}@a.test>", "x".repeat(20_000)), "501 5.5.4 Syntax error in the arguments"),
        (format!("AUTH PLAIN {}", "x".repeat(20_000)), "500 5.5.6 Line too long"),
    ] {
        let mut submission = profile(Protocol::Submission);
        submission.auth_clear = true;
        let mut wire = Wire::new(submission);
        assert_eq!(wire.send(format!("{line}\r\n")), format!("{reply}\r\n"), "{}", &line[..20]);
        assert_eq!(wire.send("NOOP\r\n"), "250 2.0.0 OK\r\n");
    }
}

#[test]
fn a_s08_endless_headers_and_lines_are_read_in_constant_memory_and_refused() {
    let header = |line: &str, times| (line.to_owned(), times);
    for ((block, times), reply) in [
        (header(&format!("X: {}\r\n", "x".repeat(900)), 2_000), "554 5.6.0 The header of the message is too large"),
        (header("X: y\r\n", 2_000), "554 5.6.0 The header of the message is too large"),
        (header(&"x".repeat(1_000), 2_000), "554 5.6.0 A line of the message is too long"),
        (header(&format!("\r\n{}", "x".repeat(998)), 2_000), "552 5.3.4 Message too large"),
        (header(&"\r".repeat(1_000), 2_000), "554 5.6.0 A line of the message is too long"),
    ] {
        let mut wire = in_data(Profile { size_max: 1_000_000, ..profile(Protocol::Smtp) });
        for _ in 0..times {
            assert_eq!(wire.send(&block), "");
        }
        assert_eq!(wire.send("\r\n.\r\n"), format!("{reply}\r\n"), "{:?}", &block[..4]);
        assert!(wire.body_most() <= 1_000_000);
        assert_eq!(wire.send("NOOP\r\n"), "250 2.0.0 OK\r\n");
    }
}

#[test]
fn a_s09_a_quoted_local_part_is_one_mailbox_or_none() {
    let mut dsn = profile(Protocol::Smtp);
    dsn.extensions.dsn = true;
    let mut wire = in_transaction(dsn.clone());
    for (path, is_mailbox) in [
        ("<\"a> ORCPT=rfc822;x\"@d.test>", true),
        ("<\"a b\"@d.test>", true),
        ("<\"a\\\"b\"@d.test>", true),
        ("<\"plain\"@d.test>", true),
        ("<\"a\rb\"@d.test>", false),
        ("<\"a\"b@d.test>", false),
        ("<\"a@d.test>", false),
        ("<a b@d.test>", false),
    ] {
        let reply = wire.send(format!("RCPT TO:{path}\r\n"));
        assert!(reply.starts_with(if is_mailbox { "250 2.1.5" } else { "50" }), "{path:?}: {reply}");
        if wire.is_closed() {
            assert!(path.contains('\r'), "{path:?}");
            wire = in_transaction(dsn.clone());
        }
    }
    let mut wire = in_transaction(profile(Protocol::Smtp));
    assert_eq!(wire.send("RCPT TO:<\"a\0b\"@d.test>\r\n"), "500 5.5.2 NUL is not allowed\r\n");
    wire.send("RCPT TO:<\"a> ORCPT=rfc822;x\"@d.test>\r\nBDAT 0 LAST\r\n");
    let recipients: Vec<_> = wire.messages[0].recipients.iter().map(ForwardPath::to_string).collect();
    assert_eq!(recipients, ["bob@here.test", "\"a> ORCPT=rfc822;x\"@d.test"]);
}

#[test]
fn a_s10_xtext_that_breaks_out_is_refused() {
    let long = "x".repeat(10 * 1_024);
    for value in ["a+0D+0Ab", "a+00", "+", "a+", "+G0", "+0", "a=b", "+0d", "+FF", &long] {
        let mut dsn = profile(Protocol::Submission);
        dsn.extensions.dsn = true;
        let mut wire = Wire::new(dsn);
        wire.send("EHLO a.test\r\n");
        for keyword in ["ENVID", "AUTH"] {
            let reply = wire.send(format!("MAIL FROM:<ann@a.test> {keyword}={value}\r\n"));
            assert!(reply.starts_with("501 5.5.4"), "{keyword}={value}: {reply}");
        }
        wire.send("MAIL FROM:<ann@a.test>\r\n");
        let reply = wire.send(format!("RCPT TO:<bob@here.test> ORCPT=rfc822;{value}\r\n"));
        assert!(reply.starts_with("501 5.5.4"), "ORCPT={value}: {reply}");
    }
}

#[test]
fn a_s11_local_parts_are_data() {
    let locals = ["${run{/bin/sh}}", "\"|sh\"", "`id`", "\"$(id)\"", "%00", "\"../../etc/passwd\"", "\";id\""];
    let mut wire = in_transaction(profile(Protocol::Smtp));
    for local in locals {
        assert_eq!(wire.send(format!("RCPT TO:<{local}@here.test>\r\n")), "250 2.1.5 Recipient OK\r\n", "{local}");
    }
    assert!(wire.send("RCPT TO:<\"a\nb\"@here.test>\r\n").starts_with("500 5.5.2"));
    let mut wire = in_transaction(profile(Protocol::Smtp));
    wire.send("RCPT TO:<${run{/bin/sh}}@here.test>\r\nBDAT 0 LAST\r\n");
    assert_eq!(wire.messages[0].recipients[1].to_string(), "${run{/bin/sh}}@here.test");
}

#[test]
fn a_s12_commands_out_of_order_are_refused_and_the_session_lives_on() {
    let mut wire = transcript(
        Profile { recipients_max: 3, ..profile(Protocol::Smtp) },
        "C: MAIL FROM:<ann@a.test>
         S: 503 5.5.1 Send EHLO first
         C: EHLO a.test
         S: 250…
         C: RCPT TO:<bob@here.test>
         S: 503 5.5.1 Send MAIL first
         C: MAIL FROM:<ann@a.test> SIZE=99999999999999999999
         S: 552 5.3.4 Message too large
         C: MAIL FROM:<ann@a.test>
         S: 250…
         C: MAIL FROM:<ann@a.test>
         S: 503 5.5.1 Not in this place
         C: DATA
         S: 503 5.5.1 No valid recipient",
    );
    let errors = wire.session.errors();
    let replies = wire.send("RCPT TO:<bob@here.test>\r\n".repeat(10_000));
    assert_eq!(replies.matches("250 2.1.5 Recipient OK").count(), 3);
    assert_eq!(replies.matches("452 4.5.3 Too many recipients").count(), 9_997);
    assert_eq!(wire.session.errors(), errors, "a limit of ours is no error of theirs");
    assert!(!wire.is_closed());
}

#[test]
fn a_s13_what_is_no_smtp_is_closed_at_once() {
    for noise in [
        &b"POST / HTTP/1.1\r\nHost: a\r\n\r\nEHLO a.test\r\nMAIL FROM:<evil@a.test>\r\n"[..],
        b"GET / HTTP/1.0\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\xff\xfb\x1f\x00",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11",
        b"\0",
    ] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert_eq!(wire.send(noise), "554 5.5.2 This is not SMTP\r\n", "{}", noise.escape_ascii());
        assert_eq!(wire.closed, Some(CloseReason::NotSmtp));
        assert!(wire.hellos.is_empty());
    }
    // A request whose first line is SMTP: the next one gives it away.
    let mut wire = Wire::new(profile(Protocol::Smtp));
    wire.send("EHLO a.test\r\nPUT /x HTTP/1.1\r\nMAIL FROM:<evil@a.test>\r\n");
    assert_eq!(wire.closed, Some(CloseReason::NotSmtp));
}

#[test]
fn a_s13_a_bare_newline_in_a_command_ends_the_session() {
    for line in ["EHLO a.test\n", "EHLO a.test\rMAIL FROM:<x@a.test>\r\n", "NOOP\r\r\n"] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert_eq!(wire.send(format!("{line}NOOP\r\n")), "500 5.5.2 Lines must end with CR LF\r\n", "{line:?}");
        assert_eq!(wire.closed, Some(CloseReason::BareNewline));
    }
}

#[test]
fn a_s14_commands_sent_before_the_reply_to_data_are_neither_commands_nor_message() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    let replies = wire.send("DATA\r\nRSET\r\nMAIL FROM:<evil@a.test>\r\n.\r\n");
    assert_eq!(replies, "554 5.5.0 Nothing may follow DATA before its reply\r\n");
    assert_eq!((wire.messages.len(), wire.aborts), (0, 1));
    assert!(wire.is_closed());
}

#[test]
fn a_s14_a_message_sent_after_a_refused_data_is_no_commands() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    let replies = wire.send(
        "EHLO a.test\r\nMAIL FROM:<ann@a.test>\r\nRCPT TO:<nobody@here.test>\r\nDATA\r\n\
         MAIL FROM:<evil@a.test>\r\nRCPT TO:<bob@here.test>\r\n.\r\n",
    );
    assert!(replies.ends_with("550 5.1.1 No such mailbox\r\n554 5.5.0 Nothing may follow DATA before its reply\r\n"));
    assert!(wire.is_closed() && wire.messages.is_empty());

    for before in ["", "EHLO a.test\r\n", "EHLO a.test\r\nMAIL FROM:<>\r\n"] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        let replies = wire.send(format!("{before}DATA\r\nEHLO evil.test\r\n.\r\n"));
        assert!(replies.ends_with("554 5.5.0 Nothing may follow DATA before its reply\r\n"), "{replies}");
        assert!(!wire.hellos.contains(&"evil.test".to_owned()));
    }

    let mut wire = Wire::new(profile(Protocol::Smtp));
    wire.send("EHLO a.test\r\nMAIL FROM:<ann@a.test>\r\nRCPT TO:<nobody@here.test>\r\n");
    assert_eq!(wire.send("DATA\r\n"), "503 5.5.1 No valid recipient\r\n");
    assert_eq!(wire.send("RCPT TO:<bob@here.test>\r\n"), "250 2.1.5 Recipient OK\r\n");
}

#[test]
fn a_s15_hello_names_are_recorded_but_not_believed() {
    let long = "a".repeat(256);
    let kilobyte = "a".repeat(1_024);
    for name in ["", "a\x1b[31m", "a\tb", "a\u{7f}", "a\u{85}b", &long, &kilobyte] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert_eq!(wire.send(format!("EHLO {name}\r\n")), "501 5.5.4 Syntax error in the arguments\r\n", "{name:?}");
        assert!(wire.hellos.is_empty());
    }
    for name in ["a%b", "a_b", "localhost", "mx.here.test", "nodot", "[192.0.2.1]", "jörg", &"a".repeat(255)] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert!(wire.send(format!("EHLO {name}\r\n")).starts_with("250-mx.here.test\r\n"), "{name:?}");
        assert_eq!(wire.hellos, [name]);
    }
}

#[test]
fn a_s18_proxies_that_nobody_asked_for_are_refused() {
    for line in ["XCLIENT ADDR=127.0.0.1\r\n", "XFORWARD ADDR=127.0.0.1\r\n"] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert_eq!(wire.send(line), "502 5.5.1 Command not implemented\r\n");
    }
    let v2 = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], &vec![0; 65_535]].concat();
    for header in [b"PROXY TCP4 127.0.0.1 127.0.0.1 1 25\r\nEHLO a.test\r\n".to_vec(), v2] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        assert_eq!(wire.send(header), "554 5.5.2 This is not SMTP\r\n");
        assert!(wire.is_closed());
    }
}

#[test]
fn a_s22_notices_cannot_be_ordered_where_strangers_come_in() {
    transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<forged@a.test> RET=FULL
         S: 555 5.5.4 A parameter is not known here
         C: MAIL FROM:<forged@a.test>
         S: 250…
         C: RCPT TO:<bob@here.test> NOTIFY=SUCCESS
         S: 555 5.5.4 A parameter is not known here",
    );
}

#[test]
fn a_s23_requiretls_is_a_parameter_of_tls() {
    let mut honoured = profile(Protocol::Smtp);
    honoured.extensions.requiretls = true;
    transcript(
        honoured,
        "C: EHLO a.test
         S: 250…
         C: MAIL FROM:<ann@a.test> REQUIRETLS
         S: 555 5.5.4 A parameter is not known here
         C: MAIL FROM:<ann@a.test> REQUIRETLS=1
         S: 501 5.5.4 Syntax error in a parameter
         C: STARTTLS
         S: 220…
         (tls)
         C: EHLO a.test
         S: 250…
         C: MAIL FROM:<> REQUIRETLS
         S: 250 2.1.0 Sender OK",
    );
}

#[test]
fn a_t04_tls_begins_once() {
    let mut wire = transcript(
        profile(Protocol::Smtp),
        "C: EHLO a.test
         S: 250…
         C: STARTTLS now
         S: 501 5.5.4 Syntax error in the arguments
         C: STARTTLS
         S: 220…
         (tls)
         C: EHLO a.test
         S: 250…
         C: STARTTLS
         S: 503 5.5.1 TLS is on already",
    );
    assert_eq!(wire.handshakes, 1);
    assert!(wire.send("NOOP\r\n").starts_with("250"));

    let mut wire = Wire::new(profile(Protocol::Smtp));
    assert!(wire.send("STARTTLS\r\nSTARTTLS\r\n").starts_with("554 5.5.0"));
    let mut wire = Wire::new(Profile { tls: ListenerTls::Off, ..profile(Protocol::Smtp) });
    assert_eq!(wire.send("STARTTLS\r\n"), "502 5.5.1 Command not implemented\r\n");
}

#[test]
fn a_stranger_who_speaks_before_the_greeting_is_refused() {
    let mut wire = Wire::connected(profile(Protocol::Smtp), None);
    assert_eq!(wire.send("EHLO a.test\r\n"), "554 5.5.1 You must wait for the greeting\r\n");
    assert_eq!(wire.closed, Some(CloseReason::EarlyTalker));

    let mut wire = Wire::connected(profile(Protocol::Submission), None);
    assert_eq!(wire.send("EHLO a.test\r\n"), "");
    wire.session.greet(wire.now);
    assert!(wire.send("").starts_with("220 mx.here.test ESMTP Rohrpost\r\n250-mx.here.test\r\n"));
}
