//! What is released: the version, the day, and the program that packages are made of.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// The version of the workspace, of which this program is a part.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// When the last change was made, as `date` writes it: `SOURCE_DATE_EPOCH` where that is set, else the last commit.
/// So the same source makes the same package.
pub(crate) fn date(format: &str) -> Result<String> {
    let epoch = match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(epoch) => epoch,
        Err(_) => shell::output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(shell::root()))?,
    };
    let epoch = format!("@{}", epoch.trim());
    let date = shell::output(Command::new("date").env("LC_ALL", "C").args([
        "--utc",
        "--date",
        &epoch,
        &format!("+{format}"),
    ]))?;
    Ok(date.trim().to_owned())
}

/// The program, optimised as a whole: built unless one is named.
pub(crate) fn binary(named: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(binary) = named {
        return binary.canonicalize().with_context(|| binary.display().to_string());
    }
    shell::run(shell::cargo().args(["build", "--profile", "dist", "--locked", "--package", "rohrpost"]))?;
    Ok(shell::target().join("dist/rohrpost"))
}
