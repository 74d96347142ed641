//! Whether the store takes mail, and what tells it so: the writer, and the look at the disk.

use std::{path::Path, sync::Mutex};

use tokio::sync::watch;

use crate::limits;

/// Whether the store takes mail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Health {
    /// It does.
    Fine,
    /// The disk is nearly full: nothing comes in (452), the rest goes on.
    LowDisk,
    /// The database failed: nothing comes in or goes out (421).
    Failed(String),
}

/// Puts the word of the writer and the word of the disk together.
#[derive(Debug)]
pub(crate) struct Board {
    state: Mutex<(Option<String>, bool)>,
    watch: watch::Sender<Health>,
}

impl Board {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::default(), watch: watch::Sender::new(Health::Fine) }
    }

    /// The writer says that the database failed, or that it is back.
    pub(crate) fn set_failed(&self, failed: Option<String>) {
        if let Some(reason) = &failed {
            tracing::error!(reason, "the store failed");
        }
        self.change(|state| state.0 = failed);
    }

    /// The look at the disk says how it stands.
    pub(crate) fn set_low_disk(&self, low: bool) {
        self.change(|state| state.1 = low);
    }

    pub(crate) fn health(&self) -> Health {
        self.watch.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Health> {
        self.watch.subscribe()
    }

    fn change(&self, change: impl FnOnce(&mut (Option<String>, bool))) {
        let mut state = self.state.lock().expect("nobody panics with this lock");
        change(&mut state);
        let health = match &*state {
            (Some(reason), _) => Health::Failed(reason.clone()),
            (None, true) => Health::LowDisk,
            (None, false) => Health::Fine,
        };
        self.watch.send_if_modified(|old| {
            let news = *old != health;
            if news {
                tracing::warn!(?health, "the store's health changed");
            }
            *old = health;
            news
        });
    }
}

/// What the file system has left.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Space {
    pub(crate) bytes: u64,
    pub(crate) inodes: Option<u64>,
}

impl Space {
    /// Asks the file system. Some count no inodes and report a total of 0.
    pub(crate) fn at(path: &Path) -> rustix::io::Result<Self> {
        let stat = rustix::fs::statvfs(path)?;
        let inodes = (stat.f_files > 0).then_some(stat.f_favail);
        Ok(Self { bytes: stat.f_bavail.saturating_mul(stat.f_frsize), inodes })
    }

    pub(crate) fn is_low(self, bytes_min: u64) -> bool {
        self.bytes < bytes_min || self.inodes.is_some_and(|inodes| inodes < limits::FREE_INODES_MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_database_outweighs_a_full_disk() {
        let board = Board::new();
        board.set_low_disk(true);
        assert_eq!(board.health(), Health::LowDisk);
        board.set_failed(Some("sync".to_owned()));
        assert_eq!(board.health(), Health::Failed("sync".to_owned()));
        board.set_failed(None);
        assert_eq!(board.health(), Health::LowDisk);
        board.set_low_disk(false);
        assert_eq!(board.health(), Health::Fine);
    }

    #[test]
    fn few_inodes_are_as_bad_as_few_octets_unless_they_are_not_counted() {
        assert!(Space { bytes: 10, inodes: None }.is_low(11));
        assert!(!Space { bytes: 10, inodes: None }.is_low(10));
        assert!(Space { bytes: 10, inodes: Some(limits::FREE_INODES_MIN - 1) }.is_low(0));
    }
}
