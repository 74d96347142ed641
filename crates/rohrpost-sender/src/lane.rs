//! The way to one server: its pace, its slots, its open connections, and the form of TLS that its port has.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rohrpost_client::{
    ConnectError, Connection, LinkTls, Mechanism, OpenFailure, Outcome, Outgoing, Pool, SendReport, SessionError,
    Target,
};
use rohrpost_mail::{Link, Stage, TlsInfo, Verification};
use rohrpost_tls::{ClientTls, ClientTlsOptions, TlsError};
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep_until},
};

use crate::{
    error::{Attempt, Cause, ConfigError},
    identity::{Identity, explain, new_key},
    rate::{Pacer, asks_to_slow_down},
    receipt::Note,
    secret::Login,
    server::Server,
};

/// What became of a message at a server that took the connection.
pub(crate) struct Passage {
    pub(crate) report: SendReport,
    pub(crate) link: Link,
    pub(crate) mechanism: Option<Mechanism>,
    /// Some refusal means that the server insists on TLS, which our settings kept it from.
    pub(crate) wants_tls: bool,
    pub(crate) transcript: String,
    pub(crate) notes: Vec<Note>,
}

/// See the module.
pub(crate) struct Lane {
    server: Server,
    name: String,
    tls: ClientTls,
    login: Option<Login>,
    identity: Identity,
    pool: Pool,
    slots: Semaphore,
    pacer: Option<Mutex<Pacer>>,
    /// The terms with which the last connection was opened; the next one begins with them.
    terms: Mutex<Target>,
}

impl Lane {
    /// Nothing is opened yet.
    ///
    /// # Errors
    /// What the settings have: a log-in that is not whole, a client certificate or an authority that cannot be read.
    pub(crate) fn new(server: Server) -> Result<Self, ConfigError> {
        ClientTls::check(&server.target().trust)?;
        let login = server.checked_login()?;
        let client_cert = server.certificate().cloned();
        Ok(Self {
            name: server.to_string(),
            tls: ClientTls::new(ClientTlsOptions { client_cert, ..ClientTlsOptions::default() })?,
            login,
            identity: Identity::of(&server)?,
            pool: Pool::new(),
            slots: Semaphore::new(server.slots()),
            pacer: server.pace().map(|rate| Mutex::new(Pacer::new(rate, Instant::now().into_std()))),
            terms: Mutex::new(server.target()),
            server,
        })
    }

    /// The server, as `host:port`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Sends a message on an unused connection or on a new one, when pace and slots allow it.
    ///
    /// A reused connection that turns out to be of no use before any of the message was sent is replaced, once.
    pub(crate) async fn send(&self, outgoing: &Outgoing<'_>) -> Result<Passage, Box<Attempt>> {
        self.keep_pace().await;
        let _slot = self.slots.acquire().await.expect("nobody closes the slots");
        let terms = lock(&self.terms).clone();
        if let Some(mut connection) = self.pool.take(&terms) {
            let report = connection.send(outgoing).await;
            if !report.is_stale() {
                return Ok(self.passage(connection, report, Vec::new()));
            }
            tracing::debug!(server = self.name, "a reused connection was of no use; opening a new one");
        }
        let mut notes = Vec::new();
        let mut connection = self.open(terms, &mut notes).await.inspect_err(|attempt| self.listen(attempt))?;
        let report = connection.send(outgoing).await;
        Ok(self.passage(connection, report, notes))
    }

    /// A new connection, beside pace and slots.
    pub(crate) async fn connect(&self) -> Result<Connection, Box<Attempt>> {
        let terms = lock(&self.terms).clone();
        self.open(terms, &mut Vec::new()).await
    }

    /// Says goodbye on all unused connections.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }

    async fn keep_pace(&self) {
        let Some(pacer) = &self.pacer else { return };
        let at = lock(pacer).take(Instant::now().into_std());
        sleep_until(at.into()).await;
    }

    fn slow_down(&self) {
        if let Some(pacer) = &self.pacer {
            tracing::info!(server = self.name, "the server asks for a slower pace");
            lock(pacer).slow_down(Instant::now().into_std());
        }
    }

    /// Takes note of what a failed opening says about our pace.
    fn listen(&self, attempt: &Attempt) {
        if let Cause::Open(failure) = &attempt.cause
            && failure.error.reply().is_some_and(asks_to_slow_down)
        {
            self.slow_down();
        }
    }

    fn passage(&self, connection: Connection, report: SendReport, mut notes: Vec<Note>) -> Passage {
        let failures = || report.outcomes.iter().filter_map(|outcome: &Outcome| outcome.as_ref().err());
        if failures().any(|failure| failure.reply().is_some_and(asks_to_slow_down)) {
            self.slow_down();
        }
        if let Link::Clear { reason } = connection.link() {
            notes.push(Note::Clear { reason: reason.clone() });
        }
        notes.extend(self.leniency(connection.link()));
        if report.eight_bit_to_seven {
            notes.push(Note::EightBit);
        }
        let passage = Passage {
            wants_tls: failures().any(|failure| connection.wants_tls(failure)),
            link: connection.link().clone(),
            mechanism: connection.mechanism(),
            transcript: connection.transcript(),
            report,
            notes,
        };
        self.pool.put(connection);
        passage
    }

    fn leniency(&self, link: &Link) -> Option<Note> {
        match link {
            Link::Tls(TlsInfo { verification: Verification::Unverified { reason }, .. })
                if self.server.is_lenient() =>
            {
                Some(Note::Lenient { server: self.name.clone(), reason: reason.clone() })
            }
            _ => None,
        }
    }

    /// Opens a connection to the server that it must be.
    async fn open(&self, mut terms: Target, notes: &mut Vec<Note>) -> Result<Connection, Box<Attempt>> {
        let known = self.identity.settle(&mut terms).await.map_err(|cause| self.attempt(cause))?;
        let opened = self.open_logged_in(terms, notes).await;
        let connection = opened.map_err(|Attempt { server, cause, transcript }| {
            let cause = explain(cause, known);
            Attempt { server, cause, transcript }
        })?;
        let remembered = self.identity.remember(new_key(&connection)).await;
        notes.extend(remembered.map_err(|cause| self.attempt(cause))?);
        Ok(connection)
    }

    /// Opens a connection; once more with a renewed secret where that may help.
    async fn open_logged_in(&self, terms: Target, notes: &mut Vec<Note>) -> Result<Connection, Attempt> {
        let terms = self.logged_in(terms, false).await?;
        let failure = match self.open_in_some_form(terms.clone(), notes).await {
            Ok(connection) => return Ok(connection),
            Err(failure) => failure,
        };
        let renewable = self.login.as_ref().is_some_and(Login::is_renewable);
        let is_refused =
            matches!(failure.error, ConnectError::Session(SessionError::Refused { stage: Stage::Auth, .. }));
        if !renewable || !is_refused {
            return Err(self.attempt(Cause::Open(failure)));
        }
        tracing::debug!(server = self.name, "the token was refused; asking for a new one");
        let terms = self.logged_in(terms, true).await?;
        self.open_in_some_form(terms, notes).await.map_err(|failure| self.attempt(Cause::Open(failure)))
    }

    /// Opens a connection, in the other form of TLS where the port has that, in clear text where a handshake failed and
    /// somebody allowed it.
    async fn open_in_some_form(
        &self,
        mut terms: Target,
        notes: &mut Vec<Note>,
    ) -> Result<Connection, Box<OpenFailure>> {
        let failure = match Connection::try_open(&terms, &self.tls).await {
            Ok(connection) => return Ok(self.opened(connection, terms)),
            Err(failure) => failure,
        };
        if let Some((form, speaks)) = self.other_form(&terms, &failure.error) {
            tracing::debug!(server = self.name, speaks, "the port has the other form of TLS");
            let form_before = std::mem::replace(&mut terms.tls, form);
            return match Connection::try_open(&terms, &self.tls).await {
                Ok(connection) => {
                    notes.push(Note::OtherForm { server: self.name.clone(), speaks });
                    Ok(self.opened(connection, terms))
                }
                Err(late) if form == LinkTls::Implicit && matches!(late.error, ConnectError::Tls(TlsError::NotTls)) => {
                    terms.tls = form_before;
                    terms.timeouts.greeting = self.server.patience();
                    Connection::try_open(&terms, &self.tls).await.map(|connection| self.opened(connection, terms))
                }
                // A port that keeps silent in both forms is best described by its silence.
                Err(_) if form == LinkTls::Implicit => Err(failure),
                Err(failure) => Err(failure),
            };
        }
        if self.server.may_fall_back() && failure.error.is_handshake_failure() {
            tracing::warn!(server = self.name, error = %failure.error, "going on in clear text, as set");
            terms.tls = LinkTls::Fallback;
            return Connection::try_open(&terms, &self.tls).await;
        }
        Err(failure)
    }

    /// The form that the port seems to have instead, where it may be tried.
    fn other_form(&self, terms: &Target, error: &ConnectError) -> Option<(LinkTls, &'static str)> {
        match (terms.tls, error) {
            _ if !self.server.may_change_form() => None,
            (LinkTls::Implicit, ConnectError::Tls(TlsError::NotTls)) => Some((LinkTls::Starttls, "STARTTLS")),
            (
                LinkTls::Starttls | LinkTls::IfOffered,
                ConnectError::Session(SessionError::TimedOut { stage: Stage::Greeting, .. }),
            ) => Some((LinkTls::Implicit, "TLS from the first octet")),
            _ => None,
        }
    }

    /// Remembers the terms that worked.
    fn opened(&self, connection: Connection, terms: Target) -> Connection {
        *lock(&self.terms) = terms;
        connection
    }

    /// The terms with the secret as it is now.
    async fn logged_in(&self, mut terms: Target, again: bool) -> Result<Target, Attempt> {
        if let Some(login) = &self.login {
            terms.allow_clear = login.allow_clear;
            let secret = login.resolve(again).await;
            terms.login = Some(secret.map_err(|error| self.attempt(Cause::Secret(error)))?);
        }
        Ok(terms)
    }

    fn attempt(&self, cause: Cause) -> Attempt {
        let transcript = match &cause {
            Cause::Open(failure) => failure.transcript.clone(),
            _ => String::new(),
        };
        Attempt { server: self.name.clone(), cause, transcript }
    }
}

impl std::fmt::Debug for Lane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("server", &self.name).finish_non_exhaustive()
    }
}

/// What is inside is whole between any two statements, so a panic elsewhere does no harm.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
