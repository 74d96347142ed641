//! What was sent, on disk before and after each row: so that no row is sent twice, however the program ends.
//!
//! | module | what it is |
//! |---|---|
//! | [`entry`] | one step |
//! | [`standing`] | what follows from all steps |
//! | [`writer`] | the thread that writes |
//!
//! One line of JSON for each step. A row is noted as under way, that is brought onto the disk, and only then the row is
//! handed to a server; what became of it is noted afterwards. Whoever is killed leaves some rows under way of which nobody
//! knows: the next run notes them as unknown. A line that is not whole was not yet on disk when its step was to be taken,
//! and is cut off.
//!
//! The server of this host knows rows again, so there one line on disk speaks for many rows ahead: they may have been handed
//! over since. The next run hands over again what has no other line, as long as the server remembers.
//!
//! Only one process at a time has a journal, which `flock` sees to.

mod entry;
mod standing;
mod writer;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rohrpost_tls::crypto;
use tokio::sync::watch;

pub(super) use self::{
    entry::{Entry, Fate, Settled, UnderWay, Word},
    standing::Tally,
};
use self::{standing::Standing, writer::Writer};
use super::limits::ROW_BYTES_MAX;
use crate::{
    cli::AfterDot,
    exit::{Exit, Failure},
};

/// How the first line begins.
const BEGAN: &[u8] = b"{\"began\":";

/// How the lines begin that a report is made of.
const DONE: &[u8] = b"{\"done\":";

/// An open journal, and what follows from it.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Its own id, drawn when it was made.
    pub(super) id: String,
    standing: Standing,
    writer: Writer,
    /// To be read; it also holds the lock.
    file: File,
}

impl Journal {
    /// Opens or makes the journal of the merge with this fingerprint.
    pub(super) fn open(path: &Path, digest: &str, after_dot: AfterDot) -> anyhow::Result<Self> {
        let mut file = locked(path)?;
        let mut standing = Standing::new(after_dot);
        let id = match replay(path, &file, digest, &mut standing)? {
            Some(id) => id,
            None => begin(&mut file, path, digest).map_err(|error| cannot(path, &error))?,
        };
        standing.reopen();
        let writer = file.try_clone().and_then(Writer::start).map_err(|error| cannot(path, &error))?;
        Ok(Self { path: path.to_owned(), id, standing, writer, file })
    }

    /// Whether the row still has to be sent.
    pub(super) fn wants(&self, row: u64) -> bool {
        self.standing.wants(row)
    }

    /// Whether it is known that the row was begun, now or before.
    pub(super) fn was_begun(&self, row: u64) -> bool {
        self.standing.was_begun(row)
    }

    /// Since when somebody may have the row because of an earlier run, in seconds since 1970.
    pub(super) fn since(&self, row: u64) -> Option<i64> {
        self.standing.since(row)
    }

    /// Rows of `rows` of which it is open whether they were sent.
    pub(super) fn open_rows(&self, rows: u64) -> u64 {
        self.standing.open_rows(rows)
    }

    /// Whether more rows wait to be tried again than anybody should have.
    pub(super) fn is_overfull(&self) -> bool {
        self.standing.is_overfull()
    }

    /// How everybody fared, over all runs.
    pub(super) fn tally(&self) -> Tally {
        self.standing.tally()
    }

    /// Whether any row was settled more than once: then its last line counts.
    pub(super) fn has_repeats(&self) -> bool {
        self.standing.has_repeats()
    }

    /// Notes a step, and gives the number of its line. With `durable` it is on disk soon, else some time.
    pub(super) fn append(&mut self, entry: Entry, durable: bool) -> anyhow::Result<u64> {
        let mut line = serde_json::to_vec(&entry)?;
        line.push(b'\n');
        let number = self.writer.append(&line, durable).map_err(|error| cannot(&self.path, &error))?;
        self.standing.follow(entry);
        Ok(number)
    }

    /// Notes that no row was handed over that has no line of its own, at least not by this run.
    pub(super) fn take_back(&mut self) -> anyhow::Result<()> {
        let earlier = self.standing.left();
        self.append(Entry::Ahead(UnderWay { row: 0, at: 0 }), false)?;
        earlier.into_iter().try_for_each(|until| self.append(Entry::Ahead(until), false).map(drop))
    }

    /// The number of the last line that is on disk, whatever happens to the host. It grows until the journal is closed or
    /// its disk fails.
    pub(super) fn on_disk(&self) -> watch::Receiver<u64> {
        self.writer.on_disk()
    }

    /// Waits until everything is on disk. Nothing more can be noted then.
    pub(super) fn close(&mut self) -> anyhow::Result<()> {
        self.writer.end().map_err(|error| cannot(&self.path, &error).into())
    }

    /// All that was noted about rows, from the start.
    pub(super) fn settled(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Settled>>> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        let is_done = |line: &io::Result<Vec<u8>>| line.as_ref().map_or(true, |line| line.starts_with(DONE));
        Ok(lines(BufReader::new(file)).filter(is_done).filter_map(|line| {
            match line.and_then(|line| serde_json::from_slice(&line).map_err(io::Error::from)) {
                Ok(Entry::Done(settled)) => Some(Ok(settled)),
                Ok(_) => None,
                Err(error) => Some(Err(cannot(&self.path, &error).into())),
            }
        }))
    }
}

/// The file, which nobody else has, and nobody else may read: it names everybody who was written to.
fn locked(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o600).open(path);
    let file = file.map_err(|error| cannot(path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Exit::TempFail, format!("{}: another merge is running with it", path.display())))
        }
        Err(TryLockError::Error(error)) => Err(cannot(path, &error)),
    }
}

/// Follows all that is there and cuts off half a line. The id, where anything was there.
fn replay(path: &Path, file: &File, digest: &str, standing: &mut Standing) -> Result<Option<String>, Failure> {
    let (mut whole, mut own) = (0_u64, None);
    let reader = file.try_clone().map_err(|error| cannot(path, &error))?;
    for line in lines(BufReader::new(reader)) {
        let line = line.map_err(|error| cannot(path, &error))?;
        let Some(text) = line.strip_suffix(b"\n") else {
            // Half a line of ours is cut off. A file of somebody else's may be one line without an end.
            if own.is_some() || line.starts_with(BEGAN) || BEGAN.starts_with(&line) {
                break;
            }
            return Err(no_journal(path));
        };
        match serde_json::from_slice(text) {
            Ok(Entry::Began { digest: known, .. }) if known != digest => return Err(other_merge(path)),
            Ok(Entry::Began { id, .. }) if own.is_none() => own = Some(id),
            Ok(entry) if own.is_some() => standing.follow(entry),
            _ => return Err(no_journal(path)),
        }
        whole += line.len() as u64;
    }
    file.set_len(whole).map_err(|error| cannot(path, &error))?;
    Ok(own)
}

/// Writes the first line, under an id of its own.
fn begin(file: &mut File, path: &Path, digest: &str) -> io::Result<String> {
    let id = format!("{:032x}", u128::from_be_bytes(crypto::random()));
    let mut line = serde_json::to_vec(&Entry::Began { id: id.clone(), digest: digest.to_owned() })?;
    line.push(b'\n');
    file.write_all(&line)?;
    file.sync_data()?;
    sync_folder(path)?;
    Ok(id)
}

fn other_merge(path: &Path) -> Failure {
    let path = path.display();
    let why = "belongs to other rows or another mail than these";
    Failure::new(Exit::Data, format!("{path}: {why}; name another file with --state, or remove it to begin anew"))
}

fn no_journal(path: &Path) -> Failure {
    let path = path.display();
    Failure::new(Exit::Data, format!("{path}: this is no state of a merge; name another file with --state"))
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
