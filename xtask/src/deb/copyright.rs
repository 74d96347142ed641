//! `debian/copyright`: whose code is in the program, and under which licences.
//!
//! A Rust program has its libraries in it, so their licences go with it. The list is made of the crates that cargo
//! links, their manifests and their own licence files; nothing of it is kept by hand but SQLite, which no manifest
//! mentions. <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::licence;
use crate::shell;

const HEAD: &str = "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Rohrpost
Comment: The program contains the libraries below; debian/copyright names them as
 vendor/NAME-VERSION. Where one offers several licences, the one that is taken is
 named.

Files: *
Copyright: Rohrpost contributors
License: Expat or Apache-2.0

Files: vendor/libsqlite3-sys-*/sqlite3/*
Copyright: none, by dedication of its authors
License: public-domain
 The authors of SQLite have dedicated it to the public domain:
 <https://sqlite.org/copyright.html>
";

const APACHE: &str = "\
On Debian systems the text of the Apache License, version 2.0, is in
/usr/share/common-licenses/Apache-2.0.";

/// What makes cargo list the crates whose code is in the program.
const LINKED: &str = "tree --locked --package rohrpost --edges normal,no-proc-macro --prefix none --format {p}";

/// What cargo knows about a crate.
#[derive(Deserialize)]
struct Crate {
    name: String,
    version: String,
    license: Option<String>,
    authors: Vec<String>,
    manifest_path: PathBuf,
}

/// The whole file.
pub(super) fn text() -> Result<String> {
    let crates = crates()?;
    let mut text = HEAD.to_owned();
    let mut taken = BTreeSet::from(["MIT", "Apache-2.0"]);
    for one in &crates {
        let licences = one.licences()?;
        text.push_str(&one.stanza(&licences)?);
        taken.extend(licences);
    }
    for id in taken {
        let name = licence::debian_name(id).context("it was taken")?;
        text.push_str(&format!("\nLicense: {name}\n{}", licence_text(id, &crates)?));
    }
    Ok(text)
}

/// The crates of others that are linked into the program.
fn crates() -> Result<Vec<Crate>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Crate>,
    }
    let metadata = shell::output(shell::cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Metadata = serde_json::from_str(&metadata).context("cannot read what `cargo metadata` says")?;
    let linked = shell::output(shell::cargo().args(LINKED.split(' ')))?;
    let linked: BTreeSet<_> =
        linked.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    let is_linked = |one: &Crate| linked.contains(&format!("{} v{}", one.name, one.version));
    let is_ours = |one: &Crate| one.manifest_path.starts_with(shell::root());
    let mut crates: Vec<_> = metadata.packages.into_iter().filter(|one| is_linked(one) && !is_ours(one)).collect();
    crates.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(crates)
}

impl Crate {
    fn licences(&self) -> Result<BTreeSet<&'static str>> {
        let expression = self.license.as_deref().with_context(|| format!("{} names no licence", self.name))?;
        licence::taken(expression).with_context(|| self.name.clone())
    }

    fn stanza(&self, licences: &BTreeSet<&str>) -> Result<String> {
        let names: Vec<_> = licences.iter().filter_map(|id| licence::debian_name(id)).collect();
        let mut stanza = format!(
            "\nFiles: vendor/{}-{}/*\nCopyright: {}\nLicense: {}\n",
            self.name,
            self.version,
            self.holders()?.join("\n "),
            names.join(" and ")
        );
        for notice in self.files(&["NOTICE"])? {
            stanza.push_str(&format!("Comment: Its NOTICE says:\n{}", indented(&notice)));
        }
        Ok(stanza)
    }

    /// Who holds the rights: as the licence files say, else the manifest.
    fn holders(&self) -> Result<Vec<String>> {
        let mut holders: Vec<String> = Vec::new();
        for file in self.files(&["LICEN", "COPY", "NOTICE"])? {
            for holder in file.lines().filter_map(holder) {
                if !holders.iter().any(|known| known == holder) {
                    holders.push(holder.to_owned());
                }
            }
        }
        if holders.is_empty() {
            holders.clone_from(&self.authors);
        }
        if holders.is_empty() {
            holders.push(format!("the authors of {}", self.name));
        }
        Ok(holders)
    }

    /// The texts of its files whose names begin so, in the order of their names.
    fn files(&self, beginnings: &[&str]) -> Result<Vec<String>> {
        let folder = self.manifest_path.parent().unwrap_or(Path::new("."));
        let mut files: Vec<_> =
            fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        let begins = |file: &PathBuf| {
            let name = file.file_name().unwrap_or_default().to_string_lossy().to_uppercase();
            file.is_file() && beginnings.iter().any(|beginning| name.starts_with(beginning))
        };
        files.retain(begins);
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).with_context(|| file.display().to_string())).collect()
    }
}

/// The holder in a line such as `Copyright (c) 2020 Ann Example`; the word alone is part of a sentence.
fn holder(line: &str) -> Option<&str> {
    let line = line.trim_matches(|c: char| c.is_whitespace() || matches!(c, '*' | '#' | '/' | '-' | '"'));
    let rest =
        line.strip_prefix("Copyright").or_else(|| line.strip_prefix("COPYRIGHT"))?.trim_start_matches([':', ' ']);
    let rest = ["(c)", "(C)", "©"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest).trim();
    let is_statement = rest.starts_with(|c: char| c.is_ascii_digit()) || line.contains("(c)") || line.contains("©");
    (is_statement && !rest.is_empty() && !rest.contains(['[', '{'])).then_some(rest)
}

/// The text of a licence without the names of its holders, which stand with their crates.
fn licence_text(id: &str, crates: &[Crate]) -> Result<String> {
    let text = match id {
        "Apache-2.0" => APACHE.to_owned(),
        "MIT" => fs::read_to_string(shell::root().join("LICENSE-MIT"))?,
        _ => {
            let only = crates.iter().filter(|one| one.license.as_deref() == Some(id));
            let texts = only.map(|one| Ok(one.files(&["LICEN"])?.concat())).collect::<Result<Vec<_>>>()?;
            // What is longer says more than the licence.
            let shortest = texts.into_iter().filter(|text| !text.is_empty()).min_by_key(String::len);
            shortest.with_context(|| format!("no crate brings the text of {id}"))?
        }
    };
    let mut lines: Vec<_> = text.trim().lines().filter(|line| holder(line).is_none()).collect();
    lines.dedup_by(|next, line| next.is_empty() && line.is_empty());
    Ok(indented(lines.join("\n").trim()))
}

/// Lines of a field: each begins with a blank, an empty one is a full stop.
fn indented(text: &str) -> String {
    let lines = text.trim_end().lines().map(str::trim_end);
    lines.map(|line| if line.is_empty() { " .\n".to_owned() } else { format!(" {line}\n") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holders_are_read_from_statements_and_not_from_sentences() {
        let table = [
            ("Copyright (c) 2020 Ann Example", Some("2020 Ann Example")),
            ("   Copyright 2016 Bob", Some("2016 Bob")),
            ("COPYRIGHT © 1991-2024 Unicode, Inc.", Some("1991-2024 Unicode, Inc.")),
            ("// Copyright (c) The Authors", Some("The Authors")),
            ("Copyright [yyyy] [name of copyright owner]", None),
            ("copyright notice that is included in", None),
            ("Copyright License. Subject to the terms", None),
        ];
        for (line, expected) in table {
            assert_eq!(holder(line), expected, "{line}");
        }
    }

    #[test]
    fn every_line_of_a_field_is_a_continuation() {
        assert_eq!(indented("a\n\n  b\n"), " a\n .\n   b\n");
    }
}
