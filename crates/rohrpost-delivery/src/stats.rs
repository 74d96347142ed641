//! Counters for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use rohrpost_mail::{DeliveryRecord, Outcome, Seal};

/// What has been done since the start.
#[derive(Debug, Default)]
pub struct Counters {
    relayed: AtomicU64,
    filed: AtomicU64,
    deferred: AtomicU64,
    failed: AtomicU64,
    verified: AtomicU64,
    encrypted: AtomicU64,
    cleartext: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DeliveryStats {
    /// Recipients whose message the next server took.
    pub relayed: u64,
    /// Recipients whose message lies in a mailbox here.
    pub filed: u64,
    /// Attempts that are to be repeated.
    pub deferred: u64,
    /// Recipients that failed or expired.
    pub failed: u64,
    /// Of the relayed: sealed and proven.
    pub verified: u64,
    /// Of the relayed: sealed.
    pub encrypted: u64,
    /// Of the relayed: in clear text.
    pub cleartext: u64,
}

impl Counters {
    /// Counts a record that is durable.
    pub(crate) fn count(&self, record: &DeliveryRecord) {
        let counter = match record.outcome {
            Outcome::Relayed => &self.relayed,
            Outcome::Filed { .. } => &self.filed,
            Outcome::Deferred { .. } => &self.deferred,
            Outcome::Failed | Outcome::Expired => &self.failed,
            _ => return,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let sealed = match (record.outcome == Outcome::Relayed).then(|| record.seal()).flatten() {
            Some(Seal::Verified) => &self.verified,
            Some(Seal::Encrypted) => &self.encrypted,
            Some(Seal::Cleartext) => &self.cleartext,
            None => return,
        };
        sealed.fetch_add(1, Ordering::Relaxed);
    }

    /// All of them.
    pub(crate) fn read(&self) -> DeliveryStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DeliveryStats {
            relayed: read(&self.relayed),
            filed: read(&self.filed),
            deferred: read(&self.deferred),
            failed: read(&self.failed),
            verified: read(&self.verified),
            encrypted: read(&self.encrypted),
            cleartext: read(&self.cleartext),
        }
    }
}
