//! UIDs in ascending order, as spans, each UID with its place.

use std::ops::RangeInclusive;

use crate::event::Uids;

/// A set of UIDs that knows the how many-th each of them is.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct UidList {
    spans: Vec<Span>,
}

/// UIDs without a gap.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Span {
    first: u32,
    last: u32,
    /// How many UIDs are in the spans before it.
    before: u32,
}

impl Span {
    fn len(self) -> u32 {
        self.last - self.first + 1
    }
}

impl UidList {
    /// How many there are.
    pub(crate) fn len(&self) -> u32 {
        self.spans.last().map_or(0, |span| span.before + span.len())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The highest UID.
    pub(crate) fn last(&self) -> Option<u32> {
        self.spans.last().map(|span| span.last)
    }

    /// The number of a UID, counted from 1.
    pub(crate) fn number(&self, uid: u32) -> Option<u32> {
        let span = self.spans.get(self.spans.partition_point(|span| span.last < uid))?;
        (span.first <= uid).then(|| span.before + (uid - span.first) + 1)
    }

    pub(crate) fn contains(&self, uid: u32) -> bool {
        self.number(uid).is_some()
    }

    /// The UID of a number, counted from 1.
    pub(crate) fn uid(&self, number: u32) -> Option<u32> {
        let place = number.checked_sub(1)?;
        let span = self.spans.get(self.spans.partition_point(|span| span.before + span.len() <= place))?;
        Some(span.first + (place - span.before))
    }

    /// The UIDs of these numbers; `None` where one of the numbers has no message.
    pub(crate) fn of_numbers(&self, numbers: &[RangeInclusive<u32>]) -> Option<Uids> {
        let mut uids = Uids::new();
        for range in numbers {
            let (first, last) = (self.uid(*range.start())?, self.uid(*range.end())?);
            for span in self.between(first, last) {
                push_range(&mut uids, span);
            }
        }
        Some(uids)
    }

    /// The numbers of these UIDs, those of them that are here.
    pub(crate) fn numbers(&self, uids: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
        let mut numbers = Vec::new();
        for range in self.intersect(uids) {
            let (first, last) = (self.number(*range.start()), self.number(*range.end()));
            // UIDs without a gap have numbers without a gap.
            if let (Some(first), Some(last)) = (first, last) {
                push_range(&mut numbers, first..=last);
            }
        }
        numbers
    }

    /// Those of these UIDs that are here.
    pub(crate) fn intersect(&self, uids: &[RangeInclusive<u32>]) -> Uids {
        let mut common = Uids::new();
        for range in uids {
            for span in self.between(*range.start(), *range.end()) {
                push_range(&mut common, span);
            }
        }
        common
    }

    /// All of them.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = RangeInclusive<u32>> {
        self.spans.iter().map(|span| span.first..=span.last)
    }

    /// Adds a UID above all others; any other is passed over.
    pub(crate) fn append(&mut self, uid: u32) {
        let before = self.len();
        match self.spans.last_mut() {
            Some(span) if uid <= span.last => {}
            Some(span) if uid - 1 == span.last => span.last = uid,
            _ => self.spans.push(Span { first: uid, last: uid, before }),
        }
    }

    /// Takes UIDs out that are here. Gives the number of each as RFC 9051 §7.5.1 counts it: after those before it went.
    pub(crate) fn remove(&mut self, uids: &[RangeInclusive<u32>]) -> Vec<u32> {
        let mut numbers = Vec::new();
        for uid in self.intersect(uids).into_iter().flatten() {
            let gone = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            numbers.extend(self.number(uid).map(|number| number - gone));
        }
        if !numbers.is_empty() {
            *self = self.without(uids);
        }
        numbers
    }

    /// The spans, cut to what is between these UIDs.
    fn between(&self, first: u32, last: u32) -> impl Iterator<Item = RangeInclusive<u32>> {
        let begin = self.spans.partition_point(|span| span.last < first);
        let spans = self.spans[begin..].iter().take_while(move |span| span.first <= last);
        spans.map(move |span| span.first.max(first)..=span.last.min(last))
    }

    fn without(&self, uids: &[RangeInclusive<u32>]) -> Self {
        let mut left = Self::default();
        let mut gone = uids.iter().peekable();
        for span in &self.spans {
            let mut first = span.first;
            while let Some(range) = gone.peek() {
                if *range.start() > span.last {
                    break;
                }
                if *range.end() >= first {
                    left.append_range(first, range.start().saturating_sub(1));
                    first = range.end().saturating_add(1).max(first);
                }
                if *range.end() > span.last {
                    break;
                }
                gone.next();
            }
            left.append_range(first, span.last);
        }
        left
    }

    fn append_range(&mut self, first: u32, last: u32) {
        if first <= last {
            self.append(first);
            self.spans.last_mut().expect("one was appended").last = last;
        }
    }
}

/// From ranges that ascend.
impl From<&[RangeInclusive<u32>]> for UidList {
    fn from(ranges: &[RangeInclusive<u32>]) -> Self {
        let mut list = Self::default();
        for range in ranges {
            list.append_range(*range.start(), *range.end());
        }
        list
    }
}

/// How many UIDs these are.
pub(crate) fn count(uids: &Uids) -> u32 {
    uids.iter().map(|range| range.end() - range.start() + 1).sum()
}

/// Adds a UID above all that are there.
pub(crate) fn push_uid(uids: &mut Uids, uid: u32) {
    push_range(uids, uid..=uid);
}

fn push_range(uids: &mut Uids, range: RangeInclusive<u32>) {
    match uids.last_mut() {
        Some(last) if last.end().checked_add(1) == Some(*range.start()) => *last = *last.start()..=*range.end(),
        _ => uids.push(range),
    }
}

/// Takes the first messages of a set.
pub(crate) fn take_first(rest: &mut Uids, messages_max: u32) -> Uids {
    let mut room = messages_max;
    let fits = |range: &&RangeInclusive<u32>| {
        let messages = range.end() - range.start() + 1;
        let fits = messages <= room;
        room -= if fits { messages } else { 0 };
        fits
    };
    let whole = rest.iter().take_while(fits).count();
    let mut first: Uids = rest.drain(..whole).collect();
    if room > 0
        && let Some(range) = rest.first_mut()
    {
        let begin = *range.start();
        first.push(begin..=begin + (room - 1));
        *range = begin + room..=*range.end();
    }
    first
}
