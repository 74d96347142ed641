//! `rohrpost store`

use std::{collections::BTreeMap, fs, path::Path, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

use super::{mismatch, print_rows};
use crate::{
    cli::{Output, Place, StoreCommand},
    control::{Answer, Checked, Request},
    door::Door,
    exit::{Exit, Failure},
    view::{self, BAD, GOOD, Styled},
};

/// Checks the store; with `--salvage` copies what is readable.
pub(super) async fn run(place: &Place, command: StoreCommand) -> anyhow::Result<ExitCode> {
    let StoreCommand::Check { salvage, output } = command;
    let door = Door::find(place)?;
    if let Some(to) = salvage {
        return copy(door.dir(), &to, output);
    }
    let Answer::Checked(checked) = door.ask(Request::StoreCheck).await? else { return Err(mismatch()) };
    print_rows(output, &[&checked], |_| report(&checked))?;
    Ok(if checked.faults.is_empty() { ExitCode::SUCCESS } else { Exit::Data.into() })
}

/// What was copied, in JSON.
#[derive(Serialize)]
struct Copied {
    rows: BTreeMap<String, u64>,
    files: u64,
    losses: Vec<String>,
}

/// Copies what is readable into a new directory. The damaged store is only read, and stays as it is.
fn copy(from: &Path, to: &Path, output: Output) -> anyhow::Result<ExitCode> {
    let taken = fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        return Err(Failure::new(Exit::Usage, format!("{} is not empty", to.display())).into());
    }
    let report = rohrpost_store::salvage(from, to).with_context(|| format!("salvage of {}", from.display()))?;
    let copied = Copied { rows: report.rows.into_iter().collect(), files: report.files, losses: report.losses };
    print_rows(output, &[&copied], |_| saved(&copied, to))?;
    Ok(if copied.losses.is_empty() { ExitCode::SUCCESS } else { Exit::Data.into() })
}

fn saved(copied: &Copied, to: &Path) -> String {
    let rows = copied.rows.values().sum();
    let files = view::count(copied.files, "body file");
    let mut text = format!("{}  {}, {files} to {}\n", Styled(GOOD, "copied"), view::count(rows, "row"), to.display());
    for loss in &copied.losses {
        text.push_str(&format!("{}  {loss}\n", Styled(BAD, "lost  ")));
    }
    text
}

fn report(checked: &Checked) -> String {
    let (messages, mails) = (view::count(checked.messages, "message"), view::count(checked.mails, "mail"));
    let looked = format!("{messages} in queue and records, {mails} in mailboxes, {}", bodies(checked.bodies));
    if checked.faults.is_empty() {
        return format!("{}  {looked}\n", Styled(GOOD, "sound"));
    }
    let mut text = format!("{}  {looked}\n", Styled(BAD, view::count(checked.faults.len() as u64, "fault")));
    for fault in &checked.faults {
        text.push_str(&format!("  {fault}\n"));
    }
    text
}

fn bodies(number: u64) -> String {
    if number == 1 { "1 body".to_owned() } else { format!("{number} bodies") }
}
