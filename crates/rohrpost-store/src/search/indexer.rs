//! The thread that fills the index.
//!
//! It goes through the mail by EMAILID, which only grows, from the mark in the index on. So it goes on where it ended,
//! also after a crash, and an index that is made anew begins at the beginning. Mail that was expunged meanwhile is taken in,
//! too: it may be brought back, and the mark does not come by again. It is nudged after a commit, waits a moment for more,
//! and runs with a low priority. An error is logged; it tries again at the next nudge. When no mail comes for a while it
//! closes the index, and with it goes what that held in memory.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::JoinHandle,
    time::Duration,
};

use rohrpost_mail::{
    QueueId,
    mime::{Scanner, Scope, Shape, Texts},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    index::{Document, Index, Writer},
    siblings,
    words::Words,
};
use crate::{
    body::{files::Files, rows},
    error::StoreError,
    limits,
    mailbox::{MailboxId, shapes},
    open,
    row::Damage,
    writer::Shared,
};

/// How long it waits for more mail after a nudge.
const GATHERING: Duration = Duration::from_millis(200);
/// A tenth of the time that others get where all want it: little enough for them, and it comes to an end.
const NICE: i32 = 10;

/// The thread. It ends when this is dropped, within one batch.
#[derive(Debug)]
pub(crate) struct Indexer {
    nudge: Option<SyncSender<()>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Indexer {
    pub(crate) fn start(shared: Arc<Shared>, files: Arc<Files>, index: Arc<Index>) -> Self {
        let (nudge, nudges) = sync_channel(1);
        let stop = Arc::new(AtomicBool::new(false));
        let work = Work { shared, files, stop: stop.clone(), index, writer: None };
        let thread = std::thread::Builder::new().name("store-search".to_owned()).spawn(move || work.run(&nudges));
        Self {
            nudge: Some(nudge),
            stop,
            thread: Some(thread.expect("a process that starts can start one more thread")),
        }
    }

    /// Says that there may be new mail; for elsewhere. One nudge is as good as many.
    pub(crate) fn nudger(&self) -> impl Fn() + Send + 'static {
        let nudge = self.nudge.clone();
        move || {
            if let Some(nudge) = &nudge {
                // A full channel means that a nudge is waiting already.
                let _ = nudge.try_send(());
            }
        }
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.nudge = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been printed; nothing is left to be done about it here.
            let _ = thread.join();
        }
    }
}

struct Work {
    shared: Arc<Shared>,
    files: Arc<Files>,
    stop: Arc<AtomicBool>,
    index: Arc<Index>,
    writer: Option<Writer>,
}

/// A message of an account that is not in the index yet.
struct Fresh {
    email: i64,
    mailbox: MailboxId,
    body: QueueId,
    prefix: Vec<u8>,
}

/// Messages that were read and wait to be written.
#[derive(Default)]
struct Batch {
    documents: Vec<Document>,
    /// How many words they have.
    words: usize,
}

impl Batch {
    fn push(&mut self, document: Option<Document>) {
        self.words += document.iter().map(|document| document.header.len() + document.text.len()).sum::<usize>();
        self.documents.extend(document);
    }
}

impl Work {
    fn run(mut self, nudges: &Receiver<()>) {
        // For Linux, the process that calls is the thread that calls.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "the search index is filled with the priority of the server");
        }
        loop {
            if let Err(error) = self.catch_up() {
                tracing::warn!(%error, "the search index cannot be filled; it is tried again");
                if self.writer.take().is_some_and(|writer| writer.is_damaged()) {
                    self.index.discard();
                }
            }
            if self.wait(nudges).is_none() {
                return;
            }
            std::thread::sleep(GATHERING);
        }
    }

    /// Waits for new mail; nothing at the end.
    fn wait(&mut self, nudges: &Receiver<()>) -> Option<()> {
        match nudges.recv_timeout(limits::SEARCH_IDLE_TIME) {
            Ok(()) => Some(()),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => {
                self.writer = None;
                self.index.close_idle();
                nudges.recv().ok()
            }
        }
    }

    /// Takes in all mail that is not in the index.
    fn catch_up(&mut self) -> Result<(), StoreError> {
        if self.writer.is_none() {
            self.writer = Some(Writer::open(&self.shared.dir)?);
        }
        let writer = self.writer.as_mut().expect("it was opened just now");
        let connection = open::reader(&self.shared.dir)?;
        let mut mark = writer.mark()?;
        self.index.tell_filled_to(mark);
        while !self.stop.load(Ordering::Relaxed) {
            let fresh = fresh(&connection, mark)?;
            if fresh.is_empty() {
                return Ok(());
            }
            let count = fresh.len();
            let (mut batch, mut accounts) = (Batch::default(), HashMap::new());
            for fresh in fresh {
                let account = match accounts.entry(fresh.mailbox) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(place) => {
                        let (all, _) = siblings(&connection, fresh.mailbox)?;
                        *place.insert(writer.account(fresh.mailbox.as_i64(), &all)?)
                    }
                };
                mark = fresh.email;
                batch.push(document(&connection, &self.files, fresh, account)?);
                if batch.words >= limits::SEARCH_BATCH_WORDS {
                    writer.add(&std::mem::take(&mut batch).documents, mark)?;
                }
            }
            writer.add(&batch.documents, mark)?;
            self.index.tell_filled_to(mark);
            sweep(&connection, writer, 2 * count)?;
        }
        Ok(())
    }
}

/// The next messages, by their EMAILID.
fn fresh(connection: &Connection, mark: i64) -> Result<Vec<Fresh>, StoreError> {
    let sql = "SELECT email, mailbox, body, prefix FROM mail WHERE email > ?1
        UNION ALL SELECT email, mailbox, body, prefix FROM expunged WHERE email > ?1 AND body IS NOT NULL
        ORDER BY email LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![mark, limits::SEARCH_BATCH])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Fresh {
            email: row.get(0)?,
            mailbox: MailboxId::from_i64(row.get(1)?),
            body: QueueId::from_i64(row.get(2)?),
            prefix: row.get(3)?,
        });
    }
    Ok(found)
}

/// Reads a message. Nothing if it is damaged or gone: those who read it find that out, too.
fn document(
    connection: &Connection,
    files: &Files,
    fresh: Fresh,
    account: i64,
) -> Result<Option<Document>, StoreError> {
    let Fresh { body, prefix, .. } = fresh;
    let row = match rows::read(connection, body) {
        Ok(row) => row,
        Err(Damage::Row(_)) => return Ok(None),
        Err(Damage::Database(error)) => return Err(error),
    };
    let open = || -> std::io::Result<Box<dyn Read>> {
        let head = std::io::Cursor::new(row.data.clone());
        Ok(if row.file_crc.is_some() { Box::new(head.chain(files.open(body)?)) } else { Box::new(head) })
    };
    let shape = kept_shape(connection, body)?;
    let read = || -> std::io::Result<Document> {
        let shape = match shape {
            Some(shape) => shape,
            None => scan(open()?)?,
        };
        let (mut header, text) =
            (read_words(&shape, Scope::Whole, open()?)?, read_words(&shape, Scope::Body, open()?)?);
        let mut on_top = Words::new();
        on_top.push(&String::from_utf8_lossy(&prefix));
        header.extend(on_top.finish());
        header.retain(|word| !text.contains(word));
        Ok(Document { account, body: body.as_i64(), header, text })
    };
    Ok(read().ok())
}

/// The structure that was kept, if it is sound.
fn kept_shape(connection: &Connection, body: QueueId) -> Result<Option<Shape>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT data, crc FROM shape WHERE body = ?1")?;
    let kept = statement.query_row([body.as_i64()], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, i64>(1)?)));
    let sound = kept.optional()?.filter(|(data, crc)| *crc == shapes::sum(body, data));
    Ok(sound.and_then(|(data, _)| Shape::from_bytes(data.into()).ok()))
}

fn scan(mut body: impl Read) -> std::io::Result<Shape> {
    let mut scanner = Scanner::new();
    each_piece(&mut body, |octets| {
        scanner.push(octets);
        true
    })?;
    Ok(scanner.finish())
}

fn read_words(shape: &Shape, scope: Scope, mut body: impl Read) -> std::io::Result<HashSet<String>> {
    let (mut words, mut texts, mut text) = (Words::new(), Texts::new(shape, scope), String::new());
    let mut left = limits::SEARCH_TEXT_OCTETS_MAX;
    each_piece(&mut body, |octets| {
        texts.push(octets, &mut text);
        words.push(&text);
        left = left.saturating_sub(text.len());
        text.clear();
        texts.wants_more() && left > 0
    })?;
    texts.finish(&mut text);
    words.push(&text);
    Ok(words.finish())
}

/// Hands out the octets of a body until nobody wants more.
fn each_piece(body: &mut impl Read, mut take: impl FnMut(&[u8]) -> bool) -> std::io::Result<()> {
    let mut piece = vec![0; limits::CHUNK_BYTES];
    loop {
        let octets = body.read(&mut piece)?;
        if octets == 0 || !take(&piece[..octets]) {
            return Ok(());
        }
    }
}

/// Forgets messages that are gone, some at a time.
fn sweep(connection: &Connection, writer: &mut Writer, count: usize) -> Result<(), StoreError> {
    let mut there = connection.prepare_cached("SELECT 1 FROM body WHERE id = ?1")?;
    let mut gone = Vec::new();
    for (doc, body) in writer.next_to_sweep(count)? {
        if { there.query_row([body], |_| Ok(())).optional()? }.is_none() {
            gone.push(doc);
        }
    }
    if gone.is_empty() { Ok(()) } else { Ok(writer.forget(&gone)?) }
}
