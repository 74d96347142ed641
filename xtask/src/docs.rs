//! `cargo xtask docs`: the configuration reference and the commented sample, made from doc comments.
//!
//! The manual of a setting is the doc comment of its field in `crates/rohrpost/src/config/file`; [`model`] reads those,
//! [`print`] writes `docs/configuration.md` and `docs/rohrpost.sample.toml`. A test here fails when somebody changed
//! one without the other.

mod model;
mod print;

use std::{fs, path::Path};

use anyhow::{Context, bail};

/// The files that are made, relative to the root of the workspace.
const REFERENCE: &str = "docs/configuration.md";
const SAMPLE: &str = "docs/rohrpost.sample.toml";

/// Writes both files, or with `check` only says whether they are as they should be.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    let config = model::read(&root.join("crates/rohrpost/src/config"))?;
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

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_and_the_sample_say_what_the_doc_comments_say() {
        super::run(true).unwrap();
    }
}
