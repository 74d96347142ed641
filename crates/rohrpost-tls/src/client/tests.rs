use std::time::Duration;

use jiff::Timestamp;
use rohrpost_mail::{Class, TlsVersion, VerifiedBy};

use super::*;
use crate::{
    ca::{Ca, PemPair, self_signed},
    crypto::{hex, sha256_hex},
    leaf::Leaf,
    server::{ServerTls, ServerTlsOptions},
    testing::{FiledCa, PIPE_BYTES, client, filed_ca, server, shake, to},
};

const DAY: Duration = Duration::from_hours(24);

/// The reason why a server's certificate was not trusted; empty where it was.
async fn reason(pair: PemPair, host: &str, trust: &Trust) -> String {
    let (_, info) = shake(&server(pair), &client(), &to(host, trust.clone())).await;
    match info.unwrap().verification {
        Verification::Verified { .. } => String::new(),
        Verification::Unverified { reason } => reason,
        Verification::NoCertificate => "none".to_owned(),
    }
}

#[tokio::test]
async fn the_facts_of_a_connection_are_recorded() {
    let filed = filed_ca();
    let (accepted, info) =
        shake(&server(filed.ca.issue(["mx.there.test"])), &client(), &to("mx.there.test", filed.trust)).await;
    let info = info.unwrap();
    assert_eq!(info.version, TlsVersion::Tls13);
    assert!(info.suite.starts_with("TLS_"), "{}", info.suite);
    assert_eq!(info.group, "X25519MLKEM768");
    assert_eq!(info.sni.as_deref(), Some("mx.there.test"));
    assert_eq!(info.peer_certificate.as_ref().map(String::len), Some(64));
    assert_eq!(info.verification, Verification::Verified { by: VerifiedBy::Ca });
    assert!(!info.resumed);
    let accepted = accepted.unwrap();
    assert_eq!(accepted.verification, Verification::NoCertificate);
    assert_eq!((accepted.sni, accepted.suite, accepted.group), (info.sni, info.suite, info.group));
}

#[tokio::test]
async fn both_ends_have_the_same_channel_binding() {
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (server, client) = (server(self_signed(["a.test"], 1)), client());
    let options = to("a.test", Trust::Any);
    let (accepted, connected) = tokio::join!(server.accept(theirs), client.connect(ours, &options));
    let (accepted, connected) = (accepted.unwrap().2, connected.unwrap().2);
    assert!(accepted.is_some());
    assert_eq!(accepted, connected);
}

#[tokio::test]
async fn a_c06_each_fault_of_a_certificate_has_its_reason() {
    let filed = filed_ca();
    let (ca, trust) = (&filed.ca, &filed.trust);
    let now = Timestamp::now();
    let stranger = Ca::new("Stranger");
    let cases = [
        (ca.issue(["mx.there.test"]), ""),
        (ca.issue_valid(["mx.there.test"], now - 10 * DAY, now - 5 * DAY), "expired on "),
        (ca.issue_valid(["mx.there.test"], now + 5 * DAY, now + 9 * DAY), "not valid before "),
        (ca.issue(["other.test", "192.0.2.7"]), "name mismatch: certificate is for other.test, 192.0.2.7"),
        (self_signed(["mx.there.test"], 9), "self-signed"),
        (stranger.issue(["mx.there.test"]), "unknown authority: Stranger"),
        (ca.issue(["*.there.test"]), ""),
        (ca.issue(["*.test"]), "name mismatch: certificate is for *.test"),
        (ca.issue([""; 0]), "name mismatch: certificate is for no name at all"),
        (ca.issue(["mx.there.test\0.evil.test"]), "name mismatch: certificate is for mx.there.test?.evil.test"),
    ];
    for (pair, expected) in cases {
        let reason = reason(pair, "mx.there.test", trust).await;
        assert!(reason.starts_with(expected) && expected.is_empty() == reason.is_empty(), "{expected}: {reason}");
    }
}

#[tokio::test]
async fn a_c06_a_common_name_is_no_name() {
    let filed = filed_ca();
    assert_eq!(
        reason(filed.ca.issue([""; 0]), "nobody", &filed.trust).await,
        "name mismatch: certificate is for no name at all"
    );
}

#[tokio::test]
async fn a_c06_addresses_are_judged_by_addresses_in_the_certificate() {
    let filed = filed_ca();
    let pair = || filed.ca.issue(["192.0.2.1", "2001:db8::1"]);
    assert_eq!(reason(pair(), "[192.0.2.1]", &filed.trust).await, "");
    assert_eq!(reason(pair(), "[IPv6:2001:db8::1]", &filed.trust).await, "");
    let other = reason(pair(), "[192.0.2.2]", &filed.trust).await;
    assert_eq!(other, "name mismatch: certificate is for 192.0.2.1, 2001:db8::1");
}

#[tokio::test]
async fn a_c06_a_hundred_certificates_are_bounded_work_and_no_panic() {
    let filed = filed_ca();
    let mut pair = filed.ca.issue(["mx.there.test"]);
    for n in 0..99 {
        pair.cert.push_str(Ca::new(&format!("Authority {n}")).cert());
    }
    assert_eq!(reason(pair, "mx.there.test", &filed.trust).await, "");
}

#[tokio::test]
async fn a_c06_a_chain_of_five_mebibytes_is_refused() {
    let mut pair = self_signed(["mx.there.test"], 9);
    pair.cert = pair.cert.repeat(10_000);
    let (accepted, connected) = shake(&server(pair), &client(), &to("mx.there.test", Trust::Any)).await;
    let error = connected.unwrap_err();
    assert_eq!((error.reason(), error.class()), ("protocol", Class::Temporary));
    assert!(accepted.is_err());
}

/// Made with `openssl x509 -req` without extensions: version 1, as many home-made mail servers have it.
#[tokio::test]
async fn a_certificate_of_version_1_is_encryption_but_no_proof() {
    let chain = pem::chain("v1.crt".as_ref(), include_bytes!("v1.crt")).unwrap();
    let key = pem::key("v1.key".as_ref(), include_bytes!("v1.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(crate::provider::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = CertifiedKey::new(chain, rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap());
    let acceptor: tokio_rustls::TlsAcceptor =
        Arc::new(config.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)))).into();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let client = client();
    let options = to("old.there.test", Trust::Any);
    let (accepted, connected) = tokio::join!(acceptor.accept(theirs), client.connect(ours, &options));
    accepted.unwrap();
    let reason = "self-signed".to_owned();
    assert_eq!(connected.unwrap().1.verification, Verification::Unverified { reason });
}

/// A server of another make that has TLS 1.2 only.
#[tokio::test]
async fn tls_1_2_is_judged_resumed_and_recorded_alike() {
    let filed = filed_ca();
    let pair = filed.ca.issue(["mx.there.test"]);
    let memory = "pair".as_ref();
    let key = pem::certified_key((memory, pair.cert.as_bytes()), (memory, pair.key.as_bytes())).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(crate::provider::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
    let (acceptor, client) = (tokio_rustls::TlsAcceptor::from(Arc::new(config)), client());
    let options = to("mx.there.test", filed.trust.clone());
    for resumed in [false, true] {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (accepted, connected) = tokio::join!(acceptor.accept(theirs), client.connect(ours, &options));
        accepted.unwrap();
        let (_, info, binding) = connected.unwrap();
        assert_eq!((info.version, info.resumed, binding), (TlsVersion::Tls12, resumed, None));
        assert_eq!(info.verification, Verification::Verified { by: VerifiedBy::Ca });
        assert_eq!(info.group, if resumed { "none" } else { "x25519" });
    }
}

#[tokio::test]
async fn an_insisting_client_stops_the_handshake_and_says_why() {
    let filed = filed_ca();
    let options = to("mx.there.test", filed.trust).require_trust();
    let (accepted, connected) = shake(&server(self_signed(["mx.there.test"], 9)), &client(), &options).await;
    let error = connected.unwrap_err();
    assert_eq!(error.to_string(), "the peer's certificate is not trusted: self-signed");
    assert_eq!(error.reason(), "untrusted");
    assert_eq!(accepted.unwrap_err().to_string(), "the peer refused the handshake: alert certificate_unknown");
    let good = shake(&server(filed.ca.issue(["mx.there.test"])), &client(), &options).await;
    assert_eq!(good.1.unwrap().verification, Verification::Verified { by: VerifiedBy::Ca });
}

#[tokio::test]
async fn insisting_on_anybody_takes_anybody() {
    let options = to("mx.there.test", Trust::Any).require_trust();
    let (_, connected) = shake(&server(self_signed(["mx.there.test"], 9)), &client(), &options).await;
    assert!(matches!(connected.unwrap().verification, Verification::Unverified { .. }));
}

#[tokio::test]
async fn pins_hold_whoever_issued_the_certificate() {
    let pair = self_signed(["whatever.test"], 9);
    let der = crate::pem::chain("x".as_ref(), pair.cert.as_bytes()).unwrap().remove(0);
    let certificate = Trust::PinCertificate(sha256_hex(&der));
    let key = Trust::PinSpki(sha256_hex(&Leaf::read(&der).unwrap().spki));
    for trust in [certificate, key] {
        let options = to("mx.there.test", trust.clone()).require_trust();
        let (_, connected) = shake(&server(pair.clone()), &client(), &options).await;
        assert_eq!(connected.unwrap().verification, Verification::Verified { by: VerifiedBy::Pin });
        let (_, refused) = shake(&server(self_signed(["whatever.test"], 9)), &client(), &options).await;
        assert_eq!(
            refused.unwrap_err().to_string(),
            "the peer's certificate is not trusted: not the pinned certificate or key"
        );
    }
}

#[tokio::test]
async fn what_a_certificate_cannot_decide_is_refused_before_anything_is_sent() {
    for trust in [Trust::Dane, Trust::FirstUse] {
        let (ours, _theirs) = tokio::io::duplex(64);
        let error = client().connect(ours, &to("mx.there.test", trust).require_trust()).await.unwrap_err();
        assert_eq!((error.reason(), error.class()), ("undecidable", Class::Ours));
    }
}

#[tokio::test]
async fn one_of_several_lists_of_authorities_is_enough_and_the_systems_may_count_besides() {
    let (known, other) = (filed_ca(), filed_ca());
    let files = |filed: &[&FiledCa]| {
        let path = |filed: &&FiledCa| filed.dir.path().join("ca.crt").display().to_string();
        filed.iter().map(path).collect::<Vec<_>>().join(":")
    };
    let server = server(known.ca.issue(["mx.there.test"]));
    for trust in [Trust::Ca(files(&[&other, &known])), Trust::SystemAndCa(files(&[&known, &other]))] {
        let (_, info) = shake(&server, &client(), &to("mx.there.test", trust).require_trust()).await;
        assert_eq!(info.unwrap().verification, Verification::Verified { by: VerifiedBy::Ca });
    }
    for trust in [Trust::Ca(files(&[&other])), Trust::SystemAndCa(files(&[&other]))] {
        let (_, refused) = shake(&server, &client(), &to("mx.there.test", trust).require_trust()).await;
        assert_eq!(refused.unwrap_err().reason(), "untrusted");
    }
}

#[tokio::test]
async fn dane_is_decided_by_the_records_and_without_usable_ones_not_at_all() {
    let pair = self_signed(["whatever.test"], 9);
    let der = pem::chain("x".as_ref(), pair.cert.as_bytes()).unwrap().remove(0);
    let data = sha256_hex(&der);
    let octets: Vec<u8> = (0..32).map(|at| u8::from_str_radix(&data[2 * at..2 * at + 2], 16).unwrap()).collect();
    let mut options = to("mx.there.test", Trust::Dane).require_trust();
    options.tlsa = vec![Tlsa { usage: 3, selector: 0, matching: 1, data: octets }];
    let server = server(pair);
    let (_, info) = shake(&server, &client(), &options).await;
    assert_eq!(info.unwrap().verification, Verification::Verified { by: VerifiedBy::Dane });
    options.tlsa[0].data[0] ^= 1;
    let (_, refused) = shake(&server, &client(), &options).await;
    assert!(refused.unwrap_err().to_string().ends_with("no TLSA record matches it"));
    options.tlsa[0].usage = 1;
    let (ours, _theirs) = tokio::io::duplex(64);
    assert_eq!(client().connect(ours, &options).await.unwrap_err().reason(), "undecidable");
}

#[tokio::test]
async fn a_missing_list_of_authorities_is_our_fault_and_named() {
    let (ours, _theirs) = tokio::io::duplex(64);
    let error = client().connect(ours, &to("a.test", Trust::Ca("/nowhere/ca.pem".into()))).await.unwrap_err();
    assert!(error.to_string().starts_with("/nowhere/ca.pem: "), "{error}");
    assert_eq!(error.class(), Class::Ours);
}

#[tokio::test]
async fn sessions_are_resumed_between_equal_connections() {
    let filed = filed_ca();
    let (server, client) = (server(filed.ca.issue(["mx.there.test"])), client());
    let options = to("mx.there.test", filed.trust);
    let (_, first) = shake(&server, &client, &options).await;
    let (accepted, second) = shake(&server, &client, &options).await;
    let (first, second) = (first.unwrap(), second.unwrap());
    assert!(!first.resumed && second.resumed && accepted.unwrap().resumed);
    assert_eq!(second.verification, first.verification);
    assert_eq!(second.peer_certificate, first.peer_certificate);
}

#[tokio::test]
async fn no_session_crosses_from_one_level_of_trust_to_another() {
    let filed = filed_ca();
    let (server, client) = (server(filed.ca.issue(["mx.there.test", "192.0.2.1"])), client());
    let base = to("mx.there.test", filed.trust);
    shake(&server, &client, &base).await.1.unwrap();
    let others = [
        base.clone().require_trust(),
        ConnectOptions { trust: Trust::Any, ..base.clone() },
        ConnectOptions { cache_key: "192.0.2.1:25 required".to_owned(), ..base.clone() },
        ConnectOptions { sni: false, ..base.clone() },
        ConnectOptions { min: MinTls::Tls13, ..base.clone() },
        ConnectOptions { alpn: vec![b"smtp".to_vec()], ..base.clone() },
        ConnectOptions { server_name: Host::parse("[192.0.2.1]").unwrap(), ..base.clone() },
    ];
    for options in others {
        let (_, info) = shake(&server, &client, &options).await;
        assert!(info.is_ok_and(|info| !info.resumed), "{options:?}");
    }
    assert!(shake(&server, &client, &base).await.1.unwrap().resumed);
}

#[tokio::test]
async fn a_resumed_session_never_becomes_worth_more_than_its_first_handshake() {
    let filed = filed_ca();
    let (server, client) = (server(filed.ca.issue(["mx.there.test"])), client());
    let options = to("mx.there.test", filed.trust);
    shake(&server, &client, &options).await.1.unwrap();
    let destination = client.destination(&options).unwrap();
    let unverified = Verification::Unverified { reason: "unknown authority".to_owned() };
    destination.first.lock().unwrap().as_mut().unwrap().1 = unverified.clone();
    let (_, info) = shake(&server, &client, &options).await;
    let info = info.unwrap();
    assert!(info.resumed);
    assert_eq!(info.verification, unverified);
}

#[tokio::test]
async fn an_old_server_is_named_as_such() {
    let certificates = crate::CertStore::from_pem([self_signed(["a.test"], 1)]).unwrap();
    let only_13 = ServerTlsOptions { min: MinTls::Tls13, ..ServerTlsOptions::new(certificates, "new") };
    let (_, info) = shake(&ServerTls::new(only_13).unwrap(), &client(), &to("a.test", Trust::Any)).await;
    assert_eq!(info.unwrap().version, TlsVersion::Tls13);
    // A ServerHello of TLS 1.0.
    let mut hello = vec![22, 3, 1, 0, 44, 2, 0, 0, 40, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x13, 0, 0, 0]);
    let error = client().connect(scripted(&hello), &to("a.test", Trust::Any)).await.unwrap_err();
    assert_eq!(error.reason(), "version", "{error}");
    let error = client().connect(scripted(b"220 mx ESMTP\r\n"), &to("a.test", Trust::Any)).await.unwrap_err();
    assert_eq!(error.reason(), "not-tls", "{error}");
    let error = client().connect(scripted(b""), &to("a.test", Trust::Any)).await.unwrap_err();
    assert_eq!(error.reason(), "closed", "{error}");
}

#[test]
fn the_destination_that_was_not_used_for_longest_makes_room() {
    let client = client();
    let first = to("mx0.there.test", Trust::Any);
    for n in 0..DESTINATIONS_MAX {
        client.destination(&to(&format!("mx{n}.there.test"), Trust::Any)).unwrap();
    }
    client.destination(&first).unwrap();
    client.destination(&to("one-more.there.test", Trust::Any)).unwrap();
    let known = |options: &ConnectOptions| client.destinations().find(options).is_some();
    assert!(known(&first));
    assert!(!known(&to("mx1.there.test", Trust::Any)));
    assert_eq!(client.destinations().known.len(), DESTINATIONS_MAX);
}

/// A peer that says what it has to say and hears nothing.
fn scripted(octets: &[u8]) -> tokio::io::Join<&[u8], tokio::io::Sink> {
    tokio::io::join(octets, tokio::io::sink())
}

/// The certificates of our authority are signed with ECDSA and SHA-256, as fingerprints are made with SHA-256.
#[tokio::test]
async fn the_server_s_end_point_is_the_hash_of_its_certificate() {
    let FiledCa { ca, trust, dir: _dir } = filed_ca();
    let server = server(ca.issue(["mx.test"]));
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let (client, options) = (client(), to("mx.test", trust));
    let (accepted, connected) = tokio::join!(server.accept(theirs), client.connect(ours, &options));
    let (stream, info, _) = connected.unwrap();
    let end_point = server_end_point(&stream).unwrap();
    assert_eq!(Some(hex(&end_point)), info.peer_certificate);
    assert!(accepted.is_ok());
}
