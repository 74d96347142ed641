//! When patience ends: delivery stages without progress.

use std::time::{Duration, Instant};

use super::timeouts::{PACE_BYTES, PACE_TIME};

/// Measures the time since the last progress, in a stage that the session names.
#[derive(Debug)]
pub(super) struct Timer {
    progress: Instant,
    /// Start of the present look at the pace of a body, and the octets taken since.
    window: Instant,
    window_bytes: usize,
    /// When the transaction began, while it can still be given up without risk of a duplicate.
    began: Option<Instant>,
}

impl Timer {
    pub(super) fn new(now: Instant) -> Self {
        Self { progress: now, window: now, window_bytes: 0, began: None }
    }

    /// A complete reply came, or a new stage begins.
    pub(super) fn progress(&mut self, now: Instant) {
        self.progress = now;
        self.window = now;
        self.window_bytes = 0;
    }

    /// Octets of the body were taken. Progress only at a pace of [`PACE_BYTES`] in [`PACE_TIME`].
    pub(super) fn body_taken(&mut self, now: Instant, count: usize) {
        if now.saturating_duration_since(self.window) > PACE_TIME {
            self.window = now;
            self.window_bytes = 0;
        }
        self.window_bytes += count;
        if self.window_bytes >= PACE_BYTES {
            self.progress(now);
        }
    }

    /// The transaction starts; the limit for the whole of it counts from here.
    pub(super) fn begin(&mut self, now: Instant) {
        self.began = Some(now);
        self.progress(now);
    }

    /// The dot is sent, or the transaction is over: the limit for the whole of it counts no more.
    pub(super) fn stop_total(&mut self) {
        self.began = None;
    }

    /// The end of patience and the limit that set it.
    pub(super) fn deadline(&self, limit: Option<Duration>, total: Option<Duration>) -> Option<(Instant, Duration)> {
        let stage = limit.map(|limit| (self.progress + limit, limit));
        let whole = self.began.zip(total).map(|(began, total)| (began + total, total));
        stage.into_iter().chain(whole).min()
    }
}
