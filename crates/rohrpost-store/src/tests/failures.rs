use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::{
    Health,
    body::files::{Disk, System},
    limits,
};

/// A disk that fails once, at the operation that is counted down to.
#[derive(Debug)]
struct Faulty {
    countdown: AtomicI64,
    errno: i32,
}

impl Faulty {
    fn step(&self) -> io::Result<()> {
        let left = self.countdown.fetch_sub(1, Ordering::Relaxed);
        if left == 0 { Err(io::Error::from_raw_os_error(self.errno)) } else { Ok(()) }
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step()?;
        System.create(path)
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        // A full disk takes a part before it refuses the rest.
        System.write(file, &bytes[..bytes.len() / 2])?;
        self.step()?;
        System.write(file, &bytes[bytes.len() / 2..])
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.step()?;
        System.sync(file)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.step()?;
        System.sync_dir(dir)
    }
}

const ENOSPC: i32 = 28;
const EIO: i32 = 5;
const EROFS: i32 = 30;

#[tokio::test]
async fn a_q02_an_error_at_any_step_of_a_large_body_is_told_and_leaves_nothing() {
    let content = octets(limits::SPILL_BYTES * 2);
    for (errno, code) in [(ENOSPC, 452), (EIO, 451), (EROFS, 451)] {
        let dir = tempfile::tempdir().unwrap();
        let disk = Arc::new(Faulty { countdown: AtomicI64::new(-1), errno });
        let store = Store::open_on(dir.path(), &options(), disk.clone()).unwrap();
        let mut failures = 0;
        for step in 0.. {
            disk.countdown.store(step, Ordering::Relaxed);
            match write(&store, &content, "").await {
                Err(error) => {
                    failures += 1;
                    assert_eq!(error.reply().code, code);
                    assert_eq!(body_files(dir.path()), 0);
                }
                Ok(body) => {
                    let id = store.commit(message(&store, &["bob@there.test"], body)).await.unwrap().id();
                    assert!(body_of(&store, id).await.unwrap() == content);
                    break;
                }
            }
        }
        assert!(failures >= 5, "create, two writes, sync and directory sync were {failures}");
        assert_sound(&store).await;
    }
}

#[tokio::test]
async fn after_a_failed_write_a_body_stays_lost() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(Faulty { countdown: AtomicI64::new(1), errno: EIO });
    let store = Store::open_on(dir.path(), &options(), disk).unwrap();
    let mut writer = store.body_writer();
    assert!(matches!(writer.push(octets(limits::SPILL_BYTES)).await, Err(StoreError::Io(_))));
    assert!(writer.push(octets(1)).await.is_err());
    assert!(writer.finish(Bytes::new()).await.is_err());
}

/// Lets the database grow by so many pages and no further.
async fn limit_pages(store: &Store, more: Option<u32>) {
    let set = store.write(move |connection| {
        let pages: u32 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        let max = more.map_or(u32::MAX / 4, |more| pages + more);
        Ok(connection.pragma_update_and_check(None, "max_page_count", max, |_| Ok(()))?)
    });
    set.await.unwrap();
}

#[tokio::test]
async fn a_full_database_refuses_what_does_not_fit_and_takes_what_does() {
    let (dir, store) = fresh();
    commit(&store, &["bob@there.test"], b"before").await;
    limit_pages(&store, Some(4)).await;
    let large = message(&store, &["bob@there.test"], Body::from_bytes(octets(100_000)));
    let small = message(&store, &["bob@there.test"], Body::from_bytes("small"));
    let (large, small) = tokio::join!(store.commit(large), store.commit(small));
    assert_eq!(large.unwrap_err().reply().code, 452);
    small.unwrap();
    assert_eq!(store.health(), Health::Fine);
    limit_pages(&store, None).await;
    commit(&store, &["bob@there.test"], &octets(100_000)).await;
    drop(store);
    let store = open(dir.path());
    assert_eq!(waiting(&store).await.len(), 3);
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_q04_a_removal_that_cannot_be_recorded_is_an_error_and_the_recipient_stays() {
    let (_dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    limit_pages(&store, Some(0)).await;
    let mut done = settlement(id, 0, Change::Done);
    done.records[0].note = Some("x".repeat(100_000));
    assert!(matches!(store.settle(vec![done.clone()]).await, Err(StoreError::Full)));
    assert_eq!(waiting(&store).await.len(), 1);
    limit_pages(&store, None).await;
    store.settle(vec![done]).await.unwrap();
    assert!(waiting(&store).await.is_empty());
}

#[tokio::test]
async fn little_space_stops_what_comes_in_and_lets_go_out_what_is_there() {
    let (dir, store) = fresh();
    let id = commit(&store, &["bob@there.test"], b"x").await;
    drop(store);
    let store = Store::open(dir.path(), Options { free_bytes_min: u64::MAX, ..options() }).unwrap();
    assert_eq!(store.health(), Health::LowDisk);
    let refused = store.commit(message(&store, &["bob@there.test"], Body::from_bytes("x"))).await;
    assert_eq!(refused.unwrap_err().reply().code, 452);
    store.settle(vec![settlement(id, 0, Change::Done)]).await.unwrap();
}

#[tokio::test]
async fn one_bad_request_of_a_batch_does_not_refuse_its_neighbours() {
    let (_dir, store) = fresh();
    let good: Vec<_> = (0..20).map(|_| message(&store, &["bob@there.test"], Body::from_bytes("x"))).collect();
    let twin = good[7].clone();
    let answers = good.into_iter().chain([twin]).map(|new| {
        let store = store.clone();
        tokio::spawn(async move { store.commit(new).await })
    });
    let mut refused = 0;
    for answer in answers.collect::<Vec<_>>() {
        match answer.await.unwrap() {
            Ok(_) => {}
            Err(StoreError::Exists(_)) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!((refused, waiting(&store).await.len()), (1, 20));
}

#[tokio::test]
async fn after_an_error_of_the_file_the_database_is_reopened_before_anything_is_taken() {
    let (_dir, store) = fresh();
    commit(&store, &["bob@there.test"], b"before").await;
    let mut health = store.health_watch();
    let failed = store.write(|connection| {
        connection.execute("DELETE FROM recipient", [])?;
        Err::<(), _>(StoreError::Io("injected".to_owned()))
    });
    assert!(matches!(failed.await, Err(StoreError::Io(_))));
    health.wait_for(|health| *health == Health::Fine).await.unwrap();
    assert_eq!(waiting(&store).await.len(), 1);
    commit(&store, &["bob@there.test"], b"after").await;
    assert_eq!(waiting(&store).await.len(), 2);
}

#[tokio::test]
async fn a_corrupt_database_takes_nothing_more_and_can_still_be_closed() {
    let (dir, store) = fresh();
    commit(&store, &["bob@there.test"], b"x").await;
    let mut health = store.health_watch();
    let corrupt = store.write(|_| Err::<(), _>(StoreError::Failed("malformed".to_owned())));
    assert!(corrupt.await.is_err());
    health.wait_for(|health| matches!(health, Health::Failed(_))).await.unwrap();
    let refused = store.commit(message(&store, &["bob@there.test"], Body::from_bytes("x"))).await;
    assert_eq!(refused.unwrap_err().reply().code, 421);
    assert!(store.settle(vec![]).await.is_err());
    drop(store);
    assert_eq!(waiting(&open(dir.path())).await.len(), 1);
}

#[tokio::test]
async fn a_commit_that_nobody_waits_for_any_more_is_committed() {
    let (dir, store) = fresh();
    let body = write(&store, &octets(limits::INLINE_BYTES_MAX + 1), "").await.unwrap();
    let mut commit = Box::pin(store.commit(message(&store, &["bob@there.test"], body)));
    // One poll hands the request over; then the session is gone.
    let first = std::future::poll_fn(|context| std::task::Poll::Ready(commit.as_mut().poll(context))).await;
    drop((commit, first));
    drop(store);
    let store = open(dir.path());
    let id = waiting(&store).await[0].message;
    assert!(body_of(&store, id).await.unwrap() == octets(limits::INLINE_BYTES_MAX + 1));
}

#[tokio::test]
async fn while_a_foreign_process_holds_the_lock_mail_is_refused_and_afterwards_taken() {
    let (dir, store) = fresh();
    commit(&store, &["bob@there.test"], b"before").await;
    // The connection that is there waits no moment; the next one waits as long as it does in service.
    store.write(|connection| Ok(connection.busy_timeout(Duration::ZERO)?)).await.unwrap();
    let mut health = store.health_watch();
    let foreign = rusqlite::Connection::open(crate::open::database_path(dir.path())).unwrap();
    foreign.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused = store.commit(message(&store, &["bob@there.test"], Body::from_bytes("lost"))).await;
    assert_eq!(refused.unwrap_err().reply().code, 451);
    assert!(matches!(*health.borrow_and_update(), Health::Failed(_)), "sessions to come are told 421 meanwhile");
    assert_eq!(waiting(&store).await.len(), 1, "what is there can be read");
    foreign.execute_batch("ROLLBACK").unwrap();
    health.wait_for(|health| *health == Health::Fine).await.unwrap();
    commit(&store, &["bob@there.test"], b"after").await;
    assert_eq!(waiting(&store).await.len(), 2);
    assert_sound(&store).await;
}
