//! Opening a mailbox: its figures and all its UIDs, as of one moment, and a watch from then on. What the last one who opened it learned is kept in
//! memory. While nothing changed it is the answer, and the watch knows whether it did; else it is brought up to date by what
//! changed since.

use std::{
    collections::HashMap,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard},
};

use rusqlite::{Connection, OptionalExtension, params};
use tokio::sync::watch;

use super::{
    MailboxId, MailboxInfo, mails, name, read,
    rows::MailboxRow,
    uids,
    work::{Touched, Watches},
};
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
    /// Tells of every change after this moment: the value is the MODSEQ, and grows after each commit that changed the
    /// mailbox. It ends when the mailbox is deleted.
    pub changes: watch::Receiver<u64>,
}

impl Store {
    /// Opens a mailbox, and watches it.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_select(&self, account: &str, name: &str) -> Result<Option<Selected>, StoreError> {
        let Ok(name) = name::canonical(name) else { return Ok(None) };
        if let Some(selected) = self.cache().unchanged(self.watches(), account, &name) {
            return Ok(Some(selected));
        }
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
    info: MailboxInfo,
    uids: Arc<[RangeInclusive<u32>]>,
    first_unseen: Option<u32>,
    keywords: Arc<[String]>,
}

#[derive(Debug, Default)]
struct Kept {
    by_id: HashMap<MailboxId, Entry>,
    /// By account and name.
    ids: HashMap<String, MailboxId>,
    /// Octets of all of them, about.
    octets: usize,
    /// Counts the uses, so that those that were not used for longest are known.
    uses: u64,
}

#[derive(Debug)]
struct Entry {
    key: String,
    known: Known,
    last_use: u64,
}

impl Entry {
    /// Octets that it takes, about: the ranges, and what every entry has.
    fn octets(&self) -> usize {
        12 * self.known.uids.len() + ENTRY_OCTETS
    }
}

/// Octets of an entry without its ranges, about: names, figures, its places in two maps.
const ENTRY_OCTETS: usize = 512;

impl Cache {
    /// What was known of a mailbox, if that is what it is now.
    fn unchanged(&self, watches: &Watches, account: &str, name: &str) -> Option<Selected> {
        let mut kept = self.lock();
        let id = *kept.ids.get(&key(account, name))?;
        let Known { info, uids, first_unseen, keywords } = kept.get(id)?;
        let changes = watches.subscribe_unchanged(id, info.modseq)?;
        Some(Selected { info, uids, first_unseen, keywords, changes })
    }

    fn get(&self, id: MailboxId) -> Option<Known> {
        self.lock().get(id)
    }

    fn put(&self, account: &str, known: Known) {
        let mut kept = self.lock();
        kept.uses += 1;
        let (key, id) = (key(account, &known.info.name), known.info.id);
        let entry = Entry { key: key.clone(), known, last_use: kept.uses };
        kept.octets += entry.octets();
        if let Some(old) = kept.by_id.insert(id, entry) {
            kept.octets -= old.octets();
            if old.key != key && kept.ids.get(&old.key) == Some(&id) {
                kept.ids.remove(&old.key);
            }
        }
        kept.ids.insert(key, id);
        if kept.octets > limits::SELECTED_BYTES_MAX {
            kept.forget_half();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().expect("nobody panics with this lock")
    }
}

impl Kept {
    fn get(&mut self, id: MailboxId) -> Option<Known> {
        self.uses += 1;
        let entry = self.by_id.get_mut(&id)?;
        entry.last_use = self.uses;
        Some(entry.known.clone())
    }

    /// Forgets the half that was not used for longest, so that one that is forgotten costs little.
    fn forget_half(&mut self) {
        let mut uses: Vec<u64> = self.by_id.values().map(|entry| entry.last_use).collect();
        let middle = uses.len() / 2;
        let (_, median, _) = uses.select_nth_unstable(middle);
        let median = *median;
        let Self { by_id, ids, octets, .. } = self;
        by_id.retain(|id, entry| {
            let stays = entry.last_use > median;
            if !stays {
                *octets -= entry.octets();
                // Another mailbox may have taken the name.
                if ids.get(&entry.key) == Some(id) {
                    ids.remove(&entry.key);
                }
            }
            stays
        });
    }
}

/// No name holds a NUL.
fn key(account: &str, name: &str) -> String {
    format!("{account}\0{name}")
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
    let mut changes = watches.subscribe(mailbox.info.id, mailbox.info.modseq);
    // Read again behind the watch, so that no change falls in between.
    let selected = read::in_snapshot(connection, || {
        let Some(mailbox) = row()?.0.pop() else { return Ok(None) };
        let Known { info, uids, first_unseen, keywords } = contents(connection, cache, mailbox)?;
        // One that came before the watch began, it does not know.
        watches.tell(&[Touched::Changed(info.id, info.modseq)]);
        changes.mark_unchanged();
        Ok(Some(Selected { info, uids, first_unseen, keywords, changes }))
    })?;
    Ok((selected, damaged))
}

/// What is in a mailbox: what is known of it, or what that has become since.
fn contents(connection: &Connection, cache: &Cache, mailbox: MailboxRow) -> Result<Known, StoreError> {
    let MailboxRow { account, info, known_since, .. } = mailbox;
    let known = cache.get(info.id);
    let uids = match &known {
        Some(known) if known.info.modseq == info.modseq => known.uids.clone(),
        Some(known) if known.info.modseq >= known_since => uids_since(connection, info.id, known)?.into(),
        _ => uids::ranges(all_uids(connection, info.id)?).into(),
    };
    let first_unseen = first_unseen(connection, &info)?;
    let keywords = mails::keywords(connection, info.id)?.into();
    let known = Known { info, uids, first_unseen, keywords };
    cache.put(&account, known.clone());
    Ok(known)
}

/// What is known, with the UIDs that came since and without those that went.
fn uids_since(connection: &Connection, id: MailboxId, known: &Known) -> Result<Vec<RangeInclusive<u32>>, StoreError> {
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
