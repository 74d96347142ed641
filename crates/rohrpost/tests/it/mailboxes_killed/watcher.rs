//! A client that keeps mailboxes in mind and, whenever it comes back, asks only for what changed: QRESYNC (RFC 7162 §3.2.5).

use std::collections::BTreeMap;

use super::client::{Client, Flags, set_of};
use super::{MAILBOXES, Seen};

/// What a watcher knows of a mailbox.
#[derive(Default)]
struct Known {
    uid_validity: u64,
    uid_next: u64,
    modseq: u64,
    mails: BTreeMap<u32, Flags>,
}

pub(super) struct Watcher {
    /// It comes back each time that so many rounds have gone.
    pub(super) rounds: u32,
    /// Whether it says which UIDs it knows. It then hears only of those, and asks for what is new.
    says: bool,
    known: BTreeMap<&'static str, Known>,
}

impl Watcher {
    pub(super) fn new(rounds: u32, says: bool) -> Self {
        Self { rounds, says, known: BTreeMap::new() }
    }

    /// Asks what changed. It then knows what there is.
    pub(super) fn resync(&mut self, client: &mut Client, seen: &BTreeMap<&'static str, Seen>) {
        for mailbox in MAILBOXES {
            let (seen, known) = (&seen[mailbox], self.known.entry(mailbox).or_default());
            if known.uid_validity == 0 {
                known.uid_validity = seen.uid_validity;
                (known.uid_next, known.modseq) = (1, 1);
            }
            known.catch_up(client, mailbox, self.says);
            let there: BTreeMap<_, _> = seen.mails.iter().map(|(uid, mail)| (*uid, mail.flags.clone())).collect();
            assert_eq!((known.uid_validity, known.modseq), (seen.uid_validity, seen.modseq), "{mailbox}");
            assert_eq!(known.mails, there, "{mailbox}: what a watcher knows and what there is");
        }
    }
}

impl Known {
    fn catch_up(&mut self, client: &mut Client, mailbox: &str, says: bool) {
        let uids = if says && !self.mails.is_empty() { set_of(self.mails.keys().copied()) } else { String::new() };
        let space = if uids.is_empty() { "" } else { " " };
        let select = format!("SELECT {mailbox} (QRESYNC ({} {}{space}{uids}))", self.uid_validity, self.modseq);
        let mut answers = client.ask(&select).expect("the server runs");
        if says {
            let new = format!("UID FETCH {}:* (FLAGS)", self.uid_next);
            answers.extend(client.ask(&new).expect("the server runs"));
        }
        for answer in answers {
            for uid in answer.vanished().unwrap_or_default() {
                self.mails.remove(&uid);
            }
            if let Some((uid, flags)) = answer.fetched() {
                self.mails.insert(uid, flags);
            }
            self.modseq = answer.number("[HIGHESTMODSEQ ").unwrap_or(self.modseq);
            self.uid_next = answer.number("[UIDNEXT ").unwrap_or(self.uid_next);
            self.uid_validity = answer.number("[UIDVALIDITY ").unwrap_or(self.uid_validity);
        }
    }
}
