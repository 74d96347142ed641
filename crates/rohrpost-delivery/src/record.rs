//! From a verdict to the delivery record and to what a bounce says.

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Direction, Outcome};
use rohrpost_queue::Job;
use rohrpost_store::QueuedRecipient;

use crate::{
    message::Message,
    verdict::{Hop, Verdict},
};

/// What all records of one job have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) at: Timestamp,
    pub(crate) octets: u64,
    pub(crate) millis: u64,
}

impl Frame {
    /// For a message that was worked on from one reading of the clock to another.
    pub(crate) fn new(message: &Message, from: std::time::Instant, now: rohrpost_queue::Now) -> Self {
        let millis = now.steady.saturating_duration_since(from).as_millis();
        Self { at: now.wall, octets: message.octets, millis: u64::try_from(millis).unwrap_or(u64::MAX) }
    }

    /// The record of one hop that came to a verdict.
    pub(crate) fn record(&self, row: &QueuedRecipient, verdict: &Verdict, outcome: Outcome) -> DeliveryRecord {
        DeliveryRecord {
            stage: verdict.stage,
            reply: verdict.reply.clone(),
            note: note(verdict),
            ..self.hop(row, &verdict.hop, outcome)
        }
    }

    /// A record without stage, reply and note.
    pub(crate) fn hop(&self, row: &QueuedRecipient, hop: &Hop, outcome: Outcome) -> DeliveryRecord {
        let link = hop.link.clone();
        DeliveryRecord {
            recipient: Some(row.recipient.address.clone()),
            protocol: hop.protocol.clone(),
            peer: hop.peer.clone(),
            address: hop.address,
            account: hop.account.clone(),
            policy: hop.policy,
            policy_source: hop.source,
            attempt: row.attempts.saturating_add(1),
            octets: self.octets,
            millis: self.millis,
            ..DeliveryRecord::new(row.message, self.at, Direction::Out, &row.route, link, outcome)
        }
    }
}

/// What happened, and which hosts were not even asked.
fn note(verdict: &Verdict) -> Option<String> {
    match (&verdict.note, &verdict.passed_over) {
        (Some(note), Some(passed_over)) => Some(format!("{note}; {passed_over}")),
        (note, passed_over) => note.clone().or_else(|| passed_over.clone()),
    }
}

/// Why it waits, on one line, for the list of the queue.
pub(crate) fn reason(verdict: &Verdict) -> String {
    let peer = verdict.hop.peer.as_deref().map(|peer| format!("{peer}: ")).unwrap_or_default();
    match (&verdict.note, &verdict.reply) {
        (Some(note), _) => format!("{peer}{note}"),
        (None, Some(reply)) => format!("{peer}{reply}"),
        (None, None) => format!("{peer}{}", verdict.status),
    }
}

/// The keys of a job's rows that leave the queue.
pub(crate) fn leaving(job: &Job) -> Vec<(rohrpost_queue::RowKey, Option<Timestamp>)> {
    job.recipients.iter().map(|row| ((row.message, row.n), None)).collect()
}
