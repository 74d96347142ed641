//! Debian's package tools, as far as the tests need them: install, download, unpack.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Installs ordinary packages on the host.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    update()?;
    shell::run(apt_get().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Brings the package lists up to date. A fresh machine has none.
pub(crate) fn update() -> Result<()> {
    shell::run(apt_get().args(["--quiet", "--quiet", "update"]))
}

/// The libraries that installing a package would add to the host. Nothing is changed.
pub(crate) fn lacking_libraries(package: &str) -> Result<Vec<String>> {
    let plan = shell::output(apt_get().args(["--simulate", "--no-install-recommends", "install", package]))?;
    let added = plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    Ok(added.filter(|name| name.starts_with("lib")).map(str::to_owned).collect())
}

/// Downloads packages into a directory and unpacks all of them below it.
pub(crate) fn unpack(packages: &[&str], into: &Path) -> Result<()> {
    std::fs::create_dir_all(into).with_context(|| format!("cannot create {}", into.display()))?;
    shell::run(apt_get().args(["--quiet", "--quiet", "download"]).args(packages).current_dir(into))?;
    for entry in std::fs::read_dir(into)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            shell::run(Command::new("dpkg").arg("--extract").arg(&path).arg(into))?;
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    // Without a sandbox user there is no warning about directories that `_apt` may not enter.
    command.args(["--option", "APT::Sandbox::User=root"]);
    command
}
