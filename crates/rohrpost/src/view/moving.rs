//! Mailboxes, and what was moved, as tables.

use std::{collections::BTreeMap, io::IsTerminal};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{BAD, Styled, size, table::Table};
use crate::{
    control::MailboxRow,
    export::Exported,
    import::{Figures, Unit},
};

/// A bar on standard error, where that is a terminal.
pub(crate) fn bar(unit: Unit) -> ProgressBar {
    let bar = ProgressBar::no_length();
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let template = match unit {
        Unit::Octets => "{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left {wide_bar:.cyan}",
        Unit::Messages => "{pos} of {len} messages, {per_sec}, {eta} left {wide_bar:.cyan}",
    };
    bar.with_style(ProgressStyle::with_template(template).expect("the template is well formed"))
}

/// What is wrong with a message, and where it is.
pub(crate) fn fault(place: &str, why: &str) -> String {
    // Names of files are anybody's, and a terminal obeys what controls it.
    let place = place.replace(char::is_control, "\u{fffd}");
    format!("{} {place}: {why}", Styled(BAD, "fault:"))
}

/// What was exported as a table.
pub(crate) fn exported(mailboxes: &[Exported]) -> String {
    let mut table = Table::new(&["mailbox", ">messages"]);
    for row in mailboxes {
        table.row([row.mailbox.clone(), row.messages.to_string()]);
    }
    table.render()
}

/// What was imported as a table.
pub(crate) fn imported(mailboxes: &BTreeMap<String, Figures>, is_rehearsal: bool) -> String {
    if mailboxes.is_empty() {
        return "No messages.\n".to_owned();
    }
    let done = if is_rehearsal { ">to import" } else { ">imported" };
    let mut table = Table::new(&["mailbox", done, ">before", ">duplicates", ">deleted"]);
    for (mailbox, figures) in mailboxes {
        let Figures { imported, known, duplicates, deleted } = figures;
        let figures = [imported, known, duplicates, deleted].map(u64::to_string);
        table.row([vec![mailbox.clone()], figures.to_vec()].concat());
    }
    table.render()
}

/// Mailboxes as a table.
pub(crate) fn mailboxes(rows: &[MailboxRow]) -> String {
    let mut table = Table::new(&["mailbox", ">messages", ">unread", ">size", "for"]);
    for row in rows {
        let purpose = row.special_use.as_deref().unwrap_or_default().trim_start_matches('\\').to_owned();
        table.row([row.name.clone(), row.messages.to_string(), row.unseen.to_string(), size(row.octets), purpose]);
    }
    table.render()
}
