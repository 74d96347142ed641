//! The reading end of the drop directory.
//!
//! Everybody may put files there, so nothing in it is believed. A finished file is first moved into `taking/`, which is
//! the server's alone: from then on its name leads to the same file, whatever happens outside. It must be a regular file
//! with one name, and its owner is who submitted it. Its frames say how long it is and what its checksum is, and it is
//! looked at once more after it was read, since whoever wrote it may still have it open. Only then it is stored, and
//! removed when it is. What is not as it must be goes to `quarantine/`: never deleted, never fatal.
//!
//! ```text
//! tmp.ID ── rename ──▶ new.ID ── rename ──▶ taking/X ── read, commit ──▶ unlink
//!  (program)            (program)             │
//!                                             └── not as it must be ──▶ quarantine/X
//! ```
//!
//! A crash leaves the file in one of these places; the next start goes on from there, and a message that was stored before
//! the crash is known by its id.

use std::{
    collections::HashMap,
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, chown},
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use rohrpost_intake::submit::{Accepted, Refused, Way};
use rohrpost_submit::{FINISHED, UNFINISHED};
use rustix::{
    fs::{Mode, OFlags, RenameFlags, inotify},
    io::Errno,
};
use tokio::{io::AsyncReadExt as _, net::unix::pipe::Receiver, task::spawn_blocking};
use tokio_util::sync::CancellationToken;

use super::{
    Submit, escaped,
    receive::{Broken, Frames, Received},
};
use crate::limits::{DROP_FILES_PER_UID_MAX, DROP_OVERHEAD_BYTES_MAX, DROP_PAUSE, DROP_UNFINISHED_AGE_MAX};

/// Everybody writes and nobody lists; files get the group of the directory, and only their owner renames them.
const MODE: u32 = 0o3733;
/// Where files are while they are read.
const TAKING: &str = "taking";
/// Where files go that are not as they must be.
const QUARANTINE: &str = "quarantine";

/// Why a drop directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// The file system refuses.
    #[error("drop directory {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// Somebody else has made what must be the server's alone.
    #[error("drop directory: {} must be a directory that only the server's user may enter", .0.display())]
    Foreign(PathBuf),
}

/// What one look at the directory leads to.
struct Found {
    /// Files that are ours alone now, with those that an earlier round left.
    taken: Vec<PathBuf>,
    /// How many entries have no name of a submission.
    strangers: usize,
}

/// A drop directory that is laid out.
#[derive(Debug)]
pub struct DropDir {
    path: PathBuf,
}

impl DropDir {
    /// Makes the directory where there is none, for `owner` (user and group) if that is another than this process's.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn lay_out(path: &Path, owner: Option<(u32, u32)>) -> Result<(), LayoutError> {
        let wrong = |error| LayoutError::Io { path: path.to_owned(), error };
        if path.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(wrong)?;
        // Closed until it is whole: what others made in it before would be theirs.
        fs::DirBuilder::new().mode(0o700).create(path).map_err(wrong)?;
        for inner in [TAKING, QUARANTINE] {
            fs::DirBuilder::new().mode(0o700).create(path.join(inner)).map_err(wrong)?;
        }
        if let Some((uid, gid)) = owner {
            for path in [path.join(TAKING), path.join(QUARANTINE), path.to_owned()] {
                chown(&path, Some(uid), Some(gid)).map_err(wrong)?;
            }
        }
        fs::set_permissions(path, fs::Permissions::from_mode(MODE)).map_err(wrong)
    }

    /// Takes a directory into service. Where a package made it, the two inside are made now.
    ///
    /// # Errors
    /// It is not there, or what is inside is not the server's alone.
    pub fn open(path: &Path) -> Result<Self, LayoutError> {
        let us = rustix::process::geteuid().as_raw();
        for inner in [TAKING, QUARANTINE].map(|inner| path.join(inner)) {
            let made = fs::DirBuilder::new().mode(0o700).create(&inner);
            let found = match made {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::symlink_metadata(&inner),
            };
            let found = found.map_err(|error| LayoutError::Io { path: path.to_owned(), error })?;
            if !found.is_dir() || found.uid() != us || found.mode() & 0o077 != 0 {
                return Err(LayoutError::Foreign(inner));
            }
        }
        Ok(Self { path: path.to_owned() })
    }

    /// Takes what is there, at once and whenever something comes, until `stop`.
    pub async fn serve(self, submit: Arc<Submit>, stop: CancellationToken) {
        let mut events = match self.watch() {
            Ok(events) => Some(events),
            Err(error) => {
                tracing::warn!(dir = escaped(&self.path), %error, "the drop directory is only looked at every minute");
                None
            }
        };
        let dir = Arc::new(self);
        let mut known_strangers = 0;
        loop {
            match dir.round(&submit).await {
                Ok(strangers) => {
                    // Told once, and again only when there are more of them.
                    if strangers > known_strangers {
                        let dir = escaped(&dir.path);
                        tracing::warn!(dir, count = strangers, "files that are no submissions stay where they are");
                    }
                    known_strangers = strangers;
                }
                Err(error) => {
                    tracing::error!(dir = escaped(&dir.path), %error, "the drop directory cannot be read");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = event(&mut events) => {}
                () = tokio::time::sleep(DROP_PAUSE) => {}
            }
        }
    }

    /// Asks the kernel to tell when a file gets a new name in there.
    fn watch(&self) -> io::Result<Receiver> {
        let events = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        inotify::add_watch(&events, &self.path, inotify::WatchFlags::MOVED_TO)?;
        // It is no pipe, but it is read and waited for like one.
        Receiver::from_owned_fd_unchecked(events)
    }

    /// Takes all that is finished, and counts what is no submission at all.
    async fn round(self: &Arc<Self>, submit: &Submit) -> io::Result<usize> {
        let dir = self.clone();
        let found = spawn_blocking(move || dir.claim(SystemTime::now())).await.map_err(io::Error::other)??;
        for path in found.taken {
            self.take(&path, submit).await;
        }
        Ok(found.strangers)
    }

    /// Moves finished files to where only we reach them. Removes unfinished ones that are too old.
    fn claim(&self, now: SystemTime) -> io::Result<Found> {
        let mut taken: HashMap<u32, usize> = HashMap::new();
        let mut strangers = 0;
        for entry in fs::read_dir(&self.path)? {
            let (name, path) = entry.map(|entry| (entry.file_name(), entry.path()))?;
            let starts = |start: &str| name.as_encoded_bytes().starts_with(start.as_bytes());
            // What has gone by now was the program's to take away.
            let Ok(found) = fs::symlink_metadata(&path) else { continue };
            if starts(UNFINISHED) && is_old(&found, now) {
                tracing::warn!(file = escaped(&path), uid = found.uid(), "an unfinished submission is removed");
                // A directory of that name is nobody's message, and stays.
                let _ = fs::remove_file(&path);
            } else if starts(FINISHED) {
                let count = taken.entry(found.uid()).or_default();
                *count += 1;
                if *count <= DROP_FILES_PER_UID_MAX {
                    self.move_to(TAKING, &path);
                }
            } else if !starts(UNFINISHED) && name != TAKING && name != QUARANTINE {
                strangers += 1;
            }
        }
        let left = fs::read_dir(self.path.join(TAKING))?;
        let taken = left.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        Ok(Found { taken, strangers })
    }

    /// Takes one file that is ours alone.
    async fn take(&self, path: &Path, submit: &Submit) {
        match self.read(path, submit).await {
            Ok((uid, answer)) => {
                submit.note(uid, Way::Drop, &answer);
                match answer {
                    Ok(_) => {
                        if let Err(error) = fs::remove_file(path) {
                            // It is taken again with the next round, and known by its id.
                            tracing::error!(file = escaped(path), %error, "a file that was taken cannot be removed");
                        }
                    }
                    Err(refused) if refused.is_temporary() => {}
                    Err(refused) => self.put_aside(path, &refused),
                }
            }
            Err(Fault::Later(error)) => {
                tracing::warn!(file = escaped(path), %error, "a drop file cannot be read now");
            }
            Err(fault) => self.put_aside(path, &fault),
        }
    }

    /// Reads a file, looks at it again, and stores its message.
    async fn read(&self, path: &Path, submit: &Submit) -> Result<(u32, Result<Accepted, Refused>), Fault> {
        let octets_max = submit.size_max.saturating_add(DROP_OVERHEAD_BYTES_MAX);
        let (file, found) = open(path, octets_max)?;
        let mut frames = Frames::new(tokio::fs::File::from_std(file), None);
        let received = submit.receive(&mut frames, found.uid(), Way::Drop).await?;
        let submitting = match received {
            Received::Whole(submitting) => submitting,
            Received::Answered(answer) => return Ok((found.uid(), answer)),
        };
        let mut file = frames.into_inner();
        if file.read(&mut [0]).await.map_err(Fault::Later)? > 0 {
            return Err(Fault::Changed);
        }
        let now = file.metadata().await.map_err(Fault::Later)?;
        if now.len() != found.len() || now.nlink() != 1 || now.modified().ok() != found.modified().ok() {
            return Err(Fault::Changed);
        }
        Ok((found.uid(), submitting.finish().await))
    }

    fn put_aside(&self, path: &Path, why: &dyn std::error::Error) {
        let uid = fs::symlink_metadata(path).map(|found| found.uid()).ok();
        let aside = self.move_to(QUARANTINE, path);
        let aside = aside.as_deref().map(escaped);
        tracing::error!(file = escaped(path), uid, aside, why = %why, "a drop file is not taken");
    }

    /// Moves a file into one of our own directories, under a name that is not its own.
    fn move_to(&self, inner: &str, path: &Path) -> Option<PathBuf> {
        let target = self.path.join(inner).join(rohrpost_submit::new_name());
        let cwd = rustix::fs::CWD;
        match rustix::fs::renameat_with(cwd, path, cwd, &target, RenameFlags::NOREPLACE) {
            Ok(()) => {
                tracing::debug!(from = escaped(path), to = escaped(&target), "drop file");
                Some(target)
            }
            // What has gone by now was the program's to take away.
            Err(Errno::NOENT) => None,
            Err(error) => {
                tracing::error!(file = escaped(path), %error, "a drop file cannot be moved");
                None
            }
        }
    }
}

/// Why a file is not taken.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error("it is no regular file, or has a second name")]
    NoFile,
    #[error("it is too large")]
    TooLarge,
    #[error("it cannot be opened: {0}")]
    Unopened(io::Error),
    #[error("it changed while it was read")]
    Changed,
    #[error("it is no submission: {0}")]
    Broken(Broken),
    #[error("{0}")]
    Later(io::Error),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => Self::Later(error),
            broken => Self::Broken(broken),
        }
    }
}

/// Opens a file that may be anything: no link is followed, no pipe waited for.
fn open(path: &Path, octets_max: u64) -> Result<(File, Metadata), Fault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        // A link, another's closed file, a socket. All else may be our own trouble, such as too many open files.
        Errno::LOOP | Errno::ACCESS | Errno::NXIO => Fault::Unopened(error.into()),
        error => Fault::Later(error.into()),
    })?;
    let file = File::from(file);
    let found = file.metadata().map_err(Fault::Later)?;
    if !found.is_file() || found.nlink() != 1 {
        return Err(Fault::NoFile);
    }
    if found.len() > octets_max {
        return Err(Fault::TooLarge);
    }
    Ok((file, found))
}

fn is_old(found: &Metadata, now: SystemTime) -> bool {
    let age = found.modified().ok().and_then(|modified| now.duration_since(modified).ok());
    age.is_some_and(|age| age > DROP_UNFINISHED_AGE_MAX)
}

/// Waits for the kernel's word. Which file it is about does not matter: a round looks at all of them.
async fn event(events: &mut Option<Receiver>) {
    let Some(receiver) = events else { return std::future::pending().await };
    if receiver.read(&mut [0; 4096]).await.is_err() {
        *events = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_submission_is_counted_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("drop");
        DropDir::lay_out(&path, None).unwrap();
        let drop_dir = DropDir::open(&path).unwrap();
        for name in ["new.message", "tmp.unfinished", "notes", "newer"] {
            File::create(path.join(name)).unwrap();
        }
        let found = drop_dir.claim(SystemTime::now()).unwrap();
        assert_eq!((found.taken.len(), found.strangers), (1, 2));
        assert!(path.join("notes").exists() && path.join("newer").exists());
    }
}
