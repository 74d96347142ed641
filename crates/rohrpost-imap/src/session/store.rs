//! STORE (RFC 9051 §6.4.6, RFC 7162 §3.1.3) and EXPUNGE.

use std::time::Instant;

use super::{
    state::{Question, Session, State},
    sync::{Teller, tell_modseq},
};
use crate::{
    command::{self, Messages, StoreAction},
    event::{Event, Expunged, FlagOperation, Refusal, Stored, Uids},
    flags::Flags,
    limits::STORE_MESSAGES_MAX,
    response::Code,
    sequence::ranges,
    view::{count, take_first},
};

/// A STORE that is under way.
#[derive(Debug)]
pub(super) struct Storing {
    uid: bool,
    silent: bool,
    operation: FlagOperation,
    flags: Flags,
    unchanged_since: Option<u64>,
    /// What is not asked for yet.
    rest: Uids,
    /// What UNCHANGEDSINCE kept.
    modified: Vec<u32>,
    /// How many messages were named, and how many of them were there.
    named: u32,
    found: u32,
}

impl Session {
    /// The command.
    pub(super) fn store(&mut self, now: Instant, store: &command::Store) {
        let Some(rest) = self.uids_of(now, store.uid, &store.messages) else { return };
        let State::Selected(view) = &self.state else { return };
        if view.read_only {
            return self.no(now, Code::Cannot, "The mailbox is open for reading only");
        }
        // RFC 7162 §3.1: who uses it has switched it on.
        self.enabled.condstore |= store.unchanged_since.is_some();
        let operation = match store.action {
            StoreAction::Replace => FlagOperation::Replace,
            StoreAction::Add => FlagOperation::Add,
            StoreAction::Remove => FlagOperation::Remove,
        };
        let flags = store.flags.as_slice().into();
        let command::Store { uid, silent, unchanged_since, .. } = *store;
        let storing = Storing {
            uid,
            silent,
            operation,
            flags,
            unchanged_since,
            named: count(&rest),
            found: 0,
            rest,
            modified: Vec::new(),
        };
        self.store_more(now, storing.into());
    }

    /// Asks for the next messages; answers when there are none.
    fn store_more(&mut self, now: Instant, mut storing: Box<Storing>) {
        let State::Selected(view) = &self.state else { return };
        let uids = take_first(&mut storing.rest, STORE_MESSAGES_MAX);
        if uids.is_empty() {
            return self.store_done(now, &storing);
        }
        let event = Event::Store {
            mailbox: view.mailbox,
            uids,
            operation: storing.operation,
            flags: storing.flags.clone(),
            unchanged_since: storing.unchanged_since,
        };
        self.ask(Question::Store(storing), event);
    }

    /// Answers [`Event::Store`].
    pub fn answer_store(&mut self, now: Instant, stored: Result<Stored, Refusal>) {
        match (self.question.take(), stored) {
            (Some(Question::Store(storing)), Ok(stored)) => self.stored(now, storing, stored),
            (Some(Question::Store(_)), Err(refusal)) => self.refuse(now, &refusal),
            (Some(Question::Seen(fetching)), stored) => self.seen(now, fetching, stored),
            (other, _) => return self.question = other,
        }
        self.go_on(now);
    }

    fn stored(&mut self, now: Instant, mut storing: Box<Storing>, stored: Stored) {
        let condstore = self.enabled.condstore;
        let State::Selected(view) = &mut self.state else { return };
        // RFC 7162 §3.1.3: with CONDSTORE also a silent STORE tells the new MODSEQ, but not the flags.
        let teller = Teller { modseq: condstore, uid: storing.uid || condstore, vanished: false };
        for entry in &stored.changed {
            match storing.silent {
                true if condstore => tell_modseq(self.output.buffer(), view, entry),
                true => {}
                false => teller.flags(self.output.buffer(), view, entry),
            }
        }
        if let Some(modseq) = stored.modseq {
            view.note_own(modseq);
        }
        let found = stored.changed.len() + stored.modified.len();
        storing.found = storing.found.saturating_add(u32::try_from(found).unwrap_or(u32::MAX));
        storing.modified.extend(stored.modified);
        self.store_more(now, storing);
    }

    fn store_done(&mut self, now: Instant, storing: &Storing) {
        let Storing { uid, named, found, .. } = *storing;
        if storing.modified.is_empty() {
            let some_are_gone = !uid && found < named;
            return if some_are_gone { self.ok_without(now, found) } else { self.ok(now, "STORE completed") };
        }
        let State::Selected(view) = &self.state else { return };
        let named = |uid: &u32| if storing.uid { Some(*uid) } else { view.uids.number(*uid) };
        let modified = ranges(storing.modified.iter().filter_map(named)).collect();
        self.ok_with(now, Code::Modified(modified), "Others changed these messages first");
    }

    /// EXPUNGE and UID EXPUNGE (RFC 9051 §6.4.3 and §6.4.9). What went is told as the news of any command are.
    pub(super) fn expunge(&mut self, now: Instant, uids: Option<&Messages>) {
        let uids = match uids {
            None => None,
            Some(messages) => match self.uids_of(now, true, messages) {
                Some(uids) => Some(uids),
                None => return,
            },
        };
        let State::Selected(view) = &self.state else { return };
        if view.read_only {
            return self.no(now, Code::Cannot, "The mailbox is open for reading only");
        }
        let event = Event::Expunge { mailbox: view.mailbox, uids };
        self.ask(Question::Expunge, event);
    }

    /// Answers [`Event::Expunge`].
    pub fn answer_expunge(&mut self, now: Instant, expunged: Result<Expunged, Refusal>) {
        match (self.question.take(), expunged) {
            (Some(Question::Close), expunged) => self.mailbox_closed(now, expunged),
            (Some(Question::Expunge), Ok(expunged)) => {
                if expunged.uids.is_empty() {
                    self.ok(now, "EXPUNGE completed");
                } else {
                    self.ok_gone(now, expunged.modseq, "EXPUNGE completed");
                }
            }
            (Some(Question::Expunge), Err(refusal)) => self.refuse(now, &refusal),
            (other, _) => return self.question = other,
        }
        self.go_on(now);
    }

    /// Messages went by this command: they are told as gone before its `OK`, which says up to where the client knows all
    /// (RFC 7162 §3.2.7 and §3.2.9).
    pub(super) fn ok_gone(&mut self, now: Instant, modseq: u64, text: &'static str) {
        if let State::Selected(view) = &mut self.state {
            view.notify(modseq);
        }
        if self.enabled.condstore {
            self.ok_with(now, Code::HighestModSeq(modseq), text);
        } else {
            self.ok(now, text);
        }
    }

    /// A command by message numbers named some that another session took away (RFC 5530 §3). RFC 2180 §4.1 and §4.2: where
    /// none was left to do anything with, the command failed.
    pub(super) fn ok_without(&mut self, now: Instant, found: u32) {
        if found == 0 {
            self.refuse(now, &Refusal::Expunged);
        } else {
            self.ok_with(now, Code::ExpungeIssued, "Some of the messages are gone");
        }
    }

    /// The UIDs a command is about. UIDs that are not there are passed over (RFC 9051 §6.4.9), message numbers that are
    /// not are answered BAD (§6.4.5), and there is nothing then.
    pub(super) fn uids_of(&mut self, now: Instant, uid: bool, messages: &Messages) -> Option<Uids> {
        let State::Selected(view) = &self.state else { return None };
        let uids = match messages {
            Messages::Saved => Some(view.saved.clone()),
            Messages::Set(set) if uid => Some(view.uids.intersect(&set.resolve(view.uids.last().unwrap_or(0)))),
            // `1:*` of an empty mailbox is nothing, and no mistake.
            Messages::Set(set) if view.uids.is_empty() && set.has_star() => Some(Uids::new()),
            Messages::Set(set) => view.uids.of_numbers(&set.resolve(view.uids.len())),
        };
        if uids.is_none() {
            self.bad(now, "There is no message of that number");
        }
        uids
    }
}
