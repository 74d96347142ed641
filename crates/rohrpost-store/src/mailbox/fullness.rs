//! Which accounts have filled how much of their quota, and whose owners are still to be told.
//!
//! Every change of an account's mail looks at this within its own transaction ([`Work::end`]), so that each step is noted
//! once, whoever brought the mail and however many did at once. What is noted stays until the account is below the step
//! again. Whoever writes to owners waits for [`Store::wait_until_filled`], asks for [`Store::filled`], and says who was told
//! ([`Store::filled_told`]): a crash in between tells somebody twice, and nobody is forgotten.
//!
//! Both are in the table `meta`: `full:LOGIN` has the step that was reached, `tell:LOGIN` the one to tell of.

use rusqlite::{Connection, params};

use super::quota;
#[cfg(doc)]
use super::work::Work;
use crate::{
    error::StoreError,
    limits::{FULLNESS_STEPS, PAGE_ROWS_MAX},
    meta,
    store::Store,
};

/// An account that has filled a step of its quota, whose owner was not told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filled {
    /// Its login.
    pub account: String,
    /// One of [`FULLNESS_STEPS`], in percent.
    pub step: u64,
}

impl Store {
    /// Waits until another account has filled a step. For one caller at a time.
    pub async fn wait_until_filled(&self) {
        self.watches().filled().await;
    }

    /// Accounts whose owners are to be told, by their logins, from the one behind `after` on.
    ///
    /// # Errors
    /// As any read.
    pub async fn filled(&self, after: &str, limit: usize) -> Result<Vec<Filled>, StoreError> {
        let after = format!("{TELL}{after}");
        self.read(move |connection| {
            let sql = "SELECT substr(key, 6), value FROM meta WHERE key > ?1 AND key < 'tell;' ORDER BY key LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let filled = statement.query_map(params![after, limit.min(PAGE_ROWS_MAX)], |row| {
                Ok(Filled { account: row.get(0)?, step: meta::number_of(row.get(1)?).unwrap_or_default() })
            })?;
            Ok(filled.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// The owner of an account was told, or there is nobody to be told.
    ///
    /// # Errors
    /// As any write.
    pub async fn filled_told(&self, filled: Filled) -> Result<(), StoreError> {
        self.write(move |connection| {
            // The next step may have been filled meanwhile.
            if noted(connection, TELL, &filled.account)? == filled.step {
                note(connection, TELL, &filled.account, 0)?;
            }
            Ok(())
        })
        .await
    }
}

/// Looks at an account whose mail became more or less. True if its owner has something to hear.
pub(super) fn look_at(connection: &Connection, account: &str) -> Result<bool, StoreError> {
    let percent = quota::percent(connection, account)?;
    let step = FULLNESS_STEPS.into_iter().rfind(|step| percent >= Some(*step)).unwrap_or_default();
    let before = noted(connection, FULL, account)?;
    if step == before {
        return Ok(false);
    }
    note(connection, FULL, account, step)?;
    if step > before {
        note(connection, TELL, account, step)?;
    } else if noted(connection, TELL, account)? > step {
        note(connection, TELL, account, 0)?;
    }
    Ok(step > before)
}

const FULL: &str = "full:";
const TELL: &str = "tell:";

/// The step that was noted of an account, 0 for none.
fn noted(connection: &Connection, what: &str, account: &str) -> Result<u64, StoreError> {
    Ok(meta::number(connection, &format!("{what}{account}"))?.unwrap_or_default())
}

fn note(connection: &Connection, what: &str, account: &str, step: u64) -> Result<(), StoreError> {
    let key = format!("{what}{account}");
    if step == 0 { meta::remove(connection, &key) } else { meta::put_number(connection, &key, step) }
}
