//! Messages: what is committed, what is read back.

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Envelope, Mailbox, QueueId, Recipient};
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, params};

use crate::{
    body::{
        Body, BodyRef,
        rows::{self, PreparedBody},
    },
    counters,
    error::StoreError,
    queue::RecipientRow,
    row::{Damage, Sum, count, id_column, json, time, uncount, verify},
};

/// A message on its way into the store. Clones share the body.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// From [`Store::new_id`](crate::Store::new_id).
    pub id: QueueId,
    /// What travels beside it.
    pub envelope: Envelope,
    /// Who gets it, numbered from 0 in this order.
    pub recipients: Vec<NewRecipient>,
    /// The message itself.
    pub body: Body,
    /// How it came in; its time is the message's time.
    pub received: DeliveryRecord,
    /// Its `Message-ID`, with angle brackets, for `trace`.
    pub message_id: Option<String>,
    /// The login of who submitted it.
    pub account: Option<String>,
    /// When delivery is given up.
    pub expires: Timestamp,
    /// What to count in the same commit.
    pub counters: Vec<CounterAdd>,
}

/// A recipient on its way into the queue.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewRecipient {
    /// Who, and what was asked for.
    pub recipient: Recipient,
    /// `local`, `mx`, or the name of a route.
    pub route: String,
    /// The domain, or the domain of the mailbox.
    pub site: String,
    /// First attempt.
    pub due: Timestamp,
    /// Whether it waits for an operator instead.
    pub hold: bool,
    /// When delivery to it is given up, where that is not when its message expires.
    pub expires: Option<Timestamp>,
}

/// A count to add to one minute of a counter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CounterAdd {
    /// Such as `account:ann@here.test`.
    pub key: String,
    /// Minutes since 1970.
    pub minute: i64,
    /// How much.
    pub count: u32,
}

/// Proof that a message is on stable storage. Only the writer mints it, after the sync of its commit.
#[derive(Debug)]
pub struct Stored {
    id: QueueId,
}

impl Stored {
    pub(crate) fn mint(id: QueueId) -> Self {
        Self { id }
    }

    /// Which message.
    pub fn id(&self) -> QueueId {
        self.id
    }
}

/// A message in the store, without its recipients.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// Its name.
    pub id: QueueId,
    /// What travels beside it.
    pub envelope: Envelope,
    /// Where its body is.
    pub body: BodyRef,
    /// Its `Message-ID`, with angle brackets.
    pub message_id: Option<String>,
    /// The login of who submitted it.
    pub account: Option<String>,
    /// When it came in.
    pub created: Timestamp,
    /// When delivery is given up.
    pub expires: Timestamp,
    /// When its last recipient left the queue; then the body may be gone.
    pub left: Option<Timestamp>,
    /// How it came in.
    pub received: DeliveryRecord,
}

/// A message to be filed into a mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Filing {
    /// Login of the account.
    pub account: String,
    /// Such as `INBOX`; made where it is missing.
    pub mailbox: String,
    /// Fields that only this copy has at its top, such as `Return-Path` and `Delivered-To`; each ends with CRLF.
    pub prefix: Bytes,
    /// The structure of its body, without the prefix: the stored form of `rohrpost_mail::mime::Shape`. Made when it is first
    /// asked for where it is missing.
    pub shape: Option<Bytes>,
}

/// A message ready to be inserted: all that can be computed outside the writer's thread is.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) id: QueueId,
    created: Timestamp,
    expires: Timestamp,
    sender: String,
    envelope: String,
    message_id: Option<String>,
    account: Option<String>,
    pub(crate) body: PreparedBody,
    received: String,
    crc: i64,
    recipients: Vec<RecipientRow>,
    counters: Vec<CounterAdd>,
}

impl Prepared {
    pub(crate) fn new(message: NewMessage) -> Self {
        let NewMessage { id, envelope, recipients, body, received, message_id, account, expires, counters } = message;
        let created = received.at;
        let rows = recipients.into_iter().zip(0..);
        let mut prepared = Self {
            id,
            created,
            expires,
            sender: envelope.reverse_path.mailbox().map_or_else(String::new, Mailbox::key),
            envelope: json(&envelope),
            message_id,
            account,
            body: PreparedBody::new(body, id),
            received: json(&received),
            crc: 0,
            recipients: rows.map(|(new, n)| RecipientRow::new(id, n, new, created, expires)).collect(),
            counters,
        };
        prepared.crc = prepared.sum();
        prepared
    }

    /// Octets that the transaction writes, about.
    pub(crate) fn weight(&self) -> usize {
        self.body.weight() + self.envelope.len() + self.received.len() + 512 * self.recipients.len()
    }

    /// Writes the message, its body and its recipients.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        self.insert_message(connection).map_err(|error| match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) => StoreError::Exists(self.id),
            _ => error.into(),
        })?;
        self.body.insert(connection)?;
        for recipient in &self.recipients {
            recipient.insert(connection)?;
        }
        for add in &self.counters {
            counters::add(connection, add)?;
        }
        if self.recipients.is_empty() { leave_if_empty(connection, self.id, self.created) } else { Ok(()) }
    }

    fn insert_message(&self, connection: &Connection) -> rusqlite::Result<usize> {
        let sql = "INSERT INTO message
            (id, created, expires, sender, envelope, message_id, account, body, prefix, octets, received, crc, next_n)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
        connection.prepare_cached(sql)?.execute(params![
            self.id.as_i64(),
            self.created.as_millisecond(),
            self.expires.as_millisecond(),
            self.sender,
            self.envelope,
            self.message_id,
            self.account,
            self.body.id().as_i64(),
            self.body.prefix(),
            count(self.body.octets()),
            self.received,
            self.crc,
            self.recipients.len(),
        ])
    }

    fn sum(&self) -> i64 {
        MessageSum {
            id: self.id,
            created: self.created.as_millisecond(),
            expires: self.expires.as_millisecond(),
            sender: &self.sender,
            envelope: &self.envelope,
            message_id: self.message_id.as_deref(),
            account: self.account.as_deref(),
            body: self.body.id(),
            prefix: self.body.prefix(),
            octets: count(self.body.octets()),
            received: &self.received,
        }
        .end()
    }
}

/// What the checksum of a message covers.
struct MessageSum<'a> {
    id: QueueId,
    created: i64,
    expires: i64,
    sender: &'a str,
    envelope: &'a str,
    message_id: Option<&'a str>,
    account: Option<&'a str>,
    body: QueueId,
    prefix: &'a [u8],
    octets: i64,
    received: &'a str,
}

impl MessageSum<'_> {
    fn end(self) -> i64 {
        let sum = Sum::of("message").int(self.id.as_i64()).int(self.created).int(self.expires).text(self.sender);
        let sum = sum.text(self.envelope).maybe(self.message_id).maybe(self.account).int(self.body.as_i64());
        sum.bytes(self.prefix).int(self.octets).text(self.received).end()
    }
}

/// The columns that [`read`] wants.
pub(crate) const COLUMNS: &str = "id, created, expires, sender, envelope, message_id, account, body, prefix, octets, \
     received, crc, left";

/// Reads a message's row and checks it.
pub(crate) fn read(row: &Row<'_>) -> Result<QueuedMessage, Damage> {
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    let (envelope, received, sender) = (text("envelope")?, text("received")?, text("sender")?);
    let prefix = row.get_ref("prefix")?.as_blob().map_err(rusqlite::Error::from)?;
    let (message_id, account) = (row.get::<_, Option<String>>("message_id")?, row.get::<_, Option<String>>("account")?);
    let (id, body) = (id_column(row, "id")?, id_column(row, "body")?);
    let (created, expires, octets) = (row.get("created")?, row.get("expires")?, row.get("octets")?);
    let sum = MessageSum {
        id,
        created,
        expires,
        sender,
        envelope,
        message_id: message_id.as_deref(),
        account: account.as_deref(),
        body,
        prefix,
        octets,
        received,
    };
    verify(row.get("crc")?, sum.end())?;
    Ok(QueuedMessage {
        id,
        envelope: serde_json::from_str(envelope)?,
        received: serde_json::from_str(received)?,
        body: BodyRef { id: body, octets: uncount(octets), prefix: Bytes::copy_from_slice(prefix) },
        message_id,
        account,
        created: time(created)?,
        expires: time(expires)?,
        left: row.get::<_, Option<i64>>("left")?.map(time).transpose()?,
    })
}

/// Marks a message that has no recipient in the queue any more, and lets its body go.
pub(crate) fn leave_if_empty(connection: &Connection, id: QueueId, now: Timestamp) -> Result<(), StoreError> {
    let mut waiting = connection.prepare_cached("SELECT 1 FROM recipient WHERE message = ?1 LIMIT 1")?;
    if waiting.exists([id.as_i64()])? {
        return Ok(());
    }
    let sql = "UPDATE message SET left = ?2 WHERE id = ?1 AND left IS NULL RETURNING body";
    let mut leave = connection.prepare_cached(sql)?;
    match leave.query_row(params![id.as_i64(), now.as_millisecond()], |row| id_column(row, "body")).optional()? {
        Some(body) => rows::release(connection, body),
        None => Ok(()),
    }
}
