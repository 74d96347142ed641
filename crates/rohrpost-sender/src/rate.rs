//! How many messages a server gets in a time. Pure: the instants come in as arguments.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use rohrpost_mail::{EnhancedStatus, Reply};

use crate::limits::{BURST_SHARE, HALVING_EVERY, HALVINGS_MAX, SPARED_FOR};

/// Messages in a time: `250/h`, `10/min`, `5/s`, `2000/d`.
///
/// ```
/// let rate: rohrpost_sender::Rate = "250/h".parse()?;
/// assert_eq!(rate.to_string(), "250/h");
/// # Ok::<(), rohrpost_sender::RateError>(())
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    messages: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

const UNITS: [(&str, Unit, Duration); 4] = [
    ("s", Unit::Second, Duration::from_secs(1)),
    ("min", Unit::Minute, Duration::from_mins(1)),
    ("h", Unit::Hour, Duration::from_hours(1)),
    ("d", Unit::Day, Duration::from_hours(24)),
];

/// The text is no rate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{0:?} is no rate; expected a number of messages and a time, such as 250/h, 10/min, 5/s or 2000/d")]
pub struct RateError(String);

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let wrong = || RateError(text.to_owned());
        let (messages, unit) = text.split_once('/').ok_or_else(wrong)?;
        let messages = messages.parse().ok().filter(|messages| *messages > 0).ok_or_else(wrong)?;
        let (_, unit, _) = UNITS.into_iter().find(|(word, ..)| *word == unit).ok_or_else(wrong)?;
        Ok(Self { messages, unit })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.messages, self.unit().0)
    }
}

impl Rate {
    /// The time between two messages that are spread evenly.
    pub fn interval(self) -> Duration {
        self.unit().2 / self.messages
    }

    fn unit(self) -> (&'static str, Unit, Duration) {
        UNITS[self.unit as usize]
    }
}

/// A token bucket for one server: each message takes a token before it goes, tokens come back evenly.
#[derive(Debug)]
pub(crate) struct Pacer {
    rate: Rate,
    /// When the bucket will be full again.
    full_at: Option<Instant>,
    /// How often the rate is halved, until when, and since when.
    halvings: u32,
    spared_until: Instant,
    halved_at: Option<Instant>,
}

impl Pacer {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: None, halvings: 0, spared_until: now, halved_at: None }
    }

    /// Takes a token. The message may go at the instant that comes back, which is now or later.
    pub(crate) fn take(&mut self, now: Instant) -> Instant {
        self.recover(now);
        let interval = self.rate.interval() * 2_u32.pow(self.halvings);
        let burst = (self.rate.messages / BURST_SHARE).max(1);
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        self.full_at = Some(full_at + interval);
        full_at.checked_sub(interval * (burst - 1)).map_or(now, |at| at.max(now))
    }

    /// The server asked for a slower pace.
    pub(crate) fn slow_down(&mut self, now: Instant) {
        self.recover(now);
        if self.halved_at.is_some_and(|at| now < at + HALVING_EVERY) {
            return;
        }
        self.halvings = (self.halvings + 1).min(HALVINGS_MAX);
        self.spared_until = now + SPARED_FOR;
        self.halved_at = Some(now);
    }

    /// One step back for each time that has passed.
    fn recover(&mut self, now: Instant) {
        while self.halvings > 0 && self.spared_until <= now {
            self.halvings -= 1;
            self.spared_until += SPARED_FOR;
        }
    }
}

/// Whether a server says that it gets too much at once.
pub(crate) fn asks_to_slow_down(reply: &Reply) -> bool {
    let says_so = || {
        let text = reply.text.to_lowercase();
        ["too many", "rate", "slow down"].iter().any(|words| text.contains(words))
    };
    reply.enhanced == Some(EnhancedStatus(4, 7, 28)) || matches!(reply.code, 421 | 450 | 454) && says_so()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(pacer: &mut Pacer, now: Instant, count: usize) -> Vec<u64> {
        (0..count).map(|_| (pacer.take(now) - now).as_secs()).collect()
    }

    #[test]
    fn rates_print_as_they_are_read_and_others_are_refused() {
        for text in ["250/h", "1/s", "10/min", "2000/d"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "250", "0/h", "-1/h", "250/hour", "x/h", "1/", "/h"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_tenth_goes_at_once_and_the_rest_evenly() {
        let now = Instant::now();
        let mut pacer = Pacer::new("20/min".parse().unwrap(), now);
        assert_eq!(waits(&mut pacer, now, 5), [0, 0, 3, 6, 9]);
        let later = now + Duration::from_mins(1);
        assert_eq!(waits(&mut pacer, later, 3), [0, 0, 3], "the bucket is never more than full");
    }

    #[test]
    fn a_server_that_asks_for_it_gets_half_for_ten_minutes_and_then_step_by_step_more() {
        let now = Instant::now();
        let mut pacer = Pacer::new("60/h".parse().unwrap(), now);
        let interval = |pacer: &mut Pacer, now: Instant| {
            pacer.full_at = None;
            (waits(pacer, now, 7)[6] / 60, pacer.halvings)
        };
        assert_eq!(interval(&mut pacer, now), (1, 0));
        pacer.slow_down(now);
        pacer.slow_down(now);
        assert_eq!(interval(&mut pacer, now), (2, 1), "refusals of one moment count once");
        let soon = now + Duration::from_mins(2);
        pacer.slow_down(soon);
        assert_eq!(interval(&mut pacer, soon), (4, 2));
        assert_eq!(interval(&mut pacer, soon + SPARED_FOR), (2, 1));
        assert_eq!(interval(&mut pacer, soon + SPARED_FOR * 2), (1, 0));
    }

    #[test]
    fn only_words_about_pace_slow_us_down() {
        let asks = |code, text: &str| asks_to_slow_down(&Reply::new(code, None, text));
        assert!(asks(421, "Too many messages") && asks(450, "rate limit exceeded") && asks(454, "too many"));
        assert!(!asks(421, "shutting down") && !asks(450, "greylisted") && !asks(550, "too many"));
        assert!(asks_to_slow_down(&Reply::with(451, 7, 28, "wait")));
    }
}
