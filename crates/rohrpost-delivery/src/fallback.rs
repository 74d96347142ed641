//! Whose TLS handshakes have failed, and since when: what rule 20 needs to know before clear text is thought of.
//!
//! In memory only: after a restart the waiting starts anew, which delays clear text and never hastens it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use crate::limits::{CLEAR_TEXT_AFTER, HANDSHAKE_FAILURES_KEPT, HANDSHAKE_FAILURES_MAX};

/// Failed handshakes by address.
#[derive(Debug, Default)]
pub(crate) struct Fallback {
    failures: Mutex<HashMap<SocketAddr, Failed>>,
}

#[derive(Clone, Copy, Debug)]
struct Failed {
    first: Instant,
    last: Instant,
}

impl Fallback {
    /// Remembers a failed handshake. Says whether clear text may be tried: one failed long enough ago, too.
    pub(crate) fn failed(&self, address: SocketAddr, now: Instant) -> bool {
        let mut failures = self.lock();
        let since = |then: Instant| now.saturating_duration_since(then);
        if failures.len() >= HANDSHAKE_FAILURES_MAX && !failures.contains_key(&address) {
            failures.retain(|_, failed| since(failed.last) < HANDSHAKE_FAILURES_KEPT);
            forget_oldest(&mut failures);
        }
        let failed = failures.entry(address).or_insert(Failed { first: now, last: now });
        if since(failed.last) >= HANDSHAKE_FAILURES_KEPT {
            failed.first = now;
        }
        failed.last = now;
        since(failed.first) >= CLEAR_TEXT_AFTER
    }

    /// A handshake worked: whatever was before was an accident or an attack.
    pub(crate) fn worked(&self, address: SocketAddr) {
        let mut failures = self.lock();
        if !failures.is_empty() {
            failures.remove(&address);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, Failed>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_oldest(failures: &mut HashMap<SocketAddr, Failed>) {
    if failures.len() >= HANDSHAKE_FAILURES_MAX
        && let Some(oldest) = failures.iter().min_by_key(|(_, failed)| failed.last).map(|(address, _)| *address)
    {
        failures.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn clear_text_needs_a_failure_five_minutes_old_and_none_better_since() {
        let (fallback, now, host) = (Fallback::default(), Instant::now(), "192.0.2.1:25".parse().unwrap());
        assert!(!fallback.failed(host, now));
        assert!(!fallback.failed(host, now + Duration::from_secs(299)));
        assert!(fallback.failed(host, now + CLEAR_TEXT_AFTER));
        fallback.worked(host);
        assert!(!fallback.failed(host, now + CLEAR_TEXT_AFTER * 2));
        assert!(!fallback.failed("192.0.2.2:25".parse().unwrap(), now + CLEAR_TEXT_AFTER * 2), "each host for itself");
    }

    #[test]
    fn an_old_failure_is_forgotten() {
        let (fallback, now, host) = (Fallback::default(), Instant::now(), "192.0.2.1:25".parse().unwrap());
        fallback.failed(host, now);
        assert!(!fallback.failed(host, now + HANDSHAKE_FAILURES_KEPT));
    }

    #[test]
    fn ten_thousand_failing_hosts_are_the_most_that_is_remembered() {
        let (fallback, now) = (Fallback::default(), Instant::now());
        for port in 0..u16::try_from(HANDSHAKE_FAILURES_MAX).unwrap() + 10 {
            fallback.failed(([192, 0, 2, 1], port).into(), now + Duration::from_secs(port.into()));
        }
        assert_eq!(fallback.lock().len(), HANDSHAKE_FAILURES_MAX);
    }
}
