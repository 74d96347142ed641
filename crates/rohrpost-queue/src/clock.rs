//! The two clocks of the queue: the wall clock that rows are written with, and the steady one that gates are kept by.
//!
//! Both come from one place, so that a test moves them together with tokio's virtual time.

use std::time::Instant;

use jiff::Timestamp;

/// One reading of both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For rows: it survives a restart and may jump.
    pub wall: Timestamp,
    /// For gates: it never jumps.
    pub steady: Instant,
}

/// Where the time comes from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    anchor: Option<(Timestamp, tokio::time::Instant)>,
}

impl Clock {
    /// The system's clocks.
    pub fn system() -> Self {
        Self::default()
    }

    /// A wall clock that shows `wall` now and moves with tokio's time, which a test may pause.
    pub fn anchored(wall: Timestamp) -> Self {
        Self { anchor: Some((wall, tokio::time::Instant::now())) }
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        let steady = tokio::time::Instant::now();
        let wall = match self.anchor {
            Some((wall, since)) => wall.checked_add(steady - since).unwrap_or(Timestamp::MAX),
            None => Timestamp::now(),
        };
        Now { wall, steady: steady.into_std() }
    }
}
