//! Mailboxes: what local delivery has filed.

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    body::{BodyRef, rows},
    error::StoreError,
    ids::Ids,
    limits,
    message::Filing,
    quarantine::{self, Found},
    records,
    row::{Damage, Sum, count, id_column, time, uncount, verify},
    store::Store,
};

/// A message in a mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filed {
    /// Its number; grows with each message that is filed.
    pub id: i64,
    /// Login of the account.
    pub account: String,
    /// Such as `INBOX`.
    pub folder: String,
    /// The message it came from, for its records.
    pub message: QueueId,
    /// When it was filed.
    pub at: Timestamp,
    /// Where its octets are.
    pub body: BodyRef,
}

impl Store {
    /// The folders of an account, each with the number of its messages.
    pub async fn mailbox_folders(&self, account: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let account = account.to_owned();
        self.read(move |connection| {
            let sql = "SELECT name, (SELECT count(*) FROM mail WHERE account = ?1 AND folder = name) FROM folder
                WHERE account = ?1 ORDER BY name";
            let mut statement = connection.prepare_cached(sql)?;
            let folders = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(folders.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    /// Messages of a folder in the order they came, after the one numbered `after`.
    pub async fn mailbox_messages(
        &self,
        account: &str,
        folder: &str,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Filed>, StoreError> {
        let (account, folder) = (account.to_owned(), folder.to_owned());
        let (filed, damaged) = self.read(move |connection| list(connection, &account, &folder, after, limit)).await?;
        self.put_aside(damaged).await?;
        Ok(filed)
    }

    /// Removes a message from its mailbox, and its octets when nothing else refers to them. False if it was not there.
    pub async fn mailbox_remove(&self, id: i64) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM mail WHERE id = ?1 RETURNING body")?;
            let body = delete.query_row([id], |row| id_column(row, "body")).optional()?;
            body.map(|body| rows::release(connection, body)).transpose()?;
            Ok(body.is_some())
        })
        .await
    }
}

fn list(
    connection: &Connection,
    account: &str,
    folder: &str,
    after: i64,
    limit: usize,
) -> Result<(Vec<Filed>, Vec<Found>), StoreError> {
    let sql = "SELECT id, account, folder, message, at, body, prefix, octets, crc FROM mail
        WHERE account = ?1 AND folder = ?2 AND id > ?3 ORDER BY id LIMIT ?4";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![account, folder, after, limit.min(limits::PAGE_ROWS_MAX)])?;
    let (mut filed, mut damaged) = (Vec::new(), Vec::new());
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(row) => filed.push(row),
            Err(Damage::Row(reason)) => damaged.push(quarantine::found(row, "mail", "id", reason)?),
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    Ok((filed, damaged))
}

/// Reads a row of the table `mail` and checks it.
pub(crate) fn read(row: &Row<'_>) -> Result<Filed, Damage> {
    let prefix = Bytes::copy_from_slice(row.get_ref("prefix")?.as_blob().map_err(rusqlite::Error::from)?);
    let filed = Filed {
        id: row.get("id")?,
        account: row.get("account")?,
        folder: row.get("folder")?,
        message: id_column(row, "message")?,
        at: time(row.get("at")?)?,
        body: BodyRef { id: id_column(row, "body")?, octets: uncount(row.get("octets")?), prefix },
    };
    verify(row.get("crc")?, sum(&filed))?;
    Ok(filed)
}

fn sum(filed: &Filed) -> i64 {
    let Filed { id, account, folder, message, at, body } = filed;
    let sum = Sum::of("mail").int(*id).text(account).text(folder).int(message.as_i64()).int(at.as_millisecond());
    sum.int(body.id.as_i64()).int(count(body.octets)).bytes(&body.prefix).end()
}

/// Files a message of the queue into mailboxes; they share its body.
pub(crate) fn file(
    connection: &Connection,
    ids: &Ids,
    id: QueueId,
    filings: &[Filing],
    at: Timestamp,
) -> Result<(), StoreError> {
    let Some(message) = records::message(connection, id)?.map_err(|found| found.error())? else {
        return Err(StoreError::BodyGone);
    };
    for filing in filings {
        let body = with_prefix(&message.body, &filing.prefix);
        let (account, folder) = (filing.account.clone(), filing.folder.clone());
        insert(connection, &Filed { id: ids.next().as_i64(), account, folder, message: id, at, body })?;
    }
    Ok(())
}

fn insert(connection: &Connection, filed: &Filed) -> Result<(), StoreError> {
    let sql = "INSERT OR IGNORE INTO folder (account, name) VALUES (?1, ?2)";
    connection.prepare_cached(sql)?.execute([&filed.account, &filed.folder])?;
    let sql = "INSERT INTO mail (id, account, folder, message, at, body, prefix, octets, crc)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    connection.prepare_cached(sql)?.execute(params![
        filed.id,
        filed.account,
        filed.folder,
        filed.message.as_i64(),
        filed.at.as_millisecond(),
        filed.body.id.as_i64(),
        &filed.body.prefix[..],
        count(filed.body.octets),
        sum(filed),
    ])?;
    Ok(())
}

fn with_prefix(body: &BodyRef, prefix: &Bytes) -> BodyRef {
    let mut whole = BytesMut::with_capacity(prefix.len() + body.prefix.len());
    whole.put(&prefix[..]);
    whole.put(&body.prefix[..]);
    BodyRef { id: body.id, octets: body.octets + prefix.len() as u64, prefix: whole.freeze() }
}
