//! What was sent, on disk before and after each row: so that no row is sent twice, however the program ends.
//!
//! One line of JSON for each step. A row is noted as under way and only then handed to a server, and what became of it is
//! noted before the next one begins. Whoever is killed in between leaves a row of which nobody knows: the next run notes it
//! as unknown. A line that is not whole was not yet on disk when its step was to be taken, and is cut off.
//!
//! Only one process at a time has a journal, which `flock` sees to.

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use rohrpost_mail::Seal;
use rohrpost_tls::crypto;
use serde::{Deserialize, Serialize};

use super::limits::{AGAIN_MAX, ROW_BYTES_MAX};
use crate::{
    cli::AfterDot,
    exit::{Exit, Failure},
};

/// One step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Entry {
    /// A merge: its own id, and a fingerprint of rows and letter.
    Began { id: String, digest: String },
    /// A row is about to be handed over.
    Sending(UnderWay),
    /// What became of it.
    Done(Settled),
    /// It was not handed over: nobody took it.
    Back { row: u64 },
}

/// A row that is being handed over.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct UnderWay {
    /// Which, counted from 1.
    pub(super) row: u64,
    /// The line on which it begins.
    pub(super) line: u64,
    /// To the server of this host, which knows rows again that it has had already.
    pub(super) local: bool,
    /// Who is to get it.
    pub(super) recipients: Vec<String>,
}

/// What became of a row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Settled {
    /// Which, counted from 1.
    pub(super) row: u64,
    /// The line on which it begins.
    pub(super) line: u64,
    /// Who took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) server: Option<String>,
    /// How well the way there was sealed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seal: Option<Seal>,
    /// Each recipient's fate.
    pub(super) recipients: Vec<Fate>,
}

/// What became of a recipient.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Fate {
    /// Who.
    pub(super) recipient: String,
    /// In one word.
    pub(super) outcome: Word,
    /// What was said to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) reply: Option<String>,
}

/// A fate in one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// The server took it.
    Delivered,
    /// The queue of this host took it.
    Queued,
    /// It may have arrived, and counts as delivered.
    Assumed,
    /// Not now.
    Deferred,
    /// Not at all.
    Refused,
    /// It may have arrived.
    Unknown,
}

impl Word {
    /// As the journal and the report have it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Queued => "queued",
            Self::Assumed => "assumed",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

impl Settled {
    /// Whether the row may be sent once more: nobody has it, and somebody may get it later.
    pub(super) fn may_go_again(&self, after_dot: AfterDot) -> bool {
        let is_open = |word| word == Word::Deferred || word == Word::Unknown && after_dot == AfterDot::Retry;
        let words = || self.recipients.iter().map(|fate| fate.outcome);
        words().all(|word| is_open(word) || word == Word::Refused) && words().any(is_open)
    }
}

/// An open journal, and what follows from it.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Its own id, drawn when it was made.
    pub(super) id: String,
    after_dot: AfterDot,
    /// Every row up to here was settled, but for those in `again`.
    settled: u64,
    again: BTreeSet<u64>,
    under_way: Option<UnderWay>,
    /// How long ago the last run noted something.
    age: Duration,
}

impl Journal {
    /// Opens or makes the journal of the merge with this fingerprint.
    pub(super) fn open(path: &Path, digest: &str, after_dot: AfterDot) -> anyhow::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path).map_err(|error| cannot(path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let why = format!("{}: another merge is running with it", path.display());
                return Err(Failure::new(Exit::TempFail, why).into());
            }
            Err(TryLockError::Error(error)) => return Err(cannot(path, &error).into()),
        }
        // A clock that was set back says nothing about the age: then the worst is assumed.
        let touched = file.metadata().and_then(|metadata| metadata.modified()).map_err(|error| cannot(path, &error))?;
        let age = touched.elapsed().unwrap_or(Duration::MAX);
        let id = format!("{:032x}", u128::from_be_bytes(crypto::random()));
        let (path, again) = (path.to_owned(), BTreeSet::new());
        let mut journal = Self { path, file, id, after_dot, settled: 0, again, under_way: None, age };
        journal.replay(digest)?;
        Ok(journal)
    }

    /// Whether the row still has to be sent.
    pub(super) fn wants(&self, row: u64) -> bool {
        row > self.settled || self.again.contains(&row)
    }

    /// Rows of `rows` that still have to be sent.
    pub(super) fn open_rows(&self, rows: u64) -> u64 {
        rows.saturating_sub(self.settled) + self.again.len() as u64
    }

    /// Whether more rows wait to be tried again than anybody should have.
    pub(super) fn is_overfull(&self) -> bool {
        self.again.len() > AGAIN_MAX
    }

    /// The row that was under way when the last run ended, if it did so without a word.
    pub(super) fn under_way(&self) -> Option<&UnderWay> {
        self.under_way.as_ref()
    }

    /// How long ago that was.
    pub(super) fn age(&self) -> Duration {
        self.age
    }

    /// Forgets that a row was under way: the one that took it will know it again.
    pub(super) fn forget_under_way(&mut self) {
        self.under_way = None;
    }

    /// Notes a step. With `durable`, it is on disk afterwards, whatever happens to the host.
    pub(super) fn append(&mut self, entry: Entry, durable: bool) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let written = self.file.write_all(&line).and_then(|()| if durable { self.file.sync_data() } else { Ok(()) });
        written.map_err(|error| cannot(&self.path, &error))?;
        self.follow(entry);
        Ok(())
    }

    /// Brings what was noted onto the disk.
    pub(super) fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_data().map_err(|error| cannot(&self.path, &error).into())
    }

    /// All that was noted about rows, from the start.
    pub(super) fn settled(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Settled>>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let path = self.path.clone();
        Ok(lines(BufReader::new(file)).filter_map(move |line| {
            match line.and_then(|line| serde_json::from_slice(&line).map_err(io::Error::from)) {
                Ok(Entry::Done(settled)) => Some(Ok(settled)),
                Ok(_) => None,
                Err(error) => Some(Err(cannot(&path, &error).into())),
            }
        }))
    }

    fn replay(&mut self, digest: &str) -> anyhow::Result<()> {
        let mut whole: u64 = 0;
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        for line in lines(BufReader::new(file)) {
            let line = line.map_err(|error| cannot(&self.path, &error))?;
            let Some(text) = line.strip_suffix(b"\n") else { break };
            match serde_json::from_slice(text) {
                Ok(Entry::Began { digest: known, .. }) if known != digest => return Err(self.other_merge().into()),
                Ok(Entry::Began { id, .. }) if whole == 0 => self.id = id,
                Ok(entry) if whole > 0 => self.follow(entry),
                _ => return Err(self.no_journal().into()),
            }
            whole += line.len() as u64;
        }
        self.file.set_len(whole).map_err(|error| cannot(&self.path, &error))?;
        self.file.seek(SeekFrom::End(0))?;
        if whole == 0 {
            self.append(Entry::Began { id: self.id.clone(), digest: digest.to_owned() }, true)?;
            sync_folder(&self.path).map_err(|error| cannot(&self.path, &error))?;
        }
        Ok(())
    }

    fn follow(&mut self, entry: Entry) {
        match entry {
            Entry::Began { .. } => {}
            Entry::Sending(under_way) => self.under_way = Some(under_way),
            Entry::Back { .. } => self.under_way = None,
            Entry::Done(settled) => {
                self.under_way = None;
                self.settled = self.settled.max(settled.row);
                if settled.may_go_again(self.after_dot) {
                    self.again.insert(settled.row);
                } else {
                    self.again.remove(&settled.row);
                }
            }
        }
    }

    fn other_merge(&self) -> Failure {
        let path = self.path.display();
        let why = "belongs to other rows or another mail than these";
        Failure::new(Exit::Data, format!("{path}: {why}; name another file with --state, or remove it to begin anew"))
    }

    fn no_journal(&self) -> Failure {
        let path = self.path.display();
        Failure::new(Exit::Data, format!("{path}: this is no state of a merge; name another file with --state"))
    }
}

/// Lines with their ends, none longer than anything that is ever written.
fn lines(mut reader: impl BufRead) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    std::iter::from_fn(move || {
        let mut line = Vec::new();
        match (&mut reader).take(4 * ROW_BYTES_MAX).read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(Ok(line)),
            Err(error) => Some(Err(error)),
        }
    })
}

/// A file that was just made is found after a power failure only when its folder is on disk too.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::CannotCreate, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
