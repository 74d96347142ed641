//! Messages for FETCH, SEARCH, SORT and THREAD: page by page, and long ones piece by piece.

use bytes::{Buf as _, Bytes};
use rohrpost_imap::event::{Content, Entry, Mail, MailboxId, Page, Parts, Refusal, Uids};
use rohrpost_mail::mime::{Scanner, Shape};
use rohrpost_store::{
    BodyReader, BodyRef, StoreError,
    mailbox::{self, FetchedMail},
};

use super::{Driver, ahead::Scope, map};
use crate::connection::now;

/// A message that goes out piece by piece.
pub(super) struct OpenMail {
    mailbox: MailboxId,
    uid: u32,
    pieces: Pieces,
}

impl Driver {
    pub(super) async fn fetch(&mut self, mailbox: MailboxId, uids: Uids, parts: Parts) {
        let page = self.page(mailbox, uids, parts).await;
        if page.is_err() {
            self.ahead.forget();
        }
        self.session.answer_fetch(now(), page);
    }

    pub(super) async fn read_on(&mut self, mailbox: MailboxId, uid: u32, from: u64, octets_max: usize) {
        let octets = self.octets(mailbox, uid, from, octets_max).await;
        self.session.answer_octets(now(), octets);
    }

    /// The next messages. A page without any is the last one, for else the session could not go on from it.
    async fn page(&mut self, mailbox: MailboxId, mut uids: Uids, parts: Parts) -> Result<Page, Refusal> {
        loop {
            let scope = Scope { mailbox, modseq: self.modseq(mailbox), parts: wanted(parts) };
            let page = self.ahead.fetch(&self.store, scope, &uids).await;
            let page = page.map_err(|error| self.refuse(error))?;
            match page.next {
                Some(next) if page.mails.is_empty() => uids = from(&uids, next),
                next => {
                    let mut mails = Vec::with_capacity(page.mails.len());
                    for mail in page.mails {
                        mails.push(self.mail(mail, parts).await?);
                    }
                    return Ok(Page { mails, is_complete: next.is_none() });
                }
            }
        }
    }

    async fn mail(&self, mail: FetchedMail, parts: Parts) -> Result<Mail, Refusal> {
        let shape = if parts.shape { Some(self.shape(&mail).await?) } else { None };
        let id = |id| if parts.facts { map::object_id(id) } else { None };
        Ok(Mail {
            entry: Entry { uid: mail.uid, modseq: mail.modseq, flags: map::flags(&mail.flags) },
            octets: mail.octets,
            internal_date: mail.at,
            saved: Some(mail.saved),
            email_id: id(mail.email_id),
            thread_id: id(mail.thread_id),
            shape,
            prefix: mail.body.prefix().clone(),
            content: mail.content.map_or(Content::Elsewhere, Content::Here),
        })
    }

    /// The structure that was kept. Where there is none, or it cannot be read, the message is read for it once.
    pub(super) async fn shape(&self, mail: &FetchedMail) -> Result<Shape, Refusal> {
        let kept = mail.shape.clone().and_then(|bytes| Shape::from_bytes(bytes).ok());
        if let Some(shape) = kept {
            return Ok(shape);
        }
        let (mut scanner, mut pieces) = (Scanner::new(), self.open(&mail.body).await?);
        let mut at = mail.body.prefix().len() as u64;
        loop {
            let octets = pieces.take(at, usize::MAX).await.map_err(|error| self.refuse(error))?;
            if octets.is_empty() {
                break;
            }
            at += octets.len() as u64;
            scanner.push(&octets);
        }
        let shape = scanner.finish();
        let kept = self.store.mailbox_shape_put(&mail.body, shape.to_bytes()).await;
        // It is made again the next time, should it not have been kept.
        kept.unwrap_or_else(|error| _ = self.refuse(error));
        Ok(shape)
    }

    /// Octets of a message that did not fit into its page. Whoever reads it in order reads it once.
    async fn octets(&mut self, mailbox: MailboxId, uid: u32, from: u64, octets_max: usize) -> Result<Bytes, Refusal> {
        let open =
            self.open_mail.take().filter(|open| (open.mailbox, open.uid) == (mailbox, uid) && open.pieces.at <= from);
        let mut open = match open {
            Some(open) => open,
            None => Box::new(self.open_mail(mailbox, uid).await?),
        };
        let octets = open.pieces.take(from, octets_max).await.map_err(|error| self.refuse(error))?;
        if octets.is_empty() {
            return Err(Refusal::Damaged);
        }
        self.open_mail = (!open.pieces.is_at_end()).then_some(open);
        Ok(octets)
    }

    async fn open_mail(&self, mailbox: MailboxId, uid: u32) -> Result<OpenMail, Refusal> {
        let page = self.store.mailbox_fetch(map::id(mailbox), &[uid..=uid], mailbox::Parts::NONE, 1).await;
        let mail = page.map_err(|error| self.refuse(error))?.mails.pop().ok_or(Refusal::Expunged)?;
        Ok(OpenMail { mailbox, uid, pieces: self.open(&mail.body).await? })
    }

    pub(super) async fn open(&self, body: &BodyRef) -> Result<Pieces, Refusal> {
        let reader = self.store.open_body(body).await.map_err(|error| self.refuse(error))?;
        Ok(Pieces { reader, at: 0, rest: Bytes::new() })
    }
}

/// A message as it is read from the store, in order.
pub(super) struct Pieces {
    reader: BodyReader,
    /// Where `rest` begins in the message.
    at: u64,
    /// Octets that were read and not yet handed out.
    rest: Bytes,
}

impl Pieces {
    /// Octets from this place on, which is not before the last ones; none at the end.
    pub(super) async fn take(&mut self, from: u64, octets_max: usize) -> Result<Bytes, StoreError> {
        loop {
            let before = usize::try_from(from.saturating_sub(self.at)).unwrap_or(usize::MAX).min(self.rest.len());
            self.advance(before);
            if !self.rest.is_empty() {
                let octets = self.rest.slice(..octets_max.min(self.rest.len()));
                self.advance(octets.len());
                return Ok(octets);
            }
            match self.reader.next().await? {
                Some(octets) => self.rest = octets,
                None => return Ok(Bytes::new()),
            }
        }
    }

    fn advance(&mut self, octets: usize) {
        self.rest.advance(octets);
        self.at += octets as u64;
    }

    fn is_at_end(&self) -> bool {
        self.at >= self.reader.octets()
    }
}

fn wanted(parts: Parts) -> mailbox::Parts {
    let shape = if parts.shape { mailbox::Parts::SHAPE } else { mailbox::Parts::NONE };
    let body = if parts.content { mailbox::Parts::BODY } else { mailbox::Parts::NONE };
    shape | body
}

/// What is left of these UIDs from one of them on.
pub(super) fn from(uids: &Uids, next: u32) -> Uids {
    let left = uids.iter().filter(|range| *range.end() >= next);
    left.map(|range| *range.start().max(&next)..=*range.end()).collect()
}
