//! Opening a stream: to one address, to the first that answers among those of a name, or by somebody else's means.

use std::{
    future::Future,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use rohrpost_mail::{Domain, Stage};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpSocket, TcpStream, UnixStream},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    endpoint::Endpoint,
    error::ConnectError,
    limits::{ADDRESSES_MAX, HEAD_START},
    outgoing::BoxFuture,
    target::Target,
};

/// Anything that octets travel through.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream of any kind: TCP, unix, TLS over either, whatever a [`Connect`] made.
pub type AnyStream = Box<dyn Stream>;

/// Opens connections in place of the system: through a proxy, a tunnel, a test.
pub trait Connect: Send + Sync {
    /// Opens a stream to the endpoint. The caller bounds its time. Names come unresolved, so that a proxy can look them
    /// up where it stands.
    ///
    /// # Errors
    /// Whatever it is: the server then counts as not reachable.
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<AnyStream>>;
}

/// A shared [`Connect`]. Two are equal when they are the very same one.
#[derive(Clone)]
pub struct Connector(Arc<dyn Connect>);

impl Connector {
    /// Wraps it.
    pub fn new(connect: impl Connect + 'static) -> Self {
        Self(Arc::new(connect))
    }

    fn address(&self) -> *const () {
        Arc::as_ptr(&self.0).cast()
    }
}

impl PartialEq for Connector {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.address(), other.address())
    }
}

impl Eq for Connector {}

impl std::hash::Hash for Connector {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.address().hash(state);
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").finish_non_exhaustive()
    }
}

/// The local addresses to connect from, one for each family. Default: the system chooses.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Sources {
    /// For connections over IPv4.
    pub v4: Option<Ipv4Addr>,
    /// For connections over IPv6.
    pub v6: Option<Ipv6Addr>,
}

impl Sources {
    /// Whether a peer can be reached from one of them: it can from none at all, or from one of its family.
    pub fn reach(self, peer: SocketAddr) -> bool {
        self == Self::default() || self.of_family(peer).is_some()
    }

    fn of_family(self, peer: SocketAddr) -> Option<IpAddr> {
        match peer {
            SocketAddr::V4(_) => self.v4.map(IpAddr::V4),
            SocketAddr::V6(_) => self.v6.map(IpAddr::V6),
        }
    }
}

impl From<IpAddr> for Sources {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self { v4: Some(v4), v6: None },
            IpAddr::V6(v6) => Self { v4: None, v6: Some(v6) },
        }
    }
}

/// Opens a stream to the target's endpoint, within the time for it. Beside it our own address, where there is one to see.
pub(crate) async fn dial(target: &Target) -> Result<(AnyStream, Option<IpAddr>), ConnectError> {
    let Target { endpoint, connector, .. } = target;
    let failed = |error| ConnectError::Connect { endpoint: endpoint.clone(), error: Arc::new(error) };
    let limit = target.timeouts.connect;
    let dialling = async {
        match (connector, endpoint) {
            (Some(Connector(connector)), endpoint) => connector.connect(endpoint).await.map(unseen).map_err(failed),
            (None, Endpoint::Unix(path)) => UnixStream::connect(path).await.map(boxed).map(unseen).map_err(failed),
            (None, Endpoint::Tcp(address)) => tcp(*address, target.sources).await.map(seen).map_err(failed),
            (None, Endpoint::Name(name, port)) => by_name(name, *port, target.sources).await.map(seen),
        }
    };
    let late = |_| ConnectError::TimedOut { stage: Stage::Connect, limit };
    timeout(limit, dialling).await.map_err(late)?
}

fn seen(stream: TcpStream) -> (AnyStream, Option<IpAddr>) {
    let ours = stream.local_addr().ok().map(|address| address.ip().to_canonical());
    (boxed(stream), ours)
}

fn unseen(stream: AnyStream) -> (AnyStream, Option<IpAddr>) {
    (stream, None)
}

fn boxed(stream: impl Stream + 'static) -> AnyStream {
    Box::new(stream)
}

async fn tcp(address: SocketAddr, sources: Sources) -> io::Result<TcpStream> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    if let Some(source) = sources.of_family(address) {
        socket.bind((source, 0).into())?;
    }
    // A flight is written at once, and its answer is awaited: Nagle's algorithm could only add a delay.
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

async fn by_name(name: &Domain, port: u16, sources: Sources) -> Result<TcpStream, ConnectError> {
    let failed = |error| ConnectError::Lookup { name: name.clone(), error: Arc::new(error) };
    let found = tokio::net::lookup_host((name.as_str(), port)).await.map_err(failed)?;
    // RFC 6761 §6.3: whoever says localhost means this host, whatever a resolver says.
    let keep = |address: &SocketAddr| !name.is_localhost() || address.ip().is_loopback();
    let addresses = in_turns(found.filter(keep));
    if addresses.is_empty() {
        return Err(failed(io::ErrorKind::NotFound.into()));
    }
    race(addresses, |address| tcp(address, sources)).await.map_err(|tried| ConnectError::NoneAnswered { tried })
}

/// IPv6 and IPv4 in turns, beginning with the family that the system puts first (RFC 8305 §4).
fn in_turns(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = addresses.collect();
    let is_v6_first = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.drain(..).partition(|address| address.is_ipv6() == is_v6_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut turns = Vec::new();
    while turns.len() < ADDRESSES_MAX {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            break;
        }
        turns.extend(pair.into_iter().flatten());
    }
    turns.truncate(ADDRESSES_MAX);
    turns
}

/// What each address that was tried said.
type Tried = Vec<(SocketAddr, Arc<io::Error>)>;

/// Happy Eyeballs (RFC 8305 §5): each attempt has a head start before the next one; the first that succeeds wins.
async fn race<F, S>(addresses: Vec<SocketAddr>, connect: impl Fn(SocketAddr) -> F) -> Result<S, Tried>
where
    F: Future<Output = io::Result<S>> + Send + 'static,
    S: Send + 'static,
{
    let mut waiting = addresses.into_iter();
    let (mut running, mut tried) = (JoinSet::new(), Vec::new());
    loop {
        let next = waiting.next();
        if let Some(address) = next {
            let attempt = connect(address);
            running.spawn(async move { (address, attempt.await) });
        }
        let until = Instant::now() + HEAD_START;
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((_, Ok(stream)))) => return Ok(stream),
                Some(Ok((address, Err(error)))) => tried.push((address, Arc::new(error))),
                Some(Err(_)) => {}
                None => return Err(tried),
            },
            () = sleep_until(until), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn families_take_turns_and_the_systems_first_stays_first() {
        let list = ["[2001:db8::1]:25", "[2001:db8::2]:25", "192.0.2.1:25", "[2001:db8::3]:25"].map(address);
        let expected = ["[2001:db8::1]:25", "192.0.2.1:25", "[2001:db8::2]:25", "[2001:db8::3]:25"].map(address);
        assert_eq!(in_turns(list.into_iter()), expected);
        assert_eq!(in_turns(list.into_iter().rev())[0], address("[2001:db8::3]:25"));
        assert_eq!(in_turns((0..99).map(|port| SocketAddr::from(([192, 0, 2, 1], port)))).len(), ADDRESSES_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_keeps_silent_delays_the_next_by_its_head_start_only() {
        let connect = |address: SocketAddr| async move {
            match address.port() {
                1 => std::future::pending().await,
                _ => Ok(address),
            }
        };
        let began = Instant::now();
        let winner = race(vec![address("192.0.2.1:1"), address("192.0.2.2:2")], connect).await;
        assert_eq!(winner.unwrap(), address("192.0.2.2:2"));
        assert_eq!(began.elapsed(), HEAD_START);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_hands_over_at_once_and_all_of_them_are_told() {
        let refuse = |_| async { Err::<(), _>(io::ErrorKind::ConnectionRefused.into()) };
        let began = Instant::now();
        let tried = race(vec![address("192.0.2.1:1"), address("192.0.2.2:2")], refuse).await.unwrap_err();
        assert_eq!(tried.len(), 2);
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
