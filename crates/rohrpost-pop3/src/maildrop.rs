//! The mailbox as one session sees it: numbered once, when the client logs in, and changed by nobody else.
//!
//! RFC 1939 §4 lets a server lock the mailbox for the time of the session. We do not: a program that hangs would keep
//! all others out. Instead each session has a list of its own. What another one deletes stays on the list with its
//! number; only its octets can no longer be had.

use std::fmt;

use crate::limits::MESSAGES_MAX;

/// One message on the list.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    /// Its octets with CRLF line ends and without transparency dots.
    pub(crate) octets: u64,
    /// Its number in the mailbox, which no other message of this mailbox ever had.
    pub(crate) uid: u32,
    /// Whether DELE was said.
    is_deleted: bool,
}

/// The messages of a mailbox at one instant, oldest first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Maildrop {
    uid_validity: u32,
    messages: Vec<Message>,
}

impl Maildrop {
    /// A list without messages. `uid_validity` is that of IMAP (RFC 9051 §2.3.1.1): with a UID it names a message for good.
    pub fn new(uid_validity: u32) -> Self {
        Self { uid_validity, messages: Vec::new() }
    }

    /// Adds messages in the order of their UIDs: UID and octets. Beyond [`MESSAGES_MAX`] the oldest are left out.
    pub fn extend(&mut self, messages: impl IntoIterator<Item = (u32, u64)>) {
        let new = messages.into_iter().map(|(uid, octets)| Message { octets, uid, is_deleted: false });
        self.messages.extend(new);
        let surplus = self.messages.len().saturating_sub(MESSAGES_MAX);
        self.messages.drain(..surplus);
    }

    /// Deletes a message; false where there is none of that number.
    pub(crate) fn delete(&mut self, number: u64) -> bool {
        let message =
            index(number).and_then(|index| self.messages.get_mut(index)).filter(|message| !message.is_deleted);
        message.map(|message| message.is_deleted = true).is_some()
    }

    /// Takes back all deletions.
    pub(crate) fn reset(&mut self) {
        for message in &mut self.messages {
            message.is_deleted = false;
        }
    }

    /// The message of that number, unless it is deleted. The first has the number 1.
    pub(crate) fn get(&self, number: u64) -> Option<&Message> {
        index(number).and_then(|index| self.messages.get(index)).filter(|message| !message.is_deleted)
    }

    /// The first message of that number or a higher one that is not deleted.
    pub(crate) fn next_from(&self, number: u64) -> Option<(u64, &Message)> {
        let numbered = (1..).zip(&self.messages).skip(index(number)?);
        numbered.into_iter().find(|(_, message)| !message.is_deleted)
    }

    /// How many messages there are, and their octets, without those deleted.
    pub(crate) fn stat(&self) -> (usize, u64) {
        let left = self.messages.iter().filter(|message| !message.is_deleted);
        left.fold((0, 0), |(count, octets), message| (count + 1, message.octets.saturating_add(octets)))
    }

    /// The UIDs of what is deleted, in ascending order.
    pub(crate) fn deleted(&self) -> Vec<u32> {
        self.messages.iter().filter(|message| message.is_deleted).map(|message| message.uid).collect()
    }

    /// The lasting name of a message: what UIDL lists.
    pub(crate) fn unique_id(&self, message: &Message) -> UniqueId {
        UniqueId { uid_validity: self.uid_validity, uid: message.uid }
    }
}

/// Printed as RFC 1939 §7 wants it: at most 70 characters, none of them a blank.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct UniqueId {
    uid_validity: u32,
    uid: u32,
}

impl fmt::Display for UniqueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.uid_validity, self.uid)
    }
}

fn index(number: u64) -> Option<usize> {
    number.checked_sub(1).and_then(|index| usize::try_from(index).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Maildrop {
        let mut maildrop = Maildrop::new(7);
        maildrop.extend([(11, 100), (12, 200), (15, 300)]);
        maildrop
    }

    #[test]
    fn numbers_stay_when_a_message_is_deleted() {
        let mut maildrop = three();
        assert!(maildrop.delete(2));
        assert!(!maildrop.delete(2), "a second time");
        assert_eq!(maildrop.get(2), None);
        assert_eq!(maildrop.get(3).map(|message| message.uid), Some(15));
        assert_eq!(maildrop.next_from(2).map(|(number, _)| number), Some(3));
        assert_eq!(maildrop.stat(), (2, 400));
        assert_eq!(maildrop.deleted(), [12]);
        maildrop.reset();
        assert_eq!(maildrop, three());
    }

    #[test]
    fn there_is_no_message_below_one_and_none_beyond_the_last() {
        let mut maildrop = three();
        for number in [0, 4, u64::MAX] {
            assert_eq!(maildrop.get(number), None);
            assert!(!maildrop.delete(number));
            assert_eq!(maildrop.next_from(number), None);
        }
    }

    #[test]
    fn of_too_many_messages_the_newest_are_shown() {
        let mut maildrop = three();
        let many = u32::try_from(MESSAGES_MAX).unwrap();
        maildrop.extend((100..).map(|uid| (uid, 1)).take(MESSAGES_MAX));
        assert_eq!(maildrop.stat().0, MESSAGES_MAX);
        assert_eq!(maildrop.get(1).map(|message| message.uid), Some(100));
        assert_eq!(maildrop.get(u64::from(many)).map(|message| message.uid), Some(99 + many));
    }

    #[test]
    fn a_unique_id_is_the_validity_and_the_uid() {
        let maildrop = three();
        assert_eq!(maildrop.unique_id(maildrop.get(3).unwrap()).to_string(), "7.15");
    }
}
