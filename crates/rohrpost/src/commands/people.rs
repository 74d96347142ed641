//! `rohrpost account` and `alias`; `domain` is in [`super::domain`].

use std::{
    collections::BTreeSet,
    fs,
    io::{self, BufRead},
    os::unix::fs::MetadataExt as _,
    path::Path,
    process::ExitCode,
};

use anyhow::Context;
use rohrpost_mail::{Mailbox, Secret};
use serde::Serialize;

use super::{domain, mismatch, print, print_rows, setup};
use crate::{
    cli::{Account, Alias, AppPassword, ClassWord, LanguageWord, Place, QuotaCommand, Room},
    control::{AccountChange, AccountRow, AliasRow, Answer, NewAccount, Password, QuotaRow, Request},
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
        Account::List { output } => print_rows(output, &accounts(&door).await?, view::people::accounts)?,
        Account::Show { name, output } => {
            print_rows(output, &[must_exist(&door, &name).await?], view::people::account)?;
        }
        Account::Remove { name, keep_mail, yes } => {
            if !yes {
                return Err(what_goes(&door, &name, keep_mail).await?.into());
            }
            door.ask(Request::AccountRemove { name, keep_mail }).await?;
        }
        Account::Rename { name, new, drop_address } => {
            let (domain, old) = (new.domain.to_string(), drop_address.then(|| name.clone()));
            door.ask(Request::AccountRename { name, new, drop_address }).await?;
            warn_of_foreign(&door, [domain]).await?;
            warn_of_dangling(&door, old.as_slice()).await?;
        }
        Account::Address { name, add, remove } => {
            let domains: Vec<_> = add.iter().map(|address| address.domain.to_string()).collect();
            let removed = remove.clone();
            change(&door, name, AccountChange::Addresses { add, remove }).await?;
            warn_of_foreign(&door, domains).await?;
            warn_of_dangling(&door, &removed).await?;
        }
        Account::Suspend { name } => change(&door, name, AccountChange::Disabled(true)).await?,
        Account::Resume { name } => change(&door, name, AccountChange::Disabled(false)).await?,
        Account::Password { name, password_file, label } => {
            let password = password(password_file.as_deref())?;
            set_password(&door, name, label, password, true).await?;
        }
        Account::Quota(command) => quota(&door, command).await?,
        Account::AppPassword(command) => app_password(&door, command).await?,
        Account::SetupHelp { address, language, output } => {
            must_have_owner(&door, &address).await?;
            setup::help(&door, &address, language.into(), output).await?;
            warn_of_foreign(&door, [address.domain.to_string()]).await?;
        }
        Account::Unlock { name } => {
            door.ask(Request::AccountUnlock { name }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// `rohrpost account app-password`
async fn app_password(door: &Door, command: AppPassword) -> anyhow::Result<()> {
    match command {
        AppPassword::Add { name, label } => set_password(door, name, label, password(None)?, false).await,
        AppPassword::List { name, output } => {
            let labels = must_exist(door, &name).await?.passwords;
            let rows: Vec<_> = labels.into_iter().map(|label| PasswordRow { label }).collect();
            print_rows(output, &rows, |rows| {
                let lines = rows.iter().flat_map(|row| [row.label.as_str(), "\n"]);
                lines.collect()
            })
        }
        AppPassword::Remove { name, label } => change(door, name, AccountChange::WithoutPassword(label)).await,
    }
}

/// `rohrpost account quota`
async fn quota(door: &Door, command: QuotaCommand) -> anyhow::Result<()> {
    match command {
        QuotaCommand::Show { name, output } => print_rows(output, &quotas(door, name).await?, view::people::quotas),
        QuotaCommand::Set { name, size: Room(quota) } => change(door, name, AccountChange::Quota(quota)).await,
    }
}

async fn quotas(door: &Door, account: Option<Mailbox>) -> anyhow::Result<Vec<QuotaRow>> {
    let Answer::Quotas(rows) = door.ask(Request::Quota { account }).await? else { return Err(mismatch()) };
    Ok(rows)
}

/// What a password is for. The password itself is nowhere.
#[derive(Serialize)]
struct PasswordRow {
    label: String,
}

/// Sets a password, and shows it where it was made up.
async fn set_password(
    door: &Door,
    name: Mailbox,
    label: String,
    (password, made_up): (Secret, bool),
    replace: bool,
) -> anyhow::Result<()> {
    door.ask(Request::AccountPassword { name, label, password: Password(password.clone()), replace }).await?;
    tell(&password, made_up)
}

async fn change(door: &Door, name: Mailbox, change: AccountChange) -> anyhow::Result<()> {
    door.ask(Request::AccountChange { name, change }).await.map(drop)
}

pub(super) async fn accounts(door: &Door) -> anyhow::Result<Vec<AccountRow>> {
    let Answer::Accounts(rows) = door.ask(Request::AccountList).await? else { return Err(mismatch()) };
    Ok(rows)
}

pub(super) async fn aliases(door: &Door) -> anyhow::Result<Vec<AliasRow>> {
    let Answer::Aliases(rows) = door.ask(Request::AliasList).await? else { return Err(mismatch()) };
    Ok(rows)
}

/// What goes with an account, for the one who has not yet said that it shall.
async fn what_goes(door: &Door, name: &Mailbox, keep_mail: bool) -> anyhow::Result<Failure> {
    let account = must_exist(door, name).await?;
    let rows = quotas(door, Some(name.clone())).await?;
    let mail = rows.first().filter(|_| !keep_mail).map_or_else(String::new, |row| {
        format!(", {} ({})", view::count(row.room.messages, "message"), view::size(row.room.octets))
    });
    let addresses = account.addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let passwords = view::count(account.passwords.len() as u64, "password");
    let left = leading_to(door, &account.addresses).await?;
    let dangling = if left.is_empty() { String::new() } else { format!("; {} would lead to nobody", left.join(", ")) };
    let message = format!("this removes {name} with {addresses}, {passwords}{mail}{dangling}: --yes does it");
    Ok(Failure::new(Exit::Usage, message))
}

/// The aliases that lead to one of these addresses.
async fn leading_to(door: &Door, addresses: &[Mailbox]) -> anyhow::Result<Vec<String>> {
    let keys: BTreeSet<_> = addresses.iter().map(Mailbox::key).collect();
    let leads = |row: &AliasRow| row.targets.iter().any(|target| keys.contains(&target.key()));
    Ok(aliases(door).await?.into_iter().filter(leads).map(|row| row.name).collect())
}

/// Warns where an alias leads to an address that was just given up.
async fn warn_of_dangling(door: &Door, removed: &[Mailbox]) -> anyhow::Result<()> {
    for alias in leading_to(door, removed).await? {
        anstream::eprintln!("{} {alias} leads to an address that is nobody's now", Styled(POOR, "warning:"));
    }
    Ok(())
}

/// The account; who mistypes its name learns so.
async fn must_exist(door: &Door, name: &Mailbox) -> anyhow::Result<AccountRow> {
    let found = accounts(door).await?.into_iter().find(|row| row.name == name.key());
    Ok(found.ok_or_else(|| Failure::new(Exit::Unavailable, format!("there is no account {name}")))?)
}

/// The address belongs to an account; who mistypes it learns so.
async fn must_have_owner(door: &Door, address: &Mailbox) -> anyhow::Result<()> {
    let has_it =
        |row: &AccountRow| row.name == address.key() || row.addresses.iter().any(|known| known.key() == address.key());
    if accounts(door).await?.iter().any(has_it) {
        return Ok(());
    }
    Err(Failure::new(Exit::Unavailable, format!("no account has the address {address}")).into())
}

/// Warns where mail for these addresses does not come here.
pub(super) async fn warn_of_foreign(door: &Door, domains: impl IntoIterator<Item = String>) -> anyhow::Result<()> {
    let rows = domain::domains(door).await?;
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
    let domain_of = |name: &str| name.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase());
    match command {
        Alias::Set { name, targets } => {
            let domain = domain_of(&name);
            door.ask(Request::AliasSet { name, targets }).await?;
            warn_of_foreign(&door, domain).await?;
        }
        Alias::Add { name, targets } => {
            let domain = domain_of(&name);
            door.ask(Request::AliasAdd { name, targets }).await?;
            warn_of_foreign(&door, domain).await?;
        }
        Alias::List { output } => print_rows(output, &aliases(&door).await?, view::people::aliases)?,
        Alias::Rename { name, new } => {
            let domain = domain_of(&new);
            door.ask(Request::AliasRename { name, new }).await?;
            warn_of_foreign(&door, domain).await?;
        }
        Alias::Suspend { name } => {
            door.ask(Request::AliasDisable { name, disabled: true }).await?;
        }
        Alias::Resume { name } => {
            door.ask(Request::AliasDisable { name, disabled: false }).await?;
        }
        Alias::Remove { name, targets } => {
            door.ask(Request::AliasRemove { name, targets }).await?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The password that was given, or a new one; and whether it is new.
fn password(file: Option<&Path>) -> anyhow::Result<(Secret, bool)> {
    match file {
        None => Ok((Secret::new(random::text()), true)),
        Some(file) => Ok((password_from(file)?, false)),
    }
}

/// The password from the first line of a file, or of standard input (`-`).
pub(crate) fn password_from(file: &Path) -> anyhow::Result<Secret> {
    if file != Path::new("-") {
        return password_in(file);
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("standard input")?;
    first_line(&line)
}

/// The password in the first line of a file. Where everybody can read it that is told.
fn password_in(file: &Path) -> anyhow::Result<Secret> {
    if fs::metadata(file).is_ok_and(|about| about.is_file() && about.mode() & OTHERS_READ != 0) {
        anstream::eprintln!("{} everybody can read {}", Styled(POOR, "warning:"), file.display());
    }
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    first_line(&text).with_context(|| file.display().to_string())
}

/// The bit of a file's mode that lets everybody read it.
const OTHERS_READ: u32 = 0o004;

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
