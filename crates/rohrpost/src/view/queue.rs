//! `rohrpost queue list`, `show` and `shape`, and `mailbox list`.

use std::fmt::Write;

use jiff::Timestamp;
use rohrpost_store::{ShapeRow, State};

use super::{BOLD, DIM, POOR, Styled, count, size, span, table::Table, time};
use crate::control::{MailRow, QueueMessage, QueueRow, Shape};

/// The queue as a table, one row for each recipient.
pub(crate) fn list(rows: &[QueueRow], now: Timestamp) -> String {
    if rows.is_empty() {
        return "The queue is empty.\n".to_owned();
    }
    let mut table = Table::new(&["id", ">age", ">size", "from", "to", "route", "next", "last"]);
    for row in rows {
        let sender = row.sender.mailbox().map_or("<>".to_owned(), ToString::to_string);
        table.row([
            row.id.to_string(),
            span(now.duration_since(row.created)),
            size(row.octets),
            sender,
            row.recipient.to_string(),
            row.route.clone(),
            next(row, now),
            row.last.clone().unwrap_or_default(),
        ]);
    }
    table.render()
}

/// When a recipient is tried next.
fn next(row: &QueueRow, now: Timestamp) -> String {
    match row.state {
        State::Waiting if row.kept_in => "held, like all that leaves".to_owned(),
        State::Waiting if row.due <= now => "now".to_owned(),
        State::Waiting => format!("in {}", span(row.due.duration_since(now))),
        state => state_word(state).to_owned(),
    }
}

/// A state in one word.
pub(crate) fn state_word(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Held => "held",
        State::Quarantined => "quarantined",
    }
}

/// One message and why its recipients wait.
pub(crate) fn show(message: &QueueMessage, now: Timestamp) -> String {
    let mut text = String::new();
    let sender = message.sender.mailbox().map_or("<>".to_owned(), ToString::to_string);
    let age = span(now.duration_since(message.created));
    let _ = writeln!(text, "{}  from {sender}, {}, {age} old", Styled(BOLD, message.id), size(message.octets));
    let mut fact = |label: &str, value: String| {
        let _ = writeln!(text, "{}{value}", Styled(DIM, format!("{label:<12}")));
    };
    if let Some(id) = &message.message_id {
        fact("Message-ID", id.clone());
    }
    if let Some(account) = &message.account {
        fact("account", account.clone());
    }
    fact("received", time(message.created));
    fact("expires", time(message.expires));
    for row in &message.recipients {
        let when = next(row, now);
        let attempts = count(row.attempts.into(), "attempt");
        let _ = writeln!(text, "\n{}  by {}, {attempts}, next: {when}", Styled(POOR, &row.recipient), row.route);
        if let Some(last) = &row.last {
            let _ = writeln!(text, "{}{last}", Styled(DIM, "why  "));
        }
    }
    text
}

/// Recipients by destination and age.
pub(crate) fn shape(rows: &[Shape]) -> String {
    if rows.is_empty() {
        return "The queue is empty.\n".to_owned();
    }
    let mut table = Table::new(&[
        "route",
        "destination",
        ">all",
        ">≤5 min",
        ">≤20 min",
        ">≤80 min",
        ">≤5 h",
        ">≤21 h",
        ">≤2 d",
        ">≤5 d",
        ">older",
        ">held",
    ]);
    for row in rows {
        let total: u64 = row.ages.iter().sum();
        let numbers = [&[total], row.ages.as_slice(), &[row.held]].concat();
        let number = |number: &u64| if *number == 0 { "·".to_owned() } else { number.to_string() };
        table.row([row.route.clone(), row.site.clone()].into_iter().chain(numbers.iter().map(number)));
    }
    table.render()
}

/// The headings of [`shape`] speak of these bounds.
const _: () = assert!(matches!(ShapeRow::AGES, [5, 20, 80, 320, 1_280, 2_880, 7_200]));

/// A mailbox as a table.
pub(crate) fn mailbox(rows: &[MailRow]) -> String {
    if rows.is_empty() {
        return "No messages.\n".to_owned();
    }
    let mut table = Table::new(&[">uid", "id", "came", ">size", "from", "subject"]);
    for row in rows {
        let id = row.id.map_or_else(String::new, |id| id.to_string());
        let number = row.number.to_string();
        table.row([number, id, time(row.at), size(row.octets), row.from.clone(), row.subject.clone()]);
    }
    table.render()
}
