//! Mail on its way in and out: `import`, `export`, `mailbox undelete`.

use std::collections::VecDeque;

use bytes::Bytes;
use jiff::Timestamp;
use rohrpost_mail::{Mailbox, mime::Scanner};
use rohrpost_store::{
    Account, Body, BodyRef, BodyWriter, Store,
    mailbox::{FetchedMail, Flags, MailboxError, MailboxInfo, NewMail, Parts, System},
};
use tokio::sync::Mutex;

use super::Operator;
use crate::{
    control::{Added, Answer, Content, MailIn, MailOut, MailboxRow, Mark, Octets, Refusal, RefusalKind},
    import::Sum,
};

/// Messages that come in pieces at once. A command has one at a time, so the oldest of more belongs to one that is gone.
const UPLOADS_MAX: usize = 8;

/// Octets of messages that one request reads to know them again: about a second's work.
const MARKED_OCTETS_MAX: u64 = 64 << 20;

/// Messages on one page.
const PAGE_MAILS: usize = 200;

/// Messages whose pieces come one after the other.
#[derive(Default)]
pub(super) struct Uploads(Mutex<VecDeque<(u64, Arrival)>>);

/// A message that is coming.
struct Arrival {
    writer: BodyWriter,
    scanner: Scanner,
}

impl Arrival {
    fn new(store: &Store) -> Self {
        Self { writer: store.body_writer(), scanner: Scanner::new() }
    }

    async fn push(&mut self, octets: Vec<u8>) -> Result<(), Refusal> {
        self.scanner.push(&octets);
        Ok(self.writer.push(octets.into()).await?)
    }

    async fn finish(self) -> Result<(Body, Bytes), Refusal> {
        Ok((self.writer.finish(Bytes::new()).await?, self.scanner.finish().to_bytes()))
    }
}

impl Operator {
    pub(super) async fn mailbox_all(&self, account: &Mailbox) -> Result<Answer, Refusal> {
        let login = self.owner(account).await?.login;
        Ok(Answer::Mailboxes(self.store.mailboxes(&login).await?.into_iter().map(mailbox_row).collect()))
    }

    pub(super) async fn mail_upload(&self, upload: Option<u64>, piece: Octets) -> Result<Answer, Refusal> {
        let mut uploads = self.uploads.0.lock().await;
        let number = upload.unwrap_or_else(|| {
            let number = self.store.new_id().as_i64().unsigned_abs();
            uploads.push_back((number, Arrival::new(&self.store)));
            if uploads.len() > UPLOADS_MAX {
                uploads.pop_front();
            }
            number
        });
        let found = uploads.iter_mut().find(|(known, _)| *known == number);
        found.ok_or_else(no_upload)?.1.push(piece.0).await?;
        Ok(Answer::Uploaded(number))
    }

    pub(super) async fn mail_add(
        &self,
        account: &Mailbox,
        mailbox: &str,
        mails: Vec<MailIn>,
    ) -> Result<Answer, Refusal> {
        let login = self.owner(account).await?.login;
        if self.store.mailbox(&login, mailbox).await?.is_none() {
            match self.store.mailbox_create(&login, mailbox, None).await {
                Ok(_) | Err(MailboxError::Exists | MailboxError::Inbox) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let mut new = Vec::with_capacity(mails.len());
        for MailIn { flags, at, content } in mails {
            let (body, shape) = self.arrived(content).await?;
            new.push(NewMail { body, shape: Some(shape), flags: flags_of(&flags), at });
        }
        let appended = self.store.mailbox_append(&login, mailbox, new).await?;
        let (uid_validity, uid_next) = (appended.uid_validity, appended.uids.end().saturating_add(1));
        Ok(Answer::Added(Added { uid_validity, uid_next }))
    }

    async fn arrived(&self, content: Content) -> Result<(Body, Bytes), Refusal> {
        let arrival = match content {
            Content::Here(octets) => {
                let mut arrival = Arrival::new(&self.store);
                arrival.push(octets.0).await?;
                arrival
            }
            Content::Uploaded(number) => {
                let mut uploads = self.uploads.0.lock().await;
                let place = uploads.iter().position(|(known, _)| *known == number);
                place.and_then(|place| uploads.remove(place)).ok_or_else(no_upload)?.1
            }
        };
        arrival.finish().await
    }

    pub(super) async fn mail_marks(&self, account: &Mailbox, mailbox: &str, after: u32) -> Result<Answer, Refusal> {
        let (mut marks, mut octets) = (Vec::new(), 0);
        for mail in self.mails(account, mailbox, after, Parts::NONE).await? {
            octets += mail.octets;
            if octets > MARKED_OCTETS_MAX && !marks.is_empty() {
                break;
            }
            let mut reader = self.store.open_body(&mail.body).await?;
            let mut sum = Sum::default();
            while let Some(octets) = reader.next().await? {
                sum.push(&octets);
            }
            marks.push(Mark { uid: mail.uid, key: sum.finish() });
        }
        Ok(Answer::Marks(marks))
    }

    pub(super) async fn mail_page(&self, account: &Mailbox, mailbox: &str, after: u32) -> Result<Answer, Refusal> {
        let mails = self.mails(account, mailbox, after, Parts::BODY).await?;
        Ok(Answer::Mails(mails.into_iter().map(mail_out).collect()))
    }

    /// The next messages of a mailbox.
    async fn mails(
        &self,
        account: &Mailbox,
        mailbox: &str,
        after: u32,
        parts: Parts,
    ) -> Result<Vec<FetchedMail>, Refusal> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let info = self.mailbox_info(account, mailbox).await?;
        Ok(self.store.mailbox_fetch(info.id, &[first..=u32::MAX], parts, PAGE_MAILS).await?.mails)
    }

    /// The body of one message.
    pub(super) async fn mail_body(
        &self,
        account: &Mailbox,
        mailbox: &str,
        uid: u32,
    ) -> Result<Option<BodyRef>, Refusal> {
        let info = self.mailbox_info(account, mailbox).await?;
        let page = self.store.mailbox_fetch(info.id, &[uid..=uid], Parts::NONE, 1).await?;
        Ok(page.mails.into_iter().next().map(|mail| mail.body))
    }

    async fn mailbox_info(&self, account: &Mailbox, mailbox: &str) -> Result<MailboxInfo, Refusal> {
        let login = self.owner(account).await?.login;
        let info = self.store.mailbox(&login, mailbox).await?;
        info.ok_or_else(|| Refusal::missing(format!("{login} has no mailbox {mailbox:?}")))
    }

    pub(super) async fn mail_undelete(
        &self,
        account: &Mailbox,
        mailbox: &str,
        since: Timestamp,
    ) -> Result<Answer, Refusal> {
        let login = self.owner(account).await?.login;
        match self.store.mailbox_undelete(&login, mailbox, since).await {
            Err(MailboxError::OverQuota) => Err(Refusal::new(
                RefusalKind::Later,
                format!(
                    "that does not fit into the quota of {login}: --since asks for less, `account quota set` makes room"
                ),
            )),
            back => Ok(Answer::Count(back?)),
        }
    }

    /// The account of this name, else the one with this address.
    pub(super) async fn owner(&self, account: &Mailbox) -> Result<Account, Refusal> {
        let found = match self.store.account_get(&account.key()).await? {
            Some(found) => Some(found),
            None => self.store.account_of(account).await?,
        };
        found.ok_or_else(|| Refusal::missing(format!("there is no account {account}")))
    }
}

fn no_upload() -> Refusal {
    Refusal::new(RefusalKind::Later, "the first pieces of the message are not here any more: try again")
}

fn mailbox_row(info: MailboxInfo) -> MailboxRow {
    MailboxRow {
        name: info.name,
        special_use: info.special_use.map(|special_use| special_use.as_str().to_owned()),
        messages: info.messages,
        unseen: info.unseen,
        octets: info.octets,
        uid_validity: info.uid_validity,
        uid_next: info.uid_next,
    }
}

fn mail_out(mail: FetchedMail) -> MailOut {
    let system = mail.flags.system();
    let names = System::ALL.into_iter().filter(|(flag, _)| system.contains(*flag)).map(|(_, name)| name);
    let flags = names.chain(mail.flags.keywords()).map(str::to_owned).collect();
    let content = mail.content.map(|content| Octets([&mail.body.prefix()[..], &content[..]].concat()));
    MailOut { uid: mail.uid, flags, at: mail.at, octets: mail.octets, content }
}

fn flags_of(names: &[String]) -> Flags {
    let system = |name: &String| System::ALL.into_iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    let bits = names.iter().filter_map(system).fold(System::default(), |bits, (flag, _)| bits | flag);
    Flags::new(bits, names.iter().filter(|name| !name.starts_with('\\')).map(String::as_str))
}
