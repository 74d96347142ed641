//! How the hosts of routes fare: which of them are passed over, since when and why, and who may try them again.
//!
//! ```text
//!               it could not be used
//!        ┌────┐ ────────────────────▶ ┌──────┐ ◀────────────┐
//!   ───▶ │ up │                       │ down │              │ it could not: twice as long,
//!        └────┘ ◀────────┐            └──────┘              │ 15 min at most
//!                        │               │ `probe_after` is over
//!                        │         ┌───────────┐            │
//!                        └──────── │ one probe │ ───────────┘
//!                          it could└───────────┘
//! ```
//!
//! A host is up again as soon as any message gets through. In memory only: after a restart each host is tried anew. The
//! time comes in as an argument. What a server says to a message is not looked at here; that is the verdict's.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::Link;
use rohrpost_queue::{Now, Pace};
use tokio::sync::Notify;

use crate::{
    limits::{PROBE_AFTER_MAX, REASON_CHARS_MAX},
    settings::{Route, RouteHost, Settings},
    verdict::{Judgement, Verdict},
};

/// What is known of a route's hosts.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteState {
    /// The name of the route.
    pub name: String,
    /// Its hosts in the order of the settings.
    pub hosts: Vec<HostState>,
}

/// What is known of one host of a route, since the start of the server.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostState {
    /// The host as the settings name it.
    pub place: String,
    /// Why it is passed over, if it is.
    pub down: Option<Down>,
    /// When it last took a message.
    pub last_success: Option<Timestamp>,
    /// Messages that it took for at least one recipient.
    pub sent: u64,
    /// Messages that it did not take for now. What it refused for good is no failure of the host.
    pub failed: u64,
    /// How the last link to it was sealed.
    pub link: Option<Link>,
}

/// A host that is passed over.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Down {
    /// Since when.
    pub since: Timestamp,
    /// What happened when it was last tried.
    pub why: String,
    /// When one message tries it again.
    pub next_probe: Timestamp,
}

/// How a host fared with a message.
#[derive(Clone, Debug)]
pub(crate) enum Fared {
    /// It was not asked after all.
    Untried,
    /// It was spoken to: whether it took the message for anybody or left somebody for later, and how the link was sealed.
    Answered { took: bool, failed: bool, link: Link },
    /// It cannot be used: no connection, no TLS, no log-in, no greeting.
    Unusable(String),
}

impl Fared {
    /// It was spoken to, and said this.
    pub(crate) fn answered(verdicts: &[Verdict], link: Link) -> Self {
        let took = verdicts.iter().any(|verdict| verdict.judgement == Judgement::Sent);
        let failed = verdicts.iter().any(|verdict| !matches!(verdict.judgement, Judgement::Sent | Judgement::Refused));
        Self::Answered { took, failed: failed && !took, link }
    }
}

/// What a turn has changed about a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Turned {
    /// It is passed over from now on.
    Down,
    /// It is used again.
    Up,
}

/// Why an attempt may not use a host now.
#[derive(Clone, Debug)]
pub(crate) enum Refusal {
    /// It failed before.
    Down(Down),
    /// It is at its limits, until this instant or until a message is done.
    Busy(Option<Instant>),
}

/// All of them, by route, place and account.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    states: Mutex<HashMap<Key, State>>,
    /// A message is done with a host, or the operator wants a probe.
    pub(crate) changed: Notify,
}

type Key = (String, String, Option<String>);

#[derive(Debug, Default)]
struct State {
    failing: Option<Failing>,
    /// Messages on their way to it.
    running: u32,
    pace: Pace,
    last_success: Option<Timestamp>,
    sent: u64,
    failed: u64,
    link: Option<Link>,
}

#[derive(Debug)]
struct Failing {
    since: Timestamp,
    why: String,
    /// How long it is passed over this time.
    rest: Duration,
    next_probe: Instant,
    is_probed: bool,
}

impl Failing {
    fn down(&self, now: Now) -> Down {
        let wait = SignedDuration::try_from(self.next_probe.saturating_duration_since(now.steady));
        let next_probe = now.wall.saturating_add(wait.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX);
        Down { since: self.since, why: self.why.clone(), next_probe }
    }
}

impl Hosts {
    /// Whether an attempt may use a host now; it is its turn then.
    pub(crate) fn admit(&self, route: &Route, host: &RouteHost, now: Now) -> Result<Turn<'_>, Refusal> {
        let mut states = self.lock();
        let state = states.entry(key(route, host)).or_default();
        if let Some(failing) = &state.failing
            && (failing.is_probed || now.steady < failing.next_probe)
        {
            return Err(Refusal::Down(failing.down(now)));
        }
        if host.limits.concurrency.is_some_and(|max| state.running >= max) {
            return Err(Refusal::Busy(None));
        }
        if let Some(rate) = host.limits.rate {
            let free_at = state.pace.free_at(rate, now.steady);
            if free_at > now.steady {
                return Err(Refusal::Busy(Some(free_at)));
            }
        }
        Ok(self.begin(state, route, host, now))
    }

    /// The turn of a host whatever its state: when all are down, one must be asked all the same.
    pub(crate) fn insist(&self, route: &Route, host: &RouteHost, now: Now) -> Turn<'_> {
        let mut states = self.lock();
        self.begin(states.entry(key(route, host)).or_default(), route, host, now)
    }

    fn begin(&self, state: &mut State, route: &Route, host: &RouteHost, now: Now) -> Turn<'_> {
        state.running += 1;
        if let Some(rate) = host.limits.rate {
            state.pace.count(rate.interval(), now.steady);
        }
        let probe = state.failing.as_mut().filter(|failing| !failing.is_probed && failing.next_probe <= now.steady);
        let is_probe = probe.map(|failing| failing.is_probed = true).is_some();
        Turn { hosts: self, key: key(route, host), probe_after: route.probe_after, is_probe }
    }

    /// Since when a host has been down.
    pub(crate) fn down_since(&self, route: &Route, host: &RouteHost) -> Option<Timestamp> {
        Some(self.lock().get(&key(route, host))?.failing.as_ref()?.since)
    }

    /// Lets one message try each host of a route at once that is down.
    pub(crate) fn probe(&self, route: &str, now: Now) {
        let mut states = self.lock();
        for (_, state) in states.iter_mut().filter(|((name, ..), _)| name == route) {
            if let Some(failing) = &mut state.failing {
                failing.next_probe = now.steady;
            }
        }
        drop(states);
        self.changed.notify_waiters();
    }

    /// Forgets hosts that the settings do not name any more.
    pub(crate) fn keep(&self, settings: &Settings) {
        let keys: HashSet<Key> =
            all(settings).flat_map(|route| route.hosts.iter().map(|host| key(route, host))).collect();
        self.lock().retain(|key, _| keys.contains(key));
    }

    /// What is known of every host that the settings name.
    pub(crate) fn report(&self, settings: &Settings, now: Now) -> Vec<RouteState> {
        let states = self.lock();
        let host = |route: &Route, host: &RouteHost| {
            let place = host.place.to_string();
            let Some(state) = states.get(&key(route, host)) else { return HostState { place, ..HostState::default() } };
            HostState {
                place,
                down: state.failing.as_ref().map(|failing| failing.down(now)),
                last_success: state.last_success,
                sent: state.sent,
                failed: state.failed,
                link: state.link.clone(),
            }
        };
        let route = |route: &Route| RouteState {
            name: route.name.clone(),
            hosts: route.hosts.iter().map(|one| host(route, one)).collect(),
        };
        all(settings).map(route).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn all(settings: &Settings) -> impl Iterator<Item = &Route> {
    settings.routes.iter().chain(&settings.relay_to)
}

fn key(route: &Route, host: &RouteHost) -> Key {
    (route.name.clone(), host.place.to_string(), host.login.as_ref().map(|login| login.user.clone()))
}

/// One message's turn at one host. Dropped without a word, it was no try.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    hosts: &'a Hosts,
    key: Key,
    probe_after: Duration,
    is_probe: bool,
}

impl Turn<'_> {
    /// Ends the turn. Says what it has changed.
    pub(crate) fn end(self, fared: Fared, now: Now) -> Option<Turned> {
        let mut states = self.hosts.lock();
        let state = states.get_mut(&self.key)?;
        match fared {
            Fared::Untried => None,
            Fared::Answered { took, failed, link } => {
                state.link = Some(link);
                if took {
                    state.last_success = Some(now.wall);
                }
                state.sent += u64::from(took);
                state.failed += u64::from(failed);
                state.failing.take().map(|_| Turned::Up)
            }
            Fared::Unusable(why) => {
                state.failed += 1;
                self.fail(state, why.chars().take(REASON_CHARS_MAX).collect(), now)
            }
        }
    }

    /// Many messages may find out at the same time that a host is down: only the first, and then each probe, decides how
    /// long it is left alone.
    fn fail(&self, state: &mut State, why: String, now: Now) -> Option<Turned> {
        let after = |rest: Duration| (rest, now.steady + rest);
        let Some(failing) = &mut state.failing else {
            let (rest, next_probe) = after(self.probe_after);
            state.failing = Some(Failing { since: now.wall, why, rest, next_probe, is_probed: false });
            return Some(Turned::Down);
        };
        failing.why = why;
        if self.is_probe {
            (failing.rest, failing.next_probe) = after((failing.rest * 2).min(PROBE_AFTER_MAX.max(self.probe_after)));
        }
        None
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut states = self.hosts.lock();
        if let Some(state) = states.get_mut(&self.key) {
            state.running = state.running.saturating_sub(1);
            if let Some(failing) = state.failing.as_mut().filter(|_| self.is_probe) {
                failing.is_probed = false;
            }
        }
        drop(states);
        self.hosts.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
