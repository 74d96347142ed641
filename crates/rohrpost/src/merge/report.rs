//! What became of everybody, over all runs of a merge: read back from its journal.

use std::{
    collections::HashMap,
    fmt, fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use rohrpost_mail::Seal;
use serde::Serialize;
use tempfile::NamedTempFile;

use super::journal::{Fate, Journal, Settled, Tally, Word};
use crate::exit::{Exit, Failure};

/// One recipient, as the report has it.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "line")]
    number: u64,
    recipient: &'a str,
    outcome: &'static str,
    server: Option<&'a str>,
    seal: Option<&'static str>,
    reply: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn new(row: &'a Settled, fate: &'a Fate) -> Self {
        Self {
            number: row.line,
            recipient: &fate.recipient,
            outcome: fate.outcome.as_str(),
            server: row.server.as_deref(),
            seal: row.seal.map(Seal::as_str),
            reply: fate.reply.as_deref(),
        }
    }
}

/// `10 delivered, 1 refused`
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Word::ALL.map(|word| (self.count(word), word));
        let there = counts.iter().filter(|(count, _)| *count > 0);
        let words: Vec<_> = there.map(|(count, word)| format!("{count} {}", word.as_str())).collect();
        if words.is_empty() { f.write_str("nothing sent") } else { f.write_str(&words.join(", ")) }
    }
}

/// A report that will be written: that it can be is known before anything is sent.
#[derive(Debug)]
pub(super) struct Report {
    path: PathBuf,
    /// What it is until it is whole, in the same folder.
    file: NamedTempFile,
}

impl Report {
    /// Makes its file, beside one of an earlier run.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let made = fs::metadata(folder).and_then(|_| NamedTempFile::new_in(folder));
        Ok(Self { path: path.to_owned(), file: made.map_err(|error| cannot(path, &error))? })
    }

    /// Writes it in the place of an older one, whole or not at all.
    pub(super) fn write(self, journal: &Journal) -> anyhow::Result<()> {
        let mut out = BufWriter::new(self.file.as_file());
        let ending = self.path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if ["json", "jsonl", "ndjson"].contains(&ending) {
            each(journal, |(row, fate)| {
                serde_json::to_writer(&mut out, &Line::new(row, fate))?;
                out.write_all(b"\n")
            })?;
        } else {
            let mut csv = csv::Writer::from_writer(&mut out);
            each(journal, |(row, fate)| csv.serialize(Line::new(row, fate)).map_err(io::Error::from))?;
            csv.flush().map_err(|error| cannot(&self.path, &error))?;
        }
        out.flush().map_err(|error| cannot(&self.path, &error))?;
        drop(out);
        self.file.persist(&self.path).map_err(|error| cannot(&self.path, &error.error))?;
        Ok(())
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::CannotCreate, format!("{}: {error}", path.display()))
}

/// Every recipient once, with the last that became of it.
fn each(journal: &Journal, mut tell: impl FnMut((&Settled, &Fate)) -> io::Result<()>) -> anyhow::Result<()> {
    let last = if journal.has_repeats() { last_places(journal)? } else { HashMap::new() };
    for (place, row) in journal.settled()?.enumerate() {
        let row = row?;
        if last.get(&row.row).is_none_or(|last| *last == place) {
            let told = row.recipients.iter().try_for_each(|fate| tell((&row, fate)));
            told.map_err(|error| Failure::new(Exit::CannotCreate, format!("the report: {error}")))?;
        }
    }
    Ok(())
}

/// Where the last line of each row stands that may have several.
fn last_places(journal: &Journal) -> anyhow::Result<HashMap<u64, usize>> {
    // Only rows that were not good at first can come again.
    let mut last = HashMap::new();
    for (place, row) in journal.settled()?.enumerate() {
        let row = row?;
        let is_open = |fate: &Fate| matches!(fate.outcome, Word::Deferred | Word::Unknown);
        if last.contains_key(&row.row) || row.recipients.iter().any(is_open) {
            last.insert(row.row, place);
        }
    }
    Ok(last)
}
