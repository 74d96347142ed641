//! Who has which address: local mailboxes and aliases, relay domains, postmaster and abuse.
//!
//! Answers are remembered until the store's directory changes, so that a burst of mail to one mailbox reads it once.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use jiff::Timestamp;
use rohrpost_mail::{Domain, Host, LocalPart, Mailbox};
use rohrpost_queue::{
    Router,
    srs::{self, Rewriter},
};
use rohrpost_store::{Alias, LocalDomain, Resolved, Store, StoreError};

use crate::{
    bounded::Bounded,
    callout::{Callouts, Known},
    limits::{ALIAS_QUOTAS_MAX, RECIPIENTS_CACHED_MAX},
    refusal::Refusal,
    settings::{RecipientSource, RelayDomain, Settings},
};

/// Where mail for an address goes from here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    /// Into a mailbox or alias of ours.
    Local,
    /// To postmaster or abuse of one of our domains or of the server itself, which always resolve; the address that gets it.
    Postmaster(Mailbox),
    /// To the next hop of a relay domain.
    Relay,
    /// To somebody else's server.
    Elsewhere,
}

/// What is remembered of a local address.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Found {
    Mailbox,
    /// Mailboxes of accounts, by their logins, each of which may hold so much only. An alias may lead to several.
    Limited(Arc<[String]>),
    /// It is suspended: the account, the alias or the whole domain.
    Disabled,
    Nobody,
}

pub(crate) struct Directory {
    store: Store,
    router: Arc<Router>,
    srs: Option<Rewriter>,
    callouts: Callouts,
    cache: Mutex<Cache>,
}

struct Cache {
    /// The store's version that the rest was read at; none before the first look.
    version: Option<u64>,
    /// Local domains that are suspended.
    suspended: HashSet<Domain>,
    found: Bounded<String, Found>,
}

impl Directory {
    pub(crate) fn new(store: Store, router: Arc<Router>, srs: Option<Rewriter>, callouts: Callouts) -> Self {
        let cache = Cache { version: None, suspended: HashSet::new(), found: Bounded::new(RECIPIENTS_CACHED_MAX) };
        Self { store, router, srs, callouts, cache: Mutex::new(cache) }
    }

    /// Brings the router's local domains up to date with the store, when it has changed.
    pub(crate) async fn refresh(&self, settings: &Settings) -> Result<(), StoreError> {
        let version = self.store.directory_version();
        if self.cache().version == Some(version) {
            return Ok(());
        }
        Box::pin(self.read_domains(settings, version)).await
    }

    async fn read_domains(&self, settings: &Settings, version: u64) -> Result<(), StoreError> {
        let stored = self.store.domain_list().await?;
        let named = |domain: &LocalDomain| Domain::parse(&domain.name).ok();
        let suspended = stored.iter().filter(|domain| domain.disabled).filter_map(named).collect();
        let stored = stored.iter().filter_map(named);
        let local: HashSet<Domain> = settings.local_domains.iter().cloned().chain(stored).collect();
        self.router.set_local(local);
        let mut cache = self.cache();
        cache.suspended = suspended;
        cache.found.clear();
        cache.version = Some(version);
        Ok(())
    }

    /// The settings have changed: everything is looked up anew.
    pub(crate) fn forget(&self) {
        self.cache().version = None;
    }

    pub(crate) fn is_local(&self, host: &Host) -> bool {
        self.router.is_local(host)
    }

    /// Finds the place of an address for a message of so many octets, or says why there is none. Whether the peer may send
    /// there is not asked here.
    pub(crate) async fn place(
        &self,
        settings: &Settings,
        relays: &HashMap<Domain, RelayDomain>,
        address: &Mailbox,
        octets: u64,
        now: (Instant, Timestamp),
    ) -> Result<Place, Refusal> {
        if self.router.is_local(&address.domain) {
            return self.local(settings, address, octets, now.1).await;
        }
        if is_hosts_own(settings, address) && *address != settings.postmaster {
            return Ok(Place::Postmaster(settings.postmaster.clone()));
        }
        let relay = address.domain.name().and_then(|name| relays.get(name));
        let Some(relay) = relay else { return Ok(Place::Elsewhere) };
        let known = match relay.recipients {
            RecipientSource::Any => Known::Yes,
            RecipientSource::List if relay.list.iter().any(|listed| listed.key() == address.key()) => Known::Yes,
            RecipientSource::List => Known::No,
            RecipientSource::Callout => Box::pin(self.callouts.ask(relay, address, now.0)).await,
        };
        match known {
            Known::Yes => Ok(Place::Relay),
            _ if is_role(address) => Ok(Place::Postmaster(settings.postmaster.clone())),
            Known::No => Err(Refusal::NoMailbox),
            Known::Undecided => Err(Refusal::CalloutUndecided),
        }
    }

    async fn local(
        &self,
        settings: &Settings,
        address: &Mailbox,
        octets: u64,
        wall: Timestamp,
    ) -> Result<Place, Refusal> {
        match self.find(settings, address).await? {
            Found::Limited(logins) if !is_role(address) => self.limited(&logins, octets).await,
            Found::Mailbox | Found::Limited(_) => Ok(Place::Local),
            _ if (is_role(address) || is_hosts_own(settings, address)) && *address != settings.postmaster => {
                Ok(Place::Postmaster(settings.postmaster.clone()))
            }
            // A bounce may come home for as long as it takes: it goes on to who sent the mail.
            _ if self.is_our_rewritten(address, wall) => Ok(Place::Local),
            Found::Disabled => Err(Refusal::Disabled),
            Found::Nobody => Err(Refusal::NoMailbox),
        }
    }

    /// Whether one of the mailboxes has room. Asked anew for every recipient: mail comes and goes. RFC 1870 §6.1: 552 where
    /// the message will never fit, so that its sender hears at once.
    async fn limited(&self, logins: &[String], octets: u64) -> Result<Place, Refusal> {
        let mut refusal = Refusal::LargerThanMailbox;
        for login in logins {
            let quota = self.store.mailbox_quota(login).await?;
            if quota.has_room(octets) {
                return Ok(Place::Local);
            }
            if !quota.is_too_small_for(octets) {
                refusal = Refusal::MailboxFull;
            }
        }
        Err(refusal)
    }

    /// A bounce to a reverse path that we rewrote comes home; a forged one is nobody's.
    fn is_our_rewritten(&self, address: &Mailbox, wall: Timestamp) -> bool {
        srs::looks_rewritten(address) && self.srs.as_ref().is_some_and(|srs| srs.original(address, wall).is_ok())
    }

    async fn find(&self, settings: &Settings, address: &Mailbox) -> Result<Found, StoreError> {
        let key = address.key();
        if let Some(found) = self.cache().found.get_mut(&key).cloned() {
            return Ok(found);
        }
        let version = self.store.directory_version();
        let found = Box::pin(self.look_up(settings, address)).await?;
        let mut cache = self.cache();
        if cache.version == Some(version) {
            cache.found.insert(key, found.clone());
        }
        Ok(found)
    }

    /// Exact address first, then without its detail; the domain's catch-all comes last.
    async fn look_up(&self, settings: &Settings, address: &Mailbox) -> Result<Found, StoreError> {
        if address.domain.name().is_some_and(|domain| self.cache().suspended.contains(domain)) {
            return Ok(Found::Disabled);
        }
        let exact = self.store.resolve(address).await?;
        let resolved = match (exact, settings.subaddress.and_then(|mark| without_detail(address, mark))) {
            (Resolved::Nobody | Resolved::CatchAll(_), Some(base)) => match self.store.resolve(&base).await? {
                Resolved::Nobody => self.store.resolve(address).await?,
                found => found,
            },
            (exact, _) => exact,
        };
        Ok(match resolved {
            Resolved::Account { account, .. } if account.disabled => Found::Disabled,
            Resolved::Alias(alias) | Resolved::CatchAll(alias) if alias.disabled => Found::Disabled,
            Resolved::Account { account, octets_max: Some(_) } => Found::Limited([account.login].into()),
            Resolved::Account { .. } => Found::Mailbox,
            Resolved::Alias(alias) | Resolved::CatchAll(alias) => self.members(&alias).await?,
            Resolved::Nobody => Found::Nobody,
        })
    }

    /// An alias is full where all accounts are that it leads to. One that leads on or elsewhere always has room.
    async fn members(&self, alias: &Alias) -> Result<Found, StoreError> {
        let mut logins = Vec::new();
        for target in &alias.targets {
            match self.store.resolve(target).await? {
                Resolved::Account { account, octets_max: Some(_) } if logins.len() < ALIAS_QUOTAS_MAX => {
                    logins.push(account.login);
                }
                _ => return Ok(Found::Mailbox),
            }
        }
        Ok(if logins.is_empty() { Found::Mailbox } else { Found::Limited(logins.into()) })
    }

    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `ann+shop@here.test` → `ann@here.test`; nothing where there is no detail.
pub(crate) fn without_detail(address: &Mailbox, mark: char) -> Option<Mailbox> {
    let (base, _) = address.local.as_str().split_once(mark)?;
    Some(Mailbox { local: LocalPart::new(base).ok()?, domain: address.domain.clone() })
}

/// postmaster and abuse, in any case: RFC 5321 §4.5.1, RFC 2142.
pub(crate) fn is_role(address: &Mailbox) -> bool {
    ["postmaster", "abuse"].iter().any(|role| address.local.as_str().eq_ignore_ascii_case(role))
}

/// The addresses of the server itself, whether or not its name is a mail domain: the roles, and the author of its bounces.
fn is_hosts_own(settings: &Settings, address: &Mailbox) -> bool {
    let is_daemon = || address.local.as_str().eq_ignore_ascii_case("mailer-daemon");
    address.domain.name() == Some(&settings.host_name) && (is_role(address) || is_daemon())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_cut_and_a_role_is_known_in_any_case() {
        let base = |text: &str| without_detail(&text.parse().unwrap(), '+').map(|base| base.to_string());
        assert_eq!(base("ann+shop+x@here.test").as_deref(), Some("ann@here.test"));
        assert_eq!(base("ann@here.test"), None);
        assert_eq!(base("+shop@here.test"), None);
        assert!(is_role(&"PostMaster@here.test".parse().unwrap()));
        assert!(is_role(&"abuse@here.test".parse().unwrap()));
        assert!(!is_role(&"postmaster2@here.test".parse().unwrap()));
    }
}
