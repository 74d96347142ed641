//! How far an export has come: a file in its directory, one line of JSON for each page that is on disk. It goes when all is
//! written.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{cannot, sync_folder};
use crate::{
    control::MailboxRow,
    exit::{Exit, Failure},
};

/// Its name.
pub(crate) const STATE_FILE: &str = ".rohrpost-export";

/// How far a mailbox has come.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct At {
    /// The last UID that was written.
    pub(super) uid: u32,
    /// How many messages were.
    pub(super) messages: u64,
    /// Where what writes goes on.
    pub(super) point: u64,
    /// Whether that is all.
    pub(super) is_done: bool,
}

/// A line. The first says what is exported.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Line {
    Export(String),
    Mailbox { name: String, uid_validity: u32, at: At },
}

/// How far all of them have come.
#[derive(Debug)]
pub(super) struct State {
    path: PathBuf,
    file: File,
    known: HashMap<(String, u32), At>,
}

impl State {
    /// Of an export into this directory, which is empty or that of the same export.
    pub(super) fn open(folder: &Path, what: &str) -> Result<Self, Failure> {
        let path = folder.join(STATE_FILE);
        let is_new = !path.exists();
        if is_new && fs::read_dir(folder).map_err(|error| cannot(&error))?.next().is_some() {
            let why = "is not empty, and no export was stopped there; name a new directory";
            return Err(Failure::new(Exit::CannotCreate, format!("{} {why}", folder.display())));
        }
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path);
        let file = file.map_err(|error| cannot(&error))?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            let message = format!("{}: another export is writing there", folder.display());
            return Err(Failure::new(Exit::TempFail, message));
        }
        let mut state = Self { path, file, known: HashMap::new() };
        let began = state.replay().map_err(|error| cannot(&error))?;
        match began {
            Some(began) if began == what => {}
            Some(began) => {
                let message = format!("{}: another export was stopped there: {began}", folder.display());
                return Err(Failure::new(Exit::Data, message));
            }
            None => state.write(&Line::Export(what.to_owned())).map_err(|error| cannot(&error))?,
        }
        sync_folder(folder).map_err(|error| cannot(&error))?;
        Ok(state)
    }

    /// How far this mailbox has come.
    pub(super) fn of(&self, mailbox: &MailboxRow) -> At {
        self.known.get(&(mailbox.name.clone(), mailbox.uid_validity)).copied().unwrap_or_default()
    }

    /// Notes it.
    pub(super) fn note(&mut self, mailbox: &MailboxRow, at: At) -> Result<(), Failure> {
        let line = Line::Mailbox { name: mailbox.name.clone(), uid_validity: mailbox.uid_validity, at };
        self.write(&line).map_err(|error| cannot(&error))
    }

    /// All is written.
    pub(super) fn remove(self) -> Result<(), Failure> {
        fs::remove_file(&self.path).map_err(|error| cannot(&error))
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.sync_data()
    }

    /// Follows all whole lines and cuts off the rest. Says what was exported.
    fn replay(&mut self) -> io::Result<Option<String>> {
        let (mut began, mut whole) = (None, 0);
        for line in BufReader::new(self.file.try_clone()?).split(b'\n') {
            let text = line?;
            let Ok(line) = serde_json::from_slice(&text) else { break };
            match line {
                Line::Export(what) => began = Some(what),
                Line::Mailbox { name, uid_validity, at } => drop(self.known.insert((name, uid_validity), at)),
            }
            whole += text.len() as u64 + 1;
        }
        // A last line without its end was not yet on disk when its page was to be.
        let octets = self.file.metadata()?.len();
        if whole > octets {
            self.file.write_all(b"\n")?;
        } else {
            self.file.set_len(whole)?;
        }
        Ok(began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, uid_validity: u32) -> MailboxRow {
        MailboxRow {
            name: name.into(),
            special_use: None,
            messages: 0,
            unseen: 0,
            octets: 0,
            uid_validity,
            uid_next: 1,
        }
    }

    #[test]
    fn an_export_goes_on_where_it_ended_and_only_that_one() {
        let dir = tempfile::tempdir().unwrap();
        let at = At { uid: 7, messages: 3, point: 900, is_done: false };
        let mut state = State::open(dir.path(), "mbox ann@here.test").unwrap();
        state.note(&row("INBOX", 1), At::default()).unwrap();
        state.note(&row("INBOX", 1), at).unwrap();
        assert!(State::open(dir.path(), "mbox ann@here.test").unwrap_err().to_string().contains("another export is"));
        drop(state);
        let path = dir.path().join(STATE_FILE);
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole, &b"{\"mail"[..]].concat()).unwrap();

        let state = State::open(dir.path(), "mbox ann@here.test").unwrap();
        assert_eq!((state.of(&row("INBOX", 1)), state.of(&row("INBOX", 2))), (at, At::default()));
        assert_eq!(fs::read(&path).unwrap(), whole);
        drop(state);
        let other = State::open(dir.path(), "maildir ann@here.test").unwrap_err().to_string();
        assert!(other.ends_with("another export was stopped there: mbox ann@here.test"), "{other}");
        State::open(dir.path(), "mbox ann@here.test").unwrap().remove().unwrap();
        fs::write(dir.path().join("other"), "").unwrap();
        assert!(State::open(dir.path(), "mbox ann@here.test").unwrap_err().to_string().contains("is not empty"));
    }
}
