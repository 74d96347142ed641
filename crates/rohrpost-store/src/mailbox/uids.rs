//! Sets of UIDs as ranges.

use std::ops::RangeInclusive;

/// The ranges of some UIDs that come in any order.
pub(crate) fn ranges(mut uids: Vec<u32>) -> Vec<RangeInclusive<u32>> {
    uids.sort_unstable();
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some(last) if uid <= last.end().saturating_add(1) => *last = *last.start()..=uid,
            _ => ranges.push(uid..=uid),
        }
    }
    ranges
}

/// The ranges of all UIDs below `next` that are not among those that are there.
pub(crate) fn gaps(there: Vec<u32>, next: u32) -> Vec<RangeInclusive<u32>> {
    let (mut gaps, mut free) = (Vec::new(), 1);
    for range in ranges(there) {
        if free < *range.start() {
            gaps.push(free..=range.start() - 1);
        }
        free = range.end().saturating_add(1);
    }
    if free < next {
        gaps.push(free..=next - 1);
    }
    gaps
}

/// Adds ranges that begin behind the last one.
pub(crate) fn append(all: &mut Vec<RangeInclusive<u32>>, new: Vec<RangeInclusive<u32>>) {
    for range in new {
        match all.last_mut() {
            Some(last) if *range.start() == last.end().saturating_add(1) => *last = *last.start()..=*range.end(),
            _ => all.push(range),
        }
    }
}

/// What is left of ranges when others are gone; both are in ascending order.
pub(crate) fn without(all: &[RangeInclusive<u32>], gone: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
    let (mut left, mut first) = (Vec::with_capacity(all.len()), 0);
    for range in all {
        let (mut from, end) = (*range.start(), *range.end());
        first += gone[first..].iter().take_while(|gone| *gone.end() < from).count();
        for gone in gone[first..].iter().take_while(|gone| *gone.start() <= end) {
            if from < *gone.start() {
                left.push(from..=gone.start() - 1);
            }
            from = gone.end().saturating_add(1);
        }
        if from <= end {
            left.push(from..=end);
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_at_their_end_and_shrink_anywhere() {
        let mut all = vec![1..=4, 6..=9];
        append(&mut all, vec![10..=11, 13..=13]);
        assert_eq!(all, [1..=4, 6..=11, 13..=13]);
        assert_eq!(without(&all, &[2..=2, 4..=6, 13..=13]), [1..=1, 3..=3, 7..=11]);
        assert_eq!(without(&all, &[1..=20]), []);
        assert_eq!(without(&all, &[5..=5, 12..=12, 14..=20]), all);
        assert_eq!(without(&all, &[7..=7, 9..=9]), [1..=4, 6..=6, 8..=8, 10..=11, 13..=13]);
    }

    #[test]
    fn uids_and_their_gaps_fill_the_mailbox() {
        assert_eq!(ranges(vec![5, 1, 2, 7, 6, 2]), [1..=2, 5..=7]);
        assert_eq!(gaps(vec![5, 2, 3, 7], 10), [1..=1, 4..=4, 6..=6, 8..=9]);
        assert_eq!(gaps(vec![1, 2], 3), []);
        assert_eq!(gaps(vec![], 3), [1..=2]);
        assert_eq!(ranges(vec![u32::MAX - 1, u32::MAX]), [u32::MAX - 1..=u32::MAX]);
        assert_eq!(gaps(vec![], 1), []);
    }
}
