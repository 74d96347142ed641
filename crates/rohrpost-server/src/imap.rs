//! IMAP: moves octets between a connection and the session of `rohrpost-imap`, and questions between it and the store.
//!
//! ```text
//!               ┌──────────── octets ────────────┐
//!  Connection ──┤ read            handle_input   ├──▶ Session ──event──▶ Store, Intake
//!               │ transmit ◀───── poll_transmit  │ ◀──answer──┘            │
//!               └────────────────────────────────┘ ◀───────notify──────────┘
//! ```
//!
//! The session knows no store: [`map`] turns the types of the one into those of the other. A session that idles waits
//! for its socket, its timer and the watch of the mailbox it has selected, and asks for nothing.

mod ahead;
mod append;
mod events;
mod fetch;
mod mailboxes;
mod map;
mod search;

use std::{future::pending, pin::Pin, sync::Arc, time::Instant};

use bytes::Buf as _;
use jiff::Timestamp;
use rohrpost_imap::{
    event::{CloseReason, MailboxId, Transmit},
    profile::Profile,
    session::Session,
};
use rohrpost_intake::Refusal;
use rohrpost_sasl::server::TlsFacts;
use rohrpost_store::Store;
use tokio::{sync::watch, time::Sleep};

use self::{ahead::ReadAhead, append::Appending, fetch::OpenMail};
use crate::connection::{Connection, Ended, now, timer, wind};

/// Everything of one connection.
struct Driver {
    connection: Connection,
    store: Store,
    session: Session,
    /// The selected mailbox, and how far it has changed.
    watched: Option<(MailboxId, watch::Receiver<u64>)>,
    ahead: ReadAhead,
    /// Messages that come in.
    appending: Option<Box<Appending>>,
    /// A long message that goes out piece by piece.
    open_mail: Option<Box<OpenMail>>,
    wants_handshake: bool,
    is_stopping: bool,
    reason: Option<CloseReason>,
}

/// Serves one connection; `refusal` is why it is only told to go away.
pub(crate) async fn serve(
    connection: Connection,
    profile: Arc<Profile>,
    facts: Option<TlsFacts>,
    refusal: Option<Refusal>,
) {
    let session = Session::new(profile, facts, now(), Timestamp::now()).with_id(&*connection.peer.session);
    let store = connection.shared.intake.store().clone();
    let mut driver = Driver {
        connection,
        store,
        session,
        watched: None,
        ahead: ReadAhead::default(),
        appending: None,
        open_mail: None,
        wants_handshake: false,
        is_stopping: false,
        reason: None,
    };
    driver.begin(refusal);
    let served = driver.run().await;
    if served.is_ok() {
        let is_clean = matches!(driver.reason, Some(CloseReason::Logout | CloseReason::Lost));
        Box::pin(driver.connection.close(is_clean)).await;
    }
    driver.connection.note_end(driver.reason.map_or("lost", close_word), driver.session.errors());
}

impl Driver {
    /// The greeting or the refusal. Mail can be read while there is no room for more, but not while the store is down.
    fn begin(&mut self, refusal: Option<Refusal>) {
        let health = self.connection.shared.intake.check_health();
        let refusal = refusal.or_else(|| health.err().filter(|refusal| refusal.reply().code == 421));
        match refusal {
            Some(refusal) => {
                self.connection.note_refusal("connection", &refusal);
                self.session.refuse_connection(&refusal.reply().text);
            }
            None => self.session.greet(now()),
        }
    }

    /// Moves octets until the session is over.
    async fn run(&mut self) -> Result<(), Ended> {
        let mut timer = timer();
        loop {
            self.pass_news();
            let taken = self.session.handle_input(now(), &self.connection.pending);
            self.connection.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                if self.connection.may_stay().await {
                    Box::pin(self.handle(event)).await;
                } else {
                    self.session.refuse_connection(&Refusal::LoggedOut.reply().text);
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
                    self.session.refuse_connection(&Refusal::LoggedOut.reply().text);
                }
            }
        }
    }

    async fn transmit(&mut self, transmit: Transmit) -> Result<(), Ended> {
        let written = self.connection.transmit(&transmit.bytes, transmit.not_before).await;
        written.inspect_err(|_| _ = self.reason.get_or_insert(CloseReason::Lost))
    }

    /// Waits for octets, news of the mailbox, the session's timeout, or the end of the server.
    async fn wait(&mut self, timer: &mut Pin<Box<Sleep>>) {
        let deadline = [self.session.poll_timeout(), self.ahead.until()].into_iter().flatten().min();
        wind(timer, deadline);
        let stop = self.connection.shared.stop.clone();
        tokio::select! {
            biased;
            () = self.connection.read(|octets| feed(&mut self.session, octets)) => {}
            () = news(self.watched.as_mut()) => {}
            () = timer.as_mut(), if deadline.is_some() => {
                self.pass_time(now());
            }
            () = stop.cancelled(), if !self.is_stopping => {
                self.is_stopping = true;
                self.session.shut_down(&Refusal::Stopping.reply().text);
            }
        }
    }

    /// Does what is due.
    fn pass_time(&mut self, now: Instant) {
        if self.ahead.until().is_some_and(|until| until <= now) {
            self.ahead.forget();
        }
        if self.session.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.session.handle_timeout(now);
        }
    }

    /// Tells the session how far its mailbox has changed, where that is news: before it goes on, so that it can say so in
    /// the answer to the command that made the change (RFC 9051 §6.3.12). A watch that has ended is that of a mailbox which
    /// was deleted.
    fn pass_news(&mut self) {
        let Some((mailbox, receiver)) = &mut self.watched else { return };
        match receiver.has_changed() {
            Ok(false) => {}
            Ok(true) => {
                let modseq = *receiver.borrow_and_update();
                self.session.notify(now(), *mailbox, modseq);
            }
            Err(_) => {
                self.session.mailbox_gone(now(), *mailbox);
                self.watched = None;
            }
        }
    }

    /// The MODSEQ of the selected mailbox.
    fn modseq(&self, of: MailboxId) -> Option<u64> {
        let (mailbox, receiver) = self.watched.as_ref()?;
        (*mailbox == of).then(|| *receiver.borrow())
    }

    async fn start_tls(&mut self) -> Result<(), Ended> {
        let facts = self.connection.start_tls().await?;
        self.session.tls_started(now(), facts);
        Ok(())
    }
}

/// What a read brought; nothing is the end of the connection.
fn feed(session: &mut Session, octets: &[u8]) -> usize {
    if octets.is_empty() {
        session.handle_eof(now());
        return 0;
    }
    session.handle_input(now(), octets)
}

/// Waits for a change of the selected mailbox, or its end.
async fn news(watched: Option<&mut (MailboxId, watch::Receiver<u64>)>) {
    let Some((_, receiver)) = watched else { return pending().await };
    // The change is left to be seen by `pass_news`.
    if receiver.changed().await.is_ok() {
        receiver.mark_changed();
    }
}

/// The words of [`crate::stats::CLOSES`].
fn close_word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Logout => "quit",
        CloseReason::Lost => "lost",
        CloseReason::TimedOut => "timed-out",
        CloseReason::Errors => "errors",
        CloseReason::Guessing => "guessing",
        CloseReason::NotImap => "not-imap",
        CloseReason::Injection => "injection",
        CloseReason::Refused => "refused",
        CloseReason::ShutDown => "shut-down",
        CloseReason::MailboxGone => "mailbox-gone",
        CloseReason::Broken => "broken",
    }
}
