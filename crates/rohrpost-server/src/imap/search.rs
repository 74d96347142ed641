//! SEARCH BODY and TEXT: which messages hold a text, once they are decoded. The store knows, by its index or by reading.

use rohrpost_imap::event::{MailboxId, Refusal, TextQuery, Uids};

use super::{Driver, map};
use crate::connection::now;

impl Driver {
    pub(super) async fn search(&mut self, mailbox: MailboxId, uids: Uids, queries: Vec<TextQuery>) {
        let found = self.found(mailbox, &uids, &queries).await;
        self.session.answer_text(now(), found);
    }

    /// The messages that hold each of the texts.
    async fn found(&self, mailbox: MailboxId, uids: &Uids, queries: &[TextQuery]) -> Result<Vec<Uids>, Refusal> {
        let mut found = Vec::with_capacity(queries.len());
        for TextQuery { with_header, text } in queries {
            let holders = self.store.mailbox_search(map::id(mailbox), uids, *with_header, text).await;
            let holders = holders.map_err(|error| self.refuse(error))?;
            found.push(holders.into_iter().fold(Uids::new(), with));
        }
        Ok(found)
    }
}

/// The UIDs with one that is higher than all of them.
fn with(mut uids: Uids, uid: u32) -> Uids {
    match uids.last_mut() {
        Some(last) if last.end().checked_add(1) == Some(uid) => *last = *last.start()..=uid,
        _ => uids.push(uid..=uid),
    }
    uids
}
