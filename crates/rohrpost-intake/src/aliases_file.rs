//! The host's own aliases: `/etc/aliases`, as every sendmail since the first reads it.
//!
//! They say who reads the mail that programs of this host send to a name such as `root`, and hold for such mail only; the
//! mail domains that the server keeps have their aliases in the store. [`table`] is the syntax, [`include`] reads the
//! lists that entries name.
//!
//! An alias is data: it names addresses. `|command` and `/file` are refused, each with the line that has them, because
//! whoever may add a line would else run programs as the server's user. A refused value refuses the whole alias, so that
//! nobody loses mail without noticing. What a file says is never quoted in a refusal: it may be another's, and the refusal
//! goes to strangers.

mod include;
mod table;

use std::{
    collections::HashSet,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rohrpost_mail::Mailbox;

use self::table::{Entry, Table, Value};
pub use self::{include::IncludeError, table::BadValue};
use crate::limits::{ALIAS_DEPTH_MAX, ALIAS_FILE_BYTES_MAX, SUBMIT_RECIPIENTS_MAX};

/// Why an alias leads nowhere.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AliasError {
    /// It leads back to itself by way of others.
    #[error("the alias in line {line} leads back to itself")]
    Loop {
        /// Where the alias stands that closes the circle.
        line: usize,
    },
    /// More than [`ALIAS_DEPTH_MAX`] aliases in a row.
    #[error("more than {ALIAS_DEPTH_MAX} aliases lead to one another")]
    TooDeep,
    /// More than [`SUBMIT_RECIPIENTS_MAX`] addresses.
    #[error("the alias stands for more than {SUBMIT_RECIPIENTS_MAX} addresses")]
    TooMany,
    /// A value that no alias can have.
    #[error("the alias in line {line} has {value}")]
    Refused {
        /// Where.
        line: usize,
        /// Which kind of value.
        value: BadValue,
    },
    /// A list that the alias includes.
    #[error("the alias in line {line} includes a list: {error}")]
    Include {
        /// Where.
        line: usize,
        /// Why the list is not read.
        error: IncludeError,
    },
    /// The file of aliases is there and cannot be read.
    #[error("the file of aliases cannot be read: {0}")]
    Unreadable(io::ErrorKind),
}

/// What a name stands for in the end.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Target {
    /// A name of this host that is no alias.
    Name(String),
    /// An address.
    Address(Mailbox),
}

/// A file of aliases; it is read again when it has changed.
#[derive(Debug)]
pub struct AliasesFile {
    path: PathBuf,
    /// Who must own the lists that it includes.
    owner: u32,
    read: Mutex<Option<(Stamp, Arc<Table>)>>,
}

/// What changes when a file does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    octets: u64,
    modified: (i64, i64),
}

impl AliasesFile {
    /// The file at `path`, which may come and go. Lists that it includes must be root's.
    pub fn new(path: PathBuf) -> Self {
        Self { path, owner: 0, read: Mutex::default() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that `name` stands for, each once; nothing when it is no alias. `is_own` tells the host's own domains: what
    /// stands before the `@` of their addresses is a name, too. Reads files: not for a thread that others wait for.
    ///
    /// # Errors
    /// The alias, or one that it leads to, cannot be followed.
    pub fn expand(&self, name: &str, is_own: &dyn Fn(&Mailbox) -> bool) -> Result<Option<Vec<Target>>, AliasError> {
        let table = self.table().map_err(|error| AliasError::Unreadable(error.kind()))?;
        let Some(entry) = table.entry(name) else { return Ok(None) };
        let mut walk = Walk {
            table: &table,
            owner: self.owner,
            is_own,
            path: vec![key(name)],
            found: Vec::new(),
            seen: HashSet::new(),
        };
        walk.entry(entry)?;
        Ok(Some(walk.found))
    }

    /// The lines whose aliases are refused, and why; none for a file that is missing.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn faults(&self) -> io::Result<Vec<(usize, BadValue)>> {
        let mut faults: Vec<_> = self.table()?.refused().collect();
        faults.sort_by_key(|(line, _)| *line);
        Ok(faults)
    }

    /// The file as it is now; a missing one holds nothing.
    fn table(&self) -> io::Result<Arc<Table>> {
        let file = match fs::metadata(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Arc::default()),
            Err(error) => return Err(error),
        };
        let stamp = Stamp {
            device: file.dev(),
            inode: file.ino(),
            octets: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
        };
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, table)) = &*read
            && *known == stamp
        {
            return Ok(table.clone());
        }
        if !file.is_file() || file.len() > ALIAS_FILE_BYTES_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let table = Arc::new(Table::parse(&String::from_utf8_lossy(&fs::read(&self.path)?)));
        for (line, value) in table.refused() {
            tracing::warn!(file = ?self.path, line, "the alias has {value}: mail to it is refused");
        }
        *read = Some((stamp, table.clone()));
        Ok(table)
    }
}

/// Names are the same in any case.
fn key(name: &str) -> String {
    name.to_lowercase()
}

/// One expansion.
struct Walk<'a> {
    table: &'a Table,
    owner: u32,
    is_own: &'a dyn Fn(&Mailbox) -> bool,
    /// The aliases that led here, the innermost last.
    path: Vec<String>,
    found: Vec<Target>,
    seen: HashSet<Target>,
}

impl Walk<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), AliasError> {
        entry.values.iter().try_for_each(|value| self.value(value, entry.line))
    }

    fn value(&mut self, value: &Value, line: usize) -> Result<(), AliasError> {
        match value {
            Value::Name(name) => self.name(name, line),
            Value::Address(address) if (self.is_own)(address) => self.name(address.local.as_str(), line),
            Value::Address(address) => self.add(Target::Address(address.clone())),
            Value::Final(name) => self.add(Target::Name(name.clone())),
            Value::Include(path) => self.include(path, line),
            Value::Bad(value) => Err(AliasError::Refused { line, value: *value }),
        }
    }

    /// A name is an alias, unless its own alias names it: `ann: ann, bob@b.example` keeps a copy for Ann.
    fn name(&mut self, name: &str, line: usize) -> Result<(), AliasError> {
        let key = key(name);
        let entry = self.table.entry(name).filter(|_| self.path.last() != Some(&key));
        let Some(entry) = entry else { return self.add(Target::Name(name.to_owned())) };
        if self.path.contains(&key) {
            return Err(AliasError::Loop { line });
        }
        self.deeper(key, |walk| walk.entry(entry))
    }

    /// A list that includes itself is a loop like any other: its path goes where the names of aliases go.
    fn include(&mut self, path: &Path, line: usize) -> Result<(), AliasError> {
        let key = path.to_string_lossy().into_owned();
        if self.path.contains(&key) {
            return Err(AliasError::Loop { line });
        }
        let text = include::read(path, self.owner).map_err(|error| AliasError::Include { line, error })?;
        let values = table::list(&text);
        self.deeper(key, |walk| values.iter().try_for_each(|value| walk.value(value, line)))
    }

    fn deeper(
        &mut self,
        key: String,
        walk: impl FnOnce(&mut Self) -> Result<(), AliasError>,
    ) -> Result<(), AliasError> {
        if self.path.len() > ALIAS_DEPTH_MAX {
            return Err(AliasError::TooDeep);
        }
        self.path.push(key);
        walk(self)?;
        self.path.pop();
        Ok(())
    }

    fn add(&mut self, target: Target) -> Result<(), AliasError> {
        if self.seen.insert(target.clone()) {
            self.found.push(target);
        }
        if self.found.len() > SUBMIT_RECIPIENTS_MAX { Err(AliasError::TooMany) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
