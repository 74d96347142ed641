//! `rohrpost domain`

use std::{fs, process::ExitCode};

use rohrpost_mail::Domain;

use super::{
    mismatch,
    people::{accounts, aliases, warn_of_foreign},
    print_rows, setup,
};
use crate::{
    cli::{DomainCommand, DomainQuota, Place, Room},
    control::{Answer, DomainChange, DomainRow, Renamed, Request},
    door::Door,
    exit::{Exit, Failure},
    view::{self, FAIR, Styled, count},
};

/// Runs the command.
pub(super) async fn run(place: &Place, command: DomainCommand) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        DomainCommand::Add { name } => {
            door.ask(Request::DomainAdd { name }).await?;
        }
        DomainCommand::List { output } => print_rows(output, &domains(&door).await?, view::people::domains)?,
        DomainCommand::Records { name, output } => {
            setup::records(&door, &name, output).await?;
            warn_of_foreign(&door, [name.to_string()]).await?;
        }
        DomainCommand::Rename { name, new, drop_addresses } => rename(&door, name, new, drop_addresses).await?,
        DomainCommand::Suspend { name } => change(&door, name, DomainChange::Disabled(true)).await?,
        DomainCommand::Resume { name } => change(&door, name, DomainChange::Disabled(false)).await?,
        DomainCommand::Quota(DomainQuota::Show { name, output }) => {
            let rows = match name {
                Some(name) => vec![must_exist(&door, &name).await?],
                None => domains(&door).await?,
            };
            print_rows(output, &rows, view::people::domain_quotas)?;
        }
        DomainCommand::Quota(DomainQuota::Set { name, size: Room(quota) }) => {
            change(&door, name, DomainChange::Quota(quota)).await?;
        }
        DomainCommand::Remove { name, yes } => {
            if !yes {
                refuse_while_used(&door, &name).await?;
            }
            door.ask(Request::DomainRemove { name }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The local domains.
pub(super) async fn domains(door: &Door) -> anyhow::Result<Vec<DomainRow>> {
    let Answer::Domains(rows) = door.ask(Request::DomainList).await? else { return Err(mismatch()) };
    Ok(rows)
}

async fn must_exist(door: &Door, name: &Domain) -> anyhow::Result<DomainRow> {
    let found = domains(door).await?.into_iter().find(|row| row.name == name.as_str());
    Ok(found.ok_or_else(|| Failure::new(Exit::Unavailable, format!("{name} is no local domain")))?)
}

async fn change(door: &Door, name: Domain, change: DomainChange) -> anyhow::Result<()> {
    door.ask(Request::DomainChange { name, change }).await.map(drop)
}

/// Renames a domain, and says what no command can change.
async fn rename(door: &Door, name: Domain, new: Domain, drop_addresses: bool) -> anyhow::Result<()> {
    let request = Request::DomainRename { name: name.clone(), new: new.clone(), drop_addresses };
    let Answer::Renamed(Renamed { accounts, aliases }) = door.ask(request).await? else { return Err(mismatch()) };
    let note = |text: String| anstream::eprintln!("{} {text}", Styled(FAIR, "note:"));
    note(format!("{} and {} moved to {new}", count(accounts, "account"), alias_count(aliases)));
    if drop_addresses {
        note(format!("mail for {name} is refused, and mail programs log in with the new addresses only"));
    } else {
        note(format!("mail for {name} still comes here, and mail programs may log in with the old addresses"));
    }
    note(format!("{new} needs its DNS: an MX record, and those that `rohrpost domain records {new}` prints"));
    if let Some(file) = door.file() {
        let text = fs::read_to_string(file).unwrap_or_default();
        for line in lines_naming(&text, name.as_str()) {
            note(format!("{}:{line} names {name}: change it there", file.display()));
        }
    }
    Ok(())
}

fn alias_count(aliases: u64) -> String {
    if aliases == 1 { "1 alias".to_owned() } else { format!("{aliases} aliases") }
}

/// The numbers of the lines that name a domain outside comments: itself, or addresses in it, not hosts below it.
fn lines_naming(text: &str, domain: &str) -> Vec<usize> {
    let is_part =
        |octet: Option<&u8>| octet.is_some_and(|octet| octet.is_ascii_alphanumeric() || b"-._".contains(octet));
    let names = |line: &str| {
        let line = line.to_ascii_lowercase();
        line.match_indices(domain).any(|(at, _)| {
            let (before, after) = (&line.as_bytes()[..at], &line.as_bytes()[at + domain.len()..]);
            !is_part(before.last()) && !is_part(after.first())
        })
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#') && names(line));
    lines.map(|(number, _)| number + 1).collect()
}

/// Refuses where somebody would get no mail any more, and says who.
async fn refuse_while_used(door: &Door, domain: &Domain) -> anyhow::Result<()> {
    let accounts = accounts(door).await?.into_iter().flat_map(|row| row.addresses);
    let accounts =
        accounts.filter(|address| address.domain.to_string() == domain.as_str()).map(|address| address.to_string());
    let ending = format!("@{domain}");
    let aliases = aliases(door).await?.into_iter().map(|row| row.name).filter(|name| name.ends_with(&ending));
    let losers: Vec<_> = accounts.chain(aliases).collect();
    if losers.is_empty() {
        return Ok(());
    }
    let shown = losers.iter().take(LOSERS_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = losers.len().saturating_sub(LOSERS_SHOWN);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!("{shown}{more} would get no mail any more: --yes does it");
    Err(Failure::new(Exit::Usage, message).into())
}

/// How many addresses are named before the rest is counted.
const LOSERS_SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_name_a_domain_are_found_and_hosts_below_it_are_not() {
        let text = "local = [\"Old.test\"]\n# old.test\nhost = \"mx.old.test\"\nto = \"ann@old.test\"\n\
                    other = \"old.test.example my-old.test\"\n";
        assert_eq!(lines_naming(text, "old.test"), [1, 4]);
    }
}
