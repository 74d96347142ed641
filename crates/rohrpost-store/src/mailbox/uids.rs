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

#[cfg(test)]
mod tests {
    use super::*;

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
