//! A server that says and does what a script tells it.

use std::{
    io,
    net::SocketAddr,
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rohrpost_mail::TlsInfo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use crate::{Script, listening::Listening, script::Step, transcript::line};

/// Plays scripts: the first connection gets the first, and so on; the last one is for all that follow.
#[derive(Debug)]
pub struct Peer {
    listening: Listening,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    scripts: Vec<Script>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    /// What each connection sent.
    heard: Vec<Vec<u8>>,
    tls: Vec<TlsInfo>,
    faults: Vec<String>,
}

impl Peer {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When no port is free, or there is no script.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Self {
        let scripts: Vec<Script> = scripts.into_iter().collect();
        assert!(!scripts.is_empty(), "a peer needs a script");
        let shared = Arc::new(Shared { scripts, log: Mutex::default() });
        let theirs = Arc::clone(&shared);
        let listening = Listening::start(move |stream, place| Connection::new(&theirs, place).run(stream)).await;
        Self { listening, shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listening.address()
    }

    /// Waits until so many connections have come.
    ///
    /// # Panics
    /// Never: what it waits on lives as long as the peer.
    pub async fn connections(&self, count: usize) {
        self.listening.wait_for(count).await;
    }

    /// How many connections have come.
    pub fn connection_count(&self) -> usize {
        self.listening.count()
    }

    /// What each connection sent so far, inside TLS in clear; octets that are no UTF-8 are replaced.
    pub fn heard(&self) -> Vec<String> {
        self.shared.log().heard.iter().map(|octets| String::from_utf8_lossy(octets).into_owned()).collect()
    }

    /// The TLS connections that came about.
    pub fn tls(&self) -> Vec<TlsInfo> {
        self.shared.log().tls.clone()
    }

    /// Where a dialogue left its script. A test ends by finding none.
    pub fn faults(&self) -> Vec<String> {
        self.shared.log().faults.clone()
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, by its place in the order of all.
struct Connection {
    place: usize,
    shared: Arc<Shared>,
}

impl Connection {
    fn new(shared: &Arc<Shared>, place: usize) -> Self {
        shared.log().heard.push(Vec::new());
        Self { place, shared: Arc::clone(shared) }
    }

    async fn run(self, mut stream: TcpStream) -> io::Result<()> {
        let scripts = &self.shared.scripts;
        let steps = &scripts[self.place.min(scripts.len() - 1)].0;
        stream.set_nodelay(true)?;
        let handshake = steps.iter().position(|step| matches!(step, Step::Tls(_))).unwrap_or(steps.len());
        let end = self.play(&mut stream, &steps[..handshake]).await?;
        match (end, steps.get(handshake)) {
            (ControlFlow::Continue(()), Some(Step::Tls(tls))) => {
                let (mut stream, info, _) = tls.accept(stream).await.map_err(|error| {
                    self.fault(&format!("the handshake failed: {error}"));
                    io::Error::other(error)
                })?;
                self.shared.log().tls.push(info);
                let end = self.play(&mut stream, &steps[handshake + 1..]).await?;
                self.finish(&mut stream, end).await
            }
            (ControlFlow::Break(End::Reset), _) => stream.set_zero_linger(),
            (end, _) => self.finish(&mut stream, end).await,
        }
    }

    /// Closes, after the other side has where the script does not say so itself.
    async fn finish<S>(&self, stream: &mut S, end: ControlFlow<End>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if end.is_continue() {
            self.drain(stream).await;
        }
        stream.shutdown().await
    }

    async fn play<S>(&self, stream: &mut S, steps: &[Step]) -> io::Result<ControlFlow<End>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        for step in steps {
            match step {
                Step::Say(octets) => write(stream, octets).await?,
                Step::Repeat(octets, times) => {
                    for _ in 0..*times {
                        stream.write_all(octets).await?;
                    }
                    stream.flush().await?;
                }
                Step::Hear(start) => {
                    if !self.hear(stream, start).await {
                        return Ok(ControlFlow::Break(End::Close));
                    }
                }
                Step::HearMessage => while self.line(stream).await.is_some_and(|line| line != ".") {},
                Step::Wait(gate) => gate.passed().await,
                Step::Signal(gate) => gate.open(),
                Step::Close => return Ok(ControlFlow::Break(End::Close)),
                Step::Reset => return Ok(ControlFlow::Break(End::Reset)),
                Step::Tls(_) => self.fault("a second handshake on one connection"),
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Whether a line came that starts with this.
    async fn hear<S: AsyncRead + Unpin>(&self, stream: &mut S, start: &str) -> bool {
        match self.line(stream).await {
            Some(line) if line.to_ascii_uppercase().starts_with(&start.to_ascii_uppercase()) => true,
            Some(line) => {
                self.fault(&format!("expected {start:?}, heard {line:?}"));
                false
            }
            None => {
                self.fault(&format!("expected {start:?}, the connection ended"));
                false
            }
        }
    }

    async fn line<S: AsyncRead + Unpin>(&self, stream: &mut S) -> Option<String> {
        let line = line(stream).await?;
        let mut log = self.shared.log();
        log.heard[self.place].extend([line.as_bytes(), b"\r\n"].concat());
        Some(line)
    }

    /// Listens until the other side closes.
    async fn drain<S: AsyncRead + Unpin>(&self, stream: &mut S) {
        let mut octets = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut octets).await {
            self.shared.log().heard[self.place].extend(&octets[..count]);
        }
    }

    fn fault(&self, what: &str) {
        self.shared.log().faults.push(format!("connection {}: {what}", self.place + 1));
    }
}

/// How a script ends a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Close,
    Reset,
}

async fn write<S: AsyncWrite + Unpin>(stream: &mut S, octets: &[u8]) -> io::Result<()> {
    stream.write_all(octets).await?;
    stream.flush().await
}
