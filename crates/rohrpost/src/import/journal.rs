//! What was imported, on disk beside the source, so that a stopped import goes on where it ended and no message comes twice.
//!
//! One line of JSON for each batch before it is handed to the store, one behind it. Where the second is missing nobody knows
//! what became of the batch: the next run looks whether the first of its messages lies in the mailbox behind the UID that was
//! the last when the batch began. A batch is filed as a whole or not at all.
//!
//! A line that is not whole is cut off. Only one process at a time has a journal, which `flock` sees to.

use std::{
    collections::HashSet,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{limits::JOURNAL_LINE_BYTES_MAX, sum::Key};
use crate::exit::{Exit, Failure};

/// A line.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    /// The first line: into what.
    Import(Target),
    /// A batch is about to be handed over.
    UnderWay(Batch),
    /// It was filed.
    Done,
    /// It was not.
    Undone,
}

/// Into what an import goes. Two servers may have an account of the same name, and one may have it anew: but no two INBOXes
/// have the same UIDVALIDITY.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Target {
    /// The account.
    pub(crate) account: String,
    /// UIDVALIDITY of its INBOX.
    pub(crate) inbox: u32,
}

/// Messages that are filed together.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Batch {
    /// The mailbox.
    pub(crate) mailbox: String,
    /// The UID that its next message gets, as far as is known, and its UIDVALIDITY.
    pub(crate) uid_next: (u32, u32),
    /// What the source knows the messages by.
    pub(crate) mails: Vec<Key>,
    /// What the first of them is known by in the store.
    pub(crate) first: Key,
}

/// An open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    done: HashSet<Key>,
    open: Option<Batch>,
}

impl Journal {
    /// Opens or makes the journal of an import into this account.
    pub(crate) fn open(path: &Path, target: &Target) -> anyhow::Result<Self> {
        let file = locked(path)?;
        let mut journal = Self { path: path.to_owned(), file, done: HashSet::new(), open: None };
        let is_new = !journal.replay(target)?;
        if is_new {
            journal.write(&Line::Import(target.clone()))?;
            sync_folder(path).map_err(|error| cannot(path, &error))?;
        }
        Ok(journal)
    }

    /// Whether a message was filed already.
    pub(crate) fn has(&self, mail: &Key) -> bool {
        self.done.contains(mail)
    }

    /// The batch of which nobody knows whether it was filed.
    pub(crate) fn open_batch(&self) -> Option<&Batch> {
        self.open.as_ref()
    }

    /// Notes that a batch is about to be handed over; on disk when it returns.
    pub(crate) fn begin(&mut self, batch: Batch) -> anyhow::Result<()> {
        let line = Line::UnderWay(batch);
        self.write(&line)?;
        self.follow(line);
        Ok(())
    }

    /// Notes what became of the batch. It need not reach the disk: the next run would find it out.
    pub(crate) fn settle(&mut self, filed: bool) -> anyhow::Result<()> {
        let line = if filed { Line::Done } else { Line::Undone };
        let text = text_of(&line);
        self.file.write_all(&text).map_err(|error| cannot(&self.path, &error))?;
        self.follow(line);
        Ok(())
    }

    fn follow(&mut self, line: Line) {
        match line {
            Line::Import(_) => {}
            Line::UnderWay(batch) => self.open = Some(batch),
            Line::Done => self.done.extend(self.open.take().into_iter().flat_map(|batch| batch.mails)),
            Line::Undone => self.open = None,
        }
    }

    fn write(&mut self, line: &Line) -> anyhow::Result<()> {
        let written = self.file.write_all(&text_of(line)).and_then(|()| self.file.sync_data());
        Ok(written.map_err(|error| cannot(&self.path, &error))?)
    }

    /// Follows what is there. False if nothing is.
    fn replay(&mut self, target: &Target) -> Result<bool, Failure> {
        let path = self.path.clone();
        let failed = |error| cannot(&path, &error);
        let mut reader = BufReader::new(self.file.try_clone().map_err(failed)?);
        let (mut whole, mut began) = (0, false);
        loop {
            let mut line = Vec::new();
            (&mut reader).take(JOURNAL_LINE_BYTES_MAX).read_until(b'\n', &mut line).map_err(failed)?;
            let Some(text) = line.strip_suffix(b"\n") else {
                if !began && !line.is_empty() && !line.starts_with(b"{\"import\"") {
                    return Err(no_journal(&self.path));
                }
                break;
            };
            match serde_json::from_slice(text) {
                Ok(Line::Import(other)) if !began && other != *target => return Err(of_another(&self.path, &other)),
                Ok(Line::Import(_)) if !began => began = true,
                Ok(line) if began => self.follow(line),
                _ => return Err(no_journal(&self.path)),
            }
            whole += line.len() as u64;
        }
        self.file.set_len(whole).map_err(|error| cannot(&self.path, &error))?;
        Ok(began)
    }
}

fn text_of(line: &Line) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("lines are plain data");
    text.push(b'\n');
    text
}

fn locked(path: &Path) -> Result<File, Failure> {
    let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
    let file = file.map_err(|error| cannot(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Exit::TempFail, format!("{}: another import is running with it", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(cannot(path, &error)),
    }
}

fn of_another(path: &Path, other: &Target) -> Failure {
    let why = format!("{}: belongs to an import into another account or server, {}", path.display(), other.account);
    Failure::new(Exit::Data, format!("{why}; name another file with --state, or remove it to begin anew"))
}

fn no_journal(path: &Path) -> Failure {
    let path = path.display();
    Failure::new(Exit::Data, format!("{path}: this is no state of an import; name another file with --state"))
}

/// A file that was just made is found after a power failure only when its folder is on disk too.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    let hint = "--state names another place";
    Failure::new(Exit::CannotCreate, format!("{}: {error}; {hint}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(names: &[&str]) -> Batch {
        let mails: Vec<_> = names.iter().map(|name| Key::of(name.as_bytes())).collect();
        Batch { mailbox: "INBOX".into(), uid_next: (7, 1), first: mails[0].clone(), mails }
    }

    fn ann() -> Target {
        Target { account: "ann@here.test".into(), inbox: 7 }
    }

    #[test]
    fn what_was_filed_is_known_again_and_what_was_under_way_is_open() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let open = || Journal::open(&path, &ann());
        let mut journal = open().unwrap();
        journal.begin(batch(&["a", "b"])).unwrap();
        journal.settle(true).unwrap();
        journal.begin(batch(&["c"])).unwrap();
        journal.settle(false).unwrap();
        journal.begin(batch(&["d"])).unwrap();
        assert!(open().unwrap_err().to_string().ends_with("another import is running with it"));
        drop(journal);

        let mut journal = open().unwrap();
        assert_eq!(["a", "b", "c", "d"].map(|name| journal.has(&Key::of(name.as_bytes()))), [true, true, false, false]);
        assert_eq!(journal.open_batch(), Some(&batch(&["d"])));
        journal.settle(true).unwrap();
        assert!(journal.has(&Key::of(b"d")) && journal.open_batch().is_none());
    }

    #[test]
    fn half_a_line_is_cut_off_and_a_file_of_others_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        Journal::open(&path, &ann()).unwrap().begin(batch(&["a"])).unwrap();
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole, &b"{\"done"[..]].concat()).unwrap();
        assert!(Journal::open(&path, &ann()).unwrap().open_batch().is_some());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        for other in [Target { account: "bob@here.test".into(), inbox: 7 }, Target { inbox: 8, ..ann() }] {
            let refused = Journal::open(&path, &other).unwrap_err().to_string();
            assert!(refused.contains("into another account or server, ann@here.test"), "{refused}");
        }
        for text in ["From here", "{\"done\":null}\n", "{}\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(Journal::open(&path, &ann()).is_err(), "{text}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}
