//! Every bound is reached, and holds.

use std::time::Duration;

use rohrpost_pop3::{
    CloseReason, Negative, ResponseCode,
    limits::{
        AUTHORIZATION_TIMEOUT, ERRORS_MAX, ERRORS_UNTIL_DELAY, LINE_BYTES_MAX, OUTPUT_BYTES_MAX, TRANSACTION_TIMEOUT,
    },
};

use crate::harness::{Mailbox, Wire, log_in, logged_in, play, profile, three};

#[test]
fn a_line_without_end_ends_the_session() {
    let mut wire = Wire::new(profile());
    let said = wire.send("x".repeat(LINE_BYTES_MAX + 1));
    assert_eq!((said.as_str(), wire.closed), ("-ERR Line too long\r\n", Some(CloseReason::Errors)));
}

#[test]
fn from_the_tenth_error_on_each_takes_longer_and_the_twentieth_is_the_last() {
    let mut wire = Wire::new(profile());
    for error in 1..ERRORS_MAX {
        let before = wire.waited;
        assert_eq!(wire.send("NONE\r\n"), "-ERR Unknown command\r\n");
        let delay = u64::from((error + 1).saturating_sub(ERRORS_UNTIL_DELAY));
        assert_eq!(wire.waited, before + Duration::from_secs(delay));
        wire.pass(Duration::from_secs(delay));
    }
    assert_eq!(wire.send("NONE\r\n"), "-ERR Too many errors\r\n");
    assert_eq!((wire.closed, wire.session.errors()), (Some(CloseReason::Errors), ERRORS_MAX));
}

#[test]
fn a_silent_client_is_left_without_a_word_and_nothing_is_removed() {
    let mut wire = logged_in();
    wire.send("DELE 1\r\n");
    assert_eq!(wire.pass(TRANSACTION_TIMEOUT * 9 / 10), "");
    assert_eq!(wire.send("NOOP\r\n"), "+OK OK\r\n");
    assert_eq!(wire.pass(TRANSACTION_TIMEOUT * 9 / 10), "");
    assert_eq!(wire.closed, None);
    assert_eq!(wire.pass(TRANSACTION_TIMEOUT), "");
    assert_eq!((wire.closed, &wire.mailbox), (Some(CloseReason::TimedOut), &three()));
}

#[test]
fn whoever_does_not_log_in_has_less_time_however_busy() {
    let mut wire = Wire::new(profile());
    assert_eq!(wire.pass(AUTHORIZATION_TIMEOUT * 9 / 10), "");
    assert!(wire.send("CAPA\r\n").starts_with("+OK"));
    assert_eq!(wire.closed, None);
    assert_eq!(wire.pass(AUTHORIZATION_TIMEOUT / 10), "");
    assert_eq!(wire.closed, Some(CloseReason::TimedOut));
}

#[test]
fn a_long_list_leaves_in_bounded_parts() {
    let mut wire = Wire::new(profile());
    wire.mailbox = (1..=20_000).map(|uid| (uid, b"a: b\r\n\r\n".to_vec())).collect::<Mailbox>();
    log_in(&mut wire);
    let said = wire.send("UIDL\r\nSTAT\r\nLIST\r\nNOOP\r\n");
    assert_eq!(said.lines().count(), 2 * (20_000 + 2) + 2);
    assert!(said.contains("\r\n20000 7.20000\r\n.\r\n+OK 20000 160000\r\n") && said.ends_with("\r\n.\r\n+OK OK\r\n"));
    assert!(wire.transmit_most < OUTPUT_BYTES_MAX + 100, "{} octets at once", wire.transmit_most);
}

#[test]
fn a_large_message_leaves_in_bounded_parts_and_top_reads_no_more_than_it_needs() {
    let mut wire = Wire::new(profile());
    let line = format!("{}\r\n", "x".repeat(98));
    wire.mailbox = [(1, format!("a: b\r\n\r\n{}", line.repeat(10_000)).into_bytes())].into();
    log_in(&mut wire);
    let said = wire.send("RETR 1\r\n");
    assert_eq!(said.len(), "+OK 1000008 octets\r\n".len() + 1_000_008 + ".\r\n".len());
    assert!(wire.transmit_most < OUTPUT_BYTES_MAX + 2_000, "{} octets at once", wire.transmit_most);
    wire.octets_read = 0;
    assert_eq!(wire.send("TOP 1 1\r\n"), format!("+OK 1000008 octets\r\na: b\r\n\r\n{line}.\r\n"));
    assert!(wire.octets_read <= 1_000, "{} octets for one line", wire.octets_read);
}

#[test]
fn a_server_that_stops_says_so_between_two_commands() {
    let mut wire = logged_in();
    wire.send("NO");
    wire.session.shut_down(Negative::new(ResponseCode::SysTemp, "Shutting down"));
    wire.pump();
    assert_eq!(wire.take_output(), "", "a command is under way");
    play(&mut wire, "C: OP\nS: +OK OK\nS: -ERR [SYS/TEMP] Shutting down\n(closed)");
    assert_eq!(wire.closed, Some(CloseReason::ShutDown));
}
