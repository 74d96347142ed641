//! Rates such as `250/h`, kept by the generic cell rate algorithm: one instant of state, no slots, no timers.

use std::{
    fmt,
    str::FromStr,
    time::{Duration, Instant},
};

use serde::Deserialize;

/// So many messages in so much time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Messages.
    pub count: u32,
    /// In this time.
    pub per: Duration,
}

/// The text is no rate.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a rate is a number and a unit, such as 10/s, 30/min, 250/h or 5000/d")]
pub struct RateError;

impl Rate {
    /// The time between two messages at an even pace.
    pub fn interval(self) -> Duration {
        self.per / self.count.max(1)
    }

    /// How far ahead of the even pace a burst may run: a tenth of the time.
    fn tolerance(self) -> Duration {
        self.per / 10
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError)?;
        let count = count.trim().parse().ok().filter(|count| *count > 0).ok_or(RateError)?;
        let seconds = match unit.trim() {
            "s" => 1,
            "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(RateError),
        };
        Ok(Self { count, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per.as_secs() {
            1 => "s",
            60 => "min",
            3_600 => "h",
            _ => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// When the next message would be on time: the whole state of the algorithm.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    on_time: Option<Instant>,
}

impl Pace {
    /// The first instant at which a message may go.
    pub fn free_at(self, rate: Rate, now: Instant) -> Instant {
        self.on_time.and_then(|on_time| on_time.checked_sub(rate.tolerance())).map_or(now, |free| free.max(now))
    }

    /// Counts a message.
    pub fn count(&mut self, interval: Duration, now: Instant) {
        self.on_time = Some(self.on_time.map_or(now, |on_time| on_time.max(now)) + interval);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_print_as_they_are_read() {
        for text in ["10/s", "30/min", "250/h", "5000/d"] {
            assert_eq!(text.parse::<Rate>().unwrap().to_string(), text);
        }
        for text in ["", "0/h", "-1/h", "10", "10/week", "x/h"] {
            assert_eq!(text.parse::<Rate>(), Err(RateError), "{text}");
        }
    }

    #[test]
    fn an_hour_at_250_lets_250_through_and_a_burst_of_a_tenth() {
        let rate: Rate = "250/h".parse().unwrap();
        let start = Instant::now();
        let (mut pace, mut now, mut sent) = (Pace::default(), start, 0);
        let burst = (0..1_000).take_while(|_| {
            let free = pace.free_at(rate, now) <= now;
            if free {
                pace.count(rate.interval(), now);
            }
            free
        });
        assert_eq!(burst.count(), 26);
        loop {
            now = pace.free_at(rate, now);
            if now > start + rate.per {
                break;
            }
            pace.count(rate.interval(), now);
            sent += 1;
        }
        assert_eq!(sent, 249 + 1);
    }
}
