//! The ledger: one task that makes results durable, many in one commit.
//!
//! Workers hand over what became of their recipients and go on with the next message; at most
//! [`UNSAVED_MAX`](crate::limits::UNSAVED_MAX) jobs are unsaved. The ledger takes what waits, so that the store's commit
//! serves many; there is no timer. While the store cannot record results the queue is paused: sending without being able
//! to remember it makes duplicates (delivery rule 4).

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rohrpost_mail::DeliveryRecord;
use rohrpost_queue::{Arrival, Queue, RowKey, SiteKey};
use rohrpost_store::{Class, NewRecipient, Settlement, Store, StoreError, settle::Change};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{EVENTS_MAX, LEDGER_REST_MAX, LEDGER_REST_MIN, UNSAVED_MAX},
    stats::Counters,
};

/// What became of a job.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    pub(crate) settlements: Vec<Settlement>,
    /// The rows that were leased, and when they are due again, if they stay.
    pub(crate) rows: Vec<(RowKey, Option<Timestamp>)>,
}

/// The workers' end.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    entries: mpsc::Sender<Entry>,
    events: broadcast::Sender<Arc<DeliveryRecord>>,
}

/// The task's end.
pub(crate) struct Keeper {
    entries: mpsc::Receiver<Entry>,
    events: broadcast::Sender<Arc<DeliveryRecord>>,
    store: Store,
    queue: Queue,
    counters: Arc<Counters>,
    failed_since: Option<Timestamp>,
    /// The store has recovered from this: somebody should hear of it.
    recovered: mpsc::Sender<String>,
}

/// Opens the ledger. What is sent to `recovered` says how long the store failed.
pub(crate) fn open(
    store: Store,
    queue: Queue,
    counters: Arc<Counters>,
    recovered: mpsc::Sender<String>,
) -> (Ledger, Keeper) {
    let (sender, entries) = mpsc::channel(UNSAVED_MAX / 2);
    let events = broadcast::Sender::new(EVENTS_MAX);
    let keeper = Keeper { entries, events: events.clone(), store, queue, counters, failed_since: None, recovered };
    (Ledger { entries: sender, events }, keeper)
}

impl Ledger {
    /// Hands over what became of a job. Waits while too many are unsaved.
    pub(crate) async fn enter(&self, entry: Entry) {
        if self.entries.send(entry).await.is_err() {
            tracing::error!("a result came after the ledger was closed; the message may be sent twice");
        }
    }

    /// Every record from now on, once it is durable.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<DeliveryRecord>> {
        self.events.subscribe()
    }
}

impl Keeper {
    /// Keeps the ledger. After `end` what has been entered is written, and nothing more taken.
    pub(crate) async fn run(mut self, end: CancellationToken) {
        let mut batch = Vec::new();
        loop {
            let count = tokio::select! {
                count = self.entries.recv_many(&mut batch, UNSAVED_MAX / 2) => count,
                () = end.cancelled(), if !self.entries.is_closed() => {
                    self.entries.close();
                    continue;
                }
            };
            if count == 0 {
                return;
            }
            self.save(std::mem::take(&mut batch)).await;
        }
    }

    async fn save(&mut self, batch: Vec<Entry>) {
        let mut rest = LEDGER_REST_MIN;
        loop {
            let settlements = batch.iter().flat_map(|entry| &entry.settlements).cloned().collect();
            match self.store.settle(settlements).await {
                Ok(()) => break,
                Err(error) if error.class() == Class::Temporary => self.wait_for_the_store(&error, &mut rest).await,
                Err(error) if batch.len() == 1 => return refused(&batch[0], &error),
                Err(_) => return self.save_one_by_one(batch).await,
            }
        }
        self.note_recovery();
        for entry in batch {
            self.saved(entry);
        }
    }

    /// One bad result must not keep its neighbours from being saved.
    async fn save_one_by_one(&mut self, batch: Vec<Entry>) {
        for entry in batch {
            Box::pin(self.save(vec![entry])).await;
        }
    }

    async fn wait_for_the_store(&mut self, error: &StoreError, rest: &mut Duration) {
        tracing::error!(%error, "results cannot be recorded; delivery pauses");
        self.failed_since.get_or_insert_with(|| self.queue.now().wall);
        self.queue.pause(true);
        tokio::time::sleep(*rest).await;
        *rest = (*rest * 2).min(LEDGER_REST_MAX);
    }

    fn note_recovery(&mut self) {
        let Some(since) = self.failed_since.take() else { return };
        self.queue.pause(false);
        // A full channel means that a notice of this kind is on its way already.
        let _ = self.recovered.try_send(format!(
            "The store could not record results from {} to {}. Delivery paused meanwhile; nothing was lost.",
            rohrpost_mail::date::readable(since),
            rohrpost_mail::date::readable(self.queue.now().wall),
        ));
    }

    fn saved(&self, entry: Entry) {
        self.queue.settled(entry.rows);
        for settlement in entry.settlements {
            for new in &settlement.new {
                self.queue.arrived(&Arrival::of(new));
            }
            if let Change::Replace(recipients) = &settlement.change {
                self.queue.touched(sites(recipients));
            }
            for record in settlement.records {
                self.counters.count(&record);
                // Without a subscriber nobody misses it.
                let _ = self.events.send(Arc::new(record));
            }
        }
    }
}

fn sites(recipients: &[NewRecipient]) -> Vec<SiteKey> {
    Arrival::sites(recipients)
}

/// The rows stay leased until the next start: trying them again at once might send them again and again.
fn refused(entry: &Entry, error: &StoreError) {
    let rows = entry.rows.iter().map(|((message, n), _)| format!("{message}/{n}")).collect::<Vec<_>>().join(" ");
    tracing::error!(%error, %rows, "the store refuses a result; these recipients are not tried again before a restart");
}
