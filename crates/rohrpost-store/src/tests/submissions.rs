//! A submission that comes again.

use jiff::SignedDuration;

use super::*;
use crate::{Once, Submission, limits};

fn submission(uid: u32, id: u8, answer: &str) -> Submission {
    Submission { uid, id: [id; 16], at: now(), answer: answer.to_owned() }
}

async fn commit_once(store: &Store, submission: Submission) -> Once {
    let new = message(store, &["bob@there.test"], Body::from_bytes("x"));
    store.commit_once(vec![new], submission).await.unwrap()
}

fn answer(once: &Once) -> &str {
    match once {
        Once::Stored(_) => "stored",
        Once::Repeated(answer) => answer,
    }
}

#[tokio::test]
async fn a_repeated_submission_is_not_stored_again_and_gets_its_old_answer() {
    let (dir, store) = fresh();
    assert_eq!(answer(&commit_once(&store, submission(33, 1, "first")).await), "stored");
    assert_eq!(answer(&commit_once(&store, submission(33, 1, "second")).await), "first");
    assert_eq!(answer(&commit_once(&store, submission(34, 1, "another user's")).await), "stored");
    assert_eq!(answer(&commit_once(&store, submission(33, 2, "another one")).await), "stored");
    assert_eq!(waiting(&store).await.len(), 3);
    drop(store);
    let store = open(dir.path());
    assert_eq!(answer(&commit_once(&store, submission(33, 1, "after a restart")).await), "first");
    assert_eq!(store.submission_answer(33, [2; 16]).await.unwrap().as_deref(), Some("another one"));
    assert_eq!(store.submission_answer(35, [1; 16]).await.unwrap(), None);
}

#[tokio::test]
async fn two_at_the_same_time_are_one() {
    let (_dir, store) = fresh();
    let both = [commit_once(&store, submission(33, 1, "a")), commit_once(&store, submission(33, 1, "b"))];
    let [one, other] = both;
    let (one, other) = tokio::join!(one, other);
    let stored = [&one, &other].iter().filter(|once| matches!(once, Once::Stored(_))).count();
    assert_eq!((stored, waiting(&store).await.len()), (1, 1));
}

#[tokio::test]
async fn all_messages_of_a_submission_are_stored_or_none() {
    let (_dir, store) = fresh();
    let taken = message(&store, &["bob@there.test"], Body::from_bytes("x"));
    let taken_again = taken.clone();
    store.commit(taken).await.unwrap();
    let fine = message(&store, &["bob@there.test"], Body::from_bytes("y"));
    let refused = store.commit_once(vec![fine, taken_again], submission(33, 1, "")).await;
    assert!(matches!(refused, Err(StoreError::Exists(_))));
    assert_eq!(waiting(&store).await.len(), 1);
    assert_eq!(store.submission_answer(33, [1; 16]).await.unwrap(), None, "what was refused may come again");
}

#[tokio::test]
async fn answers_are_forgotten_after_a_day() {
    let (_dir, store) = fresh();
    commit_once(&store, submission(33, 1, "old")).await;
    let day = SignedDuration::from_hours(limits::SUBMISSION_HOURS);
    commit_once(&store, Submission { at: now() + day, ..submission(33, 2, "just a day later") }).await;
    assert!(store.submission_answer(33, [1; 16]).await.unwrap().is_some());
    let later = now() + day + SignedDuration::from_secs(1);
    commit_once(&store, Submission { at: later, ..submission(33, 3, "later") }).await;
    assert_eq!(store.submission_answer(33, [1; 16]).await.unwrap(), None);
    assert!(store.submission_answer(33, [2; 16]).await.unwrap().is_some());
}
