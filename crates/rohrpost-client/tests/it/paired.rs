//! Log-in with our own server at the other end, inside TLS.

use std::{sync::Arc, time::Duration};

use rohrpost_client::{ConnectError, Connection, Endpoint, LinkTls, Login, Mechanism, SessionError, Target};
use rohrpost_mail::{ListenerTls, Secret};
use rohrpost_sasl::{ChannelBinding, Hashes, ScramKeys, server::Decoy};
use rohrpost_smtp::server::{
    AuthVerdict, BareNewline, Event, Extensions, Profile, Protocol, Session, Timeouts, TlsFacts,
};
use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, ca::Ca, crypto};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{target, tls};

struct Sha;

impl Hashes for Sha {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        crypto::sha256(data)
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        crypto::hmac_sha256(key, data)
    }

    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        crypto::pbkdf2_sha256(password, salt, iterations)
    }
}

fn profile(mechanisms: &[Mechanism]) -> Profile {
    Profile {
        protocol: Protocol::Submission,
        host_name: "mx.test".parse().unwrap(),
        software: "Rohrpost".into(),
        tls: ListenerTls::Implicit,
        starttls_available: true,
        auth_clear: false,
        auth_tls: true,
        require_auth: true,
        mechanisms: mechanisms.to_vec(),
        extensions: Extensions::of(Protocol::Submission),
        size_max: 1_000,
        recipients_max: 100,
        messages_max: 100,
        bare_newline: BareNewline::Normalize,
        hold_max: Duration::ZERO,
        timeouts: Timeouts::default(),
        hashes: Arc::new(Sha),
        decoy: Decoy { key: [1; 32], iterations: 4_096 },
        known_peer: true,
    }
}

/// Serves one connection inside TLS; `ann` has the password `pencil`. `tamper` stands for somebody in the middle, to
/// whom another TLS connection leads.
async fn serve(listener: TcpListener, tls: ServerTls, profile: Profile, tamper: bool) {
    let (stream, _) = listener.accept().await.unwrap();
    let (mut stream, _, binding) = tls.accept(stream).await.unwrap();
    let data = binding.map(|binding| if tamper { vec![0; 32] } else { binding.to_vec() });
    let binding = data.map(|data| ChannelBinding { name: "tls-exporter", data });
    let now = tokio::time::Instant::now().into_std();
    let wall = "2026-11-22T10:00:00Z".parse().unwrap();
    let mut session = Session::<()>::new(Arc::new(profile), Some(TlsFacts { binding, client_name: None }), now, wall);
    session.greet(now);
    let mut input = Vec::new();
    loop {
        // Delays of suspicion are not what is tested here.
        let later = now + Duration::from_hours(1);
        while let Some(event) = session.poll_event() {
            match event {
                Event::Password { user, password, .. } => {
                    let right = user == "ann" && password == Secret::new("pencil");
                    session.answer_password(later, if right { AuthVerdict::Right } else { AuthVerdict::Wrong });
                }
                Event::ScramKeys { .. } => {
                    let keys = ScramKeys::derive(&Sha, "pencil", b"some salt, 16 by", 4_096).unwrap();
                    session.answer_scram(later, vec![keys], "the-nonce-of-the-server".to_owned());
                }
                _ => {}
            }
        }
        while let Some(transmit) = session.poll_transmit() {
            stream.write_all(&transmit.bytes).await.unwrap();
        }
        stream.flush().await.unwrap();
        if input.is_empty() && stream.read_buf(&mut input).await.unwrap_or(0) == 0 {
            return;
        }
        let taken = session.handle_input(later, &input);
        input.drain(..taken);
    }
}

async fn log_in(offered: &[Mechanism], password: &str, tamper: bool) -> Result<Option<Mechanism>, ConnectError> {
    log_in_as(Login::new("ann", Secret::new(password)), offered, tamper).await
}

async fn log_in_as(login: Login, offered: &[Mechanism], tamper: bool) -> Result<Option<Mechanism>, ConnectError> {
    rohrpost_tls::install_provider();
    let ca = Ca::new("Test authority");
    let certificates = CertStore::from_pem([ca.issue(["mx.test"])]).unwrap();
    let server_tls = ServerTls::new(ServerTlsOptions::new(certificates, "mx")).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::Tcp(listener.local_addr().unwrap());
    let server = tokio::spawn(serve(listener, server_tls, profile(offered), tamper));
    let target = Target { tls: LinkTls::Implicit, login: Some(login), ..target(endpoint) };
    let result = Connection::open(&target, &tls()).await.map(|connection| connection.mechanism());
    server.abort();
    result
}

#[tokio::test]
async fn the_strongest_mechanism_that_is_offered_logs_in() {
    let all = [Mechanism::Login, Mechanism::Plain, Mechanism::ScramSha256, Mechanism::ScramSha256Plus];
    for count in 1..=all.len() {
        let used = log_in(&all[..count], "pencil", false).await.unwrap();
        assert_eq!(used, Some(all[count - 1]));
    }
}

#[tokio::test]
async fn a_wrong_password_is_refused_by_each_mechanism() {
    for mechanism in Mechanism::ALL.iter().filter(|mechanism| **mechanism != Mechanism::ScramSha256Plus) {
        let error = log_in(&[*mechanism], "wrong", false).await.unwrap_err();
        assert_eq!(error.reply().map(|reply| reply.code), Some(535), "{mechanism}");
    }
}

/// The test listens on loopback, where a password may be shown: only SCRAM is offered, so that the binding decides.
#[tokio::test]
async fn scram_plus_finds_out_who_sits_between() {
    let error = log_in(&[Mechanism::ScramSha256Plus], "pencil", true).await.unwrap_err();
    assert!(matches!(error, ConnectError::Session(SessionError::Refused { .. } | SessionError::Sasl(_))), "{error}");
    assert!(log_in(&[Mechanism::ScramSha256Plus], "pencil", false).await.is_ok());
}

/// A client that says "I could bind and was not asked to" while it was asked is taken for one that was deceived.
#[tokio::test]
async fn scram_without_plus_works_where_plus_is_offered_and_passed_over() {
    let login = Login { mechanism: Some(Mechanism::ScramSha256), ..Login::new("ann", Secret::new("pencil")) };
    let both = [Mechanism::ScramSha256Plus, Mechanism::ScramSha256];
    assert_eq!(log_in_as(login, &both, false).await.unwrap(), Some(Mechanism::ScramSha256));
}
