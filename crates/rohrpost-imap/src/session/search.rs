//! SEARCH (RFC 9051 §6.4.4, RFC 4731, RFC 5032, RFC 5182, RFC 7162), and what SORT and THREAD share with it.
//!
//! ```text
//!   command ─► (texts: TextSearch) ─► (Fetch ─► judged, page by page) ─► response
//! ```
//!
//! Texts of bodies are looked for by the driver, which has an index. All else is judged here, from what FETCH is told,
//! too: [`criteria`] says what a criterion needs. Where UIDs and numbers decide alone, nothing is asked.

mod criteria;

use std::time::Instant;

use jiff::Timestamp;

use self::criteria::{Criteria, Subject};
use super::{
    fetch::cut_asked,
    sort::Sorting,
    state::{Question, Session, State},
    thread::Threading,
};
use crate::{
    command::{Search, SearchKey, SearchReturn, Sort, Thread},
    event::{Event, Mail, Page, Refusal, Uids},
    limits::{HELD_MESSAGES_MAX, HELD_OCTETS_MAX, PAGE_MESSAGES_MAX, SEARCH_TEXTS_MAX},
    response::{Code, Data, ESearch},
    sequence::ranges,
    view::{UidList, View, push_uid, take_first},
};

/// A SEARCH, SORT or THREAD that is under way.
#[derive(Debug)]
pub(super) struct Searching {
    uid: bool,
    criteria: Criteria,
    purpose: Purpose,
    /// What no question was asked about yet.
    rest: Uids,
    /// What the question is about that is open, or will be asked again.
    asked: Uids,
    /// The highest MODSEQ among the messages found.
    highest: u64,
    /// How many messages were not there any more.
    gone: u32,
}

/// What becomes of the messages found.
#[derive(Debug)]
pub(super) enum Purpose {
    Search(Option<SearchReturn>, Found),
    Sort(Sorting),
    Thread(Threading),
}

/// The messages found, and MODSEQs where they were asked for (RFC 7162 §3.1.5).
#[derive(Debug, Default)]
pub(super) struct Found {
    uids: Uids,
    first: u64,
    last: u64,
}

impl Session {
    /// SEARCH
    pub(super) fn search(&mut self, now: Instant, search: &Search) {
        let purpose = Purpose::Search(search.returns, Found::default());
        self.begin_search(now, search.uid, &search.key, purpose);
    }

    /// SORT (RFC 5256 §3)
    pub(super) fn sort(&mut self, now: Instant, sort: Sort) {
        self.begin_search(now, sort.uid, &sort.key, Purpose::Sort(Sorting::new(sort.criteria)));
    }

    /// THREAD (RFC 5256 §3)
    pub(super) fn thread(&mut self, now: Instant, thread: &Thread) {
        self.begin_search(now, thread.uid, &thread.key, Purpose::Thread(Threading::new(thread.algorithm)));
    }

    fn begin_search(&mut self, now: Instant, uid: bool, key: &SearchKey, purpose: Purpose) {
        let wall = self.wall(now);
        let State::Selected(view) = &self.state else { return };
        let mut criteria = Criteria::of(key, view, wall);
        purpose.needs(&mut criteria);
        // RFC 7162 §3.1: who asks for MODSEQ has switched it on.
        self.enabled.condstore |= criteria.tells_modseq;
        let rest = criteria.candidates(&view.uids);
        let held = !matches!(purpose, Purpose::Search(..));
        if held && UidList::from(&rest[..]).len() > HELD_MESSAGES_MAX {
            return self.no(now, Code::Limit, "More messages than can be put in order at once");
        }
        if criteria.texts.len() > SEARCH_TEXTS_MAX {
            return self.no(now, Code::Limit, format!("More than {SEARCH_TEXTS_MAX} texts to look for in bodies"));
        }
        let searching = Box::new(Searching { uid, criteria, purpose, rest, asked: Uids::new(), highest: 0, gone: 0 });
        if searching.criteria.texts.is_empty() {
            return self.search_more(now, searching);
        }
        let (uids, queries) = (searching.rest.clone(), searching.criteria.texts.clone());
        let event = Event::TextSearch { mailbox: view.mailbox, uids, queries };
        self.ask(Question::Text(searching), event);
    }

    /// Answers [`Event::TextSearch`]: for each text the messages that hold it, in the order of the texts.
    pub fn answer_text(&mut self, now: Instant, hits: Result<Vec<Uids>, Refusal>) {
        let mut searching = match self.question.take() {
            Some(Question::Text(searching)) => searching,
            other => return self.question = other,
        };
        match hits {
            Ok(hits) => {
                searching.criteria.hits = hits.iter().map(|uids| UidList::from(&uids[..])).collect();
                searching.rest = searching.criteria.candidates(&UidList::from(&searching.rest[..]));
                self.search_more(now, searching);
            }
            Err(refusal) => self.search_failed(now, &refusal),
        }
        self.go_on(now);
    }

    fn search_more(&mut self, now: Instant, mut searching: Box<Searching>) {
        let State::Selected(view) = &self.state else { return };
        if view.is_gone {
            return self.refuse(now, &Refusal::SelectedGone);
        }
        let Some(parts) = searching.criteria.parts else {
            searching.judge_uids();
            return self.search_done(now, *searching);
        };
        if searching.asked.is_empty() {
            searching.asked = take_first(&mut searching.rest, PAGE_MESSAGES_MAX);
        }
        if searching.asked.is_empty() {
            return self.search_done(now, *searching);
        }
        let event = Event::Fetch { mailbox: view.mailbox, uids: searching.asked.clone(), parts };
        self.ask(Question::Search(searching), event);
    }

    /// A page has come.
    pub(super) fn searched(&mut self, now: Instant, mut searching: Box<Searching>, page: &Page) {
        searching.gone += cut_asked(&mut searching.asked, page);
        page.mails.iter().for_each(|mail| searching.judge(mail));
        if searching.purpose.held() > HELD_OCTETS_MAX {
            return self.no(now, Code::Limit, "More than can be put in order at once");
        }
        self.search_more(now, searching);
    }

    /// RFC 9051 §6.4.4.1: after a search that failed `$` is empty.
    pub(super) fn search_failed(&mut self, now: Instant, refusal: &Refusal) {
        if let State::Selected(view) = &mut self.state {
            view.saved.clear();
        }
        self.refuse(now, refusal);
    }

    fn search_done(&mut self, now: Instant, searching: Searching) {
        let Searching { uid, criteria, purpose, highest, gone, .. } = searching;
        // RFC 7162 §3.1.5: told where MODSEQ was asked for and something was found.
        let modseq = Some(highest).filter(|highest| criteria.tells_modseq && *highest > 0);
        let State::Selected(view) = &mut self.state else { return };
        let done = match purpose {
            Purpose::Search(None, found) if !self.enabled.rev2 => {
                let numbers = named(uid, view, &found.uids).into_iter().flatten().collect();
                self.tell(&Data::Search(numbers, modseq));
                "SEARCH completed"
            }
            Purpose::Search(returns, found) => {
                let returns = returns.unwrap_or(SearchReturn { all: true, ..SearchReturn::default() });
                if returns.save {
                    view.saved = saved(returns, &found.uids);
                }
                let told = SearchReturn { save: false, ..returns };
                if told != SearchReturn::default() {
                    let all = named(uid, view, &found.uids);
                    let modseq = modseq.map(|highest| found.modseq_of(told, highest));
                    let tag = self.current.as_ref().map(|current| current.tag.clone());
                    self.tell(&Data::ESearch(ESearch { tag, uid, modseq, ..esearch(told, all) }));
                }
                "SEARCH completed"
            }
            Purpose::Sort(sorting) => {
                let numbers = sorting.into_order().into_iter().filter_map(|found| number(uid, view, found)).collect();
                self.tell(&Data::Sort(numbers, modseq));
                "SORT completed"
            }
            Purpose::Thread(threading) => {
                let mut nodes = threading.into_nodes();
                for node in &mut nodes {
                    node.number = node.number.and_then(|found| number(uid, view, found));
                }
                self.tell(&Data::Thread(nodes));
                "THREAD completed"
            }
        };
        // RFC 5530 §3: what was looked at is not all that the client counts.
        if gone > 0 && !uid {
            self.ok_with(now, Code::ExpungeIssued, done);
        } else {
            self.ok(now, done);
        }
    }
}

impl Searching {
    fn judge(&mut self, mail: &Mail) {
        if !self.criteria.is_met(Subject { uid: mail.entry.uid, mail: Some(mail) }) {
            return;
        }
        self.highest = self.highest.max(mail.entry.modseq);
        match &mut self.purpose {
            Purpose::Search(_, found) => found.push(mail.entry.uid, mail.entry.modseq),
            Purpose::Sort(sorting) => sorting.push(mail),
            Purpose::Thread(threading) => threading.push(mail),
        }
    }

    /// Where UIDs alone decide.
    fn judge_uids(&mut self) {
        let Purpose::Search(_, found) = &mut self.purpose else { return };
        for uid in std::mem::take(&mut self.rest).into_iter().flatten() {
            if self.criteria.is_met(Subject { uid, mail: None }) {
                found.push(uid, 0);
            }
        }
    }
}

impl Purpose {
    /// What is needed besides what the criteria need.
    fn needs(&self, criteria: &mut Criteria) {
        match self {
            Self::Search(..) => {}
            Self::Sort(sorting) => criteria.need(sorting.parts()),
            Self::Thread(_) => criteria.need(super::thread::PARTS),
        }
    }

    /// Octets of texts that are held to put messages in order.
    fn held(&self) -> usize {
        match self {
            Self::Search(..) => 0,
            Self::Sort(sorting) => sorting.held,
            Self::Thread(threading) => threading.held,
        }
    }
}

impl Found {
    fn push(&mut self, uid: u32, modseq: u64) {
        if self.uids.is_empty() {
            self.first = modseq;
        }
        push_uid(&mut self.uids, uid);
        self.last = modseq;
    }

    /// RFC 7162 §3.1.10: the highest MODSEQ among the messages that are told.
    fn modseq_of(&self, told: SearchReturn, highest: u64) -> u64 {
        match told {
            SearchReturn { all: false, count: false, min: true, max: true, .. } => self.first.max(self.last),
            SearchReturn { all: false, count: false, min: true, .. } => self.first,
            SearchReturn { all: false, count: false, max: true, .. } => self.last,
            _ => highest,
        }
    }
}

/// UIDs, or the numbers of these.
fn named(uid: bool, view: &View, uids: &Uids) -> Uids {
    if uid { uids.clone() } else { view.uids.numbers(uids) }
}

fn number(uid: bool, view: &View, found: u32) -> Option<u32> {
    if uid { Some(found) } else { view.uids.number(found) }
}

/// What `$` is from now on (RFC 5182 §2.1): all that was found, or only the one or two that were asked for.
fn saved(returns: SearchReturn, found: &Uids) -> Uids {
    if returns.all || returns.count || !(returns.min || returns.max) {
        return found.clone();
    }
    let first = found.first().map(|range| *range.start()).filter(|_| returns.min);
    let last = found.last().map(|range| *range.end()).filter(|_| returns.max);
    let mut both: Vec<u32> = first.into_iter().chain(last).collect();
    both.dedup();
    ranges(both).collect()
}

fn esearch(told: SearchReturn, all: Uids) -> ESearch {
    let count = all.iter().map(|range| range.end() - range.start() + 1).sum();
    ESearch {
        min: all.first().map(|range| *range.start()).filter(|_| told.min),
        max: all.last().map(|range| *range.end()).filter(|_| told.max),
        count: told.count.then_some(count),
        all: if told.all { all } else { Uids::new() },
        ..ESearch::default()
    }
}

/// The day of an instant, as INTERNALDATE shows it: in UTC.
fn day(at: Timestamp) -> jiff::civil::Date {
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}
