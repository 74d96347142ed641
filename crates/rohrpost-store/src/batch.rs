//! One transaction for many requests, and what happens when it fails.

use rusqlite::Connection;

use crate::{error::StoreError, writer::Waiting};

/// Writes the batch and answers each request. An error means that the file failed and must be reopened.
pub(crate) fn commit(connection: &Connection, mut batch: Vec<Waiting>) -> Result<(), StoreError> {
    match attempt(connection, &mut batch) {
        Ok(()) => {
            batch.into_iter().for_each(|waiting| waiting.request.answer(Ok(())));
            Ok(())
        }
        Err(error) if is_fatal(&error) => fail_all(batch, error),
        Err(error) if batch.len() == 1 => {
            batch.into_iter().for_each(|waiting| waiting.request.answer(Err(error.clone())));
            Ok(())
        }
        Err(_) => one_by_one(connection, batch),
    }
}

/// So that one bad request cannot refuse its neighbours.
fn one_by_one(connection: &Connection, batch: Vec<Waiting>) -> Result<(), StoreError> {
    let mut batch = batch.into_iter();
    while let Some(waiting) = batch.next() {
        if let Err(error) = commit(connection, vec![waiting]) {
            return fail_all(batch.collect(), error);
        }
    }
    Ok(())
}

fn fail_all(batch: Vec<Waiting>, error: StoreError) -> Result<(), StoreError> {
    for waiting in batch {
        waiting.request.answer(Err(error.clone()));
    }
    Err(error)
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
