//! Connections that wait for the next message to the same server.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Instant,
};

use rohrpost_mail::Link;
use rohrpost_tls::ClientTls;

use crate::{
    connection::Connection,
    error::ConnectError,
    limits::{IDLE_CONNECTIONS_MAX, SWEEP_EVERY},
    outgoing::{Outgoing, SendReport},
    target::{ReuseKey, Target},
    wire::now,
};

/// Keeps unused connections for a while and hands them out again, each only to targets with the very same terms.
///
/// A connection waits for [`Target::idle`], a pool holds [`IDLE_CONNECTIONS_MAX`] at most, and none is kept that is not
/// [`Connection::is_reusable`]. How many are open at a time is the caller's to bound: only unused ones are here.
///
/// Cloning shares the connections. Dropping the last clone closes them without a goodbye; see [`Pool::close`].
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    idle: HashMap<ReuseKey, Vec<Idle>>,
    count: usize,
    sweeping: bool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    until: Instant,
}

/// A message that was sent, or at least tried, on some connection.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What became of it.
    pub report: SendReport,
    /// How the link was sealed.
    pub link: Link,
    /// The connection had been used before.
    pub reused: bool,
}

impl Pool {
    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends a message on an unused connection or on a new one, and keeps the connection if it is still good.
    ///
    /// A reused connection may have died in the meantime, or the server may have had enough of it. When that shows before
    /// any of the message was sent ([`SendReport::is_stale`]), a new connection takes over, once, and nobody is told.
    ///
    /// # Errors
    /// [`ConnectError`] when no connection came about. What happens to the message is in the report.
    pub async fn send(&self, target: &Target, tls: &ClientTls, outgoing: &Outgoing<'_>) -> Result<Sent, ConnectError> {
        if let Some(mut connection) = self.take(target) {
            let report = connection.send(outgoing).await;
            if !report.is_stale() {
                return Ok(self.sent(connection, report, true));
            }
            tracing::debug!(endpoint = %target.endpoint, "a reused connection was of no use; opening a new one");
        }
        let mut connection = Connection::open(target, tls).await?;
        let report = connection.send(outgoing).await;
        Ok(self.sent(connection, report, false))
    }

    /// An unused connection on these terms, the one used last first. Dead ones are dropped on the way.
    pub fn take(&self, target: &Target) -> Option<Connection> {
        let mut state = self.lock();
        let key = target.reuse_key();
        loop {
            let waiting = state.idle.get_mut(&key)?;
            let found = waiting.pop();
            if waiting.is_empty() {
                state.idle.remove(&key);
            }
            let Idle { mut connection, until } = found?;
            state.count -= 1;
            if until > now() && connection.is_reusable() && connection.is_silent() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next message, if it is still good for one.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn put(&self, connection: Connection) {
        if !connection.is_reusable() {
            tokio::spawn(connection.quit());
            return;
        }
        let mut state = self.lock();
        if state.count >= IDLE_CONNECTIONS_MAX {
            drop(state);
            tokio::spawn(connection.quit());
            return;
        }
        let until = now() + connection.target().idle;
        state.count += 1;
        state.idle.entry(connection.reuse_key().clone()).or_default().push(Idle { connection, until });
        if !state.sweeping {
            state.sweeping = true;
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }

    /// Says goodbye on all unused connections, one after the other, as before the program ends.
    pub async fn close(&self) {
        let idle = {
            let mut state = self.lock();
            state.count = 0;
            std::mem::take(&mut state.idle)
        };
        for Idle { connection, .. } in idle.into_values().flatten() {
            connection.quit().await;
        }
    }

    /// How many connections wait.
    pub fn idle_count(&self) -> usize {
        self.lock().count
    }

    fn sent(&self, connection: Connection, report: SendReport, reused: bool) -> Sent {
        let link = connection.link().clone();
        self.put(connection);
        Sent { report, link, reused }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}

impl Shared {
    /// The state is consistent between any two statements that change it, so a panic elsewhere does no harm.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes out what has waited too long; `None` when nothing is left to wait for.
    fn expired(&self) -> Option<Vec<Connection>> {
        let mut state = self.lock();
        if state.idle.is_empty() {
            state.sweeping = false;
            return None;
        }
        let (now, mut expired) = (now(), Vec::new());
        for waiting in state.idle.values_mut() {
            let gone = waiting.extract_if(.., |idle| idle.until <= now);
            expired.extend(gone.map(|idle| idle.connection));
        }
        state.idle.retain(|_, waiting| !waiting.is_empty());
        state.count -= expired.len();
        Some(expired)
    }
}

/// Closes what has been unused for too long, for as long as there is anything to look after.
async fn sweep(shared: Weak<Shared>) {
    loop {
        tokio::time::sleep(SWEEP_EVERY).await;
        let Some(expired) = shared.upgrade().and_then(|shared| shared.expired()) else { return };
        for connection in expired {
            connection.quit().await;
        }
    }
}
