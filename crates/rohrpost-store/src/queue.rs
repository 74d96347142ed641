//! The queue as its worker sees it: who is due, at which site, in which state.

use jiff::Timestamp;
use rohrpost_mail::{QueueId, Recipient};
use rusqlite::{Connection, OptionalExtension, Params, Row, params, params_from_iter, types::Value};

use crate::{
    error::StoreError,
    limits,
    message::NewRecipient,
    quarantine::{self, Found},
    row::{Damage, Sum, count, json, time, verify},
    store::Store,
};

/// Where a recipient stands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// For its time.
    Waiting,
    /// For an operator.
    Held,
    /// Its row or the body is damaged; it waits for an operator.
    Quarantined,
}

/// A recipient in the queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueuedRecipient {
    /// Which message.
    pub message: QueueId,
    /// Which of its recipients, from 0.
    pub n: u32,
    /// Who.
    pub recipient: Recipient,
    /// `local`, `mx`, or the name of a route.
    pub route: String,
    /// The domain.
    pub site: String,
    /// Not before.
    pub due: Timestamp,
    /// Where it stands.
    pub state: State,
    /// Attempts so far.
    pub attempts: u32,
    /// When the message came in.
    pub created: Timestamp,
    /// When delivery is given up.
    pub expires: Timestamp,
    /// Whether the sender was told that it is late.
    pub delay_notice_sent: bool,
}

/// A place in the order of the queue: after the row with these values.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// Its time.
    pub due: Timestamp,
    /// Its message.
    pub message: QueueId,
    /// Its number.
    pub n: u32,
}

impl QueuedRecipient {
    /// The place of this row, to go on after it.
    pub fn cursor(&self) -> Cursor {
        Cursor { due: self.due, message: self.message, n: self.n }
    }
}

impl State {
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Waiting => 0,
            Self::Held => 1,
            Self::Quarantined => 2,
        }
    }

    fn from_number(number: i64) -> Result<Self, Damage> {
        match number {
            0 => Ok(Self::Waiting),
            1 => Ok(Self::Held),
            2 => Ok(Self::Quarantined),
            _ => Err(Damage::Row(format!("there is no state {number}"))),
        }
    }
}

/// Which waiting recipients of one site to read, in the order of their time.
#[derive(Clone, Debug)]
pub struct DueQuery {
    /// Which route.
    pub route: String,
    /// Which site of it.
    pub site: String,
    /// Those with attempts behind them, or those without.
    pub retry: bool,
    /// Only those due by then.
    pub until: Timestamp,
    /// Go on after this row.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// One half of what waits for a site: first attempts, or retries.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SiteHead {
    /// Which route.
    pub route: String,
    /// Which site of it.
    pub site: String,
    /// Those with attempts behind them, or those without.
    pub retry: bool,
    /// When the first of them is due.
    pub due: Timestamp,
}

/// A place in the order of [`SiteHead`]s: after this one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SiteCursor {
    /// Its route.
    pub route: String,
    /// Its site.
    pub site: String,
    /// Its half.
    pub retry: bool,
}

/// Which waiting recipients to read for expiry and delay notices, in the order of their messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OverdueQuery {
    /// Only messages with smaller ids: those that came in before some time.
    pub created_before: QueueId,
    /// Those whose time is over by now, and those whose sender was not told that they are late.
    pub now: Timestamp,
    /// Go on after this recipient.
    pub after: Option<(QueueId, u32)>,
    /// At most so many.
    pub limit: usize,
}

impl Store {
    /// Waiting recipients of one site, by their time.
    pub async fn due(&self, query: DueQuery) -> Result<Vec<QueuedRecipient>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM recipient INDEXED BY recipient_waiting
             WHERE state = 0 AND route = ?1 AND site = ?2 AND retry = ?3 AND due <= ?4 AND (due, message, n) > (?5, ?6, ?7)
             ORDER BY due, message, n LIMIT ?8"
        );
        let after = query
            .after
            .map_or((i64::MIN, i64::MIN, 0), |at| (at.due.as_millisecond(), at.message.as_i64(), i64::from(at.n)));
        let (until, limit) = (query.until.as_millisecond(), rows_max(query.limit));
        let params = [query.route.into(), query.site.into(), query.retry.into(), until.into(), after.0.into()];
        self.select(sql, params.into_iter().chain([after.1.into(), after.2.into(), limit]).collect()).await
    }

    /// Waiting recipients whose time is over or whose sender was not told that they are late, by their message.
    pub async fn overdue(&self, query: OverdueQuery) -> Result<Vec<QueuedRecipient>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM recipient
             WHERE (message, n) > (?1, ?2) AND message < ?3 AND state = 0 AND (expires <= ?4 OR notified = 0)
             ORDER BY message, n LIMIT ?5"
        );
        let after = query.after.map_or((i64::MIN, 0), |(message, n)| (message.as_i64(), i64::from(n)));
        let (before, now) = (query.created_before.as_i64(), query.now.as_millisecond());
        self.select(sql, vec![after.0.into(), after.1.into(), before.into(), now.into(), rows_max(query.limit)]).await
    }

    /// The recipients of a message that are still in the queue.
    pub async fn recipients(&self, message: QueueId) -> Result<Vec<QueuedRecipient>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM recipient WHERE message = ?1 ORDER BY n");
        self.select(sql, vec![message.as_i64().into()]).await
    }

    /// The sites that somebody waits for, each with the time of its first recipient: one look into the index a site,
    /// however many wait there.
    pub async fn site_heads(&self, after: Option<SiteCursor>, limit: usize) -> Result<Vec<SiteHead>, StoreError> {
        self.read(move |connection| {
            let mut heads = Vec::new();
            let mut at = after;
            while heads.len() < limit.min(limits::PAGE_ROWS_MAX) {
                let Some(head) = next_head(connection, at.as_ref())? else { break };
                at = Some(SiteCursor { route: head.route.clone(), site: head.site.clone(), retry: head.retry });
                heads.push(head);
            }
            Ok(heads)
        })
        .await
    }

    /// Reads recipients; damaged rows go to quarantine and the others are given.
    async fn select(&self, sql: String, params: Vec<Value>) -> Result<Vec<QueuedRecipient>, StoreError> {
        let selected = self.read(move |connection| select(connection, &sql, params_from_iter(params))).await?;
        self.put_aside(selected.damaged).await?;
        Ok(selected.rows.into_iter().map(|row| row.queued).collect())
    }
}

fn rows_max(limit: usize) -> Value {
    Value::Integer(count(limit.min(limits::PAGE_ROWS_MAX) as u64))
}

/// Rows that are good, and those that are not.
#[derive(Debug, Default)]
pub(crate) struct Selected {
    pub(crate) rows: Vec<RecipientRow>,
    pub(crate) damaged: Vec<Found>,
}

/// Reads recipients. The statement selects [`COLUMNS`].
pub(crate) fn select(connection: &Connection, sql: &str, params: impl Params) -> Result<Selected, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut selected = Selected::default();
    while let Some(row) = rows.next()? {
        match RecipientRow::read(row) {
            Ok(row) => selected.rows.push(row),
            Err(Damage::Row(reason)) => selected.damaged.push(quarantine::found_recipient(row, reason)?),
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    Ok(selected)
}

fn next_head(connection: &Connection, after: Option<&SiteCursor>) -> Result<Option<SiteHead>, StoreError> {
    let sql = "SELECT route, site, retry, due FROM recipient INDEXED BY recipient_waiting
        WHERE state = 0 AND (route, site, retry) > (?1, ?2, ?3) ORDER BY route, site, retry, due LIMIT 1";
    let (route, site, retry) =
        after.map_or(("", "", -1), |at| (at.route.as_str(), at.site.as_str(), i64::from(at.retry)));
    let mut statement = connection.prepare_cached(sql)?;
    let head = statement.query_row(params![route, site, retry], |row| {
        // A damaged time is found, and put aside, when the row itself is read: until then it counts as due.
        let due = time(row.get("due")?).unwrap_or(Timestamp::UNIX_EPOCH);
        Ok(SiteHead { route: row.get("route")?, site: row.get("site")?, retry: row.get("retry")?, due })
    });
    Ok(head.optional()?)
}

/// The columns that [`RecipientRow::read`] wants.
pub(crate) const COLUMNS: &str = "message, n, route, site, due, state, attempts, recipient, created, expires, notified, \
     last, crc";

/// A row of the table `recipient`.
#[derive(Clone, Debug)]
pub(crate) struct RecipientRow {
    pub(crate) queued: QueuedRecipient,
    pub(crate) last: Option<String>,
}

impl RecipientRow {
    /// A row on its way in; `expires` is when its message does.
    pub(crate) fn new(message: QueueId, n: u32, new: NewRecipient, created: Timestamp, expires: Timestamp) -> Self {
        let NewRecipient { recipient, route, site, due, hold, expires: of_its_own } = new;
        let state = if hold { State::Held } else { State::Waiting };
        let queued = QueuedRecipient {
            message,
            n,
            recipient,
            route,
            site,
            due,
            state,
            attempts: 0,
            created,
            expires: of_its_own.unwrap_or(expires),
            delay_notice_sent: false,
        };
        Self { queued, last: None }
    }

    /// Reads a row and checks it.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, Damage> {
        let queued = QueuedRecipient {
            message: QueueId::from_i64(row.get("message")?),
            n: row.get("n")?,
            recipient: serde_json::from_str(row.get_ref("recipient")?.as_str().map_err(rusqlite::Error::from)?)?,
            route: row.get("route")?,
            site: row.get("site")?,
            due: time(row.get("due")?)?,
            state: State::from_number(row.get("state")?)?,
            attempts: row.get("attempts")?,
            created: time(row.get("created")?)?,
            expires: time(row.get("expires")?)?,
            delay_notice_sent: row.get("notified")?,
        };
        let read = Self { queued, last: row.get("last")? };
        verify(row.get("crc")?, read.sum(&json(&read.queued.recipient)))?;
        Ok(read)
    }

    /// The row of one recipient: nothing when it has left, damage when it is not what was written.
    pub(crate) fn find(connection: &Connection, message: QueueId, n: u32) -> Result<Selected, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM recipient WHERE message = ?1 AND n = ?2");
        select(connection, &sql, params![message.as_i64(), n])
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        self.write(
            connection,
            "INSERT INTO recipient (message, n, route, site, retry, due, state, attempts, address, recipient, created,
             expires, notified, last, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )
    }

    /// Writes all columns anew, so that the checksum covers what changed.
    pub(crate) fn update(&self, connection: &Connection) -> Result<(), StoreError> {
        self.write(
            connection,
            "UPDATE recipient SET route = ?3, site = ?4, retry = ?5, due = ?6, state = ?7, attempts = ?8, address = ?9,
             recipient = ?10, created = ?11, expires = ?12, notified = ?13, last = ?14, crc = ?15
             WHERE message = ?1 AND n = ?2",
        )
    }

    fn write(&self, connection: &Connection, sql: &str) -> Result<(), StoreError> {
        let QueuedRecipient { message, n, recipient, route, site, due, state, attempts, .. } = &self.queued;
        let text = json(recipient);
        connection.prepare_cached(sql)?.execute(params![
            message.as_i64(),
            n,
            route,
            site,
            *attempts > 0,
            due.as_millisecond(),
            state.number(),
            attempts,
            recipient.address.key(),
            text,
            self.queued.created.as_millisecond(),
            self.queued.expires.as_millisecond(),
            self.queued.delay_notice_sent,
            self.last,
            self.sum(&text),
        ])?;
        Ok(())
    }

    fn sum(&self, recipient: &str) -> i64 {
        let QueuedRecipient { message, n, route, site, due, state, attempts, created, expires, .. } = &self.queued;
        let sum = Sum::of("recipient").int(message.as_i64()).int(i64::from(*n)).text(route).text(site);
        let sum = sum.int(due.as_millisecond()).int(state.number()).int(i64::from(*attempts)).text(recipient);
        let sum = sum.int(created.as_millisecond()).int(expires.as_millisecond());
        sum.int(i64::from(self.queued.delay_notice_sent)).maybe(self.last.as_deref()).end()
    }
}

/// Takes a recipient out of the queue.
pub(crate) fn remove(connection: &Connection, message: QueueId, n: u32) -> Result<(), StoreError> {
    let sql = "DELETE FROM recipient WHERE message = ?1 AND n = ?2";
    connection.prepare_cached(sql)?.execute(params![message.as_i64(), n])?;
    Ok(())
}
