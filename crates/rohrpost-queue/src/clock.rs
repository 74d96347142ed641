//! The two clocks of the queue: the wall clock that rows are written with, and the steady one that gates are kept by.
//!
//! Both come from one place, so that a test moves them together with tokio's virtual time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For rows: it survives a restart and may jump.
    pub wall: Timestamp,
    /// For gates: it never jumps.
    pub steady: Instant,
}

/// Where the time comes from. Clones are one clock.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    anchor: Option<Anchor>,
}

/// A wall clock that a test moves.
#[derive(Clone, Debug)]
struct Anchor {
    wall: Timestamp,
    since: tokio::time::Instant,
    /// Seconds that it was set forward.
    stepped: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clocks.
    pub fn system() -> Self {
        Self::default()
    }

    /// A wall clock that shows `wall` now and moves with tokio's time, which a test may pause.
    pub fn anchored(wall: Timestamp) -> Self {
        Self { anchor: Some(Anchor { wall, since: tokio::time::Instant::now(), stepped: Arc::default() }) }
    }

    /// Sets an anchored wall clock forward by so many seconds, or back, and no time passes. The system's is not moved.
    pub fn step(&self, seconds: i64) {
        if let Some(anchor) = &self.anchor {
            anchor.stepped.fetch_add(seconds, Ordering::Relaxed);
        }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let steady = tokio::time::Instant::now();
        let wall = match &self.anchor {
            Some(Anchor { wall, since, stepped }) => {
                let stepped = SignedDuration::from_secs(stepped.load(Ordering::Relaxed));
                let passed = SignedDuration::try_from(steady - *since).unwrap_or(SignedDuration::MAX);
                wall.checked_add(passed.saturating_add(stepped)).unwrap_or(Timestamp::MAX)
            }
            None => Timestamp::now(),
        };
        Now { wall, steady: steady.into_std() }
    }
}
