//! What became of an import.

use std::collections::BTreeMap;

use serde::Serialize;

use super::limits::FAULTS_SHOWN_MAX;
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
}

/// Something wrong with a message.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    /// Where it is.
    pub(super) place: String,
    /// What is wrong.
    pub(super) why: String,
    /// Whether it could not be imported.
    pub(super) is_lost: bool,
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
        Self { is_rehearsal, mailboxes: BTreeMap::new(), faults: Vec::new(), lost: 0 }
    }

    /// The figures of a mailbox.
    pub(super) fn of(&mut self, mailbox: &str) -> &mut Figures {
        self.mailboxes.entry(mailbox.to_owned()).or_default()
    }

    /// Something is wrong.
    pub(super) fn add(&mut self, fault: Fault) {
        self.lost += u64::from(fault.is_lost);
        if self.faults.len() < FAULTS_SHOWN_MAX {
            self.faults.push(fault);
        }
    }

    /// Whether a message could not be imported.
    pub(super) fn has_faults(&self) -> bool {
        self.lost > 0
    }

    pub(super) fn print(&self, output: Output) -> anyhow::Result<()> {
        if output.json {
            let line = |(mailbox, figures): (&'_ String, &Figures)| {
                serde_json::to_value(Line { mailbox: mailbox.as_str(), figures: *figures, dry_run: self.is_rehearsal })
            };
            let lines = self.mailboxes.iter().map(line).chain(self.faults.iter().map(serde_json::to_value));
            return print_json(lines.collect::<Result<Vec<_>, _>>()?);
        }
        let mut text = view::moving::imported(&self.mailboxes, self.is_rehearsal);
        for fault in self.faults.iter().filter(|fault| !fault.is_lost) {
            text.push_str(&format!("{}\n", view::moving::fault(&fault.place, &fault.why)));
        }
        if self.lost > 0 {
            text.push_str(&format!(
                "{} could not be read and stayed where it was\n",
                view::count(self.lost, "message")
            ));
        }
        print(&text)
    }
}
