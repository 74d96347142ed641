//! Opening a mailbox: its figures and all its UIDs, as of one moment. What the last one who opened it learned is kept in
//! memory, and brought up to date by what changed since; the row of the mailbox always says whether it is.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{MailboxId, MailboxInfo, mails, name, read, rows::MailboxRow, uids};
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
}

impl Store {
    /// Opens a mailbox.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_select(&self, account: &str, name: &str) -> Result<Option<Selected>, StoreError> {
        let Ok(name) = name::canonical(name) else { return Ok(None) };
        let (account, cache) = (account.to_owned(), self.cache().clone());
        let (selected, damaged) = self.read(move |connection| select(connection, &cache, &account, &name)).await?;
        self.put_aside(damaged).await?;
        Ok(selected)
    }
}

/// What is remembered of mailboxes that were opened.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<MailboxId, (u64, Selected)>,
    /// Ranges of all of them.
    ranges: usize,
    /// Counts the uses, so that the one that was not used for longest is known.
    uses: u64,
}

impl Cache {
    fn get(&self, id: MailboxId) -> Option<Selected> {
        let mut kept = self.0.lock().expect("nobody panics with this lock");
        kept.uses += 1;
        let now = kept.uses;
        let (last_use, selected) = kept.by_id.get_mut(&id)?;
        *last_use = now;
        Some(selected.clone())
    }

    fn put(&self, selected: &Selected) {
        let mut kept = self.0.lock().expect("nobody panics with this lock");
        kept.uses += 1;
        let now = kept.uses;
        kept.ranges += 1 + selected.uids.len();
        if let Some((_, old)) = kept.by_id.insert(selected.info.id, (now, selected.clone())) {
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
    account: &str,
    name: &str,
) -> Result<(Option<Selected>, Vec<Found>), StoreError> {
    let condition = "account = ?1 AND name = ?2 AND removed IS NULL";
    let row = || MailboxRow::select(connection, condition, params![account, name]);
    let (rows, damaged) = row()?;
    let Some(mailbox) = rows.into_iter().next() else { return Ok((None, damaged)) };
    let known = cache.get(mailbox.info.id);
    if let Some(known) = &known
        && known.info.modseq == mailbox.info.modseq
    {
        return Ok((Some(Selected { info: mailbox.info, ..known.clone() }), damaged));
    }
    let selected = read::in_snapshot(connection, || {
        let Some(mailbox) = row()?.0.pop() else { return Ok(None) };
        let known = known.filter(|known| known.info.modseq >= mailbox.known_since);
        let uids = match known {
            Some(known) => uids_since(connection, &mailbox, &known)?,
            None => uids::ranges(all_uids(connection, mailbox.info.id)?),
        };
        let first_unseen = first_unseen(connection, &mailbox.info)?;
        let keywords = mails::keywords(connection, mailbox.info.id)?.into();
        Ok(Some(Selected { info: mailbox.info, uids: uids.into(), first_unseen, keywords }))
    })?;
    if let Some(selected) = &selected {
        cache.put(selected);
    }
    Ok((selected, damaged))
}

/// What is known, with the UIDs that came since and without those that went.
fn uids_since(
    connection: &Connection,
    mailbox: &MailboxRow,
    known: &Selected,
) -> Result<Vec<RangeInclusive<u32>>, StoreError> {
    let id = mailbox.info.id;
    let sql = "SELECT uid FROM mail INDEXED BY mail_state WHERE mailbox = ?1 AND modseq > ?2 AND uid >= ?3";
    let mut statement = connection.prepare_cached(sql)?;
    let new = params![id.0, count(known.info.modseq), known.info.uid_next];
    let new = statement.query_map(new, |row| row.get(0))?.collect::<rusqlite::Result<Vec<u32>>>()?;
    let gone = uids::ranges(read::vanished(connection, id, known.info.modseq)?);
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
