//! APPEND: messages stream into the store's body writer and past the scanner at once, and are filed all or none.

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_imap::{
    event::{Appended, Refusal},
    flags::Flags,
};
use rohrpost_mail::mime::Scanner;
use rohrpost_store::{
    BodyWriter,
    mailbox::{self, NewMail},
};

use super::{Driver, map};
use crate::{connection::now, limits::APPENDED_AT_ONCE_MAX};

/// The messages of one APPEND.
pub(super) struct Appending {
    mailbox: String,
    /// Those that are whole.
    mails: Vec<NewMail>,
    /// Octets of all of them, the one that is coming in included.
    octets: u64,
    /// The one that is coming in.
    incoming: Option<Incoming>,
    /// Why none of them is filed.
    failure: Option<Refusal>,
}

struct Incoming {
    writer: BodyWriter,
    scanner: Scanner,
    flags: mailbox::Flags,
    at: Timestamp,
}

impl Driver {
    /// Whether a message may come. It may not where it could not be filed: better now than after all its octets.
    pub(super) async fn begin_append(&mut self, mailbox: String, octets: u64, flags: &Flags, at: Option<Timestamp>) {
        let begun = self.may_append(mailbox, octets).await;
        let answer = begun.map(|mut appending| {
            let at = at.unwrap_or_else(Timestamp::now);
            let (writer, scanner) = (self.store.body_writer(), Scanner::new());
            appending.incoming = Some(Incoming { writer, scanner, flags: map::flags_to_store(flags), at });
            self.appending = Some(appending);
        });
        self.session.answer_append(now(), answer);
    }

    async fn may_append(&mut self, mailbox: String, octets: u64) -> Result<Box<Appending>, Refusal> {
        let mut appending = if let Some(appending) = self.appending.take() {
            appending
        } else {
            let there = self.store.mailbox(self.login(), &mailbox).await.map_err(|error| self.refuse(error))?;
            there.ok_or(Refusal::NoMailbox)?;
            Box::new(Appending { mailbox, mails: Vec::new(), octets: 0, incoming: None, failure: None })
        };
        if appending.mails.len() >= APPENDED_AT_ONCE_MAX {
            return Err(Refusal::Limit("too many messages in one command"));
        }
        appending.octets = appending.octets.saturating_add(octets);
        let quota = self.store.mailbox_quota(self.login()).await.map_err(|error| self.refuse(error))?;
        if quota.has_room(appending.octets) { Ok(appending) } else { Err(Refusal::OverQuota) }
    }

    /// Octets of the message. What goes wrong is told at the end: the client is not listening before.
    pub(super) async fn append_octets(&mut self, octets: Bytes) {
        let Some(appending) = &mut self.appending else { return };
        let Some(incoming) = &mut appending.incoming else { return };
        incoming.scanner.push(&octets);
        if let Err(error) = incoming.writer.push(octets).await {
            self.fail_append(error);
        }
    }

    pub(super) async fn end_message(&mut self) {
        let Some(appending) = &mut self.appending else { return };
        let Some(Incoming { writer, scanner, flags, at }) = appending.incoming.take() else { return };
        match writer.finish(Bytes::new()).await {
            Ok(body) => appending.mails.push(NewMail { body, shape: Some(scanner.finish().to_bytes()), flags, at }),
            Err(error) => self.fail_append(error),
        }
    }

    fn fail_append(&mut self, error: rohrpost_store::StoreError) {
        let refusal = self.refuse(error);
        if let Some(appending) = &mut self.appending {
            appending.incoming = None;
            appending.failure = Some(refusal);
        }
    }

    pub(super) async fn commit_append(&mut self) {
        let appended = self.appended().await;
        self.pass_news();
        self.session.answer_appended(now(), appended);
    }

    async fn appended(&mut self) -> Result<Appended, Refusal> {
        let Appending { mailbox, mails, octets, failure, .. } = *self.appending.take().ok_or(Refusal::Unavailable)?;
        failure.map_or(Ok(()), Err)?;
        let messages = mails.len();
        let appended = self.store.mailbox_append(self.login(), &mailbox, mails).await;
        let appended = appended.map_err(|error| self.refuse(error))?;
        let (session, account) = (&self.connection.peer.session, self.login());
        tracing::info!(%session, account, ?mailbox, messages, octets, "appended");
        Ok(Appended { uid_validity: appended.uid_validity, uids: appended.uids.collect() })
    }
}
