//! `cargo xtask deb`: the Debian packages, in `target/deb`.
//!
//! What they are is said in `packaging/debian`, in the words of debhelper, so that it looks like any other package to
//! who knows Debian. This task lays the program, its pages and the rest beside a copy of that directory, writes the
//! two files that follow from elsewhere (change log and [`copyright`]), and lets debhelper do its work.
//!
//! The packages are made for the machine that makes them; nothing is installed.

mod copyright;
mod licence;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{docs, man, programs, release, shell};

/// The revision of our packaging of one version. It sorts before `1`, with which Debian's own would begin.
const REVISION: &str = "0upstream1";

/// Shells, and the names that their completions must have.
const COMPLETIONS: &[(&str, &str)] = &[("bash", "rohrpost"), ("zsh", "_rohrpost"), ("fish", "rohrpost.fish")];

/// Files of the repository that debhelper finds beside `debian`: from, to.
const FILES: &[(&str, &str)] = &[
    ("packaging/debian", "debian"),
    ("packaging/apparmor", "apparmor"),
    ("packaging/systemd/rohrpost.service", "debian/rohrpost.service"),
    ("packaging/systemd/rohrpost.tmpfiles", "debian/rohrpost.tmpfiles"),
    ("packaging/systemd/rohrpost.sysusers", "debian/rohrpost.sysusers"),
    ("packaging/systemd/rohrpost.socket", "rohrpost.socket"),
    ("packaging/debian/rohrpost.toml", "rohrpost.toml"),
    (docs::SAMPLE, "rohrpost.sample.toml"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("docs", "docs"),
];

/// Makes the packages of `binary`, in `folder`.
pub(crate) fn run(binary: Option<PathBuf>, folder: Option<PathBuf>) -> Result<()> {
    programs::provide_for_packages()?;
    let binary = release::binary(binary)?;
    let folder = folder.unwrap_or_else(|| shell::target().join("deb"));
    let stage = folder.join("stage");
    if stage.exists() {
        fs::remove_dir_all(&stage).with_context(|| stage.display().to_string())?;
    }
    fs::create_dir_all(&stage).with_context(|| stage.display().to_string())?;
    furnish(&stage, &binary)?;
    let mut rules = Command::new("debian/rules");
    // `dh_builddeb` puts the packages beside the directory that it works in.
    shell::run(rules.arg("binary").current_dir(&stage).env("DEB_RULES_REQUIRES_ROOT", "no"))?;
    fs::remove_dir_all(&stage)?;
    println!("the packages are in {}", folder.display());
    Ok(())
}

/// Lays out all that goes into the packages.
fn furnish(stage: &Path, binary: &Path) -> Result<()> {
    for (from, to) in FILES {
        copy(&shell::root().join(from), &stage.join(to))?;
    }
    copy(binary, &stage.join("rohrpost"))?;
    man::write(binary, &stage.join("man"))?;
    let completions = stage.join("completions");
    fs::create_dir(&completions)?;
    for (shell, name) in COMPLETIONS {
        let script = shell::output(Command::new(binary).args(["completions", shell]))?;
        fs::write(completions.join(name), script)?;
    }
    fs::write(stage.join("debian/copyright"), copyright::text()?)?;
    Ok(fs::write(stage.join("debian/changelog"), changelog()?)?)
}

/// One entry, for this version: what has changed stands in `CHANGELOG.md`, which goes into the package too.
fn changelog() -> Result<String> {
    let version = release::VERSION;
    let date = release::date("%a, %d %b %Y %H:%M:%S +0000")?;
    let control = fs::read_to_string(shell::root().join("packaging/debian/control"))?;
    let maintainer = control.lines().find_map(|line| line.strip_prefix("Maintainer: "));
    let maintainer = maintainer.context("packaging/debian/control names a maintainer")?;
    Ok(format!(
        "rohrpost ({version}-{REVISION}) unstable; urgency=medium\n\n  * Version {version}.\n\n -- {maintainer}  {date}\n"
    ))
}

/// Copies a file, or a folder with all that lies in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| from.display().to_string())?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
