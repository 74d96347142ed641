//! SEARCH BODY and TEXT: which messages hold a text, once they are decoded.
//!
//! RFC 9051 §6.4.4 asks for substrings whatever their case. A message is decoded piece by piece and looked at by a
//! [`Finder`], which keeps no more of it than a match across two pieces needs.

mod finder;

use rohrpost_imap::event::{MailboxId, Refusal, TextQuery, Uids};
use rohrpost_mail::mime::{Scope, Texts};
use rohrpost_store::mailbox::{FetchedMail, Parts};

use self::finder::Finder;
use super::{Driver, fetch, map};
use crate::{connection::now, limits::FETCH_ROWS};

impl Driver {
    pub(super) async fn search(&mut self, mailbox: MailboxId, uids: Uids, queries: Vec<TextQuery>) {
        let found = self.found(mailbox, uids, &queries).await;
        self.session.answer_text(now(), found);
    }

    /// The messages that hold each of the texts.
    async fn found(&self, mailbox: MailboxId, mut uids: Uids, queries: &[TextQuery]) -> Result<Vec<Uids>, Refusal> {
        let mut found = vec![Uids::new(); queries.len()];
        loop {
            let page = self.store.mailbox_fetch(map::id(mailbox), &uids, Parts::SHAPE | Parts::BODY, FETCH_ROWS).await;
            let page = page.map_err(|error| self.refuse(error))?;
            for mail in &page.mails {
                let finder = self.look_into(mail, queries).await?;
                finder
                    .found()
                    .zip(&mut found)
                    .filter(|(is_found, _)| *is_found)
                    .for_each(|(_, uids)| add(uids, mail.uid));
            }
            match page.next {
                Some(next) => uids = fetch::from(&uids, next),
                None => return Ok(found),
            }
            // A long search is not to keep the others of this thread waiting.
            tokio::task::yield_now().await;
        }
    }

    async fn look_into(&self, mail: &FetchedMail, queries: &[TextQuery]) -> Result<Finder, Refusal> {
        let shape = self.shape(mail).await?;
        let mut finder = Finder::new(queries);
        finder.look_at_header(&[mail.body.prefix(), shape.header()].concat());
        let (mut texts, mut text) = (Texts::new(&shape, Scope::Body), String::new());
        if let Some(octets) = &mail.content {
            texts.push(octets, &mut text);
        } else {
            let (mut pieces, mut at) = (self.open(&mail.body).await?, mail.body.prefix().len() as u64);
            while texts.wants_more() && finder.is_looking() {
                let octets = pieces.take(at, usize::MAX).await.map_err(|error| self.refuse(error))?;
                if octets.is_empty() {
                    break;
                }
                at += octets.len() as u64;
                texts.push(&octets, &mut text);
                finder.look_at(&mut text);
            }
        }
        texts.finish(&mut text);
        finder.look_at(&mut text);
        Ok(finder)
    }
}

/// Adds a UID that is higher than all there are.
fn add(uids: &mut Uids, uid: u32) {
    match uids.last_mut() {
        Some(last) if last.end().checked_add(1) == Some(uid) => *last = *last.start()..=uid,
        _ => uids.push(uid..=uid),
    }
}
