//! Servers that prove who they are by DNS, or by what they showed before.

use std::path::PathBuf;

use rohrpost_dns::{
    Options, Resolver,
    zone::{Zone, ZoneServer},
};
use rohrpost_sender::{
    Kind, KnownServers, Login, Note, Seal, Secret, SecretSource, Security, Sender, Server, Trust,
    testing::{Server as TestServer, Tls},
};

use crate::{mail, send, server};

/// A directory, and the file of known servers in it.
fn place() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("known_servers");
    (dir, file)
}

fn first_use(url: &str, file: &PathBuf) -> Server {
    server(url).trust(Trust::FirstUse).known_servers(KnownServers::file(file))
}

#[tokio::test]
async fn a_server_is_believed_at_first_and_held_to_its_key_from_then_on() {
    let (_dir, file) = place();
    let peer = TestServer::builder().tls(Tls::Offered).start().await;
    let receipt = send(first_use(&peer.url(), &file)).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Encrypted));
    assert!(matches!(&receipt.notes[..], [Note::FirstUse { server, .. }] if *server == receipt.server), "{receipt:?}");

    let receipt = send(first_use(&peer.url(), &file)).await.unwrap();
    assert_eq!((receipt.seal, receipt.notes.len()), (Some(Seal::Verified), 0));
}

#[tokio::test]
async fn a_first_contact_is_one_connection_however_many_messages_follow() {
    let (_dir, file) = place();
    let peer = TestServer::builder().tls(Tls::Offered).start().await;
    let sender = Sender::new(first_use(&peer.url(), &file)).unwrap();
    for _ in 0..3 {
        sender.send(&mail(&["bob@kunde.test"])).await.unwrap();
    }
    assert_eq!((peer.connection_count(), std::fs::read_to_string(file).unwrap().lines().count()), (1, 1));
}

#[tokio::test]
async fn a_key_that_changed_gets_no_password_and_the_error_has_both_and_the_line_to_remove() {
    let (_dir, file) = place();
    let peer = TestServer::builder().tls(Tls::Offered).login("ann", Secret::new("pencil")).start().await;
    let known = format!("# ours\n{} spki-sha256:{}\n", peer.address(), "0".repeat(64));
    std::fs::write(&file, known).unwrap();
    let login = Login::new("ann", SecretSource::Text(Secret::new("pencil")));
    // With TLS only where it is offered: what is known to have it must not lose it.
    let server = first_use(&peer.url(), &file).security(Security::Opportunistic).login(login);
    let error = send(server).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    let (text, hint) = (error.to_string(), error.hint().unwrap());
    assert!(text.contains(&format!("known is spki-sha256:{}", "0".repeat(64))), "{text}");
    let shown = text.split("it shows spki-sha256:").nth(1).unwrap().split(',').next().unwrap();
    assert_eq!(shown.len(), 64);
    assert!(hint.contains(&format!("sed -i 2d {}", file.display())), "{hint}");
    assert!(peer.received().is_empty() && !error.transcript().contains("C: AUTH"), "{}", error.transcript());

    std::fs::write(&file, format!("{} spki-sha256:{shown}\n", peer.address())).unwrap();
    let error = send(first_use(&peer.url(), &file)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Auth, "the key is right, the log-in is missing: {error}");
}

#[tokio::test]
async fn a_known_server_is_not_spoken_to_without_tls() {
    let (_dir, file) = place();
    let peer = TestServer::start().await;
    std::fs::write(&file, format!("{} spki-sha256:{}\n", peer.address(), "0".repeat(64))).unwrap();
    let error = send(first_use(&peer.url(), &file).security(Security::Opportunistic)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Capability, "{error}");
    assert!(peer.received().is_empty());
}

#[test]
fn first_use_without_a_file_and_dane_without_a_name_are_refused_before_anything_is_sent() {
    for (url, part) in [("smtp://mx.test?trust=first-use", "known servers"), ("smtp://192.0.2.1?trust=dane", "a name")]
    {
        let error = Sender::new(server(url)).unwrap_err();
        assert_eq!((error.kind(), error.sysexit()), (Kind::Config, 78), "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// A resolver that validates, as far as its AD bit tells.
async fn dns(zone: Zone) -> (ZoneServer, Resolver) {
    let root = Zone::new(".").authentic().txt("root.test", "x").raw(".", 48, &[1, 0, 3, 13, 0]);
    let server = ZoneServer::start([root, zone]).await.unwrap();
    let resolver = Resolver::with_servers([server.address()], Options::default());
    (server, resolver)
}

#[tokio::test]
async fn dane_verifies_what_the_records_say_and_nothing_else() {
    let peer = TestServer::builder().tls(Tls::Offered).start().await;
    let wrong = TestServer::builder().tls(Tls::Offered).start().await;
    let zone = Zone::new("kunde.test").authentic().tlsa("_587._tcp.mx.kunde.test", &peer.tlsa());
    let (_dns, resolver) = dns(zone).await;
    let dane =
        |peer: &TestServer, url: &str| server(url).trust(Trust::Dane).resolver(resolver.clone()).connector(peer.pipe());
    let receipt = send(dane(&peer, "smtp://mx.kunde.test:587?tls=opportunistic")).await.unwrap();
    assert_eq!(receipt.seal, Some(Seal::Verified));

    let error = send(dane(&wrong, "smtp://mx.kunde.test:587")).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    assert!(error.to_string().contains("no TLSA record matches it"), "{error}");

    let error = send(dane(&peer, "smtp://mx.kunde.test:25")).await.unwrap_err();
    assert_eq!((error.kind(), error.sysexit()), (Kind::Tls, 69), "{error}");
    assert!(error.to_string().contains("no TLSA records at _25._tcp.mx.kunde.test"), "{error}");
    assert_eq!(peer.connection_count(), 1);
}
