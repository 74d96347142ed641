//! What became of an import.

use std::{collections::BTreeMap, fmt, path::Path};

use serde::Serialize;
use serde_json::json;

use super::limits::FAULTS_KEPT_MAX;
use crate::{
    cli::Output,
    commands::{print, print_json},
    view,
};

/// Figures by mailbox, and what was wrong.
#[derive(Debug)]
pub(super) struct Report {
    is_rehearsal: bool,
    mailboxes: BTreeMap<String, Figures>,
    faults: Vec<Fault>,
    /// Faults that were not kept.
    more_faults: u64,
    lost: u64,
}

/// What became of the messages for one mailbox.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Filed now, or to be filed.
    pub(crate) imported: u64,
    /// Filed by an earlier run.
    pub(crate) known: u64,
    /// Left out because the mailbox has them.
    pub(crate) duplicates: u64,
    /// Left out because Thunderbird had deleted them: they were only still in the file.
    pub(crate) deleted: u64,
}

/// Something wrong with a message, or with a folder.
#[derive(Debug, Serialize)]
pub(crate) struct Fault {
    /// Where it is.
    pub(crate) place: String,
    /// What is wrong.
    pub(crate) why: String,
    /// Whether it could not be imported.
    pub(crate) is_lost: bool,
}

impl Fault {
    /// What is there cannot be imported.
    pub(super) fn lost(path: &Path, why: impl fmt::Display) -> Self {
        Self { place: path.display().to_string(), why: why.to_string(), is_lost: true }
    }
}

/// A line of JSON about a mailbox.
#[derive(Serialize)]
struct Line<'a> {
    mailbox: &'a str,
    #[serde(flatten)]
    figures: Figures,
    dry_run: bool,
}

impl Report {
    pub(super) fn new(is_rehearsal: bool) -> Self {
        Self { is_rehearsal, mailboxes: BTreeMap::new(), faults: Vec::new(), more_faults: 0, lost: 0 }
    }

    /// The figures of a mailbox.
    pub(super) fn of(&mut self, mailbox: &str) -> &mut Figures {
        self.mailboxes.entry(mailbox.to_owned()).or_default()
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    /// Something is wrong.
    pub(super) fn add(&mut self, fault: Fault) {
        self.lost += u64::from(fault.is_lost);
        if self.faults.len() < FAULTS_KEPT_MAX {
            self.faults.push(fault);
        } else {
            self.more_faults += 1;
        }
    }

    /// Whether something could not be imported.
    pub(super) fn has_faults(&self) -> bool {
        self.lost > 0
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        if output.json {
            let line = |(mailbox, figures): (&'_ String, &Figures)| {
                serde_json::to_value(Line { mailbox: mailbox.as_str(), figures: *figures, dry_run: self.is_rehearsal })
            };
            let lines = self.mailboxes.iter().map(line).chain(self.faults.iter().map(serde_json::to_value));
            let more = (self.more_faults > 0).then(|| Ok(json!({ "more_faults": self.more_faults })));
            return print_json(lines.chain(more).collect::<Result<Vec<_>, _>>()?);
        }
        let mut text = view::moving::imported(&self.mailboxes, self.is_rehearsal);
        if self.lost > 0 {
            text.push_str(&format!(
                "{}: mail that was not imported; it is where it was\n",
                view::count(self.lost, "fault")
            ));
        }
        print(&text)
    }
}
