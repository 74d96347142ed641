//! One transaction for many requests, and what happens when it fails.

use rusqlite::Connection;

use crate::{error::StoreError, writer::Waiting};

/// The file failed and must be reopened. These requests have no answer yet.
pub(crate) struct Broken {
    pub(crate) error: StoreError,
    pub(crate) unanswered: Vec<Waiting>,
}

/// Writes the batch and answers each request.
pub(crate) fn commit(connection: &Connection, mut batch: Vec<Waiting>) -> Result<(), Broken> {
    match attempt(connection, &mut batch) {
        Err(error) if is_fatal(&error) => Err(Broken { error, unanswered: batch }),
        Err(_) if batch.len() > 1 => one_by_one(connection, batch),
        result => {
            for waiting in batch {
                waiting.request.answer(result.clone());
            }
            Ok(())
        }
    }
}

/// So that one bad request cannot refuse its neighbours.
fn one_by_one(connection: &Connection, batch: Vec<Waiting>) -> Result<(), Broken> {
    let mut batch = batch.into_iter();
    while let Some(waiting) = batch.next() {
        commit(connection, vec![waiting]).map_err(|mut broken| {
            broken.unanswered.extend(batch.by_ref());
            broken
        })?;
    }
    Ok(())
}

fn attempt(connection: &Connection, batch: &mut [Waiting]) -> Result<(), StoreError> {
    run(connection, || batch.iter_mut().try_for_each(|waiting| waiting.request.run(connection)))
}

/// A transaction around `work`, rolled back on any error.
fn run(connection: &Connection, work: impl FnOnce() -> Result<(), StoreError>) -> Result<(), StoreError> {
    execute(connection, "BEGIN IMMEDIATE")?;
    let result = work().and_then(|()| execute(connection, "COMMIT"));
    if result.is_err() && !connection.is_autocommit() {
        // SQLite rolls back by itself after some errors; a rollback that fails leaves a connection we must not use.
        execute(connection, "ROLLBACK").map_err(|error| StoreError::Io(error.to_string()))?;
    }
    result
}

fn execute(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Whether the file is to blame, not the request nor a disk that is merely full.
fn is_fatal(error: &StoreError) -> bool {
    matches!(error, StoreError::Io(_) | StoreError::Failed(_))
}

/// Writes and syncs a small row, to learn whether the file takes commits.
pub(crate) fn probe(connection: &Connection) -> Result<(), StoreError> {
    let now = jiff::Timestamp::now().to_string();
    run(connection, || {
        connection.execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('opened', ?1)", [now.as_bytes()])?;
        Ok(())
    })
}
