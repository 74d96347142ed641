//! Counters in slots of one minute: what an account has sent, and since when.

use rusqlite::{Connection, params};

use crate::{error::StoreError, limits, message::CounterAdd, store::Store};

impl Store {
    /// The slots of a counter from a minute on, oldest first.
    pub async fn counter_slots(&self, key: &str, since_minute: i64) -> Result<Vec<(i64, u64)>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let sql = "SELECT minute, count FROM counter WHERE key = ?1 AND minute >= ?2 ORDER BY minute";
            let mut statement = connection.prepare_cached(sql)?;
            let slots = statement.query_map(params![key, since_minute], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(slots.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

/// Adds within the transaction.
pub(crate) fn add(connection: &Connection, add: &CounterAdd) -> Result<(), StoreError> {
    let sql = "INSERT INTO counter (key, minute, count) VALUES (?1, ?2, ?3)
        ON CONFLICT (key, minute) DO UPDATE SET count = count + excluded.count";
    connection.prepare_cached(sql)?.execute(params![add.key, add.minute, add.count])?;
    Ok(())
}

/// Deletes some slots that are too old for any limit. Gives how many.
pub(crate) fn prune(connection: &Connection, before_minute: i64) -> Result<usize, StoreError> {
    let sql = "DELETE FROM counter WHERE (key, minute) IN
        (SELECT key, minute FROM counter WHERE minute < ?1 LIMIT ?2)";
    Ok(connection.prepare_cached(sql)?.execute(params![before_minute, limits::HOUSEKEEPING_ROWS])?)
}
