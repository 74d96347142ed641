//! `rohrpost account`, `alias` and `domain`

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead},
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use rohrpost_mail::{Mailbox, Secret};

use super::{mismatch, print, print_rows, setup};
use crate::{
    cli::{Account, Alias, ClassWord, DomainCommand, LanguageWord, Place},
    control::{Answer, NewAccount, Password, Request},
    door::Door,
    exit::{Exit, Failure},
    random,
    view::{self, POOR, Styled},
};

/// `rohrpost account`
pub(super) async fn account(place: &Place, command: Account) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        Account::Add { name, password_file, address, class, language } => {
            let (password, made_up) = password(password_file.as_deref())?;
            let account = NewAccount {
                name: name.clone(),
                addresses: address.clone(),
                class: class_word(class).to_owned(),
                language: language_word(language).to_owned(),
            };
            door.ask(Request::AccountAdd { account, password: Password(password.clone()) }).await?;
            tell(&password, made_up)?;
            let names = std::iter::once(&name).chain(&address);
            warn_of_foreign(&door, names.map(|name| name.domain.to_string())).await?;
        }
        Account::List { output } => {
            let Answer::Accounts(rows) = door.ask(Request::AccountList).await? else { return Err(mismatch()) };
            print_rows(output, &rows, view::queue::accounts)?;
        }
        Account::Remove { name, yes } => {
            if !yes {
                must_exist(&door, &name).await?;
                let message = format!("this removes {name} with its mailbox for good: --yes does it");
                return Err(Failure::new(Exit::Usage, message).into());
            }
            door.ask(Request::AccountRemove { name }).await?;
        }
        Account::Password { name, password_file, label } => {
            let (password, made_up) = password(password_file.as_deref())?;
            door.ask(Request::AccountPassword { name, label, password: Password(password.clone()) }).await?;
            tell(&password, made_up)?;
        }
        Account::SetupHelp { address, language, output } => {
            setup::help(&door, &address, language.into(), output).await?;
            warn_of_foreign(&door, [address.domain.to_string()]).await?;
        }
        Account::Unlock { name } => {
            door.ask(Request::AccountUnlock { name }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Who mistypes a name learns so before being asked whether it shall go for good.
async fn must_exist(door: &Door, name: &Mailbox) -> anyhow::Result<()> {
    let Answer::Accounts(rows) = door.ask(Request::AccountList).await? else { return Err(mismatch()) };
    if rows.iter().any(|row| row.name == name.key()) {
        return Ok(());
    }
    Err(Failure::new(Exit::Unavailable, format!("there is no account {name}")).into())
}

/// Warns where mail for these addresses does not come here.
async fn warn_of_foreign(door: &Door, domains: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let Answer::Domains(rows) = door.ask(Request::DomainList).await? else { return Err(mismatch()) };
    for domain in BTreeSet::from_iter(domains) {
        if !rows.iter().any(|row| row.name.eq_ignore_ascii_case(&domain)) {
            let hint = format!("no mail for it comes here until `rohrpost domain add {domain}`");
            anstream::eprintln!("{} {domain} is no local domain: {hint}", Styled(POOR, "warning:"));
        }
    }
    Ok(())
}

/// `rohrpost alias`
pub(super) async fn alias(place: &Place, command: Alias) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        Alias::Set { name, targets } => {
            let domain = name.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
            door.ask(Request::AliasSet { name, targets }).await?;
            warn_of_foreign(&door, domain).await?;
        }
        Alias::List { output } => {
            let Answer::Aliases(rows) = door.ask(Request::AliasList).await? else { return Err(mismatch()) };
            print_rows(output, &rows, view::queue::aliases)?;
        }
        Alias::Remove { name } => {
            door.ask(Request::AliasRemove { name }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `rohrpost domain`
pub(super) async fn domain(place: &Place, command: DomainCommand) -> anyhow::Result<ExitCode> {
    let door = Door::find(place)?;
    match command {
        DomainCommand::Add { name } => {
            door.ask(Request::DomainAdd { name }).await?;
        }
        DomainCommand::List { output } => {
            let Answer::Domains(rows) = door.ask(Request::DomainList).await? else { return Err(mismatch()) };
            print_rows(output, &rows, view::queue::domains)?;
        }
        DomainCommand::Records { name, output } => {
            setup::records(&door, &name, output).await?;
            warn_of_foreign(&door, [name.to_string()]).await?;
        }
        DomainCommand::Remove { name } => {
            door.ask(Request::DomainRemove { name }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The password from the first line of a file, of standard input (`-`), or a new one; and whether it is new.
fn password(file: Option<&Path>) -> anyhow::Result<(Secret, bool)> {
    match file {
        None => Ok((Secret::new(random::text()), true)),
        Some(file) if file == Path::new("-") => {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line).context("standard input")?;
            Ok((first_line(&line)?, false))
        }
        Some(file) => Ok((password_in(file)?, false)),
    }
}

/// The password in the first line of a file.
pub(super) fn password_in(file: &Path) -> anyhow::Result<Secret> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    first_line(&text).with_context(|| file.display().to_string())
}

fn first_line(text: &str) -> anyhow::Result<Secret> {
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(Failure::new(Exit::Data, "the first line, where the password should be, is empty").into()),
    }
}

/// A password that was made up is shown, once.
fn tell(password: &Secret, made_up: bool) -> anyhow::Result<()> {
    if !made_up {
        return Ok(());
    }
    eprintln!("The password, shown this once:");
    print(&format!("{}\n", password.expose()))
}

fn class_word(class: ClassWord) -> &'static str {
    match class {
        ClassWord::Person => "person",
        ClassWord::Service => "service",
        ClassWord::Bulk => "bulk",
    }
}

fn language_word(language: LanguageWord) -> &'static str {
    match language {
        LanguageWord::En => "en",
        LanguageWord::De => "de",
    }
}
