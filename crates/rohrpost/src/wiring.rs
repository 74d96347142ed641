//! Puts the crates together into one running server, a [`Node`]: `serve` runs one, the demo two.
//!
//! ```text
//! sockets ─▶ Server ─▶ Intake ─▶ Store ◀─▶ Queue ─▶ Delivery ─▶ Resolver, network, mailboxes
//!                                  ▲
//! control.sock ─▶ Operator ────────┘
//! submit.sock, drop ─▶ Intake
//! ```

mod callout;
mod control;
mod listeners;
mod secrets;
mod submit;
mod web;

pub(crate) use self::{
    listeners::check,
    web::{Offer, Ports},
};

use std::{
    net::TcpListener,
    os::unix::net::UnixListener,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use rohrpost_delivery::Delivery;
use rohrpost_dns::Resolver;
use rohrpost_intake::{Intake, Parts};
use rohrpost_mail::DeliveryRecord;
use rohrpost_queue::{Clock, Queue, Router};
use rohrpost_server::{Bound, Server, control::ControlSocket};
use rohrpost_store::{OpenError, Store};
use rohrpost_tls::CertStore;
use rohrpost_web::WebSockets;
use tokio::{
    sync::broadcast,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use self::{callout::Prober, control::Service, listeners::Certificates, submit::Submissions, web::Help};
use crate::{
    config::Settings,
    door::SOCKET,
    metrics::{self, Figures},
    operator::{Configured, Operator},
    sockets::Binder,
};

/// How long sessions and attempts may take to finish at a stop.
const STOP_TIME_MAX: Duration = Duration::from_secs(30);

/// The sockets of a node, bound.
pub(crate) struct Sockets {
    /// Those of each listener, in the order of the settings.
    pub(crate) listeners: Vec<Vec<Bound>>,
    /// That of the figures.
    pub(crate) metrics: Option<TcpListener>,
    /// That of programs of this host.
    pub(crate) submit: Option<UnixListener>,
    /// Those of set-up help.
    pub(crate) web: WebSockets,
}

impl Sockets {
    /// Binds everything that the settings name.
    pub(crate) fn bind(settings: &Settings) -> anyhow::Result<Self> {
        let mut binder = Binder::new();
        let mut listeners = Vec::new();
        for listener in &settings.listeners {
            let open = listener.at.iter().filter(|_| listener.enabled);
            let bound = open.map(|at| binder.bind(at, &listener.access)).collect::<anyhow::Result<Vec<_>>>();
            let bound = bound.with_context(|| format!("listener {}", listener.name))?;
            listeners.push(bound.into_iter().flatten().collect());
        }
        let metrics = settings.metrics.map(TcpListener::bind).transpose().context("metrics.address")?;
        let web = web::bind(&settings.web, &mut binder)?;
        Ok(Self { listeners, metrics, submit: submit::bind(settings)?, web })
    }
}

/// A running server.
pub(crate) struct Node {
    store: Store,
    queue: Queue,
    intake: Intake,
    router: Arc<Router>,
    server: Server,
    delivery: Delivery,
    /// Looks for changed certificates; a reload starts it anew.
    watchers: Mutex<JoinSet<()>>,
    prober: Arc<Prober>,
    operator: Arc<Operator>,
    stop_control: CancellationToken,
    submit: Option<Submissions>,
    help: Help,
    /// Where it listens, whatever a reload says.
    ports: Ports,
    tasks: Vec<JoinHandle<()>>,
}

impl Node {
    /// Starts everything. The store is opened first: it locks the data directory.
    pub(crate) async fn start(mut settings: Settings, sockets: Sockets) -> anyhow::Result<Self> {
        let store = open_store(&settings).await.context("the store")?;
        store.default_quota_set(settings.quota_octets).await?;
        let certificates = Certificates::load(&settings)?;
        settings.intake.x_originating_ip_key = secrets::secret(&store, secrets::ORIGIN).await?;
        settings.delivery.certificates = certificates.stores();
        let queue = Queue::start(store.clone(), settings.queue.clone(), Clock::system());
        let router = Arc::new(Router::new(Vec::new(), settings.rules.clone()));
        let resolver = resolver(&settings)?;
        let prober = Arc::new(Prober::new(&settings, resolver.clone())?);
        let of_intake = Parts {
            store: store.clone(),
            queue: queue.clone(),
            router: router.clone(),
            resolver: resolver.clone(),
            callout: Some(prober.clone()),
            srs: Some(rohrpost_delivery::rewriter(&store).await?),
        };
        let intake = Intake::new(of_intake, settings.intake.clone());
        intake.refresh().await?;
        let delivery = settings.delivery.clone();
        let delivery = Delivery::start(store.clone(), queue.clone(), resolver, router.clone(), delivery).await?;
        let ports = Ports::of(&settings, &sockets);
        let offer = Offer::of(&settings, &ports);
        let help = Help::start(&settings, &certificates, router.clone(), &offer, sockets.web)?;
        let decoy = secrets::secret(&store, secrets::DECOY).await?;
        let listeners = listeners::settings(&settings, &certificates, sockets.listeners)?;
        let server = Server::start(listeners, intake.clone(), decoy)?;
        let live =
            Arc::new(control::Running { queue: queue.clone(), intake: intake.clone(), delivery: delivery.clone() });
        let operator = Operator::new(store.clone(), Configured::of(&settings, offer), Some(live));
        let mut node = Self {
            store,
            queue,
            intake,
            router,
            server,
            delivery,
            watchers: Mutex::new(watch(&certificates)),
            prober,
            operator: Arc::new(operator),
            stop_control: CancellationToken::new(),
            submit: None,
            help,
            ports,
            tasks: Vec::new(),
        };
        node.submit = Submissions::start(&settings, sockets.submit, &node.intake, node.server.stats())?;
        node.open_doors(&settings, sockets.metrics)?;
        Ok(node)
    }

    /// The control socket and the figures.
    fn open_doors(&mut self, settings: &Settings, metrics: Option<TcpListener>) -> anyhow::Result<()> {
        let control = ControlSocket::bind(&settings.data_dir.join(SOCKET))?;
        let service = Arc::new(Service(self.operator.clone()));
        self.tasks.push(tokio::spawn(control.serve(service, self.stop_control.clone())));
        if let Some(listener) = metrics {
            let figures = self.figures();
            self.tasks.push(tokio::spawn(async move {
                if let Err(error) = metrics::serve(listener, figures).await {
                    tracing::error!(%error, "metrics are not served");
                }
            }));
        }
        Ok(())
    }

    /// Puts other settings in place, all but those that need a restart.
    pub(crate) async fn reload(&self, mut settings: Settings, origin_key: [u8; 32]) -> anyhow::Result<()> {
        let certificates = Certificates::load(&settings)?;
        settings.intake.x_originating_ip_key = origin_key;
        settings.delivery.certificates = certificates.stores();
        let listeners = listeners::settings(&settings, &certificates, Vec::new())?;
        let offer = Offer::of(&settings, &self.ports);
        self.help.reload(&settings, &certificates, &offer)?;
        self.store.default_quota_set(settings.quota_octets).await?;
        self.operator.reload(Configured::of(&settings, offer));
        self.prober.reload(settings.delivery.routes.clone());
        self.router.set_rules(settings.rules);
        self.queue.reload(settings.queue);
        self.intake.reload(settings.intake);
        self.delivery.reload(settings.delivery);
        self.server.reload(&listeners);
        *self.watchers.lock().unwrap_or_else(PoisonError::into_inner) = watch(&certificates);
        Ok(())
    }

    /// Answers commands.
    pub(crate) fn operator(&self) -> &Operator {
        &self.operator
    }

    /// What metrics show.
    pub(crate) fn figures(&self) -> Figures {
        Figures {
            stats: self.server.stats(),
            queue: self.queue.clone(),
            delivery: self.delivery.clone(),
            store: self.store.clone(),
        }
    }

    /// Every delivery record from now on.
    pub(crate) fn records(&self) -> broadcast::Receiver<Arc<DeliveryRecord>> {
        self.delivery.subscribe()
    }

    /// The key of hashed client addresses.
    pub(crate) async fn origin_key(&self) -> anyhow::Result<[u8; 32]> {
        Ok(secrets::secret(&self.store, secrets::ORIGIN).await?)
    }

    /// Stops gracefully: sessions finish or get 421, attempts end at their next stage, what is accepted stays stored.
    pub(crate) async fn stop(self) {
        let submissions = async {
            if let Some(submissions) = self.submit {
                submissions.stop(STOP_TIME_MAX).await;
            }
        };
        tokio::join!(self.server.stop(STOP_TIME_MAX), submissions, self.help.stop(STOP_TIME_MAX));
        if !self.delivery.stop(STOP_TIME_MAX).await {
            tracing::warn!("attempts were cut off: their messages are tried again, and may be sent twice");
        }
        self.queue.stop();
        self.stop_control.cancel();
        for task in self.tasks {
            task.abort();
        }
    }
}

/// How long a start waits for a command that has the store open because no server ran when it began.
const STORE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Between two looks whether it has ended.
const STORE_PAUSE: Duration = Duration::from_millis(20);

async fn open_store(settings: &Settings) -> Result<Store, OpenError> {
    let end = Instant::now() + STORE_WAIT_MAX;
    loop {
        match Store::open(&settings.data_dir, settings.store.clone()) {
            Err(OpenError::InUse(_)) if Instant::now() < end => tokio::time::sleep(STORE_PAUSE).await,
            opened => return opened,
        }
    }
}

/// Follows the files of certificates until the set is dropped.
fn watch(certificates: &Certificates) -> JoinSet<()> {
    certificates.stores().into_iter().map(CertStore::watch).collect()
}

fn resolver(settings: &Settings) -> anyhow::Result<Resolver> {
    if settings.dns_servers.is_empty() {
        return Resolver::system(settings.dns.clone()).context("dns");
    }
    Ok(Resolver::with_servers(settings.dns_servers.clone(), settings.dns.clone()))
}

#[cfg(test)]
mod tests;
