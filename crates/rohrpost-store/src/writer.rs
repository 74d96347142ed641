//! The one thread that writes. It takes every request that waits, runs them in one transaction and answers each after
//! the sync, so that one sync serves many sessions.
//!
//! A commit has costs of its own, some pages and a sync, so when many sessions are at work and the disk is fast the writer
//! waits a moment until [`limits::CROWD_MAX`] requests are there. Requests of few sessions never wait, and a slow disk
//! lets crowds gather by itself.
//!
//! ```text
//!   (gather) take what waits ── run all ── COMMIT (sync) ── answer each
//!                                  │ one refused: roll back, then each in a transaction of its own
//!                                  │ the file failed: roll back, answer all with the error
//!                                  ▼
//!            Failed ── close ── reopen from disk ── a probe is committed ── Fine
//! ```
//!
//! A failed sync may have dropped pages that the kernel then calls clean, so nothing that the process remembers of the
//! file can be trusted: it is closed and read again, and meanwhile every request is answered with an error.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::{
    batch::{self, Broken},
    error::StoreError,
    gate::Gate,
    health::{Board, Health, Space},
    limits, open,
};

/// Something to be written. It runs again from its start when its batch is rolled back.
pub(crate) trait Request: Send {
    /// Where its rows belong: a batch is written in this order, for neighbours share pages.
    fn rank(&self) -> i64 {
        0
    }
    /// Octets that it brings.
    fn weight(&self) -> usize;
    /// Writes within the transaction of `connection`.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells what came of it: `Ok` only after the sync.
    fn answer(self: Box<Self>, result: Result<(), StoreError>);
}

/// A request in the queue, with its place in it.
pub(crate) struct Waiting {
    pub(crate) request: Box<dyn Request>,
    _place: Option<OwnedSemaphorePermit>,
}

/// What the writer and its clients both look at.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) dir: PathBuf,
    pub(crate) health: Board,
    /// Raised when the database is reopened: older connections must not be used any more.
    pub(crate) generation: AtomicU64,
    /// Transactions committed.
    pub(crate) transactions: AtomicU64,
    /// Octets in the write-ahead log.
    pub(crate) wal_bytes: Arc<AtomicU64>,
    /// Octets of that log at the last checkpoint.
    pub(crate) checkpointed: AtomicU64,
    /// Octets free on the disk.
    pub(crate) free_bytes: AtomicU64,
    /// Octets that must be free.
    free_bytes_min: u64,
    /// When the disk was last looked at on behalf of incoming mail.
    looked: Mutex<Option<Instant>>,
    /// Lets a checkpoint be alone.
    pub(crate) gate: Gate,
}

impl Shared {
    pub(crate) fn new(dir: &Path, free_bytes_min: u64) -> Arc<Self> {
        Arc::new(Self {
            dir: dir.to_owned(),
            health: Board::new(),
            generation: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            wal_bytes: Arc::default(),
            checkpointed: AtomicU64::new(0),
            free_bytes: AtomicU64::new(u64::MAX),
            free_bytes_min,
            looked: Mutex::default(),
            gate: Gate::default(),
        })
    }

    pub(crate) fn look_at_disk(&self) {
        match Space::at(&self.dir) {
            Ok(space) => {
                self.free_bytes.store(space.bytes, Ordering::Relaxed);
                self.health.set_low_disk(space.is_low(self.free_bytes_min));
            }
            Err(error) => tracing::warn!(%error, "the free space is not known"),
        }
    }

    /// The health as incoming mail must know it: the keeper may be busy while somebody fills the disk.
    pub(crate) fn fresh_health(&self) -> Health {
        // Whoever finds the lock taken comes while another looks.
        if let Ok(mut looked) = self.looked.try_lock()
            && looked.is_none_or(|at| at.elapsed() >= limits::LOOK_AGE_MAX)
        {
            self.look_at_disk();
            *looked = Some(Instant::now());
        }
        self.health.health()
    }
}

/// The way to the writer. Dropping it lets the writer finish what waits, and waits for that.
#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<Sender<Waiting>>,
    places: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. `after_commit` is called after each transaction.
    pub(crate) fn start(shared: Arc<Shared>, connection: Connection, after_commit: impl Fn() + Send + 'static) -> Self {
        let (queue, waiting) = channel();
        let mut thread = Thread { shared, waiting, connection: None, after_commit, gathering: Duration::ZERO };
        thread.use_connection(connection);
        let thread = std::thread::Builder::new().name("store-writer".to_owned()).spawn(move || thread.run());
        Self {
            queue: Some(queue),
            places: Arc::new(Semaphore::new(limits::REQUESTS_WAITING_MAX)),
            thread: Some(thread.expect("a process that starts can start one more thread")),
        }
    }

    /// Hands a request over, waiting for a place. Once handed over it is written even if nobody waits for the answer.
    pub(crate) async fn send(&self, request: Box<dyn Request>) {
        let place = self.places.clone().acquire_owned().await.expect("the semaphore is never closed");
        self.hand_over(Waiting { request, _place: Some(place) });
    }

    fn hand_over(&self, waiting: Waiting) {
        let queue = self.queue.as_ref().expect("taken in drop only");
        if let Err(unsent) = queue.send(waiting) {
            unsent.0.request.answer(Err(stopped()));
        }
    }

    /// Runs a small job in a transaction and waits for its sync.
    pub(crate) async fn call<T, F>(&self, weight: usize, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.send(Box::new(Call { weight, job, result: None, sender })).await;
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// The same from a thread of this crate, which needs no place: it sends one request at a time.
    pub(crate) fn call_now<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        self.hand_over(Waiting { request: Box::new(Call { weight: 0, job, result: None, sender }), _place: None });
        answer.blocking_recv().unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> StoreError {
    StoreError::Failed("the writer has stopped".to_owned())
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; nothing is left to be done about it here.
            let _ = thread.join();
        }
    }
}

struct Call<T, F> {
    weight: usize,
    job: F,
    result: Option<T>,
    sender: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Request for Call<T, F>
where
    T: Send,
    F: FnMut(&Connection) -> Result<T, StoreError> + Send,
{
    fn weight(&self) -> usize {
        self.weight
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.result = Some((self.job)(connection)?);
        Ok(())
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { job, result: output, sender, .. } = *self;
        // Some jobs tell others when they are dropped, who must know before the caller goes on.
        drop(job);
        // Whoever asked may have gone; what was written stays written.
        let _ = sender.send(result.map(|()| output.expect("a request that ran has its result")));
    }
}

struct Thread<A> {
    shared: Arc<Shared>,
    waiting: Receiver<Waiting>,
    connection: Option<Connection>,
    after_commit: A,
    /// How long the next batch waits for more requests.
    gathering: Duration,
}

impl<A: Fn()> Thread<A> {
    fn run(&mut self) {
        while let Ok(first) = self.waiting.recv() {
            // Asleep rather than waiting at the queue, so that no request has to wake this thread.
            std::thread::sleep(self.gathering);
            let batch = self.take(first);
            self.gathering = gathering(self.gathering, batch.len());
            let Some(connection) = self.connection.as_mut() else { unreachable!("recover() restores it") };
            let inside = self.shared.gate.write();
            let committed = batch::commit(connection, batch);
            drop(inside);
            match committed {
                Ok(()) => {
                    self.shared.transactions.fetch_add(1, Ordering::Relaxed);
                    (self.after_commit)();
                }
                Err(broken) => {
                    if !self.recover(broken) {
                        return;
                    }
                }
            }
        }
    }

    /// Everything that waits, up to the limits of a batch.
    fn take(&self, first: Waiting) -> Vec<Waiting> {
        let mut bytes = first.request.weight();
        let mut batch = vec![first];
        while batch.len() < limits::BATCH_REQUESTS_MAX && bytes < limits::BATCH_BYTES_MAX {
            let Ok(next) = self.waiting.try_recv() else { break };
            bytes += next.request.weight();
            batch.push(next);
        }
        batch.sort_by_key(|waiting| waiting.request.rank());
        batch
    }

    /// Reopens the database until it takes a commit again. False when the store is being closed.
    fn recover(&mut self, broken: Broken) -> bool {
        let Broken { error, unanswered } = broken;
        self.connection = None;
        self.shared.health.set_failed(Some(error.to_string()));
        self.shared.generation.fetch_add(1, Ordering::Release);
        for waiting in unanswered {
            waiting.request.answer(Err(error.clone()));
        }
        let mut pause = REOPEN_PAUSE_MIN;
        // A database that SQLite calls corrupt stays as it is until a person has looked at it.
        let hopeless = matches!(error, StoreError::Failed(_));
        while hopeless || !self.reopen() {
            if !self.refuse(pause, &error) {
                return false;
            }
            pause = (pause * 2).min(REOPEN_PAUSE_MAX);
        }
        self.shared.health.set_failed(None);
        true
    }

    fn reopen(&mut self) -> bool {
        match open::writer(&self.shared.dir).map_err(|error| error.to_string()).and_then(|connection| {
            batch::probe(&connection).map_err(|error| error.to_string())?;
            Ok(connection)
        }) {
            Ok(connection) => {
                self.use_connection(connection);
                true
            }
            Err(reason) => {
                tracing::warn!(reason, "the store cannot be reopened yet");
                false
            }
        }
    }

    /// Answers with an error for a while. False when the store is being closed.
    fn refuse(&self, pause: Duration, error: &StoreError) -> bool {
        let until = Instant::now() + pause;
        loop {
            match self.waiting.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(waiting) => waiting.request.answer(Err(StoreError::Failed(error.to_string()))),
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn use_connection(&mut self, mut connection: Connection) {
        let wal_bytes = self.shared.wal_bytes.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, pages: i32| {
            wal_bytes.store(u64::from(pages.unsigned_abs()) * 16_384, Ordering::Relaxed);
            Ok(())
        };
        // Without the hook the checkpoints would come by the clock alone: later, but they would come.
        if let Err(error) = connection.wal_hook(Some(hook)) {
            tracing::warn!(%error, "the size of the write-ahead log is not known");
        }
        self.connection = Some(connection);
    }
}

/// How long the next batch waits for more requests, after one of `requests` that waited for `before`.
fn gathering(before: Duration, requests: usize) -> Duration {
    match requests {
        ..limits::CROWD_MIN => Duration::ZERO,
        limits::CROWD_MIN..limits::CROWD_MAX => (before + limits::GATHER_STEP).min(limits::GATHER_TIME_MAX),
        limits::CROWD_MAX.. => before.saturating_sub(limits::GATHER_STEP),
    }
}

/// First pause before the database is opened again after a failure.
const REOPEN_PAUSE_MIN: Duration = Duration::from_millis(50);
/// Longest pause: a disk that was made room on is noticed within it.
const REOPEN_PAUSE_MAX: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_middling_crowds_make_the_next_batch_wait() {
        let waits = |batches: &[usize]| batches.iter().fold(Duration::ZERO, |before, len| gathering(before, *len));
        assert_eq!(waits(&[1, 3]), Duration::ZERO, "few sessions would lose time");
        assert_eq!(waits(&[10, 10]), limits::GATHER_STEP * 2);
        assert_eq!(waits(&[10; 100]), limits::GATHER_TIME_MAX);
        assert_eq!(waits(&[10, 10, 50]), limits::GATHER_STEP, "a full batch need not have waited so long");
        assert_eq!(waits(&[10, 10, 2]), Duration::ZERO, "the crowd has gone");
    }

    #[test]
    fn a_disk_that_fills_is_seen_without_the_keeper() {
        let dir = tempfile::tempdir().unwrap();
        let shared = Shared::new(dir.path(), u64::MAX);
        assert_eq!(shared.health.health(), Health::Fine, "nobody has looked");
        assert_eq!(shared.fresh_health(), Health::LowDisk);
        shared.health.set_low_disk(false);
        *shared.looked.lock().unwrap() = None;
        assert_eq!(shared.fresh_health(), Health::LowDisk, "the last look is too old");
    }
}
