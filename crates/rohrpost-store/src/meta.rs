//! Small things to remember: keys and last runs, the digest, suppressed addresses.

use jiff::Timestamp;
use rohrpost_mail::{Mailbox, QueueId};
use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    error::StoreError,
    limits,
    row::time,
    settle::{DigestEntry, NewDigestEntry},
    store::Store,
};

impl Store {
    /// What was put under a name.
    pub async fn meta_get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = format!("{CALLERS}{key}");
        self.read(move |connection| get(connection, &key)).await
    }

    /// Puts something under a name, in the place of what was there.
    pub async fn meta_put(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = format!("{CALLERS}{key}");
        self.write(move |connection| put(connection, &key, &value)).await
    }

    /// When a notice of this kind was last written, as [`Store::notice_told`] remembers it.
    pub async fn notice_told_at(&self, kind: &str) -> Result<Option<Timestamp>, StoreError> {
        let told = self.meta_get(&notice_key(kind)).await?;
        Ok(told.and_then(|octets| Timestamp::from_second(i64::from_be_bytes(octets.try_into().ok()?)).ok()))
    }

    /// Remembers that a notice of this kind was written now.
    pub async fn notice_told(&self, kind: &str, now: Timestamp) -> Result<(), StoreError> {
        self.meta_put(&notice_key(kind), now.as_second().to_be_bytes().to_vec()).await
    }

    /// The oldest entries of the digest. They stay until [`Store::digest_remove`].
    pub async fn digest_take(&self, limit: usize) -> Result<Vec<DigestEntry>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT id, at, message, recipient, text FROM digest ORDER BY id LIMIT ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let entries = statement.query_map([limit.min(limits::PAGE_ROWS_MAX)], |row| {
                let recipient: Option<String> = row.get("recipient")?;
                Ok(DigestEntry {
                    id: row.get("id")?,
                    entry: NewDigestEntry {
                        at: time(row.get("at")?).unwrap_or(Timestamp::UNIX_EPOCH),
                        message: QueueId::from_i64(row.get("message")?),
                        recipient: recipient.and_then(|recipient| serde_json::from_str(&recipient).ok()),
                        text: row.get("text")?,
                    },
                })
            })?;
            Ok(entries.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Removes entries that were reported.
    pub async fn digest_remove(&self, ids: Vec<i64>) -> Result<(), StoreError> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM digest WHERE id = ?1")?;
            ids.iter().try_for_each(|id| delete.execute([id]).map(|_| ()))?;
            Ok(())
        })
        .await
    }

    /// Keeps an account from sending to an address until some time.
    pub async fn suppression_put(&self, account: &str, address: &Mailbox, until: Timestamp) -> Result<(), StoreError> {
        let (account, address) = (account.to_owned(), address.key());
        self.write(move |connection| {
            let sql = "INSERT OR REPLACE INTO suppression (account, address, until) VALUES (?1, ?2, ?3)";
            connection.prepare_cached(sql)?.execute(params![account, address, until.as_millisecond()])?;
            Ok(())
        })
        .await
    }

    /// Until when an account must not send to an address, if it must not now.
    pub async fn suppressed_until(
        &self,
        account: &str,
        address: &Mailbox,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (account, address) = (account.to_owned(), address.key());
        self.read(move |connection| {
            let sql = "SELECT until FROM suppression WHERE account = ?1 AND address = ?2 AND until > ?3";
            let mut statement = connection.prepare_cached(sql)?;
            let until = statement.query_row(params![account, address, now.as_millisecond()], |row| row.get(0));
            Ok(until.optional()?.and_then(|until| time(until).ok()))
        })
        .await
    }

    /// Lets an account send to an address again. False if it could.
    pub async fn suppression_remove(&self, account: &str, address: &Mailbox) -> Result<bool, StoreError> {
        let (account, address) = (account.to_owned(), address.key());
        self.write(move |connection| {
            let sql = "DELETE FROM suppression WHERE account = ?1 AND address = ?2";
            Ok(connection.prepare_cached(sql)?.execute([&account, &address])? > 0)
        })
        .await
    }
}

/// What is under a key.
pub(crate) fn get(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?)
}

/// Puts something under a key, in the place of what was there.
pub(crate) fn put(connection: &Connection, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute(params![key, value])?;
    Ok(())
}

/// Removes what is under a key.
pub(crate) fn remove(connection: &Connection, key: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM meta WHERE key = ?1")?.execute([key])?;
    Ok(())
}

/// The number under a key, if it is one.
pub(crate) fn number(connection: &Connection, key: &str) -> Result<Option<u64>, StoreError> {
    Ok(get(connection, key)?.and_then(number_of))
}

/// The number in a value.
pub(crate) fn number_of(value: Vec<u8>) -> Option<u64> {
    String::from_utf8(value).ok()?.parse().ok()
}

/// Puts a number under a key, as text.
pub(crate) fn put_number(connection: &Connection, key: &str, number: u64) -> Result<(), StoreError> {
    put(connection, key, number.to_string().as_bytes())
}

fn notice_key(kind: &str) -> String {
    format!("notice {kind}")
}

/// Keeps the names that callers choose apart from those of this crate.
const CALLERS: &str = "caller:";
