//! Mail and mailboxes that were deleted: brought back, or forgotten after a fortnight.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::QueueId;
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    MailboxError, MailboxId, System, kept, name,
    rows::{EXPUNGED_COLUMNS, MAIL_COLUMNS, MailRow, MailboxRow},
    work::{Outcome, Work},
};
use crate::{
    body::rows,
    error::StoreError,
    limits,
    row::{Damage, count, uncount},
    store::Store,
};

impl Store {
    /// Brings back what was expunged from a mailbox since a time, and the mailbox itself and its mail where it was
    /// deleted since then. What comes back has new UIDs, unless the whole mailbox does. Gives how many messages.
    ///
    /// # Errors
    /// [`MailboxError::Missing`] when there is no such mailbox, not even a deleted one; [`MailboxError::OverQuota`] when not
    /// all of it finds room, and nothing comes back then; or as any write.
    pub async fn mailbox_undelete(&self, account: &str, name: &str, since: Timestamp) -> Result<u64, MailboxError> {
        let name = name::canonical(name).map_err(|_| MailboxError::Missing)?;
        let account = account.to_owned();
        let (login, mailbox) = (account.clone(), name.clone());
        self.work(0, move |work| fits(work, &login, &mailbox, since)).await?;
        let mut messages = 0;
        loop {
            let (account, name) = (account.clone(), name.clone());
            let page = self.work(PAGE_WEIGHT, move |work| undelete_page(work, &account, &name, since)).await?;
            messages += page.messages;
            if page.is_last {
                return Ok(messages);
            }
        }
    }

    /// Removes all mail of a login for ever, with its mailboxes. Gives how many messages were in them.
    ///
    /// # Errors
    /// As any write.
    pub async fn mailboxes_forget(&self, account: &str) -> Result<u64, StoreError> {
        let login = account.to_owned();
        let messages = self.mailbox_quota(account).await?.messages;
        // Deleted first, so that no session sees mail go piece by piece.
        let removed = self.work_always(move |work| {
            let rows = MailboxRow::select(work.connection, "account = ?1", [&login])?.0;
            for mut row in rows.clone() {
                row.removed = row.removed.or(Some(work.now));
                row.info.modseq += 1;
                row.update(work.connection)?;
                work.announce(&row);
            }
            Ok(rows.into_iter().map(|row| row.info.id).collect::<Vec<_>>())
        });
        for id in removed.await? {
            while self.write(move |connection| forget_page(connection, id)).await? {}
        }
        Ok(messages)
    }
}

/// What a page counts towards the octets of a batch.
const PAGE_WEIGHT: usize = 256 << 10;

struct Undeleted {
    messages: u64,
    is_last: bool,
}

/// Refuses what does not fit into the quota.
fn fits(work: &mut Work<'_>, account: &str, name: &str, since: Timestamp) -> Outcome<()> {
    let deleted = deleted(work, account, name, since)?;
    let there = work.named(account, name)?;
    let Some(target) = there.as_ref().or(deleted.first()) else { return Ok(Err(MailboxError::Missing)) };
    let sql = "SELECT coalesce(sum(octets), 0) FROM expunged WHERE mailbox = ?1 AND gone >= ?2 AND body IS NOT NULL";
    let params = params![target.info.id.0, since.as_millisecond()];
    let expunged = uncount(work.connection.prepare_cached(sql)?.query_row(params, |row| row.get(0))?);
    let octets = deleted.iter().fold(expunged, |octets, row| octets.saturating_add(row.info.octets));
    Ok(if work.has_room(account, octets)? { Ok(()) } else { Err(MailboxError::OverQuota) })
}

/// Mailboxes of a name that were deleted since a time, the last one first.
fn deleted(work: &Work<'_>, account: &str, name: &str, since: Timestamp) -> Result<Vec<MailboxRow>, StoreError> {
    let condition = "account = ?1 AND name = ?2 AND removed >= ?3 ORDER BY removed DESC";
    Ok(MailboxRow::select(work.connection, condition, params![account, name, since.as_millisecond()])?.0)
}

fn undelete_page(work: &mut Work<'_>, account: &str, name: &str, since: Timestamp) -> Outcome<Undeleted> {
    kept::recount(work.connection, account)?;
    let deleted = deleted(work, account, name, since)?;
    let there = work.named(account, name)?;
    let deleted = deleted.into_iter().find(|deleted| there.is_none() || deleted.info.messages > 0);
    match (there, deleted) {
        (None, None) => Ok(Err(MailboxError::Missing)),
        (None, Some(mut deleted)) => {
            work.make_parents(account, name)?;
            deleted.removed = None;
            deleted.info.modseq += 1;
            deleted.update(work.connection)?;
            work.announce(&deleted);
            work.weigh(account);
            Ok(Ok(Undeleted { messages: deleted.info.messages.into(), is_last: false }))
        }
        (Some(mailbox), Some(deleted)) => take_over(work, mailbox, deleted).map(Ok),
        (Some(mailbox), None) => bring_back(work, mailbox, since).map(Ok),
    }
}

/// Moves a page of mail from a deleted mailbox to the one that has its name by now.
fn take_over(work: &mut Work<'_>, mailbox: MailboxRow, mut deleted: MailboxRow) -> Result<Undeleted, StoreError> {
    let sql = format!("SELECT {MAIL_COLUMNS} FROM mail WHERE mailbox = ?1 ORDER BY uid LIMIT ?2");
    let mails = select(work.connection, &sql, params![deleted.info.id.0, limits::CHANGED_AT_ONCE_MAX], |row| {
        MailRow::read(row, Bytes::copy_from_slice)
    })?;
    for mail in &mails {
        mail.delete(work.connection)?;
        deleted.count(mail, -1);
    }
    if mails.is_empty() {
        // What is left is damaged: it stays for `store check` to name, and must not be looked for again.
        deleted.info.messages = 0;
    }
    deleted.update(work.connection)?;
    let messages = arrive(work, mailbox, mails)?;
    Ok(Undeleted { messages, is_last: false })
}

/// Brings a page of expunged mail back.
fn bring_back(work: &mut Work<'_>, mailbox: MailboxRow, since: Timestamp) -> Result<Undeleted, StoreError> {
    let sql = format!(
        "SELECT {EXPUNGED_COLUMNS} FROM expunged WHERE mailbox = ?1 AND gone >= ?2 AND body IS NOT NULL
         ORDER BY uid LIMIT ?3"
    );
    let limit = limits::CHANGED_AT_ONCE_MAX;
    let params = params![mailbox.info.id.0, since.as_millisecond(), limit];
    let mails = select(work.connection, &sql, params, MailRow::read_expunged)?;
    let is_last = mails.len() < limit;
    for mail in &mails {
        // Its UID stays gone: this is said of it for ever.
        mail.delete_expunged(work.connection)?;
        MailRow { body: None, prefix: Bytes::new(), ..mail.clone() }.insert_expunged(work.connection, work.now)?;
    }
    let messages = arrive(work, mailbox, mails)?;
    Ok(Undeleted { messages, is_last })
}

/// Puts mail into a mailbox again, no longer marked for deletion.
fn arrive(work: &mut Work<'_>, mut mailbox: MailboxRow, mails: Vec<MailRow>) -> Result<u64, StoreError> {
    if mails.is_empty() {
        return Ok(0);
    }
    mailbox.info.modseq += 1;
    let messages = mails.len() as u64;
    // Its keywords may have been given back meanwhile. Mail comes back without them rather than not at all.
    let known = work.known_flags(mailbox.info.id, mails.iter().map(|mail| &mail.flags))?;
    let flags = known.unwrap_or_else(|_| mails.iter().map(|mail| mail.flags.system().into()).collect());
    for (mail, flags) in mails.into_iter().zip(flags) {
        let flags = flags.without(&System::DELETED.into());
        work.add(&mut mailbox, MailRow { flags, ..mail })?;
    }
    work.finish(&mailbox)?;
    Ok(messages)
}

/// The good rows of a statement; damaged ones stay where they are, for `store check` to name.
fn select(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl Fn(&rusqlite::Row<'_>) -> Result<MailRow, Damage>,
) -> Result<Vec<MailRow>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut mails = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row) {
            Ok(mail) => mails.push(mail),
            Err(Damage::Row(reason)) => tracing::error!(reason, "a damaged row of mail is left where it is"),
            Err(Damage::Database(error)) => return Err(error),
        }
    }
    Ok(mails)
}

/// Forgets some mail that was expunged before a time, and some of mailboxes that were deleted before. False when nothing
/// is left to forget.
pub(crate) fn prune(connection: &Connection, now: Timestamp) -> Result<bool, StoreError> {
    let before = (now - SignedDuration::from_hours(24 * limits::UNDELETE_DAYS)).as_millisecond();
    if forget_expunged(connection, before)? {
        return Ok(true);
    }
    let sql = "SELECT id FROM mailbox WHERE removed < ?1 LIMIT 1";
    let deleted: Option<i64> = connection.prepare_cached(sql)?.query_row([before], |row| row.get(0)).optional()?;
    deleted.map_or(Ok(false), |id| forget_page(connection, MailboxId(id)).map(|_| true))
}

fn forget_expunged(connection: &Connection, before: i64) -> Result<bool, StoreError> {
    let sql = "SELECT mailbox, modseq, uid, body FROM expunged WHERE gone < ?1 ORDER BY gone LIMIT ?2";
    let names = names(connection, sql, params![before, limits::HOUSEKEEPING_ROWS])?;
    for name in &names {
        name.forget(connection, "expunged")?;
        if let Some(mut mailbox) = MailboxRow::select(connection, "id = ?1", [name.mailbox])?.0.pop() {
            mailbox.known_since = mailbox.known_since.max(uncount(name.modseq));
            mailbox.update_counters(connection)?;
            kept::recount(connection, &mailbox.account)?;
        }
    }
    Ok(!names.is_empty())
}

/// Forgets some mail of a deleted mailbox, and at last the mailbox. False when it is gone.
fn forget_page(connection: &Connection, id: MailboxId) -> Result<bool, StoreError> {
    if let Some(mailbox) = MailboxRow::select(connection, "id = ?1", [id.0])?.0.pop() {
        kept::recount(connection, &mailbox.account)?;
    }
    for table in ["mail", "expunged"] {
        let sql = format!("SELECT mailbox, modseq, uid, body FROM {table} WHERE mailbox = ?1 LIMIT ?2");
        let names = names(connection, &sql, params![id.0, limits::HOUSEKEEPING_ROWS])?;
        names.iter().try_for_each(|name| name.forget(connection, table))?;
        if !names.is_empty() {
            return Ok(true);
        }
    }
    connection.prepare_cached("DELETE FROM keyword WHERE mailbox = ?1")?.execute([id.0])?;
    connection.prepare_cached("DELETE FROM mailbox WHERE id = ?1")?.execute([id.0])?;
    Ok(false)
}

/// What a row of `mail` or `expunged` is found by, and its body.
pub(super) struct Name {
    pub(super) mailbox: i64,
    pub(super) modseq: i64,
    pub(super) uid: i64,
    pub(super) body: Option<i64>,
}

fn names(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> Result<Vec<Name>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let names = statement.query_map(params, |row| {
        Ok(Name { mailbox: row.get(0)?, modseq: row.get(1)?, uid: row.get(2)?, body: row.get(3)? })
    })?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

impl Name {
    pub(super) fn of(mail: &MailRow) -> Self {
        let body = mail.body.map(QueueId::as_i64);
        Self { mailbox: mail.mailbox.0, modseq: count(mail.modseq), uid: mail.uid.into(), body }
    }

    /// Deletes the row, and its body where nothing else refers to it.
    pub(super) fn forget(&self, connection: &Connection, table: &str) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM {table} WHERE mailbox = ?1 AND modseq = ?2 AND uid = ?3");
        connection.prepare_cached(&sql)?.execute([self.mailbox, self.modseq, self.uid])?;
        self.body.map_or(Ok(()), |body| rows::release(connection, QueueId::from_i64(body)))
    }
}
