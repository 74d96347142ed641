//! The gate of a site: how many attempts may run there at once, how fast, and whether it is worth trying at all.
//!
//! ```text
//!                 10 failed connections in a row
//!        ┌──────┐ ─────────────────────────────▶ ┌────────┐
//!   ───▶ │ open │                                │ closed │ ◀──────────┐
//!        └──────┘ ◀──────────┐                   └────────┘            │ it failed: twice as long
//!     5, +1 per round to 20  │                        │ time is up     │
//!     half on 421, timeout   │  it got through  ┌───────────┐          │
//!                            └───────────────── │ one probe │ ─────────┘
//!               1, 2, 4 … at once from here on  └───────────┘
//! ```
//!
//! Pure: the instants come in as arguments. Messages of a closed site inherit its time instead of each trying.

use std::time::{Duration, Instant};

use rohrpost_mail::{EnhancedStatus, Reply, Severity};

use crate::rate::{Pace, Rate};

/// Failed connections in a row that close a gate.
pub const FAILURES_MAX: u32 = 10;
/// How long the pace of a site that asked for it stays at a tenth.
pub const SLOW_FOR: Duration = Duration::from_mins(30);
/// Deliveries in a row that end the slow pace early.
pub const SLOW_STREAK: u32 = 20;
/// Bounds of the slow interval for sites without a rate of their own.
const SLOW_INTERVAL_MIN: Duration = Duration::from_secs(1);
const SLOW_INTERVAL_MAX: Duration = Duration::from_mins(1);
/// How long a gate stays closed at first, and at most.
const CLOSED_MIN: Duration = Duration::from_mins(6);
const CLOSED_MAX: Duration = Duration::from_hours(1);

/// What the operator allows a site.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct GateLimits {
    /// Attempts at once in the beginning. Default 5.
    pub start: u32,
    /// Attempts at once in the end. Default 20.
    pub max: u32,
    /// Messages in a time. Default none.
    pub rate: Option<Rate>,
    /// Whether ten failed connections in a row close it. Default yes. Not where messages take another way after some
    /// attempts: behind a closed gate they would have none.
    pub closes: bool,
}

impl Default for GateLimits {
    fn default() -> Self {
        Self { start: 5, max: 20, rate: None, closes: true }
    }
}

/// What an attempt tells the gate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signal {
    /// The site answered, and the attempt came to its end, whatever it was for the message.
    Answered,
    /// No connection came about.
    Unreachable,
    /// The site said 421, or fell silent.
    Overloaded,
    /// The site asked for a slower pace ([`asks_to_slow_down`]).
    TooFast,
}

/// Whether an attempt may start.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Now.
    Now,
    /// Not before this instant; the site is fine.
    At(Instant),
    /// When another attempt has ended.
    WhenFree,
    /// The site is closed until this instant.
    Closed(Instant),
}

#[derive(Clone, Copy, Debug)]
enum State {
    Open,
    Closed { until: Instant },
    Probing,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Gate {
    limits: GateLimits,
    state: State,
    limit: u32,
    running: u32,
    /// Answered attempts since the limit last changed.
    round: u32,
    failures: u32,
    /// How often in a row the gate has been closed.
    closings: u32,
    pace: Pace,
    usual: Interval,
    slow: Option<Slow>,
}

#[derive(Clone, Copy, Debug)]
struct Slow {
    until: Instant,
    interval: Duration,
    streak: u32,
}

/// The usual interval between two messages, as a moving mean.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    last: Option<Instant>,
    mean: Duration,
}

impl Interval {
    fn count(&mut self, now: Instant) {
        if let Some(last) = self.last {
            self.mean = (self.mean * 7 + now.saturating_duration_since(last)) / 8;
        }
        self.last = Some(now);
    }
}

impl Gate {
    /// An open gate nobody has passed yet.
    pub fn new(limits: GateLimits) -> Self {
        Self {
            limits,
            state: State::Open,
            limit: limits.start.clamp(1, limits.max.max(1)),
            running: 0,
            round: 0,
            failures: 0,
            closings: 0,
            pace: Pace::default(),
            usual: Interval::default(),
            slow: None,
        }
    }

    /// Counts an attempt that [`Gate::admission`] let through.
    pub fn start(&mut self, now: Instant) {
        if matches!(self.state, State::Closed { .. }) {
            self.state = State::Probing;
        }
        self.running += 1;
        self.usual.count(now);
        if let Some(interval) = self.interval(now) {
            self.pace.count(interval, now);
        }
    }

    /// An attempt has ended.
    pub fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Takes in how an attempt went. `jitter` is 0.0 to 1.0.
    pub fn signal(&mut self, signal: Signal, now: Instant, jitter: f64) {
        match signal {
            Signal::Answered => self.answered(),
            Signal::Unreachable => self.unreachable(now, jitter),
            Signal::Overloaded => self.halve(),
            Signal::TooFast => {
                self.halve();
                self.slow_down(now);
            }
        }
    }

    /// Opens a closed gate for a probe: the operator's `retry`.
    pub fn reopen(&mut self, now: Instant) {
        if let State::Closed { until } = &mut self.state {
            *until = now;
        }
    }

    /// Whether an attempt may start.
    pub fn admission(&self, now: Instant) -> Admission {
        match self.state {
            State::Closed { until } if now < until => return Admission::Closed(until),
            State::Closed { .. } | State::Probing if self.running > 0 => return Admission::WhenFree,
            State::Open if self.running >= self.limit => return Admission::WhenFree,
            State::Open | State::Probing | State::Closed { .. } => {}
        }
        let free_at = match (self.slowed(now), self.limits.rate) {
            (Some(slow), _) => self.pace.free_at(Rate { count: 1, per: slow.interval }, now),
            (None, Some(rate)) => self.pace.free_at(rate, now),
            (None, None) => now,
        };
        if free_at <= now { Admission::Now } else { Admission::At(free_at) }
    }

    /// How many attempts may start besides those that run.
    pub fn free(&self) -> u32 {
        match self.state {
            State::Open => self.limit.saturating_sub(self.running),
            State::Closed { .. } | State::Probing => 1_u32.saturating_sub(self.running),
        }
    }

    /// Whether only one probe may pass.
    pub fn is_probing(&self) -> bool {
        !matches!(self.state, State::Open)
    }

    /// Whether attempts are under way.
    pub fn is_running(&self) -> bool {
        self.running > 0
    }

    /// Whether nothing would be lost by forgetting it.
    pub fn is_forgettable(&self, now: Instant) -> bool {
        let fine = matches!(self.state, State::Open) && self.failures == 0 && self.slowed(now).is_none();
        self.running == 0 && fine && self.limits.rate.is_none()
    }

    fn answered(&mut self) {
        self.failures = 0;
        self.closings = 0;
        if matches!(self.state, State::Probing) {
            self.state = State::Open;
            self.limit = 1;
            self.round = 0;
        }
        self.round += 1;
        if self.round >= self.limit {
            let step = if self.limit < self.limits.start { self.limit } else { 1 };
            self.limit = (self.limit + step).min(self.limits.max.max(1));
            self.round = 0;
        }
        if let Some(slow) = &mut self.slow {
            slow.streak += 1;
            if slow.streak >= SLOW_STREAK {
                self.slow = None;
            }
        }
    }

    fn unreachable(&mut self, now: Instant, jitter: f64) {
        self.failures = self.failures.saturating_add(1);
        self.round = 0;
        let closes = match self.state {
            State::Open => self.limits.closes && self.failures >= FAILURES_MAX,
            State::Probing => true,
            State::Closed { .. } => false,
        };
        if closes {
            let base = CLOSED_MIN.saturating_mul(1 << self.closings.min(8)).min(CLOSED_MAX);
            self.closings = self.closings.saturating_add(1);
            self.state = State::Closed { until: now + base + base.mul_f64(0.3 * jitter.clamp(0.0, 1.0)) };
        }
    }

    fn halve(&mut self) {
        // An answer all the same: the site is there.
        self.failures = 0;
        if matches!(self.state, State::Probing) {
            self.state = State::Open;
            self.limit = 1;
        }
        self.limit = (self.limit / 2).max(1);
        self.round = 0;
    }

    fn slow_down(&mut self, now: Instant) {
        let usual = self.limits.rate.map_or(self.usual.mean, Rate::interval);
        let interval = match self.limits.rate {
            Some(_) => usual * 10,
            None => (usual * 10).clamp(SLOW_INTERVAL_MIN, SLOW_INTERVAL_MAX),
        };
        let interval = self.slowed(now).map_or(interval, |slow| slow.interval);
        self.slow = Some(Slow { until: now + SLOW_FOR, interval, streak: 0 });
        self.pace.count(interval, now);
    }

    fn slowed(&self, now: Instant) -> Option<Slow> {
        self.slow.filter(|slow| now < slow.until)
    }

    fn interval(&self, now: Instant) -> Option<Duration> {
        self.slowed(now).map(|slow| slow.interval).or(self.limits.rate.map(Rate::interval))
    }
}

/// Whether a reply asks for a slower pace: 4.7.28, or the words that large providers use.
pub fn asks_to_slow_down(reply: &Reply) -> bool {
    if reply.severity() != Severity::Temporary {
        return false;
    }
    let text = reply.text.to_lowercase();
    let mut words = text.split(|c: char| !c.is_ascii_alphanumeric());
    reply.enhanced == Some(EnhancedStatus(4, 7, 28))
        || text.contains("too many")
        || text.contains("temporarily deferred")
        || words.any(|word| matches!(word, "rate" | "rates" | "ratelimit" | "ratelimited" | "throttled" | "throttling"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> (Gate, Instant) {
        (Gate::new(GateLimits::default()), Instant::now())
    }

    fn fill(gate: &mut Gate, now: Instant) -> u32 {
        let mut started = 0;
        while gate.admission(now) == Admission::Now {
            gate.start(now);
            started += 1;
        }
        started
    }

    fn drain(gate: &mut Gate, count: u32, signal: Signal, now: Instant) {
        for _ in 0..count {
            gate.signal(signal, now, 0.0);
            gate.end();
        }
    }

    #[test]
    fn five_at_once_and_one_more_after_each_round_up_to_twenty() {
        let (mut gate, now) = gate();
        let mut rounds = Vec::new();
        for _ in 0..18 {
            let started = fill(&mut gate, now);
            rounds.push(started);
            drain(&mut gate, started, Signal::Answered, now);
        }
        assert_eq!(rounds[..4], [5, 6, 7, 8]);
        assert_eq!(rounds[15..], [20, 20, 20]);
    }

    #[test]
    fn a_421_halves_but_never_below_one() {
        let (mut gate, now) = gate();
        gate.signal(Signal::Overloaded, now, 0.0);
        assert_eq!(fill(&mut gate, now), 2);
        drain(&mut gate, 2, Signal::Overloaded, now);
        assert_eq!(fill(&mut gate, now), 1);
    }

    #[test]
    fn ten_failures_close_it_then_one_probe_goes_then_one_two_four() {
        let (mut gate, now) = gate();
        for _ in 0..9 {
            gate.start(now);
            drain(&mut gate, 1, Signal::Unreachable, now);
        }
        assert_eq!(gate.admission(now), Admission::Now);
        gate.start(now);
        drain(&mut gate, 1, Signal::Unreachable, now);
        let Admission::Closed(until) = gate.admission(now) else { panic!("still open") };
        assert_eq!(until - now, CLOSED_MIN);
        assert_eq!(fill(&mut gate, until), 1, "one probe");
        drain(&mut gate, 1, Signal::Unreachable, until);
        let Admission::Closed(again) = gate.admission(until) else { panic!("open after a failed probe") };
        assert_eq!(again - until, 2 * CLOSED_MIN);
        let mut rounds = Vec::new();
        for _ in 0..5 {
            let started = fill(&mut gate, again);
            rounds.push(started);
            drain(&mut gate, started, Signal::Answered, again);
        }
        assert_eq!(rounds, [1, 2, 4, 8, 9]);
    }

    #[test]
    fn a_gate_that_is_not_to_close_lets_all_attempts_through() {
        let now = Instant::now();
        let mut gate = Gate::new(GateLimits { closes: false, ..GateLimits::default() });
        for _ in 0..100 {
            gate.signal(Signal::Unreachable, now, 0.0);
        }
        assert_eq!(fill(&mut gate, now), 5);
    }

    #[test]
    fn a_probe_that_ends_without_a_word_leaves_room_for_another() {
        let (mut gate, now) = gate();
        for _ in 0..10 {
            gate.signal(Signal::Unreachable, now, 0.0);
        }
        let later = now + CLOSED_MAX;
        gate.start(later);
        gate.end();
        assert_eq!(gate.admission(later), Admission::Now);
    }

    #[test]
    fn retry_by_the_operator_lets_one_probe_through_at_once() {
        let (mut gate, now) = gate();
        for _ in 0..10 {
            gate.signal(Signal::Unreachable, now, 0.0);
        }
        gate.reopen(now);
        assert_eq!(fill(&mut gate, now), 1);
    }

    #[test]
    fn asked_to_slow_down_it_keeps_a_tenth_of_the_pace_for_half_an_hour_or_a_streak() {
        let (mut gate, mut now) = gate();
        for _ in 0..100 {
            now += Duration::from_millis(500);
            gate.start(now);
            drain(&mut gate, 1, Signal::Answered, now);
        }
        now += Duration::from_millis(500);
        gate.start(now);
        drain(&mut gate, 1, Signal::TooFast, now);
        let Admission::At(next) = gate.admission(now) else { panic!("not slowed: {:?}", gate.admission(now)) };
        assert!((4_000..=5_100).contains(&(next - now).as_millis()), "{:?}", next - now);
        assert_eq!(gate.admission(now + SLOW_FOR), Admission::Now);
        for _ in 0..SLOW_STREAK {
            gate.signal(Signal::Answered, now, 0.0);
        }
        assert_eq!(gate.admission(now), Admission::Now);
    }

    #[test]
    fn a_rate_of_the_operator_is_kept() {
        let now = Instant::now();
        let rate = Some("60/min".parse().unwrap());
        let mut gate = Gate::new(GateLimits { start: 50, max: 50, rate, ..GateLimits::default() });
        assert_eq!(fill(&mut gate, now), 7, "a burst of a tenth and the one on time");
        assert_eq!(gate.admission(now), Admission::At(now + Duration::from_secs(1)));
    }

    #[test]
    fn replies_that_ask_for_patience_are_known_by_their_words() {
        let slow = |code, text| asks_to_slow_down(&Reply::new(code, None, text));
        assert!(slow(421, "Too many concurrent connections"));
        assert!(slow(450, "sending rate exceeded"));
        assert!(slow(421, "[TS01] Messages temporarily deferred"));
        assert!(asks_to_slow_down(&Reply::with(450, 7, 28, "")));
        assert!(!slow(450, "greylisted, corporate separate generate"));
        assert!(!slow(550, "too many recipients"));
    }
}
