//! What one account may send: messages in any 60 minutes, recipients in any 24 hours.
//!
//! Counted at RCPT, the message with its first recipient; an aborted transaction gives back. What is kept is written
//! with the message, in the same commit, so a restart resets nothing: after one, the window is read back from the store.
//! Time is the wall clock in seconds, since the counts outlive the process.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;

use crate::{bounded::Bounded, limits::QUOTAS_MAX, settings::AccountLimits, window::Window};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Which limit was reached.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Limit {
    /// `messages_per_hour`
    Messages,
    /// `recipients_per_day`
    Recipients,
}

impl Limit {
    /// The setting's name, as replies and counters have it.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Messages => "messages_per_hour",
            Self::Recipients => "recipients_per_day",
        }
    }

    fn window(self) -> Duration {
        match self {
            Self::Messages => HOUR,
            Self::Recipients => DAY,
        }
    }

    /// Key of the counter in the store.
    pub fn counter(self, account: &str) -> String {
        format!("{} {account}", self.setting())
    }

    /// The start of the window that ends at `now`.
    pub fn since(self, now: Timestamp) -> Timestamp {
        now - self.window()
    }

    /// How many the settings allow; 0 is no limit.
    pub fn max(self, limits: &AccountLimits) -> u32 {
        match self {
            Self::Messages => limits.messages_per_hour,
            Self::Recipients => limits.recipients_per_day,
        }
    }
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OverLimit {
    /// Which one.
    pub limit: Limit,
    /// Its value.
    pub max: u32,
    /// When there is room again.
    pub free_at: Timestamp,
    /// Whether this is the first refusal of the second hour within a day in which the account runs into a limit.
    pub is_second_today: bool,
}

/// What an account came to by a message that is now stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Crossing {
    /// Which limit.
    pub limit: Limit,
    /// 80 or 100.
    pub percent: u32,
    /// Its value.
    pub max: u32,
}

/// The counts of all accounts that sent lately.
#[derive(Clone, Debug)]
pub struct Quotas(Arc<Mutex<Bounded<String, Usage>>>);

/// The counts of one account.
#[derive(Clone, Debug)]
pub struct Usage {
    messages: Window,
    recipients: Window,
    /// Hours in which a limit was reached.
    alarms: Window,
    last_alarm: Option<u64>,
    /// Seconds at which the next message of a throttled account may leave.
    next_release: u64,
}

impl Usage {
    /// What the store remembers: time and count of each slot.
    pub fn remembered(messages: &[(Timestamp, u32)], recipients: &[(Timestamp, u32)]) -> Self {
        let fill = |length, slots: &[(Timestamp, u32)]| {
            let mut window = Window::new(length);
            for (at, count) in slots {
                window.add(seconds(*at), *count);
            }
            window
        };
        Self {
            messages: fill(HOUR, messages),
            recipients: fill(DAY, recipients),
            alarms: Window::new(DAY),
            last_alarm: None,
            next_release: 0,
        }
    }

    fn window(&mut self, limit: Limit) -> &mut Window {
        match limit {
            Limit::Messages => &mut self.messages,
            Limit::Recipients => &mut self.recipients,
        }
    }
}

/// What a transaction has counted so far. Dropped, it gives everything back; [`Reservation::keep`] keeps it.
#[derive(Debug)]
pub struct Reservation {
    quotas: Quotas,
    account: String,
    messages: u32,
    recipients: u32,
}

impl Quotas {
    /// No counts yet.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Bounded::new(QUOTAS_MAX))))
    }

    /// Whether the counts of this account are in memory.
    pub fn knows(&self, account: &str) -> bool {
        self.state().get_mut(account).is_some()
    }

    /// Puts in what the store remembers, unless counting has begun meanwhile.
    pub fn learn(&self, account: &str, usage: Usage) {
        self.state().entry(&account.to_owned(), || usage);
    }

    /// Begins a transaction.
    pub fn begin(&self, account: &str) -> Reservation {
        Reservation { quotas: self.clone(), account: account.to_owned(), messages: 0, recipients: 0 }
    }

    /// When the next message of an account of class `service` or `bulk` may leave: now, or later at its rate.
    pub fn release_at(&self, account: &str, per_minute: u32, now: Timestamp) -> Timestamp {
        if per_minute == 0 {
            return now;
        }
        let mut state = self.state();
        let usage = state.entry(&account.to_owned(), || Usage::remembered(&[], &[]));
        // Milliseconds, so that more than sixty a minute are told apart.
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let at = usage.next_release.max(now_ms);
        usage.next_release = at + 60_000 / u64::from(per_minute);
        i64::try_from(at).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(now)
    }

    fn state(&self) -> MutexGuard<'_, Bounded<String, Usage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self::new()
    }
}

impl Reservation {
    /// Counts one more recipient, and the message with the first.
    pub fn add_recipient(&mut self, limits: &AccountLimits, now: Timestamp) -> Result<(), OverLimit> {
        let second = seconds(now);
        let quotas = self.quotas.clone();
        let mut state = quotas.state();
        let usage = state.entry(&self.account, || Usage::remembered(&[], &[]));
        let wanted = [(Limit::Messages, u32::from(self.messages == 0)), (Limit::Recipients, 1)];
        for (limit, count) in wanted {
            let max = limit.max(limits);
            if max != 0 && usage.window(limit).sum(second) + count > max && count > 0 {
                return Err(usage.over(limit, max, second, now));
            }
        }
        for (limit, count) in wanted {
            usage.window(limit).add(second, count);
        }
        self.messages = 1;
        self.recipients += 1;
        Ok(())
    }

    /// What the store is to count with the message.
    pub fn counts(&self) -> [(String, u32); 2] {
        [
            (Limit::Messages.counter(&self.account), self.messages),
            (Limit::Recipients.counter(&self.account), self.recipients),
        ]
    }

    /// The message is stored: what was counted stays. Tells which marks the account has just passed.
    pub fn keep(mut self, limits: &AccountLimits, now: Timestamp) -> Vec<Crossing> {
        let (messages, recipients) = (std::mem::take(&mut self.messages), std::mem::take(&mut self.recipients));
        let mut state = self.quotas.state();
        let Some(usage) = state.get_mut(&self.account) else { return Vec::new() };
        let mut crossings = Vec::new();
        for (limit, count) in [(Limit::Messages, messages), (Limit::Recipients, recipients)] {
            let max = limit.max(limits);
            let sum = usage.window(limit).sum(seconds(now));
            for percent in [80, 100] {
                let mark = (u64::from(max) * percent).div_ceil(100);
                if max != 0 && u64::from(sum) >= mark && u64::from(sum.saturating_sub(count)) < mark {
                    crossings.push(Crossing { limit, percent: if percent == 80 { 80 } else { 100 }, max });
                }
            }
        }
        crossings
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.messages == 0 && self.recipients == 0 {
            return;
        }
        let mut state = self.quotas.state();
        if let Some(usage) = state.get_mut(&self.account) {
            usage.messages.give_back(self.messages);
            usage.recipients.give_back(self.recipients);
        }
    }
}

impl Usage {
    fn over(&mut self, limit: Limit, max: u32, second: u64, now: Timestamp) -> OverLimit {
        let free_at = self.window(limit).free_at(max, 1).unwrap_or(second);
        let hour = second / 3_600;
        let is_new = self.last_alarm.replace(hour) != Some(hour);
        self.alarms.add(second, u32::from(is_new));
        let free_at = i64::try_from(free_at).ok().and_then(|s| Timestamp::from_second(s).ok()).unwrap_or(now);
        OverLimit { limit, max, free_at, is_second_today: is_new && self.alarms.sum(second) > 1 }
    }
}

fn seconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AccountLimits =
        AccountLimits { messages_per_hour: 5, recipients_per_day: 8, service_messages_per_minute: 0 };

    fn noon() -> Timestamp {
        "2026-11-22T12:05:00Z".parse().unwrap()
    }

    fn send(quotas: &Quotas, recipients: u32, now: Timestamp) -> Result<Vec<Crossing>, OverLimit> {
        let mut reservation = quotas.begin("ann");
        for _ in 0..recipients {
            reservation.add_recipient(&LIMITS, now)?;
        }
        Ok(reservation.keep(&LIMITS, now))
    }

    #[test]
    fn a08_the_sixth_message_of_an_hour_is_refused_and_the_reply_knows_when_there_is_room() {
        let quotas = Quotas::new();
        for _ in 0..5 {
            send(&quotas, 1, noon()).unwrap();
        }
        let over = send(&quotas, 1, noon()).unwrap_err();
        assert_eq!((over.limit, over.max, over.is_second_today), (Limit::Messages, 5, false));
        assert_eq!(over.free_at, "2026-11-22T13:05:00Z".parse().unwrap());
        assert!(send(&quotas, 1, over.free_at).is_ok());
    }

    #[test]
    fn an_aborted_transaction_gives_back() {
        let quotas = Quotas::new();
        for _ in 0..100 {
            let mut reservation = quotas.begin("ann");
            for _ in 0..8 {
                reservation.add_recipient(&LIMITS, noon()).unwrap();
            }
            assert_eq!(reservation.add_recipient(&LIMITS, noon()).unwrap_err().limit, Limit::Recipients);
        }
        assert!(send(&quotas, 8, noon()).is_ok());
    }

    #[test]
    fn marks_are_told_once_when_they_are_passed() {
        let quotas = Quotas::new();
        let told: Vec<_> =
            (0..5).map(|_| send(&quotas, 1, noon()).unwrap().iter().map(|c| c.percent).sum::<u32>()).collect();
        assert_eq!(told, [0, 0, 0, 80, 100]);
    }

    #[test]
    fn running_into_the_limit_in_two_hours_of_a_day_is_twice() {
        let quotas = Quotas::new();
        let mut times = Vec::new();
        for hour in 0..2 {
            let now = noon() + Duration::from_secs(hour * 3_600);
            let over = loop {
                if let Err(over) = send(&quotas, 1, now) {
                    break over;
                }
            };
            times.push(over.is_second_today);
            assert!(!send(&quotas, 1, now).unwrap_err().is_second_today, "told once");
        }
        assert_eq!(times, [false, true]);
    }

    #[test]
    fn a08_a_restart_resets_nothing() {
        let quotas = Quotas::new();
        let before = noon() - Duration::from_mins(10);
        quotas.learn("ann", Usage::remembered(&[(before, 5)], &[(before, 5)]));
        assert!(send(&quotas, 1, noon()).is_err());
        assert!(send(&quotas, 1, before + HOUR).is_ok());
    }

    #[test]
    fn throttled_accounts_are_delayed_not_refused() {
        let quotas = Quotas::new();
        let at: Vec<_> =
            (0..3).map(|_| quotas.release_at("erp", 30, noon()).duration_since(noon()).as_secs()).collect();
        assert_eq!(at, [0, 2, 4]);
        assert_eq!(quotas.release_at("erp", 0, noon()), noon());
    }
}
