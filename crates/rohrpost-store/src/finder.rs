//! The index that `trace` searches: addresses and Message-IDs to messages.
//!
//! Keys come in no order, so an entry per commit would touch a page of its own and write it to the log each time.
//! Entries are made later instead, many at once and sorted; a search reads the few messages without entries one by one.

use rohrpost_mail::{Mailbox, QueueId};
use rusqlite::{Connection, params};

use crate::{error::StoreError, limits, meta, store::Store};

/// What to find messages by.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Find {
    /// The id.
    Id(QueueId),
    /// The `Message-ID`, with angle brackets.
    MessageId(String),
    /// A sender's or recipient's address.
    Address(Mailbox),
}

impl Store {
    /// Messages in the queue, and those that have left it as long as their records stay; the newest first.
    pub async fn find_messages(&self, find: Find, limit: usize) -> Result<Vec<QueueId>, StoreError> {
        let key = match find {
            Find::Id(id) => return Ok(self.message(id).await?.map(|message| message.id).into_iter().collect()),
            Find::MessageId(message_id) => message_id,
            Find::Address(address) => address.key(),
        };
        self.read(move |connection| {
            let marks = Marks::read(connection)?;
            let sql = "SELECT message FROM found WHERE key = ?1
                UNION SELECT id FROM message WHERE seq > ?2 AND (sender = ?1 OR message_id = ?1)
                UNION SELECT message FROM recipient WHERE address = ?1
                    AND message IN (SELECT id FROM message WHERE seq > ?2)
                UNION SELECT message FROM record WHERE id > ?3 AND address = ?1
                ORDER BY message DESC LIMIT ?4";
            let mut statement = connection.prepare_cached(sql)?;
            let limit = limit.min(limits::PAGE_ROWS_MAX);
            let ids = statement.query_map(params![key, marks.message, marks.record, limit], |row| row.get(0))?;
            Ok(ids.map(|id| id.map(QueueId::from_i64)).collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

/// How far the index has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Deserialize, serde::Serialize)]
struct Marks {
    message: i64,
    record: i64,
}

impl Marks {
    fn read(connection: &Connection) -> Result<Self, StoreError> {
        let value = meta::get(connection, "finder")?;
        // Marks that cannot be read start the index anew, which only takes time.
        Ok(value.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_default())
    }

    fn write(self, connection: &Connection) -> Result<(), StoreError> {
        meta::put(connection, "finder", crate::row::json(&self).as_bytes())
    }
}

/// Makes entries for some messages and records. Gives for how many.
pub(crate) fn index(connection: &Connection) -> Result<usize, StoreError> {
    let mut marks = Marks::read(connection)?;
    let mut keys = Vec::new();
    let messages = gather_messages(connection, &mut marks, &mut keys)?;
    let records = gather_records(connection, &mut marks, &mut keys)?;
    if messages + records == 0 {
        return Ok(0);
    }
    keys.sort_unstable();
    keys.dedup();
    let mut insert = connection.prepare_cached("INSERT OR IGNORE INTO found (key, message) VALUES (?1, ?2)")?;
    for (key, message) in &keys {
        insert.execute(params![key, message])?;
    }
    marks.write(connection)?;
    Ok(messages + records)
}

fn gather_messages(
    connection: &Connection,
    marks: &mut Marks,
    keys: &mut Vec<(String, i64)>,
) -> Result<usize, StoreError> {
    let sql = "SELECT seq, id, sender, message_id FROM message WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut messages = connection.prepare_cached(sql)?;
    let mut addresses = connection.prepare_cached("SELECT address FROM recipient WHERE message = ?1")?;
    let mut rows = messages.query(params![marks.message, limits::HOUSEKEEPING_ROWS])?;
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get("id")?;
        marks.message = row.get("seq")?;
        taken += 1;
        let sender: Option<String> = row.get("sender").ok().filter(|sender: &String| !sender.is_empty());
        let message_id: Option<String> = row.get("message_id").ok().flatten();
        keys.extend(sender.into_iter().chain(message_id).map(|key| (key, id)));
        let mut recipients = addresses.query([id])?;
        while let Some(recipient) = recipients.next()? {
            keys.extend(recipient.get("address").ok().map(|key| (key, id)));
        }
    }
    Ok(taken)
}

fn gather_records(
    connection: &Connection,
    marks: &mut Marks,
    keys: &mut Vec<(String, i64)>,
) -> Result<usize, StoreError> {
    let sql = "SELECT id, message, address FROM record WHERE id > ?1 ORDER BY id LIMIT ?2";
    let mut records = connection.prepare_cached(sql)?;
    let mut rows = records.query(params![marks.record, limits::HOUSEKEEPING_ROWS])?;
    let mut taken = 0;
    while let Some(row) = rows.next()? {
        marks.record = row.get("id")?;
        taken += 1;
        let address: Option<String> = row.get("address").ok().flatten();
        keys.extend(address.map(|key| row.get("message").map(|message| (key, message))).transpose()?);
    }
    Ok(taken)
}

/// Removes the entries of a message that is about to be forgotten.
pub(crate) fn forget(connection: &Connection, message: i64) -> Result<(), StoreError> {
    let sql = "DELETE FROM found WHERE message = ?1 AND key IN (
        SELECT sender FROM message WHERE id = ?1
        UNION SELECT message_id FROM message WHERE id = ?1 AND message_id IS NOT NULL
        UNION SELECT address FROM record WHERE message = ?1 AND address IS NOT NULL)";
    connection.prepare_cached(sql)?.execute([message])?;
    Ok(())
}
