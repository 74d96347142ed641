//! A free port of loopback, and a task for each connection that comes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};

/// Listens until it is dropped; its connections end with it.
#[derive(Debug)]
pub(crate) struct Listening {
    address: SocketAddr,
    count: watch::Sender<usize>,
    _task: JoinSet<()>,
}

impl Listening {
    /// Calls `serve` with each connection and its place in the order of all, from 0. A connection counts once `serve` has
    /// returned its future.
    ///
    /// # Panics
    /// When no port is free.
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream, usize) -> F + Send + 'static) -> Self
    where
        F: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port of loopback is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let count = watch::Sender::new(0);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, count.clone(), serve));
        Self { address, count, _task: task }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections have come.
    pub(crate) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Waits until so many have.
    pub(crate) async fn wait_for(&self, count: usize) {
        let come = self.count.subscribe().wait_for(|come| *come >= count).await.is_ok();
        assert!(come, "the sender lives as long as `self`");
    }
}

async fn accept<F>(listener: TcpListener, count: watch::Sender<usize>, serve: impl Fn(TcpStream, usize) -> F)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let (mut connections, mut place) = (JoinSet::new(), 0);
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let serving = serve(stream, place);
        place += 1;
        count.send_replace(place);
        // The other side may go at any time; that is for the test to judge.
        connections.spawn(async move { drop(serving.await) });
    }
}
