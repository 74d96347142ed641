//! The tables `mailbox`, `mail` and `expunged`: rows in, rows out, with their checksums.

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::QueueId;
use rusqlite::{Connection, Params, Row, params};

use super::{Flags, MailboxId, MailboxInfo, SpecialUse, System};
use crate::{
    error::StoreError,
    quarantine::{self, Found},
    row::{Damage, Sum, count, time, uncount, verify},
};

/// A row of `mailbox`.
#[derive(Clone, Debug)]
pub(crate) struct MailboxRow {
    pub(crate) account: String,
    pub(crate) info: MailboxInfo,
    /// Expunges after this MODSEQ are all remembered.
    pub(crate) known_since: u64,
    /// When it was deleted.
    pub(crate) removed: Option<Timestamp>,
}

pub(crate) const MAILBOX_COLUMNS: &str = "id, account, name, uid_validity, special_use, subscribed, uid_next, modseq, \
     known_since, messages, unseen, deleted, deleted_octets, octets, removed, crc";

impl MailboxRow {
    /// Reads a row and checks it.
    pub(crate) fn read(row: &Row<'_>) -> Result<Self, Damage> {
        let special_use: Option<String> = row.get("special_use")?;
        let read = Self {
            account: row.get("account")?,
            info: MailboxInfo {
                id: MailboxId(row.get("id")?),
                name: row.get("name")?,
                uid_validity: row.get("uid_validity")?,
                uid_next: row.get("uid_next")?,
                modseq: uncount(row.get("modseq")?),
                messages: row.get("messages")?,
                unseen: row.get("unseen")?,
                deleted: row.get("deleted")?,
                deleted_octets: uncount(row.get("deleted_octets")?),
                octets: uncount(row.get("octets")?),
                special_use: special_use.as_deref().and_then(SpecialUse::parse),
                subscribed: row.get("subscribed")?,
            },
            known_since: uncount(row.get("known_since")?),
            removed: row.get::<_, Option<i64>>("removed")?.map(time).transpose()?,
        };
        verify(row.get("crc")?, read.sum())?;
        Ok(read)
    }

    /// The rows that a statement of [`MAILBOX_COLUMNS`] selects; damaged ones apart.
    pub(crate) fn select(
        connection: &Connection,
        condition: &str,
        params: impl Params,
    ) -> Result<(Vec<Self>, Vec<Found>), StoreError> {
        let sql = format!("SELECT {MAILBOX_COLUMNS} FROM mailbox WHERE {condition}");
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params)?;
        let (mut good, mut damaged) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            match Self::read(row) {
                Ok(mailbox) => good.push(mailbox),
                Err(Damage::Row(reason)) => damaged.push(quarantine::found(row, "mailbox", "id", reason)?),
                Err(Damage::Database(error)) => return Err(error),
            }
        }
        Ok((good, damaged))
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO mailbox ({MAILBOX_COLUMNS})
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)"
        );
        let info = &self.info;
        connection.prepare_cached(&sql)?.execute(params![
            info.id.0,
            self.account,
            info.name,
            info.uid_validity,
            info.special_use.map(SpecialUse::as_str),
            info.subscribed,
            info.uid_next,
            count(info.modseq),
            count(self.known_since),
            info.messages,
            info.unseen,
            info.deleted,
            count(info.deleted_octets),
            count(info.octets),
            self.removed.map(Timestamp::as_millisecond),
            self.sum(),
        ])?;
        Ok(())
    }

    /// Writes what mail coming, changing and going changes.
    pub(crate) fn update_counters(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "UPDATE mailbox SET uid_next = ?2, modseq = ?3, known_since = ?4, messages = ?5, unseen = ?6,
            deleted = ?7, deleted_octets = ?8, octets = ?9, crc = ?10 WHERE id = ?1";
        let info = &self.info;
        connection.prepare_cached(sql)?.execute(params![
            info.id.0,
            info.uid_next,
            count(info.modseq),
            count(self.known_since),
            info.messages,
            info.unseen,
            info.deleted,
            count(info.deleted_octets),
            count(info.octets),
            self.sum(),
        ])?;
        Ok(())
    }

    /// Writes all of it anew.
    pub(crate) fn update(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.prepare_cached("DELETE FROM mailbox WHERE id = ?1")?.execute([self.info.id.0])?;
        self.insert(connection)
    }

    /// Counts a message that came, or with `-1` one that went.
    pub(crate) fn count(&mut self, mail: &MailRow, sign: i32) {
        let add = |counter: &mut u32, applies: bool| {
            if applies {
                *counter = counter.saturating_add_signed(sign);
            }
        };
        let (system, octets) = (mail.flags.system(), count(mail.octets).saturating_mul(sign.into()));
        add(&mut self.info.messages, true);
        add(&mut self.info.unseen, !system.contains(System::SEEN));
        self.info.octets = self.info.octets.saturating_add_signed(octets);
        if system.contains(System::DELETED) {
            add(&mut self.info.deleted, true);
            self.info.deleted_octets = self.info.deleted_octets.saturating_add_signed(octets);
        }
    }

    fn sum(&self) -> i64 {
        let info = &self.info;
        let sum = Sum::of("mailbox").int(info.id.0).text(&self.account).text(&info.name);
        let sum = sum.int(info.uid_validity.into()).maybe(info.special_use.map(SpecialUse::as_str));
        let sum = sum.int(info.subscribed.into()).int(info.uid_next.into()).int(count(info.modseq));
        let sum = sum.int(count(self.known_since)).int(info.messages.into()).int(info.unseen.into());
        let removed = self.removed.map_or(-1, Timestamp::as_millisecond);
        sum.int(info.deleted.into()).int(count(info.deleted_octets)).int(count(info.octets)).int(removed).end()
    }
}

/// A row of `mail`, or with `gone` one of `expunged`.
#[derive(Clone, Debug)]
pub(crate) struct MailRow {
    pub(crate) mailbox: MailboxId,
    pub(crate) uid: u32,
    pub(crate) modseq: u64,
    pub(crate) flags: Flags,
    pub(crate) email: i64,
    pub(crate) thread: i64,
    pub(crate) message: Option<QueueId>,
    pub(crate) at: Timestamp,
    pub(crate) saved: Timestamp,
    /// Nothing for mail that moved on.
    pub(crate) body: Option<QueueId>,
    pub(crate) prefix: Bytes,
    pub(crate) octets: u64,
}

/// The columns of `mail` that [`MailRow::read`] wants, by their place.
pub(crate) const MAIL_COLUMNS: &str = "mail.mailbox, mail.uid, mail.modseq, mail.flags, mail.keywords, mail.email, \
     mail.thread, mail.message, mail.at, mail.saved, mail.body, mail.prefix, mail.octets, mail.crc";

/// Those of `expunged`, and the time behind them.
pub(crate) const EXPUNGED_COLUMNS: &str =
    "mailbox, uid, modseq, flags, keywords, email, thread, message, at, saved, body, prefix, octets, crc, gone";

/// The place of the first column behind [`MAIL_COLUMNS`].
pub(crate) const MAIL_COLUMN_COUNT: usize = 14;

impl MailRow {
    /// Reads a row of `mail` and checks it. `prefix` makes octets of the column's.
    pub(crate) fn read(row: &Row<'_>, prefix: impl FnOnce(&[u8]) -> Bytes) -> Result<Self, Damage> {
        Self::read_from("mail", row, prefix)
    }

    /// The same of `expunged`.
    pub(crate) fn read_expunged(row: &Row<'_>) -> Result<Self, Damage> {
        Self::read_from("expunged", row, Bytes::copy_from_slice)
    }

    fn read_from(table: &str, row: &Row<'_>, prefix: impl FnOnce(&[u8]) -> Bytes) -> Result<Self, Damage> {
        let keywords = row.get_ref(4)?.as_str_or_null().map_err(rusqlite::Error::from)?;
        let blob = row.get_ref(11)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut read = Self {
            mailbox: MailboxId(row.get(0)?),
            uid: row.get(1)?,
            modseq: uncount(row.get(2)?),
            flags: Flags::from_columns(row.get(3)?, keywords),
            email: row.get(5)?,
            thread: row.get(6)?,
            message: row.get::<_, Option<i64>>(7)?.map(QueueId::from_i64),
            at: time(row.get(8)?)?,
            saved: time(row.get(9)?)?,
            body: row.get::<_, Option<i64>>(10)?.map(QueueId::from_i64),
            prefix: Bytes::new(),
            octets: uncount(row.get(12)?),
        };
        verify(row.get(13)?, read.sum(table, blob))?;
        read.prefix = prefix(blob);
        Ok(read)
    }

    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO mail (mailbox, uid, modseq, flags, keywords, email, thread, message, at, saved, body,
            prefix, octets, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
        self.put(connection, sql, "mail", None)
    }

    /// Writes a row of `expunged`; the row's MODSEQ is that of the expunge.
    pub(crate) fn insert_expunged(&self, connection: &Connection, gone: Timestamp) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO expunged (mailbox, uid, modseq, flags, keywords, email, thread, message, at, saved, body,
            prefix, octets, crc, gone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        self.put(connection, sql, "expunged", Some(gone))
    }

    fn put(&self, connection: &Connection, sql: &str, table: &str, gone: Option<Timestamp>) -> Result<(), StoreError> {
        let mut statement = connection.prepare_cached(sql)?;
        let sum = self.sum(table, &self.prefix);
        let columns: &[&dyn rusqlite::ToSql] = params![
            self.mailbox.0,
            self.uid,
            count(self.modseq),
            self.flags.system().bits(),
            self.flags.keyword_column(),
            self.email,
            self.thread,
            self.message.map(QueueId::as_i64),
            self.at.as_millisecond(),
            self.saved.as_millisecond(),
            self.body.map(QueueId::as_i64),
            &self.prefix[..],
            count(self.octets),
            sum,
        ];
        match gone {
            None => statement.execute(columns)?,
            Some(gone) => statement.execute(&[columns, &[&gone.as_millisecond()]].concat()[..])?,
        };
        Ok(())
    }

    /// Writes flags and MODSEQ.
    pub(crate) fn update_flags(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "UPDATE mail SET modseq = ?3, flags = ?4, keywords = ?5, crc = ?6 WHERE mailbox = ?1 AND uid = ?2";
        connection.prepare_cached(sql)?.execute(params![
            self.mailbox.0,
            self.uid,
            count(self.modseq),
            self.flags.system().bits(),
            self.flags.keyword_column(),
            self.sum("mail", &self.prefix),
        ])?;
        Ok(())
    }

    pub(crate) fn delete_expunged(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "DELETE FROM expunged WHERE mailbox = ?1 AND modseq = ?2 AND uid = ?3";
        connection.prepare_cached(sql)?.execute(params![self.mailbox.0, count(self.modseq), self.uid])?;
        Ok(())
    }

    pub(crate) fn delete(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "DELETE FROM mail WHERE mailbox = ?1 AND uid = ?2";
        connection.prepare_cached(sql)?.execute(params![self.mailbox.0, self.uid])?;
        Ok(())
    }

    fn sum(&self, table: &str, prefix: &[u8]) -> i64 {
        let sum = Sum::of(table).int(self.mailbox.0).int(self.uid.into()).int(count(self.modseq));
        let sum = sum.int(self.flags.system().bits().into()).maybe(self.flags.keyword_column()).int(self.email);
        let sum = sum.int(self.thread).int(self.message.map_or(-1, QueueId::as_i64)).int(self.at.as_millisecond());
        let sum = sum.int(self.saved.as_millisecond()).int(self.body.map_or(-1, QueueId::as_i64));
        sum.bytes(prefix).int(count(self.octets)).end()
    }
}
