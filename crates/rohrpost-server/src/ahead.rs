//! Messages that a client will probably ask for next.
//!
//! Many clients fetch one message after the other, in order. One read of the store costs about as much for some messages
//! as for one, so from the second message on a few more are read with it. What was read is not looked at again: whoever
//! uses this knows when it may be out of date, and calls [`Ahead::forget`].

use std::collections::VecDeque;

use bytes::Bytes;
use rohrpost_store::{
    Store, StoreError,
    mailbox::{FetchedMail, MailboxId, Parts},
};

use crate::limits::{AHEAD_MESSAGES_MAX, AHEAD_OCTETS_MAX};

/// Messages of one mailbox, always of the same parts.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// The message that was asked for last: its UID, and how many octets of it were read.
    last: Option<(u32, usize)>,
    /// By UID.
    mails: VecDeque<FetchedMail>,
}

impl Ahead {
    /// A message; nothing where there is none of this UID.
    pub(crate) async fn mail(
        &mut self,
        store: &Store,
        mailbox: MailboxId,
        uid: u32,
        parts: Parts,
    ) -> Result<Option<FetchedMail>, StoreError> {
        while self.mails.front().is_some_and(|mail| mail.uid < uid) {
            self.mails.pop_front();
        }
        if self.mails.front().is_none_or(|mail| mail.uid != uid) {
            self.read(store, mailbox, uid, parts).await?;
        }
        let mail = self.mails.pop_front_if(|mail| mail.uid == uid);
        self.last = mail.as_ref().map(|mail| (mail.uid, octets(mail))).or(self.last);
        Ok(mail)
    }

    /// Drops what was read, and begins anew with single messages.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Reads this message, and the next ones where it seems that one is read after the other.
    async fn read(&mut self, store: &Store, mailbox: MailboxId, uid: u32, parts: Parts) -> Result<(), StoreError> {
        let (end, messages) = match self.last {
            Some((last, octets)) if last < uid => {
                (u32::MAX, (AHEAD_OCTETS_MAX / octets.max(1)).clamp(1, AHEAD_MESSAGES_MAX))
            }
            _ => (uid, 1),
        };
        let page = store.mailbox_fetch(mailbox, &[uid..=end], parts, messages).await?;
        let mut sum = 0;
        let fits = |mail: &FetchedMail| {
            sum += octets(mail);
            mail.uid == uid || sum <= AHEAD_OCTETS_MAX
        };
        self.mails = page.mails.into_iter().take_while(fits).collect();
        Ok(())
    }
}

fn octets(mail: &FetchedMail) -> usize {
    [&mail.content, &mail.shape].into_iter().flatten().map(Bytes::len).sum()
}
