//! The sink: a server that answers at once and stores nothing.
//!
//! It is the ceiling that acceptance is held against, driven by the same load, and the place where relayed mail ends.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use rustix::net::sockopt::set_tcp_quickack;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// The form of TLS that a sink has.
#[derive(Clone)]
pub(crate) enum Form {
    /// None.
    Clear,
    /// STARTTLS.
    StartTls(TlsAcceptor),
    /// From the first octet.
    Implicit(TlsAcceptor),
}

/// When what was read is acknowledged.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Acks {
    /// As the kernel does: up to 40 ms later where there is nothing to answer.
    Late,
    /// At once. A client that leaves Nagle's algorithm on and writes a message in two parts would wait for the kernel.
    AtOnce,
}

/// A running sink; its thread lives as long as the process.
pub(crate) struct Sink {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    messages: Arc<AtomicUsize>,
}

impl Sink {
    /// Starts one on a free loopback port.
    pub(crate) fn start(form: Form, acks: Acks) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let messages = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&messages);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || runtime.block_on(serve(listener, form, acks, counter)));
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

async fn serve(listener: std::net::TcpListener, form: Form, acks: Acks, messages: Arc<AtomicUsize>) {
    let listener = TcpListener::from_std(listener).expect("the listener does not block");
    while let Ok((stream, _)) = listener.accept().await {
        // A peer that goes away ends its own connection only.
        tokio::spawn(connection(Socket { stream, acks, owes: false }, form.clone(), Arc::clone(&messages)));
    }
}

async fn connection(stream: Socket, form: Form, messages: Arc<AtomicUsize>) -> io::Result<()> {
    stream.stream.set_nodelay(true)?;
    match form {
        Form::Clear => Peer::greeting(stream, messages).run(false).await.map(drop),
        Form::Implicit(tls) => Peer::greeting(tls.accept(stream).await?, messages).run(false).await.map(drop),
        Form::StartTls(tls) => {
            let mut peer = Peer::greeting(stream, messages);
            if !peer.run(true).await? {
                return Ok(());
            }
            let stream = tls.accept(peer.stream).await?;
            let mut peer = Peer { stream, read: Vec::new(), out: Vec::new(), in_data: false, messages: peer.messages };
            peer.run(false).await.map(drop)
        }
    }
}

/// The sink's end of a connection.
struct Socket {
    stream: TcpStream,
    acks: Acks,
    /// Whether something was read and not answered.
    owes: bool,
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        match read {
            Poll::Ready(_) => self.owes = true,
            // An answer carries the acknowledgement. Where none was due it goes alone, and the kernel is told so each time:
            // it goes back to its own ways soon.
            Poll::Pending if self.owes && self.acks == Acks::AtOnce => {
                self.owes = false;
                set_tcp_quickack(&self.stream, true)?;
            }
            Poll::Pending => {}
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.owes = false;
        Pin::new(&mut self.stream).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

struct Peer<S> {
    stream: S,
    read: Vec<u8>,
    out: Vec<u8>,
    in_data: bool,
    messages: Arc<AtomicUsize>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Peer<S> {
    fn greeting(stream: S, messages: Arc<AtomicUsize>) -> Self {
        Self { stream, read: Vec::new(), out: b"220 sink.test ESMTP\r\n".to_vec(), in_data: false, messages }
    }

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
