//! What one peer may do: connections at once, connections a minute, messages and recipients an hour.
//!
//! All counts live in bounded maps. Known peers (unix sockets, members of trusted networks) are not counted here.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    bounded::Bounded,
    limits::{GREETED_FOR, GREETED_MAX, PEERS_MAX},
    networks::{self, Network},
    peer::Role,
    settings::PeerLimits,
    window::Window,
};

/// Why a connection is not served.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum DoorError {
    /// Too many connections at once from one address.
    #[error("too many connections at once from this address")]
    Address,
    /// Too many connections at once from one network.
    #[error("too many connections at once from this network")]
    Network,
    /// Too many sessions at once of one account.
    #[error("too many sessions at once of this account")]
    Account,
    /// Too many new connections in a minute.
    #[error("too many new connections a minute from this address")]
    Rate,
    /// More peers at once than we keep account of.
    #[error("too many peers at once")]
    Crowd,
}

/// Who came for what: those who read mail take no place from those who send it.
type Origin = (Role, Network);

/// Counts over all listeners.
#[derive(Clone, Debug)]
pub struct Peers(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    start: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Open connections by what they came for; an entry leaves with its last connection, so this is bounded by the
    /// number of sockets.
    open: HashMap<Origin, u32>,
    /// Sessions that read mail, by account; bounded in the same way.
    readers: HashMap<String, u32>,
    connects: Bounded<Origin, Window>,
    hourly: Bounded<Network, Hourly>,
    greeted: Bounded<Network, Instant>,
}

#[derive(Debug)]
struct Hourly {
    messages: Window,
    recipients: Window,
}

/// Holds the place of one connection; dropped, it frees it.
#[derive(Debug)]
pub struct Place {
    peers: Peers,
    origins: Option<[Origin; 2]>,
}

impl Place {
    /// A place for a peer that is not counted.
    pub fn uncounted(peers: &Peers) -> Self {
        Self { peers: peers.clone(), origins: None }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(origins) = self.origins else { return };
        let mut state = self.peers.state();
        for origin in origins {
            leave(&mut state.open, &origin);
        }
    }
}

/// Holds the place of one session of an account; dropped, it frees it.
#[derive(Debug)]
pub struct AccountPlace {
    peers: Peers,
    login: String,
}

impl Drop for AccountPlace {
    fn drop(&mut self) {
        leave(&mut self.peers.state().readers, &self.login);
    }
}

impl Peers {
    /// Nobody is connected. `start` is the zero of the clock.
    pub fn new(start: Instant) -> Self {
        let state = State {
            open: HashMap::new(),
            readers: HashMap::new(),
            connects: Bounded::new(PEERS_MAX),
            hourly: Bounded::new(PEERS_MAX),
            greeted: Bounded::new(GREETED_MAX),
        };
        Self(Arc::new(Inner { start, state: Mutex::new(state) }))
    }

    /// Takes a place for a new connection.
    ///
    /// # Errors
    /// Too many connections at once or a minute.
    pub fn enter(&self, role: Role, address: IpAddr, limits: &PeerLimits, now: Instant) -> Result<Place, DoorError> {
        let origins = [(role, networks::narrow(address)), (role, networks::wide(address))];
        let second = self.second(now);
        let mut state = self.state();
        let open = |state: &State, origin| state.open.get(&origin).copied().unwrap_or(0);
        if open(&state, origins[0]) >= limits.connections_per_address {
            return Err(DoorError::Address);
        }
        if open(&state, origins[1]) >= limits.connections_per_network {
            return Err(DoorError::Network);
        }
        if state.open.len() >= PEERS_MAX {
            return Err(DoorError::Crowd);
        }
        let connects = state.connects.entry(&origins[0], || Window::new(Duration::from_mins(1)));
        if connects.sum(second) >= limits.connections_per_minute {
            return Err(DoorError::Rate);
        }
        connects.add(second, 1);
        for origin in origins {
            *state.open.entry(origin).or_default() += 1;
        }
        Ok(Place { peers: self.clone(), origins: Some(origins) })
    }

    /// Takes a place for a session of an account that reads mail.
    ///
    /// # Errors
    /// The account has [`PeerLimits::sessions_per_account`] already.
    pub fn enter_account(&self, login: &str, limits: &PeerLimits) -> Result<AccountPlace, DoorError> {
        let mut state = self.state();
        let open = state.readers.get(login).copied().unwrap_or(0);
        if limits.sessions_per_account > 0 && open >= limits.sessions_per_account {
            return Err(DoorError::Account);
        }
        state.readers.insert(login.to_owned(), open + 1);
        Ok(AccountPlace { peers: self.clone(), login: login.to_owned() })
    }

    /// Whether this peer has waited for a greeting before, so that it need not wait again.
    pub fn has_waited(&self, address: IpAddr, now: Instant) -> bool {
        let mut state = self.state();
        let at = state.greeted.get_mut(&networks::narrow(address)).copied();
        at.is_some_and(|at| now.duration_since(at) < GREETED_FOR)
    }

    /// Remembers that it has.
    pub fn waited(&self, address: IpAddr, now: Instant) {
        self.state().greeted.insert(networks::narrow(address), now);
    }

    /// Counts messages and recipients of an hour. False where they would go beyond a limit; then nothing is counted.
    /// A limit of 0 is none.
    pub fn count(&self, address: IpAddr, messages: (u32, u32), recipients: (u32, u32), now: Instant) -> bool {
        let second = self.second(now);
        let hour = Duration::from_hours(1);
        let mut state = self.state();
        let hourly = state.hourly.entry(&networks::narrow(address), || Hourly {
            messages: Window::new(hour),
            recipients: Window::new(hour),
        });
        let fits = |window: &mut Window, (count, limit): (u32, u32)| {
            limit == 0 || window.sum(second).saturating_add(count) <= limit
        };
        if !fits(&mut hourly.messages, messages) || !fits(&mut hourly.recipients, recipients) {
            return false;
        }
        hourly.messages.add(second, messages.0);
        hourly.recipients.add(second, recipients.0);
        true
    }

    fn second(&self, now: Instant) -> u64 {
        now.duration_since(self.0.start).as_secs()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One less; the last one takes its entry along.
fn leave<K: Eq + Hash>(open: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = open.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            open.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn s20_connections_at_once_are_limited_per_address_and_network_and_places_come_back() {
        let now = Instant::now();
        let peers = Peers::new(now);
        let limits = PeerLimits { connections_per_address: 2, connections_per_network: 3, ..PeerLimits::MX };
        let first = peers.enter(Role::Smtp, ip("192.0.2.1"), &limits, now).unwrap();
        let _second = peers.enter(Role::Smtp, ip("192.0.2.1"), &limits, now).unwrap();
        assert_eq!(peers.enter(Role::Smtp, ip("192.0.2.1"), &limits, now).unwrap_err(), DoorError::Address);
        let _third = peers.enter(Role::Smtp, ip("192.0.2.2"), &limits, now).unwrap();
        assert_eq!(peers.enter(Role::Smtp, ip("192.0.2.3"), &limits, now).unwrap_err(), DoorError::Network);
        drop(first);
        peers.enter(Role::Smtp, ip("192.0.2.3"), &limits, now).unwrap();
    }

    #[test]
    fn those_who_read_mail_take_no_place_from_those_who_send_it() {
        let now = Instant::now();
        let peers = Peers::new(now);
        let limits = PeerLimits { connections_per_address: 1, ..PeerLimits::MAILBOXES };
        let _reader = peers.enter(Role::Mailboxes, ip("192.0.2.1"), &limits, now).unwrap();
        assert_eq!(peers.enter(Role::Mailboxes, ip("192.0.2.1"), &limits, now).unwrap_err(), DoorError::Address);
        peers.enter(Role::Submission, ip("192.0.2.1"), &limits, now).unwrap();
    }

    #[test]
    fn sessions_of_an_account_are_limited_and_places_come_back() {
        let peers = Peers::new(Instant::now());
        let limits = PeerLimits { sessions_per_account: 1, ..PeerLimits::MAILBOXES };
        let place = peers.enter_account("ann", &limits).unwrap();
        assert_eq!(peers.enter_account("ann", &limits).unwrap_err(), DoorError::Account);
        peers.enter_account("bob", &limits).unwrap();
        drop(place);
        peers.enter_account("ann", &limits).unwrap();
    }

    #[test]
    fn new_connections_a_minute_are_limited() {
        let now = Instant::now();
        let peers = Peers::new(now);
        let limits = PeerLimits { connections_per_minute: 3, ..PeerLimits::MX };
        for _ in 0..3 {
            peers.enter(Role::Smtp, ip("::1"), &limits, now).unwrap();
        }
        assert_eq!(peers.enter(Role::Smtp, ip("::1"), &limits, now).unwrap_err(), DoorError::Rate);
        peers.enter(Role::Smtp, ip("::1"), &limits, now + Duration::from_secs(61)).unwrap();
    }

    #[test]
    fn a_refused_message_is_not_counted_and_zero_is_no_limit() {
        let now = Instant::now();
        let peers = Peers::new(now);
        assert!(peers.count(ip("::1"), (1, 2), (0, 5), now));
        assert!(!peers.count(ip("::1"), (0, 2), (6, 5), now));
        assert!(peers.count(ip("::1"), (1, 2), (5, 5), now));
        assert!(!peers.count(ip("::1"), (1, 2), (0, 5), now));
        assert!(peers.count(ip("::1"), (1, 0), (1_000_000, 0), now));
    }

    #[test]
    fn a_peer_waits_for_the_greeting_once() {
        let now = Instant::now();
        let peers = Peers::new(now);
        assert!(!peers.has_waited(ip("2001:db8::1"), now));
        peers.waited(ip("2001:db8::1"), now);
        assert!(peers.has_waited(ip("2001:db8::2"), now), "the same /64");
        assert!(!peers.has_waited(ip("2001:db8::1"), now + GREETED_FOR));
    }
}
