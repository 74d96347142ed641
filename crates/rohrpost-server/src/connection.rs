//! One connection, whatever is spoken on it, from accept to close.
//!
//! What SMTP, IMAP and POP3 have in common: the [`door`], TLS, octets in and out ([`io`]), log-ins ([`log_in`]) and
//! what is written down about it all ([`log`]). What is said is the business of the drivers: [`smtp`], [`imap`],
//! [`pop3`]. Each owns one [`Connection`] and one pure session, and moves octets between them.
//!
//! A driver reads only when its session has taken everything it got, so a peer that sends faster than it is answered
//! waits in its own kernel. Reading uses a buffer of the thread: what the session does not take at once is copied, at
//! most [`crate::limits::READ_BYTES_MAX`] octets, and an idle connection holds nothing.

mod door;
mod io;
mod log;
mod log_in;

pub(crate) use log_in::ScramStart;

use std::{
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::BytesMut;
use rohrpost_intake::{Peer, peers::AccountPlace};
use rohrpost_sasl::server::TlsFacts;
use rohrpost_store::Account;
use tokio::{
    sync::watch,
    time::{Sleep, timeout},
};

use crate::{
    imap,
    limits::HANDSHAKE_TIMEOUT,
    link::{Link, Plain},
    listener::{Dialogue, Listener},
    pop3,
    server::Shared,
    smtp,
    stats::HANDSHAKE_TIMED_OUT,
};

/// A connection that has ended, by its peer or by us.
#[derive(Debug)]
pub(crate) struct Ended;

/// One connection, and all that is known of its peer.
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    pub(crate) listener: Arc<Listener>,
    pub(crate) peer: Peer,
    /// Octets that the session has not taken yet.
    pub(crate) pending: BytesMut,
    link: Link,
    /// Who proved a password, until the session says that it may count.
    proven: Option<Arc<Account>>,
    /// The changes of accounts that were known when the log-in was begun, or looked at since.
    accounts_seen: u64,
    /// News of such changes.
    accounts: watch::Receiver<u64>,
    /// The place of this session among those of its account.
    account_place: Option<AccountPlace>,
    tarpit: io::Tarpit,
}

/// Serves one connection.
pub(crate) async fn serve(listener: Arc<Listener>, shared: Arc<Shared>, stream: Plain, address: Option<SocketAddr>) {
    shared.stats.connections.increment();
    let abort = shared.abort.clone();
    tokio::select! {
        biased;
        () = serve_until_closed(listener, &shared, stream, address) => {}
        () = abort.cancelled() => {}
    }
    shared.stats.closed.increment();
}

/// Each driver is boxed: the largest of them would else be what every connection takes.
async fn serve_until_closed(listener: Arc<Listener>, shared: &Arc<Shared>, stream: Plain, address: Option<SocketAddr>) {
    let Ok(admitted) = Box::pin(door::admit(listener, shared, stream, address)).await else { return };
    let door::Admitted { connection, facts, refusal, place } = admitted;
    match connection.listener.dialogue.clone() {
        Dialogue::Mail(profiles) => Box::pin(smtp::serve(connection, profiles, facts, refusal)).await,
        Dialogue::Pop3(profile) => Box::pin(pop3::serve(connection, profile, facts, refusal)).await,
        Dialogue::Imap(profile) => Box::pin(imap::serve(connection, profile, facts, refusal)).await,
    }
    drop(place);
}

impl Connection {
    /// The handshake of STARTTLS or STLS. What came before it is never given to anybody, and who logged in before it has
    /// not.
    pub(crate) async fn start_tls(&mut self) -> Result<TlsFacts, Ended> {
        self.pending.clear();
        let (Link::Plain(plain), Some(tls)) =
            (std::mem::replace(&mut self.link, Link::Gone), &self.listener.server_tls)
        else {
            return Err(Ended);
        };
        let (link, info, facts) = accept_tls(tls, plain, &self.shared.stats, &self.peer.session).await?;
        self.peer.tls = Some(info);
        self.peer.account = None;
        self.link = link;
        Ok(facts)
    }
}

/// Answers a handshake and counts how it went.
async fn accept_tls(
    tls: &rohrpost_tls::ServerTls,
    plain: Plain,
    stats: &crate::Stats,
    session: &str,
) -> Result<(Link, rohrpost_mail::TlsInfo, TlsFacts), Ended> {
    let accepted = timeout(HANDSHAKE_TIMEOUT, tls.accept(plain)).await;
    let (stream, info, binding) = match accepted {
        Ok(Ok(accepted)) => accepted,
        Ok(Err(error)) => {
            stats.tls_failures.increment(error.reason());
            tracing::info!(session, reason = error.reason(), %error, "TLS handshake failed");
            return Err(Ended);
        }
        Err(_) => {
            stats.tls_failures.increment(HANDSHAKE_TIMED_OUT);
            tracing::info!(session, reason = HANDSHAKE_TIMED_OUT, "TLS handshake failed");
            return Err(Ended);
        }
    };
    stats.tls_handshakes.increment();
    let facts = TlsFacts {
        binding: binding.map(|data| rohrpost_sasl::ChannelBinding::tls_exporter(data.to_vec())),
        client_name: rohrpost_tls::server::verified_client_name(&stream, &info),
    };
    Ok((Link::Tls(Box::new(stream)), info, facts))
}

/// A timer that never fires before [`wind`] says when. One that was due already would fire at the next millisecond, which
/// wakes the runtime and the session for nothing.
pub(crate) fn timer() -> Pin<Box<Sleep>> {
    Box::pin(tokio::time::sleep(Duration::MAX))
}

/// Sees that a timer fires at a deadline, or before. Setting it anew costs more than reading: it is only moved when it would
/// fire too late, or has fired.
pub(crate) fn wind(timer: &mut Pin<Box<Sleep>>, deadline: Option<Instant>) {
    if let Some(deadline) = deadline
        && (timer.is_elapsed() || timer.deadline().into_std() > deadline)
    {
        timer.as_mut().reset(deadline.into());
    }
}

/// The monotonic clock of the runtime, so that tests may stop it.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
