//! One connection, from accept to close.
//!
//! ```text
//!           ┌──────────── octets ────────────┐
//!  socket ──┤ read            handle_input   ├──▶ Session ──event──▶ Intake
//!           │ write ◀──────── poll_transmit  │ ◀──answer──┘
//!           └─────────────────────────────────┘
//! ```
//!
//! The driver reads only when the session has taken everything it got, so a peer that sends faster than it is answered
//! waits in its own kernel. Reading uses a buffer of the thread: what the session does not take at once is copied, at
//! most [`READ_BYTES_MAX`] octets, and an idle connection holds nothing.

mod door;
mod events;
mod io;
mod log;

use std::{net::SocketAddr, sync::Arc, time::Instant};

use bytes::{Buf as _, BytesMut};
use rohrpost_intake::{Peer, Refusal, Transaction};
use rohrpost_smtp::server::{CloseReason, Session, TlsFacts};
use rohrpost_store::{Account, Stored};
use tokio::time::{Sleep, timeout};

use crate::{
    limits::HANDSHAKE_TIMEOUT,
    link::{Link, Plain},
    listener::Listener,
    server::Shared,
    stats::HANDSHAKE_TIMED_OUT,
};

/// A connection that has ended, by its peer or by us.
#[derive(Debug)]
struct Ended;

/// Everything of one connection.
struct Driver {
    shared: Arc<Shared>,
    listener: Arc<Listener>,
    session: Session<Stored>,
    link: Link,
    /// Octets that the session has not taken yet.
    pending: BytesMut,
    peer: Peer,
    transaction: Option<Box<Transaction>>,
    /// Who proved a password, until the session says that it may count.
    proven: Option<Arc<Account>>,
    wants_handshake: bool,
    is_stopping: bool,
    unknown_recipients: u32,
    tarpit: io::Tarpit,
    reason: Option<CloseReason>,
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

async fn serve_until_closed(listener: Arc<Listener>, shared: &Arc<Shared>, stream: Plain, address: Option<SocketAddr>) {
    let Ok(admitted) = Box::pin(door::admit(listener, shared, stream, address)).await else { return };
    let door::Admitted { mut driver, place, refusal } = admitted;
    let served = match Box::pin(driver.begin(refusal)).await {
        Ok(()) => driver.run().await,
        Err(Ended) => Err(Ended),
    };
    // The transaction goes first: what it has counted is given back before anybody takes the freed place.
    driver.transaction = None;
    if served.is_ok() {
        Box::pin(driver.close()).await;
    }
    driver.log_end();
    drop(place);
}

impl Driver {
    /// TLS where it is implicit, then the greeting or the refusal.
    async fn begin(&mut self, refusal: Option<Refusal>) -> Result<(), Ended> {
        if let Some(refusal) = refusal {
            self.note_refusal("connection", &refusal);
            self.session.refuse_connection(refusal.reply());
            return Ok(());
        }
        if let Err(refusal) = self.shared.intake.check_health()
            && refusal.reply().code == 421
        {
            self.note_refusal("connection", &refusal);
            self.session.refuse_connection(refusal.reply());
            return Ok(());
        }
        self.wait_before_greeting().await?;
        // A client that spoke too early has its refusal already.
        self.session.greet(now());
        Ok(())
    }

    /// Moves octets until the session is over.
    async fn run(&mut self) -> Result<(), Ended> {
        let mut timer = Box::pin(tokio::time::sleep_until(now().into()));
        loop {
            let taken = self.session.handle_input(now(), &self.pending);
            self.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                self.handle(event).await;
            } else if taken > 0 {
                // What was taken may have made room for more.
            } else if let Some(transmit) = self.session.poll_transmit() {
                self.transmit(transmit).await?;
            } else if std::mem::take(&mut self.wants_handshake) {
                Box::pin(self.start_tls()).await?;
            } else if self.session.is_closed() {
                return Ok(());
            } else {
                self.wait(&mut timer).await;
            }
        }
    }

    /// Waits for octets, the session's timeout, or the end of the server.
    async fn wait(&mut self, timer: &mut std::pin::Pin<Box<Sleep>>) {
        let deadline = self.session.poll_timeout();
        // Setting a timer anew costs more than reading: it is only ever moved when it would fire too late, or has fired.
        if let Some(deadline) = deadline
            && (timer.is_elapsed() || timer.deadline().into_std() > deadline)
        {
            timer.as_mut().reset(deadline.into());
        }
        let stop = self.shared.stop.clone();
        tokio::select! {
            biased;
            () = io::read(&mut self.link, &mut self.session, &mut self.pending) => {}
            () = timer.as_mut(), if deadline.is_some() => {
                if deadline.is_some_and(|deadline| deadline <= now()) {
                    self.session.handle_timeout(now());
                }
            }
            () = stop.cancelled(), if !self.is_stopping => {
                self.is_stopping = true;
                self.session.shut_down(Refusal::Stopping.reply());
            }
        }
    }

    /// The handshake of STARTTLS. What came before it is never given to anybody.
    async fn start_tls(&mut self) -> Result<(), Ended> {
        self.pending.clear();
        let facts = self.shake_hands().await?;
        self.peer.helo.clear();
        self.peer.is_extended = false;
        self.peer.account = None;
        self.session.tls_started(now(), facts);
        Ok(())
    }

    async fn shake_hands(&mut self) -> Result<TlsFacts, Ended> {
        let (Link::Plain(plain), Some(tls)) =
            (std::mem::replace(&mut self.link, Link::Gone), &self.listener.server_tls)
        else {
            return Err(Ended);
        };
        let (link, info, facts) = accept_tls(tls, plain, &self.shared.stats, &self.peer.session).await?;
        self.peer.tls = Some(info);
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

/// The monotonic clock of the runtime, so that tests may stop it.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
