//! What every change of a mailbox has in common: it runs in the writer's transaction, and those who watch the mailbox
//! hear of it after the commit.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use tokio::sync::{Notify, oneshot, watch};

#[cfg(doc)]
use super::rows::MailRow;
use super::{MailboxError, MailboxId, MailboxInfo, SpecialUse, fullness, kept, name, rows::MailboxRow};
use crate::{
    body::rows::PreparedBody,
    error::StoreError,
    ids::Ids,
    limits, meta, quarantine,
    store::{Aftermath, Store},
    writer::Request,
};

/// MODSEQs of mailboxes, for those who watch them. A watch ends when its mailbox is deleted.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    mailboxes: Mutex<HashMap<MailboxId, watch::Sender<u64>>>,
    /// An account has filled a step of its quota.
    filled: Notify,
}

impl Watches {
    /// Watches a mailbox that had at least this MODSEQ before.
    pub(crate) fn subscribe(&self, id: MailboxId, modseq: u64) -> watch::Receiver<u64> {
        let mut watches = self.mailboxes.lock().expect("nobody panics with this lock");
        // Those that nobody watches any more go when the map would grow, so that it is never twice as large as needed.
        if watches.len() == watches.capacity() {
            watches.retain(|_, sender| sender.receiver_count() > 0);
        }
        watches.entry(id).or_insert_with(|| watch::Sender::new(modseq)).subscribe()
    }

    /// The same for a mailbox that did not change since it had this MODSEQ; nothing where that is not known.
    pub(crate) fn subscribe_unchanged(&self, id: MailboxId, modseq: u64) -> Option<watch::Receiver<u64>> {
        let watches = self.mailboxes.lock().expect("nobody panics with this lock");
        watches.get(&id).filter(|sender| *sender.borrow() == modseq).map(watch::Sender::subscribe)
    }

    /// Tells of changes that are committed, before whoever made them hears of it.
    pub(crate) fn tell(&self, touched: &[Touched]) {
        if touched.is_empty() {
            return;
        }
        let mut watches = self.mailboxes.lock().expect("nobody panics with this lock");
        for touched in touched {
            match *touched {
                Touched::Changed(id, modseq) => watches.get(&id).into_iter().for_each(|sender| {
                    sender.send_if_modified(|known| {
                        let news = modseq > *known;
                        *known = modseq.max(*known);
                        news
                    });
                }),
                Touched::Deleted(id) => drop(watches.remove(&id)),
                Touched::Filled => self.filled.notify_one(),
            }
        }
    }

    /// Waits until an account has filled a step of its quota, or comes at once if one has since the last time.
    pub(super) async fn filled(&self) {
        self.filled.notified().await;
    }
}

/// A mailbox or an account that is not what it was.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Touched {
    /// It has this MODSEQ now.
    Changed(MailboxId, u64),
    /// It was deleted.
    Deleted(MailboxId),
    /// An account has filled a step of its quota.
    Filled,
}

/// A change at work: within the writer's transaction.
pub(crate) struct Work<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) ids: &'a Ids,
    pub(crate) now: Timestamp,
    /// For those who watch.
    pub(crate) touched: &'a mut Vec<Touched>,
    /// Accounts that have more mail or less, or may have.
    weighed: HashSet<String>,
    /// Octets of mail that is gone and kept, by account.
    kept: HashMap<String, u64>,
}

/// What a request comes to: a refusal leaves everything as it was, so that its neighbours in the batch lose no time.
pub(crate) type Outcome<T> = Result<Result<T, MailboxError>, StoreError>;

impl<'a> Work<'a> {
    /// Begins a change.
    pub(crate) fn begin(connection: &'a Connection, ids: &'a Ids, touched: &'a mut Vec<Touched>) -> Self {
        Self { connection, ids, now: Timestamp::now(), touched, weighed: HashSet::new(), kept: HashMap::new() }
    }

    /// Ends it: of mail that is gone the oldest is forgotten where it is too much, and what has become of the quotas of
    /// accounts is noted.
    pub(crate) fn end(mut self) -> Result<(), StoreError> {
        for (account, octets) in std::mem::take(&mut self.kept) {
            kept::add(&mut self, &account, octets)?;
        }
        for account in &self.weighed {
            if fullness::look_at(self.connection, account)? {
                self.touched.push(Touched::Filled);
            }
        }
        Ok(())
    }

    /// An account has more mail or less, or may have.
    pub(crate) fn weigh(&mut self, account: &str) {
        if !self.weighed.contains(account) {
            self.weighed.insert(account.to_owned());
        }
    }

    /// An account has mail that is gone and counts so many octets more ([`MailRow::kept_octets`]).
    pub(super) fn keep(&mut self, account: &str, octets: u64) {
        match self.kept.get_mut(account) {
            Some(kept) => *kept = kept.saturating_add(octets),
            None => drop(self.kept.insert(account.to_owned(), octets)),
        }
    }

    /// A mailbox by its number, unless it was deleted.
    pub(crate) fn mailbox(&mut self, id: MailboxId) -> Result<Option<MailboxRow>, StoreError> {
        self.one("id = ?1 AND removed IS NULL", params![id.0])
    }

    /// A mailbox by its canonical name.
    pub(crate) fn named(&mut self, account: &str, name: &str) -> Result<Option<MailboxRow>, StoreError> {
        self.one("account = ?1 AND name = ?2 AND removed IS NULL", params![account, name])
    }

    fn one(&mut self, condition: &str, params: impl rusqlite::Params) -> Result<Option<MailboxRow>, StoreError> {
        let (mut good, damaged) = MailboxRow::select(self.connection, condition, params)?;
        damaged.iter().try_for_each(|found| quarantine::put(self.connection, found, self.now))?;
        Ok(good.pop())
    }

    /// Makes a mailbox whose name is free.
    pub(crate) fn make(
        &mut self,
        account: &str,
        name: &str,
        special_use: Option<SpecialUse>,
    ) -> Result<MailboxRow, StoreError> {
        let info = MailboxInfo {
            id: MailboxId(self.ids.next().as_i64()),
            name: name.to_owned(),
            uid_validity: self.next_uid_validity()?,
            uid_next: 1,
            modseq: 1,
            messages: 0,
            unseen: 0,
            deleted: 0,
            deleted_octets: 0,
            octets: 0,
            special_use,
            subscribed: true,
        };
        let row = MailboxRow { account: account.to_owned(), info, known_since: 0, removed: None };
        row.insert(self.connection)?;
        self.announce(&row);
        Ok(row)
    }

    /// Makes the mailboxes above a name that are not there. RFC 9051 §6.3.4.
    pub(crate) fn make_parents(&mut self, account: &str, name: &str) -> Result<(), StoreError> {
        for parent in name::parents(name) {
            if self.named(account, parent)?.is_none() {
                self.make(account, parent, None)?;
            }
        }
        Ok(())
    }

    /// Makes what every account has, where it has no `INBOX`.
    pub(crate) fn ensure_inbox(&mut self, account: &str) -> Result<MailboxRow, StoreError> {
        if let Some(inbox) = self.named(account, name::INBOX)? {
            return Ok(inbox);
        }
        let inbox = self.make(account, name::INBOX, None)?;
        for (name, special_use) in FIRST_MAILBOXES {
            if self.named(account, name)?.is_none() {
                self.make(account, name, Some(special_use))?;
            }
        }
        Ok(inbox)
    }

    /// A mailbox by its canonical name; where it is missing it is made, and with the first one all that an account has.
    pub(crate) fn ensure(&mut self, account: &str, name: &str) -> Result<MailboxRow, StoreError> {
        if let Some(mailbox) = self.named(account, name)? {
            return Ok(mailbox);
        }
        let inbox = self.ensure_inbox(account)?;
        if name == name::INBOX {
            return Ok(inbox);
        }
        if let Some(mailbox) = self.named(account, name)? {
            return Ok(mailbox);
        }
        self.make_parents(account, name)?;
        self.make(account, name, None)
    }

    /// Seconds since 1970, or one more than the last: no two mailboxes ever have the same, whatever the clock does.
    fn next_uid_validity(&self) -> Result<u32, StoreError> {
        let last = meta::number(self.connection, "uid-validity")?.and_then(|last| u32::try_from(last).ok());
        let clock = u32::try_from(self.now.as_second()).unwrap_or_default();
        let next = clock.max(last.unwrap_or_default().saturating_add(1));
        meta::put_number(self.connection, "uid-validity", u64::from(next))?;
        Ok(next)
    }

    /// Tells those who watch a mailbox of what was changed without them.
    pub(crate) fn touch(&mut self, id: MailboxId) -> Result<(), StoreError> {
        if let Some(mailbox) = self.mailbox(id)? {
            self.announce(&mailbox);
        }
        Ok(())
    }

    /// A mailbox is written as it is from now on: those who watch it will hear of it, for the last time if it was deleted.
    pub(crate) fn announce(&mut self, mailbox: &MailboxRow) {
        let id = mailbox.info.id;
        let is_deleted = mailbox.removed.is_some();
        self.touched.push(if is_deleted { Touched::Deleted(id) } else { Touched::Changed(id, mailbox.info.modseq) });
    }

    /// Ends a change of a mailbox's mail: its counters are written, and those who watch it will hear of it.
    pub(crate) fn finish(&mut self, mailbox: &MailboxRow) -> Result<(), StoreError> {
        mailbox.update_counters(self.connection)?;
        self.announce(mailbox);
        Ok(())
    }
}

/// What a new account has beside its `INBOX`. Mail programs show these names in the language of their user.
const FIRST_MAILBOXES: [(&str, SpecialUse); 5] = [
    ("Archive", SpecialUse::Archive),
    ("Drafts", SpecialUse::Drafts),
    ("Junk", SpecialUse::Junk),
    ("Sent", SpecialUse::Sent),
    ("Trash", SpecialUse::Trash),
];

impl Store {
    /// Changes mailboxes in one transaction.
    pub(crate) async fn work<T, F>(&self, weight: usize, job: F) -> Result<T, MailboxError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Outcome<T> + Send + 'static,
    {
        self.work_with_bodies(weight, Arc::default(), job).await
    }

    /// The same for a change that is never refused.
    pub(crate) async fn work_always<T, F>(&self, mut job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.work(0, move |work| job(work).map(Ok)).await.map_err(|error| match error {
            MailboxError::Store(error) => error,
            refused => StoreError::Statement(refused.to_string()),
        })
    }

    /// The same for a change that brings bodies.
    pub(crate) async fn work_with_bodies<T, F>(
        &self,
        weight: usize,
        bodies: Arc<[PreparedBody]>,
        job: F,
    ) -> Result<T, MailboxError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Outcome<T> + Send + 'static,
    {
        let (sender, answer) = oneshot::channel();
        let (ids, watches) = (self.ids().clone(), self.watches().clone());
        let aftermath = self.aftermath();
        let call = Call { weight, job, bodies, ids, watches, aftermath, touched: Vec::new(), result: None, sender };
        self.request(Box::new(call)).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the writer has stopped".to_owned())))?
    }
}

/// A change of mailboxes for the writer.
struct Call<T, F> {
    weight: usize,
    job: F,
    bodies: Arc<[PreparedBody]>,
    ids: Arc<Ids>,
    watches: Arc<Watches>,
    aftermath: Aftermath,
    touched: Vec<Touched>,
    result: Option<Result<T, MailboxError>>,
    sender: oneshot::Sender<Result<Result<T, MailboxError>, StoreError>>,
}

impl<T, F> Request for Call<T, F>
where
    T: Send,
    F: FnMut(&mut Work<'_>) -> Outcome<T> + Send,
{
    fn weight(&self) -> usize {
        limits::SMALL_JOB_BYTES + self.weight
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.touched.clear();
        let mut work = Work::begin(connection, &self.ids, &mut self.touched);
        self.result = Some((self.job)(&mut work)?);
        work.end()
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { job, bodies, watches, aftermath, touched, result: output, sender, .. } = *self;
        // Some jobs tell others when they are dropped, who must know before the caller goes on.
        drop(job);
        // Of bodies that were refused nothing is in the store, and their files go.
        if !matches!(output, Some(Err(_))) {
            bodies.iter().for_each(|body| aftermath.follow_body(body, result.as_ref()));
        }
        if result.is_ok() {
            watches.tell(&touched);
        }
        // Whoever asked may have gone; what was written stays written.
        let _ = sender.send(result.map(|()| output.expect("a request that ran has its result")));
    }
}
