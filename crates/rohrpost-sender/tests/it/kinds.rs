//! The kinds of server that business applications know, each against each kind of peer.

use std::time::Duration;

use rohrpost_sender::{
    Kind, Login, MinTls, Note, Receipt, Seal, Secret, SecretSource, Security, Sender, Server, Trust,
    testing::{Fault, Server as TestServer, Stage, Tls},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{mail, send, server};

/// A server of this kind that leads to the peer.
fn to(kind: Result<Server, rohrpost_sender::Error>, peer: &TestServer) -> Server {
    kind.unwrap().port(peer.address().port())
}

async fn peer(tls: Tls) -> TestServer {
    TestServer::builder().tls(tls).start().await
}

const HOST: &str = "127.0.0.1";

#[tokio::test]
async fn plain_smtp_never_uses_tls_although_it_is_offered() {
    for tls in [Tls::Off, Tls::Offered] {
        let peer = peer(tls).await;
        let receipt = send(to(Server::plain(HOST), &peer)).await.unwrap();
        assert_eq!(receipt.seal, Some(Seal::Cleartext));
        assert_eq!(receipt.notes, [Note::Clear { reason: "off".into() }]);
        assert!(!peer.received()[0].tls);
    }
}

#[tokio::test]
async fn a_server_that_insists_on_tls_while_we_were_told_off_is_an_error_that_names_the_setting() {
    let peer = peer(Tls::Required).await;
    let error = send(to(Server::plain(HOST), &peer)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit(), error.is_temporary()), (Kind::Tls, 69, true));
    assert!(error.hint().unwrap().contains("set tls=starttls"), "{error}");
    assert_eq!(error.reply().unwrap().code, 530);
    assert!(peer.received().is_empty());
}

#[tokio::test]
async fn a_login_that_is_offered_inside_tls_only_counts_as_insisting_too() {
    let peer = TestServer::builder().tls(Tls::Required).login("ann", Secret::new("pencil")).start().await;
    let login = Login::new("ann", SecretSource::Text(Secret::new("pencil"))).allow_clear(true);
    let error = send(to(Server::plain(HOST), &peer).login(login.clone())).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (Kind::Tls, Some(Stage::Auth)));
    let receipt = send(to(Server::opportunistic(HOST), &peer).login(login)).await.unwrap();
    assert_eq!(receipt.auth.unwrap().to_string(), "PLAIN");
    assert_eq!(peer.received()[0].user.as_deref(), Some("ann"));
}

#[tokio::test]
async fn tls_whenever_offered_takes_any_certificate_and_says_so() {
    let peer = peer(Tls::Offered).await;
    let receipt = send(to(Server::opportunistic(HOST), &peer)).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Encrypted));
    let tls = serde_json::to_value(&receipt).unwrap()["tls"].clone();
    assert_eq!(tls["verification"]["result"], "unverified");
    assert!(peer.received()[0].tls);
}

#[tokio::test]
async fn tls_whenever_offered_goes_in_clear_where_it_is_not() {
    let receipt = send(to(Server::opportunistic(HOST), &peer(Tls::Off).await)).await.unwrap();
    assert_eq!(receipt.notes, [Note::Clear { reason: "not offered".into() }]);
}

#[tokio::test]
async fn a_handshake_that_fails_after_it_was_offered_is_an_error_unless_clear_text_is_allowed() {
    let broken = || async { TestServer::builder().tls(Tls::Offered).fault(Stage::Starttls, Fault::Drop).start().await };
    let peer = broken().await;
    let error = send(to(Server::opportunistic(HOST), &peer)).await.unwrap_err();
    assert_eq!(error.stage(), Some(Stage::Starttls), "{error}");
    assert!(peer.received().is_empty());
    let peer = broken().await;
    let receipt = send(to(Server::opportunistic(HOST), &peer).clear_fallback(true)).await.unwrap();
    assert_eq!(receipt.notes, [Note::Clear { reason: "handshake failed".into() }]);
}

#[tokio::test]
async fn smtps_is_encrypted_from_the_first_octet_with_any_certificate() {
    let peer = peer(Tls::Implicit).await;
    let receipt = send(to(Server::smtps(HOST), &peer)).await.unwrap();
    assert_eq!((receipt.seal, receipt.notes.as_slice()), (Some(Seal::Encrypted), &[][..]));
}

#[tokio::test]
async fn smtps_on_a_port_that_speaks_starttls_uses_that_and_says_so() {
    let peer = peer(Tls::Offered).await;
    let sender = Sender::new(to(Server::smtps(HOST), &peer)).unwrap();
    let receipt = sender.send(&mail(&["bob@kunde.test"])).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Encrypted));
    assert!(matches!(receipt.notes[..], [Note::OtherForm { speaks: "STARTTLS", .. }]), "{receipt:?}");
    assert!(peer.received()[0].tls);
    sender.close().await;
    let connections = peer.connection_count();
    assert!(sender.send(&mail(&["bob@kunde.test"])).await.unwrap().notes.is_empty());
    assert_eq!(peer.connection_count(), connections + 1, "the form is remembered");
}

#[tokio::test]
async fn smtps_sends_nothing_where_there_is_no_tls_at_all() {
    let peer = peer(Tls::Off).await;
    let error = send(to(Server::smtps(HOST), &peer)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Capability, 69), "{error}");
    assert!(peer.received().is_empty());
}

#[tokio::test]
async fn a_pinned_form_on_the_wrong_port_is_an_error_with_the_right_one() {
    let peer = peer(Tls::Offered).await;
    let error = send(to(Server::new(HOST), &peer).security(Security::Implicit)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Tls);
    assert!(error.hint().unwrap().contains("set tls=starttls"), "{error}");
}

#[tokio::test]
async fn a_port_that_waits_for_tls_is_found_out_by_its_silence() {
    let peer = peer(Tls::Implicit).await;
    let timeouts = rohrpost_sender::Timeouts { greeting: Duration::from_millis(50), ..Default::default() };
    let auto = to(Server::new(HOST), &peer).timeouts(timeouts);
    let receipt = send(auto).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Encrypted));
    assert!(matches!(receipt.notes[0], Note::OtherForm { speaks: "TLS from the first octet", .. }), "{receipt:?}");
}

#[tokio::test(start_paused = true)]
async fn a_port_that_was_only_slow_to_greet_is_waited_for() {
    let slow = TestServer::builder().tls(Tls::Offered).fault_times(Stage::Greeting, Fault::Stall, 1).start().await;
    let began = tokio::time::Instant::now();
    let receipt = send(server("smtp://mail.firma.test:587?trust=any").connector(slow.pipe())).await.unwrap();
    assert_eq!((receipt.seal, slow.connection_count()), (Some(Seal::Encrypted), 3));
    assert!(receipt.notes.is_empty(), "{receipt:?}");
    assert_eq!(began.elapsed().as_secs(), rohrpost_sender::limits::SILENCE.as_secs());
}

#[tokio::test]
async fn any_certificate_will_do_on_this_host_and_the_receipt_says_so() {
    let peer = peer(Tls::Offered).await;
    let lenient = |receipt: Receipt| receipt.notes.iter().any(|note| matches!(note, Note::Lenient { .. }));
    assert!(lenient(send(server(peer.url())).await.unwrap()));
    assert!(!lenient(send(server(peer.url()).trust(Trust::Any)).await.unwrap()), "somebody said so");
    assert!(!lenient(send(server(peer.url()).trust(peer.trust())).await.unwrap()), "it was verified");
}

#[tokio::test]
async fn a_trust_that_is_named_sends_nothing_in_clear_text_on_this_host_either() {
    let peer = peer(Tls::Off).await;
    for trust in [Trust::System, Trust::PinSpki("0".repeat(64))] {
        let error = send(server(peer.url()).trust(trust.clone())).await.unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Capability, 69), "{error}");
        let url = format!("{}?trust={trust}", peer.url());
        assert_eq!(send(server(url)).await.unwrap_err().kind(), Kind::Capability);
    }
    assert!(peer.received().is_empty());
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_is_found_whatever_the_server_offers() {
    for url in ["smtp://localhost", "smtp://localhost?tls=off", "smtp://mx.test?tls=opportunistic"] {
        let error = Sender::new(server(url).trust(Trust::Ca("/nowhere/ca.pem".into()))).unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Config, 78));
        assert!(error.to_string().contains("/nowhere/ca.pem"), "{error}");
    }
}

#[tokio::test]
async fn starttls_that_is_offered_and_then_broken_is_no_wrong_setting() {
    let listener = TcpListener::bind((HOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        for answer in ["220 mx.test\r\n", "250-mx.test\r\n250 STARTTLS\r\n", "220 go\r\n", "500 what?\r\n"] {
            client.write_all(answer.as_bytes()).await.unwrap();
            let _ = client.read(&mut [0; 4096]).await.unwrap();
        }
    });
    let error = send(Server::opportunistic(HOST).unwrap().port(port)).await.unwrap_err();
    assert!(error.hint().unwrap().starts_with("The server offers STARTTLS and then speaks no TLS"), "{error}");
}

#[tokio::test]
async fn a_port_that_hangs_up_instead_of_greeting_may_wait_for_tls() {
    let peer = TestServer::builder().fault(Stage::Greeting, Fault::Drop).start().await;
    let error = send(to(Server::plain(HOST), &peer)).await.unwrap_err();
    assert!(error.hint().unwrap().contains("set tls=implicit"), "{error}");
}

#[tokio::test]
async fn an_untrusted_certificate_is_described_with_the_line_that_pins_it() {
    let peer = peer(Tls::Offered).await;
    let strict = || to(Server::new(HOST), &peer).security(Security::Starttls).trust(Trust::System);
    let error = send(strict()).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69));
    let hint = error.hint().unwrap();
    for part in ["issued by Throw-away authority", "for localhost, 127.0.0.1", "valid ", &peer.trust().to_string()] {
        assert!(hint.contains(part), "{hint}");
    }
    let (_, pin) = hint.split_once("trust=").unwrap();
    let receipt = send(strict().trust(pin.parse().unwrap())).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Verified));
    assert!(send(strict().trust(format!("pin:sha256:{}", "0".repeat(64)).parse().unwrap())).await.is_err());
}

#[tokio::test]
async fn tls_1_3_can_be_asked_for() {
    let peer = peer(Tls::Implicit).await;
    let receipt = send(server(peer.url()).min_tls(MinTls::Tls13)).await.unwrap();
    assert_eq!(receipt.tls.unwrap().version.to_string(), "TLSv1.3");
}

#[tokio::test]
async fn a_wrong_password_is_refused_once_and_shown_nowhere() {
    let peer = TestServer::builder().tls(Tls::Implicit).login("ann", Secret::new("pencil")).start().await;
    let login = Login::new("ann", SecretSource::Text(Secret::new("not-the-pencil")));
    let error = send(server(peer.url()).login(login)).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit(), error.is_temporary()), (Kind::Auth, 77, false));
    assert_eq!(peer.connection_count(), 1);
    assert!(
        error.transcript().contains("C: AUTH PLAIN ***\nS: 535 5.7.8 Wrong user or password"),
        "{}",
        error.transcript()
    );
    let shown = format!("{error} {error:?} {:?} {}", error.hint(), error.transcript());
    assert!(!shown.contains("not-the-pencil") && !shown.contains("AGFubg"), "{shown}");
}

#[tokio::test]
async fn a_log_in_that_is_missing_is_told_from_tls_that_is_missing() {
    let peer = TestServer::builder().tls(Tls::Implicit).login("ann", Secret::new("pencil")).start().await;
    let error = send(server(peer.url())).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Auth, 77));
    assert!(error.hint().unwrap().contains("wants a log-in"), "{error}");
}
