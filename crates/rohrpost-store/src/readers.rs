//! The connections that read. Each read is short: a reader that stays holds back the checkpoint.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{error::StoreError, limits, open, writer::Shared};

/// Instructions of SQLite's machine between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 10_000;

/// A pool of connections, opened when they are needed.
#[derive(Debug)]
pub(crate) struct Readers {
    shared: Arc<Shared>,
    idle: Mutex<Vec<(u64, Connection)>>,
    places: Semaphore,
}

impl Readers {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, idle: Mutex::default(), places: Semaphore::new(limits::READERS_MAX) }
    }

    /// Reads on a blocking thread, for at most [`limits::READ_TIME_MAX`].
    pub(crate) async fn read<T, F>(self: &Arc<Self>, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_for(limits::READ_TIME_MAX, job).await
    }

    /// Reads on a blocking thread, for at most `time_max`.
    pub(crate) async fn read_for<T, F>(self: &Arc<Self>, time_max: Duration, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let readers = self.clone();
        let work = tokio::task::spawn_blocking(move || readers.with_connection(time_max, job));
        work.await.unwrap_or_else(|_| Err(StoreError::Failed("the reader has stopped".to_owned())))
    }

    fn with_connection<T>(
        &self,
        time_max: Duration,
        job: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let generation = self.shared.generation.load(Ordering::Acquire);
        let mut connection = self.connection(generation)?;
        let until = Instant::now() + time_max;
        connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(move || Instant::now() > until))?;
        let result = job(&connection);
        if self.shared.generation.load(Ordering::Acquire) == generation && connection.is_autocommit() {
            self.idle.lock().expect("nobody panics with this lock").push((generation, connection));
        }
        if let Err(StoreError::Failed(reason)) = &result {
            self.shared.health.set_failed(Some(reason.clone()));
        }
        result
    }

    fn connection(&self, generation: u64) -> Result<Connection, StoreError> {
        let mut idle = self.idle.lock().expect("nobody panics with this lock");
        idle.retain(|(of, _)| *of == generation);
        let idle_one = idle.pop();
        drop(idle);
        match idle_one {
            Some((_, connection)) => Ok(connection),
            None => Ok(open::reader(&self.shared.dir)?),
        }
    }
}
