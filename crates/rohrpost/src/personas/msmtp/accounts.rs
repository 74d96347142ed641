//! Which account sends: named, found by the sender, or `default`.

use std::path::{Path, PathBuf};

use super::{
    environment::Environment,
    fault::Fault,
    file::{Account, ConfigFile, Evaluate, Wrong, is_private, parse, read_text},
    glob,
    keys::{Key, Setting},
    options::Options,
    settings::Settings,
};
use crate::exit::Exit;

/// The account that sends.
#[derive(Debug)]
pub(super) struct Chosen {
    /// What it is set to, options included.
    pub(super) settings: Settings,
    /// Where it comes from, for people: `account work from ~/.msmtprc` with the whole path.
    pub(super) origin: String,
}

/// The accounts of the system and of the user.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Those of the system first. A name stands here once.
    known: Vec<Account>,
    /// The files that were read.
    files: Vec<PathBuf>,
    /// What the user should know.
    pub(super) warnings: Vec<String>,
}

impl Accounts {
    /// Reads the system's file and the user's, or `file` in the place of the user's. Only `file` must exist.
    pub(super) fn load(
        file: Option<&Path>,
        environment: &Environment,
        user: u32,
        evaluate: Evaluate<'_>,
    ) -> Result<Self, Fault> {
        let mut all = Self::default();
        let system = environment.system_file("msmtprc");
        if let Some(found) = read(&system, environment, evaluate)? {
            all.add(&system, found);
        }
        let candidates = file.map_or_else(|| environment.user_files(), |file| vec![file.to_owned()]);
        for path in candidates {
            let Some(found) = read(&path, environment, evaluate)? else { continue };
            let private = is_private(&path, user).map_err(|error| unreadable(&path, &error))?;
            if found.holds_password && !private {
                let message = "holds a password, so it must belong to you and be readable by nobody else (chmod 600)";
                return Err(Fault::new(Exit::Config, format!("{}: {message}", path.display())));
            }
            all.add(&path, found);
            return Ok(all);
        }
        match file {
            Some(file) => Err(unreadable(file, &std::io::ErrorKind::NotFound.into())),
            None => Ok(all),
        }
    }

    /// Adds the accounts of a file; one of a name that is known takes the other's place.
    fn add(&mut self, path: &Path, file: ConfigFile) {
        let replaced = |known: &Account| file.accounts.iter().any(|account| account.name == known.name);
        self.known.retain(|known| !replaced(known));
        self.known.extend(file.accounts);
        self.warnings.extend(file.warnings);
        self.files.push(path.to_owned());
    }

    /// Chooses for these options and this sender, if there is one.
    pub(super) fn choose(
        &self,
        options: &Options,
        sender: Option<&str>,
        environment: &Environment,
    ) -> Result<Chosen, Fault> {
        let named = options.account.as_deref();
        let by_sender = || sender.filter(|_| named.is_none()).and_then(|sender| self.by_sender(sender, environment));
        let by_name = |name| self.known.iter().find(|account| account.name == name);
        if let Some(account) = by_sender().or_else(|| by_name(named.unwrap_or("default"))) {
            return Ok(Chosen {
                settings: account.settings(&options.overrides),
                origin: format!("account {} from {}", account.name, account.file.display()),
            });
        }
        match named {
            Some(name) => Err(self.not_found(name)),
            None => of_variables(options, environment).ok_or_else(|| self.not_found("default")),
        }
    }

    /// The first account whose `from` is this sender or a pattern that matches it. A detail behind a plus sign counts only
    /// where the account's `from` has one, too.
    fn by_sender(&self, sender: &str, environment: &Environment) -> Option<&Account> {
        let plain = without_detail(sender);
        let is_for = |account: &&Account| {
            let Some(from) = account.settings(&[]).from else { return false };
            let from = environment.expand_patterns(&from);
            glob::matches(&from, sender) || !from.contains('+') && glob::matches(&from, &plain)
        };
        self.known.iter().find(is_for)
    }

    fn not_found(&self, name: &str) -> Fault {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let place = if files.is_empty() { "no configuration file available".into() } else { files.join(" and ") };
        let joint = if files.is_empty() { ": " } else { " in " };
        Fault::new(Exit::Config, format!("account {name} not found{joint}{place}"))
    }
}

/// The account that only the command line makes.
pub(super) fn of_command_line(options: &Options) -> Chosen {
    let mut settings = Settings::default();
    options.overrides.iter().for_each(|setting| setting.apply(&mut settings));
    Chosen { settings, origin: "account specified on command line".to_owned() }
}

/// `EMAIL` and `SMTPSERVER`, for those who configure nothing.
fn of_variables(options: &Options, environment: &Environment) -> Option<Chosen> {
    let mut settings = Settings::default();
    for (key, variable) in [("host", "SMTPSERVER"), ("from", "EMAIL")] {
        let key = Key::named(key).expect("both are keys");
        Setting::new(key, environment.variable(variable)?, environment).ok()?.apply(&mut settings);
    }
    options.overrides.iter().for_each(|setting| setting.apply(&mut settings));
    Some(Chosen { settings, origin: "account specified by EMAIL and SMTPSERVER".to_owned() })
}

fn without_detail(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or_default()),
        None => address.to_owned(),
    }
}

/// A file, unless there is none.
fn read(path: &Path, environment: &Environment, evaluate: Evaluate<'_>) -> Result<Option<ConfigFile>, Fault> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(unreadable(path, &error)),
    };
    let file = parse(path, &text, environment, evaluate).map_err(|error| {
        let exit = if matches!(error.wrong, Wrong::Eval(_)) { Exit::Io } else { Exit::Config };
        Fault::new(exit, error)
    })?;
    Ok(Some(file))
}

/// A home that is a file, or no directory at all, holds no configuration either.
fn is_absent(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    let exit = if error.kind() == std::io::ErrorKind::InvalidData { Exit::Config } else { Exit::Io };
    Fault::new(exit, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests;
