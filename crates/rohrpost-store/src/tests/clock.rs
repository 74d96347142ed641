//! A clock that was set back: how it is known, and what becomes of the times in rows.

use std::time::Duration;

use super::*;
use crate::{SetBack, limits};

const DAY: Duration = Duration::from_hours(24);

fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// A message that came at this time, for one recipient.
async fn commit_at(store: &Store, created: Timestamp) -> QueueId {
    let mut new = message(store, &["bob@there.test"], Body::from_bytes("x"));
    (new.received.at, new.expires, new.recipients[0].due) = (created, created + days(5), created);
    store.commit(new).await.unwrap().id()
}

async fn defer(store: &Store, id: QueueId, due: Timestamp) {
    let change = Change::Defer { due, attempts: 1, last: Some("450 later".to_owned()) };
    store.settle(vec![settlement(id, 0, change)]).await.unwrap();
}

/// Everything as the queue does it, with a clock that shows [`now`] again.
async fn set_back(store: &Store, by: Duration) {
    let mut place = None;
    loop {
        place = store.set_back(SetBack { now: now(), by }, place).await.unwrap();
        if place.is_none() {
            return;
        }
    }
}

async fn times(store: &Store, id: QueueId) -> [Timestamp; 3] {
    let row = &store.recipients(id).await.unwrap()[0];
    [row.created, row.due, row.expires]
}

#[tokio::test]
async fn the_newest_time_is_the_mark_or_that_of_a_message_after_it() {
    let (dir, store) = fresh();
    assert_eq!(store.newest_time().await.unwrap(), None, "an empty store knows no time");
    commit_at(&store, now() + minutes(3)).await;
    commit_at(&store, now() + minutes(2)).await;
    assert_eq!(store.newest_time().await.unwrap(), Some(now() + minutes(3)));
    store.mark_time(now()).await.unwrap();
    assert_eq!(store.newest_time().await.unwrap(), Some(now()), "what came before the mark tells nothing any more");
    commit_at(&store, now() + minutes(5)).await;
    drop(store);
    assert_eq!(open(dir.path()).newest_time().await.unwrap(), Some(now() + minutes(5)));
}

#[tokio::test]
async fn what_came_by_a_clock_that_was_ahead_keeps_its_age_its_lifetime_and_its_wait() {
    let (_dir, store) = fresh();
    let ahead = now() + days(365);
    let fresh = commit_at(&store, ahead - minutes(1)).await;
    let tried = commit_at(&store, ahead - minutes(1)).await;
    defer(&store, tried, ahead + minutes(6)).await;
    let unseen = commit_at(&store, ahead + minutes(8)).await;
    set_back(&store, 365 * DAY).await;
    let came = now() - minutes(1);
    assert_eq!(times(&store, fresh).await, [came, came, came + days(5)]);
    assert_eq!(times(&store, tried).await, [came, now() + minutes(6), came + days(5)]);
    assert_eq!(times(&store, unseen).await, [now(), now(), now() + days(5)], "nothing is left in the future");
    assert_sound(&store).await;
}

#[tokio::test]
async fn what_came_before_keeps_its_lifetime_and_waits_no_longer_than_it_had_to() {
    let (_dir, store) = fresh();
    let came = now() - days(2);
    let just_came = now() + SignedDuration::from_secs(20);
    let [tried, overdue] = [commit_at(&store, came).await, commit_at(&store, came).await];
    let just_now = commit_at(&store, just_came).await;
    defer(&store, tried, now() + days(365) + minutes(6)).await;
    defer(&store, overdue, now() + days(364)).await;
    let mut later = message(&store, &["bob@there.test"], Body::from_bytes("x"));
    (later.received.at, later.recipients[0].due) = (came, now() + days(1));
    let later = store.commit(later).await.unwrap().id();
    set_back(&store, 365 * DAY).await;
    assert_eq!(times(&store, tried).await, [came, now() + minutes(6), came + days(5)]);
    assert_eq!(times(&store, overdue).await, [came, now(), came + days(5)]);
    assert_eq!(times(&store, later).await[1], now() + days(1), "a delay that was asked for stays");
    assert_eq!(times(&store, just_now).await[0], just_came, "it came by the clock that is right");
}

#[tokio::test]
async fn all_pages_are_moved_held_rows_too_and_moving_twice_only_tries_early() {
    let (_dir, store) = fresh();
    let came = now() + days(30);
    let first = commit_at(&store, came).await;
    store.settle(vec![settlement(first, 0, Change::Hold { last: None })]).await.unwrap();
    let addresses: Vec<_> = (0..=limits::HOUSEKEEPING_ROWS).map(|n| format!("u{n}@there.test")).collect();
    let addresses: Vec<_> = addresses.iter().map(String::as_str).collect();
    let mut new = message(&store, &addresses, Body::from_bytes("x"));
    new.received.at = came;
    let many = store.commit(new).await.unwrap().id();
    let last = commit_at(&store, came).await;
    for _ in 0..2 {
        set_back(&store, 30 * DAY).await;
        assert_eq!(times(&store, first).await, [now(), now(), now() + days(5)]);
        assert!(store.recipients(many).await.unwrap().iter().all(|row| row.created == now()));
        assert_eq!(times(&store, last).await, [now(), now(), now() + days(5)]);
    }
}

#[tokio::test]
async fn a_damaged_row_is_put_aside_and_the_others_are_moved() {
    let (_dir, store) = fresh();
    let [bad, good] = [commit_at(&store, now() + days(1)).await, commit_at(&store, now() + days(1)).await];
    store
        .write(move |connection| {
            connection.execute("UPDATE recipient SET expires = 1 WHERE message = ?1", [bad.as_i64()])?;
            Ok(())
        })
        .await
        .unwrap();
    set_back(&store, DAY).await;
    assert_eq!(store.quarantined(10).await.unwrap().len(), 1);
    assert_eq!(times(&store, good).await[0], now());
}
