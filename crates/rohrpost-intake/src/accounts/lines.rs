//! Which failed log-ins get a line in the log: all of them from people who mistype, a few a minute where a flood comes.
//!
//! Counted by network, as floods come from all of its addresses. The metrics count every one.

use std::{
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::{
    bounded::Bounded,
    limits::{LINES_MAX, LOG_IN_LINES_PER_MINUTE},
    networks::{self, Network},
};

const MINUTE: Duration = Duration::from_mins(1);

/// The lines of all networks.
#[derive(Debug)]
pub(crate) struct Lines(Mutex<Bounded<Option<Network>, Lately>>);

/// The lines of one network.
#[derive(Debug)]
struct Lately {
    minute_began: Instant,
    lines: u32,
    unlogged: u64,
}

impl Lines {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Bounded::new(LINES_MAX)))
    }

    /// Whether the next one has a line: then how many before it had none.
    pub(crate) fn next(&self, address: Option<IpAddr>, now: Instant) -> Option<u64> {
        let mut networks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Lately { minute_began: now, lines: 0, unlogged: 0 };
        let lately = networks.entry(&address.map(networks::wide), new);
        if now.saturating_duration_since(lately.minute_began) >= MINUTE {
            *lately = Lately { unlogged: lately.unlogged, ..new() };
        }
        if lately.lines == LOG_IN_LINES_PER_MINUTE {
            lately.unlogged = lately.unlogged.saturating_add(1);
            return None;
        }
        lately.lines += 1;
        Some(std::mem::take(&mut lately.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_has_a_few_lines_a_minute_which_say_how_many_they_stand_for() {
        let (lines, begin) = (Lines::new(), Instant::now());
        let flood = |now| {
            let of = |n: u8| lines.next(Some(IpAddr::from([192, 0, 2, n])), now);
            (0..200).map(of).collect::<Vec<_>>()
        };
        let said = flood(begin);
        assert_eq!((&said[..10], &said[10..]), (&[Some(0); 10][..], &[None; 190][..]));
        assert_eq!(lines.next("198.51.100.1".parse().ok(), begin), Some(0), "others are not concerned");
        assert_eq!(flood(begin + Duration::from_secs(59)), [None; 200]);
        assert_eq!(flood(begin + MINUTE)[..2], [Some(390), Some(0)]);
    }
}
