//! The ledger: one task that makes results durable, many in one commit.
//!
//! Workers hand over what became of their recipients and go on with the next message; at most
//! [`UNSAVED_MAX`](crate::limits::UNSAVED_MAX) jobs are unsaved. The ledger takes what waits, so that the store's commit
//! serves many; there is no timer. While the store cannot record results the queue is paused: sending without being able
//! to remember it makes duplicates (delivery rule 4).

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Outcome};
use rohrpost_queue::{Queue, RowKey, SiteKey, schedule};
use rohrpost_store::{Class, Settlement, Store, StoreError, settle::Change};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{EVENTS_MAX, LEDGER_REST_MAX, LEDGER_REST_MIN, NO_ROOM_REST, UNSAVED_MAX},
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

/// Where results become durable: the store, or in tests one that fails.
pub(crate) trait Books: Send + Sync {
    /// Writes all of them or none, but for mail that finds no room: whose it is is returned.
    fn settle(&self, settlements: Vec<Settlement>) -> impl Future<Output = Result<Vec<RowKey>, StoreError>> + Send;
}

impl Books for Store {
    fn settle(&self, settlements: Vec<Settlement>) -> impl Future<Output = Result<Vec<RowKey>, StoreError>> + Send {
        Store::settle(self, settlements)
    }
}

/// The task's end.
pub(crate) struct Keeper<B> {
    entries: mpsc::Receiver<Entry>,
    events: broadcast::Sender<Arc<DeliveryRecord>>,
    books: B,
    queue: Queue,
    counters: Arc<Counters>,
    failed_since: Option<Timestamp>,
    /// The store has recovered from this: somebody should hear of it.
    recovered: mpsc::Sender<String>,
}

/// Opens the ledger. What is sent to `recovered` says how long the store failed.
pub(crate) fn open<B: Books>(
    books: B,
    queue: Queue,
    counters: Arc<Counters>,
    recovered: mpsc::Sender<String>,
) -> (Ledger, Keeper<B>) {
    let (sender, entries) = mpsc::channel(UNSAVED_MAX / 2);
    let events = broadcast::Sender::new(EVENTS_MAX);
    let keeper = Keeper { entries, events: events.clone(), books, queue, counters, failed_since: None, recovered };
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

impl<B: Books> Keeper<B> {
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
        let without_room = loop {
            let settlements = batch.iter().flat_map(|entry| &entry.settlements).cloned().collect();
            match self.books.settle(settlements).await {
                Ok(without_room) => break without_room,
                Err(error) if error.class() == Class::Temporary => self.wait_for_the_store(&error, &mut rest).await,
                Err(error) if batch.len() == 1 => return refused(&batch[0], &error),
                Err(_) => return self.save_one_by_one(batch).await,
            }
        };
        self.note_recovery();
        for entry in batch {
            self.saved(self.given_back(entry, &without_room));
        }
    }

    /// What of an entry was written. Recipients whose mailbox was filled by others meanwhile are due again in a moment, and
    /// then find out for how long they have to wait.
    fn given_back(&self, mut entry: Entry, without_room: &[RowKey]) -> Entry {
        if without_room.is_empty() {
            return entry;
        }
        let due = schedule::later(self.queue.now().wall, NO_ROOM_REST);
        for (_, next) in entry.rows.iter_mut().filter(|(row, _)| without_room.contains(row)) {
            *next = Some(due);
        }
        entry.settlements.retain(|settlement| !without_room.contains(&(settlement.message, settlement.n)));
        entry
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
                self.queue.touched(&new.recipients);
            }
            match &settlement.change {
                Change::Replace(recipients) => self.queue.touched(recipients),
                Change::Route { route, site } => self.queue.moved_to(SiteKey::new(route, site)),
                _ => {}
            }
            for record in settlement.records {
                self.counters.count(&record);
                log(&record);
                // Without a subscriber nobody misses it.
                let _ = self.events.send(Arc::new(record));
            }
        }
    }
}

/// One line for each decision, once it is durable.
fn log(record: &DeliveryRecord) {
    let DeliveryRecord { message, route, attempt, millis, .. } = record;
    tracing::info!(
        %message,
        recipient = record.recipient.as_ref().map(tracing::field::display),
        route,
        peer = record.peer.as_deref(),
        seal = record.seal().map(rohrpost_mail::Seal::as_str),
        reply = record.reply.as_ref().map(tracing::field::display),
        note = record.note.as_deref(),
        attempt,
        millis,
        "{}",
        word(&record.outcome)
    );
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Received => "received",
        Outcome::Filed { .. } => "filed",
        Outcome::Relayed => "relayed",
        Outcome::Expanded { .. } => "expanded",
        Outcome::Deferred { .. } => "deferred",
        Outcome::Failed => "failed",
        Outcome::Expired => "expired",
        Outcome::Removed { .. } => "removed",
        Outcome::PossiblyDuplicated => "possibly duplicated",
        Outcome::Noted { .. } => "noted",
    }
}

/// The rows stay leased until the next start: trying them again at once might send them again and again.
fn refused(entry: &Entry, error: &StoreError) {
    let rows = entry.rows.iter().map(|((message, n), _)| format!("{message}/{n}")).collect::<Vec<_>>().join(" ");
    tracing::error!(%error, %rows, "the store refuses a result; these recipients are not tried again before a restart");
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    };

    use rohrpost_mail::QueueId;
    use rohrpost_queue::{Clock, Settings};
    use rohrpost_store::Options;

    use super::*;

    /// Fails so many times, then writes; a result for recipient 13 it never takes.
    #[derive(Clone, Default)]
    struct Faulty {
        failures: Arc<AtomicUsize>,
        written: Arc<Mutex<Vec<u32>>>,
    }

    impl Books for Faulty {
        async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<RowKey>, StoreError> {
            let fails = |left: usize| left.checked_sub(1);
            if self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fails).is_ok() {
                return Err(StoreError::Full);
            }
            if settlements.iter().any(|settlement| settlement.n == 13) {
                return Err(StoreError::Statement("no".into()));
            }
            self.written.lock().unwrap().extend(settlements.iter().map(|settlement| settlement.n));
            Ok(Vec::new())
        }
    }

    fn entry(n: u32) -> Entry {
        let message = QueueId::from_i64(1);
        let settlement =
            Settlement { message, n, change: Change::Done, records: Vec::new(), new: Vec::new(), digest: None };
        Entry { settlements: vec![settlement], rows: vec![((message, n), None)] }
    }

    struct Bench {
        ledger: Ledger,
        queue: Queue,
        recovered: mpsc::Receiver<String>,
        books: Faulty,
        end: CancellationToken,
        task: tokio::task::JoinHandle<()>,
        _dir: tempfile::TempDir,
    }

    fn bench(failures: usize) -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options { free_bytes_min: 0, ..Options::default() }).unwrap();
        let queue = Queue::start(store, Settings::default(), Clock::system());
        let books = Faulty { failures: Arc::new(AtomicUsize::new(failures)), ..Faulty::default() };
        let (sender, recovered) = mpsc::channel(1);
        let (ledger, keeper) = open(books.clone(), queue.clone(), Arc::default(), sender);
        let end = CancellationToken::new();
        let task = tokio::spawn(keeper.run(end.clone()));
        Bench { ledger, queue, recovered, books, end, task, _dir: dir }
    }

    /// Q04: delivery pauses while results cannot be recorded, goes on by itself, and tells of it.
    #[tokio::test(start_paused = true)]
    async fn a_q04_delivery_pauses_while_results_cannot_be_recorded() {
        let mut bench = bench(5);
        bench.ledger.enter(entry(1)).await;
        while !bench.queue.is_paused() {
            tokio::task::yield_now().await;
        }
        assert!(bench.books.written.lock().unwrap().is_empty());
        let told = bench.recovered.recv().await.unwrap();
        assert!(told.contains("nothing was lost"), "{told}");
        assert!(!bench.queue.is_paused());
        assert_eq!(*bench.books.written.lock().unwrap(), [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_that_the_store_refuses_does_not_keep_its_neighbours_waiting() {
        let bench = bench(0);
        for n in [1, 13, 2] {
            bench.ledger.enter(entry(n)).await;
        }
        bench.end.cancel();
        bench.task.await.unwrap();
        assert_eq!(*bench.books.written.lock().unwrap(), [1, 2]);
    }
}
