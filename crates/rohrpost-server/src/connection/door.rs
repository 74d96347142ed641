//! Before the first octet of a dialogue: who is it, is there a place, and how long does the greeting wait?

use std::{net::SocketAddr, sync::Arc, sync::atomic::Ordering};

use bytes::{Buf as _, BytesMut};
use rohrpost_intake::{Peer, Refusal, peers::Place};
use rohrpost_sasl::server::TlsFacts;
use tokio::{io::AsyncReadExt as _, time::timeout};

use super::{Connection, Ended, accept_tls, io, now};
use crate::{
    limits::{PROXY_TIMEOUT, SESSIONS_MAX, SESSIONS_UNKNOWN_MAX},
    link::{Link, Plain},
    listener::Listener,
    proxy,
    server::Shared,
};

/// A connection that is to be spoken to.
pub(super) struct Admitted {
    pub(super) connection: Connection,
    /// What TLS said, where it came first.
    pub(super) facts: Option<TlsFacts>,
    /// Frees its place when dropped.
    pub(super) place: Place,
    /// Why it is only told to go away.
    pub(super) refusal: Option<Refusal>,
}

/// Finds out who it is and whether there is a place.
pub(super) async fn admit(
    listener: Arc<Listener>,
    shared: &Arc<Shared>,
    mut stream: Plain,
    address: Option<SocketAddr>,
) -> Result<Admitted, Ended> {
    let (address, pending) = if listener.expects_proxy(address.map(|address| address.ip())) {
        Box::pin(real_address(&listener, &mut stream, address)).await?
    } else {
        (address, BytesMut::new())
    };
    let mut peer = stranger(&listener, shared, address);
    let (place, refusal) = match enter(shared, &peer) {
        Ok(place) => (place, None),
        // Where TLS comes first, a handshake only to say no would cost more than the connection.
        Err(refusal) if listener.is_implicit => {
            shared.stats.refusals.increment(refusal.word());
            return Err(Ended);
        }
        Err(refusal) => (Place::uncounted(shared.intake.peers()), Some(refusal)),
    };
    let (link, facts) = match (&listener.server_tls, listener.is_implicit) {
        (_, false) => (Link::Plain(stream), None),
        (None, true) => return Err(Ended),
        (Some(tls), true) => {
            let (link, info, facts) = accept_tls(tls, stream, &shared.stats, &peer.session).await?;
            peer.tls = Some(info);
            (link, Some(facts))
        }
    };
    let connection = Connection {
        accounts: shared.intake.store().directory_watch(),
        shared: shared.clone(),
        listener,
        peer,
        pending,
        link,
        proven: None,
        accounts_seen: 0,
        account_place: None,
        tarpit: io::Tarpit::default(),
    };
    Ok(Admitted { connection, facts, place, refusal })
}

/// All that is known of a peer before it has spoken.
fn stranger(listener: &Listener, shared: &Shared, address: Option<SocketAddr>) -> Peer {
    Peer {
        session: name_session(shared).into(),
        listener: listener.name.clone(),
        role: listener.role,
        host_name: listener.host_name.clone(),
        address,
        name: None,
        is_nameless: false,
        trusted: address.and_then(|address| shared.intake.trusted(address.ip())),
        helo: String::new(),
        is_extended: false,
        is_tls_offered: listener.server_tls.is_some(),
        tls: None,
        account: None,
        uid: None,
    }
}

/// What the load balancer says of the peer's address, and the octets that came behind its header.
async fn real_address(
    listener: &Listener,
    stream: &mut Plain,
    balancer: Option<SocketAddr>,
) -> Result<(Option<SocketAddr>, BytesMut), Ended> {
    let mut octets = BytesMut::new();
    let header = timeout(PROXY_TIMEOUT, async {
        loop {
            match proxy::parse(&octets) {
                Ok(Some(header)) => return Ok(header),
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            if !matches!(stream.read_buf(&mut octets).await, Ok(1..)) {
                return Err("connection closed".to_owned());
            }
        }
    });
    match header.await.unwrap_or_else(|_| Err("timeout".to_owned())) {
        Ok(header) => {
            octets.advance(header.octets);
            Ok((header.source.or(balancer), octets))
        }
        Err(reason) => {
            tracing::warn!(listener = %listener.name, balancer = balancer.map(tracing::field::display), reason, "no PROXY header where one is due");
            Err(Ended)
        }
    }
}

fn enter(shared: &Shared, peer: &Peer) -> Result<Place, Refusal> {
    let sessions_max = if peer.is_known() { SESSIONS_MAX } else { SESSIONS_UNKNOWN_MAX };
    if shared.stats.open() > sessions_max as u64 {
        return Err(Refusal::Overload);
    }
    let peers = shared.intake.peers();
    match peer.address {
        Some(address) if !peer.is_known() => {
            Ok(peers.enter(peer.role, address.ip(), &shared.intake.peer_limits(peer.role), now())?)
        }
        _ => Ok(Place::uncounted(peers)),
    }
}

/// Eight letters and digits, without those that look alike.
fn name_session(shared: &Shared) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let number = shared.next_session.fetch_add(1, Ordering::Relaxed);
    let digit = |place: u32| char::from(ALPHABET[usize::try_from(number >> (5 * place) & 31).unwrap_or(0)]);
    (0..8).rev().map(digit).collect()
}
