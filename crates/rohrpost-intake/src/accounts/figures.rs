//! What is counted of failed log-ins until the operator is told. Nothing of the passwords that were tried is kept.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use crate::{
    bounded::Bounded,
    limits::{ACCOUNTS_NAMED_MAX, NETWORKS_COUNTED_MAX, NETWORKS_NAMED_MAX},
    networks::{self, Network},
};

/// The counts since the last notice.
#[derive(Debug)]
pub(crate) struct Figures {
    counts: Mutex<Counts>,
    /// Held while somebody is told, so that nobody is told twice.
    pub(crate) telling: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Counts {
    summary: Summary,
    networks: Bounded<Network, u64>,
    /// Whether a notice is on its way already.
    is_gathering: bool,
}

/// What the notice says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Summary {
    /// The time of the last notice, or of the start.
    pub(crate) since: Timestamp,
    /// Log-ins with a wrong name or password.
    pub(crate) failed: u64,
    /// Those that were not tried, as the door was closed.
    pub(crate) turned_away: u64,
    /// Accounts that were locked, and how often; the first [`ACCOUNTS_NAMED_MAX`].
    pub(crate) accounts: BTreeMap<String, u64>,
    /// Locks of further accounts.
    pub(crate) locks_unnamed: u64,
    /// The networks that most of all this came from, the worst first.
    pub(crate) networks: Vec<(Network, u64)>,
}

impl Figures {
    pub(super) fn new(since: Timestamp) -> Self {
        let summary = Summary { since, ..Summary::default() };
        let counts = Counts { summary, networks: Bounded::new(NETWORKS_COUNTED_MAX), is_gathering: false };
        Self { counts: Mutex::new(counts), telling: tokio::sync::Mutex::default() }
    }

    pub(super) fn count_failed(&self, address: Option<IpAddr>) {
        let mut counts = self.counts();
        counts.summary.failed = counts.summary.failed.saturating_add(1);
        counts.count(address);
    }

    pub(super) fn count_turned_away(&self, address: Option<IpAddr>) {
        let mut counts = self.counts();
        counts.summary.turned_away = counts.summary.turned_away.saturating_add(1);
        counts.count(address);
    }

    /// An account was locked.
    pub(crate) fn count_lock(&self, login: &str) {
        let summary = &mut self.counts().summary;
        if let Some(locks) = summary.accounts.get_mut(login) {
            *locks = locks.saturating_add(1);
        } else if summary.accounts.len() < ACCOUNTS_NAMED_MAX {
            summary.accounts.insert(login.to_owned(), 1);
        } else {
            summary.locks_unnamed = summary.locks_unnamed.saturating_add(1);
        }
    }

    /// Whether nobody gathers for a notice yet. From now on the caller does, until it [takes](Self::take).
    pub(crate) fn begin(&self) -> bool {
        !std::mem::replace(&mut self.counts().is_gathering, true)
    }

    /// Ends what [`Self::begin`] began, and begins to count anew.
    pub(crate) fn take(&self, now: Timestamp) -> Summary {
        let mut counts = self.counts();
        counts.is_gathering = false;
        let mut networks: Vec<_> = counts.networks.iter().map(|(network, count)| (*network, *count)).collect();
        networks.sort_unstable_by_key(|(network, count)| (Reverse(*count), *network));
        networks.truncate(NETWORKS_NAMED_MAX);
        counts.networks.clear();
        let summary = std::mem::replace(&mut counts.summary, Summary { since: now, ..Summary::default() });
        Summary { networks, ..summary }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn count(&mut self, address: Option<IpAddr>) {
        let Some(address) = address else { return };
        let count = self.networks.entry(&networks::wide(address), || 0);
        *count = count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_the_worst_networks_and_the_first_accounts_however_many_there_are() {
        let figures = Figures::new(Timestamp::UNIX_EPOCH);
        for network in 0..20_u8 {
            for _ in 0..=network {
                figures.count_failed(Some(IpAddr::from([10, 0, network, 1])));
            }
        }
        figures.count_turned_away(Some(IpAddr::from([10, 0, 19, 77])));
        for n in 0..ACCOUNTS_NAMED_MAX + 3 {
            figures.count_lock(&format!("user{n}"));
        }
        figures.count_lock("user0");
        let later = Timestamp::from_second(9).unwrap();
        let summary = figures.take(later);
        assert_eq!((summary.since, summary.failed, summary.turned_away), (Timestamp::UNIX_EPOCH, 210, 1));
        assert_eq!((summary.accounts.len(), summary.accounts["user0"], summary.locks_unnamed), (50, 2, 3));
        let networks: Vec<_> = summary.networks.iter().map(|(network, count)| (network.to_string(), *count)).collect();
        assert_eq!(networks.len(), NETWORKS_NAMED_MAX);
        assert_eq!(networks[..2], [("10.0.19.0/24".to_owned(), 21), ("10.0.18.0/24".to_owned(), 19)]);
        assert_eq!(figures.take(later), Summary { since: later, ..Summary::default() });
    }

    #[test]
    fn one_gathers_at_a_time() {
        let figures = Figures::new(Timestamp::UNIX_EPOCH);
        assert!(figures.begin());
        assert!(!figures.begin());
        figures.take(Timestamp::UNIX_EPOCH);
        assert!(figures.begin());
    }
}
