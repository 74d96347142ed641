//! A mail server for the tests of programs that send: in this process, with faults where you want them.
//!
//! It takes mail on a free port of loopback, or over a pipe in memory without any port, keeps it for you to look at, and
//! ends when it is dropped. It is no example of a good server: it understands what this library says and no more.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! use rohrpost_sender::{Kind, Mail, send, testing::{Fault, Server, Stage}};
//!
//! let mail = Mail::new().from("anna@firma.example").to("bob@kunde.example").subject("Hi").text("Hi Bob").build()?;
//!
//! let server = Server::start().await;
//! send(&server.url(), &mail).await?;
//! assert_eq!(server.received()[0].recipients, ["bob@kunde.example"]);
//! assert!(server.received()[0].text().contains("Subject: Hi"));
//!
//! let broken = Server::builder().fault(Stage::Dot, Fault::Drop).start().await;
//! let error = send(&broken.url(), &mail).await.unwrap_err();
//! assert_eq!((error.kind(), error.sysexit()), (Kind::AfterDot, 74));
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod dialogue;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use rohrpost_client::{AnyStream, BoxFuture, Connect, Connector, Endpoint};
pub use rohrpost_mail::{ListenerTls as Tls, Stage};
use rohrpost_mail::{Secret, Trust};
use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, Tlsa, ca::Ca};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use self::dialogue::Dialogue;

/// Octets that a pipe holds.
const PIPE_BYTES: usize = 64 * 1024;

/// What goes wrong at a stage of the dialogue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// This reply instead of the good one, such as `550 5.1.1 nobody here`. Behind a 421 the server hangs up.
    Reply(String),
    /// The connection ends without a word.
    Drop,
    /// Silence for good.
    Stall,
    /// A line that is no reply.
    Garbage,
}

impl Fault {
    /// A reply.
    pub fn reply(text: impl Into<String>) -> Self {
        Self::Reply(text.into())
    }
}

/// A message that was taken.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Received {
    /// The argument of MAIL, without brackets; empty for the null path.
    pub reverse_path: String,
    /// The parameters of MAIL.
    pub parameters: String,
    /// The recipients that were accepted.
    pub recipients: Vec<String>,
    /// The message, CRLF, without transparency dots.
    pub body: Vec<u8>,
    /// It came inside TLS.
    pub tls: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

impl Received {
    /// The message as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A server that is being set up. By default it takes everything, in clear, without a log-in.
#[derive(Debug)]
pub struct Builder {
    tls: Tls,
    login: Option<(String, Secret)>,
    keywords: Vec<String>,
    faults: Vec<(Stage, Fault, usize)>,
    refused: Vec<(String, String)>,
    directory: Option<PathBuf>,
}

impl Builder {
    /// Offers TLS, demands it, or begins with it. Its certificate is its own: see [`Server::trust`].
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Demands a log-in with PLAIN (RFC 4616).
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    /// What EHLO lists beside STARTTLS and AUTH. Default: `PIPELINING 8BITMIME SMTPUTF8 DSN SIZE ENHANCEDSTATUSCODES`.
    #[must_use]
    pub fn lists<K: Into<String>>(mut self, keywords: impl IntoIterator<Item = K>) -> Self {
        self.keywords = keywords.into_iter().map(Into::into).collect();
        self
    }

    /// Goes wrong at this stage, each time.
    #[must_use]
    pub fn fault(self, stage: Stage, fault: Fault) -> Self {
        self.fault_times(stage, fault, usize::MAX)
    }

    /// Goes wrong at this stage so many times, then no more.
    #[must_use]
    pub fn fault_times(mut self, stage: Stage, fault: Fault, times: usize) -> Self {
        self.faults.push((stage, fault, times));
        self
    }

    /// Refuses a recipient with a reply such as `550 5.1.1 nobody here`.
    #[must_use]
    pub fn refuse(mut self, recipient: impl Into<String>, reply: impl Into<String>) -> Self {
        self.refused.push((recipient.into(), reply.into()));
        self
    }

    /// Writes each message into this directory, too, as `1.eml`, `2.eml` and so on, for a mail program to open.
    #[must_use]
    pub fn eml_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(self) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of loopback is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let ca = Ca::new("Throw-away authority");
        let certificates = CertStore::from_pem([ca.issue(["localhost", "127.0.0.1"])]);
        let certificates = certificates.expect("what was just issued is in order");
        let fingerprint = certificates.certificates().into_iter().map(|certificate| certificate.fingerprint).collect();
        let tls = ServerTls::new(ServerTlsOptions::new(certificates, "testing")).expect("the defaults can be set up");
        let shared = Arc::new(Shared {
            faults: Mutex::new(self.faults.clone()),
            plan: self,
            tls,
            received: Mutex::default(),
            count: watch::Sender::new(0),
            connections: AtomicUsize::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Server { address, fingerprint, shared, task }
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    fingerprint: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Server {
    /// One that takes everything, in clear.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// One to be set up.
    pub fn builder() -> Builder {
        let keywords = ["PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE", "ENHANCEDSTATUSCODES"];
        Builder {
            tls: Tls::Off,
            login: None,
            keywords: keywords.map(str::to_owned).to_vec(),
            faults: Vec::new(),
            refused: Vec::new(),
            directory: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL: `smtp://127.0.0.1:…`, or `smtps://…` where it begins with TLS.
    pub fn url(&self) -> String {
        let scheme = if self.shared.plan.tls == Tls::Implicit { "smtps" } else { "smtp" };
        format!("{scheme}://{}", self.address)
    }

    /// What a client trusts to believe its certificate.
    pub fn trust(&self) -> Trust {
        Trust::PinCertificate(self.fingerprint.clone())
    }

    /// What its TLSA record says of its certificate, for [`Trust::Dane`].
    pub fn tlsa(&self) -> Tlsa {
        let digit = |at: usize| u8::from_str_radix(&self.fingerprint[2 * at..2 * at + 2], 16);
        let data = (0..32).map(|at| digit(at).expect("a fingerprint is 64 hexadecimal digits")).collect();
        Tlsa { usage: 3, selector: 0, matching: 1, data }
    }

    /// Leads to this server over a pipe in memory, whatever the address says.
    pub fn pipe(&self) -> Connector {
        Connector::new(Pipe(Arc::clone(&self.shared)))
    }

    /// Goes wrong at this stage from now on, so many times.
    pub fn then(&self, stage: Stage, fault: Fault, times: usize) {
        lock(&self.shared.faults).push((stage, fault, times));
    }

    /// What it has taken.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.shared.received).clone()
    }

    /// Waits until it has so many messages, and gives them all.
    ///
    /// # Panics
    /// Never: what it waits on lives as long as the server.
    pub async fn messages(&self, count: usize) -> Vec<Received> {
        let come = self.shared.count.subscribe().wait_for(|come| *come >= count).await.is_ok();
        assert!(come, "the sender lives as long as the server");
        self.received()
    }

    /// How many connections have come.
    pub fn connection_count(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Shared {
    plan: Builder,
    faults: Mutex<Vec<(Stage, Fault, usize)>>,
    tls: ServerTls,
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    connections: AtomicUsize,
}

impl Shared {
    /// What goes wrong at this stage this time.
    fn fault_at(&self, stage: Stage) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let (_, fault, times) = faults.iter_mut().find(|(at, _, times)| *at == stage && *times > 0)?;
        *times -= 1;
        Some(fault.clone())
    }

    /// Keeps a message. Where the directory cannot be written the connection ends before the good reply.
    fn keep(&self, message: Received) -> io::Result<()> {
        let mut received = lock(&self.received);
        if let Some(directory) = &self.plan.directory {
            std::fs::write(directory.join(format!("{}.eml", received.len() + 1)), &message.body)?;
        }
        received.push(message);
        self.count.send_replace(received.len());
        Ok(())
    }

    async fn serve(self: Arc<Self>, stream: AnyStream) -> io::Result<()> {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Dialogue::new(self, stream).run().await
    }
}

/// Its connections end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let serving = Arc::clone(&shared).serve(Box::new(stream));
        // The other side may go at any time; that is for the test to judge.
        connections.spawn(async move { drop(serving.await) });
    }
}

struct Pipe(Arc<Shared>);

impl Connect for Pipe {
    fn connect<'a>(&'a self, _: &'a Endpoint) -> BoxFuture<'a, io::Result<AnyStream>> {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let serving = Arc::clone(&self.0).serve(Box::new(theirs));
        tokio::spawn(async move { drop(serving.await) });
        Box::pin(std::future::ready(Ok(Box::new(ours) as AnyStream)))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
