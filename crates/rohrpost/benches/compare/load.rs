//! The load: sessions that hand over messages as fast as the server takes them.
//!
//! One thread drives all sessions, so that the server keeps the other core. A session waits for each reply before its next
//! command, as Postfix's `smtp-source` does; peers differ in what pipelining gains, and this measures what they store.

use std::{
    io,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, rustls::pki_types::ServerName};

/// What is to be sent.
#[derive(Clone)]
pub(crate) struct Load {
    /// The server.
    pub(crate) server: SocketAddr,
    /// What a session begins with: `EHLO`, or `LHLO` of LMTP.
    pub(crate) hello: &'static str,
    /// Sessions at a time.
    pub(crate) sessions: usize,
    /// Messages in each session.
    pub(crate) messages_per_session: usize,
    /// Messages in all.
    pub(crate) messages: usize,
    /// The message with its final dot.
    pub(crate) data: Arc<[u8]>,
    /// Recipient, in brackets.
    pub(crate) recipient: &'static str,
    /// STARTTLS before the first message.
    pub(crate) tls: Option<TlsConnector>,
}

impl Load {
    /// Sends it all and tells how long that took, from the first connection to the last reply.
    pub(crate) fn run(&self) -> io::Result<Duration> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.send())
    }

    /// The same, within a runtime.
    pub(crate) async fn send(&self) -> io::Result<Duration> {
        let started = Instant::now();
        let mut left = self.messages.div_ceil(self.messages_per_session);
        let mut running = JoinSet::new();
        loop {
            while left > 0 && running.len() < self.sessions {
                left -= 1;
                running.spawn(session(self.clone()));
            }
            match running.join_next().await {
                Some(ended) => ended.map_err(io::Error::other)??,
                None => return Ok(started.elapsed()),
            }
        }
    }
}

async fn session(load: Load) -> io::Result<()> {
    let stream = TcpStream::connect(load.server).await?;
    stream.set_nodelay(true)?;
    let mut dialogue = Dialogue::new(stream);
    dialogue.expect(220).await?;
    let hello = format!("{} load.test\r\n", load.hello);
    dialogue.command(hello.as_bytes(), 250).await?;
    let Some(tls) = &load.tls else { return messages(dialogue, &load).await };
    dialogue.command(b"STARTTLS\r\n", 220).await?;
    let name = ServerName::try_from("here.test").map_err(io::Error::other)?;
    let mut dialogue = Dialogue::new(tls.connect(name, dialogue.stream).await?);
    dialogue.command(hello.as_bytes(), 250).await?;
    messages(dialogue, &load).await
}

async fn messages<S: AsyncRead + AsyncWrite + Unpin>(mut dialogue: Dialogue<S>, load: &Load) -> io::Result<()> {
    let rcpt = format!("RCPT TO:{}\r\n", load.recipient);
    for _ in 0..load.messages_per_session {
        dialogue.command(b"MAIL FROM:<load@here.test>\r\n", 250).await?;
        dialogue.command(rcpt.as_bytes(), 250).await?;
        dialogue.command(b"DATA\r\n", 354).await?;
        dialogue.command(&load.data, 250).await?;
    }
    // Exim delays its goodbye; nobody waits for it.
    dialogue.stream.write_all(b"QUIT\r\n").await
}

/// One side of an SMTP connection, with no more intelligence than a benchmark needs.
pub(crate) struct Dialogue<S> {
    stream: S,
    read: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Dialogue<S> {
    /// Over an open connection.
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::with_capacity(1024) }
    }

    /// Sends and waits for a reply with this code.
    pub(crate) async fn command(&mut self, bytes: &[u8], code: u16) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await?;
        self.expect(code).await
    }

    /// Waits for a reply with this code.
    pub(crate) async fn expect(&mut self, code: u16) -> io::Result<()> {
        self.read.clear();
        while !is_whole_reply(&self.read) {
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if self.read.starts_with(code.to_string().as_bytes()) {
            return Ok(());
        }
        Err(io::Error::other(format!("expected {code}, found {}", String::from_utf8_lossy(&self.read))))
    }
}

/// Whether the last line is complete and has no hyphen behind its code.
fn is_whole_reply(read: &[u8]) -> bool {
    let Some(lines) = read.strip_suffix(b"\r\n") else { return false };
    let last = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    lines.get(last + 3) == Some(&b' ')
}

/// A message of about this many octets, in lines of 64, with its final dot.
pub(crate) fn message(octets: usize) -> Arc<[u8]> {
    let mut text = String::from("From: load@here.test\r\nTo: sink@there.test\r\nSubject: load\r\n\r\n");
    while text.len() < octets {
        text.push_str("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n");
    }
    text.push_str(".\r\n");
    text.into_bytes().into()
}
