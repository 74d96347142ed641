//! What the session asks and tells, and who answers.

use rohrpost_imap::event::{CloseReason, Event};
use rohrpost_mail::Secret;

use super::Driver;
use crate::connection::{ScramStart, now};

impl Driver {
    /// Answers one event.
    pub(super) async fn handle(&mut self, event: Event) {
        match event {
            Event::Password { authzid, user, password, .. } => self.check_password(&authzid, &user, &password).await,
            Event::ScramKeys { authzid, user, .. } => self.fetch_keys(&authzid, &user).await,
            Event::Authenticated { user, .. } => self.log_in(&user).await,
            Event::AuthFailed { user, .. } => self.connection.scram_failed(&user),
            Event::StartTls => self.wants_handshake = true,
            Event::ClientId(fields) => self.note_client(&fields),
            Event::Mailboxes => self.list().await,
            Event::Mailbox { name } => self.show(&name).await,
            Event::ChangeMailbox(change) => self.change(change).await,
            Event::Select { name, .. } => self.select(&name).await,
            Event::Changes { mailbox, since } => self.tell_changes(mailbox, since).await,
            Event::Fetch { mailbox, uids, parts } => self.fetch(mailbox, uids, parts).await,
            Event::Octets { mailbox, uid, from, octets_max } => self.read_on(mailbox, uid, from, octets_max).await,
            Event::TextSearch { mailbox, uids, queries } => self.search(mailbox, uids, queries).await,
            Event::Store { mailbox, uids, operation, flags, unchanged_since } => {
                self.set_flags(mailbox, &uids, operation, &flags, unchanged_since).await;
            }
            Event::Expunge { mailbox, uids } => self.expunge(mailbox, uids).await,
            Event::Copy { mailbox, uids, target, is_move } => self.copy(mailbox, &uids, &target, is_move).await,
            Event::Append { mailbox, octets, flags, at } => self.begin_append(mailbox, octets, &flags, at).await,
            Event::AppendData(octets) => self.append_octets(octets).await,
            Event::AppendEnd => self.end_message().await,
            Event::AppendCommit => self.commit_append().await,
            Event::AppendAbort => self.appending = None,
            Event::Quota => self.tell_quota().await,
            Event::Closed { reason } => self.note_close(reason),
        }
    }

    async fn check_password(&mut self, authzid: &str, user: &str, password: &Secret) {
        let verdict = self.connection.check_password(authzid, user, password).await;
        self.session.answer_password(now(), verdict);
    }

    async fn fetch_keys(&mut self, authzid: &str, user: &str) {
        match self.connection.scram_keys(authzid, user).await {
            ScramStart::Keys(keys, nonce) => self.session.answer_scram(now(), keys, nonce),
            ScramStart::Refused(verdict) => self.session.answer_password(now(), verdict),
        }
    }

    /// OK is on its way, whatever has become of the account meanwhile, and however many sessions it has.
    async fn log_in(&mut self, user: &str) {
        if let Err(refusal) = self.connection.log_in(user).await {
            self.connection.note_refusal("log-in", &refusal);
            self.session.refuse_connection(&refusal.reply().text);
        }
    }

    /// The login of the account; sessions ask nothing about mailboxes before there is one.
    pub(super) fn login(&self) -> &str {
        self.connection.peer.account.as_ref().map_or("", |account| &account.login)
    }

    /// Where the fault is ours the client may have got no word, so the log has one.
    fn note_close(&mut self, reason: CloseReason) {
        self.reason = Some(reason);
        if reason == CloseReason::Broken {
            let session = &self.connection.peer.session;
            tracing::error!(%session, "the connection ends: what its client waits for cannot be read");
        }
    }

    fn note_client(&self, fields: &[(String, String)]) {
        let session = &self.connection.peer.session;
        tracing::debug!(%session, ?fields, "client");
    }
}
