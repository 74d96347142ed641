//! Accounts, aliases and domains: `list`, `show` and `quota show`.

use std::fmt::Write;

use rohrpost_store::mailbox::SaidBy;

use super::{BOLD, DIM, POOR, Styled, count, size, table::Table};
use crate::control::{AccountRow, AliasRow, DomainRow, LimitRow, QuotaRow, RoomRow};

/// Accounts as a table.
pub(crate) fn accounts(rows: &[AccountRow]) -> String {
    if rows.is_empty() {
        return "There are no accounts. `rohrpost account add ADDRESS` makes one.\n".to_owned();
    }
    let mut table = Table::new(&["account", "class", ">size", ">may have", "passwords", "addresses"]);
    for row in rows {
        table.row([
            with_state(&row.name, row.disabled),
            row.class.clone(),
            size(row.room.octets),
            most(row.room.limit),
            row.passwords.join(" "),
            words(&row.addresses),
        ]);
    }
    table.render()
}

/// Accounts with all that is known of each.
pub(crate) fn account(rows: &[AccountRow]) -> String {
    let mut text = String::new();
    for row in rows {
        let _ = writeln!(text, "{}", Styled(BOLD, &row.name));
        let mut fact = |label: &str, value: String| {
            let _ = writeln!(text, "{}{value}", Styled(DIM, format!("{label:<12}")));
        };
        let state = match (row.disabled, row.domain_disabled) {
            (true, _) => Styled(POOR, "suspended").to_string(),
            (false, true) => Styled(POOR, "its domain is suspended").to_string(),
            (false, false) => "may log in and gets mail".to_owned(),
        };
        fact("state", state);
        fact("class", row.class.clone());
        fact("language", row.language.clone());
        fact("addresses", words(&row.addresses));
        fact("passwords", row.passwords.join(" "));
        fact("mail", room(&row.room));
    }
    text
}

/// `12 messages, 3.0 MiB of 5.0 GiB (says its domain)`
fn room(room: &RoomRow) -> String {
    let taken = format!("{}, {}", count(room.messages, "message"), size(room.octets));
    let who = match room.limit.said_by {
        SaidBy::Nobody => return taken,
        SaidBy::Server => "says the server",
        SaidBy::Domain => "says its domain",
        SaidBy::Account => "its own quota",
    };
    match room.limit.octets_max {
        Some(most) => format!("{taken} of {} ({who})", size(most)),
        None => format!("{taken}, no limit ({who})"),
    }
}

/// How much room accounts take as a table.
pub(crate) fn quotas(rows: &[QuotaRow]) -> String {
    let mut table = Table::new(&["account", ">messages", ">size", ">may have", ">used", "says"]);
    for QuotaRow { account, room } in rows {
        let percent = |most: u64| format!("{} %", u128::from(room.octets) * 100 / u128::from(most.max(1)));
        let used = room.limit.octets_max.map_or_else(String::new, percent);
        let messages = room.messages.to_string();
        table.row([account.clone(), messages, size(room.octets), most(room.limit), used, says(room.limit)]);
    }
    table.render()
}

/// Aliases as a table.
pub(crate) fn aliases(rows: &[AliasRow]) -> String {
    if rows.is_empty() {
        return "There are no aliases.\n".to_owned();
    }
    let mut table = Table::new(&["alias", "goes to"]);
    for row in rows {
        table.row([with_state(&row.name, row.disabled), words(&row.targets)]);
    }
    table.render()
}

/// Local domains as a table.
pub(crate) fn domains(rows: &[DomainRow]) -> String {
    if rows.is_empty() {
        return "No domain's mailboxes are here. `rohrpost domain add DOMAIN` takes one.\n".to_owned();
    }
    let mut table = Table::new(&["domain", "from", ">each may have"]);
    for row in rows {
        let from = if row.configured { "configuration" } else { "store" };
        table.row([with_state(&row.name, row.disabled), from.to_owned(), most(row.limit)]);
    }
    table.render()
}

/// What the accounts of domains may have, as a table.
pub(crate) fn domain_quotas(rows: &[DomainRow]) -> String {
    let mut table = Table::new(&["domain", ">each may have", "says"]);
    for row in rows {
        table.row([row.name.clone(), most(row.limit), says(row.limit)]);
    }
    table.render()
}

fn with_state(name: &str, disabled: bool) -> String {
    if disabled { format!("{name} (suspended)") } else { name.to_owned() }
}

fn words<T: ToString>(words: &[T]) -> String {
    words.iter().map(T::to_string).collect::<Vec<_>>().join(" ")
}

fn most(limit: LimitRow) -> String {
    limit.octets_max.map_or_else(|| "any".to_owned(), size)
}

/// Who says it.
fn says(limit: LimitRow) -> String {
    let who = match limit.said_by {
        SaidBy::Nobody => "",
        SaidBy::Server => "the server",
        SaidBy::Domain => "the domain",
        SaidBy::Account => "the account",
    };
    who.to_owned()
}
