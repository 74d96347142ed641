//! Opening a mailbox: its figures and all its UIDs, as of one moment, and a watch from then on. What the last one who opened it learned is kept in
//! memory, and brought up to date by what changed since; the row of the mailbox always says whether it is.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use super::{MailboxId, MailboxInfo, mails, name, read, rows::MailboxRow, uids, work::Watches};
use crate::{error::StoreError, limits, quarantine::Found, row::count, store::Store};

/// A mailbox and what is in it; all of it is of the same moment.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The mailbox.
    pub info: MailboxInfo,
    /// The UIDs of its messages, as ranges in ascending order.
    pub uids: Arc<[RangeInclusive<u32>]>,
    /// The first message without `\Seen`.
    pub first_unseen: Option<u32>,
    /// The keywords that are in use.
    pub keywords: Arc<[String]>,
    /// Tells of every change after this moment, as [`Store::mailbox_watch`] does.
    pub changes: watch::Receiver<u64>,
}

impl Store {
    /// Opens a mailbox, and watches it.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_select(&self, account: &str, name: &str) -> Result<Option<Selected>, StoreError> {
        let Ok(name) = name::canonical(name) else { return Ok(None) };
        let account = account.to_owned();
        let (cache, watches) = (self.cache().clone(), self.watches().clone());
        let job = move |connection: &Connection| select(connection, &cache, &watches, &account, &name);
        let (selected, damaged) = self.read(job).await?;
        self.put_aside(damaged).await?;
        Ok(selected)
    }
}

/// What is remembered of mailboxes that were opened.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Kept>);

/// What was in a mailbox at one MODSEQ.
#[derive(Clone, Debug)]
struct Known {
    modseq: u64,
    uid_next: u32,
    uids: Arc<[RangeInclusive<u32>]>,
    first_unseen: Option<u32>,
    keywords: Arc<[String]>,
}

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<MailboxId, (u64, Known)>,
    /// Ranges of all of them.
    ranges: usize,
    /// Counts the uses, so that the one that was not used for longest is known.
    uses: u64,
}

impl Cache {
    fn get(&self, id: MailboxId) -> Option<Known> {
        let mut kept = self.0.lock().expect("nobody panics with this lock");
        kept.uses += 1;
        let now = kept.uses;
        let (last_use, known) = kept.by_id.get_mut(&id)?;
        *last_use = now;
        Some(known.clone())
    }

    fn put(&self, id: MailboxId, known: &Known) {
        let mut kept = self.0.lock().expect("nobody panics with this lock");
        kept.uses += 1;
        let now = kept.uses;
        kept.ranges += 1 + known.uids.len();
        if let Some((_, old)) = kept.by_id.insert(id, (now, known.clone())) {
            kept.ranges -= 1 + old.uids.len();
        }
        while kept.ranges > limits::SELECTED_RANGES_MAX {
            let Some(oldest) = kept.by_id.iter().min_by_key(|(_, (last_use, _))| *last_use).map(|(id, _)| *id) else {
                break;
            };
            if let Some((_, old)) = kept.by_id.remove(&oldest) {
                kept.ranges -= 1 + old.uids.len();
            }
        }
    }
}

fn select(
    connection: &Connection,
    cache: &Cache,
    watches: &Watches,
    account: &str,
    name: &str,
) -> Result<(Option<Selected>, Vec<Found>), StoreError> {
    let condition = "account = ?1 AND name = ?2 AND removed IS NULL";
    let row = || MailboxRow::select(connection, condition, params![account, name]);
    let (mut rows, damaged) = row()?;
    let Some(mailbox) = rows.pop() else { return Ok((None, damaged)) };
    let changes = watches.subscribe(mailbox.info.id, mailbox.info.modseq);
    // Read again behind the watch, so that no change falls in between.
    let selected = read::in_snapshot(connection, || {
        let Some(mailbox) = row()?.0.pop() else { return Ok(None) };
        let Known { uids, first_unseen, keywords, .. } = contents(connection, cache, &mailbox)?;
        Ok(Some(Selected { info: mailbox.info, uids, first_unseen, keywords, changes }))
    })?;
    Ok((selected, damaged))
}

/// What is in a mailbox: what is known of it, or what that has become since.
fn contents(connection: &Connection, cache: &Cache, mailbox: &MailboxRow) -> Result<Known, StoreError> {
    let info = &mailbox.info;
    let known = cache.get(info.id);
    if let Some(known) = &known
        && known.modseq == info.modseq
    {
        return Ok(known.clone());
    }
    let uids = match known.filter(|known| known.modseq >= mailbox.known_since) {
        Some(known) => uids_since(connection, info.id, &known)?,
        None => uids::ranges(all_uids(connection, info.id)?),
    };
    let known = Known {
        modseq: info.modseq,
        uid_next: info.uid_next,
        uids: uids.into(),
        first_unseen: first_unseen(connection, info)?,
        keywords: mails::keywords(connection, info.id)?.into(),
    };
    cache.put(info.id, &known);
    Ok(known)
}

/// What is known, with the UIDs that came since and without those that went.
fn uids_since(connection: &Connection, id: MailboxId, known: &Known) -> Result<Vec<RangeInclusive<u32>>, StoreError> {
    let sql = "SELECT uid FROM mail INDEXED BY mail_state WHERE mailbox = ?1 AND modseq > ?2 AND uid >= ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let new = params![id.0, count(known.modseq), known.uid_next];
    let new = statement.query_map(new, |row| row.get(0))?.collect::<rusqlite::Result<Vec<u32>>>()?;
    let gone = uids::ranges(read::vanished(connection, id, known.modseq)?);
    let mut all = known.uids.to_vec();
    uids::append(&mut all, uids::ranges(new));
    Ok(uids::without(&all, &gone))
}

/// All UIDs of a mailbox, in no order.
pub(crate) fn all_uids(connection: &Connection, id: MailboxId) -> Result<Vec<u32>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT uid FROM mail INDEXED BY mail_state WHERE mailbox = ?1")?;
    let uids = statement.query_map([id.0], |row| row.get(0))?;
    Ok(uids.collect::<rusqlite::Result<_>>()?)
}

fn first_unseen(connection: &Connection, info: &MailboxInfo) -> Result<Option<u32>, StoreError> {
    if info.unseen == 0 {
        return Ok(None);
    }
    let sql = "SELECT uid FROM mail INDEXED BY mail_unseen WHERE mailbox = ?1 AND flags & 1 = 0 ORDER BY uid LIMIT 1";
    Ok(connection.prepare_cached(sql)?.query_row([info.id.0], |row| row.get(0)).optional()?)
}
