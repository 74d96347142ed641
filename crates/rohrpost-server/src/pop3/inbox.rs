//! INBOX as a session of POP3 reads it: a list at the log-in, then mostly one message after the other.

use rohrpost_pop3::Maildrop;
use rohrpost_store::{
    Store, StoreError,
    mailbox::{FetchedMail, INBOX, MailboxError, MailboxId, Parts},
};

use crate::ahead::Ahead;

/// The INBOX of the account that has logged in.
pub(super) struct Inbox {
    id: MailboxId,
    /// What is out of date in it does not matter: a maildrop is what it was at the log-in, and a message that was removed
    /// since may be shown.
    ahead: Ahead,
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
        Ok(Some((Self { id: info.id, ahead: Ahead::default() }, maildrop)))
    }

    /// A message; nothing where it has been removed since.
    pub(super) async fn mail(&mut self, store: &Store, uid: u32) -> Result<Option<FetchedMail>, StoreError> {
        self.ahead.mail(store, self.id, uid, Parts::BODY).await
    }

    /// Removes messages. Those that are gone already are passed over.
    pub(super) async fn remove(&self, store: &Store, uids: &[u32]) -> Result<(), MailboxError> {
        let uids: Vec<_> = uids.iter().map(|uid| *uid..=*uid).collect();
        store.mailbox_expunge(self.id, Some(&uids), false).await?;
        Ok(())
    }
}
