//! FETCH (RFC 9051 §6.4.5): which messages, and page by page what is asked of them.
//!
//! ```text
//!   command ──CHANGEDSINCE──► Changes ─┐        ┌───────────── more ─────────────┐
//!      └───────────────────────────────┴► Fetch ┴► (Store \Seen) ─► printing ────┴─► tagged response
//!                                                                  │      ▲
//!                                                      output full │      │ taken
//!                                               large body: Octets ▼      │
//! ```
//!
//! What is said of each message is in [`print`], where its octets lie in [`section`].

mod fields;
mod print;
mod section;
mod twice;

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use self::print::{Printing, Step};
use super::state::{Question, Session, State};
use crate::{
    command::{Fetch, FetchItem, Messages},
    event::{Changes, CloseReason, Event, FlagOperation, Mail, Page, Parts, Refusal, Stored, Uids},
    flags::SystemFlags,
    limits::{PAGE_MESSAGES_MAX, PIECE_OCTETS_MAX},
    response::{Code, Data, Wire},
    view::{UidList, count, push_uid, take_first},
};

/// A FETCH that is under way.
#[derive(Debug)]
pub(super) struct Fetching {
    items: Vec<FetchItem>,
    parts: Parts,
    sets_seen: bool,
    /// Whether every change of flags is told with its MODSEQ.
    condstore: bool,
    /// CHANGEDSINCE and VANISHED, and the UIDs that the client named.
    since: Option<(u64, Option<Uids>)>,
    /// What no question was asked about yet.
    rest: Uids,
    /// What the question is about that is open, or will be asked again.
    asked: Uids,
    /// Messages that wait to be printed.
    page: VecDeque<Mail>,
    /// Messages of the page that were not seen before.
    newly_seen: UidList,
    /// The message that is being printed.
    printing: Option<Printing>,
    /// Whether something could not be told as asked.
    fault: Option<Fault>,
    /// Whether the messages were named by their numbers.
    by_number: bool,
    /// How many messages were there.
    found: u32,
    /// How many were not there any more.
    gone: u32,
}

/// What makes the tagged response a NO; everything else was told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fault {
    /// The structure of a message could not be had.
    Damaged,
    /// A part whose transfer encoding nobody knows (RFC 3516 §4.3).
    UnknownEncoding,
}

impl Session {
    /// The command.
    pub(super) fn fetch(&mut self, now: Instant, fetch: Fetch) {
        if fetch.vanished && !self.enabled.qresync {
            return self.bad(now, "Enable QRESYNC first");
        }
        let Some(rest) = self.uids_of(now, fetch.uid, &fetch.messages) else { return };
        let State::Selected(view) = &self.state else { return };
        let named = match &fetch.messages {
            Messages::Set(set) if fetch.vanished => Some(set.resolve(view.uids.last().unwrap_or(0))),
            _ => None,
        };
        let (mailbox, read_only) = (view.mailbox, view.read_only);
        let mut fetching = Fetching::new(fetch, named, rest, read_only);
        // RFC 7162 §3.1: who asks for MODSEQ has switched it on.
        self.enabled.condstore |= fetching.items.contains(&FetchItem::ModSeq);
        fetching.condstore = self.enabled.condstore;
        match fetching.since {
            Some((since, _)) => self.ask(Question::Since(fetching.into()), Event::Changes { mailbox, since }),
            None => self.fetch_more(now, fetching.into()),
        }
    }

    /// CHANGEDSINCE (RFC 7162 §3.1.4.1) and VANISHED (§3.2.6): what is left to tell, and what is gone.
    pub(super) fn fetch_since(&mut self, now: Instant, mut fetching: Box<Fetching>, changes: Result<Changes, Refusal>) {
        let State::Selected(view) = &self.state else { return };
        let changes = match changes {
            Ok(changes) => changes,
            Err(refusal) => return self.refuse(now, &refusal),
        };
        if let Some((_, Some(named))) = &fetching.since {
            let gone = UidList::from(&changes.vanished[..]).intersect(named);
            let mut gone = UidList::from(&gone[..]);
            gone.remove(&view.uids.ranges().collect::<Uids>());
            let vanished = Data::Vanished { earlier: true, uids: gone.ranges().collect() };
            vanished.print(self.output.buffer(), Wire::default());
        }
        let mut newer = Uids::new();
        for entry in &changes.entries {
            push_uid(&mut newer, entry.uid);
        }
        fetching.rest = UidList::from(&newer[..]).intersect(&fetching.rest);
        self.fetch_more(now, fetching);
    }

    /// Asks for the next page; answers when there is none.
    fn fetch_more(&mut self, now: Instant, mut fetching: Box<Fetching>) {
        let State::Selected(view) = &self.state else { return };
        if view.is_gone {
            return self.refuse(now, &Refusal::SelectedGone);
        }
        if fetching.asked.is_empty() {
            fetching.asked = take_first(&mut fetching.rest, PAGE_MESSAGES_MAX);
        }
        if fetching.asked.is_empty() {
            return self.fetch_done(now, &fetching);
        }
        let event = Event::Fetch { mailbox: view.mailbox, uids: fetching.asked.clone(), parts: fetching.parts };
        self.ask(Question::Fetch(fetching), event);
    }

    /// Answers [`Event::Fetch`].
    pub fn answer_fetch(&mut self, now: Instant, page: Result<Page, Refusal>) {
        match (self.question.take(), page) {
            (Some(Question::Fetch(fetching)), Ok(page)) => self.fetched(now, fetching, page),
            (Some(Question::Search(searching)), Ok(page)) => self.searched(now, searching, &page),
            (Some(Question::Fetch(_) | Question::Search(_)), Err(refusal)) => self.refuse(now, &refusal),
            (other, _) => return self.question = other,
        }
        self.go_on(now);
    }

    fn fetched(&mut self, now: Instant, mut fetching: Box<Fetching>, page: Page) {
        let State::Selected(view) = &self.state else { return };
        fetching.found = fetching.found.saturating_add(count_mails(&page));
        fetching.gone += cut_asked(&mut fetching.asked, &page);
        fetching.page = page.mails.into();
        let unseen = fetching.unseen();
        if unseen.is_empty() {
            return self.print_fetch(now, fetching);
        }
        fetching.newly_seen = UidList::from(&unseen[..]);
        let event = Event::Store {
            mailbox: view.mailbox,
            uids: unseen,
            operation: FlagOperation::Add,
            flags: SystemFlags::SEEN.into(),
            unchanged_since: None,
        };
        self.ask(Question::Seen(fetching), event);
    }

    /// What is shown was marked as seen. Where that failed, it is shown all the same.
    pub(super) fn seen(&mut self, now: Instant, mut fetching: Box<Fetching>, stored: Result<Stored, Refusal>) {
        match stored {
            Ok(stored) => {
                let mut changed = stored.changed.into_iter().peekable();
                for mail in &mut fetching.page {
                    while changed.next_if(|entry| entry.uid < mail.entry.uid).is_some() {}
                    if let Some(entry) = changed.next_if(|entry| entry.uid == mail.entry.uid) {
                        mail.entry = entry;
                    }
                }
                if let (State::Selected(view), Some(modseq)) = (&mut self.state, stored.modseq) {
                    view.note_own(modseq);
                }
            }
            Err(_) => fetching.newly_seen = UidList::default(),
        }
        self.print_fetch(now, fetching);
    }

    /// Prints until the page is done, the output full, or octets are missing.
    pub(super) fn print_fetch(&mut self, now: Instant, mut fetching: Box<Fetching>) {
        loop {
            if self.output.is_full() {
                self.paused = Some(fetching);
                return;
            }
            let wire = self.wire();
            let State::Selected(view) = &self.state else { return };
            match fetching.step(view, &mut self.output, wire) {
                Step::Printed => {}
                Step::PageDone => return self.fetch_more(now, fetching),
                Step::Octets { uid, from, octets } => {
                    let octets_max = usize::try_from(octets).map_or(PIECE_OCTETS_MAX, |n| n.min(PIECE_OCTETS_MAX));
                    let event = Event::Octets { mailbox: view.mailbox, uid, from, octets_max };
                    return self.ask(Question::Octets(fetching), event);
                }
            }
        }
    }

    /// Answers [`Event::Octets`]: one octet at least. Without them, and where their number was said to the client already,
    /// the connection ends; it ends without BYE, which would be taken for octets of the message.
    pub fn answer_octets(&mut self, now: Instant, octets: Result<Bytes, Refusal>) {
        let mut fetching = match self.question.take() {
            Some(Question::Octets(fetching)) => fetching,
            other => return self.question = other,
        };
        self.clock.touch(now);
        match octets {
            Ok(octets) if !octets.is_empty() => {
                fetching.take_octets(&octets, &mut self.output);
                self.print_fetch(now, fetching);
            }
            _ if fetching.leave_out() => self.print_fetch(now, fetching),
            _ => self.close(CloseReason::Broken),
        }
        self.go_on(now);
    }

    /// Room has come in the output.
    pub(super) fn go_on_printing(&mut self) {
        let now = self.clock.last();
        if !self.output.is_full()
            && let Some(fetching) = self.paused.take()
        {
            self.print_fetch(now, fetching);
        }
        self.go_on(now);
    }

    fn fetch_done(&mut self, now: Instant, fetching: &Fetching) {
        match fetching.fault {
            None if fetching.by_number && fetching.gone > 0 => self.ok_without(now, fetching.found),
            None => self.ok(now, "FETCH completed"),
            Some(Fault::Damaged) => self.no(now, Code::ServerBug, "Some messages could not be read"),
            Some(Fault::UnknownEncoding) => self.no(now, Code::UnknownCte, "A part has an encoding that nobody knows"),
        }
    }
}

impl Fetching {
    fn new(fetch: Fetch, named: Option<Uids>, rest: Uids, read_only: bool) -> Self {
        let mut items = fetch.items;
        let implied = [(fetch.uid, FetchItem::Uid), (fetch.changed_since.is_some(), FetchItem::ModSeq)];
        for (_, item) in implied.into_iter().filter(|(is_implied, _)| *is_implied) {
            if !items.contains(&item) {
                items.insert(0, item);
            }
        }
        Self {
            by_number: !fetch.uid,
            found: 0,
            gone: 0,
            parts: print::parts(&items),
            sets_seen: !read_only && items.iter().any(print::sets_seen),
            items,
            condstore: false,
            since: fetch.changed_since.map(|since| (since, named)),
            rest,
            asked: Uids::new(),
            page: VecDeque::new(),
            newly_seen: UidList::default(),
            printing: None,
            fault: None,
        }
    }

    /// The messages of the page that are to be marked as seen.
    fn unseen(&self) -> Uids {
        let mut unseen = Uids::new();
        let is_unseen = |mail: &&Mail| self.sets_seen && !mail.entry.flags.system.contains(SystemFlags::SEEN);
        for mail in self.page.iter().filter(is_unseen) {
            push_uid(&mut unseen, mail.entry.uid);
        }
        unseen
    }
}

/// Takes what a page has answered out of what was asked, and says how many of these messages were not there any more.
pub(super) fn cut_asked(asked: &mut Uids, page: &Page) -> u32 {
    let before = count(asked);
    match page.mails.last() {
        Some(mail) if !page.is_complete => {
            let last = mail.entry.uid;
            let done = asked.partition_point(|range| *range.end() <= last);
            asked.drain(..done);
            if let Some(range) = asked.first_mut() {
                *range = (*range.start()).max(last + 1)..=*range.end();
            }
        }
        _ => asked.clear(),
    }
    (before - count(asked)).saturating_sub(count_mails(page))
}

/// A page has no more messages than a mailbox has UIDs.
fn count_mails(page: &Page) -> u32 {
    u32::try_from(page.mails.len()).unwrap_or(u32::MAX)
}
