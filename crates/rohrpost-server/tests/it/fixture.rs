//! A running server with all its listeners.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_dns::{
    Options, Resolver,
    zone::{Zone, ZoneServer},
};
use rohrpost_intake::{
    Intake, Parts, Settings, new_password,
    settings::{RecipientSource, RelayDomain, TrustedNetwork},
};
use rohrpost_mail::{DeliveryRecord, ListenerTls, Secret};
use rohrpost_queue::{Clock, Queue, RouteRule, Router};
use rohrpost_server::{Bound, ListenerSettings, Server};
use rohrpost_smtp::server::Protocol;
use rohrpost_store::{
    Account, Alias, Store,
    mailbox::{Flags, NewMail},
};
use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, ca::Ca};

use crate::client::Client;

/// The password of ann@here.test.
pub(crate) const PASSWORD: &str = "correct horse";

/// What a test wants to be different.
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) store: rohrpost_store::Options,
    pub(crate) listeners: Vec<ListenerSettings>,
}

impl Setup {
    /// Five listeners as the manual has them; no trusted network, no delays.
    fn new() -> Self {
        let mut settings = Settings::new("mx.here.test".parse().unwrap(), "ann@here.test".parse().unwrap());
        settings.local_domains = vec!["here.test".parse().unwrap()];
        settings.relay_domains = vec![RelayDomain {
            domain: "inner.test".parse().unwrap(),
            next_hop: "smtp://inner.test".into(),
            recipients: RecipientSource::List,
            list: vec!["ivy@inner.test".parse().unwrap()],
        }];
        settings.greeting_delay = Duration::ZERO;
        settings.tarpit = Duration::ZERO;
        let listener = |name: &str, protocol, tls| ListenerSettings {
            tls,
            ..ListenerSettings::new(name, protocol, "mx.here.test".parse().unwrap())
        };
        let mut mx = listener("mx", Protocol::Smtp, ListenerTls::Offered);
        mx.auth.tls = Some(false);
        let listeners = vec![
            mx,
            listener("lan", Protocol::Smtp, ListenerTls::Offered),
            listener("submission", Protocol::Submission, ListenerTls::Required),
            listener("submissions", Protocol::Submission, ListenerTls::Implicit),
            listener("lmtp", Protocol::Lmtp, ListenerTls::Off),
        ];
        Self {
            settings,
            store: rohrpost_store::Options { free_bytes_min: 1, ..rohrpost_store::Options::default() },
            listeners,
        }
    }

    /// Loopback may relay, without a rate.
    pub(crate) fn trust_loopback(&mut self) {
        let network = "127.0.0.0/8".parse().unwrap();
        self.settings.trusted_networks = vec![TrustedNetwork { network, messages_per_hour: 0 }];
    }

    /// One of the listeners.
    pub(crate) fn listener(&mut self, name: &str) -> &mut ListenerSettings {
        self.listeners.iter_mut().find(|listener| listener.name == name).unwrap()
    }
}

/// A running server; dropped, it is gone.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    pub(crate) intake: Intake,
    pub(crate) store: Store,
    queue: Queue,
    _zones: ZoneServer,
    pub(crate) ca_file: PathBuf,
    addresses: Vec<(String, SocketAddr)>,
    pub(crate) lmtp: PathBuf,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// The usual server.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// A server that is different.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Setup)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::start_in(dir, change).await
    }

    /// A server on what an earlier one has stored.
    pub(crate) async fn restart(self, change: impl FnOnce(&mut Setup)) -> Self {
        self.server.stop(Duration::from_secs(5)).await;
        self.queue.stop();
        let Self { dir, store, intake, server, queue, .. } = self;
        drop((store, intake, server, queue));
        Self::start_in(dir, change).await
    }

    async fn start_in(dir: tempfile::TempDir, change: impl FnOnce(&mut Setup)) -> Self {
        rohrpost_tls::install_provider();
        let mut setup = Setup::new();
        change(&mut setup);
        let store = open(&dir, setup.store.clone()).await;
        fill(&store).await;
        let zones = ZoneServer::start([
            Zone::new("there.test").mx("there.test", 10, "mx.there.test").a("mx.there.test", [192, 0, 2, 1]),
            Zone::new("null.test").null_mx("null.test"),
            Zone::new("test"),
            Zone::new("in-addr.arpa"),
        ]);
        let zones = zones.await.unwrap();
        let resolver = Resolver::with_servers(vec![zones.address()], Options::default());
        let relays = setup.settings.relay_domains.iter();
        let rules = relays.map(|relay| RouteRule::to(vec![relay.domain.as_str().parse().unwrap()], relay.route_name()));
        let router = Arc::new(Router::new([], rules.collect()));
        let queue = Queue::start(store.clone(), rohrpost_queue::Settings::default(), Clock::system());
        let parts = Parts { store: store.clone(), queue: queue.clone(), router, resolver, callout: None, srs: None };
        let intake = Intake::new(parts, setup.settings);
        let (addresses, lmtp) = bind(&dir, &mut setup.listeners);
        let server = Server::start(setup.listeners, intake.clone(), [7; 32]).unwrap();
        Self { queue, _zones: zones, server, intake, store, ca_file: dir.path().join("ca.pem"), addresses, lmtp, dir }
    }

    /// The store's data directory.
    pub(crate) fn store_dir(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    /// Puts messages into the INBOX of ann@here.test. Their lines end with LF here.
    pub(crate) async fn append(&self, texts: &[impl AsRef<str>]) {
        let mut mails = Vec::new();
        for text in texts {
            let mut writer = self.store.body_writer();
            writer.push(text.as_ref().replace('\n', "\r\n").into()).await.unwrap();
            let body = writer.finish(Bytes::new()).await.unwrap();
            mails.push(NewMail { body, shape: None, flags: Flags::default(), at: Timestamp::UNIX_EPOCH });
        }
        self.store.mailbox_append("ann@here.test", "INBOX", mails).await.unwrap();
    }

    /// Where a listener is.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.addresses.iter().find(|(name, _)| name == listener).unwrap().1
    }

    /// A client of a listener, whose greeting is still to come.
    pub(crate) async fn connect(&self, listener: &str) -> Client {
        Client::connect(self.address(listener)).await
    }

    /// A client inside TLS from the first octet.
    pub(crate) async fn connect_tls(&self, listener: &str) -> Client {
        self.connect(listener).await.start_tls(&self.ca_file).await
    }

    /// A client of the LMTP socket.
    pub(crate) async fn connect_lmtp(&self) -> Client {
        Client::connect_unix(&self.lmtp).await
    }

    /// A client that has done EHLO, STARTTLS and EHLO.
    pub(crate) async fn secured(&self, listener: &str) -> Client {
        let mut client = self.connect(listener).await;
        client.transcript("S: 220\nC: EHLO client.test\nS: 250\nC: STARTTLS\nS: 220 2.0.0").await;
        let mut client = client.start_tls(&self.ca_file).await;
        client.transcript("C: EHLO client.test\nS: 250").await;
        client
    }

    /// A client logged in as ann@here.test.
    pub(crate) async fn logged_in(&self) -> Client {
        let mut client = self.secured("submission").await;
        client.log_in_plain("ann@here.test", PASSWORD).await;
        client.expect("235 2.7.0").await;
        client
    }

    /// The text of the newest message in the queue.
    pub(crate) async fn newest(&self) -> String {
        String::from_utf8(self.body(self.ids().await.pop().expect("a message is in the queue")).await).unwrap()
    }

    /// The octets of a message.
    pub(crate) async fn body(&self, id: rohrpost_mail::QueueId) -> Vec<u8> {
        let message = self.store.message(id).await.unwrap().unwrap();
        let mut reader = self.store.open_body(&message.body).await.unwrap();
        let mut body = Vec::new();
        while let Some(bytes) = reader.next().await.unwrap() {
            body.extend_from_slice(&bytes);
        }
        body
    }

    /// The messages in the queue, oldest first.
    pub(crate) async fn ids(&self) -> Vec<rohrpost_mail::QueueId> {
        let page = rohrpost_store::Page { after: None, limit: 10_000 };
        let listed = self.store.queue_list(rohrpost_store::Filter::default(), page).await.unwrap();
        let mut ids: Vec<_> = listed.iter().map(|listed| listed.recipient.message).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// Recipients of a message with their routes.
    pub(crate) async fn recipients(&self, id: rohrpost_mail::QueueId) -> Vec<(String, String)> {
        let rows = self.store.recipients(id).await.unwrap();
        rows.into_iter().map(|row| (row.recipient.address.to_string(), row.route)).collect()
    }

    /// How a message came in.
    pub(crate) async fn received(&self, id: rohrpost_mail::QueueId) -> DeliveryRecord {
        self.store.message(id).await.unwrap().unwrap().received
    }
}

/// Opens the store; one that has just been closed may hold its lock for a moment.
async fn open(dir: &tempfile::TempDir, options: rohrpost_store::Options) -> Store {
    loop {
        match Store::open(&dir.path().join("store"), options.clone()) {
            Ok(store) => return store,
            Err(rohrpost_store::OpenError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Ann with two passwords, an alias, a catch-all of another domain.
async fn fill(store: &Store) {
    if store.account_get("ann@here.test").await.unwrap().is_some() {
        return;
    }
    let main = new_password("main", &Secret::new(PASSWORD), &[]);
    let phone = new_password("phone", &Secret::new("phone pass"), std::slice::from_ref(&main));
    let ann = Account {
        login: "ann@here.test".into(),
        addresses: vec!["ann@here.test".parse().unwrap()],
        secrets: vec![main, phone],
        ..Account::default()
    };
    store.account_put(ann).await.unwrap();
    let gone = Account {
        login: "gone@here.test".into(),
        addresses: vec!["gone@here.test".parse().unwrap()],
        disabled: true,
        ..Account::default()
    };
    store.account_put(gone).await.unwrap();
    let targets = vec!["ann@here.test".parse().unwrap()];
    let info = Alias { address: "info@here.test".into(), targets, ..Alias::default() };
    store.alias_put(info).await.unwrap();
}

/// Binds every listener to a free port, the LMTP one to a unix socket, and gives each that wants TLS its certificate.
fn bind(dir: &tempfile::TempDir, listeners: &mut [ListenerSettings]) -> (Vec<(String, SocketAddr)>, PathBuf) {
    let ca = Ca::open(dir.path(), "test").unwrap();
    std::fs::write(dir.path().join("ca.pem"), ca.cert()).unwrap();
    let certificates = CertStore::from_pem([ca.issue(["mx.here.test", "127.0.0.1"])]).unwrap();
    let lmtp = dir.path().join("lmtp.sock");
    let mut addresses = Vec::new();
    for listener in listeners.iter_mut() {
        if listener.tls != ListenerTls::Off {
            let options = ServerTlsOptions::new(certificates.clone(), listener.name.clone());
            listener.server_tls = Some(ServerTls::new(options).unwrap());
        }
        if listener.service == Protocol::Lmtp.into() {
            // What a run before this one left behind.
            let _ = std::fs::remove_file(&lmtp);
            listener.sockets.push(Bound::Unix(std::os::unix::net::UnixListener::bind(&lmtp).unwrap()));
            continue;
        }
        if listener.sockets.is_empty() {
            listener.sockets.push(Bound::Tcp(TcpListener::bind("127.0.0.1:0").unwrap()));
        }
        if let Some(Bound::Tcp(socket)) = listener.sockets.first() {
            addresses.push((listener.name.clone(), socket.local_addr().unwrap()));
        }
    }
    (addresses, lmtp)
}
