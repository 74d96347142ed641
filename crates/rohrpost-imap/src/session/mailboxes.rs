//! CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE and STATUS (RFC 9051 §6.3.4 to §6.3.11).

use std::time::Instant;

use super::state::{Question, Session, State};
use crate::{
    command::{SpecialUse, Status, StatusItem},
    event::{Event, MailboxChange, MailboxId, MailboxInfo, Refusal},
    mailbox_name::MailboxName,
    response::{Code, Data, StatusData},
};

impl Session {
    /// CREATE, with one special use at most: what two uses would mean nobody says.
    pub(super) fn create(&mut self, now: Instant, mailbox: &MailboxName, special_use: &[SpecialUse]) {
        if mailbox.is_inbox() {
            return self.no(now, Code::AlreadyExists, "INBOX is always there");
        }
        if special_use.len() > 1 {
            return self.no(now, Code::UseAttr, "A mailbox has one special use");
        }
        self.change(MailboxChange::Create { name: name(mailbox), special_use: special_use.first().copied() });
    }

    /// DELETE
    pub(super) fn delete(&mut self, now: Instant, mailbox: &MailboxName) {
        if mailbox.is_inbox() {
            return self.no(now, Code::Cannot, "INBOX is always there");
        }
        self.change(MailboxChange::Delete { name: name(mailbox) });
    }

    /// RENAME
    pub(super) fn rename(&mut self, from: &MailboxName, to: &MailboxName) {
        self.change(MailboxChange::Rename { from: name(from), to: name(to) });
    }

    /// SUBSCRIBE and UNSUBSCRIBE
    pub(super) fn subscribe(&mut self, mailbox: &MailboxName, subscribed: bool) {
        self.change(MailboxChange::Subscribe { name: name(mailbox), subscribed });
    }

    fn change(&mut self, change: MailboxChange) {
        self.ask(Question::Change(change.clone()), Event::ChangeMailbox(change));
    }

    /// STATUS
    pub(super) fn status(&mut self, status: Status) {
        // RFC 7162 §3.1: who asks for it has switched CONDSTORE on.
        self.enabled.condstore |= status.items.contains(&StatusItem::HighestModSeq);
        let name = name(&status.mailbox);
        self.ask(Question::Status(status), Event::Mailbox { name });
    }

    /// Answers [`Event::Mailbox`] and [`Event::ChangeMailbox`].
    pub fn answer_mailbox(&mut self, now: Instant, mailbox: Result<MailboxInfo, Refusal>) {
        match (self.question.take(), mailbox) {
            (Some(Question::Status(_) | Question::Change(_)), Err(refusal)) => self.refuse(now, &refusal),
            (Some(Question::Status(status)), Ok(info)) => {
                self.tell(&Data::Status(status.mailbox, status_data(&info, &status.items, self.profile.size_max)));
                self.ok(now, "STATUS completed");
            }
            (Some(Question::Change(change)), Ok(info)) => self.changed(now, &change, info),
            (other, _) => return self.question = other,
        }
        self.go_on(now);
    }

    fn changed(&mut self, now: Instant, change: &MailboxChange, info: MailboxInfo) {
        match (change, info.object_id) {
            // RFC 8474 §4.1
            (MailboxChange::Create { .. }, Some(id)) => self.ok_with(now, Code::MailboxId(id), "CREATE completed"),
            (MailboxChange::Create { .. }, None) => self.ok(now, "CREATE completed"),
            (MailboxChange::Delete { .. }, _) => {
                self.leave_if_selected(info.id);
                self.ok(now, "DELETE completed");
            }
            (MailboxChange::Rename { .. }, _) => self.ok(now, "RENAME completed"),
            (MailboxChange::Subscribe { subscribed: true, .. }, _) => self.ok(now, "SUBSCRIBE completed"),
            (MailboxChange::Subscribe { subscribed: false, .. }, _) => self.ok(now, "UNSUBSCRIBE completed"),
        }
    }

    /// The client took away the mailbox it had selected.
    fn leave_if_selected(&mut self, mailbox: MailboxId) {
        if matches!(&self.state, State::Selected(view) if view.mailbox == mailbox) {
            self.state = State::Authenticated;
            self.untagged(Code::Closed, "The mailbox is gone");
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
