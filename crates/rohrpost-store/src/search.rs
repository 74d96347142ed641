//! Full-text search: which messages of a mailbox hold some text.
//!
//! The index is a database of its own, `search.db`, that a thread of low priority fills after the commit
//! ([`indexer`]). It is made of the mail and can be made anew, so nothing waits for it: not the delivery, and not the
//! one who searches, for whom messages that are not in the index yet are read. IMAP asks for substrings and an index
//! knows words; how the two meet is told in [`index`] and in `docs/design/mailboxes.md`.

mod index;
mod indexer;
mod look;
mod words;

use std::{collections::HashSet, ops::RangeInclusive, sync::Arc};

use rohrpost_mail::mime::{Scope, find::Needle};
use rusqlite::{Connection, params};

use crate::{error::StoreError, limits, mailbox::MailboxId, store::Store};

pub(crate) use index::Index;
pub(crate) use indexer::Indexer;

/// What the index says about one mailbox.
#[derive(Debug, Default)]
struct Candidates {
    /// Messages that hold the text, or, where it is more than one word, perhaps.
    uids: Vec<u32>,
    /// Messages that are not in the index yet.
    unknown: Vec<u32>,
}

impl Store {
    /// The messages of a mailbox, among those asked for, that hold a text: in their texts, or, with `with_header`, in
    /// their headers and names of files too. Case, accents, blanks and the spelling of umlauts make no difference.
    /// UIDs come in ascending order.
    ///
    /// # Errors
    /// As any read. A message that cannot be read any more does not hold the text.
    pub async fn mailbox_search(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        with_header: bool,
        text: &str,
    ) -> Result<Vec<u32>, StoreError> {
        let scope = if with_header { Scope::Whole } else { Scope::Body };
        let needle = Arc::new(Needle::new(text));
        let Some((candidates, exact)) = self.ask_index(id, scope, text).await? else {
            return self.look_through(id, uids, scope, &needle).await;
        };
        let asked = |all: Vec<u32>| all.into_iter().filter(|uid| contains(uids, *uid)).collect::<Vec<u32>>();
        let mut found = asked(candidates.uids);
        if !exact {
            found = self.look_through(id, &as_ranges(&found), scope, &needle).await?;
        }
        let unknown = as_ranges(&asked(candidates.unknown));
        found.extend(self.look_through(id, &unknown, scope, &needle).await?);
        found.sort_unstable();
        Ok(found)
    }

    /// As [`Self::mailbox_search`], without the index.
    #[cfg(test)]
    pub(crate) async fn mailbox_read_through(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        with_header: bool,
        text: &str,
    ) -> Result<Vec<u32>, StoreError> {
        let scope = if with_header { Scope::Whole } else { Scope::Body };
        self.look_through(id, uids, scope, &Arc::new(Needle::new(text))).await
    }

    /// What the index knows, and whether that is the answer; nothing where it cannot say.
    async fn ask_index(
        &self,
        id: MailboxId,
        scope: Scope,
        text: &str,
    ) -> Result<Option<(Candidates, bool)>, StoreError> {
        let query = words::Query::new(text, scope);
        let Some(index) = self.index().filter(|_| query.is_useful()) else { return Ok(None) };
        let (mailboxes, messages) = self.read(move |connection| siblings(connection, id)).await?;
        let exact = query.is_exact();
        // To look for a word in the index takes about as long as to read a message.
        let words_max = messages.clamp(limits::SEARCH_WORDS_FOUND_MIN, limits::SEARCH_WORDS_FOUND_MAX);
        // Without its index the mailbox is searched all the same, only slower.
        let Some(found) = index.find(mailboxes, query, words_max).await else { return Ok(None) };
        let candidates = self.read(move |connection| candidates(connection, id, &found)).await?;
        Ok(Some((candidates, exact)))
    }
}

/// All mailboxes of the account that has this one, and how many messages are in this one.
fn siblings(connection: &Connection, id: MailboxId) -> Result<(Vec<i64>, usize), StoreError> {
    let sql = "SELECT id, messages FROM mailbox WHERE account = (SELECT account FROM mailbox WHERE id = ?1)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([id.as_i64()])?;
    let (mut all, mut messages) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        all.push(row.get(0)?);
        if all.last() == Some(&id.as_i64()) {
            messages = row.get(1)?;
        }
    }
    Ok((all, messages))
}

/// The messages of one mailbox among the bodies that were found in its account.
fn candidates(connection: &Connection, id: MailboxId, found: &index::Found) -> Result<Candidates, StoreError> {
    // SQLite would rather go through the mailbox than through what is new, which is nothing most of the time.
    let unknown = "SELECT uid FROM mail INDEXED BY mail_email WHERE email > ?1 AND mailbox = ?2";
    let mut unknown = connection.prepare_cached(unknown)?;
    let unknown = unknown.query_map(params![found.mark, id.as_i64()], |row| row.get(0))?;
    let unknown = unknown.collect::<rusqlite::Result<Vec<u32>>>()?;
    let mut uids = Vec::new();
    if found.bodies.len() <= limits::SEARCH_LOOKUPS_MAX {
        let mut statement =
            connection.prepare_cached("SELECT uid FROM mail INDEXED BY mail_body WHERE body = ?1 AND mailbox = ?2")?;
        for body in &found.bodies {
            let mut rows = statement.query(params![body, id.as_i64()])?;
            while let Some(row) = rows.next()? {
                uids.push(row.get(0)?);
            }
        }
    } else {
        let mut statement = connection.prepare_cached("SELECT uid, body FROM mail WHERE mailbox = ?1")?;
        let mut rows = statement.query([id.as_i64()])?;
        while let Some(row) = rows.next()? {
            if found.bodies.contains(&row.get(1)?) {
                uids.push(row.get(0)?);
            }
        }
    }
    // A body that came to the account a second time is in the index with its first message.
    let later: HashSet<u32> = unknown.iter().copied().collect();
    uids.retain(|uid| !later.contains(uid));
    uids.sort_unstable();
    Ok(Candidates { uids, unknown })
}

fn contains(ranges: &[RangeInclusive<u32>], uid: u32) -> bool {
    let after = ranges.partition_point(|range| *range.end() < uid);
    ranges.get(after).is_some_and(|range| range.contains(&uid))
}

fn as_ranges(uids: &[u32]) -> Vec<RangeInclusive<u32>> {
    crate::mailbox::uids::ranges(uids.to_vec())
}
