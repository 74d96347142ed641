//! msmtprc: a line is a key with its argument, `account` and `defaults` begin sections.
//!
//! ```text
//! defaults
//! tls on
//! account work
//! host mail.example
//! from joe@work.example
//! account lists : work
//! from joe+lists@work.example
//! ```
//!
//! An account begins with what the defaults are at that place. Then come the keys of the accounts it inherits from, in their
//! order, then its own. What each key does is in [`super::keys`].

use std::{
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{
    environment::Environment,
    keys::{Key, Kind, Setting},
    limits::{FILE_BYTES_MAX, LINE_BYTES, LINE_BYTES_MAX},
    settings::Settings,
};

/// A configuration file that was read.
#[derive(Debug, Default)]
pub(super) struct ConfigFile {
    /// In the order of the file.
    pub(super) accounts: Vec<Account>,
    /// Whether a password stands in it, other than by `eval`.
    pub(super) holds_password: bool,
    /// What the user should know and what is no error.
    pub(super) warnings: Vec<String>,
}

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// Its name.
    pub(super) name: String,
    /// The file it stands in.
    pub(super) file: PathBuf,
    /// The defaults at its place.
    defaults: Vec<Setting>,
    /// Its keys, those that it inherits first.
    own: Vec<Setting>,
}

impl Account {
    /// What its keys and then those of the command line lead to.
    pub(super) fn settings(&self, overrides: &[Setting]) -> Settings {
        let mut settings = Settings::default();
        self.defaults.iter().chain(&self.own).chain(overrides).for_each(|setting| setting.apply(&mut settings));
        settings
    }
}

/// What is wrong, with file and line.
#[derive(Debug, thiserror::Error)]
#[error("{}: line {line}: {wrong}", file.display())]
pub(super) struct SyntaxError {
    /// The file.
    pub(super) file: PathBuf,
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong there.
    pub(super) wrong: Wrong,
}

/// What is wrong in a line.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    /// No such key.
    #[error("unknown command {0}")]
    UnknownKey(String),
    /// The key needs an argument.
    #[error("command {0} needs an argument")]
    NoArgument(&'static str),
    /// The key does not take this argument.
    #[error("invalid argument {argument} for command {key}")]
    BadArgument {
        /// The key.
        key: &'static str,
        /// What it does not take.
        argument: String,
    },
    /// `account` without a name, or `account a :` without another.
    #[error("missing account name")]
    NoName,
    /// A name with a comma or a blank.
    #[error("the account name {0:?} must not hold commas, colons or blanks")]
    BadName(String),
    /// Two accounts of one name.
    #[error("account {0} was already defined")]
    Twice(String),
    /// It inherits from an account that is not there, or comes later.
    #[error("account {0} not (yet) defined")]
    Undefined(String),
    /// The line is too long to be one.
    #[error("the line is longer than {LINE_BYTES_MAX} octets")]
    TooLong,
    /// `eval` did not work.
    #[error("eval: {0}")]
    Eval(io::Error),
}

/// Runs a command line and gives the first line that it prints.
pub(super) type Evaluate<'a> = &'a dyn Fn(&str) -> io::Result<String>;

/// Reads a file as text.
///
/// # Errors
/// What the system says; a file that is too large or not UTF-8 is [`io::ErrorKind::InvalidData`].
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let octets = std::fs::File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_string(&mut text)?;
    if octets as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "too large for a file that people write"));
    }
    Ok(text)
}

/// The permission bits of group and others.
const FOREIGN_BITS: u32 = 0o077;

/// Whether nobody but this user can read the file.
pub(super) fn is_private(path: &Path, user: u32) -> io::Result<bool> {
    let facts = std::fs::metadata(path)?;
    Ok(facts.uid() == user && facts.mode() & FOREIGN_BITS == 0)
}

/// Reads the text of a file.
pub(super) fn parse(
    path: &Path,
    text: &str,
    environment: &Environment,
    evaluate: Evaluate<'_>,
) -> Result<ConfigFile, SyntaxError> {
    let mut reader =
        Reader { path, environment, evaluate, defaults: Vec::new(), section: None, file: ConfigFile::default() };
    for (line, text) in (1..).zip(text.lines()) {
        let place = |wrong| SyntaxError { file: path.to_owned(), line, wrong };
        if text.len() > LINE_BYTES {
            let warning = format!("{}: line {line}: longer than the {LINE_BYTES} octets msmtp takes", path.display());
            reader.file.warnings.push(warning);
        }
        reader.line(text, false).map_err(place)?;
    }
    Ok(reader.file)
}

/// Which section a line belongs to.
enum Section {
    Defaults,
    Account(usize),
}

struct Reader<'a> {
    path: &'a Path,
    environment: &'a Environment,
    evaluate: Evaluate<'a>,
    defaults: Vec<Setting>,
    section: Option<Section>,
    file: ConfigFile,
}

impl Reader<'_> {
    /// One line; `evaluated` when it was printed by a command, whose output is not evaluated again.
    fn line(&mut self, text: &str, evaluated: bool) -> Result<(), Wrong> {
        if text.len() > LINE_BYTES_MAX {
            return Err(Wrong::TooLong);
        }
        let text = text.trim_matches([' ', '\t', '\r']);
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let (key, argument) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let argument = unquoted(argument.trim_start_matches([' ', '\t']));
        match key {
            "defaults" if argument.is_empty() => self.section = Some(Section::Defaults),
            "defaults" => return Err(Wrong::BadArgument { key: "defaults", argument: argument.to_owned() }),
            "account" => self.begin_account(argument)?,
            "eval" if !evaluated => {
                let line = (self.evaluate)(argument).map_err(Wrong::Eval)?;
                self.line(&line, true)?;
            }
            _ => self.setting(key, argument, evaluated)?,
        }
        Ok(())
    }

    fn begin_account(&mut self, argument: &str) -> Result<(), Wrong> {
        let (name, parents) = match argument.split_once(':') {
            Some((name, parents)) => (name.trim(), parents.split(',').map(str::trim).collect()),
            None => (argument, Vec::new()),
        };
        if name.is_empty() || parents.contains(&"") {
            return Err(Wrong::NoName);
        }
        if name.contains([',', ' ', '\t']) {
            return Err(Wrong::BadName(name.to_owned()));
        }
        if self.find(name).is_some() {
            return Err(Wrong::Twice(name.to_owned()));
        }
        let mut own = Vec::new();
        for parent in parents {
            let parent = self.find(parent).ok_or_else(|| Wrong::Undefined(parent.to_owned()))?;
            own.extend_from_slice(&parent.own);
        }
        self.open_account(name, own);
        Ok(())
    }

    fn find(&self, name: &str) -> Option<&Account> {
        self.file.accounts.iter().find(|account| account.name == name)
    }

    fn open_account(&mut self, name: &str, own: Vec<Setting>) -> usize {
        let (name, file, defaults) = (name.to_owned(), self.path.to_owned(), self.defaults.clone());
        self.file.accounts.push(Account { name, file, defaults, own });
        let place = self.file.accounts.len() - 1;
        self.section = Some(Section::Account(place));
        place
    }

    fn setting(&mut self, name: &str, argument: &str, evaluated: bool) -> Result<(), Wrong> {
        let key = Key::named(name).ok_or_else(|| Wrong::UnknownKey(name.to_owned()))?;
        let setting = Setting::new(key, argument, self.environment).map_err(|_| match (key.kind, argument) {
            (Kind::Needed, "") => Wrong::NoArgument(key.name),
            _ => Wrong::BadArgument { key: key.name, argument: argument.to_owned() },
        })?;
        self.file.holds_password |= key.name == "password" && !argument.is_empty() && !evaluated;
        let keys = match self.section {
            Some(Section::Defaults) => &mut self.defaults,
            Some(Section::Account(place)) => &mut self.file.accounts[place].own,
            None => {
                let place = self.open_account("default", Vec::new());
                &mut self.file.accounts[place].own
            }
        };
        keys.push(setting);
        Ok(())
    }
}

/// An argument that stands in double quotes as a whole loses them; there are no escapes.
fn unquoted(argument: &str) -> &str {
    argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(argument)
}

#[cfg(test)]
mod tests;
