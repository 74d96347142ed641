//! Mailboxes as a whole: listed, made, deleted, renamed, subscribed to.

use rusqlite::params;

use super::{
    MailboxError, MailboxId, MailboxInfo, SpecialUse, kept, name,
    rows::MailboxRow,
    work::{Outcome, Work},
};
use crate::{error::StoreError, limits, store::Store};

impl Store {
    /// All mailboxes of an account, by name.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailboxes(&self, account: &str) -> Result<Vec<MailboxInfo>, StoreError> {
        let account = account.to_owned();
        let condition = "account = ?1 AND removed IS NULL ORDER BY name";
        let (rows, damaged) = self.read(move |connection| MailboxRow::select(connection, condition, [account])).await?;
        self.put_aside(damaged).await?;
        Ok(rows.into_iter().map(|row| row.info).collect())
    }

    /// One mailbox of an account.
    ///
    /// # Errors
    /// As any read.
    pub async fn mailbox(&self, account: &str, name: &str) -> Result<Option<MailboxInfo>, StoreError> {
        let Ok(name) = name::canonical(name) else { return Ok(None) };
        let account = account.to_owned();
        let condition = "account = ?1 AND name = ?2 AND removed IS NULL";
        let (mut rows, damaged) =
            self.read(move |connection| MailboxRow::select(connection, condition, params![account, name])).await?;
        self.put_aside(damaged).await?;
        Ok(rows.pop().map(|row| row.info))
    }

    /// A mailbox by its number; nothing where it was deleted.
    ///
    /// # Errors
    /// As any read.
    pub(crate) async fn mailbox_by_id(&self, id: MailboxId) -> Result<Option<MailboxInfo>, StoreError> {
        let condition = "id = ?1 AND removed IS NULL";
        let (mut rows, damaged) =
            self.read(move |connection| MailboxRow::select(connection, condition, [id.0])).await?;
        self.put_aside(damaged).await?;
        Ok(rows.pop().map(|row| row.info))
    }

    /// Makes a mailbox, and those above it that are not there. It is subscribed to.
    ///
    /// # Errors
    /// [`MailboxError::Exists`], [`MailboxError::Inbox`], [`MailboxError::BadName`], [`MailboxError::TooMany`].
    pub async fn mailbox_create(
        &self,
        account: &str,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxInfo, MailboxError> {
        let name = name::canonical(name)?;
        if name == name::INBOX {
            return Err(MailboxError::Inbox);
        }
        let account = account.to_owned();
        self.work(0, move |work| {
            if work.named(&account, &name)?.is_some() {
                return Ok(Err(MailboxError::Exists));
            }
            if count(work, &account)? >= limits::MAILBOXES_MAX {
                return Ok(Err(MailboxError::TooMany));
            }
            work.make_parents(&account, &name)?;
            Ok(Ok(work.make(&account, &name, special_use)?.info))
        })
        .await
    }

    /// Deletes a mailbox; those below it stay (RFC 9051 §6.3.5). Its mail can be brought back for a while.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], [`MailboxError::Inbox`].
    pub async fn mailbox_delete(&self, account: &str, name: &str) -> Result<(), MailboxError> {
        let name = name::canonical(name)?;
        if name == name::INBOX {
            return Err(MailboxError::Inbox);
        }
        let account = account.to_owned();
        self.work(0, move |work| {
            let Some(mut row) = work.named(&account, &name)? else { return Ok(Err(MailboxError::Missing)) };
            row.removed = Some(work.now);
            row.info.modseq += 1;
            row.update(work.connection)?;
            work.announce(&row);
            work.weigh(&account);
            work.keep(&account, row.kept_octets());
            Ok(Ok(()))
        })
        .await
    }

    /// Renames a mailbox and those below it. `INBOX` gives all its mail to the new one and stays, empty and with a new
    /// UIDVALIDITY (RFC 9051 §6.3.6); those below it keep their names.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], [`MailboxError::Exists`], [`MailboxError::BadName`] (also for a name below itself).
    pub async fn mailbox_rename(&self, account: &str, from: &str, to: &str) -> Result<(), MailboxError> {
        let (from, to) = (name::canonical(from)?, name::canonical(to)?);
        if is_below(&to, &from) && from != name::INBOX {
            return Err(MailboxError::BadName);
        }
        let account = account.to_owned();
        self.work(0, move |work| rename(work, &account, &from, &to)).await
    }

    /// Says whether the owner wants a mailbox listed.
    ///
    /// # Errors
    /// [`MailboxError::Missing`].
    pub async fn mailbox_subscribe(&self, account: &str, name: &str, subscribed: bool) -> Result<(), MailboxError> {
        let name = name::canonical(name)?;
        let account = account.to_owned();
        self.work(0, move |work| {
            let Some(mut row) = work.named(&account, &name)? else { return Ok(Err(MailboxError::Missing)) };
            if row.info.subscribed != subscribed {
                row.info.subscribed = subscribed;
                row.info.modseq += 1;
                row.update(work.connection)?;
                work.announce(&row);
            }
            Ok(Ok(()))
        })
        .await
    }
}

/// Gives all mailboxes of an account to another, deleted ones too. Those that the other one has are deleted: it is new.
pub(crate) fn change_account(work: &mut Work<'_>, from: &str, to: &str) -> Result<(), StoreError> {
    let there = MailboxRow::select(work.connection, "account = ?1 AND removed IS NULL", [to])?.0;
    let now = work.now;
    let there = there.into_iter().map(|row| MailboxRow { removed: Some(now), ..row });
    let here = MailboxRow::select(work.connection, "account = ?1", [from])?.0;
    let here = here.into_iter().map(|row| MailboxRow { account: to.to_owned(), ..row });
    for mut row in there.chain(here) {
        row.info.modseq += 1;
        row.update(work.connection)?;
        work.announce(&row);
    }
    [from, to].iter().try_for_each(|account| kept::recount(work.connection, account))
}

fn count(work: &Work<'_>, account: &str) -> Result<usize, StoreError> {
    let sql = "SELECT count(*) FROM mailbox WHERE account = ?1 AND removed IS NULL";
    Ok(work.connection.prepare_cached(sql)?.query_row([account], |row| row.get(0))?)
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with(name::SEPARATOR))
}

fn rename(work: &mut Work<'_>, account: &str, from: &str, to: &str) -> Outcome<()> {
    let Some(row) = work.named(account, from)? else { return Ok(Err(MailboxError::Missing)) };
    if work.named(account, to)?.is_some() {
        return Ok(Err(MailboxError::Exists));
    }
    // From the top down, so that a name is free by the time one below it takes it.
    let mut moving = vec![row];
    if from != name::INBOX {
        moving.extend(below(work, account, from)?);
    }
    let new_names = moving.iter().map(|row| to.to_owned() + &row.info.name[from.len()..]);
    let new_names: Result<Vec<_>, _> = new_names.map(|name| name::canonical(&name)).collect();
    let Ok(new_names) = new_names else { return Ok(Err(MailboxError::BadName)) };
    for name in &new_names {
        if work.named(account, name)?.is_some_and(|taken| !moving.iter().any(|row| row.info.id == taken.info.id)) {
            return Ok(Err(MailboxError::Exists));
        }
    }
    for (mut row, name) in moving.into_iter().zip(new_names) {
        row.info.name = name;
        row.info.modseq += 1;
        row.update(work.connection)?;
        work.announce(&row);
    }
    work.make_parents(account, to)?;
    if from == name::INBOX {
        work.ensure_inbox(account)?;
    }
    Ok(Ok(()))
}

/// The mailboxes below a name.
fn below(work: &Work<'_>, account: &str, parent: &str) -> Result<Vec<MailboxRow>, StoreError> {
    // The character behind the separator ends the range of names that begin with both.
    let (first, end) = (format!("{parent}/"), format!("{parent}0"));
    let condition = "account = ?1 AND name > ?2 AND name < ?3 AND removed IS NULL ORDER BY name";
    Ok(MailboxRow::select(work.connection, condition, params![account, first, end])?.0)
}
