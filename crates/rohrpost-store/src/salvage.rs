//! `store check --salvage`: copies what is readable of a damaged store into a new one.

use std::{fs, path::Path, sync::Arc};

use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use crate::{
    body::files::{Files, System},
    error::OpenError,
    open, schema,
    store::{Options, Store},
};

/// What was saved.
#[derive(Clone, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct SalvageReport {
    /// Rows copied, by table.
    pub rows: Vec<(String, u64)>,
    /// Body files copied.
    pub files: u64,
    /// Tables of which a part could not be read, and why.
    pub losses: Vec<String>,
}

/// Copies what is readable of the store in `from` into a new one in `to`. The old one is only read.
///
/// Rows are copied as they are: a damaged one goes to quarantine when the new store comes to it.
///
/// # Errors
/// [`OpenError::InUse`] while a process owns either directory, [`OpenError::Io`] when the new one cannot be written.
pub fn salvage(from: &Path, to: &Path) -> Result<SalvageReport, OpenError> {
    let _lock = open::lock(from, true)?;
    let old = Connection::open_with_flags(open::database_path(from), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    old.pragma_update(None, "query_only", true)?;
    // Tables of an older schema are copied into such tables, and migrated like those of any other store.
    let version = schema::found(&old).ok().filter(|found| (1..schema::known()).contains(found));
    let report = copy_store(&old, from, to, version.unwrap_or_else(schema::known))?;
    drop(Store::open(to, Options::default())?);
    Ok(report)
}

fn copy_store(old: &Connection, from: &Path, to: &Path, version: u32) -> Result<SalvageReport, OpenError> {
    open::lay_out(to)?;
    let _lock = open::lock(to, true)?;
    Files::new(to, Arc::new(System)).lay_out()?;
    let new = open::writer_of(to, version)?;
    let mut report = SalvageReport::default();
    for table in tables(&new)? {
        // What the new store has put there by itself gives way to the old store's.
        new.execute(&format!("DELETE FROM {table}"), [])?;
        let copied = copy_table(old, &new, &table, &mut report.losses)?;
        report.rows.push((table, copied));
    }
    new.pragma_update_and_check(None, "wal_checkpoint", "TRUNCATE", |_| Ok(()))?;
    report.files = copy_files(&from.join("bodies"), &to.join("bodies"), &mut report.losses)
        .map_err(|error| OpenError::Io { path: to.to_owned(), error })?;
    Ok(report)
}

fn tables(new: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statement = new.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    statement.query_map([], |row| row.get(0))?.collect()
}

/// Copies a table forward up to the damage, then backward from its end up to the damage.
fn copy_table(old: &Connection, new: &Connection, table: &str, losses: &mut Vec<String>) -> Result<u64, OpenError> {
    new.execute_batch("BEGIN")?;
    let mut copied = 0;
    let key = key_of(new, table)?;
    for order in ["ASC", "DESC"] {
        let order = key.iter().map(|column| format!("{column} {order}")).collect::<Vec<_>>().join(", ");
        match copy(old, new, &format!("SELECT * FROM {table} NOT INDEXED ORDER BY {order}"), table, &mut copied) {
            Ok(()) => break,
            Err(CopyError::Old(error)) => losses.push(format!("{table}: {error}")),
            Err(CopyError::New(error)) => return Err(error.into()),
        }
    }
    new.execute_batch("COMMIT")?;
    Ok(copied)
}

/// The columns of a table's primary key, in its order.
fn key_of(new: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = new.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// Whose fault it was that a copy ended.
enum CopyError {
    Old(rusqlite::Error),
    New(rusqlite::Error),
}

fn copy(old: &Connection, new: &Connection, sql: &str, table: &str, copied: &mut u64) -> Result<(), CopyError> {
    let mut select = old.prepare(sql).map_err(CopyError::Old)?;
    let columns = select.column_count();
    let marks = vec!["?"; columns].join(", ");
    let insert = format!("INSERT OR IGNORE INTO {table} VALUES ({marks})");
    let mut insert = new.prepare_cached(&insert).map_err(CopyError::New)?;
    let mut rows = select.query([]).map_err(CopyError::Old)?;
    while let Some(row) = rows.next().map_err(CopyError::Old)? {
        let values = (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>();
        // A row with text that is no text, or without what it must have, cannot be put anywhere.
        let Ok(values) = values else { continue };
        *copied += insert.execute(params_from_iter(values)).map_err(CopyError::New)? as u64;
    }
    Ok(())
}

/// Copies all body files, and makes each and its entry durable.
fn copy_files(from: &Path, to: &Path, losses: &mut Vec<String>) -> std::io::Result<u64> {
    let mut copied = 0;
    for shard in (0..=u8::MAX).map(|shard| format!("{shard:02x}")) {
        let (from, to) = (from.join(&shard), to.join(&shard));
        let Ok(entries) = fs::read_dir(&from) else { continue };
        for entry in entries.flatten() {
            let target = to.join(entry.file_name());
            match fs::copy(entry.path(), &target) {
                Ok(_) => {
                    fs::File::open(&target)?.sync_all()?;
                    copied += 1;
                }
                Err(error) => losses.push(format!("{}: {error}", entry.path().display())),
            }
        }
        open::sync_dir(&to)?;
    }
    Ok(copied)
}
