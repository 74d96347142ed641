//! AUTH: who may, where, and what it looks like.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_sasl::{
    ChannelBinding, Mechanism,
    client::{Credentials, Exchange},
    server::MECHANISMS,
};
use rohrpost_smtp::server::{CloseReason, Profile, Protocol, TlsFacts};

use crate::harness::{BINDING, Sha, Wire, play, profile};

fn encode(octets: impl AsRef<[u8]>) -> String {
    STANDARD.encode(octets)
}

/// Inside TLS, EHLO said.
fn ready() -> Wire {
    let tls = TlsFacts { binding: Some(ChannelBinding::tls_exporter(BINDING)), client_name: None };
    let mut wire = Wire::connected(Profile { tls: ListenerTls::Implicit, ..profile(Protocol::Submission) }, Some(tls));
    wire.session.greet(wire.now);
    wire.send("EHLO a.test\r\n");
    wire
}

fn credentials(password: &str) -> Credentials {
    Credentials::password("ann@here.test", Secret::new(password))
}

/// Goes through a mechanism as a good client does; gives the last reply.
fn log_in(wire: &mut Wire, mechanism: Mechanism, password: &str, binding: Option<&[u8]>) -> String {
    let binding = binding.map(ChannelBinding::tls_exporter);
    let mut exchange =
        Exchange::new(mechanism, credentials(password), Arc::new(Sha), binding, "client-nonce".into()).unwrap();
    let mut line = format!("AUTH {mechanism}");
    if let Some(initial) = exchange.initial() {
        line = format!("{line} {}", encode(initial));
    }
    loop {
        let reply = wire.send(format!("{line}\r\n"));
        let Some(challenge) = reply.strip_prefix("334 ") else {
            assert!(!reply.starts_with("235") || exchange.finished().is_ok());
            return reply;
        };
        line = encode(exchange.step(&STANDARD.decode(challenge.trim_end()).unwrap()).unwrap());
    }
}

fn binding_of(mechanism: Mechanism) -> Option<&'static [u8]> {
    (mechanism == Mechanism::ScramSha256Plus).then_some(BINDING)
}

#[test]
fn every_mechanism_lets_the_right_password_in() {
    for mechanism in MECHANISMS {
        let mut wire = ready();
        let reply = log_in(&mut wire, mechanism, "pencil", binding_of(mechanism));
        assert_eq!(reply, "235 2.7.0 Logged in\r\n", "{mechanism}");
        assert_eq!(wire.logged_in, Some(("ann@here.test".into(), String::new())));
        play(&mut wire, "C: AUTH PLAIN\nS: 503 5.5.1 You have logged in already\nC: MAIL FROM:<>\nS: 250…");
    }
}

#[test]
fn a_wrong_password_costs_a_second_and_the_third_the_session() {
    for mechanism in MECHANISMS {
        let mut wire = ready();
        for n in 1..=2 {
            let reply = log_in(&mut wire, mechanism, "pen", binding_of(mechanism));
            assert_eq!(reply, "535 5.7.8 Authentication credentials invalid\r\n", "{mechanism}");
            assert_eq!(wire.waited, Duration::from_secs(n));
        }
        let reply = log_in(&mut wire, mechanism, "pen", binding_of(mechanism));
        assert_eq!(reply, "421 4.7.0 Too many wrong passwords\r\n", "{mechanism}");
        assert_eq!(wire.closed, Some(CloseReason::Guessing));
        assert_eq!(wire.logged_in, None);
    }
}

#[test]
fn a_s16_an_unknown_user_costs_the_same_time_and_words() {
    for (user, password) in [("ann@here.test", "pen"), ("nobody@here.test", "pen")] {
        let mut wire = ready();
        let reply = wire.send(format!("AUTH PLAIN {}\r\n", encode(format!("\0{user}\0{password}"))));
        assert_eq!(reply, "535 5.7.8 Authentication credentials invalid\r\n");
        assert_eq!(wire.waited, Duration::from_secs(1));

        let first = wire.send(format!("AUTH SCRAM-SHA-256 {}\r\n", encode(format!("n,,n={user},r=abc"))));
        let challenge = STANDARD.decode(first.strip_prefix("334 ").unwrap().trim_end()).unwrap();
        let challenge = String::from_utf8(challenge).unwrap();
        assert!(challenge.starts_with("r=abcserver-nonce-1234,s=") && challenge.ends_with(",i=4096"), "{challenge}");
        let last = format!("c=biws,r=abcserver-nonce-1234,p={}", encode([0; 32]));
        assert!(wire.send(format!("{}\r\n", encode(last))).starts_with("535"));
        assert_eq!(wire.waited, Duration::from_secs(2));
        assert_eq!(wire.auth_failures, 1);
    }
}

#[test]
fn accounts_that_cannot_be_asked_are_no_fault_of_the_client_and_cost_a_second() {
    let mut wire = ready();
    let reply = wire.send(format!("AUTH PLAIN {}\r\n", encode("\0broken\0x")));
    assert_eq!(reply, "454 4.7.0 Temporary authentication failure\r\n");
    assert_eq!((wire.session.errors(), wire.waited), (0, Duration::from_secs(1)));
    let reply = wire.send(format!("AUTH PLAIN {}\r\n", encode("\0locked\0x")));
    assert_eq!(reply, "454 4.7.0 Too many wrong passwords, try again later\r\n");
    assert!(!wire.is_closed());
}

#[test]
fn a_a01_what_is_no_base64_ends_the_attempt_and_not_the_session() {
    let mut wire = ready();
    for line in ["abc", "=", "ab==cd==", "*", "YQ", "YQ=", "Y Q==", "!!!!", "=AAA"] {
        assert_eq!(wire.send("AUTH PLAIN\r\n"), "334 \r\n");
        let reply = wire.send(format!("{line}\r\n"));
        assert!(reply.starts_with("501 5.5.2 "), "{line}: {reply}");
        assert!(wire.send("NOOP\r\n").starts_with("250"), "{line}");
    }
    for initial in ["=", "abc", "AA=A"] {
        let mut wire = ready();
        let reply = wire.send(format!("AUTH PLAIN {initial}\r\n"));
        assert!(reply.starts_with("501 5.5.2 "), "{initial}: {reply}");
    }
    let mut wire = ready();
    wire.send("AUTH LOGIN\r\n");
    assert!(wire.send("\r\n").starts_with("501 5.5.2 "));
    wire.send("AUTH PLAIN\r\n");
    let reply = wire.send(format!("{}\r\n", "A".repeat(64 * 1_024 - 2)));
    assert_eq!(reply, "500 5.5.6 Line too long\r\n");
    assert!(wire.send("NOOP\r\n").starts_with("250"));
    assert_eq!(wire.asked_passwords, 0);
}

#[test]
fn a_a02_nobody_acts_as_somebody_else() {
    let mut wire = ready();
    for (message, code) in [
        ("bob@here.test\0ann@here.test\0pencil", "535"),
        ("admin\0ann@here.test\0pencil", "535"),
        ("\0\0ann@here.test\0pencil", "501"),
        ("ann@here.test\0pencil", "501"),
        ("ann@here.test", "501"),
        ("\0ann@here.test\0pen\0cil", "501"),
        ("\0\0pencil", "501"),
        ("\0ann@here.test\0", "501"),
    ] {
        let reply = wire.send(format!("AUTH PLAIN {}\r\n", encode(message)));
        assert!(reply.starts_with(code), "{message:?}: {reply}");
        assert_eq!(wire.logged_in, None);
    }
    let reply = wire.send(format!("AUTH PLAIN {}\r\n", encode("ann@here.test\0ann@here.test\0pencil")));
    assert_eq!(reply, "235 2.7.0 Logged in\r\n");

    let mut wire = ready();
    wire.send(format!("AUTH SCRAM-SHA-256 {}\r\n", encode("n,a=admin,n=ann@here.test,r=abc")));
    let last = format!("c={},r=abcserver-nonce-1234,p={}", encode("n,a=admin,"), encode([0; 32]));
    assert!(wire.send(format!("{}\r\n", encode(last))).starts_with("535"));
}

/// `tls` of the listener, `auth.clear` and `auth.tls`; then the replies to AUTH in clear text and inside TLS.
const A04: [(ListenerTls, bool, bool, &str, &str); 12] = [
    (ListenerTls::Off, false, false, "502 5.5.1", ""),
    (ListenerTls::Off, false, true, "502 5.5.1", ""),
    (ListenerTls::Off, true, false, "334", ""),
    (ListenerTls::Off, true, true, "334", ""),
    (ListenerTls::Offered, false, false, "502 5.5.1", "502 5.5.1"),
    (ListenerTls::Offered, false, true, "538 5.7.11", "334"),
    (ListenerTls::Offered, true, false, "334", "502 5.5.1"),
    (ListenerTls::Offered, true, true, "334", "334"),
    (ListenerTls::Required, false, false, "502 5.5.1", "502 5.5.1"),
    (ListenerTls::Required, false, true, "530 5.7.0", "334"),
    (ListenerTls::Required, true, false, "502 5.5.1", "502 5.5.1"),
    (ListenerTls::Required, true, true, "530 5.7.0", "334"),
];

#[test]
fn a_a04_auth_is_answered_by_the_listener_s_settings() {
    for protocol in [Protocol::Smtp, Protocol::Submission] {
        for (tls, auth_clear, auth_tls, clear, inside) in A04 {
            for mechanism in ["PLAIN", "LOGIN", "SCRAM-SHA-256"] {
                let case = format!("{tls}, clear {auth_clear}, tls {auth_tls}, {mechanism}");
                let mut wire = Wire::new(Profile { tls, auth_clear, auth_tls, ..profile(protocol) });
                let hello = wire.send("EHLO a.test\r\n");
                assert_eq!(hello.contains("AUTH"), clear == "334", "{case}: {hello}");
                let reply = wire.send(format!("AUTH {mechanism}\r\n"));
                assert!(reply.starts_with(clear), "{case}: {reply}");
                if tls == ListenerTls::Off {
                    continue;
                }
                if clear == "334" {
                    wire.send("*\r\n");
                }
                assert!(wire.send("STARTTLS\r\n").starts_with("220"), "{case}");
                wire.tls();
                let hello = wire.send("EHLO a.test\r\n");
                assert_eq!(hello.contains("AUTH"), inside == "334", "{case}: {hello}");
                let reply = wire.send(format!("AUTH {mechanism}\r\n"));
                assert!(reply.starts_with(inside), "{case}, inside TLS: {reply}");
            }
        }
    }
}

#[test]
fn a_a04_no_mechanism_goes_on_that_is_not_offered() {
    let mut wire = ready();
    for mechanism in ["OAUTHBEARER", "XOAUTH2", "CRAM-MD5", "EXTERNAL", "NTLM", "x"] {
        let reply = wire.send(format!("AUTH {mechanism} {}\r\n", encode("token")));
        assert_eq!(reply, "504 5.5.4 Mechanism not offered\r\n");
    }
    let mut wire = Wire::new(Profile { auth_clear: true, ..profile(Protocol::Submission) });
    wire.send("EHLO a.test\r\n");
    assert_eq!(wire.send("AUTH SCRAM-SHA-256-PLUS\r\n"), "504 5.5.4 Mechanism not offered\r\n");
}

#[test]
fn a_a05_a_login_is_bound_to_this_connection() {
    let mut wire = ready();
    let reply = log_in(&mut wire, Mechanism::ScramSha256Plus, "pencil", Some(b"of another connection"));
    assert_eq!(reply, "535 5.7.8 Authentication credentials invalid\r\n");
    // `y`: the client could bind and was told, by somebody on the way, that we cannot.
    let reply = log_in(&mut wire, Mechanism::ScramSha256, "pencil", Some(BINDING));
    assert_eq!(reply, "535 5.7.8 Authentication credentials invalid\r\n");
    assert_eq!(wire.logged_in, None);

    let mut wire = Wire::new(Profile { auth_clear: true, ..profile(Protocol::Submission) });
    wire.send("EHLO a.test\r\n");
    let reply = log_in(&mut wire, Mechanism::ScramSha256, "pencil", Some(BINDING));
    assert_eq!(reply, "235 2.7.0 Logged in\r\n", "-PLUS was not offered here");
}

#[test]
fn a_s21_cancelled_logins_end_the_session_after_twenty() {
    let mut wire = ready();
    let replies = wire.send("AUTH PLAIN\r\n*\r\n".repeat(100));
    assert_eq!(replies.matches("501 5.5.2 Cancelled").count(), 19);
    assert!(replies.ends_with("421 4.7.0 Too many errors\r\n"));
    assert_eq!(wire.closed, Some(CloseReason::Errors));
}

#[test]
fn scram_is_over_only_when_the_client_has_seen_our_signature() {
    let mut wire = ready();
    let mut exchange =
        Exchange::new(Mechanism::ScramSha256, credentials("pencil"), Arc::new(Sha), None, "client-nonce".into())
            .unwrap();
    let first = wire.send(format!("AUTH SCRAM-SHA-256 {}\r\n", encode(exchange.initial().unwrap())));
    let last = exchange.step(&STANDARD.decode(first[4..].trim_end()).unwrap()).unwrap();
    let signature = wire.send(format!("{}\r\n", encode(last)));
    assert!(signature.starts_with("334 "));
    assert_eq!((wire.send("*\r\n").as_str(), wire.logged_in.clone()), ("501 5.5.2 Cancelled\r\n", None));
}
