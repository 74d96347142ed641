//! What a client may do only so often.

use std::time::Duration;

use rohrpost_smtp::server::{CloseReason, Profile, Protocol};

use crate::harness::{Wire, in_transaction, profile};

#[test]
fn a_s21_idle_talk_becomes_an_error_from_the_101st_on() {
    for command in ["RSET", "NOOP", "EHLO a.test", "HELP", "VRFY ann"] {
        let mut wire = Wire::new(profile(Protocol::Smtp));
        let replies = wire.send(format!("{command}\r\n").repeat(1_000));
        assert!(replies.ends_with("421 4.7.0 Too many errors\r\n"), "{command}");
        let answers = replies.lines().filter(|line| line.as_bytes()[3] == b' ').count();
        assert_eq!(answers, 100 + 19 + 1, "{command}");
        assert_eq!(wire.closed, Some(CloseReason::Errors));
        assert_eq!(wire.session.errors(), 20);
        // From the tenth error on: 1 + 2 + … + 10 seconds.
        assert_eq!(wire.waited, Duration::from_secs(55), "{command}");
    }
}

#[test]
fn a_s21_a_stored_message_makes_room_for_idle_talk() {
    let mut wire = Wire::new(profile(Protocol::Smtp));
    for _ in 0..3 {
        wire.send("NOOP\r\n".repeat(90));
        wire.send("EHLO a.test\r\nMAIL FROM:<>\r\nRCPT TO:<bob@here.test>\r\nBDAT 0 LAST\r\n");
    }
    assert_eq!((wire.session.errors(), wire.messages.len()), (0, 3));
}

#[test]
fn a_s21_unknown_recipients_end_the_session() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    let replies = wire.send("RCPT TO:<nobody@here.test>\r\n".repeat(200));
    assert_eq!(replies.matches("550 5.1.1 No such mailbox").count(), 19);
    assert!(replies.ends_with("421 4.7.0 Too many errors\r\n"));
    assert_eq!(wire.waited, Duration::from_secs(55));
}

#[test]
fn a_s21_limits_of_ours_are_no_errors_of_theirs() {
    let mut wire = in_transaction(profile(Protocol::Smtp));
    let replies = wire.send("RCPT TO:<full@here.test>\r\n".repeat(10_000));
    assert_eq!(replies.matches("452 4.2.2 Mailbox full").count(), 10_000);
    assert_eq!((wire.session.errors(), wire.waited), (0, Duration::ZERO));
}

#[test]
fn a_session_has_only_so_many_transactions() {
    let mut wire = Wire::new(Profile { messages_max: 2, ..profile(Protocol::Smtp) });
    wire.send("EHLO a.test\r\n");
    let replies = wire.send("MAIL FROM:<>\r\nRSET\r\n".repeat(3));
    assert_eq!(replies.matches("250 2.1.0").count(), 2);
    assert!(replies.ends_with("421 4.7.0 Too many messages, connect again\r\n"));
    assert_eq!(wire.closed, Some(CloseReason::Messages));
}
