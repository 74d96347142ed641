//! Questions about mailboxes: their list, their state, what changes in them.

use rohrpost_imap::{
    event::{self, FlagOperation, MailboxChange, MailboxId, Refusal, Uids},
    flags::Flags,
};
use rohrpost_store::mailbox::MailboxError;

use super::{Driver, map};
use crate::connection::now;

impl Driver {
    pub(super) async fn list(&mut self) {
        let list = self.store.mailboxes(self.login()).await;
        let list = list.map(|list| list.into_iter().map(map::info).collect());
        let list = list.map_err(|error| self.refuse(error));
        self.session.answer_mailboxes(now(), list);
    }

    pub(super) async fn show(&mut self, name: &str) {
        let info = self.mailbox(name).await;
        self.session.answer_mailbox(now(), info);
    }

    pub(super) async fn change(&mut self, change: MailboxChange) {
        let info = self.changed(change).await;
        self.session.answer_mailbox(now(), info);
    }

    pub(super) async fn select(&mut self, name: &str) {
        let selected = self.selected(name).await;
        self.session.answer_select(now(), selected);
    }

    pub(super) async fn tell_changes(&mut self, mailbox: MailboxId, since: u64) {
        let changes = self.store.mailbox_changes(map::id(mailbox), since).await;
        let changes = changes.map(map::changes).map_err(|error| self.refuse_selected(error));
        self.session.answer_changes(now(), changes);
    }

    pub(super) async fn set_flags(
        &mut self,
        mailbox: MailboxId,
        uids: &Uids,
        operation: FlagOperation,
        flags: &Flags,
        unchanged_since: Option<u64>,
    ) {
        let (operation, flags) = (map::operation(operation), map::flags_to_store(flags));
        let stored = self.store.mailbox_store(map::id(mailbox), uids, operation, flags, unchanged_since).await;
        let stored = stored.map(|stored| map::stored(&stored)).map_err(|error| self.refuse_selected(error));
        self.pass_news();
        self.session.answer_store(now(), stored);
    }

    /// Takes out what is marked as deleted.
    pub(super) async fn expunge(&mut self, mailbox: MailboxId, uids: Option<Uids>) {
        let expunged = self.store.mailbox_expunge(map::id(mailbox), uids.as_deref(), true).await;
        let expunged = expunged.map(map::expunged).map_err(|error| self.refuse_selected(error));
        self.pass_news();
        self.session.answer_expunge(now(), expunged);
    }

    pub(super) async fn copy(&mut self, mailbox: MailboxId, uids: &Uids, target: &str, is_move: bool) {
        let (store, mailbox) = (&self.store, map::id(mailbox));
        let copied = if is_move {
            store.mailbox_move(mailbox, uids, target).await
        } else {
            store.mailbox_copy(mailbox, uids, target).await
        };
        let copied = match copied {
            // One of the two mailboxes is missing. The client may make the target, but not what it has selected.
            Err(error @ MailboxError::Missing) if self.mailbox(target).await.is_ok() => {
                Err(self.refuse_selected(error))
            }
            copied => copied.map(map::copied).map_err(|error| self.refuse(error)),
        };
        self.pass_news();
        self.session.answer_copy(now(), copied);
    }

    pub(super) async fn tell_quota(&mut self) {
        let quota = self.store.mailbox_quota(self.login()).await;
        let quota = quota.map(|quota| map::quota(&quota)).map_err(|error| self.refuse(error));
        self.session.answer_quota(now(), quota);
    }

    async fn mailbox(&self, name: &str) -> Result<event::MailboxInfo, Refusal> {
        let info = self.store.mailbox(self.login(), name).await.map_err(|error| self.refuse(error))?;
        info.map(map::info).ok_or(Refusal::NoMailbox)
    }

    /// The mailbox as it is afterwards, or before it was deleted.
    async fn changed(&self, change: MailboxChange) -> Result<event::MailboxInfo, Refusal> {
        let (store, login) = (&self.store, self.login());
        let (done, name) = match change {
            MailboxChange::Create { name, special_use } => {
                let made = store.mailbox_create(login, &name, special_use.map(map::special_use_to_store)).await;
                return made.map(map::info).map_err(|error| self.refuse(error));
            }
            MailboxChange::Delete { name } => {
                let info = self.mailbox(&name).await?;
                store.mailbox_delete(login, &name).await.map_err(|error| self.refuse(error))?;
                return Ok(info);
            }
            MailboxChange::Rename { from, to } => (store.mailbox_rename(login, &from, &to).await, to),
            MailboxChange::Subscribe { name, subscribed } => {
                (store.mailbox_subscribe(login, &name, subscribed).await, name)
            }
        };
        done.map_err(|error| self.refuse(error))?;
        self.mailbox(&name).await
    }

    /// The mailbox and its messages as they are now; from here on it is watched.
    async fn selected(&mut self, name: &str) -> Result<event::Selected, Refusal> {
        self.watched = None;
        self.open_mail = None;
        let selected = self.store.mailbox_select(self.login(), name).await.map_err(|error| self.refuse(error))?;
        let selected = selected.ok_or(Refusal::NoMailbox)?;
        self.watched = Some((selected.info.id.as_i64(), selected.changes.clone()));
        Ok(map::selected(selected))
    }

    /// Why not, as the session says it. Faults of ours are logged.
    pub(super) fn refuse(&self, error: impl Into<MailboxError>) -> Refusal {
        let error = error.into();
        let refusal = map::refusal(&error);
        if matches!(refusal, Refusal::Unavailable | Refusal::Damaged) {
            let session = &self.connection.peer.session;
            tracing::error!(%session, %error, "the store refused");
        }
        refusal
    }

    /// The same for what is asked about the selected mailbox.
    fn refuse_selected(&self, error: MailboxError) -> Refusal {
        match self.refuse(error) {
            Refusal::NoMailbox => Refusal::SelectedGone,
            refusal => refusal,
        }
    }
}
