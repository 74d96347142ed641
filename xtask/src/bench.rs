//! The comparison with other mail servers: runs `benches/compare` and writes `docs/benchmarks.md`.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::{programs, shell};

/// What stands between these two lines of the page is measured; the rest is written by hand.
const START: &str = "<!-- measured: from here on `cargo xtask bench` writes -->\n";
const END: &str = "<!-- measured: to here -->\n";

/// Measures with the build that packages have, and puts the table and its conditions into the page.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    programs::provide()?;
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--profile", "dist", "--package", "rohrpost", "--bench", "compare", "--"]);
    let table = shell::output(bench.args(arguments).stderr(std::process::Stdio::inherit()))?;
    print!("{table}");
    if arguments.is_empty() { write_page(&table) } else { Ok(()) }
}

fn write_page(table: &str) -> Result<()> {
    let path = shell::root().join("docs/benchmarks.md");
    let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let (before, rest) = page.split_once(START).context("the page has lost its first mark")?;
    let (_, after) = rest.split_once(END).context("the page has lost its last mark")?;
    let measured = format!("{before}{START}\n{}\n{table}\n{END}{after}", conditions()?);
    std::fs::write(&path, measured).with_context(|| format!("cannot write {}", path.display()))
}

/// The machine and the versions, without which no figure means anything.
fn conditions() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = shell::output(std::process::Command::new("uname").arg("-sr"))?;
    let compiler = shell::output(std::process::Command::new("rustc").arg("--version"))?;
    let commit = shell::output(std::process::Command::new("git").args(["rev-parse", "--short", "HEAD"]))?;
    let processor = std::fs::read_to_string("/proc/cpuinfo")?;
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let mut text = String::new();
    for (what, value) in [
        ("processor", format!("{} cores of {}", cores, processor.trim_start_matches([' ', '\t', ':']))),
        ("kernel", kernel),
        ("compiler", compiler),
        ("commit", commit),
    ] {
        writeln!(text, "- {what}: {}", value.trim())?;
    }
    Ok(text)
}
