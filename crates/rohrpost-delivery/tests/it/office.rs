//! A post office for tests: store, queue and delivery of `here.test`, with a clock that can be moved.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rohrpost_delivery::{Delivery, Place, Route, RouteHost, Settings};
use rohrpost_dns::Resolver;
use rohrpost_mail::{
    DeliveryRecord, Direction, Envelope, Link, Mailbox, Outcome, QueueId, Recipient, ReversePath, TlsMode, Trust,
};
use rohrpost_queue::{Clock, Origin, Queue, RouteRule, Router};
use rohrpost_store::{Account, Body, Filter, Listed, NewMessage, NewRecipient, Options, Page, Store, mailbox::Parts};
use rohrpost_testkit::Dns;
use tempfile::TempDir;
use tokio::sync::broadcast;

pub(crate) const TEXT: &str = "From: ann@here.test\r\nSubject: Hi\r\nMessage-ID: <1@here.test>\r\n\r\nHi\r\n";

pub(crate) struct Office {
    pub(crate) store: Store,
    pub(crate) queue: Queue,
    pub(crate) delivery: Delivery,
    pub(crate) router: Arc<Router>,
    pub(crate) clock: Clock,
    records: broadcast::Receiver<Arc<DeliveryRecord>>,
    _dir: TempDir,
}

pub(crate) fn address(text: &str) -> Mailbox {
    text.parse().unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings::new("mx.here.test".parse().unwrap(), address("ann@here.test"))
}

/// A route to these ports of loopback, in clear, whatever they offer.
pub(crate) fn route(name: &str, ports: &[u16]) -> Route {
    let host = |port: &u16| RouteHost {
        tls: TlsMode::Opportunistic,
        trust: Trust::Any,
        ..RouteHost::new(Place::Host("[127.0.0.1]".parse().unwrap(), *port))
    };
    Route::new(name, ports.iter().map(host).collect())
}

impl Office {
    /// With MX hosts at a port of loopback.
    pub(crate) async fn open(mx_port: u16, settings: Settings) -> Self {
        let dns = Dns::for_domain("there.test").await;
        let resolver = dns.resolver(mx_port);
        // The server ends with its handle; these tests end before it matters.
        std::mem::forget(dns);
        Self::with(resolver, settings, rohrpost_queue::Settings::default()).await
    }

    pub(crate) async fn with(resolver: Resolver, settings: Settings, queue: rohrpost_queue::Settings) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options { free_bytes_min: 0, ..Options::default() }).unwrap();
        let account =
            Account { login: "ann@here.test".into(), addresses: vec![address("ann@here.test")], ..Account::default() };
        store.account_put(account).await.unwrap();
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap();
        let clock = Clock::anchored(now);
        let queue = Queue::start(store.clone(), queue, clock.clone());
        let rules = settings
            .routes
            .iter()
            .map(|route| RouteRule::to(vec![format!("{}.test", route.name).parse().unwrap()], &route.name));
        let router = Arc::new(Router::new(["here.test".parse().unwrap()], rules.collect()));
        let delivery =
            Delivery::start(store.clone(), queue.clone(), resolver, Arc::clone(&router), settings).await.unwrap();
        let records = delivery.subscribe();
        Self { store, queue, delivery, router, clock, records, _dir: dir }
    }

    /// A message from Ann.
    pub(crate) async fn send(&self, recipients: &[&str]) -> QueueId {
        self.submit("ann@here.test", recipients.iter().map(|to| Recipient::new(address(to))).collect(), TEXT).await
    }

    pub(crate) async fn submit(&self, from: &str, recipients: Vec<Recipient>, text: &str) -> QueueId {
        let id = self.store.new_id();
        let now = self.queue.now().wall;
        let envelope = Envelope { reverse_path: from.parse().unwrap(), ..Envelope::default() };
        let new = NewMessage {
            id,
            expires: self.queue.settings().schedule.expires(now, from.is_empty()),
            recipients: self.routed(&envelope.reverse_path, recipients),
            envelope,
            body: Body::from_bytes(text.to_owned()),
            received: received(id, now),
            message_id: None,
            account: None,
            counters: Vec::new(),
        };
        let announced = self.queue.announce(&new);
        self.store.commit(new).await.unwrap();
        announced.arrived();
        id
    }

    fn routed(&self, sender: &ReversePath, recipients: Vec<Recipient>) -> Vec<NewRecipient> {
        let (settings, now) = (self.queue.settings(), self.queue.now().wall);
        let ways = self.router.ways(Origin::of(sender));
        let routed = |recipient: Recipient| {
            let to = ways.to(&recipient.address);
            settings.recipient(recipient, to, now, sender.mailbox().is_none())
        };
        recipients.into_iter().map(routed).collect()
    }

    /// The next record of a message whose outcome is of this kind.
    pub(crate) async fn outcome(&mut self, id: QueueId, wanted: impl Fn(&Outcome) -> bool) -> DeliveryRecord {
        let wait = async {
            loop {
                let record = self.records.recv().await.unwrap();
                if record.message == id && wanted(&record.outcome) {
                    return DeliveryRecord::clone(&record);
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("no such record came")
    }

    pub(crate) async fn deferred(&mut self, id: QueueId) -> DeliveryRecord {
        let now = self.queue.now().wall;
        self.outcome(id, |outcome| matches!(outcome, Outcome::Deferred { until } if *until > now)).await
    }

    /// The next record.
    pub(crate) async fn next(&mut self) -> Arc<DeliveryRecord> {
        tokio::time::timeout(Duration::from_secs(20), self.records.recv()).await.expect("nothing more came").unwrap()
    }

    /// The next message that is filed for Ann, and its text with the fields of its copy.
    pub(crate) async fn filed(&mut self) -> String {
        let wait = async {
            loop {
                let record = self.records.recv().await.unwrap();
                if let Outcome::Filed { mailbox } = &record.outcome {
                    let (account, folder) = mailbox.split_once('/').unwrap();
                    return self.mail(account, folder).await.pop().unwrap();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("nothing was filed")
    }

    /// All mail of a folder.
    pub(crate) async fn mail(&self, account: &str, folder: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let Some(mailbox) = self.store.mailbox(account, folder).await.unwrap() else { return texts };
        let page = self.store.mailbox_fetch(mailbox.id, &[1..=u32::MAX], Parts::NONE, 100).await.unwrap();
        for filed in page.mails {
            let mut text = Vec::new();
            let mut reader = self.store.open_body(&filed.body).await.unwrap();
            while let Some(part) = reader.next().await.unwrap() {
                text.extend_from_slice(&part);
            }
            texts.push(String::from_utf8(text).unwrap());
        }
        texts
    }

    pub(crate) async fn queued(&self) -> Vec<Listed> {
        self.store.queue_list(Filter::default(), Page { after: None, limit: 100 }).await.unwrap()
    }

    /// Moves both clocks.
    pub(crate) async fn pass(&self, time: Duration) {
        tokio::time::pause();
        tokio::time::advance(time).await;
        tokio::time::resume();
    }
}

fn received(id: QueueId, at: Timestamp) -> DeliveryRecord {
    DeliveryRecord {
        protocol: "ESMTPSA".into(),
        octets: TEXT.len() as u64,
        ..DeliveryRecord::new(id, at, Direction::In, "submission", Link::Local, Outcome::Received)
    }
}
