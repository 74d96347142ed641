//! The writing end of the drop directory, blocking.
//!
//! A file is there whole or not at all: it is written under another name, synced, and only then given the name that the
//! server looks for. The directory cannot be synced by somebody who may not read it, so the whole file system is.

use std::{
    fs::{self, File, Permissions},
    io::{self, Read},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use crate::{
    Submission,
    client::{self, Failure},
    frames::FrameError,
    hex,
};

/// What an unfinished file's name begins with.
pub const UNFINISHED: &str = "tmp.";
/// What a finished file's name begins with.
pub const FINISHED: &str = "new.";
/// The owner writes; the group, which is that of the directory and so the server's, reads. Set once more behind the umask: under
/// the 077 of a careful user the server could not open what it is to take.
const MODE: u32 = 0o640;

/// Why a message could not be left.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DropError {
    /// There is no such directory, or it is not for this user: no server has ever run here.
    #[error("there is no drop directory: {0}")]
    Missing(io::Error),
    /// The disk is full or failing.
    #[error("the drop directory takes nothing: {0}")]
    Refused(io::Error),
    /// The message itself could not be read to its end.
    #[error("the message cannot be read: {0}")]
    Unreadable(io::Error),
    /// An option of the submission is longer than any can be.
    #[error("{0}")]
    Options(#[from] FrameError),
}

impl DropError {
    /// What `sysexits.h` calls it.
    pub fn sysexit(&self) -> u8 {
        match self {
            Self::Missing(_) => 75,
            Self::Refused(_) => 73,
            Self::Unreadable(_) => 74,
            Self::Options(error) => error.sysexit(),
        }
    }
}

/// Leaves a message in `dir` for a server that is down. When this returns, the message is on stable storage; a server
/// that has had the same submission before stores it no second time.
///
/// # Errors
/// Nothing is left behind then.
pub fn drop(dir: &Path, submission: &Submission, body: impl Read) -> Result<(), DropError> {
    let id = hex(&submission.id);
    let (young, grown) = (dir.join(format!("{UNFINISHED}{id}")), dir.join(format!("{FINISHED}{id}")));
    let file = File::options().write(true).create_new(true).mode(MODE).open(&young).map_err(unopened)?;
    let left = file
        .set_permissions(Permissions::from_mode(MODE))
        .map_err(DropError::Refused)
        .and_then(|()| leave(&file, submission, body))
        .and_then(|()| fs::rename(&young, &grown).map_err(DropError::Refused))
        .and_then(|()| rustix::fs::syncfs(&file).map_err(|error| DropError::Refused(error.into())));
    if left.is_err() {
        // One of the two names is there. What cannot be removed now, the server removes when it is old.
        let _ = fs::remove_file(&young).or_else(|_| fs::remove_file(&grown));
    }
    left
}

fn leave(file: &File, submission: &Submission, body: impl Read) -> Result<(), DropError> {
    let mut out = io::BufWriter::new(file);
    client::write(&mut out, submission, body).map_err(|failure| match failure {
        Failure::Server(error) => DropError::Refused(error),
        Failure::Body(error) => DropError::Unreadable(error),
        Failure::Options(error) => DropError::Options(error),
    })?;
    out.into_inner().map_err(|error| DropError::Refused(error.into_error()))?;
    file.sync_all().map_err(DropError::Refused)
}

fn unopened(error: io::Error) -> DropError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => {
            DropError::Missing(error)
        }
        _ => DropError::Refused(error),
    }
}

#[cfg(test)]
mod tests {
    use rustix::{fs::Mode, process::umask};

    use super::*;
    use crate::Options;

    #[test]
    fn the_server_can_read_what_a_user_with_a_strict_umask_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let submission = Submission::new(Options::default());
        let before = umask(Mode::from_raw_mode(0o077));
        drop(dir.path(), &submission, &b"Subject: Hi\r\n\r\nHi\r\n"[..]).unwrap();
        umask(before);
        let left = dir.path().join(format!("{FINISHED}{}", hex(&submission.id)));
        assert_eq!(fs::metadata(left).unwrap().permissions().mode() & 0o777, MODE);
    }
}
