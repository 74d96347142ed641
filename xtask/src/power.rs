//! The proof that nothing is lost: `cargo xtask power`.
//!
//! Every part but one drives the real server, `rohrpost demo`, with mail over SMTP and keeps a list of what was answered
//! with 250. Then something goes wrong, and everything on the list must still be there:
//!
//! * [`kill`]: the process is killed at a random moment, many times over, and what it relays is counted;
//! * [`mailboxes`]: it is killed while clients change mailboxes over IMAP, half as often;
//! * [`images`]: every write and sync is recorded, and the disk is rebuilt as a power cut could have left it;
//! * [`order`]: in the same recording, no 250 comes before the sync that it rests on;
//! * [`errors`]: the disk refuses, fails, turns read-only or takes half.

mod client;
mod disk;
mod errors;
mod images;
mod kill;
mod mailboxes;
mod order;
mod recording;
mod server;
mod sink;
mod stored;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Result;

use crate::shell;

/// Rounds of killing that the gate plays.
pub(crate) const ROUNDS: u32 = 200;

/// Plays all parts.
///
/// # Errors
/// When a message that was acknowledged is lost, or a part cannot be played at all.
pub(crate) fn run(rounds: u32) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--locked", "--package", "rohrpost"]))?;
    part("kill", || kill::run(rounds))?;
    part("mailboxes", || mailboxes::run(rounds.div_ceil(2)))?;
    let recording = recording::record()?;
    part("order", || order::run(&recording))?;
    part("images", || images::run(&recording))?;
    part("errors", errors::run)
}

fn part(name: &str, play: impl FnOnce() -> Result<String>) -> Result<()> {
    let start = Instant::now();
    let result = play()?;
    println!("power: {name}: {result} ({:.0} s)", start.elapsed().as_secs_f64());
    Ok(())
}

/// A directory for one part, empty, on a disk in memory where there is one: what reaches the platters is not the
/// question, the order of the calls is.
fn directory(name: &str) -> Result<PathBuf> {
    let memory = PathBuf::from("/dev/shm");
    let base = if memory.is_dir() { memory } else { std::env::temp_dir() };
    let dir = base.join(format!("rohrpost-power-{}-{name}", std::process::id()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
