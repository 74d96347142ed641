use proptest::prelude::*;

use super::*;
use crate::flags::Flags;

fn list(ranges: &[std::ops::RangeInclusive<u32>]) -> UidList {
    UidList::from(ranges)
}

fn view(uids: &[std::ops::RangeInclusive<u32>], modseq: u64) -> View {
    View {
        mailbox: 1,
        read_only: false,
        is_gone: false,
        uids: list(uids),
        modseq,
        notified: modseq,
        own: Vec::new(),
        saved: Vec::new(),
    }
}

fn entry(uid: u32, modseq: u64) -> Entry {
    Entry { uid, modseq, flags: Flags::default() }
}

#[test]
fn numbers_count_messages_and_not_uids() {
    let uids = list(&[3..=5, 9..=9, 20..=21]);
    let numbers: Vec<_> = (0..=7).map(|number| uids.uid(number)).collect();
    assert_eq!(numbers, [None, Some(3), Some(4), Some(5), Some(9), Some(20), Some(21), None]);
    assert_eq!((uids.number(9), uids.number(10), uids.number(21)), (Some(4), None, Some(6)));
    assert_eq!(uids.of_numbers(&[2..=4, 6..=6]), Some(vec![4..=5, 9..=9, 21..=21]));
    assert_eq!(uids.of_numbers(&[6..=7]), None);
}

#[test]
fn each_message_that_goes_is_told_with_the_number_it_has_then() {
    let mut uids = list(&[1..=10]);
    assert_eq!(uids.remove(&[3..=4, 7..=7]), [3, 3, 5]);
    assert_eq!(uids, list(&[1..=2, 5..=6, 8..=10]));
}

#[test]
fn a_set_is_taken_in_pieces() {
    let mut rest = vec![1..=3, 7..=20, 30..=30];
    assert_eq!(take_first(&mut rest, 5), [1..=3, 7..=8]);
    assert_eq!(rest, [9..=20, 30..=30]);
    assert_eq!(take_first(&mut rest, 100), [9..=20, 30..=30]);
    assert!(take_first(&mut rest, 100).is_empty());
}

#[test]
fn a_change_of_ones_own_is_not_told_again() {
    let mut view = view(&[1..=3], 10);
    view.note_own(11);
    assert!(!view.is_behind(), "nothing came between");
    view.notify(12);
    view.note_own(13);
    assert!(view.is_behind());
    let changes = Changes { modseq: 13, uid_next: 4, entries: vec![entry(1, 13), entry(2, 12)], vanished: vec![] };
    assert_eq!(view.take(changes).entries, [entry(2, 12)]);
    assert!(!view.is_behind());
}

#[test]
fn what_came_and_went_unseen_is_not_told() {
    let mut view = view(&[1..=3], 10);
    view.saved = vec![2..=3];
    let changes = Changes { modseq: 20, uid_next: 9, entries: vec![entry(8, 20)], vanished: vec![2..=2, 5..=7] };
    let news = view.take(changes);
    assert_eq!((news.entries, news.vanished, news.numbers, news.has_grown), (vec![], vec![2..=2], vec![2], true));
    assert_eq!(view.uids, list(&[1..=1, 3..=3, 8..=8]));
    assert_eq!(view.saved, [3..=3]);
}

proptest! {
    /// Against a plain list of UIDs.
    #[test]
    fn a_list_of_spans_is_as_good_as_a_list_of_uids(
        uids in prop::collection::btree_set(1_u32..60, 0..40),
        gone in prop::collection::btree_set(1_u32..60, 0..40),
    ) {
        let mut spans = UidList::default();
        for uid in &uids {
            spans.append(*uid);
        }
        for (place, uid) in uids.iter().enumerate() {
            let number = u32::try_from(place + 1).unwrap();
            prop_assert_eq!((spans.uid(number), spans.number(*uid)), (Some(*uid), Some(number)));
        }
        let mut ranges = Uids::new();
        for uid in &gone {
            push_uid(&mut ranges, *uid);
        }
        let mut plain: Vec<u32> = uids.iter().copied().collect();
        let mut numbers = Vec::new();
        for uid in &gone {
            if let Some(place) = plain.iter().position(|other| other == uid) {
                plain.remove(place);
                numbers.push(u32::try_from(place + 1).unwrap());
            }
        }
        prop_assert_eq!(spans.remove(&ranges), numbers);
        prop_assert_eq!(spans.ranges().flatten().collect::<Vec<_>>(), plain);
    }
}
