//! Rows that are not what was written: moved aside as they were found, reported, never deleted.

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    error::StoreError,
    limits,
    mailbox::{MailboxId, damage},
    queue::{self, State},
    row::{self, time},
    store::Store,
};

/// A damaged row, as a reader found it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its table.
    source: &'static str,
    /// Its key; two numbers for a recipient and for mail.
    key: (i64, Option<i64>),
    reason: String,
    data: Vec<u8>,
}

impl Found {
    fn name(&self) -> String {
        match self.key {
            (first, None) => first.to_string(),
            (first, Some(second)) => format!("{first}/{second}"),
        }
    }

    pub(crate) fn error(&self) -> StoreError {
        StoreError::Corrupt { what: format!("{} {}", self.source, self.name()) }
    }
}

/// Something in quarantine.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quarantined {
    /// Its number there.
    pub id: i64,
    /// Since when.
    pub at: Timestamp,
    /// Where it was: table and key.
    pub what: String,
    /// Why it was not taken.
    pub reason: String,
    /// The row as it was found: JSON, or the octets of a body.
    pub data: Vec<u8>,
}

impl Store {
    /// What is in quarantine, oldest first.
    pub async fn quarantined(&self, limit: usize) -> Result<Vec<Quarantined>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT id, at, source, key, reason, data FROM quarantine ORDER BY id LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([limit.min(limits::PAGE_ROWS_MAX)], |row| {
                Ok(Quarantined {
                    id: row.get("id")?,
                    at: time(row.get("at")?).unwrap_or(Timestamp::UNIX_EPOCH),
                    what: format!("{} {}", row.get::<_, String>("source")?, row.get::<_, String>("key")?),
                    reason: row.get("reason")?,
                    data: row.get("data")?,
                })
            })?;
            Ok(rows.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Moves damaged rows aside. A store that is open for reading only leaves them where they are.
    pub(crate) async fn put_aside(&self, damaged: Vec<Found>) -> Result<(), StoreError> {
        if damaged.is_empty() || self.is_read_only() {
            return Ok(());
        }
        let now = Timestamp::now();
        self.work_always(move |work| {
            damaged.iter().try_for_each(|found| {
                put(work.connection, found, now)?;
                if found.source == "mail" { work.touch(MailboxId(found.key.0)) } else { Ok(()) }
            })
        })
        .await
    }

    /// Moves a damaged body aside, and gives the error that says so.
    pub(crate) async fn quarantine_body(&self, id: QueueId, reason: String) -> StoreError {
        let found = Found { source: "body", key: (id.as_i64(), None), reason, data: Vec::new() };
        let told = found.error();
        self.put_aside(vec![found]).await.err().unwrap_or(told)
    }
}

/// A damaged row with one key.
pub(crate) fn found(row: &Row<'_>, source: &'static str, key: &str, reason: String) -> rusqlite::Result<Found> {
    Ok(Found { source, key: (row.get(key)?, None), reason, data: row::raw(row)? })
}

/// A damaged row of the queue.
pub(crate) fn found_recipient(row: &Row<'_>, reason: String) -> rusqlite::Result<Found> {
    let key = (row.get("message")?, Some(row.get("n")?));
    Ok(Found { source: "recipient", key, reason, data: row::raw(row)? })
}

/// Damaged mail; mailbox and UID are its first two columns.
pub(crate) fn found_mail(row: &Row<'_>, reason: String) -> rusqlite::Result<Found> {
    let key = (row.get(0)?, Some(row.get(1)?));
    Ok(Found { source: "mail", key, reason, data: row::raw(row)? })
}

/// Moves a row within a transaction, and holds back what depended on it.
pub(crate) fn put(connection: &Connection, found: &Found, now: Timestamp) -> Result<(), StoreError> {
    let Found { source, key, reason, data } = found;
    let name = found.name();
    let known = "SELECT 1 FROM quarantine WHERE source = ?1 AND key = ?2";
    if connection.prepare_cached(known)?.exists(params![source, name])? {
        return hold_dependants(connection, found);
    }
    tracing::error!(table = source, key = name, reason, "a damaged row goes to quarantine");
    let body = (*source == "body").then(|| raw_body(connection, key.0)).transpose()?.flatten();
    let sql = "INSERT INTO quarantine (at, source, key, reason, data) VALUES (?1, ?2, ?3, ?4, ?5)";
    let data = body.as_ref().unwrap_or(data);
    connection.prepare_cached(sql)?.execute(params![now.as_millisecond(), source, name, reason, data])?;
    hold_dependants(connection, found)?;
    match key {
        (mailbox, Some(uid)) if *source == "mail" => damage::remove(connection, *mailbox, *uid, now)?,
        (first, Some(second)) => {
            let sql = "DELETE FROM recipient WHERE message = ?1 AND n = ?2";
            connection.prepare_cached(sql)?.execute([first, second])?;
        }
        (first, None) => {
            connection.execute(&format!("DELETE FROM {source} WHERE id = ?1"), [first])?;
        }
    }
    Ok(())
}

fn raw_body(connection: &Connection, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let data = connection.query_row("SELECT CAST(data AS BLOB) FROM body WHERE id = ?1", [id], |row| row.get(0));
    Ok(data.optional()?)
}

/// Takes the recipients of a damaged message or body out of the worker's sight. They wait for an operator.
fn hold_dependants(connection: &Connection, found: &Found) -> Result<(), StoreError> {
    let sql = match found.source {
        "message" => format!("SELECT {} FROM recipient WHERE message = ?1", queue::COLUMNS),
        "body" => format!(
            "SELECT {} FROM recipient WHERE message IN (SELECT message FROM queued_body WHERE body = ?1)",
            queue::COLUMNS
        ),
        _ => return Ok(()),
    };
    for mut row in queue::select(connection, &sql, [found.key.0])?.rows {
        row.queued.state = State::Quarantined;
        row.last = Some(format!("{}: {}", found.error(), found.reason));
        row.update(connection)?;
    }
    Ok(())
}
