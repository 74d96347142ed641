//! Reads messages to see whether they hold a text: those that the index does not know, and those where it cannot tell.

use std::{ops::RangeInclusive, sync::Arc};

use bytes::Bytes;
use rohrpost_mail::mime::{Scanner, Scope, Shape, Texts, find::Needle};

use crate::{
    body::BodyRef,
    error::{Class, StoreError},
    limits,
    mailbox::{FetchedMail, MailboxId, Parts},
    store::Store,
};

impl Store {
    /// Those of the messages that hold the text.
    pub(super) async fn look_through(
        &self,
        id: MailboxId,
        uids: &[RangeInclusive<u32>],
        scope: Scope,
        needle: &Arc<Needle>,
    ) -> Result<Vec<u32>, StoreError> {
        let (mut found, mut left) = (Vec::new(), uids.to_vec());
        while !left.is_empty() {
            // One page at a time for all, in turn: those who search far take no more than one core, and keep nobody out.
            let index = self.index();
            let _turn = match &index {
                Some(index) => Some(index.turn().await),
                None => None,
            };
            let page = self.mailbox_fetch(id, &left, Parts::SHAPE | Parts::BODY, limits::FETCH_ROWS_MAX).await?;
            found.extend(self.look_at(page.mails, scope, needle).await?);
            let Some(next) = page.next else { break };
            left.retain(|range| *range.end() >= next);
            if let Some(first) = left.first_mut() {
                *first = next.max(*first.start())..=*first.end();
            }
        }
        Ok(found)
    }

    async fn look_at(
        &self,
        mails: Vec<FetchedMail>,
        scope: Scope,
        needle: &Arc<Needle>,
    ) -> Result<Vec<u32>, StoreError> {
        let (here, elsewhere): (Vec<_>, Vec<_>) = mails.into_iter().partition(|mail| mail.content.is_some());
        let of_page = needle.clone();
        let look = move || here.iter().filter(|mail| is_in_page(mail, scope, &of_page)).map(|mail| mail.uid).collect();
        let mut found: Vec<u32> = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        for mail in elsewhere {
            match self.is_in_file(&mail, scope, needle).await {
                Ok(true) => found.push(mail.uid),
                Ok(false) => {}
                // It is in quarantine by now; the other ones are searched.
                Err(error) if error.class() == Class::Permanent => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    /// Looks at a message whose body is in a file, twice where its shape is not known.
    async fn is_in_file(&self, mail: &FetchedMail, scope: Scope, needle: &Needle) -> Result<bool, StoreError> {
        let body = BodyRef { prefix: Bytes::new(), ..mail.body.clone() };
        let shape = match known_shape(mail) {
            Some(shape) => shape,
            None => self.scan(&body).await?,
        };
        let mut look = Look::new(mail, scope, needle, &shape);
        let mut reader = self.open_body(&body).await?;
        while let Some(octets) = reader.next().await? {
            if !look.push(&octets) {
                break;
            }
        }
        Ok(look.finish())
    }

    async fn scan(&self, body: &BodyRef) -> Result<Shape, StoreError> {
        let (mut scanner, mut reader) = (Scanner::new(), self.open_body(body).await?);
        while let Some(octets) = reader.next().await? {
            scanner.push(&octets);
        }
        Ok(scanner.finish())
    }
}

fn is_in_page(mail: &FetchedMail, scope: Scope, needle: &Needle) -> bool {
    let Some(content) = &mail.content else { return false };
    let shape = known_shape(mail).unwrap_or_else(|| {
        let mut scanner = Scanner::new();
        scanner.push(content);
        scanner.finish()
    });
    let mut look = Look::new(mail, scope, needle, &shape);
    look.push(content);
    look.finish()
}

fn known_shape(mail: &FetchedMail) -> Option<Shape> {
    Shape::from_bytes(mail.shape.clone()?).ok()
}

/// A look at one message.
struct Look<'a> {
    texts: Texts<'a>,
    search: rohrpost_mail::mime::find::Search<'a>,
    text: String,
}

impl<'a> Look<'a> {
    fn new(mail: &FetchedMail, scope: Scope, needle: &'a Needle, shape: &'a Shape) -> Self {
        let mut search = needle.search();
        if scope == Scope::Whole {
            // What the delivery put on top is a header too.
            search.push(&String::from_utf8_lossy(&mail.body.prefix));
        }
        Self { texts: Texts::new(shape, scope), search, text: String::new() }
    }

    /// Says whether more octets are of use.
    fn push(&mut self, octets: &[u8]) -> bool {
        for piece in octets.chunks(limits::CHUNK_BYTES) {
            if self.search.is_found() || !self.texts.wants_more() {
                return false;
            }
            self.texts.push(piece, &mut self.text);
            self.search.push(&self.text);
            self.text.clear();
        }
        true
    }

    fn finish(mut self) -> bool {
        self.texts.finish(&mut self.text);
        self.search.push(&self.text);
        self.search.is_found()
    }
}
