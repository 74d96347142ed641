//! Mail comes into a mailbox: appended by a client, or filed by local delivery.

use std::{ops::RangeInclusive, sync::Arc};

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{QueueId, mime::Shape};
use rusqlite::params;

use super::{
    Flags, MailboxError, MailboxId, name,
    rows::{MailRow, MailboxRow},
    shapes,
    work::{Outcome, Work},
};
use crate::{
    body::{Body, BodyRef, rows::PreparedBody},
    error::StoreError,
    limits,
    message::Filing,
    records,
    store::Store,
};

/// A message on its way into a mailbox.
#[derive(Clone, Debug)]
pub struct NewMail {
    /// The message itself.
    pub body: Body,
    /// Its structure in the stored form ([`Shape::to_bytes`]); made when it is first asked for where it is missing.
    pub shape: Option<Bytes>,
    /// Its flags.
    pub flags: Flags,
    /// INTERNALDATE.
    pub at: Timestamp,
}

/// What was appended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Appended {
    /// Where.
    pub mailbox: MailboxId,
    /// Its UIDVALIDITY.
    pub uid_validity: u32,
    /// The UIDs, in the order of the messages.
    pub uids: RangeInclusive<u32>,
}

impl Store {
    /// Puts messages into a mailbox, all or none of them. They are durable when it returns.
    ///
    /// # Errors
    /// [`MailboxError::Missing`], [`MailboxError::OverQuota`], [`MailboxError::TooMany`] (of keywords, or messages at
    /// once), or as any write.
    pub async fn mailbox_append(
        &self,
        account: &str,
        name: &str,
        mails: Vec<NewMail>,
    ) -> Result<Appended, MailboxError> {
        self.check_takes_mail()?;
        let name = name::canonical(name).map_err(|_| MailboxError::Missing)?;
        let account = account.to_owned();
        if mails.is_empty() || mails.len() > limits::CHANGED_AT_ONCE_MAX {
            return Err(MailboxError::TooMany);
        }
        let mut arrivals = Vec::with_capacity(mails.len());
        let mut bodies = Vec::with_capacity(mails.len());
        for NewMail { body, shape, flags, at } in mails {
            let body = PreparedBody::new(body, self.new_id());
            arrivals.push(Arrival::new(&body, shape, flags, at));
            bodies.push(body);
        }
        let weight = bodies.iter().map(PreparedBody::weight).chain(arrivals.iter().map(Arrival::weight)).sum();
        let bodies: Arc<[PreparedBody]> = bodies.into();
        let insert = bodies.clone();
        self.work_with_bodies(weight, bodies, move |work| append(work, &account, &name, &arrivals, &insert)).await
    }
}

/// A message that comes into a mailbox, with all that can be computed outside the writer's thread.
#[derive(Debug)]
struct Arrival {
    body: QueueId,
    prefix: Bytes,
    octets: u64,
    shape: Option<shapes::Prepared>,
    thread: Option<i64>,
    flags: Flags,
    at: Timestamp,
}

impl Arrival {
    fn new(body: &PreparedBody, shape: Option<Bytes>, flags: Flags, at: Timestamp) -> Self {
        let prefix = Bytes::copy_from_slice(body.prefix());
        let thread = shape.as_ref().and_then(thread_of);
        let shape = shape.map(|shape| shapes::Prepared::new(body.id(), shape));
        Self { body: body.id(), prefix, octets: body.octets(), shape, thread, flags, at }
    }

    fn weight(&self) -> usize {
        self.prefix.len() + self.shape.as_ref().map_or(0, shapes::Prepared::weight)
    }
}

fn append(
    work: &mut Work<'_>,
    account: &str,
    name: &str,
    arrivals: &[Arrival],
    bodies: &[PreparedBody],
) -> Outcome<Appended> {
    let Some(mut mailbox) = work.named(account, name)? else { return Ok(Err(MailboxError::Missing)) };
    if !work.has_room(account, arrivals.iter().map(|arrival| arrival.octets).sum())? {
        return Ok(Err(MailboxError::OverQuota));
    }
    let Ok(flags) = work.known_flags(mailbox.info.id, arrivals.iter().map(|arrival| &arrival.flags))? else {
        return Ok(Err(MailboxError::TooMany));
    };
    let first = mailbox.info.uid_next;
    mailbox.info.modseq += 1;
    for ((arrival, body), flags) in arrivals.iter().zip(bodies).zip(flags) {
        body.insert(work.connection)?;
        if let Some(shape) = &arrival.shape {
            shape.insert(work.connection)?;
        }
        let email = work.ids.next().as_i64();
        let mail = MailRow {
            mailbox: mailbox.info.id,
            uid: 0,
            modseq: 0,
            flags,
            email,
            thread: arrival.thread.unwrap_or(email),
            message: None,
            at: arrival.at,
            saved: work.now,
            body: Some(arrival.body),
            prefix: arrival.prefix.clone(),
            octets: arrival.octets,
        };
        work.add(&mut mailbox, mail)?;
    }
    work.finish(&mailbox)?;
    let uids = first..=mailbox.info.uid_next - 1;
    Ok(Ok(Appended { mailbox: mailbox.info.id, uid_validity: mailbox.info.uid_validity, uids }))
}

impl Work<'_> {
    /// Gives mail the next UID of a mailbox, and the MODSEQ that the mailbox has by now.
    pub(crate) fn add(&mut self, mailbox: &mut MailboxRow, mail: MailRow) -> Result<u32, StoreError> {
        let uid = mailbox.info.uid_next;
        let mail = MailRow { mailbox: mailbox.info.id, uid, modseq: mailbox.info.modseq, ..mail };
        mail.insert(self.connection)?;
        mailbox.info.uid_next += 1;
        mailbox.count(&mail, 1);
        self.weigh(&mailbox.account);
        Ok(uid)
    }

    /// Writes keywords as the mailbox has them, and remembers new ones. Where they would be too many, those that no mail has
    /// are forgotten; an error where that is not enough.
    pub(crate) fn known_flags<'f>(
        &mut self,
        mailbox: MailboxId,
        flags: impl IntoIterator<Item = &'f Flags>,
    ) -> Result<Result<Vec<Flags>, MailboxError>, StoreError> {
        let flags: Vec<&Flags> = flags.into_iter().collect();
        if flags.iter().all(|flags| flags.keywords().next().is_none()) {
            return Ok(Ok(flags.into_iter().cloned().collect()));
        }
        let with_new = |known: &Flags| flags.iter().fold(known.clone(), |all, flags| all.with(flags));
        let mut known =
            Flags::new(super::System::default(), keywords(self.connection, mailbox)?.iter().map(String::as_str));
        let mut all = with_new(&known);
        if all.keywords().count() > limits::KEYWORDS_MAX {
            let used = used_keywords(self.connection, mailbox)?;
            let unused = known.without(&used);
            known = known.without(&unused);
            all = with_new(&known);
            if all.keywords().count() > limits::KEYWORDS_MAX {
                return Ok(Err(MailboxError::TooMany));
            }
            let mut delete = self.connection.prepare_cached("DELETE FROM keyword WHERE mailbox = ?1 AND name = ?2")?;
            unused.keywords().try_for_each(|word| delete.execute(params![mailbox.0, word]).map(drop))?;
        }
        let mut insert = self.connection.prepare_cached("INSERT INTO keyword (mailbox, name) VALUES (?1, ?2)")?;
        for new in all.keywords().filter(|word| !known.has_keyword(word)) {
            insert.execute(params![mailbox.0, new])?;
        }
        let spelled = |flags: &Flags| Flags::new(flags.system(), all.keywords().filter(|word| flags.has_keyword(word)));
        Ok(Ok(flags.into_iter().map(spelled).collect()))
    }
}

/// The keywords of a mailbox.
pub(crate) fn keywords(connection: &rusqlite::Connection, mailbox: MailboxId) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT name FROM keyword WHERE mailbox = ?1 ORDER BY name")?;
    let names = statement.query_map([mailbox.0], |row| row.get(0))?;
    Ok(names.collect::<rusqlite::Result<_>>()?)
}

/// The keywords that mail of a mailbox has.
fn used_keywords(connection: &rusqlite::Connection, mailbox: MailboxId) -> Result<Flags, StoreError> {
    let sql = "SELECT DISTINCT keywords FROM mail INDEXED BY mail_state WHERE mailbox = ?1 AND keywords IS NOT NULL";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([mailbox.0])?;
    let mut used = Flags::default();
    while let Some(row) = rows.next()? {
        used = used.with(&Flags::from_columns(0, row.get_ref(0)?.as_str_or_null().map_err(rusqlite::Error::from)?));
    }
    Ok(used)
}

/// The thread of a message: a number made of the Message-ID that its References begin with, or of its own. So no index
/// is needed, and mail that comes out of order finds its thread. RFC 8474 §5.3 leaves the way to the server.
fn thread_of(shape: &Bytes) -> Option<i64> {
    let shape = Shape::from_bytes(shape.clone()).ok()?;
    let root = shape.references().next().unwrap_or(shape.message_id());
    (!root.is_empty()).then(|| hash(root.as_bytes()))
}

/// FNV-1a. Who makes two threads meet on purpose could do so with a References field.
fn hash(octets: &[u8]) -> i64 {
    let mix = |hash: u64, octet: &u8| (hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
    octets.iter().fold(0xcbf2_9ce4_8422_2325, mix).cast_signed()
}

/// A filing with what can be computed outside the writer's thread.
#[derive(Debug)]
pub(crate) struct PreparedFiling {
    filing: Filing,
    thread: Option<i64>,
}

impl PreparedFiling {
    pub(crate) fn new(filing: Filing) -> Self {
        let thread = filing.shape.as_ref().and_then(thread_of);
        Self { filing, thread }
    }

    pub(crate) fn weight(&self) -> usize {
        512 + self.filing.prefix.len() + self.filing.shape.as_ref().map_or(0, Bytes::len)
    }
}

/// How much room mail may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Room {
    /// What it needs.
    Any,
    /// What its account has left.
    WithinQuota,
}

/// Files a message of the queue into mailboxes, which are made where they are missing. The copies share its body. False
/// where there is no room for one of them; nothing was written then.
pub(crate) fn file(
    work: &mut Work<'_>,
    id: QueueId,
    filings: &[PreparedFiling],
    room: Room,
) -> Result<bool, StoreError> {
    let Some(message) = records::message(work.connection, id)?.map_err(|found| found.error())? else {
        return Err(StoreError::BodyGone);
    };
    for PreparedFiling { filing, .. } in filings.iter().filter(|_| room == Room::WithinQuota) {
        if !work.has_room(&filing.account, message.body.octets + filing.prefix.len() as u64)? {
            return Ok(false);
        }
    }
    for PreparedFiling { filing, thread } in filings {
        if let Some(shape) = &filing.shape {
            shapes::Prepared::new(message.body.id, shape.clone()).insert(work.connection)?;
        }
        // Mail is never refused for the name of its mailbox.
        let name = name::canonical(&filing.mailbox).unwrap_or_else(|_| name::INBOX.to_owned());
        let mut mailbox = work.ensure(&filing.account, &name)?;
        let email = work.ids.next().as_i64();
        let body = with_prefix(&message.body, &filing.prefix);
        mailbox.info.modseq += 1;
        let mail = MailRow {
            mailbox: mailbox.info.id,
            uid: 0,
            modseq: 0,
            flags: Flags::default(),
            email,
            thread: thread.unwrap_or(email),
            message: Some(id),
            at: work.now,
            saved: work.now,
            body: Some(body.id),
            prefix: body.prefix,
            octets: body.octets,
        };
        work.add(&mut mailbox, mail)?;
        work.finish(&mailbox)?;
    }
    Ok(true)
}

fn with_prefix(body: &BodyRef, prefix: &Bytes) -> BodyRef {
    if body.prefix.is_empty() {
        return BodyRef { id: body.id, octets: body.octets + prefix.len() as u64, prefix: prefix.clone() };
    }
    let mut whole = BytesMut::with_capacity(prefix.len() + body.prefix.len());
    whole.put(&prefix[..]);
    whole.put(&body.prefix[..]);
    BodyRef { id: body.id, octets: body.octets + prefix.len() as u64, prefix: whole.freeze() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_a_thread_never_changes() {
        assert_eq!(hash(b"root@here.test"), hash(b"root@here.test"));
        assert_eq!(hash(b"").cast_unsigned(), 0xcbf2_9ce4_8422_2325, "the published start of FNV-1a");
        assert_eq!(hash(b"a").cast_unsigned(), 0xaf63_dc4c_8601_ec8c, "its published value");
    }
}
