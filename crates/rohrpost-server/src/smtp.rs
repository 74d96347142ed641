//! SMTP, submission and LMTP: moves octets between a connection and the session of `rohrpost-smtp`.
//!
//! ```text
//!               ┌──────────── octets ────────────┐
//!  Connection ──┤ read            handle_input   ├──▶ Session ──event──▶ Intake
//!               │ transmit ◀───── poll_transmit  │ ◀──answer──┘
//!               └────────────────────────────────┘
//! ```

mod events;

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Buf as _;
use jiff::Timestamp;
use rohrpost_intake::{Refusal, Role, Transaction};
use rohrpost_sasl::server::TlsFacts;
use rohrpost_smtp::server::{CloseReason, Session, Transmit};
use rohrpost_store::Stored;
use tokio::time::{Sleep, sleep};

use crate::{
    connection::{Connection, Ended, now, timer, wind},
    listener::MailProfiles,
};

/// Everything of one connection.
struct Driver {
    connection: Connection,
    profiles: Arc<MailProfiles>,
    session: Session<Stored>,
    transaction: Option<Box<Transaction>>,
    wants_handshake: bool,
    is_stopping: bool,
    unknown_recipients: u32,
    reason: Option<CloseReason>,
}

/// Serves one connection; `refusal` is why it is only told to go away.
pub(crate) async fn serve(
    connection: Connection,
    profiles: Arc<MailProfiles>,
    facts: Option<TlsFacts>,
    refusal: Option<Refusal>,
) {
    let peer = &connection.peer;
    let profile = profiles.profile_for(peer.address.map(|address| address.ip()), peer.is_known());
    let session = Session::new(profile, facts, now(), Timestamp::now()).with_id(&*peer.session);
    let mut driver = Driver {
        connection,
        profiles,
        session,
        transaction: None,
        wants_handshake: false,
        is_stopping: false,
        unknown_recipients: 0,
        reason: None,
    };
    let served = match Box::pin(driver.begin(refusal)).await {
        Ok(()) => driver.run().await,
        Err(Ended) => Err(Ended),
    };
    // The transaction goes first: what it has counted is given back before anybody takes the freed place.
    driver.transaction = None;
    if served.is_ok() {
        let is_clean = matches!(driver.reason, Some(CloseReason::Quit | CloseReason::Lost));
        Box::pin(driver.connection.close(is_clean)).await;
    }
    driver.connection.note_end(driver.reason.map_or("lost", close_word), driver.session.errors());
}

impl Driver {
    /// The greeting or the refusal.
    async fn begin(&mut self, refusal: Option<Refusal>) -> Result<(), Ended> {
        if let Some(refusal) = refusal {
            self.connection.note_refusal("connection", &refusal);
            self.session.refuse_connection(refusal.reply());
            return Ok(());
        }
        if let Err(refusal) = self.connection.shared.intake.check_health()
            && refusal.reply().code == 421
        {
            self.connection.note_refusal("connection", &refusal);
            self.session.refuse_connection(refusal.reply());
            return Ok(());
        }
        self.wait_before_greeting().await?;
        // A client that spoke too early has its refusal already.
        self.session.greet(now());
        Ok(())
    }

    /// Strangers on the port of servers wait once for their greeting; those who cannot wait are no servers. Meanwhile DNS
    /// is asked for their name.
    async fn wait_before_greeting(&mut self) -> Result<(), Ended> {
        let peer = &self.connection.peer;
        let stranger = peer.address.filter(|_| peer.role == Role::Smtp && peer.is_stranger());
        let Some(address) = stranger.map(|address| address.ip()) else { return Ok(()) };
        let shared = self.connection.shared.clone();
        let waits = !shared.intake.peers().has_waited(address, now());
        let delay = if waits { shared.intake.greeting_delay() } else { Duration::ZERO };
        let patience = async {
            let ((), name) = tokio::join!(sleep(delay), shared.intake.name_of(address));
            name
        };
        tokio::select! {
            biased;
            name = patience => {
                self.connection.peer.learn_name(name);
                shared.intake.peers().waited(address, now());
            }
            // The session knows what to say to octets before its greeting.
            () = self.connection.read(|octets| feed(&mut self.session, octets)) => {}
            () = shared.stop.cancelled() => return Err(Ended),
        }
        Ok(())
    }

    /// Moves octets until the session is over.
    async fn run(&mut self) -> Result<(), Ended> {
        let mut timer = timer();
        loop {
            let taken = self.session.handle_input(now(), &self.connection.pending);
            self.connection.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                if self.connection.may_stay().await {
                    self.handle(event).await;
                } else {
                    self.session.refuse_connection(Refusal::LoggedOut.reply());
                }
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
                if !self.connection.may_stay().await {
                    self.session.refuse_connection(Refusal::LoggedOut.reply());
                }
            }
        }
    }

    async fn transmit(&mut self, transmit: Transmit) -> Result<(), Ended> {
        let written = self.connection.transmit(&transmit.bytes, transmit.not_before).await;
        written.inspect_err(|_| _ = self.reason.get_or_insert(CloseReason::Lost))
    }

    /// Waits for octets, the session's timeout, or the end of the server.
    async fn wait(&mut self, timer: &mut Pin<Box<Sleep>>) {
        let deadline = self.session.poll_timeout();
        wind(timer, deadline);
        let stop = self.connection.shared.stop.clone();
        tokio::select! {
            biased;
            () = self.connection.read(|octets| feed(&mut self.session, octets)) => {}
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

    async fn start_tls(&mut self) -> Result<(), Ended> {
        let facts = self.connection.start_tls().await?;
        let peer = &mut self.connection.peer;
        peer.helo.clear();
        peer.is_extended = false;
        self.session.tls_started(now(), facts);
        Ok(())
    }
}

/// What a read brought; nothing is the end of the connection.
fn feed(session: &mut Session<Stored>, octets: &[u8]) -> usize {
    if octets.is_empty() {
        session.handle_eof(now());
        return 0;
    }
    session.handle_input(now(), octets)
}

/// The words of [`crate::stats::CLOSES`].
fn close_word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Quit => "quit",
        CloseReason::Lost => "lost",
        CloseReason::TimedOut => "timed-out",
        CloseReason::Errors => "errors",
        CloseReason::Guessing => "guessing",
        CloseReason::Messages => "messages",
        CloseReason::NotSmtp => "not-smtp",
        CloseReason::EarlyTalker => "early-talker",
        CloseReason::Injection => "injection",
        CloseReason::BareNewline => "bare-newline",
        CloseReason::BadChunk => "bad-chunk",
        CloseReason::Refused => "refused",
        CloseReason::ShutDown => "shut-down",
    }
}
