//! What follows from the steps of a journal: which rows are still to be sent, and how everybody fared. Pure.
//!
//! ```text
//! not begun ── Sending ──▶ under way ── Done ──▶ settled
//!                           ▲    │ Back; Done that leaves hope
//!                           └─ again
//! ```
//!
//! Rows begin in their order, so those that were not begun lie behind one number. In memory are only the rows that are under
//! way and those that are to go again.

use std::{
    collections::BTreeMap,
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
    again: BTreeMap<u64, Past>,
    under_way: BTreeMap<u64, (UnderWay, Tally)>,
    tally: Tally,
    has_repeats: bool,
}

/// What an open row has behind it.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    /// What became of its recipients so far.
    tally: Tally,
    /// When it was handed over first, where it may have been taken then.
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
        let (again, under_way) = (BTreeMap::new(), BTreeMap::new());
        Self { after_dot, begun: 0, again, under_way, tally: Tally::default(), has_repeats: false }
    }

    /// Takes a step.
    pub(super) fn follow(&mut self, entry: Entry) {
        match entry {
            Entry::Began { .. } => {}
            Entry::Sending(under_way) => {
                let row = under_way.row;
                let Past { tally, .. } = self.again.remove(&row).unwrap_or_default();
                self.begun = self.begun.max(row);
                self.under_way.insert(row, (under_way, tally));
            }
            Entry::Back { row } => self.open(row, |_| None),
            Entry::Done(settled) => {
                let (_, before) = self.under_way.remove(&settled.row).unzip();
                let (before, now) = (before.unwrap_or_default(), Tally::of(&settled.recipients));
                self.begun = self.begun.max(settled.row);
                self.has_repeats |= before != Tally::default();
                self.tally -= before;
                self.tally += now;
                if settled.may_go_again(self.after_dot) {
                    self.again.insert(settled.row, Past { tally: now, since: None });
                }
            }
        }
    }

    /// Opens a row again that was handed over by an earlier run: who may have taken it will know it again.
    pub(super) fn reopen(&mut self, row: u64) {
        self.open(row, |under_way| Some(under_way.at));
    }

    /// Whether the row still has to be sent.
    pub(super) fn wants(&self, row: u64) -> bool {
        row > self.begun || self.again.contains_key(&row)
    }

    /// When the row was handed over first, where it may have been taken then.
    pub(super) fn since(&self, row: u64) -> Option<i64> {
        self.again.get(&row)?.since
    }

    /// Rows of `rows` of which it is open whether they were sent.
    pub(super) fn open_rows(&self, rows: u64) -> u64 {
        rows.saturating_sub(self.begun) + (self.again.len() + self.under_way.len()) as u64
    }

    /// Rows that were handed over and of which nothing was heard.
    pub(super) fn under_way(&self) -> impl Iterator<Item = &UnderWay> {
        self.under_way.values().map(|(under_way, _)| under_way)
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

    fn open(&mut self, row: u64, since: impl Fn(&UnderWay) -> Option<i64>) {
        if let Some((under_way, tally)) = self.under_way.remove(&row) {
            self.again.insert(row, Past { tally, since: since(&under_way) });
        }
    }
}
