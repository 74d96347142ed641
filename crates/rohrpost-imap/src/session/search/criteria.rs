//! What SEARCH demands of a message, made ready to be judged.
//!
//! Message numbers and `$` are UIDs here, spans of time are instants, texts are folded, so that judging a message is
//! comparing.

use std::time::Duration;

use jiff::{Timestamp, civil::Date};
use rohrpost_mail::mime::decode_words;

use super::day;
use crate::{
    command::{FieldName, Flag, Messages, ModSeqSearch, ObjectId, SearchKey},
    event::{Mail, Parts, TextQuery, Uids},
    flags::SystemFlags,
    session::select::contains,
    view::{UidList, View},
};

/// The criteria of one command.
#[derive(Debug)]
pub(super) struct Criteria {
    test: Test,
    /// What a page must hold; `None` where UIDs decide alone.
    pub(super) parts: Option<Parts>,
    /// Texts of bodies, for the driver to find.
    pub(super) texts: Vec<TextQuery>,
    /// The messages that hold each of them.
    pub(super) hits: Vec<UidList>,
    /// Whether MODSEQ is among the criteria, and told.
    pub(super) tells_modseq: bool,
}

/// A message that is judged. Without `mail` only its UID is looked at.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) uid: u32,
    pub(super) mail: Option<&'a Mail>,
}

/// [`SearchKey`], made ready.
#[derive(Debug)]
enum Test {
    Always,
    Never,
    And(Vec<Test>),
    Or(Box<(Test, Test)>),
    Not(Box<Test>),
    Uids(Uids),
    /// Which of [`Criteria::texts`].
    Text(usize),
    System(SystemFlags),
    Keyword(Box<str>),
    Larger(u64),
    Smaller(u64),
    Day(Clock, Order, Date),
    ArrivedBy(Timestamp),
    ArrivedFrom(Timestamp),
    /// The field's name, and what it holds, folded.
    Header(FieldName, String),
    ModSeq(u64),
    EmailId(ObjectId),
    ThreadId(ObjectId),
}

/// Which of the dates of a message.
#[derive(Clone, Copy, Debug)]
enum Clock {
    Arrived,
    Sent,
    Saved,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Before,
    On,
    Since,
}

impl Criteria {
    pub(super) fn of(key: &SearchKey, view: &View, now: Timestamp) -> Self {
        let mut criteria =
            Self { test: Test::Always, parts: None, texts: Vec::new(), hits: Vec::new(), tells_modseq: false };
        criteria.test = criteria.test_of(key, view, now);
        criteria
    }

    /// Something more is needed of each message.
    pub(super) fn need(&mut self, more: Parts) {
        let parts = self.parts.get_or_insert_default();
        parts.facts |= more.facts;
        parts.shape |= more.shape;
    }

    /// Those of these messages that may fit, by UIDs and texts alone: nothing else need be looked at.
    pub(super) fn candidates(&self, uids: &UidList) -> Uids {
        let mut left = uids.ranges().collect();
        self.narrow(&self.test, &mut left);
        left
    }

    fn narrow(&self, test: &Test, left: &mut Uids) {
        match test {
            Test::And(tests) => tests.iter().for_each(|test| self.narrow(test, left)),
            Test::Uids(uids) => *left = UidList::from(&left[..]).intersect(uids),
            Test::Text(index) => {
                if let Some(hits) = self.hits.get(*index) {
                    *left = hits.intersect(left);
                }
            }
            _ => {}
        }
    }

    /// Whether a message is as it is to be.
    pub(super) fn is_met(&self, subject: Subject<'_>) -> bool {
        self.meets(&self.test, subject)
    }

    /// The parser bounds how deep this goes.
    fn meets(&self, test: &Test, subject: Subject<'_>) -> bool {
        match test {
            Test::Always => true,
            Test::Never => false,
            Test::And(tests) => tests.iter().all(|test| self.meets(test, subject)),
            Test::Or(tests) => self.meets(&tests.0, subject) || self.meets(&tests.1, subject),
            Test::Not(test) => !self.meets(test, subject),
            Test::Uids(uids) => contains(uids, subject.uid),
            Test::Text(index) => self.hits.get(*index).is_some_and(|hits| hits.contains(subject.uid)),
            test => subject.mail.is_some_and(|mail| test.fits(mail)),
        }
    }

    fn test_of(&mut self, key: &SearchKey, view: &View, now: Timestamp) -> Test {
        use Clock::{Arrived, Saved, Sent};
        use Order::{Before, On, Since};
        match key {
            SearchKey::All | SearchKey::SaveDateSupported => Test::Always,
            // No message is recent here (RFC 9051 appendix E).
            SearchKey::Recent => Test::Never,
            SearchKey::And(keys) => Test::And(keys.iter().map(|key| self.test_of(key, view, now)).collect()),
            SearchKey::Or(keys) => {
                Test::Or(Box::new((self.test_of(&keys.0, view, now), self.test_of(&keys.1, view, now))))
            }
            SearchKey::Not(key) => Test::Not(Box::new(self.test_of(key, view, now))),
            SearchKey::Sequence(messages) => Test::Uids(uids_of_numbers(messages, view)),
            SearchKey::Uid(messages) => Test::Uids(uids_of_uids(messages, view)),
            SearchKey::Flag(flag) => self.needs_entry(match flag {
                Flag::System(flag) => Test::System((*flag).into()),
                Flag::Keyword(keyword) => Test::Keyword(keyword.as_str().into()),
            }),
            SearchKey::Larger(octets) => self.needs_facts(Test::Larger(*octets)),
            SearchKey::Smaller(octets) => self.needs_facts(Test::Smaller(*octets)),
            SearchKey::Before(date) => self.needs_facts(Test::Day(Arrived, Before, *date)),
            SearchKey::On(date) => self.needs_facts(Test::Day(Arrived, On, *date)),
            SearchKey::Since(date) => self.needs_facts(Test::Day(Arrived, Since, *date)),
            SearchKey::SentBefore(date) => self.needs_shape(Test::Day(Sent, Before, *date)),
            SearchKey::SentOn(date) => self.needs_shape(Test::Day(Sent, On, *date)),
            SearchKey::SentSince(date) => self.needs_shape(Test::Day(Sent, Since, *date)),
            SearchKey::SavedBefore(date) => self.needs_facts(Test::Day(Saved, Before, *date)),
            SearchKey::SavedOn(date) => self.needs_facts(Test::Day(Saved, On, *date)),
            SearchKey::SavedSince(date) => self.needs_facts(Test::Day(Saved, Since, *date)),
            SearchKey::Older(seconds) => self.needs_facts(Test::ArrivedBy(back(now, *seconds))),
            SearchKey::Younger(seconds) => self.needs_facts(Test::ArrivedFrom(back(now, *seconds))),
            SearchKey::Header(name, text) => self.needs_shape(Test::Header(name.clone(), fold(text))),
            SearchKey::Body(text) => self.text(false, text),
            SearchKey::Text(text) => self.text(true, text),
            SearchKey::ModSeq(ModSeqSearch { at_least }) => {
                self.tells_modseq = true;
                self.needs_entry(Test::ModSeq(*at_least))
            }
            SearchKey::EmailId(id) => self.needs_facts(Test::EmailId(id.clone())),
            SearchKey::ThreadId(id) => self.needs_facts(Test::ThreadId(id.clone())),
        }
    }

    /// A text of a body. An empty one is everywhere.
    fn text(&mut self, with_header: bool, text: &str) -> Test {
        if text.is_empty() {
            return Test::Always;
        }
        let query = TextQuery { with_header, text: text.to_owned() };
        let known = self.texts.iter().position(|other| *other == query);
        Test::Text(known.unwrap_or_else(|| {
            self.texts.push(query);
            self.texts.len() - 1
        }))
    }

    fn needs_entry(&mut self, test: Test) -> Test {
        self.need(Parts::default());
        test
    }

    fn needs_facts(&mut self, test: Test) -> Test {
        self.need(Parts { facts: true, ..Parts::default() });
        test
    }

    fn needs_shape(&mut self, test: Test) -> Test {
        self.need(Parts { shape: true, ..Parts::default() });
        test
    }
}

impl Test {
    /// The tests that look at a message and at nothing else.
    fn fits(&self, mail: &Mail) -> bool {
        match self {
            Self::System(flags) => mail.entry.flags.system.contains(*flags),
            Self::Keyword(keyword) => mail.entry.flags.has_keyword(keyword),
            Self::Larger(octets) => mail.octets > *octets,
            Self::Smaller(octets) => mail.octets < *octets,
            Self::Day(clock, order, date) => clock.day(mail).is_some_and(|day| order.holds(day, *date)),
            Self::ArrivedBy(at) => mail.internal_date <= *at,
            Self::ArrivedFrom(at) => mail.internal_date >= *at,
            Self::Header(name, text) => has_field(mail, name, text),
            Self::ModSeq(at_least) => mail.entry.modseq >= *at_least,
            Self::EmailId(id) => mail.email_id.as_ref() == Some(id),
            Self::ThreadId(id) => mail.thread_id.as_ref() == Some(id),
            _ => false,
        }
    }
}

impl Clock {
    fn day(self, mail: &Mail) -> Option<Date> {
        match self {
            Self::Arrived => Some(day(mail.internal_date)),
            Self::Sent => mail.shape.as_ref()?.sent_on(),
            // RFC 8514 §4.2: without SAVEDATE it is INTERNALDATE.
            Self::Saved => Some(day(mail.saved.unwrap_or(mail.internal_date))),
        }
    }
}

impl Order {
    fn holds(self, day: Date, date: Date) -> bool {
        match self {
            Self::Before => day < date,
            Self::On => day == date,
            Self::Since => day >= date,
        }
    }
}

/// RFC 9051 §6.4.4: the decoded value of a field of that name holds the text; any value holds an empty one.
fn has_field(mail: &Mail, name: &FieldName, text: &str) -> bool {
    let header = mail.shape.as_ref().map_or(&b""[..], |shape| shape.header());
    let mut fields = fields(&mail.prefix).chain(fields(header));
    let is_named = |field: &[u8]| field.trim_ascii_end().eq_ignore_ascii_case(name.as_str().as_bytes());
    fields.any(|(field, value)| is_named(field) && (text.is_empty() || fold(&decode_words(value)).contains(text)))
}

/// The fields of a header: name and value, folded lines joined. What has no colon is none.
fn fields(header: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = header;
    let lines = std::iter::from_fn(move || {
        let mut end = memchr::memchr(b'\n', rest)? + 1;
        while matches!(rest.get(end), Some(b' ' | b'\t')) {
            end = memchr::memchr(b'\n', &rest[end..]).map_or(rest.len(), |at| end + at + 1);
        }
        let (line, behind) = rest.split_at(end);
        rest = behind;
        Some(line)
    });
    lines.filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Texts are compared without regard to case (RFC 9051 §6.4.4).
fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// Numbers that no message has fit none.
fn uids_of_numbers(messages: &Messages, view: &View) -> Uids {
    let largest = view.uids.len();
    match messages {
        Messages::Saved => view.saved.clone(),
        Messages::Set(set) => {
            let numbers = set.resolve(largest).into_iter().filter(|range| *range.start() <= largest);
            let numbers: Uids = numbers.map(|range| *range.start()..=(*range.end()).min(largest)).collect();
            view.uids.of_numbers(&numbers).unwrap_or_default()
        }
    }
}

fn uids_of_uids(messages: &Messages, view: &View) -> Uids {
    match messages {
        Messages::Saved => view.saved.clone(),
        Messages::Set(set) => view.uids.intersect(&set.resolve(view.uids.last().unwrap_or(0))),
    }
}

/// So many seconds ago.
fn back(now: Timestamp, seconds: u32) -> Timestamp {
    now.checked_sub(Duration::from_secs(seconds.into())).unwrap_or(Timestamp::MIN)
}
