//! Cargo subcommands that the gate runs. A missing one is built once, into the user's cache, and shared by all clones.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// A cargo subcommand from the registry.
pub(crate) struct Tool {
    /// The package and program, `cargo-…`.
    pub(crate) name: &'static str,
    /// The line of versions that the gate is written for.
    pub(crate) version: &'static str,
}

impl Tool {
    /// The program, after building it where it is missing.
    pub(crate) fn command(&self) -> Result<Command> {
        let program = self.program()?;
        if !self.fits(&program) {
            self.install()?;
        }
        let mut command = Command::new(program);
        command.current_dir(shell::root());
        Ok(command)
    }

    fn program(&self) -> Result<PathBuf> {
        Ok(shell::cache()?.join("tools/bin").join(self.name))
    }

    fn fits(&self, program: &PathBuf) -> bool {
        let wanted = self.version.trim_end_matches('*');
        shell::output(Command::new(program).arg("--version"))
            .is_ok_and(|text| text.split_whitespace().any(|word| word.starts_with(wanted)))
    }

    fn install(&self) -> Result<()> {
        let root = shell::cache()?.join("tools");
        let mut cargo = shell::cargo();
        cargo.args(["install", self.name, "--version", self.version, "--locked", "--force", "--root"]).arg(root);
        shell::run(&mut cargo)
    }
}
