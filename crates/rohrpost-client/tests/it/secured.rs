//! Inside TLS.

use rohrpost_client::{ConnectError, Connection, LinkTls, Login, SessionError, Target};
use rohrpost_mail::{Domain, Link, Secret, Stage, TlsInfo, Trust, Verification, VerifiedBy};
use rohrpost_tls::{TlsError, ca::Ca};

use crate::{GREETING, TRANSACTION, peer::Peer, send, target, tls};

const STARTTLS: &str = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250-AUTH PLAIN\nS: 250 STARTTLS\n\
    C: STARTTLS\nS: 220 go\nTLS\nC: EHLO here.test\nS: 250-mx.test\nS: 250 PIPELINING\n";

fn named(peer: &Peer, mode: LinkTls) -> Target {
    Target { name: Some(Domain::parse("mx.test").unwrap()), tls: mode, ..target(peer.address) }
}

fn with_ca(mut target: Target, ca: &Ca, dir: &tempfile::TempDir) -> Target {
    let file = dir.path().join("ca.pem");
    std::fs::write(&file, ca.cert()).unwrap();
    target.trust = Trust::Ca(file.to_str().unwrap().to_owned());
    target.require_trust = true;
    target
}

fn verification(connection: &Connection) -> &Verification {
    match connection.link() {
        Link::Tls(TlsInfo { verification, .. }) => verification,
        other => panic!("no TLS: {other:?}"),
    }
}

#[tokio::test]
async fn starttls_secures_the_message_and_the_certificate_is_judged() {
    let (peer, ca) = Peer::start_tls(&[&format!("{STARTTLS}{TRANSACTION}")]).await;
    let dir = tempfile::tempdir().unwrap();
    let target = with_ca(named(&peer, LinkTls::Starttls), &ca, &dir);
    let mut connection = Connection::open(&target, &tls()).await.unwrap();
    assert_eq!(verification(&connection), &Verification::Verified { by: VerifiedBy::Ca });
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    assert_eq!(peer.bodies().await.len(), 1);
}

#[tokio::test]
async fn implicit_tls_begins_with_the_handshake() {
    let (peer, ca) = Peer::start_tls(&[&format!("TLS\n{GREETING}{TRANSACTION}")]).await;
    let dir = tempfile::tempdir().unwrap();
    let target = with_ca(named(&peer, LinkTls::Implicit), &ca, &dir);
    let mut connection = Connection::open(&target, &tls()).await.unwrap();
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    peer.bodies().await;
}

#[tokio::test]
async fn anybody_will_do_where_nobody_in_particular_is_asked_for_but_the_verdict_is_kept() {
    let (peer, _ca) = Peer::start_tls(&[STARTTLS]).await;
    let connection = Connection::open(&named(&peer, LinkTls::IfOffered), &tls()).await.unwrap();
    assert!(matches!(verification(&connection), Verification::Unverified { .. }));
}

#[tokio::test]
async fn a_c06_a_certificate_that_is_not_trusted_stops_what_requires_trust() {
    let stranger = Ca::new("Another authority");
    let (peer, _ca) = Peer::start_tls(&[STARTTLS]).await;
    let dir = tempfile::tempdir().unwrap();
    let target = with_ca(named(&peer, LinkTls::IfOffered), &stranger, &dir);
    let error = Connection::open(&target, &tls()).await.unwrap_err();
    assert!(matches!(error, ConnectError::Tls(TlsError::Untrusted(_))), "{error}");
    assert_eq!(error.stage(), Stage::Tls);
    assert!(!error.is_handshake_failure(), "clear text would be no remedy");
}

#[tokio::test]
async fn a_c05_auth_that_was_offered_only_before_tls_is_not_used() {
    let (peer, ca) = Peer::start_tls(&[&format!("{STARTTLS}END\n")]).await;
    let dir = tempfile::tempdir().unwrap();
    let login = Some(Login::new("ann", Secret::new("pencil")));
    let target = Target { login, ..with_ca(named(&peer, LinkTls::Starttls), &ca, &dir) };
    let error = Connection::open(&target, &tls()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server does not offer AUTH");
    peer.bodies().await;
}

#[tokio::test]
async fn after_a_refused_scram_the_password_goes_once_to_a_server_that_is_known() {
    let script = "TLS\nS: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 AUTH SCRAM-SHA-256 PLAIN\n\
        C~ AUTH SCRAM-SHA-256 \nS: 535 5.7.8 cannot\nC: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 235 welcome\n";
    let (peer, ca) = Peer::start_tls(&[script]).await;
    let dir = tempfile::tempdir().unwrap();
    let login = Some(Login::new("ann", Secret::new("pencil")));
    let target = Target { login, ..with_ca(named(&peer, LinkTls::Implicit), &ca, &dir) };
    assert!(Connection::open(&target, &tls()).await.is_ok());
}

#[tokio::test]
async fn a_second_connection_resumes_the_session_of_the_first() {
    let (peer, _ca) = Peer::start_tls(&[&format!("{STARTTLS}{TRANSACTION}"), STARTTLS]).await;
    let (tls, target) = (tls(), named(&peer, LinkTls::Starttls));
    let mut connection = Connection::open(&target, &tls).await.unwrap();
    // The tickets come behind the handshake: whoever reads a reply has read them.
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    drop(connection);
    let connection = Connection::open(&target, &tls).await.unwrap();
    assert!(matches!(connection.link(), Link::Tls(TlsInfo { resumed: true, .. })), "{:?}", connection.link());
}

#[tokio::test]
async fn a_connection_can_be_opened_step_by_step() {
    let script = "S: 220 mx.test\nC: EHLO here.test\nS: 250-mx.test\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nTLS\n\
        C: EHLO here.test\nS: 250-mx.test\nS: 250-AUTH PLAIN\nS: 250 PIPELINING\n\
        C: AUTH PLAIN AGFubgBwZW5jaWw=\nS: 535 5.7.8 no\nC: AUTH PLAIN AGFubgB4\nS: 235 2.7.0 yes\n";
    let (peer, ca) = Peer::start_tls(&[&format!("{script}{TRANSACTION}")]).await;
    let dir = tempfile::tempdir().unwrap();
    let target = with_ca(named(&peer, LinkTls::Starttls), &ca, &dir);
    let mut connection = Connection::ehlo(&target, &tls()).await.unwrap();
    assert!(matches!(connection.link(), Link::Clear { .. }) && connection.capabilities().starttls);

    connection.starttls().await.unwrap();
    assert_eq!(verification(&connection), &Verification::Verified { by: VerifiedBy::Ca });
    assert!(!connection.capabilities().starttls, "what was said in clear is forgotten");

    let refused = connection.auth(&Login::new("ann", Secret::new("pencil"))).await.unwrap_err();
    assert_eq!(refused.stage(), Stage::Auth);
    connection.auth(&Login::new("ann", Secret::new("x"))).await.unwrap();
    assert!(send(&mut connection, &["bob@there.test"]).await.is_complete());
    peer.bodies().await;
}

#[tokio::test]
async fn starttls_that_is_not_offered_is_an_error_and_nothing_is_said() {
    let (peer, _ca) = Peer::start_tls(&["S: 220 mx.test\nC: EHLO here.test\nS: 250 mx.test\n"]).await;
    let mut connection = Connection::ehlo(&named(&peer, LinkTls::Starttls), &tls()).await.unwrap();
    assert!(matches!(connection.starttls().await, Err(ConnectError::Session(SessionError::NotOffered(_)))));
}
