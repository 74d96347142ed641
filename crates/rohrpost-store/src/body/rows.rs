//! The table `body`: rows in, rows out, and when one goes.

use bytes::Bytes;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, OptionalExtension, params};

use super::{Body, Content};
use crate::{
    error::StoreError,
    row::{Damage, Sum, count, uncount, verify},
};

/// A row of the table, checked.
#[derive(Debug)]
pub(crate) struct BodyRow {
    /// All octets, or those that come before the file.
    pub(crate) data: Bytes,
    /// The file's checksum, where there is a file.
    pub(crate) file_crc: Option<u32>,
    /// Octets of the whole body.
    pub(crate) octets: u64,
}

/// A body ready to be inserted: what could be computed outside the writer's thread is.
#[derive(Clone, Debug)]
pub(crate) struct PreparedBody {
    body: Body,
    id: QueueId,
    crc: i64,
}

impl PreparedBody {
    /// `message` names the body too, unless that has a name already.
    pub(crate) fn new(body: Body, message: QueueId) -> Self {
        let (id, crc) = match &body.content {
            Content::Inline { message: data, .. } => (message, sum(message, body.octets, None, data)),
            Content::File { new, crc, prefix } => (new.id, sum(new.id, body.octets, Some(*crc), prefix)),
            Content::Shared(other) => (other.id, 0),
        };
        Self { body, id, crc }
    }

    pub(crate) fn id(&self) -> QueueId {
        self.id
    }

    /// What stands before the body in this message only.
    pub(crate) fn prefix(&self) -> &[u8] {
        if let Content::Shared(other) = &self.body.content { &other.prefix } else { &[] }
    }

    pub(crate) fn octets(&self) -> u64 {
        self.body.octets
    }

    /// Octets that the transaction writes.
    pub(crate) fn weight(&self) -> usize {
        if let Content::Inline { message: data, .. } = &self.body.content { data.len() } else { self.prefix().len() }
    }

    pub(crate) fn inline(&self) -> Option<Bytes> {
        self.body.inline()
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let (file, file_crc, data) = match &self.body.content {
            Content::Inline { message: data, .. } => (false, 0, data),
            Content::File { crc, prefix, .. } => (true, *crc, prefix),
            Content::Shared(_) => return self.check_shared(connection),
        };
        let sql = "INSERT INTO body (id, octets, file, file_crc, data, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let octets = count(self.body.octets);
        connection.prepare_cached(sql)?.execute(params![
            self.id.as_i64(),
            octets,
            file,
            file_crc,
            &data[..],
            self.crc
        ])?;
        Ok(())
    }

    /// A row names the file now, or may name it after a restart.
    pub(crate) fn keep_file(&self) {
        if let Content::File { new, .. } = &self.body.content {
            new.keep();
        }
    }

    fn check_shared(&self, connection: &Connection) -> Result<(), StoreError> {
        let there = connection.prepare_cached("SELECT 1 FROM body WHERE id = ?1")?.exists([self.id.as_i64()])?;
        if there { Ok(()) } else { Err(StoreError::BodyGone) }
    }
}

/// The checksum of a row.
pub(crate) fn sum(id: QueueId, octets: u64, file_crc: Option<u32>, data: &[u8]) -> i64 {
    let file = i64::from(file_crc.is_some());
    let sum = Sum::of("body").int(id.as_i64()).int(count(octets)).int(file);
    sum.int(i64::from(file_crc.unwrap_or_default())).bytes(data).end()
}

/// Reads a body's row and checks it. A missing row is damage: nobody asks for a body that nothing refers to.
pub(crate) fn read(connection: &Connection, id: QueueId) -> Result<BodyRow, Damage> {
    let mut statement =
        connection.prepare_cached("SELECT octets, file, file_crc, data, crc FROM body WHERE id = ?1")?;
    let mut rows = statement.query([id.as_i64()])?;
    let Some(row) = rows.next()? else { return Err(Damage::Row("the row is missing".to_owned())) };
    let octets = uncount(row.get("octets")?);
    let file: bool = row.get("file")?;
    let file_crc = file.then(|| row.get::<_, u32>("file_crc")).transpose()?;
    let data = Bytes::copy_from_slice(row.get_ref("data")?.as_blob().map_err(|error| Damage::Row(error.to_string()))?);
    verify(row.get("crc")?, sum(id, octets, file_crc, &data))?;
    Ok(BodyRow { data, file_crc, octets })
}

/// Deletes a body that nothing refers to any more; its file becomes garbage in the same transaction.
pub(crate) fn release(connection: &Connection, id: QueueId) -> Result<(), StoreError> {
    let sql = "DELETE FROM body WHERE id = ?1
        AND NOT EXISTS (SELECT 1 FROM queued_body WHERE body = ?1)
        AND NOT EXISTS (SELECT 1 FROM mail WHERE body = ?1)
        AND NOT EXISTS (SELECT 1 FROM expunged WHERE body = ?1) RETURNING file";
    let file = connection.prepare_cached(sql)?.query_row([id.as_i64()], |row| row.get(0)).optional()?;
    if file.is_some() {
        connection.prepare_cached("DELETE FROM shape WHERE body = ?1")?.execute([id.as_i64()])?;
    }
    if file == Some(true) {
        let sql = "INSERT OR IGNORE INTO garbage (id) VALUES (?1)";
        connection.prepare_cached(sql)?.execute([id.as_i64()])?;
    }
    Ok(())
}
