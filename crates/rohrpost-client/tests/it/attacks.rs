//! Rows of the table of known attacks, over real sockets.

use rohrpost_client::{ConnectError, Connection, LinkTls, Login, SessionError, Target};
use rohrpost_mail::{Class, Link, Secret, Stage, Trust};

use crate::{GREETING, TRANSACTION, open, peer::Peer, send, target, tls};

async fn open_error(script: &str, change: impl FnOnce(&mut Target)) -> ConnectError {
    let (peer, _ca) = Peer::start_tls(&[script]).await;
    let mut target = target(peer.address);
    change(&mut target);
    Connection::open(&target, &tls()).await.unwrap_err()
}

const STARTTLS: &str = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 STARTTLS\nC: STARTTLS\n";

#[tokio::test]
async fn a_c01_broken_greetings_are_protocol_errors() {
    for greeting in ["S: 220-a\nS: 221 b\n", "S: hello\n", "S: 220 \0\n", "S, 220 a\n\n", &"S: 220-a\n".repeat(200)] {
        let error = open_error(greeting, |_| {}).await;
        assert_eq!((error.stage(), error.class()), (Stage::Greeting, Class::Temporary), "{greeting:?}");
    }
}

#[tokio::test]
async fn a_c03_octets_sent_together_with_220_abort_the_connection() {
    let error = open_error(&format!("{STARTTLS}S, 220 go\r\nS: 250 PIPELINING\n"), |_| {}).await;
    // Both lines may come in one segment or in two: then the second one breaks the handshake.
    assert!(matches!(error, ConnectError::Session(SessionError::Injected) | ConnectError::Tls(_)), "{error}");
}

#[tokio::test]
async fn a_c04_a_failed_handshake_is_an_error_also_when_tls_is_optional() {
    for script in ["S: 454 not now\n", "S: 502 what?\n", "S: 220 go\n", "S: 220 go\nANY\nS: this is no handshake\n"] {
        for mode in [LinkTls::IfOffered, LinkTls::Starttls] {
            let error = open_error(&format!("{STARTTLS}{script}"), |target| target.tls = mode).await;
            assert!(error.is_handshake_failure(), "{script:?}: {error}");
            assert_eq!(error.class(), Class::Temporary);
        }
    }
}

#[tokio::test]
async fn a_c04_starttls_that_is_not_offered_stops_what_requires_it() {
    let error = open_error(&format!("{GREETING}END\n"), |target| target.tls = LinkTls::Starttls).await;
    assert!(!error.is_handshake_failure());
    assert_eq!((error.stage(), error.class()), (Stage::Starttls, Class::Temporary));
    let peer = Peer::start(&[GREETING]).await;
    assert_eq!(open(peer.address).await.link(), &Link::Clear { reason: "not offered".into() });
}

#[tokio::test]
async fn a_c08_a_connection_that_closes_after_the_dot_leaves_the_outcome_unknown() {
    let flight = "C: MAIL FROM:<>\nC: RCPT TO:<bob@there.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\n";
    let peer = Peer::start(&[&format!("{GREETING}{flight}BODY\n")]).await;
    let report = send(&mut open(peer.address).await, &["bob@there.test"]).await;
    assert!(report.outcome_unknown && !report.untouched);
    assert_eq!(report.outcomes[0].as_ref().unwrap_err().stage(), Stage::Dot);
}

#[tokio::test]
async fn a_c08_a_silent_server_is_given_up_at_its_time_and_after_the_dot_at_ten_minutes() {
    let flight = "C: MAIL FROM:<>\nC: RCPT TO:<bob@there.test>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go on\n";
    let mut peer = Peer::start(&[&format!("{GREETING}{flight}BODY\nSIGNAL\nEND\n")]).await;
    let mut connection = open(peer.address).await;
    let sending = tokio::spawn(async move {
        let before = tokio::time::Instant::now();
        (send(&mut connection, &["bob@there.test"]).await, before.elapsed())
    });
    peer.signals.recv().await.unwrap();
    tokio::time::pause();
    let (report, took) = sending.await.unwrap();
    assert!(report.outcome_unknown);
    assert!(took.as_secs() >= 600, "{took:?}");
}

#[tokio::test]
async fn a_c09_what_a_server_says_before_it_hangs_up_is_read() {
    let error = open_error("S: 421 4.3.2 too busy\n", |_| {}).await;
    assert_eq!(error.reply().unwrap().code, 421);
    assert_eq!(error.class(), Class::Temporary);
}

fn with_login(target: &mut Target, trust: Trust) {
    target.login = Some(Login::new("ann", Secret::new("pencil")));
    target.trust = trust;
}

#[tokio::test]
async fn a_c10_no_password_in_clear_after_a_fallback_even_here() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH PLAIN\nEND\n";
    let error = open_error(script, |target| {
        with_login(target, Trust::Any);
        target.tls = LinkTls::Fallback;
    })
    .await;
    assert!(matches!(error, ConnectError::PasswordInClear { .. }), "{error}");
}

#[tokio::test]
async fn a_c10_a_server_without_a_usable_mechanism_sees_no_password() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH GSSAPI XOAUTH2\nEND\n";
    let error = open_error(script, |target| with_login(target, Trust::Any)).await;
    assert!(error.to_string().contains("GSSAPI, XOAUTH2"), "{error}");
    let error = open_error(&format!("{GREETING}END\n"), |target| with_login(target, Trust::Any)).await;
    assert_eq!((error.stage(), error.to_string().as_str()), (Stage::Auth, "the server does not offer AUTH"));
}

#[tokio::test]
async fn a_c11_a_wrong_server_signature_ends_the_connection() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH SCRAM-SHA-256 PLAIN\n\
        C~ AUTH SCRAM-SHA-256 \nS: 334 cj1ldmlsLHM9QUFBQSxpPTQwOTY=\nEND\n";
    let error = open_error(script, |target| with_login(target, Trust::Any)).await;
    assert!(matches!(error, ConnectError::Session(SessionError::Sasl(_))), "{error}");
}

#[tokio::test]
async fn a_c13_a_trickling_server_is_given_up_like_a_silent_one() {
    let mut peer = Peer::start(&[&format!("{GREETING}SIGNAL\nC~ MAIL\nC~ RCPT\nC~ DATA\nS, 2\nS, 5\nEND\n")]).await;
    let mut connection = open(peer.address).await;
    peer.signals.recv().await.unwrap();
    tokio::time::pause();
    let before = tokio::time::Instant::now();
    let report = send(&mut connection, &["bob@there.test"]).await;
    assert_eq!(report.outcomes[0].as_ref().unwrap_err().stage(), Stage::Mail);
    assert_eq!(before.elapsed().as_secs(), 300);
}

#[tokio::test]
async fn a_server_that_answers_a_long_flight_while_it_is_written_blocks_nobody() {
    let to: Vec<String> = (0..1_000).map(|n| format!("{}{n}@there.test", "long-local-part".repeat(6))).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    let greeting = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=1000\n";
    let refusal = format!("C~ RCPT\nS: 550 {}\n", "no ".repeat(600));
    let script = format!("{greeting}C~ MAIL\nS: 250 ok\n{}C: DATA\nS: 554 no\n", refusal.repeat(to.len()));
    let peer = Peer::start(&[&script]).await;
    let report = send(&mut open(peer.address).await, &to).await;
    assert!(
        report.outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(|failure| failure.class == Class::Permanent))
    );
}

#[tokio::test]
async fn every_message_of_a_connection_counts_for_itself() {
    let peer = Peer::start(&[&format!("{GREETING}{}", TRANSACTION.repeat(3))]).await;
    let mut connection = open(peer.address).await;
    for _ in 0..3 {
        assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    }
    assert_eq!(peer.bodies().await.len(), 3);
}
