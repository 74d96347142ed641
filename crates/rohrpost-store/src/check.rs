//! `store check`: every invariant that can be checked from the data.

use std::{io::Read, sync::Arc, time::Duration};

use bytes::Bytes;
use rohrpost_mail::QueueId;
use rusqlite::Connection;

use crate::{
    body::{files::Files, rows},
    error::StoreError,
    keeper,
    mailbox::rows::{EXPUNGED_COLUMNS, MAIL_COLUMNS, MAILBOX_COLUMNS, MailRow, MailboxRow},
    message,
    people::{self, Kind},
    queue::{self, RecipientRow},
    records,
    row::{Damage, id_column},
    store::Store,
};

/// How long a check may take: it reads everything.
const CHECK_TIME_MAX: Duration = Duration::from_hours(24);
/// Faults that a report lists; more of them say nothing new.
const FAULTS_MAX: usize = 1_000;

/// What a check found.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct CheckReport {
    /// Messages of the queue looked at, those among them whose records are kept.
    pub messages: u64,
    /// Mails in mailboxes looked at.
    pub mails: u64,
    /// Recipients in the queue.
    pub recipients: u64,
    /// Bodies looked at, files included.
    pub bodies: u64,
    /// Rows in quarantine.
    pub quarantined: u64,
    /// What is wrong, in words; empty when nothing is.
    pub faults: Vec<String>,
}

impl CheckReport {
    fn fault(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }
}

impl Store {
    /// Checks everything: the database file, the checksums of all rows and files, and that what refers to something
    /// finds it. Changes nothing.
    pub async fn check(&self) -> Result<CheckReport, StoreError> {
        let files = self.files();
        let read_only = self.is_read_only();
        self.readers().read_for(CHECK_TIME_MAX, move |connection| check(connection, &files, read_only)).await
    }
}

fn check(connection: &Connection, files: &Arc<Files>, alone: bool) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    // One snapshot for all, so that mail that comes in meanwhile looks like no fault.
    connection.execute_batch("BEGIN")?;
    let checked = check_database(connection, &mut report)
        .and_then(|()| check_rows(connection, &mut report))
        .and_then(|()| check_bodies(connection, files, &mut report))
        .and_then(|()| check_references(connection, &mut report))
        .and_then(|()| if alone { check_orphans(connection, files, &mut report) } else { Ok(()) });
    connection.execute_batch("COMMIT")?;
    checked.map(|()| report)
}

fn check_database(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = connection.prepare("PRAGMA integrity_check(100)")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let line: String = row.get(0)?;
        if line != "ok" {
            report.fault(format!("database: {line}"));
        }
    }
    report.quarantined = connection.query_row("SELECT count(*) FROM quarantine", [], |row| row.get(0))?;
    Ok(())
}

fn check_rows(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    let sql = format!("SELECT {} FROM message", message::COLUMNS);
    report.messages = each(connection, &sql, report, "message", |row| message::read(row).map(|_| ()))?;
    let sql = format!("SELECT {} FROM recipient", queue::COLUMNS);
    report.recipients = each(connection, &sql, report, "recipient of", |row| RecipientRow::read(row).map(|_| ()))?;
    let sql = "SELECT id, message, address, data, crc FROM record";
    each(connection, sql, report, "record", |row| records::read(row).map(|_| ()))?;
    let sql = format!("SELECT {MAILBOX_COLUMNS} FROM mailbox");
    each(connection, &sql, report, "mailbox", |row| MailboxRow::read(row).map(|_| ()))?;
    let sql = format!("SELECT {MAIL_COLUMNS} FROM mail");
    report.mails =
        each(connection, &sql, report, "mail in mailbox", |row| MailRow::read(row, |_| Bytes::new()).map(|_| ()))?;
    let sql = format!("SELECT {EXPUNGED_COLUMNS} FROM expunged");
    each(connection, &sql, report, "expunged mail of mailbox", |row| MailRow::read_expunged(row).map(|_| ()))?;
    for kind in Kind::ALL {
        let (table, column) = kind.names();
        let sql = format!("SELECT {column}, data, crc FROM {table}");
        each(connection, &sql, report, table, |row| people::read::<serde_json::Value>(row, kind).map(|_| ()))?;
    }
    Ok(())
}

/// Reads all rows of a statement; counts them, and names the bad ones by their first column.
fn each(
    connection: &Connection,
    sql: &str,
    report: &mut CheckReport,
    what: &str,
    read: impl Fn(&rusqlite::Row<'_>) -> Result<(), Damage>,
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        match read(row) {
            Ok(()) => {}
            Err(Damage::Row(reason)) => {
                let key: rusqlite::types::Value = row.get(0)?;
                report.fault(format!("{what} {}: {reason}", key_text(&key)));
            }
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    Ok(count)
}

fn key_text(key: &rusqlite::types::Value) -> String {
    match key {
        rusqlite::types::Value::Integer(number) => number.to_string(),
        rusqlite::types::Value::Text(text) => text.escape_default().to_string(),
        _ => "?".to_owned(),
    }
}

fn check_bodies(connection: &Connection, files: &Files, report: &mut CheckReport) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT id FROM body")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        report.bodies += 1;
        let id = id_column(row, "id")?;
        let reason = match rows::read(connection, id) {
            Ok(body) => check_file(files, id, &body).err(),
            Err(Damage::Row(reason)) => Some(reason),
            Err(Damage::Database(error)) => return Err(error),
        };
        if let Some(reason) = reason {
            report.fault(format!("body {id}: {reason}"));
        }
    }
    Ok(())
}

/// Compares a body's file with its row, where it has one.
fn check_file(files: &Files, id: QueueId, body: &rows::BodyRow) -> Result<(), String> {
    let Some(crc) = body.file_crc else { return Ok(()) };
    let mut file = files.open(id).map_err(|error| format!("its file: {error}"))?;
    let (mut sum, mut octets) = (crc32fast::Hasher::new(), body.data.len() as u64);
    let mut chunk = vec![0; crate::limits::CHUNK_BYTES];
    loop {
        let read = file.read(&mut chunk).map_err(|error| format!("its file: {error}"))?;
        if read == 0 {
            break;
        }
        sum.update(&chunk[..read]);
        octets += read as u64;
    }
    let same = sum.finalize() == crc && octets == body.octets;
    if same { Ok(()) } else { Err("its file is not what was written".to_owned()) }
}

/// Queries that must find nothing: what refers to something that is not there, and what nothing refers to.
const REFERENCES: &[(&str, &str)] = &[
    (
        "a recipient without its message",
        "SELECT message FROM recipient WHERE message NOT IN (SELECT id FROM message)
        AND state <> 2",
    ),
    (
        "a message in the queue without its body",
        "SELECT id FROM message WHERE left IS NULL
        AND body NOT IN (SELECT id FROM body) AND id NOT IN (SELECT message FROM recipient WHERE state = 2)",
    ),
    (
        "a message that should have left the queue",
        "SELECT id FROM message WHERE left IS NULL
        AND NOT EXISTS (SELECT 1 FROM recipient r WHERE r.message = message.id)",
    ),
    (
        "a message that left the queue too early",
        "SELECT id FROM message WHERE left IS NOT NULL
        AND EXISTS (SELECT 1 FROM recipient r WHERE r.message = message.id)",
    ),
    (
        "mail without its body",
        "SELECT body FROM (SELECT body FROM mail UNION SELECT body FROM expunged WHERE body IS NOT NULL)
        WHERE body NOT IN (SELECT id FROM body)",
    ),
    (
        "mail without its mailbox",
        "SELECT mailbox FROM (SELECT DISTINCT mailbox FROM mail UNION SELECT DISTINCT mailbox FROM expunged)
        WHERE mailbox NOT IN (SELECT id FROM mailbox)",
    ),
    (
        "a mailbox with wrong counters",
        "SELECT id FROM mailbox WHERE (messages, unseen, deleted, deleted_octets, octets) <>
        (SELECT count(*), count(*) FILTER (WHERE flags & 1 = 0), count(*) FILTER (WHERE flags & 8),
            coalesce(sum(octets) FILTER (WHERE flags & 8), 0), coalesce(sum(octets), 0) FROM mail WHERE mailbox = mailbox.id)",
    ),
    (
        "a mailbox that gives numbers twice",
        "SELECT id FROM mailbox WHERE EXISTS (SELECT 1 FROM mail
            WHERE mailbox = mailbox.id AND (uid >= uid_next OR mail.modseq > mailbox.modseq))",
    ),
    ("a structure without its body", "SELECT body FROM shape WHERE body NOT IN (SELECT id FROM body)"),
    (
        "a body that nothing refers to",
        "SELECT id FROM body WHERE id NOT IN (SELECT body FROM mail)
        AND id NOT IN (SELECT body FROM expunged WHERE body IS NOT NULL)
        AND id NOT IN (SELECT body FROM message WHERE left IS NULL)
        AND NOT EXISTS (SELECT 1 FROM quarantine WHERE source = 'message')",
    ),
];

fn check_references(connection: &Connection, report: &mut CheckReport) -> Result<(), StoreError> {
    for (fault, sql) in REFERENCES {
        let mut statement = connection.prepare(&format!("{sql} LIMIT {FAULTS_MAX}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            report.fault(format!("{fault}: {}", QueueId::from_i64(row.get(0)?)));
        }
    }
    Ok(())
}

/// Files that no row names. Only told while nobody writes: a file has no row until its commit.
fn check_orphans(connection: &Connection, files: &Files, report: &mut CheckReport) -> Result<(), StoreError> {
    for shard in 0..=u8::MAX {
        for orphan in keeper::orphans(connection, &files.shard(shard)?)? {
            report.fault(format!("a body file without its row: {}", files.path(orphan).display()));
        }
    }
    Ok(())
}
