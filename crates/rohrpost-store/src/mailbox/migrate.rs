//! Brings the folders of schemas 1 and 2 into the tables of schema 3. Nothing else reads the old ones.

use rohrpost_mail::QueueId;
use rusqlite::{Connection, Row, params};

use super::{
    Flags, MailboxId, name,
    rows::{MailRow, MailboxRow},
    work::Work,
};
use crate::{
    error::StoreError,
    ids::Ids,
    row::{self, Damage, Sum, count, time, uncount, verify},
};

/// Makes the mailboxes of every account, and moves each mail to the one of its folder. It gets its UID in the order of
/// the old numbers.
pub(crate) fn run(connection: &Connection) -> Result<(), StoreError> {
    let ids = Ids::new(0, None);
    let mut touched = Vec::new();
    let mut work = Work::begin(connection, &ids, &mut touched);
    let accounts = "SELECT login FROM account UNION SELECT account FROM folder UNION SELECT account FROM filed";
    for account in texts(connection, accounts)? {
        work.ensure_inbox(&account)?;
    }
    let mut folders = connection.prepare("SELECT account, name FROM folder UNION SELECT account, folder FROM filed")?;
    let mut folders = folders.query([])?;
    while let Some(folder) = folders.next()? {
        let (account, folder): (String, String) = (folder.get(0)?, folder.get(1)?);
        let name = name::canonical(&folder).unwrap_or_else(|_| name::INBOX.to_owned());
        let mailbox = work.ensure(&account, &name)?;
        move_mail(&mut work, mailbox, &account, &folder)?;
    }
    connection.execute_batch("DROP TABLE filed; DROP TABLE folder;")?;
    // The few pages of empty tables go back at once, one with each step; those of full ones when records are pruned.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum(16)")?;
    let mut steps = vacuum.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
}

fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let texts = statement.query_map([], |row| row.get(0))?;
    Ok(texts.collect::<rusqlite::Result<_>>()?)
}

fn move_mail(work: &mut Work<'_>, mut mailbox: MailboxRow, account: &str, folder: &str) -> Result<(), StoreError> {
    let sql = "SELECT id, account, folder, message, at, body, prefix, octets, crc FROM filed
        WHERE account = ?1 AND folder = ?2 ORDER BY id";
    let mut statement = work.connection.prepare(sql)?;
    let mut rows = statement.query([account, folder])?;
    while let Some(row) = rows.next()? {
        match read(row, mailbox.info.id) {
            Ok(mail) => {
                work.add(&mut mailbox, mail)?;
            }
            Err(Damage::Row(reason)) => put_aside(work, row, &reason)?,
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    mailbox.update_counters(work.connection)
}

/// Reads a row as schema 1 wrote it, and checks it.
fn read(row: &Row<'_>, mailbox: MailboxId) -> Result<MailRow, Damage> {
    let (id, at) = (row.get::<_, i64>(0)?, time(row.get(4)?)?);
    let (account, folder): (String, String) = (row.get(1)?, row.get(2)?);
    let (message, body, octets) = (row.get::<_, i64>(3)?, row.get::<_, i64>(5)?, uncount(row.get(7)?));
    let prefix: Vec<u8> = row.get(6)?;
    let sum = Sum::of("mail").int(id).text(&account).text(&folder).int(message).int(at.as_millisecond());
    verify(row.get(8)?, sum.int(body).int(count(octets)).bytes(&prefix).end())?;
    Ok(MailRow {
        mailbox,
        uid: 0,
        modseq: 0,
        flags: Flags::default(),
        email: id,
        thread: id,
        message: Some(QueueId::from_i64(message)),
        at,
        saved: at,
        body: Some(QueueId::from_i64(body)),
        prefix: prefix.into(),
        octets,
    })
}

fn put_aside(work: &Work<'_>, row: &Row<'_>, reason: &str) -> Result<(), StoreError> {
    let key: i64 = row.get(0)?;
    tracing::error!(table = "mail", key, reason, "a damaged row goes to quarantine");
    let sql = "INSERT INTO quarantine (at, source, key, reason, data) VALUES (?1, 'mail', ?2, ?3, ?4)";
    let data = row::raw(row)?;
    work.connection.execute(sql, params![work.now.as_millisecond(), key.to_string(), reason, data])?;
    Ok(())
}
