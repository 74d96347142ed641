//! Licences, banned crates and sources, by cargo-deny and `deny.toml`.
//!
//! Not the advisory database: it cannot be reached from every machine that runs the gate, and a check that passes when
//! it cannot look is worse than none.

use anyhow::Result;

use crate::shell;
use crate::tools::Tool;

const CARGO_DENY: Tool = Tool { name: "cargo-deny", version: "0.20.*" };

/// Runs the three checks.
pub(crate) fn run() -> Result<()> {
    shell::run(CARGO_DENY.command()?.args([
        "--locked",
        "check",
        "--hide-inclusion-graph",
        "licenses",
        "bans",
        "sources",
    ]))
}
