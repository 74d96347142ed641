//! Tests of the store as its callers see it, by theme.

mod attacks;
mod bodies;
mod clock;
mod delivering;
mod failures;
mod fullness;
mod kept;
mod mailboxes;
mod migrating;
mod model;
mod operating;
mod people;
mod searching;
mod submissions;
mod trace;

use std::path::Path;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use rohrpost_mail::{DeliveryRecord, Direction, Envelope, Link, Outcome, QueueId, Recipient, ReversePath};
use tempfile::TempDir;

use crate::{
    Body, BodyRef, Change, DueQuery, NewMessage, NewRecipient, Options, QueuedRecipient, Settlement, Store, StoreError,
};

/// A time that the tests call now.
fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn options() -> Options {
    Options { free_bytes_min: 0, ..Options::default() }
}

fn fresh() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (dir, store)
}

fn open(dir: &Path) -> Store {
    Store::open(dir, options()).unwrap()
}

fn record(message: QueueId, recipient: Option<&str>, outcome: Outcome) -> DeliveryRecord {
    let direction = if recipient.is_some() { Direction::Out } else { Direction::In };
    DeliveryRecord {
        recipient: recipient.map(|address| address.parse().unwrap()),
        protocol: "ESMTPS".to_owned(),
        peer: Some("mx.there.test".to_owned()),
        attempt: 1,
        millis: 3,
        ..DeliveryRecord::new(message, now(), direction, "mx", Link::Local, outcome)
    }
}

fn to(address: &str) -> NewRecipient {
    let recipient = Recipient::new(address.parse().unwrap());
    let site = recipient.address.domain.to_string();
    NewRecipient { recipient, route: "mx".to_owned(), site, due: now(), hold: false, expires: None }
}

/// A message from ann@here.test.
fn message(store: &Store, recipients: &[&str], body: Body) -> NewMessage {
    let id = store.new_id();
    NewMessage {
        id,
        envelope: Envelope {
            reverse_path: ReversePath::Mailbox("Ann@here.test".parse().unwrap()),
            ..Envelope::default()
        },
        recipients: recipients.iter().map(|address| to(address)).collect(),
        body,
        received: record(id, None, Outcome::Received),
        message_id: Some(format!("<{id}@here.test>")),
        account: Some("ann@here.test".to_owned()),
        expires: now() + SignedDuration::from_hours(120),
        counters: vec![],
    }
}

async fn commit(store: &Store, recipients: &[&str], body: &[u8]) -> QueueId {
    let new = message(store, recipients, Body::from_bytes(body.to_vec()));
    store.commit(new).await.unwrap().id()
}

fn settlement(message: QueueId, n: u32, change: Change) -> Settlement {
    let records = vec![record(message, Some("bob@there.test"), Outcome::Relayed)];
    Settlement { message, n, change, records, new: vec![], digest: None }
}

fn due_at(site: &str) -> DueQuery {
    let until = now() + SignedDuration::from_hours(24 * 365);
    DueQuery { route: "mx".to_owned(), site: site.to_owned(), retry: false, until, after: None, limit: 1_000 }
}

async fn waiting(store: &Store) -> Vec<QueuedRecipient> {
    store.due(due_at("there.test")).await.unwrap()
}

async fn read(store: &Store, body: &BodyRef) -> Result<Vec<u8>, StoreError> {
    let mut reader = store.open_body(body).await?;
    let mut whole = Vec::new();
    while let Some(chunk) = reader.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}

async fn body_of(store: &Store, id: QueueId) -> Result<Vec<u8>, StoreError> {
    let message = store.message(id).await?.expect("it was committed");
    read(store, &message.body).await
}

async fn rows(store: &Store, table: &'static str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    store.read(move |connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?)).await.unwrap()
}

/// Octets that no compression and no accident makes.
fn octets(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

async fn write(store: &Store, content: &Bytes, prefix: &'static str) -> Result<Body, StoreError> {
    let mut writer = store.body_writer();
    for chunk in content.chunks(64 << 10) {
        writer.push(Bytes::copy_from_slice(chunk)).await?;
    }
    writer.finish(Bytes::from_static(prefix.as_bytes())).await
}

fn body_files(dir: &Path) -> usize {
    let shards = std::fs::read_dir(dir.join("bodies")).unwrap();
    shards.map(|shard| std::fs::read_dir(shard.unwrap().path()).unwrap().count()).sum()
}

async fn assert_sound(store: &Store) {
    let report = store.check().await.unwrap();
    assert_eq!(report.faults, Vec::<String>::new());
}
