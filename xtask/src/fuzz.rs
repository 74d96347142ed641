//! Builds and runs every fuzz target of `fuzz/`, by cargo-fuzz.
//!
//! libFuzzer wants flags that a stable compiler takes only when told so, hence `RUSTC_BOOTSTRAP`. The corpus in the
//! repository is read; what a run finds goes to the target directory and serves the next run there.

use std::process::Command;

use anyhow::{Result, bail};

use crate::tools::Tool;
use crate::{programs, shell};

/// Seconds of fuzzing that the gate spends, shared by all targets.
pub(crate) const SECONDS: u64 = 300;

const CARGO_FUZZ: Tool = Tool { name: "cargo-fuzz", version: "0.13.*" };

/// Fuzzes each target for its share of `seconds`.
///
/// # Errors
/// A target that crashes, leaks or hangs. Its input is below `fuzz/artifacts/`, and cargo-fuzz prints how to run it.
pub(crate) fn run(seconds: u64) -> Result<()> {
    programs::provide_for_fuzzing()?;
    let listed = shell::output(cargo_fuzz()?.arg("list"))?;
    let targets: Vec<&str> = listed.split_whitespace().collect();
    let Some(share) = seconds.checked_div(targets.len() as u64).filter(|share| *share > 0) else {
        bail!("{seconds} seconds cannot be shared by {} targets", targets.len());
    };
    shell::run(with_build_flags(cargo_fuzz()?.arg("build")))?;
    for target in targets {
        run_target(target, share)?;
    }
    Ok(())
}

fn run_target(target: &str, seconds: u64) -> Result<()> {
    let found = shell::target().join("fuzz/corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let mut command = cargo_fuzz()?;
    with_build_flags(command.arg("run")).arg(target).arg(found);
    command.arg(shell::root().join("fuzz/corpus").join(target));
    command.args([
        "--",
        &format!("-max_total_time={seconds}"),
        "-timeout=10",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        "-verbosity=0",
    ]);
    shell::run(command.env("CARGO_TERM_QUIET", "true"))
}

fn cargo_fuzz() -> Result<Command> {
    let mut command = CARGO_FUZZ.command()?;
    command.env("RUSTC_BOOTSTRAP", "1");
    Ok(command)
}

fn with_build_flags(command: &mut Command) -> &mut Command {
    command.arg("--target-dir").arg(shell::target().join("fuzz"))
}
