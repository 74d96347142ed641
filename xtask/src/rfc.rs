//! `cargo xtask rfc`: the list of standards, made from [`table`] and from the citations in the code.
//!
//! The table says of each RFC what of it is in, and why the rest is not; which crates read it is seen in their sources.
//! Tests here fail when code cites an RFC that the table does not know, when the table claims one that no code cites,
//! and when the page is another one than they make.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::shell;
use table::{AREAS, Area, Row, Support};

/// The page, relative to the root of the workspace.
const PAGE: &str = "docs/rfc.md";

/// Crates that cite an RFC, by its number. Their names are without the common prefix.
type Citations = BTreeMap<u32, BTreeSet<String>>;

/// Writes the page, or with `check` only says whether it is as it should be.
///
/// # Errors
/// When table and citations disagree, or the page is not as it should be.
pub(crate) fn run(check: bool) -> Result<()> {
    let citations = citations()?;
    let faults = faults(&citations);
    for fault in &faults {
        println!("rfc: {fault}");
    }
    if !faults.is_empty() {
        bail!("rfc: {} rows of the table and the code disagree", faults.len());
    }
    let (path, page) = (shell::root().join(PAGE), page(&citations));
    if fs::read_to_string(&path).is_ok_and(|old| old == page) {
        return Ok(());
    }
    if check {
        bail!("{PAGE} is not what table and code say: run `cargo xtask rfc`");
    }
    fs::write(&path, page).with_context(|| format!("cannot write {PAGE}"))?;
    println!("wrote {PAGE}");
    Ok(())
}

/// What code and table say differently.
fn faults(citations: &Citations) -> Vec<String> {
    let rows: BTreeMap<u32, &Row> = AREAS.iter().flat_map(|area| area.rows).map(|row| (row.number, row)).collect();
    let unknown = citations.iter().filter(|(number, _)| !rows.contains_key(number));
    let mut faults: Vec<String> = unknown
        .map(|(number, crates)| format!("RFC {number} is cited in {} and not in the table", list(crates)))
        .collect();
    let claimed = rows.values().filter(|row| matches!(row.support, Support::Full | Support::Part));
    faults.extend(
        claimed
            .filter(|row| !citations.contains_key(&row.number))
            .map(|row| format!("RFC {} is claimed in the table and cited nowhere", row.number)),
    );
    faults
}

fn page(citations: &Citations) -> String {
    let mut page = String::from(
        "# Standards\n\n\
         Each RFC that Rohrpost knows: what of it is in, and why the rest is not. Beside it stand the crates (without \
         `rohrpost-`) whose code\ncites it, by section, where it does what the RFC says. *Used* are RFCs that only \
         lend words, forms or test vectors.\n\n\
         This page is made by `cargo xtask rfc`; the words are in `xtask/src/rfc/table.rs`.\n",
    );
    for area in AREAS {
        section(&mut page, area, citations);
    }
    page
}

fn section(page: &mut String, area: &Area, citations: &Citations) {
    page.push_str(&format!(
        "\n## {}\n\n| RFC | about | in | what of it, or why not | crates |\n|---|---|---|---|---|\n",
        area.title
    ));
    for Row { number, title, support, note } in area.rows {
        let crates = citations.get(number).map_or_else(|| "–".to_owned(), list);
        page.push_str(&format!("| {number} | {title} | {} | {note} | {crates} |\n", support.word()));
    }
}

fn list(crates: &BTreeSet<String>) -> String {
    crates.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// What the sources of all crates cite.
fn citations() -> Result<Citations> {
    let crates = shell::root().join("crates");
    let mut citations = Citations::new();
    for entry in fs::read_dir(&crates).context("cannot list crates")? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let name = name.strip_prefix("rohrpost-").unwrap_or(&name).to_owned();
        read_folder(&entry.path(), &mut |text| {
            for number in cited(text) {
                citations.entry(number).or_default().insert(name.clone());
            }
        })?;
    }
    Ok(citations)
}

/// Hands out every Rust source below a folder.
fn read_folder(folder: &Path, each: &mut impl FnMut(&str)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            read_folder(&path, each)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            each(&fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?);
        }
    }
    Ok(())
}

/// The numbers behind each `RFC` of a text.
fn cited(text: &str) -> impl Iterator<Item = u32> {
    text.match_indices("RFC ").filter_map(|(place, word)| {
        let digits = &text[place + word.len()..];
        let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        digits[..end].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_says_what_table_and_code_say() {
        run(true).unwrap();
    }

    #[test]
    fn rows_are_in_order_and_each_once() {
        for area in AREAS {
            assert!(area.rows.is_sorted_by(|one, next| one.number < next.number), "{}", area.title);
        }
        let mut seen = BTreeSet::new();
        for row in AREAS.iter().flat_map(|area| area.rows) {
            assert!(seen.insert(row.number), "RFC {} stands twice", row.number);
            assert!(!row.note.contains('|') && !row.title.contains('|'), "RFC {} would break its row", row.number);
        }
    }

    #[test]
    fn a_citation_that_the_table_does_not_know_is_found() {
        let text = "/// RFC 5321 §4.5 and RFC 1149; an RFC of no number.";
        assert_eq!(cited(text).collect::<Vec<_>>(), [5_321, 1_149]);
        let mut citations = citations().unwrap();
        assert_eq!(faults(&citations), Vec::<String>::new());
        citations.entry(1_149).or_default().insert("smtp".into());
        assert_eq!(faults(&citations), ["RFC 1149 is cited in smtp and not in the table"]);
    }

    #[test]
    fn a_claim_without_code_is_found() {
        let mut citations = citations().unwrap();
        citations.remove(&9_051);
        assert_eq!(faults(&citations), ["RFC 9051 is claimed in the table and cited nowhere"]);
    }
}
