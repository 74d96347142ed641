//! INBOX as a session of POP3 reads it: a list at the log-in, then mostly one message after the other.

use std::collections::VecDeque;

use bytes::Bytes;
use rohrpost_pop3::Maildrop;
use rohrpost_store::{
    Store, StoreError,
    mailbox::{FetchedMail, INBOX, MailboxError, MailboxId, Parts},
};

use crate::limits::{POP3_AHEAD_MESSAGES_MAX, POP3_AHEAD_OCTETS_MAX};

/// The INBOX of the account that has logged in.
pub(super) struct Inbox {
    id: MailboxId,
    /// UID and octets of the message that was read last.
    last: Option<(u32, u64)>,
    /// Messages that will probably be asked for next, by UID: one read of the store costs about as much for some as for
    /// one.
    ahead: VecDeque<FetchedMail>,
}

impl Inbox {
    /// Opens it, and lists what is in it now. Nothing where the account has none.
    pub(super) async fn open(store: &Store, account: &str) -> Result<Option<(Self, Maildrop)>, StoreError> {
        let Some(info) = store.mailbox(account, INBOX).await? else { return Ok(None) };
        let mut maildrop = Maildrop::new(info.uid_validity);
        let mut uid_after = 0;
        loop {
            let page = store.mailbox_sizes(info.id, uid_after, usize::MAX).await?;
            let Some((last, _)) = page.last() else { break };
            uid_after = *last;
            maildrop.extend(page);
        }
        Ok(Some((Self { id: info.id, last: None, ahead: VecDeque::new() }, maildrop)))
    }

    /// A message; nothing where it has been removed since.
    pub(super) async fn mail(&mut self, store: &Store, uid: u32) -> Result<Option<FetchedMail>, StoreError> {
        while self.ahead.front().is_some_and(|mail| mail.uid < uid) {
            self.ahead.pop_front();
        }
        if self.ahead.front().is_none_or(|mail| mail.uid != uid) {
            self.read_ahead(store, uid).await?;
        }
        let mail = self.ahead.pop_front_if(|mail| mail.uid == uid);
        self.last = mail.as_ref().map(|mail| (mail.uid, mail.octets)).or(self.last);
        Ok(mail)
    }

    /// Removes messages. Those that are gone already are passed over.
    pub(super) async fn remove(&self, store: &Store, uids: &[u32]) -> Result<(), MailboxError> {
        let uids: Vec<_> = uids.iter().map(|uid| *uid..=*uid).collect();
        store.mailbox_expunge(self.id, Some(&uids), false).await?;
        Ok(())
    }

    /// Reads this message, and the next ones where it seems that one is read after the other.
    async fn read_ahead(&mut self, store: &Store, uid: u32) -> Result<(), StoreError> {
        let (end, messages) = match self.last {
            Some((last, octets)) if last < uid => {
                let fitting = POP3_AHEAD_OCTETS_MAX / usize::try_from(octets).unwrap_or(usize::MAX).max(1);
                (u32::MAX, fitting.clamp(1, POP3_AHEAD_MESSAGES_MAX))
            }
            _ => (uid, 1),
        };
        let page = store.mailbox_fetch(self.id, &[uid..=end], Parts::BODY, messages).await?;
        let mut octets = 0;
        let fits = |mail: &FetchedMail| {
            octets += mail.content.as_ref().map_or(0, Bytes::len);
            mail.uid == uid || octets <= POP3_AHEAD_OCTETS_MAX
        };
        self.ahead = page.mails.into_iter().take_while(fits).collect();
        Ok(())
    }
}
