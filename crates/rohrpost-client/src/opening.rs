//! From a socket to a dialogue that can take a message: TCP or unix, TLS, greeting, EHLO, STARTTLS.

use std::{future::Future, io, net::SocketAddr, sync::Arc, time::Duration};

use rohrpost_mail::{Link, Stage, TlsInfo};
use rohrpost_smtp::client::{Event, Session, Settings};
use rohrpost_tls::{ClientTls, ConnectOptions};
use tokio::{
    net::{TcpSocket, TcpStream, UnixStream},
    time::timeout,
};

use crate::{
    error::ConnectError,
    target::{Endpoint, LinkTls, Target},
    wire::{AnyStream, Wire, now},
};

/// A connection on its way, and then ready for a log-in or a message.
pub(crate) struct Opening<'a> {
    target: &'a Target,
    tls: &'a ClientTls,
    pub(crate) wire: Wire,
    /// How the link is sealed; [`Link::None`] while that is not settled.
    pub(crate) link: Link,
    /// What a log-in can be bound to (RFC 9266).
    pub(crate) binding: Option<Vec<u8>>,
}

impl<'a> Opening<'a> {
    /// Goes the whole way.
    pub(crate) async fn ready(target: &'a Target, tls: &'a ClientTls) -> Result<Self, ConnectError> {
        let mut opening = Self::start(target, tls).await?;
        opening.until_ready().await?;
        Ok(opening)
    }

    async fn start(target: &'a Target, tls: &'a ClientTls) -> Result<Self, ConnectError> {
        let mut stream = connect(target).await?;
        let (mut link, mut binding) = (Link::None, None);
        if target.tls == LinkTls::Implicit {
            let secured = handshake(target, tls, stream).await?;
            (stream, link, binding) = (secured.stream, Link::Tls(secured.info), secured.binding);
        }
        let wire = Wire::new(stream, Session::new(settings(target), now()));
        Ok(Self { target, tls, wire, link, binding })
    }

    async fn until_ready(&mut self) -> Result<(), ConnectError> {
        loop {
            match self.wire.event().await {
                Event::StartTls => self.start_tls().await?,
                Event::Failed(error) => return Err(error.into()),
                Event::Ready => break,
                Event::Authenticated | Event::AuthRefused(_) | Event::Sent(_) => {}
            }
        }
        if self.link == Link::None {
            self.link = clear_link(self.target, self.wire.session.helo_used());
        }
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<(), ConnectError> {
        let (target, tls) = (self.target, self.tls);
        let (link, binding) = (&mut self.link, &mut self.binding);
        let replacing = async |stream| {
            let secured = handshake(target, tls, stream).await?;
            (*link, *binding) = (Link::Tls(secured.info), secured.binding);
            Ok::<_, ConnectError>(secured.stream)
        };
        self.wire.replace(replacing).await?;
        self.wire.session.tls_started(now());
        Ok(())
    }
}

/// A stream inside TLS with its facts.
struct Secured {
    stream: AnyStream,
    info: TlsInfo,
    binding: Option<Vec<u8>>,
}

async fn handshake(target: &Target, tls: &ClientTls, stream: AnyStream) -> Result<Secured, ConnectError> {
    let mut options = ConnectOptions::new(target.server_name(), target.trust.clone());
    options.require_trust = target.require_trust;
    options.min = target.min_tls;
    options.cache_key = target.cache_key();
    let limit = target.timeouts.starttls;
    let connecting = within(Stage::Tls, limit, tls.connect(stream, &options));
    let (stream, info, binding) = connecting.await??;
    Ok(Secured { stream: Box::new(stream), info, binding: binding.map(|data| data.to_vec()) })
}

async fn connect(target: &Target) -> Result<AnyStream, ConnectError> {
    let connecting = async {
        match &target.endpoint {
            Endpoint::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as AnyStream),
            Endpoint::Tcp(address) => connect_tcp(*address, target).await.map(|stream| Box::new(stream) as AnyStream),
        }
    };
    let result = within(Stage::Connect, target.timeouts.connect, connecting).await?;
    result.map_err(|error| ConnectError::Connect { endpoint: target.endpoint.clone(), error: Arc::new(error) })
}

async fn connect_tcp(address: SocketAddr, target: &Target) -> io::Result<TcpStream> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }?;
    if let Some(source) = target.source {
        socket.bind((source, 0).into())?;
    }
    // A flight is written at once, and its answer is awaited: Nagle's algorithm could only add a delay.
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

async fn within<T>(stage: Stage, limit: Duration, work: impl Future<Output = T>) -> Result<T, ConnectError> {
    timeout(limit, work).await.map_err(|_| ConnectError::TimedOut { stage, limit })
}

fn settings(target: &Target) -> Settings {
    Settings {
        protocol: target.protocol,
        starttls: target.tls.starttls(),
        in_tls: target.tls == LinkTls::Implicit,
        helo: target.tls.allows_clear() && target.login.is_none(),
        timeouts: target.timeouts,
        ..Settings::new(target.ehlo_name.clone())
    }
}

fn clear_link(target: &Target, helo_used: bool) -> Link {
    let reason = match (&target.endpoint, target.tls) {
        (Endpoint::Unix(_), _) => return Link::Local,
        (_, LinkTls::Fallback) => "handshake failed",
        (_, LinkTls::Off) => "off",
        _ if helo_used => "HELO",
        _ => "not offered",
    };
    Link::Clear { reason: reason.to_owned() }
}
