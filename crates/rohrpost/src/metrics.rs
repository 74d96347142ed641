//! `GET /metrics` in the text format of Prometheus, on a loopback port.
//!
//! The figures are read when they are asked for; nothing here counts. The answering end is as much HTTP/1.1 as one page
//! needs: one request a connection, everything else is 404.

use std::{fmt, net::TcpListener, sync::Arc, time::Duration};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Registry,
};
use rohrpost_delivery::{Delivery, DeliveryStats};
use rohrpost_queue::Queue;
use rohrpost_server::stats::{ByWord, Stats};
use rohrpost_store::{Health, Store};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
    time::timeout,
};

/// Octets of a request that are looked at.
const REQUEST_BYTES_MAX: usize = 8 << 10;
/// How long a whole request may take: scrapers are on this host.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(10);
/// Requests at once.
const REQUESTS_MAX: usize = 8;

/// Where the figures come from.
#[derive(Clone)]
pub(crate) struct Figures {
    /// What the listeners counted.
    pub(crate) stats: Arc<Stats>,
    /// What waits in memory.
    pub(crate) queue: Queue,
    /// What became of it.
    pub(crate) delivery: Delivery,
    /// What is on disk.
    pub(crate) store: Store,
}

impl fmt::Debug for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Figures").finish_non_exhaustive()
    }
}

impl Figures {
    /// The page.
    pub(crate) fn page(&self) -> String {
        let mut registry = Registry::with_prefix("rohrpost");
        registry.register_collector(Box::new(self.clone()));
        let mut page = String::new();
        text::encode(&mut page, &registry).expect("writing into a string cannot fail");
        page
    }
}

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let mut page = Page(encoder);
        page.listeners(&self.stats)?;
        page.queue(&self.queue)?;
        page.delivery(self.delivery.stats())?;
        page.routes(&self.delivery)?;
        page.store(&self.store)
    }
}

/// Writes one figure after the other.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn listeners(&mut self, stats: &Stats) -> fmt::Result {
        self.counter("connections", "Connections that came in", stats.connections.get())?;
        self.gauge("sessions", "Sessions that are open", stats.open())?;
        self.words("sessions_closed", "Sessions that ended, by cause", "cause", &stats.closes)?;
        self.counter("accept_pauses", "Pauses of an accept loop for want of descriptors", stats.accept_pauses.get())?;
        self.counter("tls_handshakes", "TLS handshakes that came in and succeeded", stats.tls_handshakes.get())?;
        self.words("tls_failures", "TLS handshakes that came in and failed", "reason", &stats.tls_failures)?;
        self.counter("logins", "Log-ins that were right", stats.logins.get())?;
        self.counter("login_failures", "Log-ins that were wrong", stats.login_failures.get())?;
        self.counter("logins_locked", "Log-ins refused after too many wrong ones", stats.logins_locked.get())?;
        self.counter("messages_received", "Messages stored", stats.messages.get())?;
        self.counter("octets_received", "Octets of messages stored", stats.octets.get())?;
        self.counter("recipients_received", "Recipients of messages stored", stats.recipients.get())?;
        self.words("refusals", "What was refused, by cause", "cause", &stats.refusals)
    }

    fn queue(&mut self, queue: &Queue) -> fmt::Result {
        let stats = queue.stats();
        self.gauge("queue_window", "Recipients in memory that wait for their turn", stats.window as u64)?;
        self.gauge("queue_at_work", "Recipients being delivered", stats.leased as u64)?;
        self.gauge("queue_sites", "Destinations with a gate", stats.gates as u64)?;
        self.gauge("queue_sites_closed", "Destinations that cannot be reached now", stats.closed as u64)
    }

    fn delivery(&mut self, stats: DeliveryStats) -> fmt::Result {
        self.counter("recipients_relayed", "Recipients whose message the next server took", stats.relayed)?;
        self.counter("recipients_filed", "Recipients whose message lies in a mailbox here", stats.filed)?;
        self.counter("recipients_deferred", "Attempts that are to be repeated", stats.deferred)?;
        self.counter("recipients_failed", "Recipients that failed or expired", stats.failed)?;
        let seals = [("verified", stats.verified), ("encrypted", stats.encrypted), ("cleartext", stats.cleartext)];
        self.family("seals", "Relayed recipients, by how well the hop was sealed", "seal", seals)
    }

    fn routes(&mut self, delivery: &Delivery) -> fmt::Result {
        let hosts = delivery.routes().into_iter().flat_map(|route| route.hosts);
        let down = hosts.filter(|host| host.down.is_some()).count();
        self.gauge("route_hosts_down", "Hosts of routes that are passed over now", down as u64)
    }

    fn store(&mut self, store: &Store) -> fmt::Result {
        let stats = store.stats();
        let fine = u64::from(store.health() == Health::Fine);
        self.gauge("store_fine", "1 while the store takes mail", fine)?;
        self.counter("store_commits", "Requests made durable", stats.commits)?;
        self.counter("store_transactions", "Transactions that made them so", stats.transactions)?;
        self.counter("recipients_settled", "Results of deliveries made durable", stats.settled)?;
        self.gauge("store_wal_bytes", "Octets in the write-ahead log", stats.wal_bytes)?;
        self.gauge("store_free_bytes", "Octets free on the disk of the store", stats.free_bytes)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        gauge.encode(self.0.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    fn words(&mut self, name: &str, help: &str, label: &'static str, counts: &ByWord) -> fmt::Result {
        self.family(name, help, label, counts.all())
    }

    fn family(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        counts: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let kind = ConstCounter::new(0_u64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (word, count) in counts {
            ConstCounter::new(count).encode(family.encode_family(&[(label, word)])?)?;
        }
        Ok(())
    }
}

/// Answers requests until the process ends.
pub(crate) async fn serve(listener: TcpListener, figures: Figures) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let places = Arc::new(Semaphore::new(REQUESTS_MAX));
    loop {
        let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(REQUEST_TIME_MAX).await;
            continue;
        };
        let figures = figures.clone();
        tokio::spawn(async move {
            let _place = place;
            // A scraper that goes away or dawdles is its own problem.
            let _ = timeout(REQUEST_TIME_MAX, answer(stream, &figures)).await;
        });
    }
}

async fn answer(mut stream: TcpStream, figures: &Figures) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        if stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let wanted = request.starts_with(b"GET /metrics ") || request.starts_with(b"GET /metrics?");
    let (status, page) = if wanted { ("200 OK", figures.page()) } else { ("404 Not Found", String::new()) };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        page.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}
