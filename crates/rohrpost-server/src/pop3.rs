//! POP3: moves octets between a connection and the session of `rohrpost-pop3`, and messages out of the [`inbox`].
//!
//! ```text
//!               ┌──────────── octets ────────────┐
//!  Connection ──┤ read            handle_input   ├──▶ Session ──event──▶ accounts, Inbox
//!               │ transmit ◀───── poll_transmit  │ ◀──answer──┘
//!               └────────────────────────────────┘
//! ```
//!
//! A session sees INBOX as it was at its log-in. It locks nothing: what another session removes meanwhile can no longer
//! be read, and that is said. What this one deletes goes in one transaction when the client says QUIT.

mod inbox;

use std::{pin::Pin, sync::Arc};

use bytes::Buf as _;
use rohrpost_intake::Refusal;
use rohrpost_pop3::{CloseReason, Event, Maildrop, Negative, Profile, ResponseCode, Session, Transmit};
use rohrpost_sasl::server::TlsFacts;
use rohrpost_store::{StoreError, mailbox::FetchedMail};
use tokio::time::Sleep;

use self::inbox::Inbox;
use crate::connection::{Connection, Ended, ScramStart, now, timer, wind};

/// Everything of one connection.
struct Driver {
    connection: Connection,
    session: Session,
    /// There once the client has logged in.
    inbox: Option<Inbox>,
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
    let session = Session::new(profile, facts, now()).with_id(&*connection.peer.session);
    let mut driver =
        Driver { connection, session, inbox: None, wants_handshake: false, is_stopping: false, reason: None };
    driver.begin(refusal);
    if driver.run().await.is_ok() {
        let is_clean = matches!(driver.reason, Some(CloseReason::Quit | CloseReason::Lost));
        Box::pin(driver.connection.close(is_clean)).await;
    }
    driver.connection.note_end(driver.reason.map_or("lost", close_word), driver.session.errors());
}

impl Driver {
    /// The greeting or the refusal.
    fn begin(&mut self, refusal: Option<Refusal>) {
        let health = || self.connection.shared.intake.check_health().err();
        match refusal.or_else(|| health().filter(|refusal| refusal.reply().code == 421)) {
            Some(refusal) => {
                self.connection.note_refusal("connection", &refusal);
                self.session.refuse_connection(&negative(&refusal));
            }
            None => self.session.greet(now()),
        }
    }

    /// Moves octets until the session is over.
    async fn run(&mut self) -> Result<(), Ended> {
        let mut timer = timer();
        loop {
            let taken = self.session.handle_input(now(), &self.connection.pending);
            self.connection.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                if self.connection.may_stay().await {
                    self.handle(event).await?;
                } else {
                    self.session.refuse_connection(&negative(&Refusal::LoggedOut));
                }
            } else if taken > 0 {
                // What was taken may have made room for more.
            } else if let Some(transmit) = self.session.poll_transmit() {
                self.transmit(transmit).await?;
            } else if std::mem::take(&mut self.wants_handshake) {
                let facts = Box::pin(self.connection.start_tls()).await?;
                self.session.tls_started(now(), facts);
            } else if self.session.is_closed() {
                return Ok(());
            } else {
                self.wait(&mut timer).await;
                if !self.connection.may_stay().await {
                    self.session.refuse_connection(&negative(&Refusal::LoggedOut));
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
            () = timer.as_mut(), if deadline.is_some() => self.session.handle_timeout(now()),
            () = stop.cancelled(), if !self.is_stopping => {
                self.is_stopping = true;
                self.session.shut_down(negative(&Refusal::Stopping));
            }
        }
    }

    /// Answers one event. The futures of rare ones are boxed, so that a session that waits is small.
    async fn handle(&mut self, event: Event) -> Result<(), Ended> {
        match event {
            Event::Password { authzid, user, password, .. } => {
                let verdict = Box::pin(self.connection.check_password(&authzid, &user, &password)).await;
                self.session.answer_password(now(), verdict);
            }
            Event::ScramKeys { authzid, user, .. } => {
                match Box::pin(self.connection.scram_keys(&authzid, &user)).await {
                    ScramStart::Keys(keys, nonce) => self.session.answer_scram(now(), keys, nonce),
                    ScramStart::Refused(verdict) => self.session.answer_password(now(), verdict),
                }
            }
            Event::AuthFailed { user, .. } => self.connection.scram_failed(&user),
            Event::Authenticated { user, .. } => {
                let maildrop = Box::pin(self.open(&user)).await;
                self.session.answer_maildrop(now(), maildrop);
            }
            Event::Message { uid } => self.send(uid).await?,
            Event::Remove { uids } => {
                let removed = Box::pin(self.remove(&uids)).await;
                self.session.answer_removal(now(), removed);
            }
            Event::StartTls => self.wants_handshake = true,
            Event::Closed { reason } => self.reason = Some(reason),
        }
        Ok(())
    }

    /// Opens the INBOX of a client that is who it says.
    async fn open(&mut self, user: &str) -> Result<Maildrop, Negative> {
        if let Err(refusal) = self.connection.log_in(user).await {
            self.connection.note_refusal("log-in", &refusal);
            return Err(negative(&refusal));
        }
        let Some(account) = self.connection.peer.account.clone() else { return Err(negative(&Refusal::OutOfStep)) };
        let opened = Inbox::open(self.connection.shared.intake.store(), &account.login).await;
        let opened = opened.map_err(|error| self.store_failed(&error))?;
        let (inbox, maildrop) = opened.unzip();
        self.inbox = inbox;
        Ok(maildrop.unwrap_or_default())
    }

    /// Answers RETR and TOP.
    async fn send(&mut self, uid: u32) -> Result<(), Ended> {
        let found = match &mut self.inbox {
            Some(inbox) => inbox.mail(self.connection.shared.intake.store(), uid).await,
            None => Ok(None),
        };
        match found {
            Ok(Some(mail)) => self.write_mail(&mail).await?,
            Ok(None) => self.session.refuse_message(now(), &gone()),
            Err(error) => self.break_off(&error),
        }
        Ok(())
    }

    async fn write_mail(&mut self, mail: &FetchedMail) -> Result<(), Ended> {
        let Some(content) = &mail.content else { return Box::pin(self.stream_mail(mail)).await };
        self.session.begin_message(mail.octets);
        if self.session.push_message(mail.body.prefix()) {
            self.session.push_message(content);
        }
        self.session.end_message(now());
        Ok(())
    }

    /// A large message leaves piece by piece.
    async fn stream_mail(&mut self, mail: &FetchedMail) -> Result<(), Ended> {
        let mut reader = match self.connection.shared.intake.store().open_body(&mail.body).await {
            Ok(reader) => reader,
            Err(error) => {
                self.break_off(&error);
                return Ok(());
            }
        };
        self.session.begin_message(mail.octets);
        loop {
            match reader.next().await {
                Ok(Some(piece)) if self.session.push_message(&piece) => {}
                Ok(_) => break,
                Err(error) => {
                    self.break_off(&error);
                    return Ok(());
                }
            }
            while let Some(transmit) = self.session.poll_transmit() {
                self.transmit(transmit).await?;
            }
        }
        self.session.end_message(now());
        Ok(())
    }

    fn break_off(&mut self, error: &StoreError) {
        let negative = self.store_failed(error);
        self.session.refuse_message(now(), &negative);
    }

    /// Removes what the client has deleted.
    async fn remove(&mut self, uids: &[u32]) -> Result<(), Negative> {
        let Some(inbox) = &self.inbox else { return Err(negative(&Refusal::OutOfStep)) };
        let removed = inbox.remove(self.connection.shared.intake.store(), uids).await;
        removed.map_err(|error| self.store_failed(&error))
    }

    fn store_failed(&self, error: &dyn std::error::Error) -> Negative {
        tracing::error!(session = %self.connection.peer.session, %error, "the mailbox cannot be read or changed");
        Negative::new(ResponseCode::SysTemp, "The mailbox cannot be read or changed now, try again later")
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

fn gone() -> Negative {
    Negative::new(ResponseCode::SysTemp, "The message is gone: another program has removed it")
}

/// The refusals of the door and of the end have their texts in the table of SMTP.
fn negative(refusal: &Refusal) -> Negative {
    let reply = refusal.reply();
    let code = if reply.is_permanent() { ResponseCode::SysPerm } else { ResponseCode::SysTemp };
    Negative::new(code, reply.text.as_str().to_owned())
}

/// The words of [`crate::stats::CLOSES`].
fn close_word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Quit => "quit",
        CloseReason::Lost => "lost",
        CloseReason::TimedOut => "timed-out",
        CloseReason::Errors => "errors",
        CloseReason::Guessing => "guessing",
        CloseReason::NotPop3 => "not-pop3",
        CloseReason::Injection => "injection",
        CloseReason::BareNewline => "bare-newline",
        CloseReason::Refused => "refused",
        CloseReason::Broken => "broken",
        CloseReason::ShutDown => "shut-down",
    }
}
