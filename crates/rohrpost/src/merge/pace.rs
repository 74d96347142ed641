//! `--rate`: rows at even distances.

use std::time::Duration;

use rohrpost_sender::Rate;
use tokio::time::{Instant, sleep_until};

/// Rows at even distances: the first at once, whatever was sent in the hour before.
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    /// As fast as it goes without a rate.
    pub(super) fn new(rate: Option<Rate>, now: Instant) -> Self {
        Self { interval: rate.map(Rate::interval).unwrap_or_default(), next: now }
    }

    /// Waits until the next row may go. A timer whose time has come already would wait for the next millisecond of the clock,
    /// with each row.
    pub(super) async fn due(&self) {
        if self.next > Instant::now() {
            sleep_until(self.next).await;
        }
    }

    /// A row goes now.
    pub(super) fn count(&mut self, now: Instant) {
        self.next = self.next.max(now) + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_out_at_even_distances_and_lost_time_is_not_made_up_for() {
        let start = Instant::now();
        let mut pace = Pace::new(Some("250/h".parse().unwrap()), start);
        let mut due = |seconds| {
            let at = pace.next.max(start + Duration::from_secs(seconds));
            pace.count(at);
            (at - start).as_millis()
        };
        assert_eq!([due(0), due(0), due(20), due(60), due(60)], [0, 14_400, 28_800, 60_000, 74_400]);
        let mut unlimited = Pace::new(None, start);
        (0..3).for_each(|_| unlimited.count(start));
        assert_eq!(unlimited.next, start);
    }
}
