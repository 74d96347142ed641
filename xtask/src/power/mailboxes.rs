//! The server is killed while clients change mailboxes: a test of `crates/rohrpost` plays it, here with more rounds.

use anyhow::{Context, Result};

use crate::shell;

/// Lets the test play so many rounds, in the build that all tests share, and hands back its figures.
pub(super) fn run(rounds: u32) -> Result<String> {
    let mut cargo = shell::cargo();
    cargo.args([
        "test",
        "--release",
        "--locked",
        "--workspace",
        "--test",
        "it",
        "--",
        "mailboxes_killed",
        "--nocapture",
    ]);
    let printed = shell::output(cargo.env("ROHRPOST_KILLS", rounds.to_string()))?;
    let figures = printed.lines().find(|line| line.contains(" kills, "));
    Ok(figures.context("the test said nothing")?.to_owned())
}
