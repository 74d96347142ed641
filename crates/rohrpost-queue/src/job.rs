//! What passes between the queue and its neighbours: arrivals from intake, jobs to workers.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{Envelope, QueueId};
use rohrpost_store::{Body, NewMessage, NewRecipient, QueuedRecipient, queue::State};

use crate::{
    limits::HANDED_BYTES_MAX,
    queue::Queue,
    window::{GateKey, SiteKey},
};

/// Which row of the queue: message and number of the recipient.
pub type RowKey = (QueueId, u32);

/// The key of a row.
pub fn row_key(row: &QueuedRecipient) -> RowKey {
    (row.message, row.n)
}

/// A message that is about to be committed, remembered so that its rows need not be read back.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) id: QueueId,
    pub(crate) envelope: Envelope,
    pub(crate) account: Option<String>,
    pub(crate) uid: Option<u32>,
    pub(crate) body: Option<Bytes>,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    pub(crate) recipients: Vec<NewRecipient>,
}

impl Arrival {
    /// Copies what the queue needs; a body in memory is shared, a body in a file is read later.
    pub(crate) fn of(message: &NewMessage) -> Self {
        Self {
            id: message.id,
            envelope: message.envelope.clone(),
            account: message.account.clone(),
            uid: message.received.submitter_uid(),
            body: Body::inline(&message.body),
            created: message.received.at,
            expires: message.expires,
            recipients: message.recipients.clone(),
        }
    }

    /// The rows as the store has them.
    pub(crate) fn rows(&self) -> impl Iterator<Item = QueuedRecipient> {
        self.recipients.iter().zip(0..).filter(|(new, _)| !new.hold).map(|(new, n)| QueuedRecipient {
            message: self.id,
            n,
            recipient: new.recipient.clone(),
            route: new.route.clone(),
            site: new.site.clone(),
            due: new.due,
            state: State::Waiting,
            attempts: 0,
            created: self.created,
            expires: new.expires.unwrap_or(self.expires),
            delay_notice_sent: false,
        })
    }
}

/// A message handed from intake to its first worker without a read. All of them share a budget
/// ([`HANDED_BYTES_MAX`]); beyond it the body is read from the store.
#[derive(Debug)]
pub struct Handed {
    /// The envelope.
    pub envelope: Envelope,
    /// Who submitted it.
    pub account: Option<String>,
    /// The user of this host whose program handed it in.
    pub uid: Option<u32>,
    /// The message itself.
    pub body: Bytes,
    budget: Arc<AtomicUsize>,
}

impl Handed {
    /// Takes the body of an arrival into memory, if it is at hand and the budget allows it.
    pub(crate) fn of(arrival: &Arrival, budget: &Arc<AtomicUsize>) -> Option<Arc<Self>> {
        let body = arrival.body.clone()?;
        let used = budget.fetch_add(body.len(), Ordering::Relaxed);
        let handed = Self {
            envelope: arrival.envelope.clone(),
            account: arrival.account.clone(),
            uid: arrival.uid,
            body,
            budget: Arc::clone(budget),
        };
        // Dropping it gives the octets back.
        (used + handed.body.len() <= HANDED_BYTES_MAX).then(|| Arc::new(handed))
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        self.budget.fetch_sub(self.body.len(), Ordering::Relaxed);
    }
}

/// What is to be done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Duty {
    /// Try to deliver.
    Attempt,
    /// The time of these recipients is over, or their sender must hear that they are late; no attempt is due.
    Overdue,
}

/// One message for one site: up to a hundred of its recipients, leased to whoever holds the job.
///
/// Say [`Job::finish`] when a settlement for every recipient is on its way to the store. A job that is dropped without
/// it gives its recipients back after a rest, so that a worker's death loses nothing.
#[derive(Debug)]
pub struct Job {
    /// Which message.
    pub message: QueueId,
    /// Route and domain.
    pub site: SiteKey,
    /// Which of its recipients; never empty.
    pub recipients: Vec<QueuedRecipient>,
    /// The message, where it need not be read.
    pub handed: Option<Arc<Handed>>,
    /// What is to be done.
    pub duty: Duty,
    pub(crate) gate: Option<GateKey>,
    pub(crate) queue: Queue,
    pub(crate) finished: bool,
}

impl Job {
    /// The gate that let the job through.
    pub fn gate(&self) -> Option<&GateKey> {
        self.gate.as_ref()
    }

    /// Settlements are on their way: the leases end with [`Queue::settled`]. The gate has room again.
    pub fn finish(mut self) {
        self.finished = true;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.queue.clone().close_job(self);
    }
}
