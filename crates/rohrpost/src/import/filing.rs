//! Messages on their way into the store: in batches, each for one mailbox and one commit, and noted before and after.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rohrpost_mail::Mailbox;

use super::{
    journal::{Batch, Journal},
    limits::{BATCH_BYTES_MAX, BATCH_MESSAGES_MAX},
    source::Found,
    sum::Key,
};
use crate::{
    commands::mismatch,
    control::{Added, Answer, Content, MailIn, MailboxRow, Mark, Octets, Request},
    door::Door,
};

/// Gathers and files.
pub(super) struct Filing {
    door: Door,
    account: Mailbox,
    /// What each mailbox is known to be at.
    mailboxes: HashMap<String, Added>,
    /// What lies in a mailbox, where duplicates are looked for.
    there: HashMap<String, HashSet<Key>>,
    batch: Vec<Found>,
}

impl Filing {
    /// Into this account, which has these mailboxes.
    pub(super) fn new(door: Door, account: Mailbox, here: Vec<MailboxRow>) -> Self {
        let at = |row: MailboxRow| {
            let added = Added { uid_validity: row.uid_validity, uid_next: row.uid_next };
            (row.name, added)
        };
        let mailboxes = here.into_iter().map(at).collect();
        Self { door, account, mailboxes, there: HashMap::new(), batch: Vec::new() }
    }

    /// Whether a message is not in its mailbox yet, nor in one that was asked about before.
    pub(super) async fn is_new(&mut self, found: &Found) -> anyhow::Result<bool> {
        if !self.there.contains_key(&found.mailbox) {
            let keys = self.marks(&found.mailbox, 0).await?.into_iter().map(|mark| mark.key).collect();
            self.there.insert(found.mailbox.clone(), keys);
        }
        let there = self.there.entry(found.mailbox.clone()).or_default();
        Ok(there.insert(found.letter.key.clone()))
    }

    /// Whether the batch can take this message too.
    pub(super) fn has_room(&self, found: &Found) -> bool {
        let Some(first) = self.batch.first() else { return true };
        let octets: u64 = self.batch.iter().map(|found| found.letter.octets).sum();
        let fits = octets + found.letter.octets <= BATCH_BYTES_MAX && self.batch.len() < BATCH_MESSAGES_MAX;
        fits && first.mailbox == found.mailbox
    }

    /// Puts a message into the batch.
    pub(super) fn push(&mut self, found: Found) {
        self.batch.push(found);
    }

    /// Files the batch. Says into which mailbox, and how many messages.
    pub(super) async fn flush(&mut self, journal: &mut Journal) -> anyhow::Result<Option<(String, u64)>> {
        let batch = std::mem::take(&mut self.batch);
        let Some(first) = batch.first() else { return Ok(None) };
        let (mailbox, messages) = (first.mailbox.clone(), batch.len() as u64);
        let at = self.mailboxes.get(&mailbox);
        journal.begin(Batch {
            mailbox: mailbox.clone(),
            uid_next: at.map_or((0, 1), |at| (at.uid_validity, at.uid_next)),
            first: first.letter.key.clone(),
            mails: batch.iter().map(|found| found.key.clone()).collect(),
        })?;
        // Where this fails the batch stays open: the next run finds out what became of it.
        let added = self.add(&mailbox, batch).await?;
        journal.settle(true)?;
        self.mailboxes.insert(mailbox.clone(), added);
        Ok(Some((mailbox, messages)))
    }

    async fn add(&self, mailbox: &str, batch: Vec<Found>) -> anyhow::Result<Added> {
        let mut mails = Vec::with_capacity(batch.len());
        for found in batch {
            mails.push(self.mail(found).await?);
        }
        let request = Request::MailAdd { account: self.account.clone(), mailbox: mailbox.to_owned(), mails };
        let Answer::Added(added) = self.door.ask(request).await? else { return Err(mismatch()) };
        Ok(added)
    }

    async fn mail(&self, found: Found) -> anyhow::Result<MailIn> {
        let Found { mut letter, flags, at, .. } = found;
        let at = at.unwrap_or_else(Timestamp::now);
        if letter.octets <= BATCH_BYTES_MAX {
            let content = Content::Here(Octets(letter.piece(BATCH_BYTES_MAX)?));
            return Ok(MailIn { flags, at, content });
        }
        let mut upload = None;
        loop {
            let piece = letter.piece(BATCH_BYTES_MAX)?;
            if piece.is_empty() {
                break;
            }
            let request = Request::MailUpload { upload, piece: Octets(piece) };
            let Answer::Uploaded(number) = self.door.ask(request).await? else { return Err(mismatch()) };
            upload = Some(number);
        }
        let number = upload.expect("a long message has a piece");
        Ok(MailIn { flags, at, content: Content::Uploaded(number) })
    }

    /// Finds out what became of the batch that a stopped run left open.
    pub(super) async fn settle_open(&self, journal: &mut Journal) -> anyhow::Result<()> {
        let Some(Batch { mailbox, uid_next: (validity, uid_next), first, .. }) = journal.open_batch().cloned() else {
            return Ok(());
        };
        // A mailbox that the batch was to make had no UIDVALIDITY yet. One that was made anew has lost the batch.
        let is_same = self.mailboxes.get(&mailbox).is_some_and(|at| validity == 0 || at.uid_validity == validity);
        let was_filed =
            is_same && self.marks(&mailbox, uid_next.saturating_sub(1)).await?.iter().any(|mark| mark.key == first);
        journal.settle(was_filed)
    }

    /// What the messages of a mailbox behind a UID are known by; none where there is no such mailbox.
    async fn marks(&self, mailbox: &str, mut after: u32) -> anyhow::Result<Vec<Mark>> {
        let mut marks: Vec<Mark> = Vec::new();
        if !self.mailboxes.contains_key(mailbox) {
            return Ok(marks);
        }
        loop {
            let request = Request::MailMarks { account: self.account.clone(), mailbox: mailbox.to_owned(), after };
            let Answer::Marks(page) = self.door.ask(request).await? else { return Err(mismatch()) };
            let Some(last) = page.last() else { return Ok(marks) };
            after = last.uid;
            marks.extend(page);
        }
    }
}
