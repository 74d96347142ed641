//! Rows and files that are not what was written (attack Q03).

use proptest::prelude::*;

use super::*;
use crate::{Health, OpenError, State, limits, salvage};

const DATABASE: &str = "rohrpost.db";

/// Changes a row behind the store's back.
async fn tamper(store: &Store, sql: &'static str) {
    assert_eq!(store.write(move |connection| Ok(connection.execute(sql, [])?)).await.unwrap(), 1);
}

async fn quarantined(store: &Store) -> Vec<String> {
    store.quarantined(10).await.unwrap().into_iter().map(|row| row.what).collect()
}

#[tokio::test]
async fn a_q03_a_damaged_recipient_goes_to_quarantine_and_the_rest_runs() {
    for sql in [
        "UPDATE recipient SET due = due + 1 WHERE n = 1",
        "UPDATE recipient SET site = 'there.test', route = 'mx', attempts = 99 WHERE n = 1",
        "UPDATE recipient SET recipient = '{}' WHERE n = 1",
        "UPDATE recipient SET recipient = x'ff' WHERE n = 1",
        "UPDATE recipient SET recipient = '' WHERE n = 1",
        "UPDATE recipient SET due = 9223372036854775000 WHERE n = 1",
        "UPDATE recipient SET n = 7 WHERE n = 1",
    ] {
        let (dir, store) = fresh();
        let id = commit(&store, &["bob@there.test", "eve@there.test", "joe@there.test"], b"x").await;
        tamper(&store, sql).await;
        let _ = waiting(&store).await;
        let left = store.recipients(id).await.unwrap();
        assert_eq!(left.iter().map(|row| row.n).collect::<Vec<_>>(), [0, 2], "{sql}");
        assert_eq!(store.quarantined(10).await.unwrap().len(), 1, "{sql}");
        drop(store);
        let store = open(dir.path());
        assert_eq!(store.quarantined(10).await.unwrap().len(), 1, "{sql}");
        store.settle(vec![settlement(id, 0, Change::Done)]).await.unwrap();
        assert_eq!(store.health(), Health::Fine);
    }
}

#[tokio::test]
async fn a_q03_a_damaged_envelope_is_never_delivered() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    let other = commit(&store, &["bob@there.test"], b"y").await;
    tamper(&store, "UPDATE message SET body = (SELECT max(id) FROM body) WHERE seq = 1").await;
    assert!(matches!(store.message(id).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(quarantined(&store).await, [format!("message {}", id.as_i64())]);
    assert_eq!(store.recipients(id).await.unwrap()[0].state, State::Quarantined);
    assert_eq!(waiting(&store).await.iter().map(|row| row.message).collect::<Vec<_>>(), [other]);
    assert_eq!(body_of(&store, other).await.unwrap(), b"y");
}

#[tokio::test]
async fn a_q03_a_damaged_body_row_is_never_delivered() {
    for sql in [
        "UPDATE body SET data = zeroblob(length(data)) WHERE id = (SELECT min(id) FROM body)",
        "UPDATE body SET data = substr(data, 2) WHERE id = (SELECT min(id) FROM body)",
        "UPDATE body SET octets = octets + 1 WHERE id = (SELECT min(id) FROM body)",
        "DELETE FROM body WHERE id = (SELECT min(id) FROM body)",
    ] {
        let (dir, store) = fresh();
        let id = commit(&store, &["bob@there.test"], b"first").await;
        let other = commit(&store, &["bob@there.test"], b"second").await;
        tamper(&store, sql).await;
        drop(store);
        let store = open(dir.path());
        assert!(matches!(body_of(&store, id).await, Err(StoreError::Corrupt { .. })), "{sql}");
        assert_eq!(store.recipients(id).await.unwrap()[0].state, State::Quarantined);
        assert_eq!(body_of(&store, other).await.unwrap(), b"second");
        assert!(matches!(body_of(&store, id).await, Err(StoreError::Corrupt { .. })), "asked again: {sql}");
        assert_eq!(store.quarantined(10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_q03_a_damaged_body_file_is_never_delivered_nor_deleted() {
    type Damage = fn(&Path);
    let damages: [(Damage, bool); 4] = [
        (|path| std::fs::write(path, &octets(200_000)[1..]).unwrap(), true),
        (|path| std::fs::write(path, vec![0; 200_000]).unwrap(), true),
        (|path| std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(100).unwrap(), true),
        (|path| std::fs::remove_file(path).unwrap(), false),
    ];
    for (damage, stays) in damages {
        let (dir, store) = fresh();
        let body = write(&store, &octets(200_000), "").await.unwrap();
        let id = store.commit(message(&store, &["bob@there.test"], body)).await.unwrap().id();
        let files =
            (0..=u8::MAX).flat_map(|shard| std::fs::read_dir(dir.path().join(format!("bodies/{shard:02x}"))).unwrap());
        let path = files.map(|file| file.unwrap().path()).next().unwrap();
        damage(&path);
        assert_eq!(store.check().await.unwrap().faults.len(), 1);
        assert!(matches!(body_of(&store, id).await, Err(StoreError::Corrupt { .. })));
        assert_eq!(store.recipients(id).await.unwrap()[0].state, State::Quarantined);
        drop(store);
        let store = open(dir.path());
        let mut house = store.house();
        tokio::task::spawn_blocking(move || house.tidy()).await.unwrap().unwrap();
        assert_eq!(path.exists(), stays);
    }
}

#[tokio::test]
async fn a_q03_a_database_of_a_later_release_is_refused_and_left_alone() {
    let (dir, store) = fresh();
    store.write(|connection| Ok(connection.pragma_update(None, "user_version", 9_999)?)).await.unwrap();
    drop(store);
    let before = std::fs::read(dir.path().join(DATABASE)).unwrap();
    assert!(matches!(Store::open(dir.path(), options()), Err(OpenError::FromTheFuture { found: 9_999, .. })));
    assert_eq!(std::fs::read(dir.path().join(DATABASE)).unwrap(), before);
}

#[tokio::test]
async fn a_q03_what_is_no_database_is_refused_and_kept() {
    for junk in [vec![0xff_u8; 100_000], b"SQLite format 3\0 and then nothing of the kind".repeat(1_000)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(DATABASE);
        std::fs::write(&path, &junk).unwrap();
        assert!(matches!(Store::open(dir.path(), options()), Err(OpenError::Corrupt { .. })));
        assert!(std::fs::read(&path).unwrap() == junk);
    }
}

#[tokio::test]
async fn what_is_readable_of_a_damaged_database_is_salvaged() {
    let (dir, store) = fresh();
    let mut ids = Vec::new();
    for number in 0..200_usize {
        let content = [format!("marker {number}\r\n").as_bytes(), &octets(4_000)].concat();
        ids.push(commit(&store, &["bob@there.test"], &content).await);
    }
    let large = write(&store, &octets(200_000), "Received: x\r\n").await.unwrap();
    ids.push(store.commit(message(&store, &["bob@there.test"], large)).await.unwrap().id());
    drop(store);
    let path = dir.path().join(DATABASE);
    let mut bytes = std::fs::read(&path).unwrap();
    let needle = b"marker 100\r\n";
    let hit = bytes.windows(needle.len()).rposition(|window| window == needle).unwrap();
    let page = hit / 16_384 * 16_384;
    bytes[page..page + 16_384].fill(0xee);
    std::fs::write(&path, &bytes).unwrap();

    let to = tempfile::tempdir().unwrap();
    let report = salvage(dir.path(), &to.path().join("new")).unwrap();
    assert!(!report.losses.is_empty());
    assert_eq!(report.files, 1);
    assert!(std::fs::read(&path).unwrap() == bytes, "the damaged file is kept as it is");
    let store = open(&to.path().join("new"));
    let mut whole = 0;
    for id in &ids {
        whole += usize::from(body_of(&store, *id).await.is_ok());
    }
    assert!(whole > 150, "{whole} of {} survived one lost page", ids.len());
    assert!(whole < ids.len());
    assert_eq!(store.health(), Health::Fine);
    assert_eq!(body_of(&store, ids[200]).await.unwrap().len(), 200_013);
}

/// Some messages, small and large, in a closed store; their ids and octets.
async fn filled(dir: &Path) -> Vec<(QueueId, Vec<u8>)> {
    let store = open(dir);
    let mut messages = Vec::new();
    for length in [10, 5_000, 40_000, limits::INLINE_BYTES_MAX + 1] {
        let content = octets(length);
        let body = write(&store, &content, "").await.unwrap();
        let id = store.commit(message(&store, &["bob@there.test"], body)).await.unwrap().id();
        messages.push((id, content.to_vec()));
    }
    messages
}

/// Reads everything: what is read must be what was written, whatever the damage.
async fn nothing_false_is_read(dir: &Path, messages: &[(QueueId, Vec<u8>)]) {
    let Ok(store) = Store::open(dir, options()) else { return };
    for row in store.due(due_at("there.test")).await.unwrap_or_default() {
        assert!(messages.iter().any(|(id, _)| *id == row.message));
        assert_eq!((row.recipient.address.to_string().as_str(), row.due), ("bob@there.test", now()));
    }
    for (id, content) in messages {
        let Ok(Some(message)) = store.message(*id).await else { continue };
        assert_eq!(message.envelope.reverse_path.to_string(), "Ann@here.test");
        if let Ok(whole) = read(&store, &message.body).await {
            assert!(whole == *content, "a damaged body was handed out");
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_q03_flipped_bits_never_become_false_mail(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8_u8), 1..16)) {
        let dir = tempfile::tempdir().unwrap();
        let messages = block_on(filled(dir.path()));
        let path = dir.path().join(DATABASE);
        let mut bytes = std::fs::read(&path).unwrap();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        std::fs::write(&path, &bytes).unwrap();
        block_on(nothing_false_is_read(dir.path(), &messages));
    }

    #[test]
    fn a_q03_truncated_and_zeroed_databases_never_become_false_mail(from in any::<prop::sample::Index>(), truncate: bool) {
        let dir = tempfile::tempdir().unwrap();
        let messages = block_on(filled(dir.path()));
        let path = dir.path().join(DATABASE);
        let mut bytes = std::fs::read(&path).unwrap();
        let from = from.index(bytes.len());
        if truncate {
            bytes.truncate(from);
        } else {
            let end = bytes.len().min(from + 20_000);
            bytes[from..end].fill(0);
        }
        std::fs::write(&path, &bytes).unwrap();
        block_on(nothing_false_is_read(dir.path(), &messages));
    }
}
