//! A server that says and does what a script tells it.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rohrpost_mail::TlsInfo;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

use crate::{Script, script::Step, transcript::line};

/// Plays scripts: the first connection gets the first, and so on; the last one is for all that follow.
#[derive(Debug)]
pub struct Peer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    scripts: Vec<Script>,
    log: Mutex<Log>,
    connections: watch::Sender<usize>,
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of loopback is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shared = Arc::new(Shared { scripts, log: Mutex::default(), connections: watch::Sender::new(0) });
        let mut task = JoinSet::new();
        task.spawn(accept(listener, Arc::clone(&shared)));
        Self { address, shared, _task: task }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until so many connections have come.
    ///
    /// # Panics
    /// Never: what it waits on lives as long as the peer.
    pub async fn connections(&self, count: usize) {
        let come = self.shared.connections.subscribe().wait_for(|come| *come >= count).await.is_ok();
        assert!(come, "the sender lives as long as the peer");
    }

    /// How many connections have come.
    pub fn connection_count(&self) -> usize {
        *self.shared.connections.borrow()
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

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let mut place = 0;
        shared.connections.send_modify(|come| {
            place = *come;
            *come += 1;
        });
        shared.log().heard.push(Vec::new());
        let script = shared.scripts[place.min(shared.scripts.len() - 1)].clone();
        let connection = Connection { place, shared: Arc::clone(&shared) };
        connections.spawn(async move {
            // The other side may go at any time; that is for the test to judge.
            drop(connection.run(stream, &script.0).await);
        });
    }
}

/// One connection, by its place in the order of all.
struct Connection {
    place: usize,
    shared: Arc<Shared>,
}

impl Connection {
    async fn run(&self, mut stream: TcpStream, steps: &[Step]) -> io::Result<()> {
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
