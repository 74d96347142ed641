//! A server that follows a script.
//!
//! | line | does |
//! |---|---|
//! | `S: text` | says the line |
//! | `S, text` | says it without a line end |
//! | `C: text` | reads a line, which must be this |
//! | `C~ text` | reads a line, which must start like this |
//! | `BODY` | reads up to the lone dot |
//! | `ANY` | reads whatever comes |
//! | `TLS` | does a handshake |
//! | `SIGNAL` | tells the test that this point is reached |
//! | `END` | waits until the client hangs up |
//!
//! At the end of its script it hangs up.

use std::net::SocketAddr;

use rohrpost_tls::{CertStore, ServerTls, ServerTlsOptions, ca::Ca};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, UnixListener},
    sync::mpsc,
    task::JoinHandle,
};

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A running server.
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) signals: mpsc::UnboundedReceiver<()>,
    task: JoinHandle<Vec<Vec<u8>>>,
}

impl Peer {
    /// Serves one connection after the other, each by its script.
    pub(crate) async fn start(scripts: &[&str]) -> Self {
        Self::start_with(scripts, None).await
    }

    /// The same with a certificate for `mx.test`; also the authority.
    pub(crate) async fn start_tls(scripts: &[&str]) -> (Self, Ca) {
        rohrpost_tls::install_provider();
        let ca = Ca::new("Test authority");
        let certificates = CertStore::from_pem([ca.issue(["mx.test"])]).unwrap();
        let tls = ServerTls::new(ServerTlsOptions::new(certificates, "mx")).unwrap();
        (Self::start_with(scripts, Some(tls)).await, ca)
    }

    /// What the bodies were, once all scripts are played.
    pub(crate) async fn bodies(self) -> Vec<Vec<u8>> {
        self.task.await.unwrap()
    }

    async fn start_with(scripts: &[&str], tls: Option<ServerTls>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scripts: Vec<String> = scripts.iter().map(ToString::to_string).collect();
        let (sender, signals) = mpsc::unbounded_channel();
        let task = tokio::spawn(async move {
            let mut bodies = Vec::new();
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                play(Box::new(stream), &script, tls.as_ref(), &sender, &mut bodies).await;
            }
            bodies
        });
        Self { address, signals, task }
    }
}

/// Serves one connection on a unix socket; the task gives the bodies.
pub(crate) fn start_unix(path: &std::path::Path, script: &str) -> JoinHandle<Vec<Vec<u8>>> {
    let (listener, script) = (UnixListener::bind(path).unwrap(), script.to_owned());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut bodies, (sender, _receiver)) = (Vec::new(), mpsc::unbounded_channel());
        play(Box::new(stream), &script, None, &sender, &mut bodies).await;
        bodies
    })
}

async fn play(
    stream: Box<dyn Stream>,
    script: &str,
    tls: Option<&ServerTls>,
    signals: &mpsc::UnboundedSender<()>,
    bodies: &mut Vec<Vec<u8>>,
) {
    let mut stream = BufReader::new(stream);
    for step in script.lines() {
        match step.split_at_checked(2) {
            Some(("S:", text)) => say(&mut stream, &format!("{}\r\n", text.trim_start())).await,
            Some(("S,", text)) => say(&mut stream, text.trim_start()).await,
            Some(("C:", text)) => assert_eq!(line(&mut stream).await, text.trim_start(), "in {script}"),
            Some(("C~", text)) => assert!(line(&mut stream).await.starts_with(text.trim_start()), "in {script}"),
            _ if step == "BODY" => bodies.push(body(&mut stream).await),
            _ if step == "ANY" => {
                let count = stream.fill_buf().await.unwrap().len();
                stream.consume(count);
            }
            _ if step == "SIGNAL" => signals.send(()).unwrap(),
            _ if step == "END" => assert_eq!(line(&mut stream).await, "", "the client hangs up"),
            _ if step == "TLS" => {
                let clear = stream.into_inner();
                let Ok((secured, ..)) = tls.unwrap().accept(clear).await else { return };
                stream = BufReader::new(Box::new(secured));
            }
            _ => panic!("no such step: {step}"),
        }
    }
}

/// The client may have hung up already; what it then misses is its own affair.
async fn say(stream: &mut BufReader<Box<dyn Stream>>, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
    let _ = stream.flush().await;
}

/// A line without its end; nothing when the client has hung up.
async fn line(stream: &mut BufReader<Box<dyn Stream>>) -> String {
    let mut line = Vec::new();
    let _ = stream.read_until(b'\n', &mut line).await;
    String::from_utf8(line).unwrap().trim_end_matches("\r\n").to_owned()
}

async fn body(stream: &mut BufReader<Box<dyn Stream>>) -> Vec<u8> {
    let mut body = Vec::new();
    while !body.ends_with(b"\r\n.\r\n") && body != b".\r\n" {
        let read = stream.read_until(b'\n', &mut body).await;
        assert!(read.is_ok_and(|count| count > 0), "the body ends with a dot");
    }
    body
}
