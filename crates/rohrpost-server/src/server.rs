//! All listeners together: start, reload, stop.

use std::{
    io,
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
    time::Duration,
};

use rohrpost_intake::{Intake, accounts::SCRAM_ITERATIONS};
use rohrpost_sasl::server::Decoy;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accept::{self, Socket},
    listener::{AuthRule, Listener, ListenerSettings},
    stats::Stats,
};

/// What all sessions of all listeners share.
pub(crate) struct Shared {
    pub(crate) intake: Intake,
    pub(crate) stats: Arc<Stats>,
    /// Sessions end at their next command; nothing new is accepted.
    pub(crate) stop: CancellationToken,
    /// Sessions end now.
    pub(crate) abort: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Names the next session.
    pub(crate) next_session: AtomicU64,
}

/// The listener that a socket belongs to; a reload puts another in its place.
pub(crate) type Current = Arc<RwLock<Arc<Listener>>>;

/// A socket's place, for reloads.
struct Slot {
    name: String,
    is_loopback: bool,
    current: Current,
    /// Ends its accept loop, and with it the socket.
    closed: CancellationToken,
}

/// Why a listener could not be started.
#[derive(Debug, thiserror::Error)]
#[error("listener {name}: {error}")]
pub struct StartError {
    /// Which listener.
    pub name: String,
    /// What the system said.
    pub error: io::Error,
}

/// The running listeners.
pub struct Server {
    shared: Arc<Shared>,
    decoy: Decoy,
    slots: Vec<Slot>,
}

impl Server {
    /// Starts an accept loop for each socket of each enabled listener. `secret` is one of this installation: from it
    /// SCRAM makes up accounts that do not exist. Must run inside a runtime.
    ///
    /// # Errors
    /// A socket cannot be used with the runtime.
    pub fn start(listeners: Vec<ListenerSettings>, intake: Intake, secret: [u8; 32]) -> Result<Self, StartError> {
        let shared = Arc::new(Shared {
            intake,
            stats: Arc::new(Stats::default()),
            stop: CancellationToken::new(),
            abort: CancellationToken::new(),
            tasks: TaskTracker::new(),
            next_session: AtomicU64::new(first_session()),
        });
        let decoy = Decoy { key: secret, iterations: SCRAM_ITERATIONS.get() };
        let rules: Vec<AuthRule> = listeners.iter().map(ListenerSettings::auth_rule).collect();
        let mut server = Self { shared, decoy, slots: Vec::new() };
        for mut settings in listeners {
            let sockets = std::mem::take(&mut settings.sockets);
            for bound in sockets.into_iter().filter(|_| settings.is_enabled) {
                let is_loopback = bound.is_loopback();
                let socket = Socket::new(bound).map_err(|error| StartError { name: settings.name.clone(), error })?;
                server.open(&settings, &rules, is_loopback, socket);
            }
        }
        Ok(server)
    }

    /// Puts other settings in place for listeners of the same names. Sockets stay as they are; those of listeners that are
    /// disabled now, or gone, are closed, and only a restart opens them again. Sessions that are open go on as they began.
    pub fn reload(&self, listeners: &[ListenerSettings]) {
        let rules: Vec<AuthRule> = listeners.iter().map(ListenerSettings::auth_rule).collect();
        for slot in &self.slots {
            match listeners.iter().find(|settings| settings.name == slot.name && settings.is_enabled) {
                Some(settings) => {
                    let listener = self.listener(settings, &rules, slot.is_loopback);
                    *slot.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(listener);
                }
                None => slot.closed.cancel(),
            }
        }
    }

    /// Accepts nothing more and lets sessions finish: idle ones get 421, others when their message is in. What is still
    /// open after `grace` is cut off; no message that got its 250 is lost by that.
    pub async fn stop(&self, grace: Duration) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(grace, self.shared.tasks.wait()).await.is_err() {
            self.shared.abort.cancel();
            self.shared.tasks.wait().await;
        }
    }

    /// What the listeners have counted.
    pub fn stats(&self) -> Arc<Stats> {
        self.shared.stats.clone()
    }

    fn open(&mut self, settings: &ListenerSettings, rules: &[AuthRule], is_loopback: bool, socket: Socket) {
        let listener = self.listener(settings, rules, is_loopback);
        let current = Arc::new(RwLock::new(Arc::new(listener)));
        let closed = self.shared.stop.child_token();
        self.shared.tasks.spawn(accept::serve(socket, current.clone(), closed.clone(), self.shared.clone()));
        self.slots.push(Slot { name: settings.name.clone(), is_loopback, current, closed });
    }

    fn listener(&self, settings: &ListenerSettings, rules: &[AuthRule], is_loopback: bool) -> Listener {
        let auth_tls = settings.auth_rule().offers_auth(rules);
        Listener::new(settings, auth_tls, is_loopback, &self.shared.intake, &self.decoy)
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("open", &self.shared.stats.open()).finish_non_exhaustive()
    }
}

/// Session names go on from a random number, so that two runs do not share them in one log.
fn first_session() -> u64 {
    u64::from_be_bytes(rohrpost_tls::crypto::random()) >> 24
}
