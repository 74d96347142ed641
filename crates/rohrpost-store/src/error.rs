//! What can go wrong, ordered by whose fault it is, and the one table from there to SMTP replies.

use std::{io, path::PathBuf};

use rohrpost_mail::{QueueId, Reply};

/// Whose turn it is after an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Class {
    /// The same request may work later.
    Temporary,
    /// The request will never work.
    Permanent,
    /// The store itself needs a person.
    Ours,
}

/// Why a request to the store failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The message, or this recipient of it, is not in the queue (any more).
    #[error("{message} has no recipient {n} in the queue")]
    NotQueued {
        /// The message.
        message: QueueId,
        /// Which of its recipients.
        n: u32,
    },
    /// A message id was committed twice.
    #[error("{0} is already in the store")]
    Exists(QueueId),
    /// A shared body has left the store before the message that wants to share it came.
    #[error("the body is not in the store any more")]
    BodyGone,
    /// An address belongs to another account already.
    #[error("{address} belongs to {login}")]
    AddressTaken {
        /// The address.
        address: String,
        /// The account that has it.
        login: String,
    },
    /// There is an alias of that address already.
    #[error("{address} is an alias already")]
    AliasTaken {
        /// The address, or `@domain`.
        address: String,
    },
    /// A row or a body file does not match its checksum; it is in quarantine.
    #[error("{what} is damaged and in quarantine")]
    Corrupt {
        /// Table and key, such as `body 01JD…`.
        what: String,
    },
    /// The disk is full, or nearly so.
    #[error("the disk of the store is full")]
    Full,
    /// A read, write or sync failed.
    #[error("input/output error: {0}")]
    Io(String),
    /// The store takes nothing until it has been reopened or repaired.
    #[error("the store is down: {0}")]
    Failed(String),
    /// The store was opened for reading only.
    #[error("the store is open for reading only")]
    ReadOnly,
    /// SQLite refused a statement: a fault of this crate.
    #[error("the database refused a statement: {0}")]
    Statement(String),
}

impl StoreError {
    /// Whose turn it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Full | Self::Io(_) | Self::Failed(_) => Class::Temporary,
            Self::NotQueued { .. }
            | Self::Exists(_)
            | Self::BodyGone
            | Self::AddressTaken { .. }
            | Self::AliasTaken { .. } => Class::Permanent,
            Self::Corrupt { .. } | Self::ReadOnly | Self::Statement(_) => Class::Ours,
        }
    }

    /// What an SMTP client is told: 452 on a full disk, 421 while the store is down, else 451. Never why exactly.
    pub fn reply(&self) -> Reply {
        match self {
            Self::Full => Reply::with(452, 3, 1, "Insufficient system storage, try again later"),
            Self::Failed(_) | Self::ReadOnly => Reply::with(421, 3, 2, "Storage is out of service, try again later"),
            _ => Reply::with(451, 3, 0, "Storage error, try again later"),
        }
    }
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Io(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::DiskFull) => Self::Full,
            Some(Code::DatabaseCorrupt | Code::NotADatabase) => Self::Failed(error.to_string()),
            Some(
                Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::FileLockingProtocolFailed
                | Code::OutOfMemory
                | Code::NoLargeFileSupport
                | Code::OperationInterrupted,
            ) => Self::Io(error.to_string()),
            _ => Self::Statement(error.to_string()),
        }
    }
}

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process owns the data directory.
    #[error("{} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// A newer release wrote the database.
    #[error("the database has schema {found}, this release knows up to {known}")]
    FromTheFuture {
        /// The schema of the file.
        found: u32,
        /// The newest schema of this release.
        known: u32,
    },
    /// An older release wrote the database, and it was to be opened for reading only.
    #[error("the database has schema {found} and must be migrated to {known} by opening it for writing")]
    Outdated {
        /// The schema of the file.
        found: u32,
        /// The schema of this release.
        known: u32,
    },
    /// There is nothing to read.
    #[error("{} holds no store", .0.display())]
    Missing(PathBuf),
    /// SQLite cannot read the file. It is kept as it is.
    #[error("{} is damaged ({reason}); it is kept as it is, `store check --salvage` copies what is readable", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// What an older release wrote could not be brought into the form of this one. It is kept as it is.
    #[error("the database cannot be migrated: {0}")]
    Migration(StoreError),
    /// The file system refused.
    #[error("{}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// SQLite refused.
    #[error("the database cannot be opened: {0}")]
    Database(#[from] rusqlite::Error),
}

impl OpenError {
    /// Whose turn it is.
    pub fn class(&self) -> Class {
        match self {
            Self::InUse(_) => Class::Temporary,
            _ => Class::Ours,
        }
    }
}
