//! Reading: what a session must know of a mailbox, what changed since, and the mail itself, page by page.

use std::ops::{BitOr, RangeInclusive};

use bytes::{Bytes, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, Row, params};

use super::{
    Entry, Flags, MailboxError, MailboxId, MailboxInfo, ObjectId,
    rows::{MAIL_COLUMN_COUNT, MAIL_COLUMNS, MailRow, MailboxRow},
    select, shapes, uids,
};
use crate::{
    body::{BodyRef, rows},
    error::StoreError,
    limits,
    quarantine::{self, Found},
    row::{Damage, count, uncount},
    store::Store,
};

/// All that happened in a mailbox since some MODSEQ.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changes {
    /// The mailbox as it is now.
    pub info: MailboxInfo,
    /// Messages that are new or have changed, by UID.
    pub entries: Vec<Entry>,
    /// UIDs that are gone. Where it is not known any more when they went, all that are not there: a client forgets what
    /// it does not know (RFC 7162 §3.2.10.1).
    pub vanished: Vec<RangeInclusive<u32>>,
}

/// What a fetch reads beside the row of a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Parts(u8);

impl Parts {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// [`FetchedMail::shape`].
    pub const SHAPE: Self = Self(1);
    /// [`FetchedMail::content`].
    pub const BODY: Self = Self(2);

    fn has(self, part: Self) -> bool {
        self.0 & part.0 != 0
    }
}

impl BitOr for Parts {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A message of a mailbox.
#[derive(Clone, Debug)]
pub struct FetchedMail {
    /// Its UID.
    pub uid: u32,
    /// When it changed last.
    pub modseq: u64,
    /// Its flags.
    pub flags: Flags,
    /// Octets of the whole message, those that only this copy has included: RFC822.SIZE.
    pub octets: u64,
    /// INTERNALDATE.
    pub at: Timestamp,
    /// SAVEDATE. RFC 8514.
    pub saved: Timestamp,
    /// EMAILID. RFC 8474.
    pub email_id: ObjectId,
    /// THREADID.
    pub thread_id: ObjectId,
    /// The message of the queue that it came from, for its records.
    pub message: Option<QueueId>,
    /// Where its octets are; [`BodyRef::prefix`] are those that only this copy has.
    pub body: BodyRef,
    /// Its structure, without the prefix: the stored form of `rohrpost_mail::mime::Shape`. Nothing where it was not
    /// asked for, or is not known.
    pub shape: Option<Bytes>,
    /// Its octets without the prefix. Nothing where they were not asked for, or are too many for a row:
    /// [`Store::open_body`] reads them then.
    pub content: Option<Bytes>,
}

/// A page of messages.
#[derive(Clone, Debug)]
pub struct FetchPage {
    /// The messages, by UID.
    pub mails: Vec<FetchedMail>,
    /// The UID to go on from; nothing at the end.
    pub next: Option<u32>,
}

impl Store {
    /// UIDs and octets of the messages of a mailbox, in the order of their UIDs, after one of them: what POP3 lists.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_sizes(
        &self,
        id: MailboxId,
        uid_after: u32,
        limit: usize,
    ) -> Result<Vec<(u32, u64)>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT uid, octets FROM mail WHERE mailbox = ?1 AND uid > ?2 ORDER BY uid LIMIT ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let params = params![id.0, uid_after, limit.min(limits::PAGE_ROWS_MAX)];
            let sizes = statement.query_map(params, |row| Ok((row.get(0)?, uncount(row.get(1)?))))?;
            Ok(sizes.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// All that happened in a mailbox after a MODSEQ.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], or as any read.
    pub async fn mailbox_changes(&self, id: MailboxId, since: u64) -> Result<Changes, MailboxError> {
        let changes = self.read(move |connection| in_snapshot(connection, || changes(connection, id, since))).await?;
        changes.ok_or(MailboxError::Missing)
    }

    /// A page of messages of a mailbox: at most `limit`, at most [`limits::FETCH_ROWS_MAX`], and no more after
    /// [`limits::FETCH_OCTETS_MAX`]. UIDs that are not there are passed over; the ranges are in ascending order.
    ///
    /// A damaged row goes to quarantine and counts as expunged.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_fetch(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        parts: Parts,
        limit: usize,
    ) -> Result<FetchPage, StoreError> {
        let uids = uids.to_vec();
        let limit = limit.clamp(1, limits::FETCH_ROWS_MAX);
        let (page, damaged) = self.read(move |connection| fetch(connection, id, &uids, parts, limit)).await?;
        self.put_aside(damaged).await?;
        Ok(page)
    }
}

/// All reads of `work` see the same state.
pub(crate) fn in_snapshot<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.prepare_cached("BEGIN")?.execute([])?;
    let result = work();
    connection.prepare_cached("COMMIT")?.execute([])?;
    result
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let keywords = row.get_ref(3)?.as_str_or_null()?;
    Ok(Entry { uid: row.get(0)?, modseq: uncount(row.get(1)?), flags: Flags::from_columns(row.get(2)?, keywords) })
}

fn changes(connection: &Connection, id: MailboxId, since: u64) -> Result<Option<Changes>, StoreError> {
    let (mut rows, _) = MailboxRow::select(connection, "id = ?1 AND removed IS NULL", [id.0])?;
    let Some(mailbox) = rows.pop() else { return Ok(None) };
    if since >= mailbox.info.modseq {
        return Ok(Some(Changes { info: mailbox.info, entries: Vec::new(), vanished: Vec::new() }));
    }
    let sql = "SELECT uid, modseq, flags, keywords FROM mail WHERE mailbox = ?1 AND modseq > ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let entries = statement.query_map(params![id.0, count(since)], entry)?;
    let mut entries = entries.collect::<rusqlite::Result<Vec<_>>>()?;
    entries.sort_unstable_by_key(|entry| entry.uid);
    let vanished = if since >= mailbox.known_since {
        uids::ranges(vanished(connection, id, since)?)
    } else {
        uids::gaps(select::all_uids(connection, id)?, mailbox.info.uid_next)
    };
    Ok(Some(Changes { info: mailbox.info, entries, vanished }))
}

/// The UIDs that were expunged after a MODSEQ.
pub(crate) fn vanished(connection: &Connection, id: MailboxId, since: u64) -> Result<Vec<u32>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT uid FROM expunged WHERE mailbox = ?1 AND modseq > ?2")?;
    let uids = statement.query_map(params![id.0, count(since)], |row| row.get(0))?;
    Ok(uids.collect::<rusqlite::Result<_>>()?)
}

fn fetch(
    connection: &Connection,
    id: MailboxId,
    uids: &[RangeInclusive<u32>],
    parts: Parts,
    limit: usize,
) -> Result<(FetchPage, Vec<Found>), StoreError> {
    let mut statement = connection.prepare_cached(&fetch_sql(parts))?;
    let mut page = FetchPage { mails: Vec::new(), next: None };
    let (mut arena, mut damaged) = (Arena::default(), Vec::new());
    for range in uids {
        let mut rows = statement.query(params![id.0, range.start(), range.end()])?;
        while let Some(row) = rows.next()? {
            if page.mails.len() + damaged.len() >= limit || arena.octets >= limits::FETCH_OCTETS_MAX {
                page.next = Some(row.get(1)?);
                return Ok((page, damaged));
            }
            match read(row, parts, &mut arena) {
                Ok(mail) => page.mails.push(mail),
                Err(Damage::Row(reason)) => damaged.push(quarantine::found_mail(row, reason)?),
                Err(Damage::Database(error)) => return Err(error),
            }
        }
    }
    Ok((page, damaged))
}

/// One statement for a page, with the columns of each part behind those of the row.
fn fetch_sql(parts: Parts) -> String {
    let (mut columns, mut joins) = (MAIL_COLUMNS.to_owned(), String::new());
    if parts.has(Parts::SHAPE) {
        columns += ", shape.data, shape.crc";
        joins += " LEFT JOIN shape ON shape.body = mail.body";
    }
    if parts.has(Parts::BODY) {
        columns += ", body.octets, body.file, body.data, body.crc";
        joins += " LEFT JOIN body ON body.id = mail.body";
    }
    format!(
        "SELECT {columns} FROM mail{joins} WHERE mail.mailbox = ?1 AND mail.uid BETWEEN ?2 AND ?3 ORDER BY mail.uid"
    )
}

fn read(row: &Row<'_>, parts: Parts, arena: &mut Arena) -> Result<FetchedMail, Damage> {
    let mail = MailRow::read(row, |prefix| arena.put(prefix))?;
    let id = mail.body.ok_or_else(|| Damage::Row("it has no body".to_owned()))?;
    let mut column = MAIL_COLUMN_COUNT;
    let mut shape = None;
    if parts.has(Parts::SHAPE) {
        let crc: Option<i64> = row.get(column + 1)?;
        shape = blob(row, column)?.filter(|data| crc == Some(shapes::sum(id, data)));
        column += 2;
    }
    let shape = shape.map(|data| arena.put(data));
    let content = if parts.has(Parts::BODY) { content(row, column, id)?.map(|data| arena.put(data)) } else { None };
    Ok(FetchedMail {
        uid: mail.uid,
        modseq: mail.modseq,
        flags: mail.flags,
        octets: mail.octets,
        at: mail.at,
        saved: mail.saved,
        email_id: ObjectId::email(mail.email),
        thread_id: ObjectId::thread(mail.thread),
        message: mail.message,
        body: BodyRef { id, octets: mail.octets, prefix: mail.prefix },
        shape,
        content,
    })
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<Option<&'r [u8]>, Damage> {
    Ok(row.get_ref(column)?.as_blob_or_null().map_err(rusqlite::Error::from)?)
}

/// The octets of a body whose row is sound. Of others nothing: whoever opens them learns why.
fn content<'r>(row: &'r Row<'_>, column: usize, id: QueueId) -> Result<Option<&'r [u8]>, Damage> {
    let Ok(Some(data)) = blob(row, column + 2) else { return Ok(None) };
    let (octets, is_file): (i64, bool) = (row.get(column)?, row.get(column + 1)?);
    let sound = !is_file && rows::sum(id, uncount(octets), None, data) == row.get::<_, i64>(column + 3)?;
    Ok(sound.then_some(data))
}

/// Octets of one page, in few allocations.
#[derive(Default)]
struct Arena {
    room: BytesMut,
    octets: usize,
}

/// Octets that are allocated at once; a larger piece has room of its own.
const ARENA_OCTETS: usize = 64 << 10;

impl Arena {
    fn put(&mut self, piece: &[u8]) -> Bytes {
        if piece.is_empty() {
            return Bytes::new();
        }
        if self.room.capacity() < piece.len() {
            self.room = BytesMut::with_capacity(piece.len().max(ARENA_OCTETS));
        }
        self.octets += piece.len();
        self.room.extend_from_slice(piece);
        self.room.split().freeze()
    }
}
