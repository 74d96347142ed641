use std::{fs, os::unix::fs::PermissionsExt as _};

use tempfile::TempDir;

use super::*;
use crate::{exit, merge::limits::AGAIN_MAX};

fn sending(row: u64) -> Entry {
    Entry::Sending(UnderWay { row, at: 7 })
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
    journal.close().unwrap();
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
fn rows_under_way_are_known_to_the_next_run_and_half_a_line_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    let id = journal.id.clone();
    for step in [sending(1), sending(2), sending(3), done(2, &[Word::Delivered])] {
        journal.append(step, true).unwrap();
    }
    journal.close().unwrap();
    drop(journal);
    let path = folder.path().join("state");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..], b"{\"done\":{\"row\":1,"].concat()).unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert_eq!(fs::read(&path).unwrap(), whole, "the half line is cut off");
    let known = |journal: &Journal| [1, 2, 3, 4].map(|row| (journal.wants(row), journal.since(row)));
    let expected = [(true, Some(7)), (false, None), (true, Some(7)), (true, None)];
    assert_eq!((known(&journal), &journal.id, journal.open_rows(5)), (expected, &id, 4));
    journal.append(done(1, &[Word::Unknown]), true).unwrap();
    assert_eq!(known(&journal)[0], (false, None));
}

#[test]
fn rows_that_a_line_speaks_for_may_have_been_handed_over_until_that_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let ahead = |row, at| Entry::Ahead(UnderWay { row, at });
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    for step in [ahead(2, 5), sending(1), done(1, &[Word::Queued]), ahead(4, 9)] {
        journal.append(step, true).unwrap();
    }
    assert_eq!(journal.since(3), None, "it is this run that says so");
    drop(journal);
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert_eq!([1, 2, 3, 4, 5].map(|row| journal.since(row)), [None, Some(5), Some(9), Some(9), None]);
    assert_eq!(
        [1, 2, 5].map(|row| (journal.wants(row), journal.was_begun(row))),
        [(false, true), (true, false), (true, false)]
    );
    journal.append(ahead(9, 11), true).unwrap();
    journal.append(sending(2), true).unwrap();
    journal.take_back().unwrap();
    drop(journal);
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert_eq!([2, 3, 4, 5].map(|row| journal.since(row)), [Some(7), Some(9), Some(9), None]);
    journal.append(sending(4), true).unwrap();
    journal.take_back().unwrap();
    drop(journal);
    let journal = open(&folder, "d", AfterDot::Hold).unwrap();
    assert!((5..=9).all(|row| journal.since(row).is_none()));
}

#[tokio::test]
async fn a_line_is_on_disk_when_that_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    for row in 1..=50 {
        let number = journal.append(sending(row), true).unwrap();
        assert_eq!(number, row);
        if row % 10 == 0 {
            journal.on_disk().wait_for(|on_disk| *on_disk >= row).await.unwrap();
            let lines = fs::read_to_string(folder.path().join("state")).unwrap().lines().count() as u64;
            assert_eq!(lines, 1 + row);
        }
    }
}

#[tokio::test]
async fn a_disk_that_fails_is_no_row_on_disk_and_the_end_of_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    let only_to_be_read = File::open(folder.path().join("state")).unwrap();
    journal.writer = Writer::start(only_to_be_read).unwrap();
    journal.append(sending(1), true).unwrap();
    assert!(journal.on_disk().wait_for(|on_disk| *on_disk > 0).await.is_err());
    assert_eq!(exit::code_of(&journal.append(sending(2), true).unwrap_err()), Exit::CannotCreate);
    assert_eq!(exit::code_of(&journal.append(sending(3), true).unwrap_err()), Exit::CannotCreate);
}

#[test]
fn the_tally_has_everybody_once_with_what_became_of_them_last() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = open(&folder, "d", AfterDot::Hold).unwrap();
    let steps = [
        sending(1),
        sending(2),
        done(2, &[Word::Deferred, Word::Refused]),
        done(1, &[Word::Delivered]),
        sending(2),
        Entry::Back { row: 2 },
    ];
    for step in steps {
        journal.append(step, true).unwrap();
    }
    assert_eq!(
        (journal.tally().to_string(), journal.has_repeats()),
        ("1 delivered, 1 deferred, 1 refused".into(), false)
    );
    for step in [sending(2), done(2, &[Word::Delivered, Word::Refused])] {
        journal.append(step, true).unwrap();
    }
    assert_eq!((journal.tally().to_string(), journal.has_repeats()), ("2 delivered, 1 refused".into(), true));
    assert_eq!(Tally::default().to_string(), "nothing sent");
}

#[test]
fn memory_holds_only_rows_that_are_open_and_not_too_many_of_them() {
    let mut standing = Standing::new(AfterDot::Hold);
    for row in 1..=10_000 {
        standing.follow(sending(row));
        standing.follow(done(row, &[Word::Delivered]));
    }
    assert_eq!(standing.open_rows(10_000), 0);
    let most = AGAIN_MAX as u64;
    for row in 10_001..=10_001 + most {
        assert!(!standing.is_overfull());
        standing.follow(sending(row));
        standing.follow(done(row, &[Word::Deferred]));
    }
    assert_eq!((standing.is_overfull(), standing.open_rows(10_001 + most)), (true, most + 1));
}

#[test]
fn a_journal_is_for_one_merge_and_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let code = |journal: anyhow::Result<Journal>| exit::code_of(&journal.unwrap_err());
    let journal = open(&folder, "d", AfterDot::Hold).unwrap();
    let mode = fs::metadata(folder.path().join("state")).unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "whom it was sent to is nobody else's business");
    assert_eq!(code(open(&folder, "d", AfterDot::Hold)), Exit::TempFail);
    drop(journal);
    assert_eq!(code(open(&folder, "other", AfterDot::Hold)), Exit::Data);
    for foreign in ["email\nb@x.test\n", "one line without an end"] {
        fs::write(folder.path().join("state"), foreign).unwrap();
        assert_eq!(code(open(&folder, "d", AfterDot::Hold)), Exit::Data);
        assert_eq!(fs::read_to_string(folder.path().join("state")).unwrap(), foreign, "it is not ours to change");
    }
    for half in ["{\"be", "{\"began\":{\"id\":\"7"] {
        fs::write(folder.path().join("state"), half).unwrap();
        assert!(open(&folder, "d", AfterDot::Hold).is_ok(), "a crash at the first line leaves {half}");
    }
}
