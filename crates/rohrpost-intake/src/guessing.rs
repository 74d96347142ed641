//! Guessed passwords: who may try again, and when.
//!
//! Failures are counted per address, per network and per account. [`FAILURES_MAX`] of them in ten minutes close the
//! door for ten minutes, then twice as long each time, an hour at most. Two rules keep owners in: the same wrong
//! password counts once (a telephone with an old password locks nobody out), and an address from which the account has
//! logged in before answers only for its own failures.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{
    bounded::Bounded,
    limits::{
        FAILURES_MAX, FAILURES_WINDOW, GUESSERS_MAX, KNOWN_FOR, LOCK_MAX, NETWORK_FAILURES_MAX, WRONG_REMEMBERED_FOR,
        WRONG_REMEMBERED_MAX,
    },
    networks::{self, Network},
    window::Window,
};

/// Whose failures are counted.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Guesser {
    Network(Network),
    Account(String),
    /// An account at an address it is known from.
    Pair(String, Network),
}

/// A door that a failure has just closed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lock {
    /// To whom.
    pub(crate) guesser: Guesser,
    /// For how long.
    pub(crate) lasts: Duration,
}

/// Failures of one guesser.
#[derive(Debug)]
struct Failures {
    window: Window,
    locked_until: Option<Instant>,
    next_lock: Duration,
}

/// The memory of failed and successful log-ins.
#[derive(Debug)]
pub struct Guessing {
    start: Instant,
    hasher: RandomState,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    guessers: Bounded<Guesser, Failures>,
    known: Bounded<(String, Network), Instant>,
    wrong: Bounded<String, Vec<(u64, Instant)>>,
}

impl Guessing {
    /// Nothing is known yet. `start` is the zero of the clock.
    pub fn new(start: Instant) -> Self {
        let state = State {
            guessers: Bounded::new(GUESSERS_MAX),
            known: Bounded::new(GUESSERS_MAX),
            wrong: Bounded::new(GUESSERS_MAX),
        };
        Self { start, hasher: RandomState::new(), state: Mutex::new(state) }
    }

    /// Whether this log-in may be tried now.
    pub fn may_try(&self, user: &str, address: Option<IpAddr>, now: Instant) -> bool {
        let mut state = self.state();
        let guessers = state.counted(user, address, now);
        guessers.iter().all(|(guesser, _)| {
            let failures = state.guessers.get_mut(guesser);
            failures.and_then(|failures| failures.locked_until).is_none_or(|until| now >= until)
        })
    }

    /// Counts a failure, and says which doors that closes. `password` where it is known (SCRAM does not tell it).
    pub fn failed(&self, user: &str, address: Option<IpAddr>, password: Option<&str>, now: Instant) -> Vec<Lock> {
        let mut state = self.state();
        if let Some(password) = password {
            let print = self.hasher.hash_one((user, password));
            if !state.is_new_mistake(user, print, now) {
                return Vec::new();
            }
        }
        let second = now.duration_since(self.start).as_secs();
        let mut locks = Vec::new();
        for (guesser, failures_max) in state.counted(user, address, now) {
            let lasts = state.guessers.entry(&guesser, Failures::new).add(failures_max, second, now);
            locks.extend(lasts.map(|lasts| Lock { guesser, lasts }));
        }
        locks
    }

    /// Remembers the address as one of the account's, and forgives it its failures.
    pub fn succeeded(&self, user: &str, address: Option<IpAddr>, now: Instant) {
        let Some(address) = address else { return };
        let pair = (user.to_owned(), networks::narrow(address));
        let mut state = self.state();
        state.guessers.remove(&Guesser::Pair(pair.0.clone(), pair.1));
        state.known.insert(pair, now);
    }

    /// Forgets the failures of an account: its password was changed, or an operator unlocked it.
    pub fn unlock(&self, user: &str) {
        let mut state = self.state();
        state.guessers.remove(&Guesser::Account(user.to_owned()));
        state.wrong.remove(user);
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// Whose failures count for this log-in, with the number that is too many.
    fn counted(&mut self, user: &str, address: Option<IpAddr>, now: Instant) -> Vec<(Guesser, u32)> {
        let account = (Guesser::Account(user.to_owned()), FAILURES_MAX);
        let Some(address) = address else { return vec![account] };
        let pair = (user.to_owned(), networks::narrow(address));
        let seen = self.known.get_mut(&pair).copied();
        if seen.is_some_and(|seen| now.duration_since(seen) < KNOWN_FOR) {
            return vec![(Guesser::Pair(pair.0, pair.1), FAILURES_MAX)];
        }
        let (narrow, wide) = (Guesser::Network(pair.1), Guesser::Network(networks::wide(address)));
        vec![account, (narrow, FAILURES_MAX), (wide, NETWORK_FAILURES_MAX)]
    }

    fn is_new_mistake(&mut self, user: &str, print: u64, now: Instant) -> bool {
        let prints = self.wrong.entry(&user.to_owned(), Vec::new);
        prints.retain(|(_, at)| now.duration_since(*at) < WRONG_REMEMBERED_FOR);
        if prints.iter().any(|(known, _)| *known == print) {
            return false;
        }
        if prints.len() == WRONG_REMEMBERED_MAX {
            prints.remove(0);
        }
        prints.push((print, now));
        true
    }
}

impl Failures {
    fn new() -> Self {
        Self { window: Window::new(FAILURES_WINDOW), locked_until: None, next_lock: FAILURES_WINDOW }
    }

    /// Counts one more. If it is the one too many: for how long the door is closed. Where it was closed already, by others
    /// that were tried at the same time, it stays so for longer, and that is no news.
    fn add(&mut self, failures_max: u32, second: u64, now: Instant) -> Option<Duration> {
        if self.locked_until.is_some_and(|until| now.saturating_duration_since(until) > LOCK_MAX) {
            *self = Self::new();
        }
        self.window.add(second, 1);
        if self.window.sum(second) < failures_max {
            return None;
        }
        let (was_locked, lasts) = (self.locked_until.is_some_and(|until| now < until), self.next_lock);
        self.locked_until = Some(now + lasts);
        self.next_lock = (lasts * 2).min(LOCK_MAX);
        self.window = Window::new(FAILURES_WINDOW);
        (!was_locked).then_some(lasts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn a06_ten_failures_lock_and_each_lock_doubles_up_to_an_hour() {
        let start = Instant::now();
        let guessing = Guessing::new(start);
        let (home, mut now, mut locks) = (address("192.0.2.1"), start, Vec::new());
        for n in 0..70 {
            guessing.failed("ann", home, Some(&n.to_string()), now);
            let locked_at = now;
            while !guessing.may_try("ann", home, now) {
                now += Duration::from_mins(1);
            }
            locks.extend((now > locked_at).then(|| now.duration_since(locked_at).as_secs() / 60));
        }
        assert_eq!(locks, [10, 20, 40, 60, 60, 60, 60]);
    }

    #[test]
    fn a_lock_is_told_once_with_whom_it_keeps_out() {
        let now = Instant::now();
        let guessing = Guessing::new(now);
        let (home, minutes) = (address("192.0.2.1"), Duration::from_mins);
        let fail = |user: &str, count: u32, now| -> Vec<Lock> {
            let failed = (0..count).map(|_| guessing.failed(user, home, None, now));
            failed.flatten().collect()
        };
        assert_eq!(fail("ann", 9, now), []);
        let narrow = Guesser::Network(networks::narrow(home.unwrap()));
        let both = [Guesser::Account("ann".into()), narrow.clone()];
        assert_eq!(fail("ann", 1, now), both.map(|guesser| Lock { guesser, lasts: minutes(10) }));
        assert_eq!(fail("bob", 9, now), [], "the address is closed already");
        let wide = Guesser::Network(networks::wide(home.unwrap()));
        let bob = Guesser::Account("bob".into());
        assert_eq!(fail("bob", 1, now), [Lock { guesser: bob, lasts: minutes(10) }]);
        let later = fail("cid", 10, now).into_iter().map(|lock| lock.guesser).collect::<Vec<_>>();
        assert_eq!(later, [Guesser::Account("cid".into()), wide]);
        guessing.succeeded("dan", home, now);
        let pair = Guesser::Pair("dan".into(), networks::narrow(home.unwrap()));
        assert_eq!(fail("dan", 10, now), [Lock { guesser: pair, lasts: minutes(10) }]);
        let again = fail("eve", 10, now + minutes(41)).into_iter().find(|lock| lock.guesser == narrow);
        assert_eq!(again.map(|lock| lock.lasts), Some(minutes(60)), "it was made longer in between");
    }

    #[test]
    fn a06_an_old_password_counts_once() {
        let now = Instant::now();
        let guessing = Guessing::new(now);
        for _ in 0..1_000 {
            guessing.failed("ann", address("192.0.2.1"), Some("old"), now);
        }
        assert!(guessing.may_try("ann", address("192.0.2.1"), now));
    }

    #[test]
    fn a06_the_owner_at_home_gets_in_while_the_world_guesses() {
        let now = Instant::now();
        let guessing = Guessing::new(now);
        guessing.succeeded("ann", address("198.51.100.7"), now);
        for n in 0..10_000_u32 {
            let stranger = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + n * 256));
            guessing.failed("ann", Some(stranger), Some(&n.to_string()), now);
        }
        assert!(!guessing.may_try("ann", address("203.0.113.1"), now), "strangers are locked out");
        assert!(guessing.may_try("ann", address("198.51.100.7"), now), "the owner is not");
        guessing.unlock("ann");
        assert!(guessing.may_try("ann", address("203.0.113.1"), now));
    }

    #[test]
    fn a06_guesses_from_all_over_a_v6_network_lock_the_network() {
        let now = Instant::now();
        let guessing = Guessing::new(now);
        for n in 0..100_000_u32 {
            let guess =
                IpAddr::from(std::net::Ipv6Addr::new(0x2001, 0xdb8, 1, u16::try_from(n % 65_536).unwrap(), 0, 0, 0, 1));
            guessing.failed(&format!("user{n}"), Some(guess), Some("123456"), now);
        }
        assert!(!guessing.may_try("ann", address("2001:db8:1:ffff::9"), now));
        assert!(guessing.may_try("ann", address("2001:db8:2::9"), now));
        let hour_later = now + LOCK_MAX + Duration::from_secs(1);
        assert!(guessing.may_try("ann", address("2001:db8:1:ffff::9"), hour_later));
    }
}
