//! The queue over a real store: what arrives, waits, is held, and comes back after a restart.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::{path::Path, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::{DeliveryRecord, Direction, Envelope, Link, Outcome, QueueId, Recipient, ReversePath};
use rohrpost_queue::{Clock, Duty, Job, Queue, Settings, Signal};
use rohrpost_store::{
    Body, Filter, NewMessage, NewRecipient, Options, QueuedRecipient, Settlement, Store, Verb, settle::Change,
};

fn store(dir: &Path) -> Store {
    Store::open(dir, Options { free_bytes_min: 0, ..Options::default() }).unwrap()
}

/// Ids are made by the system's clock, so the queue's starts there too.
fn start_time() -> Timestamp {
    Timestamp::from_millisecond(Timestamp::now().as_millisecond()).unwrap()
}

fn record(id: QueueId, at: Timestamp, outcome: Outcome) -> DeliveryRecord {
    DeliveryRecord {
        protocol: "ESMTP".into(),
        octets: 4,
        ..DeliveryRecord::new(id, at, Direction::In, "mx", Link::Local, outcome)
    }
}

fn message(store: &Store, at: Timestamp, recipients: &[&str]) -> NewMessage {
    let id = store.new_id();
    let recipient = |address: &&str| {
        let recipient = Recipient::new(address.parse().unwrap());
        let site = recipient.address.domain.to_string();
        NewRecipient { recipient, route: "mx".into(), site, due: at, hold: false, expires: None }
    };
    NewMessage {
        id,
        envelope: Envelope {
            reverse_path: ReversePath::Mailbox("ann@here.test".parse().unwrap()),
            ..Envelope::default()
        },
        recipients: recipients.iter().map(recipient).collect(),
        body: Body::from_bytes("Subject: Hi\r\n\r\nHi\r\n"),
        received: record(id, at, Outcome::Received),
        message_id: None,
        account: None,
        expires: at.checked_add(Duration::from_hours(5 * 24)).unwrap(),
        counters: Vec::new(),
    }
}

async fn submit(store: &Store, queue: &Queue, at: Timestamp, recipients: &[&str]) -> QueueId {
    let new = message(store, at, recipients);
    let (id, announced) = (new.id, queue.announce(&new));
    store.commit(new).await.unwrap();
    announced.arrived();
    id
}

async fn settle(store: &Store, queue: &Queue, job: Job, due: Option<Timestamp>) {
    let row = job.recipients[0].clone();
    let change = match due {
        Some(due) => Change::Defer { due, attempts: row.attempts + 1, last: Some("450 later".into()) },
        None => Change::Done,
    };
    let records = vec![record(row.message, queue.now().wall, Outcome::Relayed)];
    let (message, n) = (row.message, row.n);
    store.settle(vec![Settlement { message, n, change, records, new: Vec::new(), digest: None }]).await.unwrap();
    job.finish();
    queue.settled([((message, n), due)]);
}

/// Lets the keeper's reads, which run on other threads, come to their end without moving the virtual clock.
async fn next(queue: &Queue) -> Job {
    queue.next().await.expect("the queue runs")
}

#[tokio::test]
async fn an_arrival_goes_straight_to_the_worker_with_its_body() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    let id = submit(&store, &queue, queue.now().wall, &["bob@there.test", "eve@there.test", "cy@other.test"]).await;
    let job = queue.try_next().expect("no read is needed");
    assert_eq!((job.message, job.recipients.len(), job.duty), (id, 2, Duty::Attempt));
    assert_eq!(job.handed.as_ref().unwrap().body, "Subject: Hi\r\n\r\nHi\r\n");
    assert_eq!(queue.try_next().unwrap().site.site(), "other.test");
    assert!(queue.try_next().is_none());
}

#[tokio::test]
async fn after_a_restart_the_store_alone_says_what_is_to_be_done() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    let ids: Vec<_> = {
        let mut ids = Vec::new();
        for _ in 0..3 {
            let new = message(&first, start_time(), &["bob@there.test"]);
            ids.push(new.id);
            first.commit(new).await.unwrap();
        }
        ids
    };
    drop(first);
    let store = store(dir.path());
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    let jobs = [next(&queue).await, next(&queue).await, next(&queue).await];
    assert_eq!(jobs.each_ref().map(|job| job.message).to_vec(), ids);
    assert!(jobs.iter().all(|job| job.handed.is_none()));
}

#[tokio::test]
async fn a_deferred_row_comes_back_when_it_is_due() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    submit(&store, &queue, queue.now().wall, &["bob@there.test"]).await;
    let job = next(&queue).await;
    // The store keeps milliseconds: without the cut the row could come back a fraction of one before `due`.
    let due = Timestamp::from_millisecond(queue.now().wall.as_millisecond() + 300).unwrap();
    settle(&store, &queue, job, Some(due)).await;
    let job = next(&queue).await;
    assert!(queue.now().wall >= due);
    assert_eq!(job.recipients[0].attempts, 1);
}

#[tokio::test]
async fn a_row_behind_one_that_is_due_is_not_forgotten_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let now = start_time();
    let soon = now.checked_add(Duration::from_millis(700)).unwrap();
    for due in [now, soon] {
        let mut new = message(&store, now, &["bob@there.test"]);
        new.recipients[0].due = due;
        store.commit(new).await.unwrap();
    }
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(now));
    let first = next(&queue).await;
    settle(&store, &queue, first, None).await;
    let second = tokio::time::timeout(Duration::from_secs(10), queue.next()).await.expect("it is due long since");
    let second = second.unwrap();
    assert_eq!((second.recipients[0].due, second.duty), (soon, Duty::Attempt));
}

/// Q05: hold, release, reschedule, then a restart.
#[tokio::test]
async fn a_q05_what_an_operator_did_outlives_a_restart_and_counts_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    let queue = Queue::start(first.clone(), Settings::default(), Clock::anchored(start_time()));
    let held = submit(&first, &queue, queue.now().wall, &["bob@there.test"]).await;
    let moved = submit(&first, &queue, queue.now().wall, &["eve@there.test"]).await;
    let by = |id| Filter { ids: vec![id], ..Filter::default() };
    assert_eq!(queue.operate(by(held), Verb::Hold, "uid 0".into()).await.unwrap(), 1);
    assert_eq!(queue.operate(by(moved), Verb::Route("smarthost".into()), "uid 0".into()).await.unwrap(), 1);
    let job = next(&queue).await;
    assert_eq!((job.message, job.site.route()), (moved, "smarthost"));
    drop(job);
    queue.stop();
    drop((queue, first));
    let store = reopen(dir.path()).await;
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    let job = next(&queue).await;
    assert_eq!((job.message, job.site.route()), (moved, "smarthost"));
    assert!(queue.try_next().is_none(), "the other one is held");
    assert_eq!(queue.operate(by(held), Verb::Release, "uid 0".into()).await.unwrap(), 1);
    assert_eq!(next(&queue).await.message, held);
}

/// The keeper of the old queue may still hold the store for a moment.
async fn reopen(dir: &Path) -> Store {
    loop {
        match Store::open(dir, Options { free_bytes_min: 0, ..Options::default() }) {
            Ok(store) => return store,
            Err(rohrpost_store::OpenError::InUse(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Q11: many deferred mails of one dead site; other sites go on, and its return is no herd.
#[tokio::test]
async fn a_q11_a_dead_site_costs_nothing_and_returns_through_one_probe() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    for _ in 0..300 {
        submit(&store, &queue, queue.now().wall, &["bob@dead.test"]).await;
    }
    let mut failed = 0;
    while failed < 10 {
        let job = next(&queue).await;
        queue.report(job.gate().unwrap(), Signal::Unreachable);
        let due = queue.now().wall.checked_add(Duration::from_secs(400)).unwrap();
        settle(&store, &queue, job, Some(due)).await;
        failed += 1;
    }
    assert!(queue.try_next().is_none(), "the site is closed");
    assert_eq!(queue.stats().window, 0, "its rows left the memory");
    let fine = submit(&store, &queue, queue.now().wall, &["bob@fine.test"]).await;
    assert_eq!(next(&queue).await.message, fine, "other sites are not affected");
    // The operator knows better: one probe, not three hundred.
    queue
        .operate(Filter { domain: Some("dead.test".into()), ..Filter::default() }, Verb::Retry, "uid 0".into())
        .await
        .unwrap();
    let probe = next(&queue).await;
    assert_eq!(probe.site.site(), "dead.test");
    assert!(queue.try_next().is_none());
    let gate = probe.gate().unwrap().clone();
    queue.report(&gate, Signal::Answered);
    settle(&store, &queue, probe, None).await;
    let mut at_once = vec![next(&queue).await];
    at_once.extend(std::iter::from_fn(|| queue.try_next()));
    assert_eq!(at_once.len(), 2, "1, then 2, then 4");
}

#[tokio::test]
async fn a_late_message_of_a_closed_site_is_given_to_a_worker_to_tell_its_sender() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let late = Timestamp::now().checked_sub(Duration::from_hours(5)).unwrap();
    let later = Timestamp::now().checked_add(Duration::from_hours(1)).unwrap();
    let new = message(&store, late, &["bob@there.test"]);
    let new = NewMessage {
        id: QueueId::at(0, late),
        received: DeliveryRecord { message: QueueId::at(0, late), ..new.received.clone() },
        recipients: new.recipients.iter().cloned().map(|one| NewRecipient { due: later, ..one }).collect(),
        ..new
    };
    let id = new.id;
    store.commit(new).await.unwrap();
    let queue = Queue::start(store.clone(), Settings::default(), Clock::system());
    let job = next(&queue).await;
    assert_eq!((job.message, job.duty), (id, Duty::Overdue));
}

const DAY: i64 = 86_400;

/// A retry that is to come in six minutes, a message that nobody was told of, and one that is to go out in an hour.
struct Waiting {
    tried: QueueId,
    fresh: QueueId,
    later: QueueId,
}

impl Waiting {
    async fn put_into(store: &Store, queue: &Queue) -> Self {
        let tried = submit(store, queue, queue.now().wall, &["bob@there.test"]).await;
        let job = next(queue).await;
        settle(store, queue, job, Some(in_minutes(queue, 6))).await;
        let new = message(store, queue.now().wall, &["eve@other.test"]);
        let mut delayed = message(store, queue.now().wall, &["cy@later.test"]);
        delayed.recipients[0].due = in_minutes(queue, 60);
        let (fresh, later) = (new.id, delayed.id);
        store.commit(new).await.unwrap();
        store.commit(delayed).await.unwrap();
        Self { tried, fresh, later }
    }

    /// All is as if the clock had always gone as it goes now, save for the moments that the test takes.
    async fn assert_in_step(&self, store: &Store, queue: &Queue) {
        let moved = async {
            // It came last, so the others have been moved before it.
            while age(queue, &row_of(store, self.later).await).is_negative() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), moved).await.expect("rows follow the clock");
        assert_eq!(next(queue).await.message, self.fresh);
        assert!(queue.try_next().is_none(), "the others still wait");
        for (id, minutes) in [(self.tried, 6), (self.fresh, 0), (self.later, 60)] {
            let row = row_of(store, id).await;
            assert!((0..60).contains(&age(queue, &row).as_secs()), "{row:?}");
            let wait = row.due.duration_since(row.created);
            assert!((wait.as_secs() - 60 * minutes).abs() < 60, "{row:?}");
            assert_eq!(row.expires.duration_since(row.created).as_hours(), 5 * 24);
        }
    }
}

fn age(queue: &Queue, row: &QueuedRecipient) -> SignedDuration {
    queue.now().wall.duration_since(row.created)
}

async fn row_of(store: &Store, id: QueueId) -> QueuedRecipient {
    store.recipients(id).await.unwrap().remove(0)
}

fn in_minutes(queue: &Queue, minutes: u64) -> Timestamp {
    queue.now().wall.checked_add(Duration::from_mins(minutes)).unwrap()
}

#[tokio::test]
async fn a_clock_set_back_by_a_day_stalls_neither_retries_nor_what_has_just_come() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let clock = Clock::anchored(start_time());
    let queue = Queue::start(store.clone(), Settings::default(), clock.clone());
    let waiting = Waiting::put_into(&store, &queue).await;
    clock.step(-DAY);
    queue.look_at_clock();
    waiting.assert_in_step(&store, &queue).await;
}

#[tokio::test]
async fn a_clock_set_back_while_the_server_was_stopped_is_noticed_once() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    let queue = Queue::start(first.clone(), Settings::default(), Clock::anchored(start_time()));
    let waiting = Waiting::put_into(&first, &queue).await;
    queue.stop();
    drop((queue, first));

    let clock = Clock::anchored(start_time());
    clock.step(-DAY);
    let second = reopen(dir.path()).await;
    let queue = Queue::start(second.clone(), Settings::default(), clock.clone());
    waiting.assert_in_step(&second, &queue).await;
    let row = row_of(&second, waiting.later).await;
    queue.stop();
    drop((queue, second));

    let third = reopen(dir.path()).await;
    assert!(third.newest_time().await.unwrap().unwrap() <= clock.now().wall, "the time before is forgotten");
    let queue = Queue::start(third.clone(), Settings::default(), clock);
    assert_eq!(next(&queue).await.message, waiting.fresh);
    assert_eq!(row_of(&third, waiting.later).await, row, "it is moved once");
}

#[tokio::test]
async fn the_time_is_marked_when_the_queue_stops_though_no_mail_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let first = store(dir.path());
    let clock = Clock::anchored(start_time());
    let queue = Queue::start(first.clone(), Settings::default(), clock.clone());
    let start = queue.now().wall;
    while first.newest_time().await.unwrap().is_none() {
        tokio::task::yield_now().await;
    }
    clock.step(DAY);
    queue.stop();
    drop((queue, first));
    let store = reopen(dir.path()).await;
    assert!(store.newest_time().await.unwrap().unwrap().duration_since(start).as_secs() >= DAY);
}

#[tokio::test]
async fn a_clock_set_forward_by_a_year_adds_nothing_to_the_age_of_what_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let clock = Clock::anchored(start_time());
    let queue = Queue::start(store, Settings::default(), clock.clone());
    let created = queue.now().wall;
    clock.step(365 * DAY);
    let leapt = queue.leapt_since(created);
    assert!(leapt.abs_diff(Duration::from_hours(365 * 24)) < Duration::from_mins(1), "{leapt:?}");
    assert_eq!(queue.leapt_since(queue.now().wall), Duration::ZERO);
}

#[tokio::test]
async fn a_paused_queue_hands_out_nothing_and_a_stopped_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let queue = Queue::start(store.clone(), Settings::default(), Clock::anchored(start_time()));
    queue.pause(true);
    submit(&store, &queue, queue.now().wall, &["bob@there.test"]).await;
    assert!(queue.try_next().is_none());
    queue.pause(false);
    assert!(queue.try_next().is_some());
    queue.stop();
    assert!(queue.next().await.is_none());
}

#[tokio::test]
async fn bodies_in_memory_keep_within_their_budget() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path());
    let settings = Settings { hold_outgoing: true, ..Settings::default() };
    let queue = Queue::start(store.clone(), settings, Clock::anchored(start_time()));
    submit(&store, &queue, queue.now().wall, &["bob@there.test"]).await;
    assert_eq!(queue.stats().handed_octets, 0, "what is held keeps no body in memory");
    queue.reload(Settings::default());
    let job = next(&queue).await;
    assert!(job.handed.is_none());
}
