//! Where caught messages go: to standard output, and into a directory where one is named.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use rohrpost_mail::QueueId;

use super::message::Message;
use crate::commands::print;

/// See the module.
#[derive(Debug)]
pub(super) struct Shelf {
    directory: Option<PathBuf>,
    as_json: bool,
    last: Mutex<QueueId>,
    count: AtomicU64,
}

/// Proof that a message was shown, and written where that was asked for. This server promises nothing more by its 250.
#[derive(Debug)]
pub(super) struct Kept(());

impl Shelf {
    /// Makes the directory where there is none; the one that it lies in must be there.
    pub(super) fn new(directory: Option<PathBuf>, as_json: bool) -> io::Result<Self> {
        if let Some(directory) = directory.as_ref().filter(|directory| !directory.is_dir()) {
            fs::create_dir(directory)?;
        }
        Ok(Self { directory, as_json, last: Mutex::new(QueueId::from_i64(0)), count: AtomicU64::new(0) })
    }

    /// The name of the next message.
    pub(super) fn next_id(&self) -> QueueId {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = last.next(0, Timestamp::now());
        *last
    }

    /// Takes a message.
    ///
    /// # Errors
    /// Its file cannot be written, or nobody can be shown anything.
    pub(super) fn keep(&self, message: &Message) -> anyhow::Result<Kept> {
        let file = self.directory.as_ref().map(|directory| directory.join(format!("{}.eml", message.id)));
        if let Some(file) = &file {
            fs::write(file, &message.octets)?;
        }
        print(&if self.as_json { message.json(file.as_deref()) } else { message.line() })?;
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(Kept(()))
    }

    /// How many it has taken.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
