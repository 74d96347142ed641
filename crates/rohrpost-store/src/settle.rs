//! Settlements: what became of a recipient, as one atomic change with its record.

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Mailbox, QueueId};
use rusqlite::{Connection, params};

use crate::{
    error::StoreError,
    mailbox::{
        mails::{self, PreparedFiling, Room},
        work::Work,
    },
    message::{self, Filing, NewMessage, NewRecipient, Prepared},
    quarantine,
    queue::{self, RecipientRow, State},
    records::RecordRow,
    row::json,
};

/// What became of one recipient, in the order given. All settlements of one call are committed together, but for those
/// whose mail finds no room.
///
/// The recipient may have left the queue meanwhile, by an operator's hand: then only records, messages and digest are
/// written. One that was held meanwhile stays held when it is deferred.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// Which message.
    pub message: QueueId,
    /// Which of its recipients.
    pub n: u32,
    /// What changes.
    pub change: Change,
    /// What the trace shows of it.
    pub records: Vec<DeliveryRecord>,
    /// Messages that come of it and are committed with it, so that none is lost nor doubled: bounces, notices,
    /// forwarded copies.
    pub new: Vec<NewMessage>,
    /// A line for the daily digest to the postmaster.
    pub digest: Option<NewDigestEntry>,
}

/// A change of one recipient.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Leaves the queue: sent on, failed, expired or removed.
    Done,
    /// Leaves the queue into these mailboxes, however full they are.
    File(Vec<Filing>),
    /// Leaves the queue into a mailbox whose account has room for it. Where it has none the recipient stays as it is, and
    /// nothing of the settlement is written.
    FileIfRoom(Filing),
    /// Leaves the queue, and these come in its place: an alias.
    Replace(Vec<NewRecipient>),
    /// Waits for another attempt.
    Defer {
        /// Not before.
        due: Timestamp,
        /// Attempts so far.
        attempts: u32,
        /// Why, in words.
        last: Option<String>,
    },
    /// Waits for an operator.
    Hold {
        /// Why, in words.
        last: Option<String>,
    },
    /// Waits no longer for an operator.
    Release {
        /// When it is due.
        due: Timestamp,
    },
    /// Takes another way.
    Route {
        /// Its route from now on.
        route: String,
        /// Its site from now on.
        site: String,
    },
    /// The sender was told that it is late.
    DelayNoticeSent,
    /// Only the record.
    Nothing,
}

/// Something the postmaster shall read in the daily digest: a bounce that could not be delivered, mostly.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct NewDigestEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Which message.
    pub message: QueueId,
    /// For whom it was, if for anybody.
    pub recipient: Option<Mailbox>,
    /// What happened, in words.
    pub text: String,
}

/// An entry of the digest.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DigestEntry {
    /// To remove it by.
    pub id: i64,
    /// What it says.
    pub entry: NewDigestEntry,
}

/// A settlement ready to be written.
#[derive(Debug)]
pub(crate) struct PreparedSettlement {
    message: QueueId,
    n: u32,
    change: Change,
    filings: Vec<PreparedFiling>,
    records: Vec<RecordRow>,
    pub(crate) new: Vec<Prepared>,
    digest: Option<NewDigestEntry>,
    now: Timestamp,
    /// Whether there was no room for its mail.
    had_no_room: bool,
}

impl PreparedSettlement {
    pub(crate) fn new(settlement: Settlement, now: Timestamp) -> Self {
        let Settlement { message, n, mut change, records, new, digest } = settlement;
        let filings = match &mut change {
            Change::File(filings) => std::mem::take(filings),
            Change::FileIfRoom(filing) => vec![filing.clone()],
            _ => Vec::new(),
        };
        Self {
            message,
            n,
            change,
            filings: filings.into_iter().map(PreparedFiling::new).collect(),
            records: records.iter().map(RecordRow::new).collect(),
            new: new.into_iter().map(Prepared::new).collect(),
            digest,
            now,
            had_no_room: false,
        }
    }

    /// Which recipient there was no room for, once it was applied.
    pub(crate) fn without_room(&self) -> Option<(QueueId, u32)> {
        self.had_no_room.then_some((self.message, self.n))
    }

    /// Octets that the transaction writes, about.
    pub(crate) fn weight(&self) -> usize {
        512 + self.records.iter().map(RecordRow::weight).sum::<usize>()
            + self.new.iter().map(Prepared::weight).sum::<usize>()
            + self.filings.iter().map(PreparedFiling::weight).sum::<usize>()
    }

    /// Writes it all, or nothing where there is no room for its mail.
    pub(crate) fn apply(&mut self, work: &mut Work<'_>) -> Result<(), StoreError> {
        let connection = work.connection;
        let selected = RecipientRow::find(connection, self.message, self.n)?;
        for damaged in &selected.damaged {
            quarantine::put(connection, damaged, self.now)?;
        }
        let row = selected.rows.into_iter().next();
        self.had_no_room = row.is_some() && !self.file(work)?;
        if self.had_no_room {
            return Ok(());
        }
        // What comes of a message goes in before the message leaves, because it may share the body that then may go.
        self.new.iter().try_for_each(|message| message.insert(connection))?;
        self.records.iter().try_for_each(|record| record.insert(connection))?;
        if let Some(entry) = &self.digest {
            entry.insert(connection)?;
        }
        row.map_or(Ok(()), |row| self.change(connection, row))
    }

    /// Puts its mail into mailboxes; false where there is no room.
    fn file(&self, work: &mut Work<'_>) -> Result<bool, StoreError> {
        match &self.change {
            Change::File(_) => mails::file(work, self.message, &self.filings, Room::Any),
            Change::FileIfRoom(_) => mails::file(work, self.message, &self.filings, Room::WithinQuota),
            _ => Ok(true),
        }
    }

    fn change(&self, connection: &Connection, mut row: RecipientRow) -> Result<(), StoreError> {
        let queued = &mut row.queued;
        match &self.change {
            Change::Nothing => return Ok(()),
            Change::Done | Change::File(_) | Change::FileIfRoom(_) => return self.leave(connection),
            Change::Replace(others) => {
                self.replace(connection, &row, others)?;
                return self.leave(connection);
            }
            Change::Defer { due, attempts, last } => {
                (queued.due, queued.attempts) = (*due, *attempts);
                row.last.clone_from(last);
            }
            Change::Hold { last } => {
                queued.state = State::Held;
                row.last.clone_from(last);
            }
            Change::Release { due } => (queued.state, queued.due) = (State::Waiting, *due),
            Change::Route { route, site } => {
                queued.route.clone_from(route);
                queued.site.clone_from(site);
            }
            Change::DelayNoticeSent => queued.delay_notice_sent = true,
        }
        row.update(connection)
    }

    fn leave(&self, connection: &Connection) -> Result<(), StoreError> {
        queue::remove(connection, self.message, self.n)?;
        message::leave_if_empty(connection, self.message, self.now)
    }

    fn replace(&self, connection: &Connection, row: &RecipientRow, others: &[NewRecipient]) -> Result<(), StoreError> {
        let sql = "UPDATE message SET next_n = next_n + ?2 WHERE id = ?1 RETURNING next_n - ?2";
        let mut number = connection.prepare_cached(sql)?;
        let first: u32 = number.query_row(params![self.message.as_i64(), others.len()], |row| row.get(0))?;
        for (other, n) in others.iter().zip(first..) {
            let (created, expires) = (row.queued.created, row.queued.expires);
            RecipientRow::new(self.message, n, other.clone(), created, expires).insert(connection)?;
        }
        Ok(())
    }
}

impl NewDigestEntry {
    fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO digest (at, message, recipient, text) VALUES (?1, ?2, ?3, ?4)";
        let recipient = self.recipient.as_ref().map(json);
        let at = self.at.as_millisecond();
        connection.prepare_cached(sql)?.execute(params![at, self.message.as_i64(), recipient, self.text])?;
        Ok(())
    }
}
