//! Large bodies on disk: `bodies/xx/<id>`, where `xx` are the last two digits of the id.

use std::{
    fmt,
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rohrpost_mail::QueueId;

use crate::{
    error::{OpenError, StoreError},
    open::sync_dir,
};

/// What is done to files. Tests put a disk in its place that fails.
pub(crate) trait Disk: fmt::Debug + Send + Sync {
    /// Makes a new file, never opening one that is there.
    fn create(&self, path: &Path) -> io::Result<File>;
    /// Writes all of it.
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()>;
    /// Makes a file's octets durable.
    fn sync(&self, file: &File) -> io::Result<()>;
    /// Makes a directory's entries durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// The operating system's disk.
#[derive(Debug)]
pub(crate) struct System;

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        sync_dir(dir)
    }
}

/// The directory of body files.
#[derive(Debug)]
pub(crate) struct Files {
    root: PathBuf,
    disk: Arc<dyn Disk>,
}

/// A new body file. It is removed when this is dropped, unless a row names it by then.
#[derive(Debug)]
pub(crate) struct NewFile {
    pub(crate) id: QueueId,
    files: Arc<Files>,
    kept: AtomicBool,
}

impl Files {
    pub(crate) fn new(dir: &Path, disk: Arc<dyn Disk>) -> Self {
        Self { root: dir.join("bodies"), disk }
    }

    /// Makes the shard directories and their entries durable, so that a new file needs one directory sync only.
    pub(crate) fn lay_out(&self) -> Result<(), OpenError> {
        let failed = |error| OpenError::Io { path: self.root.clone(), error };
        let dir = self.root.parent().expect("it is below the data directory");
        for shard in 0..=u8::MAX {
            let path = self.root.join(format!("{shard:02x}"));
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        }
        sync_dir(&self.root).map_err(failed)?;
        sync_dir(dir).map_err(failed)
    }

    /// Makes a file for a body.
    pub(crate) fn create(self: &Arc<Self>, id: QueueId) -> io::Result<(NewFile, File)> {
        let path = self.path(id);
        let file = match self.disk.create(&path) {
            // The id is new to the database, so the file is of a run that crashed while the clock was ahead.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                self.remove(id)?;
                self.disk.create(&path)?
            }
            file => file?,
        };
        Ok((NewFile { id, files: self.clone(), kept: AtomicBool::new(false) }, file))
    }

    pub(crate) fn write(&self, file: &mut File, bytes: &[u8]) -> Result<(), StoreError> {
        Ok(self.disk.write(file, bytes)?)
    }

    /// Makes the file durable, then its entry in the directory.
    pub(crate) fn sync(&self, id: QueueId, file: &File) -> Result<(), StoreError> {
        self.disk.sync(file)?;
        Ok(self.disk.sync_dir(self.path(id).parent().expect("a file has a directory"))?)
    }

    pub(crate) fn open(&self, id: QueueId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// Removes a file; one that is gone already is as good.
    pub(crate) fn remove(&self, id: QueueId) -> io::Result<()> {
        match std::fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The bodies of one shard, from 0 to 255. Names that are no ids are not ours and are left alone.
    pub(crate) fn shard(&self, shard: u8) -> io::Result<Vec<QueueId>> {
        let entries = std::fs::read_dir(self.root.join(format!("{shard:02x}")))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| i64::from_str_radix(&name, 16).ok().map(QueueId::from_i64)).collect())
    }

    pub(crate) fn path(&self, id: QueueId) -> PathBuf {
        let number = id.as_i64();
        self.root.join(format!("{:02x}", number & 0xff)).join(format!("{number:016x}"))
    }
}

impl NewFile {
    /// A row names the file now, or may name it after a restart.
    pub(crate) fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.kept.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = self.files.remove(self.id) {
            tracing::warn!(%error, body = %self.id, "an abandoned body file stays until the next start");
        }
    }
}
