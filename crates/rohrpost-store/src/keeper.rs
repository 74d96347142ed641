//! What goes on beside the mail: checkpoints, the look at the disk, files to unlink, the search index.
//!
//! Two threads, because a checkpoint may take seconds and the look at the disk must not wait for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rohrpost_mail::QueueId;
use rusqlite::Connection;

use crate::{
    body::files::Files,
    error::StoreError,
    finder,
    ids::Ids,
    limits, open,
    writer::{Shared, Writer},
};

/// How often the disk is looked at.
const LOOK_PAUSE: Duration = Duration::from_secs(1);
/// How long a log that is too short for a checkpoint of its own waits for one.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(10);
/// Looks at the disk between two runs of the index when little has come in.
const LOOKS_BETWEEN_INDEXING: u32 = 30;

/// A thread that does something now and then, and at once when it is nudged. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    nudge: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    fn start(name: &str, pause: Duration, mut work: impl FnMut() + Send + 'static) -> Self {
        let (nudge, nudges) = sync_channel(1);
        let run = move || {
            while wait(&nudges, pause) {
                work();
            }
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(run);
        Self { nudge: Some(nudge), thread: Some(thread.expect("a process that starts can start one more thread")) }
    }

    /// Asks for a run soon, from elsewhere. One nudge is as good as many.
    pub(crate) fn nudger(&self) -> impl Fn() + Send + 'static {
        let nudge = self.nudge.clone();
        move || {
            if let Some(nudge) = &nudge {
                // A full channel means that a nudge is waiting already.
                let _ = nudge.try_send(());
            }
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.nudge = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; nothing is left to be done about it here.
            let _ = thread.join();
        }
    }
}

/// Waits for a nudge or for the time. False when the keeper is being dropped.
fn wait(nudges: &Receiver<()>, pause: Duration) -> bool {
    !matches!(nudges.recv_timeout(pause), Err(RecvTimeoutError::Disconnected))
}

/// Starts the thread that moves the log into the database.
pub(crate) fn checkpoints(shared: Arc<Shared>) -> Keeper {
    let mut checkpointer = Checkpointer { shared, connection: None, moved: 0 };
    Keeper::start("store-checkpoint", CHECKPOINT_PAUSE, move || {
        if let Err(error) = checkpointer.run() {
            // The log keeps what could not be moved, so nothing is lost; the next run tries again.
            tracing::error!(%error, "a checkpoint failed");
            checkpointer.connection = None;
        }
    })
}

struct Checkpointer {
    shared: Arc<Shared>,
    connection: Option<(u64, Connection)>,
    /// Octets of the log at the last run.
    moved: u64,
}

impl Checkpointer {
    fn run(&mut self) -> Result<(), StoreError> {
        let logged = self.shared.wal_bytes.load(Ordering::Relaxed);
        if logged == self.moved {
            return Ok(());
        }
        let shared = self.shared.clone();
        let connection = self.connection()?;
        checkpoint(connection, "PASSIVE")?;
        if logged >= limits::WAL_RESTART_BYTES {
            // The log starts anew only once nobody reads it. The run before has left little to wait for.
            let _alone = shared.gate.checkpoint();
            checkpoint(connection, "RESTART")?;
        }
        self.moved = self.shared.wal_bytes.load(Ordering::Relaxed);
        self.shared.checkpointed.store(self.moved, Ordering::Relaxed);
        Ok(())
    }

    fn connection(&mut self) -> Result<&Connection, StoreError> {
        let generation = self.shared.generation.load(Ordering::Acquire);
        self.connection.take_if(|(of, _)| *of != generation);
        if self.connection.is_none() {
            self.connection = Some((generation, open::checkpointer(&self.shared.dir)?));
        }
        let (_, connection) = self.connection.as_ref().expect("it was opened just now");
        Ok(connection)
    }
}

fn checkpoint(connection: &Connection, mode: &str) -> Result<(), StoreError> {
    Ok(connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))?)
}

/// Whether the log has grown enough since the last checkpoint for another one. It shrinks when it starts anew.
pub(crate) fn wants_checkpoint(shared: &Shared) -> bool {
    let logged = shared.wal_bytes.load(Ordering::Relaxed);
    let moved = shared.checkpointed.load(Ordering::Relaxed);
    let moved = if moved > logged { 0 } else { moved };
    logged - moved >= limits::WAL_PASSIVE_BYTES
}

/// Starts the thread that looks at the disk, unlinks files and fills the search index.
pub(crate) fn housekeeping(house: House) -> Keeper {
    let mut house = house;
    house.shared.look_at_disk();
    Keeper::start("store-keeper", LOOK_PAUSE, move || {
        house.shared.look_at_disk();
        if let Err(error) = house.tidy() {
            tracing::warn!(%error, "housekeeping failed; it is tried again");
        }
    })
}

/// What housekeeping needs.
pub(crate) struct House {
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) files: Arc<Files>,
    pub(crate) ids: Arc<Ids>,
    /// Messages committed since the index was filled.
    pub(crate) unindexed: Arc<AtomicU64>,
    pub(crate) looks: u32,
    pub(crate) swept: bool,
}

impl House {
    pub(crate) fn tidy(&mut self) -> Result<(), StoreError> {
        if !self.swept {
            self.sweep()?;
            self.swept = true;
        }
        self.collect_garbage()?;
        self.looks += 1;
        let unindexed = self.unindexed.load(Ordering::Relaxed);
        if unindexed >= limits::UNINDEXED_MESSAGES_MAX / 4 || self.looks >= LOOKS_BETWEEN_INDEXING {
            self.looks = 0;
            self.unindexed.fetch_sub(unindexed, Ordering::Relaxed);
            while self.writer.call_now(finder::index)? > 0 {}
        }
        Ok(())
    }

    /// Unlinks files whose row is gone, then forgets them: a crash in between only unlinks them again.
    fn collect_garbage(&self) -> Result<(), StoreError> {
        let ids = self.writer.call_now(garbage)?;
        if ids.is_empty() {
            return Ok(());
        }
        for id in &ids {
            self.files.remove(*id)?;
        }
        self.writer.call_now(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM garbage WHERE id = ?1")?;
            ids.iter().try_for_each(|id| delete.execute([id.as_i64()]).map(|_| ()))?;
            Ok(())
        })
    }

    /// Unlinks files of earlier runs that no row names: their sessions died before the commit. A file of this run may
    /// be about to get its row, so it is left alone.
    fn sweep(&self) -> Result<(), StoreError> {
        for shard in 0..=u8::MAX {
            let mut old = self.files.shard(shard)?;
            old.retain(|id| *id <= self.ids.first());
            if old.is_empty() {
                continue;
            }
            for orphan in self.writer.call_now(move |connection| orphans(connection, &old))? {
                tracing::info!(body = %orphan, "an orphaned body file is removed");
                self.files.remove(orphan)?;
            }
        }
        Ok(())
    }
}

fn garbage(connection: &Connection) -> Result<Vec<QueueId>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM garbage LIMIT ?1")?;
    let ids = statement.query_map([limits::HOUSEKEEPING_ROWS], |row| row.get(0).map(QueueId::from_i64))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Those of `ids` that no row, no garbage entry and no quarantine names.
pub(crate) fn orphans(connection: &Connection, ids: &[QueueId]) -> Result<Vec<QueueId>, StoreError> {
    let sql = "SELECT 1 WHERE EXISTS (SELECT 1 FROM body WHERE id = ?1) OR EXISTS (SELECT 1 FROM garbage WHERE id = ?1)
        OR EXISTS (SELECT 1 FROM quarantine WHERE source = 'body' AND key = CAST(?1 AS TEXT))";
    let mut known = connection.prepare_cached(sql)?;
    let mut orphans = Vec::new();
    for id in ids {
        if !known.exists([id.as_i64()])? {
            orphans.push(*id);
        }
    }
    Ok(orphans)
}
