//! A count over a sliding window, in slots of one minute (or of a sixtieth of a shorter window).
//!
//! "250 an hour" then holds for any sixty minutes; a token bucket would let nearly twice that through in the first.
//! Time is a bare number of seconds, so that the same window serves the monotonic clock and the wall clock.

use std::{collections::VecDeque, time::Duration};

/// Counts of the last `slots` slots.
#[derive(Clone, Debug)]
pub struct Window {
    slot_seconds: u64,
    slots: u64,
    /// Number of the slot and its count, oldest first, none empty.
    counts: VecDeque<(u64, u32)>,
    sum: u32,
}

impl Window {
    /// An empty window of this length: slots of a minute, or sixty slots where it is no longer than an hour.
    pub fn new(length: Duration) -> Self {
        let slot_seconds = (length.as_secs() / 60).clamp(1, 60);
        Self { slot_seconds, slots: length.as_secs().div_ceil(slot_seconds), counts: VecDeque::new(), sum: 0 }
    }

    /// Adds to the slot of `now`.
    pub fn add(&mut self, now: u64, count: u32) {
        self.forget(now);
        let slot = now / self.slot_seconds;
        self.sum = self.sum.saturating_add(count);
        match self.counts.back_mut() {
            // A clock that stepped back counts into the newest slot.
            Some((last, sum)) if *last >= slot => *sum = sum.saturating_add(count),
            _ => self.counts.push_back((slot, count)),
        }
    }

    /// Takes back what was added, newest first.
    pub fn give_back(&mut self, mut count: u32) {
        while count > 0 {
            let Some((_, last)) = self.counts.back_mut() else { return };
            let part = count.min(*last);
            *last -= part;
            self.sum -= part;
            count -= part;
            if *last == 0 {
                self.counts.pop_back();
            }
        }
    }

    /// The sum over the window that ends at `now`.
    pub fn sum(&mut self, now: u64) -> u32 {
        self.forget(now);
        self.sum
    }

    /// The second at which `room` more will fit under `limit`.
    pub fn free_at(&self, limit: u32, room: u32) -> Option<u64> {
        let mut left = self.sum;
        if left.saturating_add(room) <= limit {
            return Some(0);
        }
        for (slot, count) in &self.counts {
            left -= count;
            if left.saturating_add(room) <= limit {
                return Some((slot + self.slots) * self.slot_seconds);
            }
        }
        None
    }

    fn forget(&mut self, now: u64) {
        let slot = now / self.slot_seconds;
        while let Some((first, count)) = self.counts.front().copied() {
            if first + self.slots > slot {
                return;
            }
            self.sum -= count;
            self.counts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn the_limit_holds_for_any_sixty_minutes() {
        let mut window = Window::new(HOUR);
        for minute in 0..60 {
            window.add(minute * 60 + 59, 1);
        }
        assert_eq!(window.sum(59 * 60 + 59), 60);
        assert_eq!(window.sum(60 * 60), 59, "the first minute has left");
        assert_eq!(window.sum(3 * 3_600), 0);
    }

    #[test]
    fn it_says_when_there_is_room_again() {
        let mut window = Window::new(HOUR);
        window.add(120, 5);
        window.add(600, 5);
        assert_eq!(window.free_at(10, 1), Some(120 + 3_600));
        assert_eq!(window.free_at(10, 6), Some(600 + 3_600));
        assert_eq!(window.free_at(20, 1), Some(0));
        assert_eq!(window.free_at(10, 11), None, "never");
    }

    #[test]
    fn what_is_given_back_does_not_count() {
        let mut window = Window::new(HOUR);
        window.add(0, 2);
        window.add(60, 3);
        window.give_back(4);
        assert_eq!(window.sum(60), 1);
        window.give_back(9);
        assert_eq!(window.sum(60), 0);
    }

    #[test]
    fn short_windows_have_sixty_slots_and_a_step_back_loses_nothing() {
        let mut window = Window::new(Duration::from_mins(1));
        window.add(100, 1);
        window.add(90, 1);
        assert_eq!(window.sum(100), 2);
        assert_eq!(window.sum(159), 2);
        assert_eq!(window.sum(160), 0);
    }
}
