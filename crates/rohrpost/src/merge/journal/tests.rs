use std::fs;

use tempfile::TempDir;

use super::*;
use crate::exit;

fn sending(row: u64) -> Entry {
    Entry::Sending(UnderWay { row, line: row + 1, local: false, recipients: vec!["b@x.test".to_owned()] })
}

fn done(row: u64, outcomes: &[Word]) -> Entry {
    let fate = |outcome: &Word| Fate { recipient: "b@x.test".to_owned(), outcome: *outcome, reply: None };
    let recipients = outcomes.iter().map(fate).collect();
    Entry::Done(Settled { row, line: row + 1, server: None, seal: None, recipients })
}

fn open(folder: &TempDir, digest: &str, after_dot: AfterDot) -> anyhow::Result<Journal> {
    Journal::open(&folder.path().join("state"), digest, after_dot)
}

/// Which of five rows are still to be sent after these steps, in this run and in the next.
fn left(after_dot: AfterDot, steps: Vec<Entry>) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let wanted = |journal: &Journal| (1..=5).filter(|row| journal.wants(*row)).collect::<Vec<_>>();
    let mut journal = open(&folder, "d", after_dot).unwrap();
    for step in steps {
        journal.append(step, true).unwrap();
    }
    let wants = wanted(&journal);
    drop(journal);
    let journal = open(&folder, "d", after_dot).unwrap();
    assert_eq!(wanted(&journal), wants, "a new run wants the same");
    assert_eq!(journal.open_rows(5), wants.len() as u64);
    wants
}

#[test]
fn only_rows_that_nobody_has_are_sent_again() {
    use Word::{Assumed, Deferred, Delivered, Queued, Refused, Unknown};
    let after = |outcomes: &[Word]| left(AfterDot::Hold, vec![sending(1), done(1, outcomes)]).contains(&1);
    for outcomes in [&[Deferred][..], &[Deferred, Refused]] {
        assert!(after(outcomes), "{outcomes:?}");
    }
    for outcomes in
        [&[Delivered][..], &[Queued], &[Assumed], &[Refused], &[Unknown], &[Deferred, Delivered], &[Unknown, Deferred]]
    {
        assert!(!after(outcomes), "{outcomes:?}");
    }
    assert_eq!(left(AfterDot::Retry, vec![sending(1), done(1, &[Unknown])]), [1, 2, 3, 4, 5]);
}

#[test]
fn a_row_that_was_deferred_is_wanted_until_it_is_settled() {
    let first = || vec![done(1, &[Word::Delivered]), done(2, &[Word::Deferred]), done(3, &[Word::Delivered])];
    assert_eq!(left(AfterDot::Hold, first()), [2, 4, 5]);
    let again = [first(), vec![sending(2), done(2, &[Word::Delivered])]].concat();
    assert_eq!(left(AfterDot::Hold, again), [4, 5]);
    let nobody_there = [first(), vec![sending(2), Entry::Back { row: 2 }]].concat();
    assert_eq!(left(AfterDot::Hold, nobody_there), [2, 4, 5]);
}

#[test]
fn a_row_under_way_is_known_to_the_next_run_and_half_a_line_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    let id = journal.id.clone();
    journal.append(sending(1), true).unwrap();
    drop(journal);
    let path = folder.path().join("state");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"done\":{\"row\":1,"].concat()).unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert_eq!((journal.under_way().map(|under_way| under_way.row), &journal.id), (Some(1), &id));
    assert_eq!(fs::read(&path).unwrap(), whole, "the half line is cut off");
    journal.append(done(1, &[Word::Unknown]), true).unwrap();
    assert!(journal.under_way().is_none());
}

#[test]
fn a_journal_is_for_one_merge_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let code = |journal: anyhow::Result<Journal>| exit::code_of(&journal.unwrap_err());
    let journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert_eq!(code(open(&folder, "d", AfterDot::Hold)), Exit::TempFail);
    drop(journal);
    assert_eq!(code(open(&folder, "other", AfterDot::Hold)), Exit::Data);
    fs::write(folder.path().join("state"), "email\nb@x.test\n").unwrap();
    assert_eq!(code(open(&folder, "d", AfterDot::Hold)), Exit::Data);
    assert_eq!(fs::read(folder.path().join("state")).unwrap(), b"email\nb@x.test\n", "it is not ours to change");
}
