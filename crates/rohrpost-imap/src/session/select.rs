//! SELECT and EXAMINE (RFC 9051 §6.3.2 and §6.3.3, RFC 7162), CLOSE and UNSELECT.

use std::{ops::RangeInclusive, time::Instant};

use super::{
    state::{Question, Session, State},
    sync::Teller,
};
use crate::{
    command::{Flag, Keyword, QResync, Select, SystemFlag},
    event::{Changes, Event, Expunged, Refusal, Selected, Uids},
    mailbox_name::MailboxName,
    response::{Code, Data, Line, ListData, Status, Wire},
    view::{UidList, View},
};

/// A mailbox that is being selected.
#[derive(Debug)]
pub(super) struct Selecting {
    name: MailboxName,
    read_only: bool,
    qresync: Option<QResync>,
}

impl Session {
    /// The command. The mailbox selected before is left, whether this one can be had or not.
    pub(super) fn select(&mut self, now: Instant, select: Select, read_only: bool) {
        if select.qresync.is_some() && !self.enabled.qresync {
            return self.bad(now, "Enable QRESYNC first");
        }
        if matches!(self.state, State::Selected(_)) {
            self.state = State::Authenticated;
            self.untagged(Code::Closed, "The mailbox before is left");
        }
        self.enabled.condstore |= select.condstore;
        let name = select.mailbox.as_str().to_owned();
        let selecting = Selecting { name: select.mailbox, read_only, qresync: select.qresync };
        self.ask(Question::Select(selecting.into()), Event::Select { name, read_only });
    }

    /// Answers [`Event::Select`].
    pub fn answer_select(&mut self, now: Instant, selected: Result<Selected, Refusal>) {
        let selecting = match self.question.take() {
            Some(Question::Select(selecting)) => selecting,
            other => return self.question = other,
        };
        match selected {
            Err(refusal) => self.refuse(now, &refusal),
            Ok(selected) => self.selected(now, selecting, &selected),
        }
        self.go_on(now);
    }

    fn selected(&mut self, now: Instant, selecting: Box<Selecting>, selected: &Selected) {
        let view = View::new(selected, selecting.read_only);
        let (mailbox, modseq) = (view.mailbox, view.modseq);
        self.describe(&selecting.name, selected, &view);
        self.state = State::Selected(view.into());
        match &selecting.qresync {
            // RFC 7162 §3.2.5.1: with another UIDVALIDITY the client has to begin anew.
            Some(known) if known.uid_validity == selected.info.uid_validity && known.modseq < modseq => {
                let since = known.modseq;
                self.ask(Question::Resync(selecting), Event::Changes { mailbox, since });
            }
            _ => self.select_done(now, selecting.read_only),
        }
    }

    /// What RFC 9051 §6.3.2 wants to be told, and RECENT and UNSEEN of RFC 3501 where rev2 is not enabled.
    fn describe(&mut self, name: &MailboxName, selected: &Selected, view: &View) {
        let Selected { info, first_unseen, keywords, .. } = selected;
        let rev2 = self.enabled.rev2;
        let flags = flags_in_use(keywords);
        self.tell(&Data::Exists(view.uids.len()));
        if !rev2 {
            self.tell(&Data::Recent(0));
        }
        self.tell(&Data::Flags(flags.clone()));
        let permanent = if view.read_only { Vec::new() } else { flags };
        self.untagged(Code::PermanentFlags { flags: permanent, keywords: !view.read_only }, "Kept for good");
        if let Some(number) = first_unseen.and_then(|uid| view.uids.number(uid)).filter(|_| !rev2) {
            self.untagged(Code::Unseen(number), "The first that is not seen");
        }
        self.untagged(Code::UidValidity(info.uid_validity), "UIDs are valid");
        self.untagged(Code::UidNext(info.uid_next), "The next UID");
        self.untagged(Code::HighestModSeq(info.modseq), "The highest MODSEQ");
        if let Some(id) = &info.object_id {
            self.untagged(Code::MailboxId(id.clone()), "The mailbox under any name");
        }
        // RFC 9051 §6.3.2: rev2 wants the name as the server knows it.
        if rev2 {
            let name = name.clone();
            self.tell(&Data::List(ListData { attributes: Vec::new(), name, child_subscribed: false }));
        }
    }

    /// What a client that comes back does not know yet (RFC 7162 §3.2.5.1).
    pub(super) fn resynced(&mut self, now: Instant, selecting: &Selecting, changes: Result<Changes, Refusal>) {
        let State::Selected(view) = &mut self.state else { return };
        let Ok(changes) = changes else {
            self.state = State::Authenticated;
            return self.refuse(now, &Refusal::Unavailable);
        };
        let known = selecting.qresync.as_ref().expect("only QRESYNC asks for changes while it selects");
        let vanished = vanished_among(&changes.vanished, known, &view.uids);
        let out = self.output.buffer();
        Data::Vanished { earlier: true, uids: vanished }.print(out, Wire::default());
        let teller = Teller { modseq: true, uid: true, vanished: true };
        let asked = known.known_uids.as_ref().map(|uids| uids.resolve(0));
        let is_asked = |uid| asked.as_ref().is_none_or(|asked| contains(asked, uid));
        // What came between the selection and this answer is news, and is told as such afterwards.
        let of_now = changes.entries.iter().filter(|entry| entry.modseq <= view.modseq && is_asked(entry.uid));
        of_now.for_each(|entry| teller.flags(out, view, entry));
        view.notify(changes.modseq);
        self.select_done(now, selecting.read_only);
    }

    fn select_done(&mut self, now: Instant, read_only: bool) {
        if read_only {
            self.ok_with(now, Code::ReadOnly, "EXAMINE completed");
        } else {
            self.ok_with(now, Code::ReadWrite, "SELECT completed");
        }
    }

    /// CLOSE (RFC 9051 §6.4.1): what is marked as deleted goes, and nobody is told.
    pub(super) fn close_mailbox(&mut self, now: Instant) {
        match &self.state {
            State::Selected(view) if !view.read_only && !view.is_gone => {
                let event = Event::Expunge { mailbox: view.mailbox, uids: None };
                self.ask(Question::Close, event);
            }
            _ => self.unselect(now, "CLOSE completed"),
        }
    }

    /// The answer to the question of CLOSE.
    pub(super) fn mailbox_closed(&mut self, now: Instant, expunged: Result<Expunged, Refusal>) {
        match expunged {
            // Of a mailbox that another session deleted there is nothing left to take out, and the client leaves it anyway.
            Ok(_) | Err(Refusal::SelectedGone) => self.unselect(now, "CLOSE completed"),
            Err(refusal) => self.refuse(now, &refusal),
        }
    }

    /// UNSELECT (RFC 9051 §6.4.2)
    pub(super) fn unselect(&mut self, now: Instant, text: &'static str) {
        self.state = State::Authenticated;
        self.ok(now, text);
    }

    /// An untagged response.
    pub(super) fn tell(&mut self, data: &Data) {
        let wire = self.wire();
        data.print(self.output.buffer(), wire);
    }

    /// `* OK [CODE] text`
    pub(super) fn untagged(&mut self, code: Code, text: &'static str) {
        Line::untagged(Status::Ok, text).with_code(code).print(self.output.buffer());
    }
}

/// Whether a UID is in ranges that ascend.
pub(super) fn contains(ranges: &[RangeInclusive<u32>], uid: u32) -> bool {
    ranges.get(ranges.partition_point(|range| *range.end() < uid)).is_some_and(|range| range.contains(&uid))
}

/// What vanished of what the client knows. Message numbers whose UIDs still are what the client believes (RFC 7162
/// §3.2.5.2) prove that nothing vanished up to there.
fn vanished_among(vanished: &Uids, known: &QResync, uids: &UidList) -> Uids {
    let proven = known.sequence_match.as_ref().map_or(0, |(numbers, known)| {
        let numbers = numbers.resolve(0).into_iter().flatten();
        let pairs = numbers.zip(known.resolve(0).into_iter().flatten());
        pairs.take_while(|(number, uid)| uids.uid(*number) == Some(*uid)).last().map_or(0, |(_, uid)| uid)
    });
    let unproven = UidList::from(&vanished[..]).intersect(&[proven.saturating_add(1)..=u32::MAX]);
    match &known.known_uids {
        Some(known) => UidList::from(&unproven[..]).intersect(&known.resolve(0)),
        None => unproven,
    }
}

fn flags_in_use(keywords: &[Box<str>]) -> Vec<Flag> {
    let keywords = keywords.iter().filter_map(|keyword| Keyword::new(keyword)).map(Flag::Keyword);
    SystemFlag::ALL.into_iter().map(Flag::System).chain(keywords).collect()
}
