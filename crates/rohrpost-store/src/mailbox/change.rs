//! Mail that is there changes: its flags, its place, whether it is there.
//!
//! Long changes are made page by page, so that others do not wait; each page is a change of its own with its own MODSEQ.
//! Only COPY is all or nothing, as RFC 9051 §6.4.7 wants it.

use std::{ops::RangeInclusive, sync::Arc};

use bytes::Bytes;
use rusqlite::params;

use super::{
    Entry, Flags, MailboxError, MailboxId, name,
    rows::{MAIL_COLUMNS, MailRow, MailboxRow},
    uids,
    work::{Outcome, Work},
};
use crate::{error::StoreError, limits, quarantine, row::Damage, store::Store};

/// What STORE does with flags. RFC 9051 §6.4.6.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FlagOp {
    /// `+FLAGS`
    Add,
    /// `-FLAGS`
    Remove,
    /// `FLAGS`
    Replace,
}

/// What became of flags.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FlagsStored {
    /// The messages as they are now, by UID; also those that had these flags already, which keep their MODSEQ.
    pub entries: Vec<Entry>,
    /// UIDs of messages that have changed since and were left alone. RFC 7162 §3.1.3.
    pub modified: Vec<u32>,
    /// The MODSEQ that the mailbox got by it; nothing where no message changed.
    pub modseq: Option<u64>,
}

/// What was copied or moved.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Copied {
    /// UIDVALIDITY of where they are now.
    pub uid_validity: u32,
    /// The UIDs of messages where they were, and where they are now.
    pub pairs: Vec<(u32, u32)>,
    /// The MODSEQ that the mailbox they were in got by it; nothing where none was moved, and for copies.
    pub modseq: Option<u64>,
}

/// What was expunged.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Expunged {
    /// The UIDs that are gone.
    pub uids: Vec<RangeInclusive<u32>>,
    /// The MODSEQ that the mailbox got by it; nothing where nothing was expunged.
    pub modseq: Option<u64>,
}

/// UIDs as ranges, in ascending order.
type Uids = Arc<[RangeInclusive<u32>]>;

impl Store {
    /// Changes the flags of messages. With `unchanged_since`, those whose MODSEQ is higher are left alone.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], [`MailboxError::TooMany`] keywords, or as any write.
    pub async fn mailbox_store(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        op: FlagOp,
        flags: Flags,
        unchanged_since: Option<u64>,
    ) -> Result<FlagsStored, MailboxError> {
        let wish = Arc::new(Wish { uids: uids.into(), op, flags, unchanged_since });
        let (mut stored, mut from) = (FlagsStored::default(), Some(1));
        while let Some(uid) = from {
            let wish = wish.clone();
            let (page, next) = self.work(PAGE_WEIGHT, move |work| store_page(work, id, &wish, uid)).await?;
            stored.entries.extend(page.entries);
            stored.modified.extend(page.modified);
            stored.modseq = page.modseq.or(stored.modseq);
            from = next;
        }
        Ok(stored)
    }

    /// Copies messages to a mailbox of the same account, all or none. Flags and times come along; UIDs that are not there
    /// are passed over.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], [`MailboxError::OverQuota`], [`MailboxError::TooMany`] (keywords, or more than
    /// [`limits::COPIED_AT_ONCE_MAX`] messages), or as any write.
    pub async fn mailbox_copy(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        target: &str,
    ) -> Result<Copied, MailboxError> {
        self.check_takes_mail()?;
        let target = name::canonical(target).map_err(|_| MailboxError::Missing)?;
        let uids: Uids = uids.into();
        self.work(PAGE_WEIGHT, move |work| copy(work, id, &uids, &target)).await
    }

    /// Moves messages to a mailbox of the same account. Each of them is in one of the two at any time. RFC 6851.
    ///
    /// # Errors
    /// As [`Store::mailbox_copy`]; some may have been moved by then.
    pub async fn mailbox_move(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        target: &str,
    ) -> Result<Copied, MailboxError> {
        let target = name::canonical(target).map_err(|_| MailboxError::Missing)?;
        let uids = self.up_to_now(id, uids).await?;
        let (mut copied, mut from) = (Copied::default(), Some(1));
        while let Some(uid) = from {
            let (uids, target) = (uids.clone(), target.clone());
            let (page, next) = self.work(PAGE_WEIGHT, move |work| move_page(work, id, &uids, &target, uid)).await?;
            copied.uid_validity = page.uid_validity;
            copied.pairs.extend(page.pairs);
            copied.modseq = page.modseq.or(copied.modseq);
            from = next;
        }
        Ok(copied)
    }

    /// Takes messages out of a mailbox: of some UIDs, or of all; only those with `\Deleted`, or all of them. They can be
    /// brought back with [`Store::mailbox_undelete`].
    ///
    /// # Errors
    /// [`MailboxError::Missing`], or as any write.
    pub async fn mailbox_expunge(
        &self,
        id: MailboxId,
        uids: Option<&[RangeInclusive<u32>]>,
        only_deleted: bool,
    ) -> Result<Expunged, MailboxError> {
        let everything = [1..=u32::MAX];
        let uids = self.up_to_now(id, uids.unwrap_or(&everything)).await?;
        let (mut gone, mut modseq, mut from) = (Vec::new(), None, Some(1));
        while let Some(uid) = from {
            let uids = uids.clone();
            let job = move |work: &mut Work<'_>| expunge_page(work, id, &uids, only_deleted, uid);
            let (page, page_modseq, next) = self.work(PAGE_WEIGHT, job).await?;
            gone.extend(page);
            modseq = page_modseq.or(modseq);
            from = next;
        }
        Ok(Expunged { uids: uids::ranges(gone), modseq })
    }

    /// The ranges without UIDs to come: what arrives between two pages was not meant.
    async fn up_to_now(&self, id: MailboxId, uids: &[RangeInclusive<u32>]) -> Result<Uids, MailboxError> {
        let last = self.mailbox_by_id(id).await?.ok_or(MailboxError::Missing)?.uid_next - 1;
        let clip = |range: &RangeInclusive<u32>| *range.start()..=last.min(*range.end());
        Ok(uids.iter().map(clip).filter(|range| !range.is_empty()).collect())
    }
}

/// What a page of changes counts towards the octets of a batch.
const PAGE_WEIGHT: usize = 256 << 10;

/// What STORE wants.
struct Wish {
    uids: Uids,
    op: FlagOp,
    flags: Flags,
    unchanged_since: Option<u64>,
}

impl Wish {
    fn apply(&self, before: &Flags) -> Flags {
        match self.op {
            FlagOp::Add => before.with(&self.flags),
            FlagOp::Remove => before.without(&self.flags),
            FlagOp::Replace => self.flags.clone(),
        }
    }
}

/// Some mail in the order of its UIDs, and the UID to go on from.
type Page = (Vec<MailRow>, Option<u32>);

impl Work<'_> {
    /// Reads at most `limit` messages from a UID on. Damaged rows go to quarantine, which changes the mailbox: it is to be
    /// read afterwards.
    pub(super) fn page(
        &mut self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        only_deleted: bool,
        from: u32,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let (index, condition) = if only_deleted { ("INDEXED BY mail_deleted", "AND flags & 8") } else { ("", "") };
        let sql = format!(
            "SELECT {MAIL_COLUMNS} FROM mail {index} WHERE mailbox = ?1 AND uid BETWEEN ?2 AND ?3 {condition} ORDER BY uid"
        );
        let mut statement = self.connection.prepare_cached(&sql)?;
        let (mut mails, mut damaged, mut next) = (Vec::new(), Vec::new(), None);
        'page: for range in uids.iter().filter(|range| from <= *range.end()) {
            let mut rows = statement.query(params![id.0, from.max(*range.start()), range.end()])?;
            while let Some(row) = rows.next()? {
                if mails.len() + damaged.len() >= limit {
                    next = Some(row.get(1)?);
                    break 'page;
                }
                match MailRow::read(row, Bytes::copy_from_slice) {
                    Ok(mail) => mails.push(mail),
                    Err(Damage::Row(reason)) => damaged.push(quarantine::found_mail(row, reason)?),
                    Err(Damage::Database(error)) => return Err(error),
                }
            }
        }
        damaged.iter().try_for_each(|found| quarantine::put(self.connection, found, self.now))?;
        if !damaged.is_empty() {
            self.touch(id)?;
        }
        Ok((mails, next))
    }

    /// Takes mail out of a mailbox whose MODSEQ has been raised for it. What moved on cannot be brought back here.
    fn take_out(&mut self, mailbox: &mut MailboxRow, mail: MailRow, moved_on: bool) -> Result<(), StoreError> {
        mail.delete(self.connection)?;
        mailbox.count(&mail, -1);
        self.weigh(&mailbox.account);
        let mut mail = MailRow { modseq: mailbox.info.modseq, ..mail };
        if moved_on {
            (mail.body, mail.prefix) = (None, Bytes::new());
        }
        self.keep(&mailbox.account, mail.kept_octets());
        mail.insert_expunged(self.connection, self.now)
    }
}

fn store_page(work: &mut Work<'_>, id: MailboxId, wish: &Wish, from: u32) -> Outcome<(FlagsStored, Option<u32>)> {
    let (mails, next) = work.page(id, &wish.uids, false, from, limits::CHANGED_AT_ONCE_MAX)?;
    let Some(mut mailbox) = work.mailbox(id)? else { return Ok(Err(MailboxError::Missing)) };
    // Keywords that nobody has need not become known to be taken away.
    let flags =
        if wish.op == FlagOp::Remove { Ok(vec![wish.flags.clone()]) } else { work.known_flags(id, [&wish.flags])? };
    let Ok(mut flags) = flags else { return Ok(Err(MailboxError::TooMany)) };
    let wish = Wish { uids: wish.uids.clone(), flags: flags.pop().unwrap_or_default(), ..*wish };
    let mut stored = FlagsStored::default();
    let modseq = mailbox.info.modseq + 1;
    for mut mail in mails {
        if wish.unchanged_since.is_some_and(|since| mail.modseq > since) {
            stored.modified.push(mail.uid);
            continue;
        }
        let flags = wish.apply(&mail.flags);
        if flags != mail.flags {
            mailbox.count(&mail, -1);
            (mail.flags, mail.modseq) = (flags, modseq);
            mailbox.count(&mail, 1);
            mail.update_flags(work.connection)?;
            mailbox.info.modseq = modseq;
        }
        stored.entries.push(Entry { uid: mail.uid, modseq: mail.modseq, flags: mail.flags });
    }
    if mailbox.info.modseq == modseq {
        work.finish(&mailbox)?;
        stored.modseq = Some(modseq);
    }
    Ok(Ok((stored, next)))
}

fn copy(work: &mut Work<'_>, id: MailboxId, uids: &Uids, target: &str) -> Outcome<Copied> {
    let (mails, more) = work.page(id, uids, false, 1, limits::COPIED_AT_ONCE_MAX)?;
    let Some(source) = work.mailbox(id)? else { return Ok(Err(MailboxError::Missing)) };
    let Some(mut target) = work.named(&source.account, target)? else { return Ok(Err(MailboxError::Missing)) };
    if more.is_some() {
        return Ok(Err(MailboxError::TooMany));
    }
    if !work.has_room(&source.account, mails.iter().map(|mail| mail.octets).sum())? {
        return Ok(Err(MailboxError::OverQuota));
    }
    let mut copied = Copied { uid_validity: target.info.uid_validity, ..Copied::default() };
    let Ok(flags) = work.known_flags(target.info.id, mails.iter().map(|mail| &mail.flags))? else {
        return Ok(Err(MailboxError::TooMany));
    };
    if mails.is_empty() {
        return Ok(Ok(copied));
    }
    target.info.modseq += 1;
    for (mail, flags) in mails.into_iter().zip(flags) {
        let before = mail.uid;
        copied.pairs.push((before, work.add(&mut target, MailRow { flags, saved: work.now, ..mail })?));
    }
    work.finish(&target)?;
    Ok(Ok(copied))
}

fn move_page(
    work: &mut Work<'_>,
    id: MailboxId,
    uids: &Uids,
    target: &str,
    from: u32,
) -> Outcome<(Copied, Option<u32>)> {
    let (mails, next) = work.page(id, uids, false, from, limits::CHANGED_AT_ONCE_MAX)?;
    let Some(mut source) = work.mailbox(id)? else { return Ok(Err(MailboxError::Missing)) };
    let Some(target) = work.named(&source.account, target)? else { return Ok(Err(MailboxError::Missing)) };
    // Moving to where they are gives messages new UIDs: then both are the same row.
    let mut target = (target.info.id != id).then_some(target);
    let place = target.as_ref().unwrap_or(&source).info.clone();
    let Ok(flags) = work.known_flags(place.id, mails.iter().map(|mail| &mail.flags))? else {
        return Ok(Err(MailboxError::TooMany));
    };
    let mut copied = Copied { uid_validity: place.uid_validity, ..Copied::default() };
    if mails.is_empty() {
        return Ok(Ok((copied, next)));
    }
    source.info.modseq += 1;
    if let Some(target) = &mut target {
        target.info.modseq += 1;
    }
    for (mail, flags) in mails.into_iter().zip(flags) {
        let new = MailRow { flags, saved: work.now, ..mail.clone() };
        let into = target.as_mut().unwrap_or(&mut source);
        copied.pairs.push((mail.uid, work.add(into, new)?));
        work.take_out(&mut source, mail, true)?;
    }
    work.finish(&source)?;
    if let Some(target) = &target {
        work.finish(target)?;
    }
    copied.modseq = Some(source.info.modseq);
    Ok(Ok((copied, next)))
}

/// The UIDs, the MODSEQ, and the UID to go on from.
type ExpungedPage = (Vec<u32>, Option<u64>, Option<u32>);

fn expunge_page(
    work: &mut Work<'_>,
    id: MailboxId,
    uids: &Uids,
    only_deleted: bool,
    from: u32,
) -> Outcome<ExpungedPage> {
    let (mails, next) = work.page(id, uids, only_deleted, from, limits::CHANGED_AT_ONCE_MAX)?;
    let Some(mut mailbox) = work.mailbox(id)? else { return Ok(Err(MailboxError::Missing)) };
    if mails.is_empty() {
        return Ok(Ok((Vec::new(), None, next)));
    }
    mailbox.info.modseq += 1;
    let mut gone = Vec::with_capacity(mails.len());
    for mail in mails {
        gone.push(mail.uid);
        work.take_out(&mut mailbox, mail, false)?;
    }
    work.finish(&mailbox)?;
    Ok(Ok((gone, Some(mailbox.info.modseq), next)))
}
