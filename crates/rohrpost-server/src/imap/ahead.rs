//! What is read of the selected mailbox before the session asks for it.
//!
//! - A FETCH of one message after the other, with a command for each: the next ones ([`Ahead`]). They count while nothing
//!   at all has changed in the mailbox. A FETCH that marks its message as seen is a change, so such fetches read nothing
//!   ahead.
//! - A FETCH of many, with one command: the next page, while the last one is being written. What changes meanwhile is told
//!   behind the command, as it is for the page that is being written.

use std::time::Instant;

use rohrpost_imap::event::{MailboxId, Uids};
use rohrpost_store::{
    Store, StoreError,
    mailbox::{FetchPage, FetchedMail, Parts},
};
use tokio_util::task::AbortOnDropHandle;

use super::{fetch::from, map};
use crate::{
    ahead::Ahead,
    connection::now,
    limits::{AHEAD_TIME_MAX, FETCH_ROWS},
};

/// Nothing, most of the time.
#[derive(Debug, Default)]
pub(super) struct ReadAhead {
    mails: Ahead,
    /// What `mails` is good for.
    scope: Option<Scope>,
    page: Option<ComingPage>,
    until: Option<Instant>,
}

/// A mailbox in one state, and what is read of its messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Scope {
    pub(super) mailbox: MailboxId,
    /// Nothing where it is not watched, so that nothing can be read ahead.
    pub(super) modseq: Option<u64>,
    pub(super) parts: Parts,
}

/// A page that is being read.
#[derive(Debug)]
struct ComingPage {
    mailbox: MailboxId,
    uids: Uids,
    parts: Parts,
    read: AbortOnDropHandle<Result<FetchPage, StoreError>>,
}

impl ReadAhead {
    /// A page of these messages.
    pub(super) async fn fetch(&mut self, store: &Store, scope: Scope, uids: &Uids) -> Result<FetchPage, StoreError> {
        self.until = Some(now() + AHEAD_TIME_MAX);
        match uids.as_slice() {
            [range] if range.start() == range.end() => {
                let mail = self.mail(store, scope, *range.start()).await?;
                Ok(FetchPage { mails: mail.into_iter().collect(), next: None })
            }
            _ => self.page(store, scope, uids).await,
        }
    }

    async fn mail(&mut self, store: &Store, scope: Scope, uid: u32) -> Result<Option<FetchedMail>, StoreError> {
        self.page = None;
        if scope.modseq.is_none() || self.scope != Some(scope) {
            self.mails.forget();
            self.scope = Some(scope);
        }
        self.mails.mail(store, map::id(scope.mailbox), uid, scope.parts).await
    }

    async fn page(&mut self, store: &Store, scope: Scope, uids: &Uids) -> Result<FetchPage, StoreError> {
        self.mails.forget();
        let Scope { mailbox, parts, .. } = scope;
        let is_it = |page: &ComingPage| page.mailbox == mailbox && page.parts == parts && page.uids == *uids;
        let page = match self.page.take().filter(is_it) {
            Some(coming) => {
                coming.read.await.unwrap_or_else(|_| Err(StoreError::Failed("the reader has stopped".to_owned())))?
            }
            None => store.mailbox_fetch(map::id(mailbox), uids, parts, FETCH_ROWS).await?,
        };
        if let (Some(_), Some(last)) = (page.next, page.mails.last()) {
            let (store, rest) = (store.clone(), from(uids, last.uid + 1));
            let uids = rest.clone();
            let read = async move { store.mailbox_fetch(map::id(mailbox), &rest, parts, FETCH_ROWS).await };
            let read = AbortOnDropHandle::new(tokio::spawn(read));
            self.page = Some(ComingPage { mailbox, uids, parts, read });
        }
        Ok(page)
    }

    /// When [`Self::forget`] is due.
    pub(super) fn until(&self) -> Option<Instant> {
        self.until
    }

    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}
