//! The wall clock as the store knows it: the newest time it has shown, and times in rows that it has written while it
//! was ahead.
//!
//! Noticing that it was set is the queue's business, and so is saying by how much; this is only what is durable of it.

use std::time::Duration;

use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::{
    error::StoreError,
    limits, meta, quarantine,
    queue::{self, QueuedRecipient},
    row::{json, time},
    store::Store,
};

/// Under this name `meta` holds a [`Mark`].
const KEY: &str = "clock";

/// A time that the clock has shown, and the newest message of then: later messages tell of later times.
#[derive(Default, Deserialize, Serialize)]
struct Mark {
    millis: i64,
    seq: i64,
}

/// The clock was set back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SetBack {
    /// What it shows now.
    pub now: Timestamp,
    /// By how much.
    pub by: Duration,
}

impl Store {
    /// The newest time that the clock is known to have shown since [`Store::mark_time`] was last called: what was
    /// marked then, or when a message came in since. Nothing in an empty store.
    ///
    /// # Errors
    /// As any read.
    pub async fn newest_time(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            let mark = mark(connection)?;
            let sql = "SELECT max(created) FROM
                (SELECT created FROM message WHERE seq > ?1 ORDER BY seq DESC LIMIT ?2)";
            let after = mark.as_ref().map_or(0, |mark| mark.seq);
            let mut statement = connection.prepare_cached(sql)?;
            let came: Option<i64> = statement.query_row(params![after, limits::MESSAGES_SEEN], |row| row.get(0))?;
            Ok(came.max(mark.map(|mark| mark.millis)).and_then(|millis| time(millis).ok()))
        })
        .await
    }

    /// Remembers that the clock shows `now`, in the place of any time before, be it newer.
    ///
    /// # Errors
    /// As any write.
    pub async fn mark_time(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            let sql = "SELECT coalesce(max(seq), 0) FROM message";
            let seq = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
            let mark = json(&Mark { millis: now.as_millisecond(), seq });
            meta::put(connection, KEY, mark.as_bytes())
        })
        .await
    }

    /// Moves the times of one page of recipients back with the clock, in the order of their messages. The place to go
    /// on after; nothing at the end.
    ///
    /// - A recipient that came later than it is now keeps its age, its lifetime and the time it still has to wait.
    /// - One that came earlier keeps its lifetime, for the clock may have been right when it came; a retry waits no
    ///   longer than it had to when the clock was set. A delay that somebody asked for stays.
    ///
    /// So a page that is moved twice, after a crash, only tries some mail early.
    ///
    /// # Errors
    /// As any write.
    pub async fn set_back(
        &self,
        back: SetBack,
        after: Option<(QueueId, u32)>,
    ) -> Result<Option<(QueueId, u32)>, StoreError> {
        self.write(move |connection| move_page(connection, back, after)).await
    }
}

fn mark(connection: &Connection) -> Result<Option<Mark>, StoreError> {
    let value = meta::get(connection, KEY)?;
    // A mark that cannot be read is as good as none.
    Ok(value.and_then(|value| serde_json::from_slice(&value).ok()))
}

/// Reads and writes within one transaction, so that no settlement comes in between and is undone.
fn move_page(
    connection: &Connection,
    back: SetBack,
    after: Option<(QueueId, u32)>,
) -> Result<Option<(QueueId, u32)>, StoreError> {
    let columns = queue::COLUMNS;
    let sql = format!("SELECT {columns} FROM recipient WHERE (message, n) > (?1, ?2) ORDER BY message, n LIMIT ?3");
    let (message, n) = after.unwrap_or((QueueId::from_i64(i64::MIN), 0));
    let page = queue::select(connection, &sql, params![message.as_i64(), n, limits::HOUSEKEEPING_ROWS])?;
    for damaged in &page.damaged {
        quarantine::put(connection, damaged, back.now)?;
    }
    let whole = page.rows.len() + page.damaged.len() == limits::HOUSEKEEPING_ROWS;
    let last = page.rows.last().map_or((message, n), |row| (row.queued.message, row.queued.n));
    for mut row in page.rows {
        if move_back(&mut row.queued, back) {
            row.update(connection)?;
        }
    }
    Ok(whole.then_some(last))
}

/// Whether anything of it had to be moved.
fn move_back(row: &mut QueuedRecipient, SetBack { now, by }: SetBack) -> bool {
    let ahead = Duration::try_from(row.created.duration_since(now)).unwrap_or_default();
    if ahead >= limits::AHEAD_MIN {
        // It may have come after the newest time that was seen.
        let by = by.max(ahead);
        for at in [&mut row.created, &mut row.due, &mut row.expires] {
            *at = earlier(*at, by);
        }
        return true;
    }
    let due = earlier(row.due, by).max(now);
    let waits_too_long = row.attempts > 0 && due < row.due;
    if waits_too_long {
        row.due = due;
    }
    waits_too_long
}

fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
