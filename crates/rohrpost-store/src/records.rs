//! Delivery records: what each hop left behind, kept for [`limits::RECORD_DAYS`] after its message has left.

use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::{DeliveryRecord, Mailbox, QueueId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    counters,
    error::StoreError,
    finder, limits,
    mailbox::undelete,
    message,
    quarantine::{self, Found},
    row::{Damage, Sum, json, verify},
    store::Store,
};

impl Store {
    /// Everything that is known of a message's way, in the order of time. Empty when it is not known.
    pub async fn records_of(&self, id: QueueId) -> Result<Vec<DeliveryRecord>, StoreError> {
        let Some(message) = self.message(id).await? else { return Ok(Vec::new()) };
        let (mut records, damaged) = self.read(move |connection| records(connection, id)).await?;
        self.put_aside(damaged).await?;
        records.insert(0, message.received);
        Ok(records)
    }

    /// Forgets messages that left the queue long ago, with their records, counts that no limit looks at any more, and mail
    /// that was expunged long ago.
    /// Gives how many messages; mail is taken in between.
    pub async fn prune(&self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now - SignedDuration::from_hours(24 * limits::RECORD_DAYS);
        let mut messages = 0;
        loop {
            let gone = self.write(move |connection| prune(connection, before)).await?;
            messages += gone as u64;
            if gone == 0 {
                break;
            }
        }
        let minute = before.as_second() / 60;
        while self.write(move |connection| counters::prune(connection, minute)).await? > 0 {}
        while self.write(move |connection| undelete::prune(connection, now)).await? {}
        while self.write(vacuum).await? > 0 {}
        Ok(messages)
    }
}

/// A record ready to be inserted.
#[derive(Debug)]
pub(crate) struct RecordRow {
    message: QueueId,
    address: Option<String>,
    data: String,
    crc: i64,
}

impl RecordRow {
    pub(crate) fn new(record: &DeliveryRecord) -> Self {
        let (message, data) = (record.message, json(record));
        let crc = sum(message, &data);
        Self { message, address: record.recipient.as_ref().map(Mailbox::key), data, crc }
    }

    pub(crate) fn weight(&self) -> usize {
        self.data.len()
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO record (message, address, data, crc) VALUES (?1, ?2, ?3, ?4)";
        connection.prepare_cached(sql)?.execute(params![self.message.as_i64(), self.address, self.data, self.crc])?;
        Ok(())
    }
}

fn sum(message: QueueId, data: &str) -> i64 {
    Sum::of("record").int(message.as_i64()).text(data).end()
}

fn records(connection: &Connection, id: QueueId) -> Result<(Vec<DeliveryRecord>, Vec<Found>), StoreError> {
    let sql = "SELECT id, message, address, data, crc FROM record WHERE message = ?1 ORDER BY id LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![id.as_i64(), limits::RECORDS_SHOWN_MAX])?;
    let (mut records, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(record) => records.push(record),
            Err(Damage::Row(reason)) => damaged.push(quarantine::found(row, "record", "id", reason)?),
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    Ok((records, damaged))
}

/// Reads a record's row and checks it.
pub(crate) fn read(row: &rusqlite::Row<'_>) -> Result<DeliveryRecord, Damage> {
    let message = QueueId::from_i64(row.get("message")?);
    let data = row.get_ref("data")?.as_str().map_err(rusqlite::Error::from)?;
    verify(row.get("crc")?, sum(message, data))?;
    Ok(serde_json::from_str(data)?)
}

/// Forgets some messages. The newest message and record stay: their numbers must not be given again, because the
/// search index remembers how far it has come by them.
fn prune(connection: &Connection, before: Timestamp) -> Result<usize, StoreError> {
    let sql = "SELECT id FROM message WHERE left < ?1 AND seq < (SELECT max(seq) FROM message) ORDER BY left LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let limit = limits::HOUSEKEEPING_ROWS / 4;
    let ids = statement.query_map(params![before.as_millisecond(), limit], |row| row.get::<_, i64>(0))?;
    let ids = ids.collect::<rusqlite::Result<Vec<_>>>()?;
    for id in &ids {
        finder::forget(connection, *id)?;
        let records = "DELETE FROM record WHERE message = ?1 AND id < (SELECT max(id) FROM record)";
        connection.prepare_cached(records)?.execute([id])?;
        connection.prepare_cached("DELETE FROM message WHERE id = ?1")?.execute([id])?;
    }
    Ok(ids.len())
}

/// Gives some free pages back to the file system. Gives how many are left, or 0 when that would not be worth it.
fn vacuum(connection: &Connection) -> Result<i64, StoreError> {
    let pages = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (free, all) = (pages("freelist_count")?, pages("page_count")?);
    if free * 4 < all {
        return Ok(0);
    }
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({})", limits::HOUSEKEEPING_ROWS))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    Ok(free)
}

/// Reads one message and checks it.
pub(crate) fn message(
    connection: &Connection,
    id: QueueId,
) -> Result<Result<Option<message::QueuedMessage>, Found>, StoreError> {
    let sql = format!("SELECT {} FROM message WHERE id = ?1", message::COLUMNS);
    let mut statement = connection.prepare_cached(&sql)?;
    let read = statement.query_row([id.as_i64()], |row| match message::read(row) {
        Ok(message) => Ok(Ok(message)),
        Err(Damage::Row(reason)) => Ok(Err(Ok(quarantine::found(row, "message", "id", reason)?))),
        Err(Damage::Database(error)) => Ok(Err(Err(error))),
    });
    match read.optional()? {
        None => Ok(Ok(None)),
        Some(Ok(message)) => Ok(Ok(Some(message))),
        Some(Err(Ok(found))) => Ok(Err(found)),
        Some(Err(Err(error))) => Err(error),
    }
}
