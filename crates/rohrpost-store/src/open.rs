//! The data directory: its lock, its database connections, its shape on disk.
//!
//! ```text
//! lock              held (flock) by the process that owns the directory
//! rohrpost.db       the database, with -wal and -shm beside it
//! search.db         the index for full-text search; made anew where it is missing
//! bodies/00 … ff    large bodies, one file each, named by the body's id
//! ```

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};
use rustix::fs::{FlockOperation, flock};

use crate::{error::OpenError, limits, schema};

/// The database file in its directory.
pub(crate) fn database_path(dir: &Path) -> PathBuf {
    dir.join("rohrpost.db")
}

/// Takes the directory for this process: alone, or with others who only read.
pub(crate) fn lock(dir: &Path, alone: bool) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let failed = |error| OpenError::Io { path: path.clone(), error };
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(failed)?;
    let how = if alone { FlockOperation::NonBlockingLockExclusive } else { FlockOperation::NonBlockingLockShared };
    match flock(&file, how) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::InUse(dir.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// Makes the directory and the database file, both for our eyes only, and syncs their entries.
pub(crate) fn lay_out(dir: &Path) -> Result<(), OpenError> {
    let database = database_path(dir);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error: io::Error| OpenError::Io { path, error }
    };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))?;
    // SQLite gives its log and index files the mode of the database file.
    let mut file = OpenOptions::new();
    file.create(true).truncate(false).write(true).mode(0o600).open(&database).map_err(failed(&database))?;
    sync_dir(dir).map_err(failed(dir))?;
    if let Some(parent) = dir.canonicalize().map_err(failed(dir))?.parent() {
        sync_dir(parent).map_err(failed(parent))?;
    }
    Ok(())
}

/// Makes the entries of a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Opens the connection that writes, and brings the schema up to date.
pub(crate) fn writer(dir: &Path) -> Result<Connection, OpenError> {
    writer_of(dir, schema::known())
}

/// The same for a schema that may be older.
pub(crate) fn writer_of(dir: &Path, version: u32) -> Result<Connection, OpenError> {
    let path = database_path(dir);
    open_writer(&path, version).map_err(|error| told(&path, error))
}

fn open_writer(path: &Path, version: u32) -> Result<Connection, OpenError> {
    let mut connection = connect(path)?;
    if schema::found(&connection)? == 0 {
        // Both must stand before the first table. 16 KiB pages hold three small messages and halve the work of others.
        connection.pragma_update(None, "page_size", 16_384)?;
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // A commit returns after the sync of the log: the 250 of each of its messages rests on this one line.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    connection.pragma_update_and_check(None, "journal_size_limit", limits::WAL_PASSIVE_BYTES * 2, |_| Ok(()))?;
    connection.pragma_update(None, "cache_size", -limits::WRITER_CACHE_KIB)?;
    schema::migrate(&mut connection, version)?;
    Ok(connection)
}

/// Opens a connection that only reads.
pub(crate) fn reader(dir: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(&database_path(dir))?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -4_096)?;
    Ok(connection)
}

/// Opens a connection that moves the log into the database.
pub(crate) fn checkpointer(dir: &Path) -> rusqlite::Result<Connection> {
    let connection = connect(&database_path(dir))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(limits::CHECKPOINT_WAIT_MAX)?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limits::LOCK_TIME_MAX)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(connection)
}

/// Says of a database that SQLite cannot read that it is damaged and kept.
pub(crate) fn told(path: &Path, error: OpenError) -> OpenError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error {
        OpenError::Database(error) => match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => {
                OpenError::Corrupt { path: path.to_owned(), reason: error.to_string() }
            }
            _ => OpenError::Database(error),
        },
        other => other,
    }
}
