use super::*;
use crate::limits;

#[tokio::test]
async fn a_message_is_read_back_as_it_was_committed_also_after_a_restart() {
    let (dir, store) = fresh();
    let id = commit(&store, &["bob@there.test", "eve@there.test"], b"Subject: x\r\n\r\nhello\r\n").await;
    drop(store);
    let store = open(dir.path());
    let message = store.message(id).await.unwrap().unwrap();
    assert_eq!(message.envelope.reverse_path.to_string(), "Ann@here.test");
    assert_eq!(message.account.as_deref(), Some("ann@here.test"));
    assert_eq!(message.left, None);
    assert_eq!(read(&store, &message.body).await.unwrap(), b"Subject: x\r\n\r\nhello\r\n");
    let recipients = store.recipients(id).await.unwrap();
    assert_eq!(
        recipients.iter().map(|row| row.recipient.address.to_string()).collect::<Vec<_>>(),
        ["bob@there.test", "eve@there.test"]
    );
    assert_eq!(recipients, waiting(&store).await);
    assert_sound(&store).await;
}

#[tokio::test]
async fn bodies_of_every_size_come_back_whole_behind_their_prefix() {
    let (dir, store) = fresh();
    let at = limits::INLINE_BYTES_MAX;
    for (length, files) in [(0, 0), (1, 0), (at, 0), (at + 1, 1), (limits::SPILL_BYTES * 2 + 7, 2), (3 << 20, 3)] {
        let content = octets(length);
        let body = write(&store, &content, "Received: x\r\n").await.unwrap();
        assert_eq!(body.octets(), length as u64 + 13);
        let id = store.commit(message(&store, &["bob@there.test"], body)).await.unwrap().id();
        let whole = [b"Received: x\r\n", &content[..]].concat();
        assert!(body_of(&store, id).await.unwrap() == whole, "{length} octets from memory");
        assert_eq!(body_files(dir.path()), files);
    }
    drop(store);
    let store = open(dir.path());
    for (recipient, length) in
        waiting(&store).await.iter().zip([0, 1, at, at + 1, limits::SPILL_BYTES * 2 + 7, 3 << 20])
    {
        let whole = [b"Received: x\r\n", &octets(length)[..]].concat();
        assert!(body_of(&store, recipient.message).await.unwrap() == whole, "{length} octets after a restart");
    }
    assert_sound(&store).await;
}

#[tokio::test]
async fn an_abandoned_large_body_leaves_no_file() {
    let (dir, store) = fresh();
    let mut writer = store.body_writer();
    writer.push(octets(limits::INLINE_BYTES_MAX + 1)).await.unwrap();
    assert_eq!(body_files(dir.path()), 1);
    drop(writer);
    assert_eq!(body_files(dir.path()), 0);
    let body = write(&store, &octets(limits::INLINE_BYTES_MAX + 1), "").await.unwrap();
    let copy = body.clone();
    drop(body);
    assert_eq!(body_files(dir.path()), 1);
    drop(copy);
    assert_eq!(body_files(dir.path()), 0);
}

#[tokio::test]
async fn the_head_holds_the_whole_header_of_a_message_that_went_to_a_file() {
    let (_dir, store) = fresh();
    let mut writer = store.body_writer();
    let header = format!("Subject: {}\r\n\r\n", "x".repeat(150_000));
    for chunk in header.as_bytes().chunks(1_000) {
        writer.push(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    writer.push(octets(1 << 20)).await.unwrap();
    assert!(writer.head() == header.as_bytes());
    let mut endless = store.body_writer();
    for _ in 0..8 {
        endless.push(Bytes::from(vec![b'x'; 64 << 10])).await.unwrap();
    }
    assert_eq!(endless.head().len(), limits::HEAD_BYTES_MAX);
}

#[tokio::test]
async fn bodies_go_to_files_when_the_memory_for_them_is_used_up() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), Options { writers_bytes_max: 10_000, ..options() }).unwrap();
    let first = write(&store, &octets(8_000), "").await.unwrap();
    let second = write(&store, &octets(8_000), "").await.unwrap();
    assert!(first.inline().is_some());
    assert!(second.inline().is_none());
    drop(first);
    assert!(write(&store, &octets(8_000), "").await.unwrap().inline().is_some());
    let id = store.commit(message(&store, &["bob@there.test"], second)).await.unwrap().id();
    assert!(body_of(&store, id).await.unwrap() == octets(8_000));
}

#[tokio::test]
async fn a_shared_body_stays_until_its_last_message_has_left() {
    let (dir, store) = fresh();
    let content = octets(limits::INLINE_BYTES_MAX + 1);
    let body = write(&store, &content, "Received: x\r\n").await.unwrap();
    let first = store.commit(message(&store, &["list@here.test"], body)).await.unwrap().id();
    let of_first = store.message(first).await.unwrap().unwrap().body;
    let forwarded = message(&store, &["bob@there.test"], Body::shared(&of_first, "Delivered-To: list\r\n"));
    let second = forwarded.id;
    let mut done = settlement(first, 0, Change::Done);
    done.new.push(forwarded);
    store.settle(vec![done]).await.unwrap();
    let whole = [b"Delivered-To: list\r\nReceived: x\r\n", &content[..]].concat();
    assert!(body_of(&store, second).await.unwrap() == whole);
    assert_eq!(store.message(second).await.unwrap().unwrap().body.octets(), whole.len() as u64);
    assert_eq!(rows(&store, "garbage").await, 0);
    assert_sound(&store).await;

    store.settle(vec![settlement(second, 0, Change::Done)]).await.unwrap();
    assert_eq!(rows(&store, "body").await, 0);
    let mut house = store.house();
    tokio::task::spawn_blocking(move || house.tidy()).await.unwrap().unwrap();
    assert_eq!((rows(&store, "garbage").await, body_files(dir.path())), (0, 0));
    let late = message(&store, &["bob@there.test"], Body::shared(&of_first, ""));
    assert!(matches!(store.commit(late).await, Err(StoreError::BodyGone)));
    assert_sound(&store).await;
}

#[tokio::test]
async fn only_orphans_of_earlier_runs_are_swept() {
    let (dir, store) = fresh();
    let body = write(&store, &octets(limits::INLINE_BYTES_MAX + 1), "").await.unwrap();
    let kept = store.commit(message(&store, &["bob@there.test"], body)).await.unwrap().id();
    drop(store);
    let orphan = dir.path().join("bodies/01/0000000000000001");
    std::fs::write(&orphan, "left by a session that died").unwrap();
    let stranger = dir.path().join("bodies/01/README");
    std::fs::write(&stranger, "not ours").unwrap();
    let store = open(dir.path());
    let unfinished = write(&store, &octets(limits::INLINE_BYTES_MAX + 1), "").await.unwrap();
    let mut house = store.house();
    tokio::task::spawn_blocking(move || house.tidy()).await.unwrap().unwrap();
    assert!(!orphan.exists());
    assert!(stranger.exists());
    store.commit(message(&store, &["bob@there.test"], unfinished)).await.unwrap();
    assert!(body_of(&store, kept).await.is_ok());
    assert_eq!(body_files(dir.path()), 3);
}
