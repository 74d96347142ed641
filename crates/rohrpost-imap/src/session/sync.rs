//! Telling the client what has happened in its mailbox, and when (RFC 9051 §5.2 and §7.5.1).
//!
//! At the end of a command, before its tagged response, and in IDLE at once. Not at the end of FETCH, STORE, SEARCH, SORT
//! and THREAD by message numbers, where no message may vanish: what they left out comes with the next command.

use std::{borrow::Cow, time::Instant};

use super::state::{Question, Reading, Session, State, refusal_text};
use crate::{
    event::{Changes, CloseReason, Entry, Event, Refusal},
    response::{Code, Data, FetchWriter, Line, Status, Wire},
    view::{News, View},
};

impl Session {
    /// The end of a command: what has happened meanwhile, and the tagged response.
    pub(super) fn finish(&mut self, now: Instant, status: Status, code: Option<Code>, text: Cow<'static, str>) {
        self.clock.touch(now);
        let Some(current) = self.current.take() else { return };
        let mut line = Vec::new();
        Line { tag: Some(current.tag), status, code, text }.print(&mut line);
        if self.is_bereft() {
            self.leave_deleted_mailbox();
        }
        match self.changes_due() {
            Some(event) if !current.holds_numbers => self.ask(Question::Sync(line), event),
            _ => self.output.buffer().extend_from_slice(&line),
        }
    }

    /// Answers [`Event::Changes`].
    pub fn answer_changes(&mut self, now: Instant, changes: Result<Changes, Refusal>) {
        match self.question.take() {
            // What cannot be told now is told later.
            Some(Question::Sync(line)) => {
                self.tell_changes(changes);
                self.output.buffer().extend_from_slice(&line);
            }
            Some(Question::IdleSync) => self.tell_idle(changes),
            Some(Question::Resync(selecting)) => self.resynced(now, &selecting, changes),
            Some(Question::Since(fetching)) => self.fetch_since(now, fetching, changes),
            other => return self.question = other,
        }
        self.clock.touch(now);
        self.go_on(now);
    }

    /// What goes on once nothing else does: news in IDLE, and the end of a session that is to end.
    pub(super) fn go_on(&mut self, now: Instant) {
        let idles = matches!(self.reading, Reading::Idle);
        if idles && self.is_bereft() {
            self.leave_deleted_mailbox();
        }
        self.at_boundary();
        let may_tell = idles && !self.is_busy() && !self.output.is_full();
        if may_tell && let Some(event) = self.changes_due() {
            self.clock.touch(now);
            self.ask(Question::IdleSync, event);
        }
    }

    /// In IDLE there is no later command to try again with, and a client that waits in vain is worse off than one that
    /// comes back.
    fn tell_idle(&mut self, changes: Result<Changes, Refusal>) {
        match changes {
            Err(refusal) if refusal != Refusal::SelectedGone => {
                self.close_with(&refusal_text(&refusal), CloseReason::Broken);
            }
            changes => self.tell_changes(changes),
        }
        self.output.flush();
    }

    fn tell_changes(&mut self, changes: Result<Changes, Refusal>) {
        let enabled = self.enabled;
        if matches!(changes, Err(Refusal::SelectedGone)) {
            self.leave_deleted_mailbox();
        }
        if let (State::Selected(view), Ok(changes)) = (&mut self.state, changes) {
            let news = view.take(changes);
            let teller = Teller { modseq: enabled.condstore, vanished: enabled.qresync, uid: enabled.qresync };
            teller.news(self.output.buffer(), view, &news);
        }
    }

    /// Whether the selected mailbox was deleted by somebody else.
    pub(super) fn is_bereft(&self) -> bool {
        matches!(&self.state, State::Selected(view) if view.is_gone)
    }

    /// The question what has happened, where something has. Of a mailbox that is gone there is no answer.
    pub(super) fn changes_due(&self) -> Option<Event> {
        match &self.state {
            State::Selected(view) if view.is_behind() && !view.is_gone => {
                Some(Event::Changes { mailbox: view.mailbox, since: view.modseq })
            }
            _ => None,
        }
    }

    /// What the client understands.
    pub(super) fn wire(&self) -> Wire {
        Wire { utf8: self.enabled.rev2 || self.enabled.utf8 }
    }
}

/// How changes are told.
#[derive(Clone, Copy, Debug)]
pub(super) struct Teller {
    /// With the MODSEQ of each (CONDSTORE).
    pub(super) modseq: bool,
    /// With the UID of each.
    pub(super) uid: bool,
    /// By VANISHED instead of EXPUNGE (QRESYNC).
    pub(super) vanished: bool,
}

impl Teller {
    /// RFC 7162 §3.2.10: what went comes before what is new, or numbers would not be what they seem.
    fn news(self, out: &mut Vec<u8>, view: &View, news: &News) {
        self.gone(out, news);
        if news.has_grown {
            Data::Exists(view.uids.len()).print(out, Wire::default());
        }
        news.entries.iter().for_each(|entry| self.flags(out, view, entry));
    }

    /// VANISHED, or an EXPUNGE for each.
    pub(super) fn gone(self, out: &mut Vec<u8>, news: &News) {
        if self.vanished {
            return Data::Vanished { earlier: false, uids: news.vanished.clone() }.print(out, Wire::default());
        }
        news.numbers.iter().for_each(|number| Data::Expunge(*number).print(out, Wire::default()));
    }

    /// FETCH with the flags of a message.
    pub(super) fn flags(self, out: &mut Vec<u8>, view: &View, entry: &Entry) {
        let Some(number) = view.uids.number(entry.uid) else { return };
        let mut fetch = FetchWriter::new(out, number);
        if self.uid {
            fetch.uid(entry.uid);
        }
        if self.modseq {
            fetch.mod_seq(entry.modseq);
        }
        fetch.flags(entry.flags.names());
        fetch.finish();
    }
}

/// FETCH with the MODSEQ of a message and without its flags.
pub(super) fn tell_modseq(out: &mut Vec<u8>, view: &View, entry: &Entry) {
    let Some(number) = view.uids.number(entry.uid) else { return };
    let mut fetch = FetchWriter::new(out, number);
    fetch.uid(entry.uid);
    fetch.mod_seq(entry.modseq);
    fetch.finish();
}
