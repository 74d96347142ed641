use super::*;
use crate::{Find, limits};

async fn index(store: &Store) {
    store.write(crate::finder::index).await.unwrap();
}

#[tokio::test]
async fn messages_are_found_before_and_after_they_are_indexed_and_after_they_left() {
    let (_dir, store) = fresh();
    let first = commit(&store, &["bob@there.test"], b"x").await;
    let second = commit(&store, &["list@here.test"], b"x").await;
    let address = |address: &str| Find::Address(address.parse().unwrap());
    for round in 0..4 {
        match round {
            1 | 3 => index(&store).await,
            2 => {
                let replace = Change::Replace(vec![to("eve@there.test")]);
                store.settle(vec![settlement(first, 0, Change::Done), settlement(second, 0, replace)]).await.unwrap();
                let mut done = settlement(second, 1, Change::Done);
                done.records = vec![record(second, Some("eve@there.test"), Outcome::Relayed)];
                store.settle(vec![done]).await.unwrap();
                let eve = store.find_messages(address("eve@there.test"), 10).await.unwrap();
                assert_eq!(eve, [second]);
            }
            _ => {}
        }
        assert_eq!(store.find_messages(Find::Id(first), 10).await.unwrap(), [first], "round {round}");
        let message_id = Find::MessageId(format!("<{first}@here.test>"));
        assert_eq!(store.find_messages(message_id, 10).await.unwrap(), [first], "round {round}");
        assert_eq!(store.find_messages(address("ANN@here.test"), 10).await.unwrap(), [second, first], "round {round}");
        assert!(store.find_messages(address("bob@there.test"), 10).await.unwrap().contains(&first), "round {round}");
        assert!(store.find_messages(address("nobody@there.test"), 10).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn records_are_kept_for_thirty_days_after_the_message_has_left() {
    let (_dir, store) = fresh();
    let gone = commit(&store, &["bob@there.test"], b"x").await;
    let waits = commit(&store, &["eve@there.test"], b"x").await;
    let newest = commit(&store, &["eve@there.test"], b"x").await;
    store.settle(vec![settlement(gone, 0, Change::Done), settlement(newest, 0, Change::Done)]).await.unwrap();
    index(&store).await;
    let now = Timestamp::now();
    let days = |days: i64| now + SignedDuration::from_hours(24 * days);
    assert_eq!(store.prune(days(limits::RECORD_DAYS - 1)).await.unwrap(), 0);
    assert_eq!(store.prune(days(limits::RECORD_DAYS + 1)).await.unwrap(), 1);
    assert!(store.message(gone).await.unwrap().is_none());
    assert!(store.records_of(gone).await.unwrap().is_empty());
    let find = Find::MessageId(format!("<{gone}@here.test>"));
    assert!(store.find_messages(find, 10).await.unwrap().is_empty());
    assert!(store.message(waits).await.unwrap().is_some());
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_store_for_reading_only_reads_and_does_not_write() {
    let (dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    let read_only = Options { read_only: true, ..options() };
    assert!(matches!(Store::open(dir.path(), read_only.clone()), Err(crate::OpenError::InUse(_))));
    assert!(matches!(Store::open(dir.path(), options()), Err(crate::OpenError::InUse(_))));
    drop(store);
    let one = Store::open(dir.path(), read_only.clone()).unwrap();
    let two = Store::open(dir.path(), read_only.clone()).unwrap();
    assert_eq!(one.records_of(id).await.unwrap().len(), 1);
    assert_eq!(body_of(&two, id).await.unwrap(), b"x");
    assert!(matches!(one.meta_put("x", vec![]).await, Err(StoreError::ReadOnly)));
    assert_sound(&one).await;
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(Store::open(empty.path(), read_only), Err(crate::OpenError::Missing(_))));
}
