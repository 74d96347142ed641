//! How much may be kept of mail that is gone: at most as much as its account's quota. The oldest goes for good first.
//!
//! Without it an account could fill the disk by bringing mail and expunging it, since what is gone counts in no quota. An
//! account without a quota may fill the disk in any case; of its mail everything is kept for a fortnight.
//!
//! Every change that takes mail away says so ([`Work::keep`]), and at its end, in the same transaction, this looks at a
//! figure in the table `meta`, `kept:LOGIN`. Mostly that is all. Whatever makes it less, such as the fortnight's end, lets
//! the figure go ([`recount`]), and the next change that takes mail away adds it up anew.

use std::{cmp::Reverse, collections::BinaryHeap};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    MailboxId, quota,
    rows::{MailRow, MailboxRow},
    undelete::Name,
    work::Work,
};
use crate::{
    error::StoreError,
    limits::{KEPT_FORGOTTEN_AT_ONCE, KEPT_ROW_OCTETS},
    meta,
    row::{count, uncount},
};

impl MailRow {
    /// What it counts once it is gone. What moved on is only remembered.
    pub(super) fn kept_octets(&self) -> u64 {
        KEPT_ROW_OCTETS + if self.body.is_some() { self.octets } else { 0 }
    }
}

impl MailboxRow {
    /// What its mail counts once it is deleted.
    pub(super) fn kept_octets(&self) -> u64 {
        self.info.octets.saturating_add(KEPT_ROW_OCTETS * u64::from(self.info.messages))
    }
}

/// The figure of an account is to be added up anew.
pub(crate) fn recount(connection: &Connection, account: &str) -> Result<(), StoreError> {
    meta::remove(connection, &key(account))
}

/// An account keeps so many octets more: where that is too much, the oldest go.
pub(super) fn add(work: &mut Work<'_>, account: &str, more: u64) -> Result<(), StoreError> {
    let Some(max) = quota::limit(work.connection, account)?.0 else { return recount(work.connection, account) };
    let kept = match meta::number(work.connection, &key(account))? {
        Some(known) => known.saturating_add(more),
        None => added_up(work.connection, account)?,
    };
    let gone = if kept > max { forget_oldest(work, account, kept - max)? } else { 0 };
    meta::put_number(work.connection, &key(account), kept.saturating_sub(gone))
}

fn key(account: &str) -> String {
    format!("kept:{account}")
}

/// The mailboxes of an account, and deleted ones: their numbers, when they were deleted, their messages and octets.
const MAILBOXES: &str = "SELECT id, removed, messages, octets FROM mailbox WHERE account = ?1 AND removed IS NULL
    UNION ALL SELECT id, removed, messages, octets FROM mailbox WHERE account = ?1 AND removed IS NOT NULL";

fn added_up(connection: &Connection, account: &str) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT coalesce(sum(iif(removed IS NULL, 0, octets + ?2 * messages)
            + (SELECT coalesce(sum(?2 + iif(body IS NULL, 0, expunged.octets)), 0) FROM expunged WHERE mailbox = id)), 0)
         FROM ({MAILBOXES})"
    );
    let params = params![account, count(KEPT_ROW_OCTETS)];
    Ok(connection.prepare_cached(&sql)?.query_row(params, |row| row.get(0)).map(uncount)?)
}

/// What a mailbox keeps: the time of the oldest, and where it is.
type Oldest = (i64, MailboxId, Place);

/// Where kept mail is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Place {
    /// In `expunged`.
    Expunged,
    /// In `mail`: its mailbox is deleted.
    Deleted,
}

/// Forgets the oldest until so many octets are gone, or as many rows as one change may forget. Gives how many are gone.
fn forget_oldest(work: &mut Work<'_>, account: &str, octets: u64) -> Result<u64, StoreError> {
    let mut kept = oldest_of_each(work.connection, account)?;
    let (mut gone, mut rows) = (0, 0);
    while gone < octets && rows < KEPT_FORGOTTEN_AT_ONCE {
        let Some(Reverse((_, id, place))) = kept.pop() else { break };
        let until = kept.peek().map_or(i64::MAX, |Reverse((time, ..))| *time);
        let page = Page { id, until, octets: octets - gone, rows: KEPT_FORGOTTEN_AT_ONCE - rows };
        let (page_octets, page_rows) = match place {
            Place::Expunged => page.forget_expunged(work)?,
            Place::Deleted => page.forget_deleted(work)?,
        };
        gone += page_octets;
        rows += page_rows;
        // A page without rows is the end of what is there.
        if page_rows > 0 {
            kept.extend(next_of(work.connection, id, place)?.map(Reverse));
        }
    }
    tracing::debug!(account, messages = rows, "expunged mail is kept up to the quota: the oldest is gone for good");
    Ok(gone)
}

fn oldest_of_each(connection: &Connection, account: &str) -> Result<BinaryHeap<Reverse<Oldest>>, StoreError> {
    let sql = format!("SELECT id FROM ({MAILBOXES})");
    let mut statement = connection.prepare_cached(&sql)?;
    let ids = statement.query_map([account], |row| row.get(0).map(MailboxId))?;
    let mut heap = BinaryHeap::new();
    for id in ids {
        let id = id?;
        for place in [Place::Expunged, Place::Deleted] {
            heap.extend(next_of(connection, id, place)?.map(Reverse));
        }
    }
    Ok(heap)
}

/// The oldest that a mailbox keeps in a place.
fn next_of(connection: &Connection, id: MailboxId, place: Place) -> Result<Option<Oldest>, StoreError> {
    let sql = match place {
        Place::Expunged => "SELECT gone FROM expunged WHERE mailbox = ?1 ORDER BY modseq, uid LIMIT 1",
        Place::Deleted => "SELECT removed FROM mailbox WHERE id = ?1 AND removed IS NOT NULL AND messages > 0",
    };
    let time = connection.prepare_cached(sql)?.query_row([id.0], |row| row.get(0)).optional()?;
    Ok(time.map(|time| (time, id, place)))
}

/// Messages of a deleted mailbox that are read at once: mostly one goes for one that came.
const PAGE_ROWS: usize = 200;

/// The oldest of one mailbox.
struct Page {
    id: MailboxId,
    /// The time of the oldest elsewhere.
    until: i64,
    /// Enough, when so many are gone.
    octets: u64,
    rows: usize,
}

impl Page {
    /// Clients that ask from before are told every UID that is not there.
    fn forget_expunged(&self, work: &Work<'_>) -> Result<(u64, usize), StoreError> {
        let sql =
            "SELECT modseq, uid, body, octets, gone FROM expunged WHERE mailbox = ?1 ORDER BY modseq, uid LIMIT ?2";
        let mut statement = work.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![self.id.0, self.rows])?;
        let (mut gone, mut names) = (0, Vec::new());
        while let Some(row) = rows.next()? {
            let time: i64 = row.get(4)?;
            if gone >= self.octets || (time > self.until && !names.is_empty()) {
                break;
            }
            let name = Name { mailbox: self.id.0, modseq: row.get(0)?, uid: row.get(1)?, body: row.get(2)? };
            let octets = if name.body.is_some() { uncount(row.get(3)?) } else { 0 };
            gone += KEPT_ROW_OCTETS + octets;
            names.push(name);
        }
        drop(rows);
        names.iter().try_for_each(|name| name.forget(work.connection, "expunged"))?;
        let last = names.last().map_or(0, |name| uncount(name.modseq));
        if let Some(mut mailbox) = MailboxRow::select(work.connection, "id = ?1", [self.id.0])?.0.pop() {
            mailbox.known_since = mailbox.known_since.max(last);
            mailbox.update_counters(work.connection)?;
        }
        Ok((gone, names.len()))
    }

    /// What is left comes back with the mailbox; what is gone was never said to be.
    fn forget_deleted(&self, work: &mut Work<'_>) -> Result<(u64, usize), StoreError> {
        let (mails, _) = work.page(self.id, &[1..=u32::MAX], false, 1, self.rows.min(PAGE_ROWS))?;
        let condition = "id = ?1 AND removed IS NOT NULL";
        let Some(mut mailbox) = MailboxRow::select(work.connection, condition, [self.id.0])?.0.pop() else {
            return Ok((0, 0));
        };
        mailbox.info.modseq += 1;
        mailbox.known_since = mailbox.info.modseq;
        let (mut gone, mut messages) = (0, 0);
        for mail in mails {
            if gone >= self.octets {
                break;
            }
            mailbox.count(&mail, -1);
            gone += mail.kept_octets();
            messages += 1;
            Name::of(&mail).forget(work.connection, "mail")?;
        }
        mailbox.update_counters(work.connection)?;
        Ok((gone, messages))
    }
}
