//! How much an account's mail may take.
//!
//! The table `quota` has what accounts, domains and the server say, under the login, `@here.test` and the empty text; the
//! one that is nearest to the account counts.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::work::Work;
use crate::{error::StoreError, people::Allowance, row::uncount, store::Store};

/// What an account's mail takes, and may take. Expunged mail does not count.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Quota {
    /// Octets of all messages in all its mailboxes.
    pub octets: u64,
    /// Messages in all its mailboxes.
    pub messages: u64,
    /// Octets that there may be; no limit where there is none.
    pub octets_max: Option<u64>,
    /// Who says so.
    pub said_by: SaidBy,
}

/// Who says how much an account's mail may take.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SaidBy {
    /// Nobody: there is no limit.
    #[default]
    Nobody,
    /// The server, for all.
    Server,
    /// The domain of its login.
    Domain,
    /// The account itself.
    Account,
}

impl Quota {
    /// Whether so many more octets find room.
    pub fn has_room(&self, octets: u64) -> bool {
        self.octets_max.is_none_or(|max| self.octets.saturating_add(octets) <= max)
    }

    /// Whether so many octets would find no room if there were no other mail.
    pub fn is_too_small_for(&self, octets: u64) -> bool {
        self.octets_max.is_some_and(|max| octets > max)
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

    /// Octets that the mail of an account of this domain may take which has no say of its own, and who says so.
    ///
    /// # Errors
    /// As any read.
    pub async fn domain_quota(&self, domain: &str) -> Result<(Option<u64>, SaidBy), StoreError> {
        let domain = format!("@{}", domain.to_lowercase());
        self.read(move |connection| first(connection, &[(&domain, SaidBy::Domain), (SERVER, SaidBy::Server)])).await
    }

    /// Says what the mail of each account may take, unless it or its domain says otherwise. It is remembered.
    ///
    /// # Errors
    /// As any write.
    pub async fn default_quota_set(&self, octets_max: Option<u64>) -> Result<(), StoreError> {
        let allowance = octets_max.map_or(Allowance::Inherited, Allowance::Octets);
        let known = self.read(|connection| row(connection, SERVER)).await?;
        if known == Option::<i64>::from(allowance) {
            return Ok(());
        }
        self.change_directory(move |work| set(work.connection, SERVER, allowance)).await
    }
}

impl Work<'_> {
    /// Whether an account has room for so many more octets.
    pub(crate) fn has_room(&self, account: &str, octets: u64) -> Result<bool, StoreError> {
        // Most accounts have no limit; then their mailboxes need not be added up.
        Ok(limit(self.connection, account)?.0.is_none() || quota(self.connection, account)?.has_room(octets))
    }
}

/// How full an account is; nothing where there is no limit.
pub(super) fn percent(connection: &Connection, account: &str) -> Result<Option<u64>, StoreError> {
    match limit(connection, account)?.0 {
        None => Ok(None),
        Some(_) => Ok(quota(connection, account)?.percent()),
    }
}

fn quota(connection: &Connection, account: &str) -> Result<Quota, StoreError> {
    let sql = "SELECT coalesce(sum(octets), 0), coalesce(sum(messages), 0) FROM mailbox
        WHERE account = ?1 AND removed IS NULL";
    let (octets, messages) =
        connection.prepare_cached(sql)?.query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (octets_max, said_by) = limit(connection, account)?;
    Ok(Quota { octets: uncount(octets), messages: uncount(messages), octets_max, said_by })
}

/// Octets that an account's mail may take, and who says so.
pub(crate) fn limit(connection: &Connection, account: &str) -> Result<(Option<u64>, SaidBy), StoreError> {
    // A login that is no address has no domain, and nobody's key is "@".
    let domain = account.rfind('@').map_or("@", |at| &account[at..]);
    first(connection, &[(account, SaidBy::Account), (domain, SaidBy::Domain), (SERVER, SaidBy::Server)])
}

/// What the first of these says who says anything.
fn first(connection: &Connection, keys: &[(&str, SaidBy)]) -> Result<(Option<u64>, SaidBy), StoreError> {
    for (key, said_by) in keys {
        match row(connection, key)?.into() {
            Allowance::Inherited => {}
            Allowance::Unlimited => return Ok((None, *said_by)),
            Allowance::Octets(octets) => return Ok((Some(octets), *said_by)),
        }
    }
    Ok((None, SaidBy::Nobody))
}

/// The key of what the server says.
const SERVER: &str = "";

fn row(connection: &Connection, key: &str) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT octets_max FROM quota WHERE account = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Writes what an account, a domain or the server says.
pub(crate) fn set(connection: &Connection, key: &str, allowance: Allowance) -> Result<(), StoreError> {
    match Option::<i64>::from(allowance) {
        Some(max) => {
            let sql = "INSERT OR REPLACE INTO quota (account, octets_max) VALUES (?1, ?2)";
            connection.prepare_cached(sql)?.execute(params![key, max])?
        }
        None => connection.prepare_cached("DELETE FROM quota WHERE account = ?1")?.execute([key])?,
    };
    Ok(())
}
