//! The configuration: [`file`] is the TOML as written, [`resolve`] what it means, [`fault`] what is wrong with it,
//! [`restart`] what a running server does not take from it.
//!
//! [`read`] does all three; nothing else in the program looks at the file.

pub(crate) mod fault;
pub(crate) mod file;
pub(crate) mod resolve;
pub(crate) mod restart;
pub(crate) mod units;

use std::{fs, path::Path};

use self::fault::Locator;
pub(crate) use self::{
    fault::{ConfigError, KeyPath},
    resolve::Settings,
};

/// Where the configuration is looked for when the command line names no file.
pub(crate) const DEFAULT_FILE: &str = "/etc/rohrpost/rohrpost.toml";

/// The commented sample, made from the doc comments in [`file`] by `cargo xtask docs`.
pub(crate) const SAMPLE: &str = include_str!("../../../docs/rohrpost.sample.toml");

/// Reads and resolves the file.
pub(crate) fn read(file: &Path) -> Result<Settings, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { file: file.to_owned(), error };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    parse(file, &text)
}

/// Resolves `text`; `file` names it in errors, and relative paths start from its folder.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Settings, ConfigError> {
    let locator = Locator { file: file.to_owned(), text };
    let config =
        toml::from_str::<file::Config>(text).map_err(|error| ConfigError::Faults(vec![locator.syntax(&error)]))?;
    let folder = file.parent().unwrap_or(Path::new("."));
    resolve::resolve(config, folder).map_err(|faults| {
        let mut located: Vec<_> = faults.iter().map(|fault| locator.meaning(fault)).collect();
        located.sort_by_key(fault::Located::line);
        ConfigError::Faults(located)
    })
}

#[cfg(test)]
mod tests;
