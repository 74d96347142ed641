//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 9051 §6.3.4 to §6.3.11).

use std::time::Instant;

use super::state::{Question, Session};
use crate::{
    command::{SpecialUse, Status, StatusItem},
    event::{Event, MailboxChange, MailboxInfo, Refusal},
    mailbox_name::MailboxName,
    response::{Code, Data, StatusData},
};

impl Session {
    /// CREATE, with one special use at most: what two uses would mean nobody says.
    pub(super) fn create(&mut self, now: Instant, mailbox: &MailboxName, special_use: &[SpecialUse]) {
        match special_use {
            _ if mailbox.is_inbox() => self.no(now, Code::AlreadyExists, "INBOX is always there"),
            [] | [_] => {
                let special_use = special_use.first().copied();
                self.change("CREATE completed", MailboxChange::Create { name: name(mailbox), special_use });
            }
            _ => self.no(now, Code::UseAttr, "A mailbox has one special use"),
        }
    }

    /// DELETE
    pub(super) fn delete(&mut self, now: Instant, mailbox: &MailboxName) {
        if mailbox.is_inbox() {
            return self.no(now, Code::Cannot, "INBOX is always there");
        }
        self.change("DELETE completed", MailboxChange::Delete { name: name(mailbox) });
    }

    /// RENAME
    pub(super) fn rename(&mut self, from: &MailboxName, to: &MailboxName) {
        self.change("RENAME completed", MailboxChange::Rename { from: name(from), to: name(to) });
    }

    /// SUBSCRIBE and UNSUBSCRIBE
    pub(super) fn subscribe(&mut self, mailbox: &MailboxName, subscribed: bool) {
        let text = if subscribed { "SUBSCRIBE completed" } else { "UNSUBSCRIBE completed" };
        self.change(text, MailboxChange::Subscribe { name: name(mailbox), subscribed });
    }

    fn change(&mut self, text: &'static str, change: MailboxChange) {
        self.ask(
            Question::Change { text, is_create: matches!(change, MailboxChange::Create { .. }) },
            Event::ChangeMailbox(change),
        );
    }

    /// STATUS
    pub(super) fn status(&mut self, status: Status) {
        let name = name(&status.mailbox);
        self.ask(Question::Status(status), Event::Mailbox { name });
    }

    /// Answers [`Event::Mailbox`] and [`Event::ChangeMailbox`].
    pub fn answer_mailbox(&mut self, now: Instant, mailbox: Result<MailboxInfo, Refusal>) {
        match (self.question.take(), mailbox) {
            (Some(Question::Status(_) | Question::Change { .. }), Err(refusal)) => self.refuse(now, &refusal),
            (Some(Question::Status(status)), Ok(info)) => {
                self.tell(&Data::Status(status.mailbox, status_data(&info, &status.items, self.profile.size_max)));
                self.ok(now, "STATUS completed");
            }
            (Some(Question::Change { text, is_create }), Ok(info)) => self.changed(now, text, is_create, &info),
            (other, _) => return self.question = other,
        }
        self.go_on(now);
    }

    /// RFC 8474 §4.1: CREATE tells the MAILBOXID.
    fn changed(&mut self, now: Instant, text: &'static str, is_create: bool, info: &MailboxInfo) {
        match &info.object_id {
            Some(id) if is_create => self.ok_with(now, Code::MailboxId(id.clone()), text),
            _ => self.ok(now, text),
        }
    }
}

fn name(mailbox: &MailboxName) -> String {
    mailbox.as_str().to_owned()
}

/// What STATUS tells, also within LIST.
pub(super) fn status_data(info: &MailboxInfo, items: &[StatusItem], size_max: u64) -> StatusData {
    let number = |item| match item {
        StatusItem::Messages => Some(info.messages.into()),
        // RFC 9051 dropped it; no message is recent here.
        StatusItem::Recent => Some(0),
        StatusItem::UidNext => Some(info.uid_next.into()),
        StatusItem::UidValidity => Some(info.uid_validity.into()),
        StatusItem::Unseen => Some(info.unseen.into()),
        StatusItem::Deleted => Some(info.deleted.into()),
        StatusItem::DeletedStorage => Some(info.deleted_octets),
        StatusItem::Size => Some(info.octets),
        StatusItem::HighestModSeq => Some(info.modseq),
        StatusItem::AppendLimit => Some(size_max),
        StatusItem::MailboxId => None,
    };
    let numbered = items.iter().filter(|item| **item != StatusItem::MailboxId);
    let items_told = numbered.map(|item| (*item, number(*item))).collect();
    let wants_id = items.contains(&StatusItem::MailboxId);
    StatusData { items: items_told, mailbox_id: info.object_id.clone().filter(|_| wants_id) }
}
