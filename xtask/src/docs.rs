//! `cargo xtask docs`: the configuration reference and the commented sample, made from doc comments.
//!
//! The manual of a setting is the doc comment of its field in `crates/rohrpost/src/config/file`; [`model`] reads those,
//! [`print`] writes `docs/configuration.md` and `docs/rohrpost.sample.toml`. A test here fails when somebody changed
//! one without the other.

pub(crate) mod model;
mod print;

use std::fs;

use anyhow::{Context, bail};

use crate::shell;

/// The files that are made, relative to the root of the workspace.
const REFERENCE: &str = "docs/configuration.md";
pub(crate) const SAMPLE: &str = "docs/rohrpost.sample.toml";

/// Writes both files, or with `check` only says whether they are as they should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let root = shell::root();
    let config = settings()?;
    for (file, text) in [(REFERENCE, print::reference(&config)), (SAMPLE, print::sample(&config))] {
        let path = root.join(file);
        if fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            bail!("{file} is not what the doc comments say: run `cargo xtask docs`");
        }
        fs::create_dir_all(path.parent().context("docs has a parent")?)?;
        fs::write(&path, text).with_context(|| format!("cannot write {file}"))?;
        println!("wrote {file}");
    }
    Ok(())
}

/// The settings, from their source.
pub(crate) fn settings() -> anyhow::Result<model::Table> {
    model::read(&shell::root().join("crates/rohrpost/src/config"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_and_the_sample_say_what_the_doc_comments_say() {
        super::run(true).unwrap();
    }
}
