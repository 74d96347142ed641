use rohrpost_mail::{Trust, VerifiedBy};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

use super::*;
use crate::{
    CertPair, ClientTls, ClientTlsOptions, PemPair,
    ca::{Ca, self_signed},
    testing::{FiledCa, PIPE_BYTES, client, filed_ca, server, shake, to},
};

fn asking(pair: PemPair, filed: &FiledCa, required: bool) -> ServerTls {
    let mut options = ServerTlsOptions::new(CertStore::from_pem([pair]).unwrap(), "asking");
    options.client_auth = Some(ClientAuth { ca: filed.dir.path().join("ca.crt"), required });
    ServerTls::new(options).unwrap()
}

fn showing(pair: &PemPair, filed: &FiledCa) -> ClientTls {
    let CertPair { cert, key } = pair.write(filed.dir.path(), "client").unwrap();
    ClientTls::new(ClientTlsOptions { client_cert: Some(CertPair { cert, key }), groups: None }).unwrap()
}

/// What the server makes of octets that are sent instead of a handshake.
async fn fate_of(octets: &[u8]) -> TlsError {
    let (mut ours, theirs) = duplex(PIPE_BYTES);
    ours.write_all(octets).await.unwrap();
    ours.shutdown().await.unwrap();
    server(self_signed(["a.test"], 1)).accept(theirs).await.unwrap_err()
}

/// A hello of SSL 3.0 (minor 0), TLS 1.0 or 1.1, with the one extension that lets it be understood so far.
fn old_hello(minor: u8) -> Vec<u8> {
    let mut hello = vec![3, minor];
    hello.extend([9; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x13, 1, 0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
    let body = u8::try_from(hello.len()).unwrap();
    let mut record = vec![22, 3, 1, 0, body + 4, 1, 0, 0, body];
    record.extend(hello);
    record
}

#[tokio::test]
async fn a_t03_old_protocols_and_junk_are_refused_and_counted_by_reason() {
    let sslv2 = [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10];
    let heartbeat = [24, 3, 3, 0, 3, 1, 0x40, 0];
    for (octets, reason) in [
        (&old_hello(0)[..], "version"),
        (&old_hello(1), "version"),
        (&old_hello(2), "version"),
        (&sslv2, "not-tls"),
        (&heartbeat, "not-tls"),
        (b"EHLO here.test\r\nMAIL FROM:<>\r\n", "not-tls"),
        (b"", "closed"),
        (&[22, 3, 1], "closed"),
    ] {
        let error = fate_of(octets).await;
        assert_eq!(error.reason(), reason, "{error}: {octets:?}");
        assert!(TlsError::REASONS.contains(&error.reason()));
    }
}

#[tokio::test]
async fn an_alert_tells_an_old_client_what_is_wrong() {
    let (mut ours, theirs) = duplex(PIPE_BYTES);
    ours.write_all(&old_hello(1)).await.unwrap();
    let server = server(self_signed(["a.test"], 1));
    let mut answer = [0; 7];
    let (refused, read) = tokio::join!(server.accept(theirs), ours.read_exact(&mut answer));
    assert!(refused.is_err());
    read.unwrap();
    // Record type alert, level fatal, description protocol_version (RFC 8446 §6).
    assert_eq!((answer[0], answer[5], answer[6]), (21, 2, 70));
}

#[tokio::test]
async fn a_t01_a_hostile_name_gets_the_default_certificate_or_an_alert() {
    let name = "aaaaaaaaaaaa.test";
    for hostile in ["a\\b\0c${run}.tes", "aaaaaaaaaaaaa.test."[1..].as_ref(), "ümlaut-ümlaut.x", "192.168.123.123.1"]
    {
        let (ours, theirs) = duplex(PIPE_BYTES);
        let (mut theirs, pipe) = (theirs, duplex(PIPE_BYTES));
        let (client, server) = (client(), server(self_signed(["a.test"], 1)));
        let options = to(name, Trust::Any);
        let swap = async move {
            let mut hello = vec![0; PIPE_BYTES];
            let octets = theirs.read(&mut hello).await.unwrap();
            hello.truncate(octets);
            let at = hello.windows(name.len()).position(|window| window == name.as_bytes()).unwrap();
            let mut replacement = hostile.as_bytes().to_vec();
            replacement.resize(name.len(), b'x');
            hello[at..at + name.len()].copy_from_slice(&replacement);
            let (mut near, far) = pipe;
            near.write_all(&hello).await.unwrap();
            near.shutdown().await.unwrap();
            // The transcript was changed on the way, so no handshake can end well; what matters is that it ends.
            server.accept(far).await.unwrap_err()
        };
        let ((), error) = tokio::join!(
            async {
                let attempt = client.connect(ours, &options);
                drop(attempt.await);
            },
            swap
        );
        assert!(TlsError::REASONS.contains(&error.reason()), "{error}");
    }
}

#[tokio::test]
async fn a_t02_a_ticket_of_one_listener_opens_no_other() {
    let filed = filed_ca();
    let pair = filed.ca.issue(["mx.here.test", "submit.here.test"]);
    let (submission, mx) = (server(pair.clone()), server(pair));
    let client = client();
    let options = to("mx.here.test", filed.trust.clone());
    shake(&submission, &client, &options).await.1.unwrap();
    assert!(!shake(&mx, &client, &options).await.1.unwrap().resumed);
    let (_, other_name) = shake(&submission, &client, &to("submit.here.test", filed.trust)).await;
    assert!(!other_name.unwrap().resumed);
}

#[tokio::test]
async fn no_early_data_is_taken() {
    let server = server(self_signed(["a.test"], 1));
    assert_eq!(server.config.max_early_data_size, 0);
}

#[tokio::test]
async fn client_certificates_are_asked_for_judged_and_recorded() {
    let filed = filed_ca();
    let server = asking(filed.ca.issue(["mx.here.test"]), &filed, false);
    let options = to("mx.here.test", filed.trust.clone());
    let verification = async |client: &ClientTls| shake(&server, client, &options).await.0.unwrap().verification;
    let good = showing(&filed.ca.issue(["partner.test"]), &filed);
    assert_eq!(verification(&good).await, Verification::Verified { by: VerifiedBy::ClientCa });
    assert_eq!(verification(&client()).await, Verification::NoCertificate);
    let unknown = showing(&Ca::new("Stranger").issue(["partner.test"]), &filed);
    let reason = "unknown authority: Stranger".to_owned();
    assert_eq!(verification(&unknown).await, Verification::Unverified { reason });
}

#[tokio::test]
async fn a_client_name_is_verified_only_by_an_authority_of_the_listener() {
    let filed = filed_ca();
    let server = asking(filed.ca.issue(["mx.here.test"]), &filed, false);
    let options = to("mx.here.test", filed.trust.clone());
    let good = filed.ca.issue(["partner.test"]);
    let claimed = Ca::new("Stranger").issue(["partner.test"]);
    for (pair, verified) in [(good, Some("partner.test".to_owned())), (claimed, None)] {
        let client = showing(&pair, &filed);
        let (ours, theirs) = duplex(PIPE_BYTES);
        let (accepted, _connected) = tokio::join!(server.accept(theirs), client.connect(ours, &options));
        let (stream, info, _) = accepted.unwrap();
        assert_eq!(client_name(&stream).as_deref(), Some("partner.test"));
        assert_eq!(verified_client_name(&stream, &info), verified);
    }
}

#[tokio::test]
async fn a_listener_that_demands_client_certificates_refuses_others() {
    let filed = filed_ca();
    let server = asking(filed.ca.issue(["mx.here.test"]), &filed, true);
    let options = to("mx.here.test", filed.trust.clone());
    assert_eq!(shake(&server, &client(), &options).await.0.unwrap_err().reason(), "no-certificate");
    let unknown = showing(&Ca::new("Stranger").issue(["partner.test"]), &filed);
    assert_eq!(shake(&server, &unknown, &options).await.0.unwrap_err().reason(), "untrusted");
    let good = showing(&filed.ca.issue(["partner.test"]), &filed);
    assert!(shake(&server, &good, &options).await.0.is_ok());
}

#[tokio::test]
async fn a_t05_the_name_in_a_client_certificate_is_data_only() {
    let filed = filed_ca();
    let server = asking(filed.ca.issue(["mx.here.test"]), &filed, false);
    let hostile = format!("\"${{run{{id}}}}\r\n\x1b[31m{}", "x".repeat(20_000));
    let client = showing(&filed.ca.issue([hostile]), &filed);
    let (ours, theirs) = duplex(4 * PIPE_BYTES);
    let options = to("mx.here.test", filed.trust.clone());
    let (accepted, _connected) = tokio::join!(server.accept(theirs), client.connect(ours, &options));
    let name = client_name(&accepted.unwrap().0).unwrap();
    assert!(name.starts_with("\"${run{id}}??"), "{name}");
    assert!(name.len() < 200 && !name.chars().any(char::is_control));
}

/// A client of another make that has TLS 1.2 only, and takes any certificate.
fn old_client() -> tokio_rustls::TlsConnector {
    let judge = Arc::new(crate::judge::Judge::new(&Trust::Any, &[]).unwrap());
    let config = rustls::ClientConfig::builder_with_provider(crate::provider::provider())
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(crate::verifier::ServerVerifier { judge, required: false }))
        .with_no_client_auth();
    Arc::new(config).into()
}

#[tokio::test]
async fn tls_1_2_is_spoken_and_has_no_channel_binding() {
    let server = server(self_signed(["a.test"], 1));
    let (ours, theirs) = duplex(PIPE_BYTES);
    let name = "a.test".try_into().unwrap();
    let (accepted, connected) = tokio::join!(server.accept(theirs), old_client().connect(name, ours));
    connected.unwrap();
    let (_, info, binding) = accepted.unwrap();
    assert_eq!(info.version, rohrpost_mail::TlsVersion::Tls12);
    assert!(info.suite.starts_with("TLS_ECDHE_ECDSA_WITH_"), "{}", info.suite);
    assert_eq!(binding, None);
}

#[tokio::test]
async fn a_listener_for_tls_1_3_refuses_1_2() {
    let certificates = CertStore::from_pem([self_signed(["a.test"], 1)]).unwrap();
    let options = ServerTlsOptions { min: MinTls::Tls13, ..ServerTlsOptions::new(certificates, "new") };
    let server = ServerTls::new(options).unwrap();
    let (ours, theirs) = duplex(PIPE_BYTES);
    let name = "a.test".try_into().unwrap();
    let (accepted, connected) = tokio::join!(server.accept(theirs), old_client().connect(name, ours));
    assert!(connected.is_err());
    assert_eq!(accepted.unwrap_err().reason(), "version");
}

#[tokio::test]
async fn groups_can_be_chosen_by_name() {
    let certificates = || CertStore::from_pem([self_signed(["a.test"], 1)]).unwrap();
    let with = |groups: &[&str]| {
        let groups = Some(groups.iter().map(ToString::to_string).collect());
        ServerTls::new(ServerTlsOptions { groups, ..ServerTlsOptions::new(certificates(), "groups") })
    };
    for (groups, expected) in [(&["X25519"][..], "x25519"), (&["secp384r1"], "secp384r1")] {
        let (_, info) = shake(&with(groups).unwrap(), &client(), &to("a.test", Trust::Any)).await;
        assert_eq!(info.unwrap().group, expected);
    }
    let error = with(&["x448"]).unwrap_err().to_string();
    assert_eq!(error, "unknown key exchange group x448; there are X25519MLKEM768, x25519, secp256r1, secp384r1");
}
