//! A server that takes mail and shows what it got.
//!
//! It speaks through the session of `rohrpost-smtp`, so that it keeps to the standard; what it takes lives in memory.

mod connection;

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use rohrpost_mail::{Domain, Envelope, ForwardPath, ListenerTls, Reply, TlsInfo};
use rohrpost_sasl::{
    Hashes, Mechanism,
    server::{Decoy, MECHANISMS},
};
use rohrpost_smtp::server::{BareNewline, Extensions, Profile, Protocol, Timeouts};
use rohrpost_tls::{ServerTls, crypto};
use tokio::sync::watch;

use self::connection::Connection;
use crate::listening::Listening;

/// Octets a message may have.
const SIZE_MAX: u64 = 64 << 20;
/// PBKDF2 rounds: the fewest that clients take (RFC 7677 §4), since tests should be quick.
const ITERATIONS: u32 = 4_096;

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Received {
    /// Sender and what it asked for.
    pub envelope: Envelope,
    /// Accepted recipients, as they were written.
    pub recipients: Vec<String>,
    /// The message with CRLF and without transparency dots.
    pub body: Bytes,
    /// How it came, unless in clear.
    pub tls: Option<TlsInfo>,
    /// Who had logged in.
    pub user: Option<String>,
    /// The connection it came over, from 0.
    pub connection: usize,
}

impl Received {
    /// The message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

type Judge<T> = Box<dyn Fn(&T) -> Result<(), Reply> + Send + Sync>;

/// A sink that is being set up. By default it takes everything, in clear, without log-in.
pub struct SinkBuilder {
    protocol: Protocol,
    listener_tls: ListenerTls,
    tls: Option<ServerTls>,
    login: Option<(String, String)>,
    mechanisms: Vec<Mechanism>,
    intercepted: bool,
    extensions: Extensions,
    rcpt: Judge<ForwardPath>,
    message: Judge<Received>,
}

impl SinkBuilder {
    /// LMTP instead of SMTP; the verdict on the message is each recipient's.
    #[must_use]
    pub fn lmtp(mut self) -> Self {
        self.protocol = Protocol::Lmtp;
        self
    }

    /// Offers, demands or begins with TLS.
    #[must_use]
    pub fn tls(mut self, mode: ListenerTls, tls: &ServerTls) -> Self {
        self.listener_tls = mode;
        self.tls = Some(tls.clone());
        self
    }

    /// Demands a log-in, in clear too unless TLS is demanded.
    #[must_use]
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.login = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Offers these ways to log in and no other.
    #[must_use]
    pub fn mechanisms(mut self, offered: &[Mechanism]) -> Self {
        self.mechanisms = offered.to_vec();
        self
    }

    /// Binds log-ins to another TLS connection than the client's, as when somebody sits between the two.
    #[must_use]
    pub fn intercepted(mut self) -> Self {
        self.intercepted = true;
        self
    }

    /// Changes what EHLO lists.
    #[must_use]
    pub fn extensions(mut self, change: impl FnOnce(&mut Extensions)) -> Self {
        change(&mut self.extensions);
        self
    }

    /// Judges each recipient.
    #[must_use]
    pub fn on_rcpt(mut self, judge: impl Fn(&ForwardPath) -> Result<(), Reply> + Send + Sync + 'static) -> Self {
        self.rcpt = Box::new(judge);
        self
    }

    /// Judges each message at its dot.
    #[must_use]
    pub fn on_message(mut self, judge: impl Fn(&Received) -> Result<(), Reply> + Send + Sync + 'static) -> Self {
        self.message = Box::new(judge);
        self
    }

    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(self) -> Sink {
        let shared = Arc::new(Shared {
            profile: Arc::new(self.profile()),
            builder: self,
            received: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let theirs = Arc::clone(&shared);
        let serve = move |stream, place| Connection::new(Arc::clone(&theirs), place).run(stream);
        Sink { listening: Listening::start(serve).await, shared }
    }

    fn profile(&self) -> Profile {
        Profile {
            protocol: self.protocol,
            host_name: Domain::parse("mx.there.test").expect("this is a domain"),
            software: "Sink".to_owned(),
            tls: self.listener_tls,
            starttls_available: self.tls.is_some(),
            auth_clear: self.login.is_some(),
            auth_tls: self.login.is_some(),
            require_auth: self.login.is_some(),
            mechanisms: self.mechanisms.clone(),
            extensions: self.extensions,
            size_max: SIZE_MAX,
            recipients_max: 1_000,
            messages_max: usize::MAX,
            bare_newline: BareNewline::Reject,
            hold_max: Duration::ZERO,
            timeouts: Timeouts::default(),
            hashes: Arc::new(Sha256),
            decoy: Decoy { key: [7; 32], iterations: ITERATIONS },
            known_peer: true,
        }
    }
}

/// A running sink.
pub struct Sink {
    listening: Listening,
    shared: Arc<Shared>,
}

impl Sink {
    /// One that takes everything, in clear.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// One to be set up.
    pub fn builder() -> SinkBuilder {
        SinkBuilder {
            protocol: Protocol::Smtp,
            listener_tls: ListenerTls::Off,
            tls: None,
            login: None,
            mechanisms: MECHANISMS.to_vec(),
            intercepted: false,
            extensions: Extensions { dsn: true, ..Extensions::of(Protocol::Smtp) },
            rcpt: Box::new(|_| Ok(())),
            message: Box::new(|_| Ok(())),
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Waits until it has so many messages, and gives them all.
    ///
    /// # Panics
    /// Never: what it waits on lives as long as the sink.
    pub async fn messages(&self, count: usize) -> Vec<Received> {
        let come = self.shared.count.subscribe().wait_for(|come| *come >= count).await.is_ok();
        assert!(come, "the sender lives as long as the sink");
        self.received()
    }

    /// What it has now.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many connections have come.
    pub fn connection_count(&self) -> usize {
        self.listening.count()
    }
}

pub(crate) struct Shared {
    profile: Arc<Profile>,
    builder: SinkBuilder,
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
}

impl Shared {
    /// Keeps a message; its place is its id.
    fn keep(&self, message: Received) -> usize {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.push(message);
        let count = received.len();
        drop(received);
        self.count.send_replace(count);
        count
    }
}

/// The hashes of SCRAM over the TLS provider.
struct Sha256;

impl Hashes for Sha256 {
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
