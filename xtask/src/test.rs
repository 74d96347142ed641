//! Every test, in the one build profile that both commands of the README share.

use anyhow::{Context, Result};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::{programs, shell};

/// Open files that the tests may need at once: some hold thousands of connections.
const OPEN_FILES: u64 = 65_536;

/// Finds the programs first, so that nobody waits for a build to learn that one is missing; then builds and tests.
pub(crate) fn run() -> Result<()> {
    programs::provide()?;
    raise_open_files()?;
    shell::run(shell::cargo().args(["build", "--release", "--locked", "--workspace", "--bins"]))?;
    let runner: &[&str] = if has_nextest() { &["nextest", "run"] } else { &["test", "--lib", "--bins", "--tests"] };
    shell::run(shell::cargo().args(runner).args(["--release", "--locked", "--workspace"]))?;
    shell::run(shell::cargo().args(["test", "--doc", "--release", "--locked", "--workspace"]))
}

/// nextest gives each test a process and a time limit of its own; plain `cargo test` runs the same tests without it.
fn has_nextest() -> bool {
    shell::succeeds(shell::cargo().args(["nextest", "--version"]))
}

/// Raises the limit for us and so for every test: as far as [`OPEN_FILES`] as root, else as far as we may.
fn raise_open_files() -> Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).context("cannot read the limit of open files")?;
    if soft >= OPEN_FILES {
        return Ok(());
    }
    if hard < OPEN_FILES && setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, OPEN_FILES).is_ok() {
        return Ok(());
    }
    let limit = OPEN_FILES.min(hard);
    setrlimit(Resource::RLIMIT_NOFILE, limit, hard).context("cannot raise the limit of open files")
}
