//! Leaps of the wall clock: noticed by comparing it with the steady one, and what they mean for mail that waits.
//!
//! Rows are written with the wall clock, which people and time servers set. Mail that came in before the clock was set
//! forward is as much older by the clock as the clock leapt, and gets that time on top of its lifetime. After the
//! clock was set back, times that it cannot have written itself are no reason to wait: [`is_stray`]. Pure.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rohrpost_store::QueuedRecipient;

use crate::{
    clock::Now,
    limits::{LEAP_MIN, LEAPS_MAX},
};

/// One leap.
#[derive(Clone, Copy, Debug)]
struct Leap {
    /// What the clock showed just before.
    before: Timestamp,
    /// Negative when it was set back.
    by: SignedDuration,
}

/// What is known of the wall clock since this process began.
#[derive(Debug, Default)]
pub struct Leaps {
    last: Option<Now>,
    leaps: VecDeque<Leap>,
}

impl Leaps {
    /// Compares the clocks: by how much the wall clock was set since the last look, if it was.
    pub fn look(&mut self, now: Now) -> Option<SignedDuration> {
        // Readings of two threads may come in the wrong order; the older one tells nothing.
        let last = self.last.filter(|last| last.steady <= now.steady).or(self.last.is_none().then_some(now))?;
        self.last = Some(now);
        let passed = SignedDuration::try_from(now.steady - last.steady).unwrap_or(SignedDuration::MAX);
        let by = now.wall.duration_since(last.wall).saturating_sub(passed);
        if by.unsigned_abs() < LEAP_MIN {
            return None;
        }
        if self.leaps.len() == LEAPS_MAX {
            self.leaps.pop_front();
        }
        self.leaps.push_back(Leap { before: now.wall.checked_sub(by).unwrap_or(last.wall), by });
        Some(by)
    }

    /// How much older than it is the clock makes a message that was `created` then.
    pub fn since(&self, created: Timestamp) -> Duration {
        let leaps = self.leaps.iter().filter(|leap| leap.before >= created);
        let sum = leaps.fold(SignedDuration::ZERO, |sum, leap| sum.saturating_add(leap.by));
        Duration::try_from(sum).unwrap_or_default()
    }
}

/// Whether a clock that shows `now` cannot have written when this row is due, if no interval is longer than `longest`:
/// a retry beyond that, or a first attempt without delay of a message that came later than now.
pub fn is_stray(row: &QueuedRecipient, now: Timestamp, longest: Duration) -> bool {
    if row.attempts > 0 {
        return row.due.duration_since(now) > SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX);
    }
    row.due > now && row.due <= row.created
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000_000 + seconds).unwrap()
    }

    #[test]
    fn a_leap_is_what_the_steady_clock_did_not_see() {
        let start = Instant::now();
        let now = |steady: u64, wall| Now { wall: at(wall), steady: start + Duration::from_secs(steady) };
        let mut leaps = Leaps::default();
        assert_eq!(leaps.look(now(0, 0)), None);
        assert_eq!(leaps.look(now(600, 630)), None, "clocks drift and are corrected");
        assert_eq!(leaps.look(now(700, 730 + 365 * DAY)), Some(SignedDuration::from_secs(365 * DAY)));
        assert_eq!(leaps.since(at(10)), Duration::from_hours(365 * 24));
        assert_eq!(leaps.since(at(731 + 365 * DAY)), Duration::ZERO, "what came later is as old as it seems");
        assert_eq!(leaps.look(now(800, 830)), Some(SignedDuration::from_secs(-365 * DAY)));
        assert_eq!(leaps.since(at(10)), Duration::ZERO, "the mistake was undone");
        assert_eq!(leaps.since(at(840)), Duration::ZERO, "and takes nothing from what comes then");
    }
}
