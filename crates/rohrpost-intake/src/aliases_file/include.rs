//! Lists that an alias includes.
//!
//! They are read with the server's rights, so a list that another could write or exchange would make the server read any
//! file of that user's choice. Only root's own are read, and only such as nobody else may write to.

use std::{io::Read as _, path::Path};

use rustix::fs::{FileType, Mode, OFlags, fstat, open};

use crate::limits::ALIAS_FILE_BYTES_MAX;

/// Why a list is not read. Its text and its name are not told.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IncludeError {
    /// It is not there, or the server may not read it.
    #[error("it cannot be read")]
    Unreadable,
    /// It is a directory, a device or a pipe.
    #[error("it is no file")]
    NoFile,
    /// It belongs to somebody else than root.
    #[error("it is not root's")]
    Foreign,
    /// Others than its owner may write to it.
    #[error("others may write to it")]
    Writable,
    /// It has more than [`ALIAS_FILE_BYTES_MAX`] octets.
    #[error("it is larger than {ALIAS_FILE_BYTES_MAX} octets")]
    TooLarge,
}

/// The text of a list that belongs to `owner`.
pub(super) fn read(path: &Path, owner: u32) -> Result<String, IncludeError> {
    // What is checked is what is read: the file that is open, whatever its name leads to afterwards. A pipe does not make
    // us wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).map_err(|_| IncludeError::Unreadable)?;
    let found = fstat(&file).map_err(|_| IncludeError::Unreadable)?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(IncludeError::NoFile);
    }
    if found.st_uid != owner {
        return Err(IncludeError::Foreign);
    }
    if Mode::from_raw_mode(found.st_mode).intersects(Mode::WGRP | Mode::WOTH) {
        return Err(IncludeError::Writable);
    }
    let mut text = Vec::new();
    let limited = std::fs::File::from(file).take(ALIAS_FILE_BYTES_MAX + 1).read_to_end(&mut text);
    match limited {
        Ok(octets) if octets as u64 > ALIAS_FILE_BYTES_MAX => Err(IncludeError::TooLarge),
        Ok(_) => Ok(String::from_utf8_lossy(&text).into_owned()),
        Err(_) => Err(IncludeError::Unreadable),
    }
}
