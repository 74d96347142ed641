//! When a client has taken too long.

use std::time::{Duration, Instant};

use super::profile::Timeouts;
use crate::limits::{SPEED_WINDOW, SPEED_WINDOW_BYTES_MIN};

/// What ran out.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Expired {
    /// The time between two commands or two blocks, or the whole time between transactions.
    Silent,
    /// Octets of a message came, but too few.
    Slow,
}

/// The deadlines of a session.
#[derive(Debug)]
pub(super) struct Clock {
    timeouts: Timeouts,
    /// When the client last sent something, or was last answered.
    last: Instant,
    /// Time spent between transactions, without the stretch that runs.
    idle: Duration,
    /// Since when no transaction runs.
    idle_since: Option<Instant>,
    /// There while octets of a message come: the begin of the window and what came in it.
    window: Option<(Instant, u64)>,
}

impl Clock {
    pub(super) fn new(timeouts: Timeouts, now: Instant) -> Self {
        Self { timeouts, last: now, idle: Duration::ZERO, idle_since: Some(now), window: None }
    }

    /// Something happened.
    pub(super) fn touch(&mut self, now: Instant) {
        self.last = self.last.max(now);
    }

    pub(super) fn transaction_begins(&mut self, now: Instant) {
        if let Some(since) = self.idle_since.take() {
            self.idle += now.saturating_duration_since(since);
        }
    }

    pub(super) fn transaction_ends(&mut self, now: Instant) {
        self.idle_since.get_or_insert(now);
        self.window = None;
    }

    /// Octets of the message came; none says that they may come from now on.
    pub(super) fn body(&mut self, now: Instant, octets: usize) {
        let (_, sum) = self.window.get_or_insert((now, 0));
        *sum += octets as u64;
    }

    pub(super) fn body_ends(&mut self) {
        self.window = None;
    }

    /// When [`Self::expired`] is to be asked.
    pub(super) fn deadline(&self) -> Instant {
        let silence = match self.window {
            Some((start, _)) => (self.last + self.timeouts.data_block).min(start + SPEED_WINDOW),
            None => self.last + self.timeouts.command,
        };
        let session = self.idle_since.map(|since| since + self.timeouts.session.saturating_sub(self.idle));
        session.map_or(silence, |session| session.min(silence))
    }

    /// Whether the client took too long. Begins the next window where this one saw enough.
    pub(super) fn expired(&mut self, now: Instant) -> Option<Expired> {
        if now < self.deadline() {
            return None;
        }
        match self.window {
            Some((start, octets)) if now < self.last + self.timeouts.data_block && now >= start + SPEED_WINDOW => {
                self.window = Some((now, 0));
                (octets < SPEED_WINDOW_BYTES_MIN).then_some(Expired::Slow)
            }
            _ => Some(Expired::Silent),
        }
    }
}
