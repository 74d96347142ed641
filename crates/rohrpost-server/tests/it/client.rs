//! A client that says what it is told and looks at what comes back.

use std::{net::SocketAddr, path::Path, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_mail::{Host, TlsInfo, Trust};
use rohrpost_tls::{ClientTls, ClientTlsOptions, ConnectOptions};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UnixStream},
    time::timeout,
};

/// Longer than anything takes that a test waits for; a test that fails should not hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One connection to a server.
pub(crate) struct Client {
    stream: BufReader<Box<dyn Stream>>,
    pub(crate) tls: Option<TlsInfo>,
    pub(crate) binding: Option<[u8; 32]>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(Box::new(stream))
    }

    pub(crate) async fn connect_unix(path: &Path) -> Self {
        Self::over(Box::new(UnixStream::connect(path).await.unwrap()))
    }

    fn over(stream: Box<dyn Stream>) -> Self {
        Self { stream: BufReader::new(stream), tls: None, binding: None }
    }

    /// The handshake, by a certificate of that authority for mx.here.test.
    pub(crate) async fn start_tls(self, ca: &Path) -> Self {
        let client = ClientTls::new(ClientTlsOptions::default()).unwrap();
        self.start_tls_with(&client, ca).await.expect("the handshake succeeds")
    }

    /// The handshake by a client that may know earlier sessions.
    pub(crate) async fn start_tls_with(self, client: &ClientTls, ca: &Path) -> Option<Self> {
        let name: Host = "mx.here.test".parse().unwrap();
        let options = ConnectOptions::new(name, Trust::Ca(ca.to_str().unwrap().to_owned())).require_trust();
        let (stream, info, binding) = client.connect(self.stream.into_inner(), &options).await.ok()?;
        Some(Self { stream: BufReader::new(Box::new(stream)), tls: Some(info), binding })
    }

    /// Sends octets as they are.
    pub(crate) async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Sends a line.
    pub(crate) async fn say(&mut self, line: &str) {
        self.send(format!("{line}\r\n")).await;
    }

    /// Reads one reply with all its lines, joined by `\n`.
    pub(crate) async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let mut line = String::new();
            let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("a reply in time");
            if read.unwrap_or(0) == 0 {
                return "closed".to_owned();
            }
            reply.push_str(line.trim_end());
            if line.as_bytes().get(3) != Some(&b'-') {
                return reply;
            }
            reply.push('\n');
        }
    }

    /// Reads one reply, which must start like this; `closed` stands for the end of the connection.
    pub(crate) async fn expect(&mut self, start: &str) -> String {
        let reply = self.reply().await;
        assert!(reply.starts_with(start), "expected {start:?}, got {reply:?}");
        reply
    }

    /// Reads one line; `closed` stands for the end of the connection.
    pub(crate) async fn line(&mut self) -> String {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.stream.read_line(&mut line)).await.expect("a line in time");
        if read.unwrap_or(0) == 0 {
            return "closed".to_owned();
        }
        line.trim_end().to_owned()
    }

    /// Reads so many octets.
    pub(crate) async fn octets(&mut self, count: usize) -> Vec<u8> {
        let mut octets = vec![0; count];
        timeout(PATIENCE, self.stream.read_exact(&mut octets)).await.expect("they come in time").unwrap();
        octets
    }

    /// Lines of `C:` and `S:`; each reply must start with the text behind `S:`.
    pub(crate) async fn transcript(&mut self, lines: &str) {
        for line in lines.lines().map(str::trim) {
            match line.split_at(2) {
                ("C:", text) => self.say(text.strip_prefix(' ').unwrap_or(text)).await,
                ("S:", text) => drop(self.expect(text.trim_start()).await),
                _ => panic!("neither C: nor S: in {line:?}"),
            }
        }
    }

    /// AUTH PLAIN with an initial response; the reply is still to come.
    pub(crate) async fn log_in_plain(&mut self, user: &str, password: &str) {
        let response = STANDARD.encode(format!("\0{user}\0{password}"));
        self.say(&format!("AUTH PLAIN {response}")).await;
    }

    /// A whole transaction with this content; gives the reply to the dot.
    pub(crate) async fn message(&mut self, from: &str, to: &str, content: &str) -> String {
        self.transcript(&format!("C: MAIL FROM:<{from}>\nS: 250\nC: RCPT TO:<{to}>\nS: 250\nC: DATA\nS: 354")).await;
        self.send(format!("{}\r\n.\r\n", content.replace('\n', "\r\n"))).await;
        self.reply().await
    }

    /// Closes our side and reads what is left.
    pub(crate) async fn rest(mut self) -> String {
        let _ = self.stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.expect("the server closes in time");
        String::from_utf8_lossy(&rest).into_owned()
    }

    /// Drops the connection below TLS, so that no `close_notify` is sent.
    pub(crate) fn cut(self) {
        drop(self);
    }
}
