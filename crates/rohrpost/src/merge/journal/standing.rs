//! What follows from the steps of a journal: which rows are still to be sent, and how everybody fared. Pure.
//!
//! ```text
//! not begun ── Sending ──▶ under way ── Done ──▶ settled
//!                           ▲    │ Back; Done that leaves hope
//!                           └─ again
//! ```
//!
//! Rows begin in their order, so those that were not begun lie behind one number. Rows that an [`Entry::Ahead`] covers may
//! have begun without a word of it. In memory are only the rows that are under way and those that are to go again.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::{AddAssign, SubAssign},
};

use super::entry::{Entry, Fate, UnderWay, Word};
use crate::{cli::AfterDot, merge::limits::AGAIN_MAX};

/// Where a merge stands.
#[derive(Debug)]
pub(super) struct Standing {
    after_dot: AfterDot,
    /// The last row that was begun.
    begun: u64,
    /// Up to where rows may have begun, each with the time from which on; none that ends before `begun`.
    ahead: VecDeque<UnderWay>,
    /// The same, as an earlier run left it.
    left: VecDeque<UnderWay>,
    again: BTreeMap<u64, Past>,
    under_way: BTreeMap<u64, Past>,
    tally: Tally,
    has_repeats: bool,
}

/// What an open row has behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// What became of its recipients so far.
    tally: Tally,
    /// When it was handed over first, where somebody may have it.
    since: Option<i64>,
}

/// How many recipients had which fate.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(in crate::merge) struct Tally([u64; Word::ALL.len()]);

impl Tally {
    fn of(fates: &[Fate]) -> Self {
        let mut tally = Self::default();
        for fate in fates {
            tally.0[fate.outcome as usize] += 1;
        }
        tally
    }

    /// How many had this one.
    pub(in crate::merge) fn count(self, word: Word) -> u64 {
        self.0[word as usize]
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, more)| *count += more);
    }
}

impl SubAssign for Tally {
    fn sub_assign(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(count, less)| *count -= less);
    }
}

impl Standing {
    /// Before the first step.
    pub(super) fn new(after_dot: AfterDot) -> Self {
        Self {
            after_dot,
            begun: 0,
            ahead: VecDeque::new(),
            left: VecDeque::new(),
            again: BTreeMap::new(),
            under_way: BTreeMap::new(),
            tally: Tally::default(),
            has_repeats: false,
        }
    }

    /// Takes a step.
    pub(super) fn follow(&mut self, entry: Entry) {
        match entry {
            Entry::Began { .. } => {}
            Entry::Ahead(until) if self.was_begun(until.row) => self.ahead.clear(),
            Entry::Ahead(until) => self.ahead.push_back(until),
            Entry::Sending(UnderWay { row, at }) => {
                let past = self.again.remove(&row).unwrap_or_default();
                self.advance(row);
                self.under_way.insert(row, Past { since: Some(at), ..past });
            }
            Entry::Back { row } => {
                if let Some(past) = self.under_way.remove(&row) {
                    self.again.insert(row, Past { since: None, ..past });
                }
            }
            Entry::Done(settled) => {
                // A row that an earlier run left is settled without being sent again, where nobody knows of it.
                let past = self.under_way.remove(&settled.row).or_else(|| self.again.remove(&settled.row));
                let Past { tally: before, .. } = past.unwrap_or_default();
                let now = Tally::of(&settled.recipients);
                self.advance(settled.row);
                self.has_repeats |= before != Tally::default();
                self.tally -= before;
                self.tally += now;
                if settled.may_go_again(self.after_dot) {
                    self.again.insert(settled.row, Past { tally: now, since: None });
                }
            }
        }
    }

    /// Opens all rows that an earlier run left under way. What is to be done with them depends on [`Self::since`].
    pub(super) fn reopen(&mut self) {
        self.again.append(&mut self.under_way);
        self.left = std::mem::take(&mut self.ahead);
    }

    /// Whether the row still has to be looked at.
    pub(super) fn wants(&self, row: u64) -> bool {
        !self.was_begun(row) || self.again.contains_key(&row)
    }

    /// Whether it is known that the row was begun, now or before.
    pub(super) fn was_begun(&self, row: u64) -> bool {
        row <= self.begun
    }

    /// Since when somebody may have the row because of an earlier run, in seconds since 1970.
    pub(super) fn since(&self, row: u64) -> Option<i64> {
        if self.was_begun(row) {
            return self.again.get(&row)?.since;
        }
        self.left.iter().find(|until| row <= until.row).map(|until| until.at)
    }

    /// What an earlier run left of rows that have not begun since.
    pub(super) fn left(&self) -> Vec<UnderWay> {
        self.left.iter().copied().filter(|until| !self.was_begun(until.row)).collect()
    }

    /// Rows of `rows` of which it is open whether they were sent.
    pub(super) fn open_rows(&self, rows: u64) -> u64 {
        rows.saturating_sub(self.begun) + (self.again.len() + self.under_way.len()) as u64
    }

    /// Whether more rows wait to be tried again than anybody should have.
    pub(super) fn is_overfull(&self) -> bool {
        self.again.len() > AGAIN_MAX
    }

    /// How everybody fared.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether any row was settled more than once.
    pub(super) fn has_repeats(&self) -> bool {
        self.has_repeats
    }

    fn advance(&mut self, row: u64) {
        self.begun = self.begun.max(row);
        while self.ahead.front().is_some_and(|until| until.row <= self.begun) {
            self.ahead.pop_front();
        }
    }
}
