//! The comparison with other mail servers and senders: runs `benches/compare` and writes `docs/benchmarks.md`.

use std::fmt::Write as _;

use anyhow::{Context, Result};

use crate::{programs, shell};

/// A table of the page. What stands between its two lines is measured; the rest is written by hand.
struct Table {
    /// Its name on the command line of the benchmark.
    name: &'static str,
    start: &'static str,
    end: &'static str,
}

const SERVER: Table = Table {
    name: "server",
    start: "<!-- measured: from here on `cargo xtask bench` writes -->\n",
    end: "<!-- measured: to here -->\n",
};
const CLIENT: Table = Table {
    name: "client",
    start: "<!-- measured: from here on `cargo xtask bench client` writes -->\n",
    end: "<!-- measured by `cargo xtask bench client`: to here -->\n",
};

const MAILBOX: Table = Table {
    name: "mailbox",
    start: "<!-- measured: from here on `cargo xtask bench mailbox` writes -->\n",
    end: "<!-- measured by `cargo xtask bench mailbox`: to here -->\n",
};

/// Measures with the build that packages have, and puts the table and its conditions into the page.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    programs::provide()?;
    let (table, arguments) = match arguments.split_first() {
        Some((first, rest)) if first == CLIENT.name => (CLIENT, rest),
        Some((first, rest)) if first == MAILBOX.name => (MAILBOX, rest),
        _ => (SERVER, arguments),
    };
    let mut bench = shell::cargo();
    bench.args(["bench", "--locked", "--profile", "dist", "--package", "rohrpost", "--bench", "compare", "--"]);
    let rows = shell::output(bench.arg(table.name).args(arguments).stderr(std::process::Stdio::inherit()))?;
    print!("{rows}");
    if arguments.is_empty() { table.write(&rows) } else { Ok(()) }
}

impl Table {
    fn write(&self, rows: &str) -> Result<()> {
        let path = shell::root().join("docs/benchmarks.md");
        let page = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let (before, rest) = page.split_once(self.start).context("the page has lost the first mark of this table")?;
        let (_, after) = rest.split_once(self.end).context("the page has lost the last mark of this table")?;
        let measured = format!("{before}{}\n{}\n{rows}\n{}{after}", self.start, conditions()?, self.end);
        std::fs::write(&path, measured).with_context(|| format!("cannot write {}", path.display()))
    }
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
