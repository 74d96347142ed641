use super::*;
use crate::{Filter, Page, State, Verb};

fn all() -> Filter {
    Filter::default()
}

async fn apply(store: &Store, filter: Filter, verb: Verb) -> u64 {
    store.queue_apply(filter, verb, "uid 0".to_owned(), now()).await.unwrap()
}

async fn count(store: &Store, filter: Filter) -> u64 {
    store.queue_count(filter).await.unwrap()
}

#[tokio::test]
async fn filters_match_what_they_say() {
    let (_dir, store) = fresh();
    let first = commit(&store, &["bob@there.test", "eve@other.test"], b"x").await;
    commit(&store, &["Bob@There.test"], b"x").await;
    commit(&store, &["bob@sub.there.test", "50%@x_y.test"], b"x").await;
    let text = |text: &str| Some(text.to_owned());
    let recipient = Some("BOB@there.test".parse().unwrap());
    assert_eq!(count(&store, all()).await, 5);
    assert_eq!(count(&store, Filter { ids: vec![first], ..all() }).await, 2);
    assert_eq!(count(&store, Filter { recipient, ..all() }).await, 2);
    assert_eq!(count(&store, Filter { domain: text("There.test"), ..all() }).await, 2);
    assert_eq!(count(&store, Filter { domain: text("x%y.test"), ..all() }).await, 0);
    assert_eq!(count(&store, Filter { domain: text("x_y.test"), ..all() }).await, 1);
    assert_eq!(count(&store, Filter { domain: text("xzy.test"), ..all() }).await, 0);
    assert_eq!(count(&store, Filter { sender: Some("ann@HERE.test".parse().unwrap()), ..all() }).await, 5);
    assert_eq!(count(&store, Filter { account: text("eve@here.test"), ..all() }).await, 0);
    assert_eq!(count(&store, Filter { route: text("mx"), domain: text("other.test"), ..all() }).await, 1);
    assert_eq!(count(&store, Filter { state: Some(State::Held), ..all() }).await, 0);
}

#[tokio::test]
async fn a_list_goes_on_where_its_last_page_ended() {
    let (_dir, store) = fresh();
    for _ in 0..3 {
        commit(&store, &["bob@there.test", "eve@there.test"], b"1234").await;
    }
    let whole = store.queue_list(all(), Page { after: None, limit: 100 }).await.unwrap();
    assert_eq!(whole.len(), 6);
    assert_eq!((whole[0].sender.to_string().as_str(), whole[0].octets), ("Ann@here.test", 4));
    let after = Some((whole[3].recipient.message, whole[3].recipient.n));
    assert_eq!(store.queue_list(all(), Page { after, limit: 100 }).await.unwrap(), whole[4..]);
}

#[tokio::test]
async fn a_q05_hold_release_and_retry_outlive_a_restart() {
    let (dir, store) = fresh();
    let id = commit(&store, &["bob@there.test", "eve@there.test"], b"x").await;
    assert_eq!(apply(&store, all(), Verb::Hold).await, 2);
    assert_eq!(apply(&store, all(), Verb::Hold).await, 0);
    drop(store);

    let store = open(dir.path());
    assert!(waiting(&store).await.is_empty());
    let eve = Filter { recipient: Some("eve@there.test".parse().unwrap()), ..all() };
    assert_eq!(apply(&store, eve.clone(), Verb::Release).await, 1);
    let later = now() + SignedDuration::from_hours(3);
    store.settle(vec![settlement(id, 1, Change::Defer { due: later, attempts: 2, last: None })]).await.unwrap();
    drop(store);

    let store = open(dir.path());
    let rows = store.recipients(id).await.unwrap();
    assert_eq!((rows[0].state, rows[1].state, rows[1].due), (State::Held, State::Waiting, later));
    assert_eq!(apply(&store, all(), Verb::Retry).await, 1);
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.recipients(id).await.unwrap()[1].due, now());
    let verbs = store.records_of(id).await.unwrap().into_iter().filter_map(|record| match record.outcome {
        Outcome::Noted { what } => Some(what),
        _ => None,
    });
    assert_eq!(verbs.collect::<Vec<_>>(), ["held", "held", "released", "retry"]);
    assert_sound(&store).await;
}

#[tokio::test]
async fn dropped_recipients_leave_with_a_record_and_their_bodies() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test", "eve@other.test"], b"x").await;
    let domain = Filter { domain: Some("there.test".to_owned()), ..all() };
    assert_eq!(apply(&store, domain, Verb::Drop).await, 1);
    assert_eq!(apply(&store, all(), Verb::Route("relay".to_owned())).await, 1);
    assert_eq!(store.recipients(id).await.unwrap()[0].route, "relay");
    assert_eq!(apply(&store, all(), Verb::Drop).await, 1);
    assert_eq!(rows(&store, "body").await, 0);
    let outcomes: Vec<_> = store.records_of(id).await.unwrap().into_iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes[1], Outcome::Removed { by: "uid 0".to_owned() });
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_verb_reaches_every_recipient_of_a_queue_longer_than_its_transactions() {
    let (_dir, store) = fresh();
    let many: Vec<_> = (0..1_500).map(|number| format!("user{number}@there.test")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for _ in 0..3 {
        commit(&store, &many, b"x").await;
    }
    assert_eq!(apply(&store, all(), Verb::Hold).await, 4_500);
    assert_eq!(apply(&store, all(), Verb::Drop).await, 4_500);
    assert_eq!(count(&store, all()).await, 0);
}

#[tokio::test]
async fn the_shape_counts_recipients_by_site_and_age() {
    let (_dir, store) = fresh();
    commit(&store, &["bob@there.test", "eve@there.test"], b"x").await;
    commit(&store, &["bob@other.test"], b"x").await;
    let other = Filter { domain: Some("other.test".to_owned()), ..all() };
    apply(&store, other, Verb::Hold).await;
    let shape = store.shape(now() + SignedDuration::from_mins(6)).await.unwrap();
    let rows: Vec<_> = shape.iter().map(|row| (row.site.as_str(), row.buckets[1], row.total(), row.held)).collect();
    assert_eq!(rows, [("other.test", 1, 1, 1), ("there.test", 2, 2, 0)]);
    let old = store.shape(now() + SignedDuration::from_hours(24 * 30)).await.unwrap();
    assert_eq!(old[1].buckets, [0, 0, 0, 0, 0, 0, 0, 2]);
}

#[tokio::test]
async fn a_route_that_an_operator_names_counts_its_attempts_from_none() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    let change = Change::Defer { due: now(), attempts: 5, last: None };
    store.settle(vec![settlement(id, 0, change)]).await.unwrap();
    assert_eq!(apply(&store, all(), Verb::Route("relay".to_owned())).await, 1);
    let row = store.recipients(id).await.unwrap().remove(0);
    assert_eq!((row.route.as_str(), row.attempts), ("relay", 0));
}
