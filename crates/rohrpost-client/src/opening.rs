//! From a socket to a dialogue that can take a message: TCP or unix, TLS, greeting, EHLO, STARTTLS.

use std::{
    future::Future,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use rohrpost_mail::{Host, Link, Stage};
use rohrpost_sasl::ChannelBinding;
use rohrpost_smtp::client::{Event, Session, Settings};
use rohrpost_tls::{
    ClientTls, ConnectOptions,
    client::{server_end_point, server_key},
};
use tokio::time::timeout;

use crate::{
    dial::{AnyStream, dial},
    endpoint::Endpoint,
    error::{ConnectError, OpenFailure},
    target::{LinkTls, Target},
    wire::{Wire, now},
};

/// What is known of a link.
pub(crate) struct Sealed {
    /// How it is sealed; [`Link::None`] while that is not settled.
    pub(crate) link: Link,
    /// What a log-in can be bound to (RFC 9266, RFC 5929 §4).
    pub(crate) binding: Option<ChannelBinding>,
    /// SHA-256 of the server's public key, inside TLS.
    pub(crate) server_key: Option<String>,
}

/// A connection on its way, and then ready for a log-in or a message.
pub(crate) struct Opening<'a> {
    target: &'a Target,
    tls: &'a ClientTls,
    pub(crate) wire: Wire,
    pub(crate) sealed: Sealed,
}

impl<'a> Opening<'a> {
    /// Goes the whole way.
    pub(crate) async fn ready(target: &'a Target, tls: &'a ClientTls) -> Result<Self, Box<OpenFailure>> {
        let mut opening = Self::start(target, tls).await.map_err(OpenFailure::from)?;
        match opening.until_ready().await {
            Ok(()) => Ok(opening),
            Err(error) => Err(opening.failed(error).into()),
        }
    }

    /// The error with all that is known when it happens.
    pub(crate) fn failed(self, error: ConnectError) -> OpenFailure {
        let session = self.wire.session;
        let (transcript, capabilities) = (session.transcript(), session.capabilities().clone());
        OpenFailure { error, link: self.sealed.link, capabilities, transcript }
    }

    async fn start(target: &'a Target, tls: &'a ClientTls) -> Result<Self, ConnectError> {
        let (mut stream, ours) = dial(target).await?;
        let mut sealed = Sealed { link: Link::None, binding: None, server_key: None };
        if target.tls == LinkTls::Implicit {
            (stream, sealed) = handshake(target, tls, stream).await?;
        }
        let wire = Wire::new(stream, Session::new(settings(target, ours), now()));
        Ok(Self { target, tls, wire, sealed })
    }

    async fn until_ready(&mut self) -> Result<(), ConnectError> {
        loop {
            match self.wire.event().await {
                Event::StartTls => self.sealed = start_tls(&mut self.wire, self.target, self.tls).await?,
                Event::Failed(error) => return Err(error.into()),
                Event::Ready => break,
                Event::Authenticated | Event::AuthRefused(_) | Event::Sent(_) => {}
            }
        }
        if self.sealed.link == Link::None {
            self.sealed.link = clear_link(self.target, self.wire.session.helo_used());
        }
        Ok(())
    }
}

/// The handshake after STARTTLS.
pub(crate) async fn start_tls(wire: &mut Wire, target: &Target, tls: &ClientTls) -> Result<Sealed, ConnectError> {
    let mut sealed = None;
    let replacing = async |stream| {
        let (stream, facts) = handshake(target, tls, stream).await?;
        sealed = Some(facts);
        Ok::<_, ConnectError>(stream)
    };
    wire.replace(replacing).await?;
    wire.session.tls_started(now());
    Ok(sealed.expect("the stream was replaced by one inside TLS"))
}

async fn handshake(target: &Target, tls: &ClientTls, stream: AnyStream) -> Result<(AnyStream, Sealed), ConnectError> {
    let mut options = ConnectOptions::new(target.server_name(), target.trust.clone());
    options.tlsa.clone_from(&target.tlsa);
    options.require_trust = target.require_trust;
    options.min = target.min_tls;
    options.cache_key = target.cache_key();
    let limit = target.timeouts.starttls;
    let connecting = within(Stage::Tls, limit, tls.connect(stream, &options));
    let (stream, info, exported) = connecting.await??;
    let by_certificate = || server_end_point(&stream).map(ChannelBinding::tls_server_end_point);
    let binding = exported.map(ChannelBinding::tls_exporter).or_else(by_certificate);
    let server_key = server_key(&stream);
    Ok((Box::new(stream), Sealed { link: Link::Tls(info), binding, server_key }))
}

async fn within<T>(stage: Stage, limit: Duration, work: impl Future<Output = T>) -> Result<T, ConnectError> {
    timeout(limit, work).await.map_err(|_| ConnectError::TimedOut { stage, limit })
}

/// What we call ourselves: [`Target::ehlo_name`], with our own address where the unspecified one stands for it.
fn ehlo_name(target: &Target, ours: Option<IpAddr>) -> Host {
    match &target.ehlo_name {
        Host::Literal(address) if address.is_unspecified() => Host::Literal(ours.unwrap_or(Ipv4Addr::LOCALHOST.into())),
        name => name.clone(),
    }
}

fn settings(target: &Target, ours: Option<IpAddr>) -> Settings {
    Settings {
        protocol: target.protocol,
        starttls: target.tls.starttls(),
        in_tls: target.tls == LinkTls::Implicit,
        helo: target.tls.allows_clear() && target.login.is_none(),
        timeouts: target.timeouts,
        quirks: target.quirks,
        all_or_nothing: target.all_or_nothing,
        transcript: target.transcript,
        ..Settings::new(ehlo_name(target, ours))
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
