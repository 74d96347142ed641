//! Time that passes when the test says so.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;

/// A clock with both kinds of time. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Mutex<(Instant, Timestamp)>>);

impl Clock {
    /// Stands at a time of day, such as `2026-11-22T12:00:00Z`.
    ///
    /// # Panics
    /// When the text is no time.
    pub fn at(time: &str) -> Self {
        let time = time.parse().expect("tests write times as 2026-11-22T12:00:00Z");
        Self(Arc::new(Mutex::new((Instant::now(), time))))
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = (now.0 + by, now.1 + by);
    }

    /// The time of day is set, forward or back, and no time passes.
    pub fn set(&self, time: Timestamp) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1 = time;
    }

    /// What deadlines are counted by.
    pub fn instant(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// The time of day.
    pub fn timestamp(&self) -> Timestamp {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}
