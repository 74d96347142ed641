//! The table `shape`: what is known of the structure of a body, once for all who refer to it.

use bytes::Bytes;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, params};

use crate::{body::BodyRef, error::StoreError, row::Sum, store::Store};

impl Store {
    /// Remembers the structure of a body that had none, or a damaged one: mail of earlier releases. Nothing happens
    /// where the body is gone.
    ///
    /// # Errors
    /// As any write.
    pub async fn mailbox_shape_put(&self, body: &BodyRef, shape: Bytes) -> Result<(), StoreError> {
        let prepared = Prepared::new(body.id, shape);
        self.write(move |connection| {
            let there = connection.prepare_cached("SELECT 1 FROM body WHERE id = ?1")?;
            let there = { there }.exists([prepared.body.as_i64()])?;
            if there { prepared.put(connection, "REPLACE") } else { Ok(()) }
        })
        .await
    }
}

/// A shape ready to be inserted.
#[derive(Debug)]
pub(crate) struct Prepared {
    body: QueueId,
    data: Bytes,
    crc: i64,
}

impl Prepared {
    pub(crate) fn new(body: QueueId, data: Bytes) -> Self {
        let crc = sum(body, &data);
        Self { body, data, crc }
    }

    pub(crate) fn weight(&self) -> usize {
        self.data.len()
    }

    /// Writes it, unless the body has one: it is that of a copy.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        self.put(connection, "IGNORE")
    }

    fn put(&self, connection: &Connection, conflict: &str) -> Result<(), StoreError> {
        let sql = format!("INSERT OR {conflict} INTO shape (body, data, crc) VALUES (?1, ?2, ?3)");
        connection.prepare_cached(&sql)?.execute(params![self.body.as_i64(), &self.data[..], self.crc])?;
        Ok(())
    }
}

/// The checksum of a row.
pub(crate) fn sum(body: QueueId, data: &[u8]) -> i64 {
    Sum::of("shape").int(body.as_i64()).bytes(data).end()
}
