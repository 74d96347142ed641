//! Greeting, capabilities, STARTTLS and log-in (RFC 9051 §6.1 and §6.2).

use std::time::Duration;

use rohrpost_imap::event::CloseReason;
use rohrpost_mail::ListenerTls;
use rohrpost_sasl::server::TlsFacts;

use super::harness::{Account, Wire, profile};

const OFFERED: &str = "IMAP4rev2 IMAP4rev1 LITERAL+ SASL-IR ID ENABLE";

fn clear(auth_clear: bool, tls: ListenerTls) -> Wire {
    let profile = rohrpost_imap::profile::Profile { auth_clear, tls, ..profile() };
    Wire::with(profile, None, &Account::new())
}

#[test]
fn the_greeting_says_what_is_offered_on_this_link() {
    let mut wire = Wire::connect(&Account::new());
    wire.transcript(&format!(
        "S: * OK [CAPABILITY {OFFERED} AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN] mail.here.test Rohrpost ready"
    ));
    let mut wire = clear(false, ListenerTls::Offered);
    wire.transcript(&format!("S: * OK [CAPABILITY {OFFERED} STARTTLS LOGINDISABLED] mail.here.test Rohrpost ready"));
    let mut wire = clear(true, ListenerTls::Offered);
    wire.transcript(&format!("S: * OK [CAPABILITY {OFFERED} STARTTLS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN] …"));
    let mut wire = clear(true, ListenerTls::Required);
    wire.transcript(&format!("S: * OK [CAPABILITY {OFFERED} STARTTLS LOGINDISABLED] …"));
}

#[test]
fn a_client_logs_in_and_is_told_what_it_may_use() {
    let mut wire = Wire::connect(&Account::new());
    wire.transcript(
        r#"S: * OK …
        C: a SELECT INBOX
        S: a BAD Log in first
        C: b LOGIN "ann" pencil
        S: b OK [CAPABILITY IMAP4rev2 IMAP4rev1 LITERAL+ SASL-IR ID ENABLE IDLE …
        C: c LOGIN ann pencil
        S: c BAD You are logged in already
        C: d NOOP
        S: d OK NOOP completed
        C: e LOGOUT
        S: * BYE See you
        S: e OK LOGOUT completed"#,
    );
    assert_eq!(wire.closed, Some(CloseReason::Logout));
}

#[test]
fn plain_goes_with_and_without_an_initial_response() {
    let mut wire = Wire::connect(&Account::new());
    wire.transcript("S: * OK …\nC: a AUTHENTICATE PLAIN AGFubgBwZW5jaWw=\nS: a OK [CAPABILITY …");
    let mut wire = Wire::connect(&Account::new());
    wire.transcript("S: * OK …\nC: a AUTHENTICATE PLAIN\nS: +\x20\nC: AGFubgBwZW5jaWw=\nS: a OK [CAPABILITY …");
    let mut wire = Wire::connect(&Account::new());
    wire.transcript(
        "S: * OK …
        C: a AUTHENTICATE PLAIN
        S: +\x20
        C: *
        S: a BAD Log-in cancelled
        C: b AUTHENTICATE LOGIN
        S: + VXNlcm5hbWU6
        C: YW5u
        S: + UGFzc3dvcmQ6
        C: cGVuY2ls
        S: b OK [CAPABILITY …",
    );
}

#[test]
fn a_wrong_password_waits_and_the_third_ends_the_session() {
    let mut wire = Wire::connect(&Account::new());
    let begin = wire.now;
    wire.transcript(
        "S: * OK …
        C: a LOGIN ann brush
        S: a NO [AUTHENTICATIONFAILED] Wrong name or password (a7)
        C: b LOGIN nobody pencil
        S: b NO [AUTHENTICATIONFAILED] Wrong name or password (a7)",
    );
    assert!(wire.now >= begin + Duration::from_secs(2));
    wire.transcript(
        "C: c LOGIN ann brush
        S: c NO [AUTHENTICATIONFAILED] Wrong name or password (a7)
        S: * BYE Too many wrong passwords (a7)",
    );
    assert_eq!(wire.closed, Some(CloseReason::Guessing));
}

#[test]
fn a_password_that_cannot_be_checked_takes_as_long_as_a_wrong_one() {
    let mut wire = Wire::connect(&Account::new());
    let begin = wire.now;
    wire.transcript("S: * OK …\nC: a LOGIN broken x\nS: a NO [UNAVAILABLE] Passwords cannot be checked now");
    assert_eq!(wire.now, begin + Duration::from_secs(1));
}

#[test]
fn passwords_do_not_cross_clear_text_unless_the_listener_lets_them() {
    let mut wire = clear(false, ListenerTls::Offered);
    wire.transcript(
        "S: * OK …
        C: a LOGIN ann pencil
        S: a NO [PRIVACYREQUIRED] Log-in needs encryption: set your mail program to SSL/TLS…
        C: b AUTHENTICATE PLAIN AGFubgBwZW5jaWw=
        S: b NO [PRIVACYREQUIRED] Log-in needs encryption: set your mail program to SSL/TLS…",
    );
    let mut wire = clear(true, ListenerTls::Offered);
    wire.transcript("S: * OK …\nC: a LOGIN ann pencil\nS: a OK …");
}

#[test]
fn starttls_begins_a_new_session() {
    let mut wire = clear(false, ListenerTls::Required);
    wire.transcript("S: * OK …\nC: a STARTTLS\nS: a OK Begin TLS now");
    assert!(wire.wants_handshake);
    wire.session.tls_started(wire.now, TlsFacts::default());
    wire.transcript(
        "C: b CAPABILITY
        S: * CAPABILITY IMAP4rev2 IMAP4rev1 LITERAL+ SASL-IR ID ENABLE AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN
        S: b OK CAPABILITY completed
        C: c STARTTLS
        S: c BAD TLS is on already
        C: d LOGIN ann pencil
        S: d OK …",
    );
}

#[test]
fn a_silent_client_is_sent_away_sooner_before_the_log_in() {
    let mut wire = Wire::connect(&Account::new());
    wire.take_output();
    wire.advance(Duration::from_secs(121));
    wire.transcript("S: * BYE Autologout: nothing came for too long (a7)");
    let mut wire = Wire::logged_in(&Account::new());
    wire.advance(Duration::from_mins(29));
    wire.transcript("C: a NOOP\nS: a OK NOOP completed");
    wire.advance(Duration::from_mins(31));
    assert_eq!(wire.closed, Some(CloseReason::TimedOut));
}

#[test]
fn each_side_says_what_it_is() {
    let mut wire = Wire::connect(&Account::new());
    wire.transcript(
        r#"S: * OK …
        C: a ID ("name" "mutt" "version" NIL)
        S: * ID ("name" "Rohrpost")
        S: a OK ID completed"#,
    );
}
