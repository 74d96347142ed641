//! The handle that all sessions share.

use std::{
    collections::HashMap,
    fmt,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rohrpost_dns::{AddressName, Resolver};
use rohrpost_mail::{Domain, Envelope, Mailbox, Secret};
use rohrpost_queue::{Origin, Queue, Router, srs::Rewriter};
use rohrpost_store::{Account, Health, Store, StoreError};

use crate::{
    accounts::{Accounts, LogIn, ScramAnswer, figures::Figures},
    aliases_file::AliasesFile,
    author::Authors,
    bounded::Bounded,
    callout::{Callout, Callouts},
    directory::Directory,
    limits::{NULL_PATH_PER_HOUR, PEERS_MAX, QUOTAS_MAX},
    names,
    networks::{self, Network},
    notices,
    peer::Peer,
    peers::Peers,
    quota::{Limit, Quotas, Reservation, Usage},
    refusal::Refusal,
    settings::{AccountLimits, PeerLimits, RelayDomain, Settings},
    transaction::{Transaction, held::Budget},
    window::Window,
};

const HOUR: Duration = Duration::from_hours(1);

/// What the intake works with.
pub struct Parts {
    /// Where messages go and accounts are.
    pub store: Store,
    /// Who is told of new messages.
    pub queue: Queue,
    /// The table of ways, shared with delivery. The intake keeps its local domains up to date with settings and store.
    pub router: Arc<Router>,
    /// Who answers questions about senders' domains.
    pub resolver: Resolver,
    /// Who asks the next hops of relay domains; without it they are undecided.
    pub callout: Option<Arc<dyn Callout>>,
    /// Knows the reverse paths that we rewrote, so that their bounces come home.
    pub srs: Option<Rewriter>,
}

/// The one way in. Clones share everything.
#[derive(Clone)]
pub struct Intake(Arc<Inner>);

/// See [`Intake::downgrade`].
pub(crate) struct WeakIntake(Weak<Inner>);

impl WeakIntake {
    /// The intake, while anybody else has it.
    pub(crate) fn upgrade(&self) -> Option<Intake> {
        self.0.upgrade().map(Intake)
    }
}

struct Inner {
    store: Store,
    queue: Queue,
    router: Arc<Router>,
    resolver: Resolver,
    config: RwLock<Arc<Config>>,
    directory: Directory,
    accounts: Accounts,
    peers: Peers,
    quotas: Quotas,
    start: Instant,
    null_paths: Mutex<Bounded<String, Window>>,
    trusted: Mutex<Bounded<Network, Window>>,
    held: Budget,
}

/// The settings, with what follows from them.
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) relays: HashMap<Domain, RelayDomain>,
    pub(crate) aliases: Option<AliasesFile>,
}

impl Config {
    fn new(settings: Settings) -> Arc<Self> {
        let relays = settings.relay_domains.iter().map(|relay| (relay.domain.clone(), relay.clone())).collect();
        let aliases = settings.aliases.clone().map(AliasesFile::new);
        Arc::new(Self { settings, relays, aliases })
    }
}

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Intake")
    }
}

impl Intake {
    /// Puts the parts together. Nothing is read yet.
    pub fn new(parts: Parts, settings: Settings) -> Self {
        let Parts { store, queue, router, resolver, callout, srs } = parts;
        let start = Instant::now();
        let directory = Directory::new(store.clone(), router.clone(), srs, Callouts::new(callout, start));
        Self(Arc::new(Inner {
            store,
            queue,
            router,
            resolver,
            config: RwLock::new(Config::new(settings)),
            directory,
            accounts: Accounts::new(start),
            peers: Peers::new(start),
            quotas: Quotas::new(),
            start,
            null_paths: Mutex::new(Bounded::new(QUOTAS_MAX)),
            trusted: Mutex::new(Bounded::new(PEERS_MAX)),
            held: Budget::default(),
        }))
    }

    /// Puts other settings in place. Transactions that have begun may see both.
    pub fn reload(&self, settings: Settings) {
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = Config::new(settings);
        self.0.directory.forget();
    }

    /// Brings the router's local domains up to date with settings and store: once at the start, for delivery; each MAIL
    /// does it too.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.directory().refresh(&self.config().settings).await
    }

    /// The messages an hour that a trusted address may send (0: without limit); nothing for strangers.
    pub fn trusted(&self, address: IpAddr) -> Option<u32> {
        let (address, config) = (address.to_canonical(), self.config());
        let network = config.settings.trusted_networks.iter().find(|trusted| trusted.network.contains(&address));
        network.map(|trusted| trusted.messages_per_hour)
    }

    /// Whether a login is one of those that are taken inside TLS only.
    pub fn log_in_needs_tls(&self, user: &str) -> bool {
        let domain = user.rsplit_once('@').and_then(|(_, domain)| domain.parse().ok());
        domain.is_some_and(|domain: Domain| self.config().settings.tls_domains.contains(&domain))
    }

    /// Connections and rates of all peers.
    pub fn peers(&self) -> &Peers {
        &self.0.peers
    }

    /// The limits for peers of a listener.
    pub fn peer_limits(&self, role: crate::Role) -> PeerLimits {
        let config = self.config();
        match role {
            crate::Role::Submission => config.settings.submission_limits,
            crate::Role::Smtp | crate::Role::Lmtp => config.settings.mx_limits,
            crate::Role::Mailboxes => config.settings.mailbox_limits,
        }
    }

    /// How long the greeting waits for an unknown peer.
    pub fn greeting_delay(&self) -> Duration {
        self.config().settings.greeting_delay
    }

    /// How long replies to suspicious peers trickle, in sum.
    pub fn tarpit(&self) -> Duration {
        self.config().settings.tarpit
    }

    /// The name that a peer's address resolves to and back. Takes at most [`crate::limits::NAME_TIMEOUT`].
    pub async fn name_of(&self, address: IpAddr) -> AddressName {
        names::of_peer(&self.0.resolver, address).await
    }

    /// Whether the store takes mail.
    ///
    /// # Errors
    /// 452 while the disk is nearly full, 421 while the store is down.
    pub fn check_health(&self) -> Result<(), Refusal> {
        match self.0.store.health() {
            Health::Fine => Ok(()),
            Health::LowDisk => Err(StoreError::Full.into()),
            Health::Failed(reason) => Err(StoreError::Failed(reason).into()),
        }
    }

    /// Checks a password of PLAIN or LOGIN; both in the form of RFC 8265.
    pub async fn check_password(&self, user: &str, password: &Secret, address: Option<IpAddr>, now: Instant) -> LogIn {
        let outcome = self.0.accounts.check_password(&self.0.store, user, password, address, now).await;
        if matches!(outcome, LogIn::Wrong) {
            self.count_failed(user, address, Some(password), now);
        }
        outcome
    }

    /// Who may log in under this name. Read from the store once, until accounts change.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn account_for_log_in(&self, user: &str) -> Result<Option<Arc<Account>>, StoreError> {
        self.0.accounts.account(&self.0.store, user).await
    }

    /// Fetches what SCRAM needs.
    pub async fn scram_keys(&self, user: &str, address: Option<IpAddr>, now: Instant) -> ScramAnswer {
        self.0.accounts.scram_keys(&self.0.store, user, address, now).await
    }

    /// SCRAM's proof was right.
    pub async fn scram_proved(&self, user: &str, address: Option<IpAddr>, now: Instant) -> LogIn {
        self.0.accounts.proved(&self.0.store, user, address, now).await
    }

    /// SCRAM's proof was wrong.
    pub fn scram_disproved(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        self.count_failed(user, address, None, now);
    }

    /// Whether a failed log-in from this address has a line in the log: then how many before it had none. Where a flood
    /// comes, that is a few lines a minute for each network.
    pub fn log_in_line(&self, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        self.0.accounts.lines().next(address, now)
    }

    /// Forgets the failed log-ins of an account: its password was changed, or an operator unlocks it.
    pub fn unlock(&self, user: &str) {
        self.0.accounts.unlock(user);
    }

    /// MAIL: begins a transaction.
    ///
    /// # Errors
    /// The peer may not send from there, or there is no room.
    pub async fn mail(&self, peer: &Peer, envelope: Envelope) -> Result<Box<Transaction>, Refusal> {
        Transaction::begin(self.clone(), peer, envelope).await
    }

    fn count_failed(&self, user: &str, address: Option<IpAddr>, password: Option<&Secret>, now: Instant) {
        let locks = self.0.accounts.failed(user, address, password, now);
        if !locks.is_empty() {
            notices::log_ins::locked(self, user, locks);
        }
    }

    /// What is counted of failed log-ins.
    pub(crate) fn log_in_figures(&self) -> &Figures {
        self.0.accounts.figures()
    }

    /// A handle that keeps nothing open, for what waits for long.
    pub(crate) fn downgrade(&self) -> WeakIntake {
        WeakIntake(Arc::downgrade(&self.0))
    }

    pub(crate) fn config(&self) -> Arc<Config> {
        self.0.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The store that everything goes to, and accounts and mailboxes are in.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn queue(&self) -> &Queue {
        &self.0.queue
    }

    pub(crate) fn router(&self) -> &Router {
        &self.0.router
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        &self.0.resolver
    }

    pub(crate) fn held(&self) -> Budget {
        self.0.held.clone()
    }

    pub(crate) fn authors(&self) -> Authors {
        let settings = &self.config().settings;
        Authors::new(self.0.store.clone(), settings.subaddress, settings.users.clone())
    }

    pub(crate) fn directory(&self) -> &Directory {
        &self.0.directory
    }

    /// Whether mail for this address goes to the MX hosts of its domain, so that its domain must have some.
    pub(crate) fn goes_by_mx(&self, address: &Mailbox, origin: Origin<'_>) -> bool {
        self.config().settings.redirect_all_to.is_none() && self.0.router.ways(origin).surely_mx(address)
    }

    /// The limits of an account: those of class `service` and `bulk` have none but their rate.
    pub(crate) fn limits_of(&self, account: &Account) -> AccountLimits {
        let limits = self.config().settings.account_limits;
        if is_throttled(account) {
            AccountLimits { messages_per_hour: 0, recipients_per_day: 0, ..limits }
        } else {
            limits
        }
    }

    /// When the first attempt for a message of this account may be.
    pub(crate) fn release_at(&self, account: &Account, now: Timestamp) -> Timestamp {
        if !is_throttled(account) {
            return now;
        }
        self.0.quotas.release_at(&account.login, self.config().settings.account_limits.service_messages_per_minute, now)
    }

    /// Counts one more recipient against an account.
    pub(crate) async fn count_for(
        &self,
        account: &Account,
        reservation: &mut Option<Reservation>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let login = &account.login;
        if !self.0.quotas.knows(login) {
            let usage = self.remembered_usage(login, now).await?;
            self.0.quotas.learn(login, usage);
        }
        let reservation = reservation.get_or_insert_with(|| self.0.quotas.begin(login));
        reservation.add_recipient(&self.limits_of(account), now).map_err(|over| {
            if over.is_second_today {
                notices::hold_all(self, account, &over);
            }
            Refusal::AccountLimit { account: login.clone(), over }
        })
    }

    async fn remembered_usage(&self, login: &str, now: Timestamp) -> Result<Usage, StoreError> {
        let slots = async |limit: Limit| {
            let since = limit.since(now).as_second().div_euclid(60);
            let slots = self.0.store.counter_slots(&limit.counter(login), since).await?;
            let at = |minute: i64| Timestamp::from_second(minute.saturating_mul(60)).unwrap_or(now);
            let slots = slots.into_iter().map(|(minute, count)| (at(minute), u32::try_from(count).unwrap_or(u32::MAX)));
            Ok::<_, StoreError>(slots.collect::<Vec<_>>())
        };
        Ok(Usage::remembered(&slots(Limit::Messages).await?, &slots(Limit::Recipients).await?))
    }

    /// Counts a recipient, and perhaps a message, against an address that did not log in.
    pub(crate) fn count_peer(&self, peer: &Peer, address: IpAddr, messages: u32, now: Instant) -> Result<(), Refusal> {
        if let Some(max) = peer.trusted {
            let within = count(&self.0.trusted, &networks::narrow(address), (messages, max), self.second(now));
            return if within { Ok(()) } else { Err(Refusal::TrustedRate) };
        }
        if peer.name.is_some() {
            return Ok(());
        }
        let limits = self.peer_limits(peer.role);
        let (messages, recipients) = ((messages, limits.messages_per_hour), (1, limits.recipients_per_hour));
        if self.0.peers.count(address, messages, recipients, now) { Ok(()) } else { Err(Refusal::PeerRate) }
    }

    /// Counts a message with the null path against an account.
    pub(crate) fn count_null_path(&self, login: &str) -> Result<(), Refusal> {
        let second = self.second(Instant::now());
        let within = count(&self.0.null_paths, &login.to_owned(), (1, NULL_PATH_PER_HOUR), second);
        if within { Ok(()) } else { Err(Refusal::NullPathRate) }
    }

    fn second(&self, now: Instant) -> u64 {
        now.duration_since(self.0.start).as_secs()
    }
}

/// Whether an account is delayed at its rate rather than refused at a limit.
fn is_throttled(account: &Account) -> bool {
    matches!(account.class.as_str(), "service" | "bulk")
}

/// Counts against an hourly limit; a limit of 0 is none, and what does not fit is not counted.
fn count<K: Clone + Eq + std::hash::Hash>(
    windows: &Mutex<Bounded<K, Window>>,
    key: &K,
    (count, max): (u32, u32),
    second: u64,
) -> bool {
    if count == 0 || max == 0 {
        return true;
    }
    let mut windows = windows.lock().unwrap_or_else(PoisonError::into_inner);
    let window = windows.entry(key, || Window::new(HOUR));
    let within = window.sum(second).saturating_add(count) <= max;
    if within {
        window.add(second, count);
    }
    within
}

#[cfg(test)]
pub(crate) mod tests;
