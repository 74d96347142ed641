//! When the next attempt is due. Pure: time and chance come in as arguments.
//!
//! The quick start suits greylisting, the long end suits hosts that are gone for days (RFC 5321 §4.5.4.1). The result
//! is written into the row, never derived from its age again, so that a changed setting does not release everything at
//! once.

use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The intervals of one route.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// After the first failed attempt. Default 6 minutes; each later interval is twice the one before.
    pub first: Duration,
    /// Longest interval while the message is younger than a day. Default 1 hour.
    pub cap_first_day: Duration,
    /// Longest interval from then on. Default 2 hours.
    pub cap: Duration,
    /// Percent by which chance may lengthen an interval, so that what failed together does not return together. Default 30.
    pub spread_percent: u32,
    /// How long a message is tried. Default 5 days (RFC 5321 §4.5.4.1 asks for 4 to 5).
    pub lifetime: Duration,
    /// How long a message with the null path is tried. Default 2 days.
    pub lifetime_null_path: Duration,
    /// Age at which the sender is told that the message is late. Default 4 hours.
    pub delay_notice_after: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            first: 6 * MINUTE,
            cap_first_day: HOUR,
            cap: 2 * HOUR,
            spread_percent: 30,
            lifetime: 5 * DAY,
            lifetime_null_path: 2 * DAY,
            delay_notice_after: 4 * HOUR,
        }
    }
}

/// What happens to a recipient after an attempt that failed for now.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Next {
    /// Another attempt, not before.
    At(Timestamp),
    /// Its time is up.
    Expired,
}

impl Schedule {
    /// The interval after attempt number `attempt` (from 1) of a message of this `age`. `jitter` is 0.0 to 1.0.
    pub fn interval(&self, attempt: u32, age: Duration, jitter: f64) -> Duration {
        let cap = if age < DAY { self.cap_first_day } else { self.cap };
        let doublings = attempt.saturating_sub(1).min(16);
        let base = self.first.saturating_mul(1 << doublings).min(cap);
        base + base.mul_f64(f64::from(self.spread_percent) / 100.0 * jitter.clamp(0.0, 1.0))
    }

    /// No interval is longer.
    pub fn longest(&self) -> Duration {
        let cap = self.cap.max(self.cap_first_day).max(self.first);
        cap + cap.mul_f64(f64::from(self.spread_percent) / 100.0)
    }

    /// What follows attempt number `attempt` at `now`. The last attempt is made when the lifetime ends, not after it.
    pub fn next(&self, attempt: u32, now: Timestamp, created: Timestamp, expires: Timestamp, jitter: f64) -> Next {
        if now >= expires {
            return Next::Expired;
        }
        let due = later(now, self.interval(attempt, age(created, now), jitter));
        Next::At(due.min(expires))
    }

    /// When a message that is accepted `now` has been tried long enough.
    pub fn expires(&self, now: Timestamp, null_path: bool) -> Timestamp {
        later(now, if null_path { self.lifetime_null_path } else { self.lifetime })
    }

    /// Whether the sender is to be told by now that the message is late.
    pub fn is_late(&self, created: Timestamp, now: Timestamp) -> bool {
        age(created, now) >= self.delay_notice_after
    }
}

/// The time between the two; zero when the clock was set back.
pub fn age(created: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(created)).unwrap_or_default()
}

/// `now` plus `interval`, or the end of time.
pub fn later(now: Timestamp, interval: Duration) -> Timestamp {
    now.checked_add(interval).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    #[test]
    fn intervals_double_up_to_an_hour_and_from_the_second_day_to_two() {
        let schedule = Schedule::default();
        let minutes = |attempt, age| schedule.interval(attempt, age, 0.0).as_secs() / 60;
        let young: Vec<_> = (1..=6).map(|attempt| minutes(attempt, Duration::ZERO)).collect();
        assert_eq!(young, [6, 12, 24, 48, 60, 60]);
        assert_eq!(minutes(30, DAY), 120);
        assert_eq!(minutes(u32::MAX, DAY), 120);
    }

    #[test]
    fn jitter_lengthens_by_up_to_thirty_percent_and_never_shortens() {
        let schedule = Schedule::default();
        assert_eq!(schedule.interval(1, Duration::ZERO, 1.0), Duration::from_secs(468));
        assert_eq!(schedule.interval(1, Duration::ZERO, 7.0), Duration::from_secs(468));
        assert_eq!(schedule.interval(1, Duration::ZERO, -1.0), Duration::from_mins(6));
    }

    #[test]
    fn the_last_attempt_is_made_when_the_lifetime_ends() {
        let schedule = Schedule::default();
        let expires = schedule.expires(at(0), false);
        assert_eq!(expires, at(5 * 24 * 3_600));
        assert_eq!(schedule.expires(at(0), true), at(2 * 24 * 3_600));
        let near_the_end = expires.checked_sub(Duration::from_mins(1)).unwrap();
        assert_eq!(schedule.next(50, near_the_end, at(0), expires, 0.5), Next::At(expires));
        assert_eq!(schedule.next(51, expires, at(0), expires, 0.5), Next::Expired);
    }

    #[test]
    fn a_message_is_late_after_four_hours_and_a_clock_set_back_makes_none_late() {
        let schedule = Schedule::default();
        assert!(!schedule.is_late(at(0), at(4 * 3_600 - 1)));
        assert!(schedule.is_late(at(0), at(4 * 3_600)));
        assert!(!schedule.is_late(at(0), at(-100_000)));
        assert_eq!(schedule.next(1, at(-100_000), at(0), at(10), 0.0), Next::At(at(-100_000 + 360)));
    }
}
