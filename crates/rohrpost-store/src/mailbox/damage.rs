//! What follows damage: mail whose row is not what was written leaves its mailbox as if it was expunged, so that every
//! client learns of it.

use bytes::Bytes;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Flags, MailboxId,
    rows::{MailRow, MailboxRow},
};
use crate::{error::StoreError, row::uncount};

/// Takes a damaged row out of its mailbox. Its counters are counted anew, for the row's own figures may be wrong.
pub(crate) fn remove(connection: &Connection, mailbox: i64, uid: i64, now: Timestamp) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM mail WHERE mailbox = ?1 AND uid = ?2")?.execute([mailbox, uid])?;
    let Some(mut row) = MailboxRow::select(connection, "id = ?1", [mailbox])?.0.pop() else { return Ok(()) };
    row.info.modseq += 1;
    let sql = "SELECT count(*), count(*) FILTER (WHERE flags & 1 = 0), count(*) FILTER (WHERE flags & 8),
        coalesce(sum(octets) FILTER (WHERE flags & 8), 0), coalesce(sum(octets), 0) FROM mail WHERE mailbox = ?1";
    let counted = connection.prepare_cached(sql)?.query_row(params![mailbox], |counts| {
        Ok((counts.get(0)?, counts.get(1)?, counts.get(2)?, counts.get::<_, i64>(3)?, counts.get::<_, i64>(4)?))
    });
    if let Some((messages, unseen, deleted, deleted_octets, octets)) = counted.optional()? {
        (row.info.messages, row.info.unseen, row.info.deleted) = (messages, unseen, deleted);
        (row.info.deleted_octets, row.info.octets) = (uncount(deleted_octets), uncount(octets));
    }
    row.update_counters(connection)?;
    let Ok(uid) = u32::try_from(uid) else { return Ok(()) };
    tombstone(MailboxId(mailbox), uid, row.info.modseq, now).insert_expunged(connection, now)
}

/// What is remembered of mail that cannot be brought back.
fn tombstone(mailbox: MailboxId, uid: u32, modseq: u64, now: Timestamp) -> MailRow {
    MailRow {
        mailbox,
        uid,
        modseq,
        flags: Flags::default(),
        email: 0,
        thread: 0,
        message: None,
        at: now,
        saved: now,
        body: None,
        prefix: Bytes::new(),
        octets: 0,
    }
}
