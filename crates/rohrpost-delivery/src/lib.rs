//! Takes due mail, sends or files it, records, bounces, reports.
//!
//! [`Delivery::start`] takes jobs from the [`Queue`] until [`Delivery::stop`]. A job goes one of three ways: into
//! mailboxes here (aliases and forwardings included), to the hosts that DNS names, or to the hosts of a named route. What
//! became of each recipient is written by the ledger: change, delivery record and bounce in one commit.
//!
//! ```text
//! Queue::next ─▶ worker ─▶ attempt (hosts in order) ─▶ verdict per recipient ─▶ settlement, records, bounce
//!                   └────▶ local (mailboxes, aliases)  ────────┘                   │
//!                                                              ledger: store.settle, then Queue::settled
//! ```
//!
//! It accepts nothing and decides nothing about who may send: that was intake's. It keeps no mail of its own either: all
//! that it knows is in the store, and after a crash the store alone says what is still to be done.

mod attempt;
mod bounce;
mod choice;
mod fallback;
mod hosts;
mod ledger;
pub mod limits;
mod local;
mod message;
mod notices;
mod operate;
mod pipe;
mod record;
mod route;
mod session;
pub mod settings;
mod settle;
mod shared;
pub mod stats;
mod verdict;
mod way;
mod worker;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use rohrpost_client::Pool;
use rohrpost_dns::Resolver;
use rohrpost_mail::DeliveryRecord;
use rohrpost_queue::{Queue, Router, srs::Rewriter};
use rohrpost_store::{Filter, Store, StoreError};
use rohrpost_tls::crypto;
use tokio::sync::{Semaphore, broadcast, mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use hosts::{Down, HostState, RouteState};
pub use settings::{
    AfterDot, Choose, Escalation, HostLimits, Notices, Pipe, Place, Route, RouteHost, Settings, TlsPolicy,
};
pub use stats::DeliveryStats;

use shared::Shared;

/// Key of the secret that rewritten reverse paths are signed with, in the store's meta table.
pub const SRS_KEY: &str = "srs-key";

/// The secret of this installation that rewritten reverse paths are signed with; made at its first use.
///
/// # Errors
/// The store's.
pub async fn rewriter(store: &Store) -> Result<Rewriter, StoreError> {
    if let Some(key) = store.meta_get(SRS_KEY).await?.and_then(|key| key.try_into().ok()) {
        return Ok(Rewriter::new(key, crypto::hmac_sha256));
    }
    let key: [u8; 32] = crypto::random();
    store.meta_put(SRS_KEY, key.to_vec()).await?;
    Ok(Rewriter::new(key, crypto::hmac_sha256))
}

/// A running delivery. Clones are one.
#[derive(Clone)]
pub struct Delivery {
    shared: Arc<Shared>,
    workers: TaskTracker,
    ledger: TaskTracker,
    /// Ends the task that writes notices.
    end: CancellationToken,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Delivery {
    /// Starts to take jobs from the queue.
    ///
    /// # Errors
    /// The store's, when the secret for rewritten addresses cannot be read or made.
    pub async fn start(
        store: Store,
        queue: Queue,
        resolver: Resolver,
        router: Arc<Router>,
        settings: Settings,
    ) -> Result<Self, StoreError> {
        let rewriter = rewriter(&store).await?;
        let counters = Arc::default();
        let (recovered_sender, recovered) = mpsc::channel(1);
        let (ledger, keeper) = ledger::open(store.clone(), queue.clone(), Arc::clone(&counters), recovered_sender);
        let (notices, raised) = notices::channel();
        let shared = Arc::new(Shared {
            store,
            queue,
            resolver,
            router,
            rewriter,
            pool: Pool::new(),
            ledger,
            fallback: fallback::Fallback::default(),
            hosts: hosts::Hosts::default(),
            notices,
            counters,
            settings: RwLock::new(Arc::new(settings)),
            tls: shared::TlsClients::default(),
            stopping: CancellationToken::new(),
        });
        let (workers, ledger, end) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        let delivery = Self { shared, workers, ledger, end };
        delivery.ledger.spawn(keeper.run(delivery.end.clone()));
        let notices = notices::run(Arc::clone(&delivery.shared), raised, recovered);
        tokio::spawn(delivery.end.clone().run_until_cancelled_owned(notices));
        tokio::spawn(dispatch(Arc::clone(&delivery.shared), delivery.workers.clone()));
        Ok(delivery)
    }

    /// Stops: no further job is begun, workers end between two stages, results are written. At most for `grace`; what
    /// is still under way then may be sent twice, after the next start.
    ///
    /// Says whether everything came to its end.
    pub async fn stop(&self, grace: Duration) -> bool {
        self.shared.stopping.cancel();
        self.shared.queue.stop();
        self.workers.close();
        self.ledger.close();
        let end = async {
            self.workers.wait().await;
            self.shared.pool.close().await;
            self.end.cancel();
            self.ledger.wait().await;
        };
        tokio::time::timeout(grace, end).await.is_ok()
    }

    /// Puts other settings in place. Attempts under way may end with the old ones.
    pub fn reload(&self, settings: Settings) {
        self.shared.hosts.keep(&settings);
        *self.shared.settings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        self.shared.tls.forget();
    }

    /// Returns recipients to their senders with a bounce, as an operator asks: how many.
    ///
    /// # Errors
    /// The store's; some may have been returned already.
    pub async fn bounce(&self, filter: Filter, by: String) -> Result<u64, StoreError> {
        operate::bounce(&self.shared, filter, &by).await
    }

    /// How the hosts of each route fare.
    pub fn routes(&self) -> Vec<RouteState> {
        self.shared.hosts.report(&self.shared.settings(), self.shared.now())
    }

    /// Lets one message try each host at once that a route passes over.
    pub fn probe(&self, route: &str) {
        self.shared.hosts.probe(route, self.shared.now());
    }

    /// Every delivery record from now on, as soon as it is durable. A subscriber that lags behind loses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<DeliveryRecord>> {
        self.shared.ledger.subscribe()
    }

    /// Figures for metrics.
    pub fn stats(&self) -> DeliveryStats {
        self.shared.counters.read()
    }

    /// Jobs at work.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }
}

/// Takes jobs from the queue and gives each to a worker, as long as there is one.
async fn dispatch(shared: Arc<Shared>, workers: TaskTracker) {
    let slots = Arc::new(Semaphore::new(limits::WORKERS_MAX));
    loop {
        let slot = Arc::clone(&slots).acquire_owned().await.expect("the semaphore is never closed");
        let Some(job) = shared.queue.next().await else { return };
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            worker::work(shared, job).await;
            drop(slot);
        });
    }
}
