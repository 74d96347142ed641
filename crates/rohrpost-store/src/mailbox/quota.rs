//! How much an account's mail may take.

use rusqlite::{Connection, OptionalExtension, params};

use super::work::Work;
use crate::{
    error::StoreError,
    row::{count, uncount},
    store::Store,
};

/// What an account's mail takes, and may take. Expunged mail does not count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Quota {
    /// Octets of all messages in all its mailboxes.
    pub octets: u64,
    /// Messages in all its mailboxes.
    pub messages: u64,
    /// Octets that there may be; no limit where there is none.
    pub octets_max: Option<u64>,
}

impl Quota {
    /// Whether so many more octets find room.
    pub fn has_room(&self, octets: u64) -> bool {
        self.octets_max.is_none_or(|max| self.octets.saturating_add(octets) <= max)
    }

    /// How full the account is, in whole percent of what it may take.
    pub fn percent(&self) -> Option<u64> {
        let max = self.octets_max?;
        Some(self.octets.saturating_mul(100).checked_div(max).unwrap_or(100))
    }
}

impl Store {
    /// What an account's mail takes, and may take.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox_quota(&self, account: &str) -> Result<Quota, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| quota(connection, &account)).await
    }
}

impl Work<'_> {
    /// Whether an account has room for so many more octets.
    pub(crate) fn has_room(&self, account: &str, octets: u64) -> Result<bool, StoreError> {
        // Most accounts have no limit; then their mailboxes need not be added up.
        Ok(limit(self.connection, account)?.is_none() || quota(self.connection, account)?.has_room(octets))
    }
}

fn quota(connection: &Connection, account: &str) -> Result<Quota, StoreError> {
    let sql = "SELECT coalesce(sum(octets), 0), coalesce(sum(messages), 0) FROM mailbox
        WHERE account = ?1 AND removed IS NULL";
    let (octets, messages) =
        connection.prepare_cached(sql)?.query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Quota { octets: uncount(octets), messages: uncount(messages), octets_max: limit(connection, account)? })
}

fn limit(connection: &Connection, account: &str) -> Result<Option<u64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT octets_max FROM quota WHERE account = ?1")?;
    Ok(statement.query_row([account], |row| row.get(0)).optional()?.map(uncount))
}

/// Writes what an account may take.
pub(crate) fn set(connection: &Connection, account: &str, octets_max: Option<u64>) -> Result<(), StoreError> {
    match octets_max {
        Some(max) => {
            let sql = "INSERT OR REPLACE INTO quota (account, octets_max) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![account, count(max)])?
        }
        None => connection.prepare_cached("DELETE FROM quota WHERE account = ?1")?.execute([account])?,
    };
    Ok(())
}
