//! The sink: a server that answers at once and stores nothing.
//!
//! It is the ceiling that acceptance is held against, driven by the same load, and the place where relayed mail ends.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A running sink; its thread lives as long as the process.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    messages: Arc<AtomicUsize>,
}

impl Sink {
    /// Starts one on a free loopback port; with `tls` it offers STARTTLS.
    pub(crate) fn start(tls: Option<TlsAcceptor>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let messages = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&messages);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(serve(listener, tls, counter)));
        Ok(Self { address, messages })
    }

    /// Messages taken so far.
    pub(crate) fn messages(&self) -> usize {
        self.messages.load(Ordering::Relaxed)
    }

    /// Waits until it has taken this many in all.
    pub(crate) fn wait_for(&self, messages: usize, patience: Duration) -> io::Result<()> {
        let deadline = Instant::now() + patience;
        while self.messages() < messages {
            if Instant::now() > deadline {
                return Err(io::Error::other(format!("{} of {messages} messages arrived in time", self.messages())));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

async fn serve(listener: std::net::TcpListener, tls: Option<TlsAcceptor>, messages: Arc<AtomicUsize>) {
    let listener = TcpListener::from_std(listener).expect("the listener does not block");
    while let Ok((stream, _)) = listener.accept().await {
        // A peer that goes away ends its own connection only.
        tokio::spawn(connection(stream, tls.clone(), Arc::clone(&messages)));
    }
}

async fn connection(stream: TcpStream, tls: Option<TlsAcceptor>, messages: Arc<AtomicUsize>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut peer =
        Peer { stream, read: Vec::new(), out: b"220 sink.test ESMTP\r\n".to_vec(), in_data: false, messages };
    if !peer.run(tls.is_some()).await? {
        return Ok(());
    }
    let Some(tls) = tls else { return Ok(()) };
    let stream = tls.accept(peer.stream).await?;
    let mut peer = Peer { stream, read: Vec::new(), out: Vec::new(), in_data: false, messages: peer.messages };
    peer.run(false).await.map(drop)
}

struct Peer<S> {
    stream: S,
    read: Vec<u8>,
    out: Vec<u8>,
    in_data: bool,
    messages: Arc<AtomicUsize>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    /// Answers until the peer goes; true where it asked for TLS instead.
    async fn run(&mut self, starttls: bool) -> io::Result<bool> {
        loop {
            if !self.out.is_empty() {
                self.stream.write_all(&self.out).await?;
                self.stream.flush().await?;
                self.out.clear();
            }
            if self.read.capacity() - self.read.len() < 16 * 1024 {
                self.read.reserve(64 * 1024);
            }
            if self.stream.read_buf(&mut self.read).await? == 0 {
                return Ok(false);
            }
            if self.answer(starttls) {
                self.stream.write_all(&self.out).await?;
                return Ok(true);
            }
        }
    }

    /// Takes all that is complete in the buffer; true at STARTTLS.
    fn answer(&mut self, starttls: bool) -> bool {
        let mut at = 0;
        loop {
            let rest = &self.read[at..];
            if self.in_data {
                let Some(end) = find(rest, b"\r\n.\r\n") else { break };
                at += end + 5;
                self.in_data = false;
                self.messages.fetch_add(1, Ordering::Relaxed);
                self.out.extend_from_slice(b"250 2.0.0 taken\r\n");
                continue;
            }
            let Some(end) = find(rest, b"\r\n") else { break };
            let verb = rest[..end.min(4)].to_ascii_uppercase();
            at += end + 2;
            match verb.as_slice() {
                b"STAR" => self.out.extend_from_slice(b"220 go\r\n"),
                b"EHLO" if starttls => {
                    self.out.extend_from_slice(b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 STARTTLS\r\n");
                }
                b"EHLO" => self.out.extend_from_slice(b"250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n"),
                b"DATA" => {
                    self.out.extend_from_slice(b"354 go\r\n");
                    self.in_data = true;
                    // So that a message of nothing but a dot ends too.
                    at -= 2;
                }
                b"QUIT" => self.out.extend_from_slice(b"221 bye\r\n"),
                _ => self.out.extend_from_slice(b"250 2.0.0 ok\r\n"),
            }
            if verb == b"STAR" {
                return true;
            }
        }
        // In the middle of a message only its last octets matter: they may be the start of the end.
        let keep = if self.in_data { self.read.len().saturating_sub(4).max(at) } else { at };
        self.read.drain(..keep);
        false
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, what)
}
