//! What a reviewer would otherwise have to say, said by a machine: sizes, marks for later, missing docs, white space.
//!
//! There are no exceptions and no list of old sins: a finding is mended. Lints that the compiler or clippy have are not
//! repeated here, with one exception: `unwrap` is looked for again, so that no `allow` brings it back.

mod map;
mod rust;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell;

/// Something to mend.
struct Finding {
    /// The file, from the root of the workspace.
    path: PathBuf,
    /// The line, counted from 1; 0 when it is the file as a whole.
    line: usize,
    /// What is wrong, and what would be right.
    what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path.display(), self.what),
            line => write!(f, "{}:{line}: {}", self.path.display(), self.what),
        }
    }
}

/// A text file of the repository.
struct Source {
    /// From the root of the workspace.
    path: PathBuf,
    /// Its whole content.
    text: String,
}

/// Prints every finding.
///
/// # Errors
/// When there is any.
pub(crate) fn run() -> Result<()> {
    let sources = sources()?;
    let mut findings = text::check(&sources);
    findings.extend(rust::check(&sources)?);
    findings.extend(map::check(&shell::root(), &sources));
    for finding in &findings {
        println!("{finding}");
    }
    let formatted = check_format();
    if !findings.is_empty() {
        bail!("tidy: {} findings in {} files", findings.len(), sources.len());
    }
    formatted
}

/// Every text file that is committed or about to be.
fn sources() -> Result<Vec<Source>> {
    let root = shell::root();
    let mut git = Command::new("git");
    let listed =
        shell::output(git.current_dir(&root).args(["ls-files", "--cached", "--others", "--exclude-standard"]))?;
    let mut sources = Vec::new();
    for path in listed.lines().map(PathBuf::from).filter(|path| !is_made_by_a_program(path)) {
        let whole = root.join(&path);
        if !whole.is_file() {
            continue;
        }
        let bytes = std::fs::read(&whole).with_context(|| format!("cannot read {}", path.display()))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}

/// Files whose every octet has a reason that is not ours: locks, snapshots, messages as they came.
fn is_made_by_a_program(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    path.starts_with("fuzz/corpus") || ["lock", "snap", "eml"].iter().any(|made| extension == *made)
}

fn check_format() -> Result<()> {
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        if shell::root().join(manifest).is_file() {
            shell::run(shell::cargo().args(["fmt", "--all", "--check", "--manifest-path", manifest]))?;
        }
    }
    Ok(())
}
