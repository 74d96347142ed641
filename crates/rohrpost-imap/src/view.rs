//! The selected mailbox as its client knows it.
//!
//! RFC 9051 §2.3.1.2: a message number means a message only as long as the client was told of every message that went
//! away. So the view changes when the client is told and at no other time, whatever the store holds meanwhile: what is
//! gone there keeps its number here until an EXPUNGE may be said (RFC 9051 §7.5.1).
//!
//! It holds UIDs as spans, no flags and no message: a mailbox without gaps takes a few octets, whatever its size. Flags
//! are asked for when they are to be told.

mod uid_list;

pub(crate) use uid_list::{UidList, count, push_uid, take_first};

use crate::{
    event::{Changes, Entry, MailboxId, Selected, Uids},
    limits::OWN_CHANGES_MAX,
};

/// The selected mailbox.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) mailbox: MailboxId,
    pub(crate) read_only: bool,
    /// Another session deleted it.
    pub(crate) is_gone: bool,
    pub(crate) uids: UidList,
    /// The client was told of all that happened up to here.
    pub(crate) modseq: u64,
    /// The highest MODSEQ that the driver has told of.
    notified: u64,
    /// MODSEQs above [`Self::modseq`] of changes that this client made and was told of.
    own: Vec<u64>,
    /// `$` (RFC 9051 §6.4.4.1)
    pub(crate) saved: Uids,
}

impl View {
    pub(crate) fn new(selected: &Selected, read_only: bool) -> Self {
        Self {
            mailbox: selected.info.id,
            read_only,
            is_gone: false,
            uids: UidList::from(&selected.uids[..]),
            modseq: selected.info.modseq,
            notified: selected.info.modseq,
            own: Vec::new(),
            saved: Vec::new(),
        }
    }

    /// The mailbox has come to this MODSEQ.
    pub(crate) fn notify(&mut self, modseq: u64) {
        self.notified = self.notified.max(modseq);
    }

    /// Whether there is something that the client was not told of.
    pub(crate) fn is_behind(&self) -> bool {
        self.notified > self.modseq
    }

    /// The client made this change, and was told of it. Where nothing came between, there is nothing more to tell.
    pub(crate) fn note_own(&mut self, modseq: u64) {
        self.notify(modseq);
        if modseq == self.modseq + 1 {
            self.modseq = modseq;
        } else if modseq > self.modseq {
            if self.own.len() == OWN_CHANGES_MAX {
                self.own.remove(0);
            }
            self.own.push(modseq);
        }
    }

    /// Takes in what has happened, all of which the caller tells: the flags that are news to the client, and those of
    /// `vanished` that had a number, with the numbers they had if told one after another. Of new messages only their
    /// number is told: whoever wants to know more asks.
    pub(crate) fn take(&mut self, changes: Changes) -> News {
        let vanished = self.uids.intersect(&changes.vanished);
        let numbers = self.uids.remove(&vanished);
        let (before, last) = (self.uids.len(), self.uids.last().unwrap_or(0));
        let mut entries = changes.entries;
        for entry in &entries {
            self.uids.append(entry.uid);
        }
        let is_known = |uid| uid <= last && self.uids.contains(uid);
        entries.retain(|entry| is_known(entry.uid) && !self.own.contains(&entry.modseq));
        self.forget_saved(&vanished);
        self.modseq = self.modseq.max(changes.modseq);
        self.notified = self.notified.max(self.modseq);
        self.own.retain(|own| *own > changes.modseq);
        News { entries, vanished, numbers, has_grown: self.uids.len() > before }
    }

    /// RFC 9051 §6.4.4.1: messages that are gone are in no saved result.
    fn forget_saved(&mut self, vanished: &Uids) {
        if !self.saved.is_empty() && !vanished.is_empty() {
            let mut saved = UidList::from(&self.saved[..]);
            saved.remove(vanished);
            self.saved = saved.ranges().collect();
        }
    }
}

/// What is to be told.
#[derive(Debug)]
pub(crate) struct News {
    /// New flags, by UID.
    pub(crate) entries: Vec<Entry>,
    /// What went.
    pub(crate) vanished: Uids,
    /// For each message that went, its number after those before it went.
    pub(crate) numbers: Vec<u32>,
    /// Whether there are new messages: EXISTS is to be said.
    pub(crate) has_grown: bool,
}

#[cfg(test)]
mod tests;
