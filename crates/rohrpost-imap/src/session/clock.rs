//! When a client has taken too long.

use std::time::Instant;

use crate::profile::Timeouts;

/// What the client is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pace {
    /// Not logged in: all the time since the session began counts.
    LoggingIn,
    /// Between commands, and in IDLE.
    Between,
    /// Within a command or a message.
    Within,
}

/// The deadlines of a session.
#[derive(Debug)]
pub(super) struct Clock {
    timeouts: Timeouts,
    began: Instant,
    /// When the client last sent something, or was last answered.
    last: Instant,
}

impl Clock {
    pub(super) fn new(timeouts: Timeouts, now: Instant) -> Self {
        Self { timeouts, began: now, last: now }
    }

    /// Something happened.
    pub(super) fn touch(&mut self, now: Instant) {
        self.last = self.last.max(now);
    }

    /// When something happened last.
    pub(super) fn last(&self) -> Instant {
        self.last
    }

    /// When the client has taken too long.
    pub(super) fn deadline(&self, pace: Pace) -> Instant {
        match pace {
            Pace::LoggingIn => self.began + self.timeouts.login,
            Pace::Between => self.last + self.timeouts.idle,
            Pace::Within => self.last + self.timeouts.data_block.min(self.timeouts.idle),
        }
    }
}
