//! Whether the next hop of a relay domain knows a recipient: asked by RCPT, from the null path, and remembered.
//!
//! The probe itself is a port, since this crate speaks no SMTP. Probes are bounded in number at once, in rate, in time
//! and in memory, so that a dictionary attack on us does not become one on the next hop.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rohrpost_mail::Mailbox;
use tokio::sync::Semaphore;

use crate::{
    bounded::Bounded,
    limits::{
        CALLOUT_NO_FOR, CALLOUT_TIMEOUT, CALLOUT_YES_FOR, CALLOUTS_AT_ONCE, CALLOUTS_CACHED_MAX, CALLOUTS_PER_MINUTE,
    },
    settings::RelayDomain,
    window::Window,
};

/// What a next hop says about a recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Known {
    /// It takes mail for it.
    Yes,
    /// It refuses it for good.
    No,
    /// It cannot be reached or does not know now.
    Undecided,
}

/// The answer of a port that works in the background.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Asks the next hop: MAIL FROM:<>, RCPT TO:<recipient>, RSET. Implemented over the SMTP client.
pub trait Callout: Send + Sync {
    /// Asks about one recipient. An answer that is no SMTP is [`Known::Undecided`].
    fn probe<'a>(&'a self, relay: &'a RelayDomain, recipient: &'a Mailbox) -> Answer<'a, Known>;
}

/// The bounded, remembering side of a [`Callout`].
pub(crate) struct Callouts {
    port: Option<Arc<dyn Callout>>,
    start: Instant,
    at_once: Semaphore,
    state: Mutex<State>,
}

struct State {
    answers: Bounded<String, (Known, Instant)>,
    rate: Window,
}

impl Callouts {
    pub(crate) fn new(port: Option<Arc<dyn Callout>>, start: Instant) -> Self {
        let state = State { answers: Bounded::new(CALLOUTS_CACHED_MAX), rate: Window::new(Duration::from_mins(1)) };
        Self { port, start, at_once: Semaphore::new(CALLOUTS_AT_ONCE), state: Mutex::new(state) }
    }

    pub(crate) async fn ask(&self, relay: &RelayDomain, recipient: &Mailbox, now: Instant) -> Known {
        let key = recipient.key();
        if let Some(known) = self.remembered(&key, now) {
            return known;
        }
        let (Some(port), true) = (&self.port, self.is_within_rate(now)) else { return Known::Undecided };
        let Ok(_turn) = self.at_once.try_acquire() else { return Known::Undecided };
        let probe = tokio::time::timeout(CALLOUT_TIMEOUT, port.probe(relay, recipient));
        let known = probe.await.unwrap_or(Known::Undecided);
        if known != Known::Undecided {
            self.state().answers.insert(key, (known, now));
        }
        known
    }

    fn remembered(&self, key: &str, now: Instant) -> Option<Known> {
        let (known, at) = *self.state().answers.get_mut(key)?;
        let good_for = if known == Known::Yes { CALLOUT_YES_FOR } else { CALLOUT_NO_FOR };
        (now.duration_since(at) < good_for).then_some(known)
    }

    fn is_within_rate(&self, now: Instant) -> bool {
        let second = now.duration_since(self.start).as_secs();
        let mut state = self.state();
        let within = state.rate.sum(second) < CALLOUTS_PER_MINUTE;
        if within {
            state.rate.add(second, 1);
        }
        within
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::settings::RecipientSource;

    /// Knows everybody but those whose name starts with `no`; `down` is undecided.
    #[derive(Default)]
    struct NextHop(AtomicU32);

    impl Callout for NextHop {
        fn probe<'a>(&'a self, _relay: &'a RelayDomain, recipient: &'a Mailbox) -> Answer<'a, Known> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let known = match recipient.local.as_str() {
                "down" => Known::Undecided,
                name if name.starts_with("no") => Known::No,
                _ => Known::Yes,
            };
            Box::pin(async move { known })
        }
    }

    fn relay() -> RelayDomain {
        RelayDomain {
            domain: "inner.test".parse().unwrap(),
            next_hop: "smtp://10.0.0.1".into(),
            recipients: RecipientSource::Callout,
            list: Vec::new(),
        }
    }

    #[tokio::test]
    async fn answers_are_remembered_a_no_for_an_hour_and_a_yes_for_a_day() {
        let (port, start) = (Arc::new(NextHop::default()), Instant::now());
        let callouts = Callouts::new(Some(port.clone()), start);
        let probes_for = async |name: &str, known, now| {
            let before = port.0.load(Ordering::Relaxed);
            assert_eq!(callouts.ask(&relay(), &format!("{name}@inner.test").parse().unwrap(), now).await, known);
            port.0.load(Ordering::Relaxed) - before
        };
        for (name, known) in [("ann", Known::Yes), ("nobody", Known::No)] {
            assert_eq!(probes_for(name, known, start).await, 1);
            assert_eq!(probes_for(name, known, start + CALLOUT_NO_FOR / 2).await, 0);
        }
        assert_eq!(probes_for("ann", Known::Yes, start + CALLOUT_NO_FOR).await, 0);
        assert_eq!(probes_for("nobody", Known::No, start + CALLOUT_NO_FOR).await, 1);
        assert_eq!(probes_for("ann", Known::Yes, start + CALLOUT_YES_FOR).await, 1);
        assert_eq!(probes_for("down", Known::Undecided, start).await, 1);
        assert_eq!(probes_for("down", Known::Undecided, start).await, 1, "no answer is nothing to remember");
    }

    #[tokio::test]
    async fn s26_a_dictionary_attack_stays_with_us() {
        let (port, start) = (Arc::new(NextHop::default()), Instant::now());
        let callouts = Callouts::new(Some(port.clone()), start);
        for n in 0..100_000 {
            let known = callouts.ask(&relay(), &format!("no{n}@inner.test").parse().unwrap(), start).await;
            assert_eq!(known, if n < CALLOUTS_PER_MINUTE { Known::No } else { Known::Undecided });
        }
        assert_eq!(port.0.load(Ordering::Relaxed), CALLOUTS_PER_MINUTE);
        assert!(callouts.state().answers.len() <= CALLOUTS_CACHED_MAX);
    }
}
