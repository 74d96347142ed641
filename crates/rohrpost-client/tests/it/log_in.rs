//! The mechanisms that only clients speak, on the wire.

use rohrpost_client::{ConnectError, Connection, LinkTls, Login, Mechanism, Target};
use rohrpost_mail::{Secret, Stage, Trust};

use crate::{peer::Peer, target, tls};

/// Begins inside TLS; EHLO offers these.
fn greeting(mechanisms: &str) -> String {
    format!("TLS\nS: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH {mechanisms}\n")
}

/// Logs in at a server that offers `mechanisms` and then follows `script`.
async fn log_in(mechanisms: &str, script: &str, login: Login) -> Result<Option<Mechanism>, ConnectError> {
    let (peer, _ca) = Peer::start_tls(&[&(greeting(mechanisms) + script)]).await;
    let login = Some(login);
    let target = Target { tls: LinkTls::Implicit, trust: Trust::Any, login, ..target(peer.address) };
    let opened = Connection::open(&target, &tls()).await.map(|connection| connection.mechanism());
    peer.bodies().await;
    opened
}

fn token() -> Login {
    Login::token("ann", Secret::new("ya29"))
}

#[tokio::test]
async fn a_token_goes_by_the_standard_where_it_is_offered_and_by_google_s_way_elsewhere() {
    // `n,a=ann,`, the separator and `host=127.0.0.1`
    let standard = "C~ AUTH OAUTHBEARER bixhPWFubiwBaG9zdD0xMjcuMC4wLjEB\nS: 235 welcome\n";
    let used = log_in("PLAIN XOAUTH2 OAUTHBEARER", standard, token()).await.unwrap();
    assert_eq!(used, Some(Mechanism::OAuthBearer));
    let google = "C: AUTH XOAUTH2 dXNlcj1hbm4BYXV0aD1CZWFyZXIgeWEyOQEB\nS: 235 welcome\n";
    assert_eq!(log_in("PLAIN XOAUTH2", google, token()).await.unwrap(), Some(Mechanism::XOAuth2));
    let error = log_in("PLAIN LOGIN", "END\n", token()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoMechanism { .. }), "{error}");
}

#[tokio::test]
async fn a_refused_token_is_answered_and_the_refusal_told() {
    // The reasons are `{"status":"401"}`; the answers a lone separator, and nothing.
    for (mechanism, answer) in [("OAUTHBEARER", "AQ=="), ("XOAUTH2", "")] {
        let script = format!("C~ AUTH {mechanism} \nS: 334 eyJzdGF0dXMiOiI0MDEifQ==\nC: {answer}\nS: 535 5.7.8 no\n");
        let error = log_in(mechanism, &script, token()).await.unwrap_err();
        assert_eq!((error.stage(), error.reply().map(|reply| reply.code)), (Stage::Auth, Some(535)), "{mechanism}");
    }
}

#[tokio::test]
async fn cram_md5_answers_the_challenge() {
    let script = "C: AUTH CRAM-MD5\nS: 334 PDFAbXgudGVzdD4=\n\
        C: YW5uIGU5MTAzOWY0NmQ3OGY5YTc1MjU0YTQ1MjBlOWQ4NzJj\nS: 235 welcome\n";
    let used = log_in("LOGIN CRAM-MD5", script, Login::new("ann", Secret::new("pencil"))).await.unwrap();
    assert_eq!(used, Some(Mechanism::CramMd5));
}

#[tokio::test]
async fn the_certificate_that_is_shown_logs_in() {
    let script = greeting("PLAIN EXTERNAL") + "C: AUTH EXTERNAL YW5u\nS: 235 welcome\n";
    let (peer, _ca) = Peer::start_tls(&[&script, &script]).await;
    let login = Some(Login::certificate("ann"));
    let bare = Target { tls: LinkTls::Implicit, login, ..target(peer.address) };
    let showing = Target { client_certificate: Some("ours".into()), ..bare.clone() };
    let used = Connection::open(&showing, &tls()).await.unwrap().mechanism();
    assert_eq!(used, Some(Mechanism::External));
    let error = Connection::open(&bare, &tls()).await.unwrap_err();
    assert!(matches!(error, ConnectError::NoMechanism { .. }), "{error}");
}

#[tokio::test]
async fn a_c10_after_a_refused_scram_nobody_unknown_gets_the_password() {
    let script = "C~ AUTH SCRAM-SHA-1 \nS: 535 5.7.8 cannot\nEND\n";
    let error = log_in("SCRAM-SHA-1 PLAIN LOGIN", script, Login::new("ann", Secret::new("pencil"))).await.unwrap_err();
    assert_eq!(error.reply().map(|reply| reply.code), Some(535));
}
