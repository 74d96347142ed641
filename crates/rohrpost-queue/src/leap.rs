//! Leaps of the wall clock: noticed by comparing it with the steady one, and what they mean for mail that waits.
//!
//! Rows are written with the wall clock, which people and time servers set. Mail that came in before the clock was set
//! forward is as much older by the clock as the clock leapt, and gets that time on top of its lifetime. When the clock
//! was set back, what it has written while it was ahead is moved back with it in the store
//! ([`Store::set_back`](rohrpost_store::Store::set_back)), and a leap forward before it is undone by as much. Pure.

use std::{collections::VecDeque, time::Duration};

use jiff::{SignedDuration, Timestamp};

use crate::{
    clock::Now,
    limits::{LEAP_MIN, LEAPS_MAX},
};

/// One leap forward.
#[derive(Clone, Copy, Debug)]
struct Leap {
    /// What the clock showed just before.
    before: Timestamp,
    by: Duration,
}

/// How the clock was set.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Set {
    /// Forward.
    Forward(Duration),
    /// Back.
    Back(Duration),
}

/// What is known of the wall clock since this process began.
#[derive(Debug, Default)]
pub struct Leaps {
    last: Option<Now>,
    forward: VecDeque<Leap>,
}

impl Leaps {
    /// Compares the clocks: by how much the wall clock was set since the last look, if it was.
    pub fn look(&mut self, now: Now) -> Option<Set> {
        // Readings of two threads may come in the wrong order; the older one tells nothing.
        let last = self.last.filter(|last| last.steady <= now.steady).or(self.last.is_none().then_some(now))?;
        self.last = Some(now);
        let passed = SignedDuration::try_from(now.steady - last.steady).unwrap_or(SignedDuration::MAX);
        let leap = now.wall.duration_since(last.wall).saturating_sub(passed);
        let by = leap.unsigned_abs();
        if by < LEAP_MIN {
            return None;
        }
        if leap.is_negative() {
            self.undo(by);
            return Some(Set::Back(by));
        }
        if self.forward.len() == LEAPS_MAX {
            self.forward.pop_front();
        }
        self.forward.push_back(Leap { before: now.wall.checked_sub(by).unwrap_or(last.wall), by });
        Some(Set::Forward(by))
    }

    /// The last leaps forward were a mistake, by so much of them.
    fn undo(&mut self, mut by: Duration) {
        while !by.is_zero()
            && let Some(leap) = self.forward.back_mut()
        {
            let undone = by.min(leap.by);
            by -= undone;
            leap.by -= undone;
            if leap.by.is_zero() {
                self.forward.pop_back();
            }
        }
    }

    /// How much older than it is the clock makes a message that was `created` then.
    pub fn since(&self, created: Timestamp) -> Duration {
        let leaps = self.forward.iter().filter(|leap| leap.before >= created);
        leaps.fold(Duration::ZERO, |sum, leap| sum.saturating_add(leap.by))
    }
}

/// By how much a clock that shows `now` was set back while no process was there to see it, if it was: `newest` is the
/// newest time that is known to have been.
pub fn behind(newest: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    Duration::try_from(newest?.duration_since(now)).ok().filter(|by| *by >= LEAP_MIN)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const DAY: i64 = 86_400;
    const HOUR: Duration = Duration::from_hours(1);
    const YEAR: Duration = Duration::from_hours(365 * 24);

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
        assert_eq!(leaps.look(now(700, 730 + 365 * DAY)), Some(Set::Forward(YEAR)));
        assert_eq!(leaps.since(at(10)), YEAR);
        assert_eq!(leaps.since(at(731 + 365 * DAY)), Duration::ZERO, "what came later is as old as it seems");
        assert_eq!(leaps.look(now(800, 830)), Some(Set::Back(YEAR)));
        assert_eq!(leaps.since(at(10)), Duration::ZERO, "the mistake was undone");
        assert_eq!(leaps.look(now(900, 930 + 365 * DAY)), Some(Set::Forward(YEAR)), "and is made again");
        assert_eq!(leaps.since(at(10)), YEAR);
        assert_eq!(leaps.since(at(840)), YEAR, "also for what came meanwhile");
        assert_eq!(leaps.look(now(1_000, 1_030 + DAY)), Some(Set::Back(364 * 24 * HOUR)));
        assert_eq!(leaps.since(at(840)), 24 * HOUR, "a part of it remains");
    }

    #[test]
    fn a_clock_behind_the_newest_time_by_a_minute_was_set_back() {
        assert_eq!(behind(None, at(0)), None);
        assert_eq!(behind(Some(at(59)), at(0)), None);
        assert_eq!(behind(Some(at(60)), at(0)), Some(Duration::from_mins(1)));
        assert_eq!(behind(Some(at(-DAY)), at(0)), None, "the server was stopped for a day");
    }
}
