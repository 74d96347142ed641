//! The database of the index.
//!
//! A message is a document whose tokens say `account, header or body, number of the word`. So a search meets the mail of
//! its account only, however much others have. Words are numbered, and found by any three letters of theirs: what is
//! looked for becomes the words that hold it, and those the messages that have one of them. This finds every substring of
//! a word. What spans several words is narrowed down to messages that have them all, and then read.

use std::{
    collections::{HashMap, HashSet},
    fs::OpenOptions,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use rohrpost_mail::mime::Scope;
use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::words::{Part, Query};
use crate::limits;

const FILE: &str = "search.db";
const VERSION: i64 = 1;

/// What the index knows about a text in the mail of one account.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The bodies that hold it.
    pub(crate) bodies: HashSet<i64>,
    /// The message up to which all are in the index, by its EMAILID.
    pub(crate) mark: i64,
}

/// The words of one message.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) account: i64,
    pub(super) body: i64,
    pub(super) header: HashSet<String>,
    pub(super) text: HashSet<String>,
}

/// The side that answers. Connections are opened when they are needed.
#[derive(Debug)]
pub(crate) struct Index {
    dir: PathBuf,
    idle: Mutex<Idle>,
    /// How many may ask at once.
    places: Arc<Semaphore>,
    /// Whose turn it is to read messages that the index cannot judge.
    turn: Semaphore,
    /// The message up to which all are in it, as far as this process knows.
    filled: watch::Sender<i64>,
}

/// Connections that nobody uses.
#[derive(Debug, Default)]
struct Idle {
    /// How often the file was thrown away: who opened it before holds one that nobody fills.
    generation: u64,
    connections: Vec<Connection>,
}

impl Index {
    pub(crate) fn new(dir: &Path) -> Self {
        let places = Arc::new(Semaphore::new(limits::READERS_MAX));
        let (idle, turn) = (Mutex::default(), Semaphore::new(1));
        Self { dir: dir.to_owned(), idle, places, turn, filled: watch::Sender::new(0) }
    }

    /// Waits for its turn, which ends with what is returned.
    pub(super) async fn turn(&self) -> SemaphorePermit<'_> {
        self.turn.acquire().await.expect("the semaphore is never closed")
    }

    /// Throws the index away, so that it is made anew.
    pub(super) fn discard(&self) {
        let mut idle = self.idle();
        remove(&self.dir);
        *idle = Idle { generation: idle.generation + 1, connections: Vec::new() };
        self.filled.send_replace(0);
    }

    /// Closes connections that nobody uses.
    pub(super) fn close_idle(&self) {
        self.idle().connections = Vec::new();
    }

    /// The messages that hold a text, of the account that has these mailboxes. Nothing where the index is out of order, or
    /// would have to look at more than `words_max` words.
    pub(super) async fn find(self: Arc<Self>, mailboxes: Vec<i64>, query: Query, words_max: usize) -> Option<Found> {
        // As long as the work goes on, also when nobody waits for its end any more.
        let place = self.places.clone().acquire_owned().await.expect("the semaphore is never closed");
        let work = move || {
            let _place = place;
            self.find_now(&mailboxes, &query, words_max)
        };
        tokio::task::spawn_blocking(work).await.ok().flatten()
    }

    fn find_now(&self, mailboxes: &[i64], query: &Query, words_max: usize) -> Option<Found> {
        let (generation, idle) = {
            let mut idle = self.idle();
            (idle.generation, idle.connections.pop())
        };
        let connection = match idle {
            Some(connection) => connection,
            None => self.open().ok()?,
        };
        match in_snapshot(&connection, || find(&connection, mailboxes, query, words_max)) {
            Ok(found) => {
                let mut idle = self.idle();
                if idle.generation == generation {
                    idle.connections.push(connection);
                }
                found
            }
            Err(error) => {
                tracing::warn!(%error, "the search index cannot be asked; messages are read instead");
                None
            }
        }
    }

    /// Says that all messages up to this one are in it now.
    pub(super) fn tell_filled_to(&self, mark: i64) {
        self.filled.send_replace(mark);
    }

    /// Waits until all messages up to this one are in it.
    #[cfg(test)]
    pub(crate) async fn filled_to(&self, mark: i64) {
        self.filled.subscribe().wait_for(|filled| *filled >= mark).await.expect("the index outlives its receiver");
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let connection = connect(&self.dir.join(FILE))?;
        connection.pragma_update(None, "query_only", true)?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().expect("nobody panics with this lock")
    }
}

fn in_snapshot<T>(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.execute_batch("BEGIN")?;
    let result = work();
    connection.execute_batch("COMMIT")?;
    result
}

fn mark(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT mark FROM state", [], |row| row.get(0))
}

fn find(
    connection: &Connection,
    mailboxes: &[i64],
    query: &Query,
    words_max: usize,
) -> rusqlite::Result<Option<Found>> {
    let mut found = Found { bodies: HashSet::new(), mark: mark(connection)? };
    let accounts = accounts(connection, mailboxes)?;
    for (account, parts) in
        accounts.iter().flat_map(|account| query.spellings.iter().map(move |parts| (account, parts)))
    {
        let Some(docs) = with_all(connection, *account, query.scope, parts, words_max)? else { return Ok(None) };
        let mut statement = connection.prepare_cached("SELECT body FROM doc WHERE id = ?1")?;
        for doc in docs {
            found.bodies.extend(statement.query_row([doc], |row| row.get::<_, i64>(0)).optional()?);
        }
    }
    Ok(Some(found))
}

/// The numbers of the account that has these mailboxes: one, unless two accounts became one.
fn accounts(connection: &Connection, mailboxes: &[i64]) -> rusqlite::Result<HashSet<i64>> {
    let mut statement = connection.prepare_cached("SELECT account FROM holder WHERE mailbox = ?1")?;
    let mut found = HashSet::new();
    for mailbox in mailboxes {
        found.extend(statement.query_row([mailbox], |row| row.get::<_, i64>(0)).optional()?);
    }
    Ok(found)
}

/// The documents that have a word for each part, in order.
fn with_all(
    connection: &Connection,
    account: i64,
    scope: Scope,
    parts: &[Part],
    words_max: usize,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let mut common: Option<Vec<i64>> = None;
    for part in parts {
        let Some(words) = words(connection, part, words_max)? else { return Ok(None) };
        let mut docs = Vec::new();
        for some in words.chunks(limits::SEARCH_TOKENS_MAX) {
            add_with_any(connection, account, scope, some, &mut docs)?;
        }
        docs.sort_unstable();
        docs.dedup();
        if let Some(common) = &common {
            docs.retain(|doc| common.binary_search(doc).is_ok());
        }
        common = Some(docs);
    }
    Ok(Some(common.unwrap_or_default()))
}

/// The numbers of the words that a part fits; nothing where they are too many.
fn words(connection: &Connection, part: &Part, words_max: usize) -> rusqlite::Result<Option<Vec<i64>>> {
    let sql = "SELECT word.id, word.word FROM letters JOIN word ON word.id = letters.rowid
        WHERE letters MATCH ?1 LIMIT ?2";
    let letters: Vec<char> = part.text.chars().collect();
    let groups: Vec<String> = letters.windows(3).map(|group| format!("\"{}\"", String::from_iter(group))).collect();
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(params![groups.join(" AND "), words_max + 1])?;
    let (mut words, mut seen) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        seen += 1;
        if part.fits(row.get_ref(1)?.as_str()?) {
            words.push(row.get(0)?);
        }
    }
    Ok((seen <= words_max).then_some(words))
}

fn add_with_any(
    connection: &Connection,
    account: i64,
    scope: Scope,
    words: &[i64],
    docs: &mut Vec<i64>,
) -> rusqlite::Result<()> {
    let places: &[char] = if scope == Scope::Whole { &['h', 'b'] } else { &['b'] };
    let tokens = words.iter().flat_map(|word| places.iter().map(move |place| token(account, *place, *word)));
    let any = tokens.collect::<Vec<_>>().join(" OR ");
    let mut statement = connection.prepare_cached("SELECT rowid FROM words WHERE words MATCH ?1")?;
    let mut rows = statement.query([any])?;
    while let Some(row) = rows.next()? {
        docs.push(row.get(0)?);
    }
    Ok(())
}

fn token(account: i64, place: char, word: i64) -> String {
    format!("a{account}{place}{word}")
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(limits::LOCK_TIME_MAX)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -limits::SEARCH_CACHE_KIB)?;
    Ok(connection)
}

/// Removes the files. What cannot be removed will not open, which is an error then.
fn remove(dir: &Path) {
    for end in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(dir.join(format!("{FILE}{end}")));
    }
}

/// The side that writes, of which there is one.
#[derive(Debug)]
pub(super) struct Writer {
    connection: Connection,
    /// Numbers of words that were seen lately.
    known: HashMap<String, i64>,
    /// The document up to which it is known that its message still exists.
    swept: i64,
}

impl Writer {
    /// Opens the index, and makes it anew where it is missing, damaged, or of another version.
    pub(super) fn open(dir: &Path) -> rusqlite::Result<Self> {
        let path = dir.join(FILE);
        Self::open_sound(&path).or_else(|error| {
            if path.exists() {
                tracing::warn!(%error, "the search index is made anew");
            }
            remove(dir);
            Self::make(&path)
        })
    }

    fn open_sound(path: &Path) -> rusqlite::Result<Self> {
        let connection = connect(path)?;
        let version: i64 = connection.query_row("SELECT version FROM state", [], |row| row.get(0))?;
        if version == VERSION { Self::new(connection) } else { Err(rusqlite::Error::QueryReturnedNoRows) }
    }

    fn make(path: &Path) -> rusqlite::Result<Self> {
        // It holds the words of everybody's mail. Where it cannot be made, it cannot be opened either.
        let _ = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path);
        let connection = connect(path)?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.execute_batch(&format!("BEGIN; {} COMMIT;", include_str!("schema.sql")))?;
        Self::new(connection)
    }

    fn new(connection: Connection) -> rusqlite::Result<Self> {
        // A power cut may take the last batches with it, and the mark as it was before them stays.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        Ok(Self { connection, known: HashMap::new(), swept: 0 })
    }

    /// The message up to which all are in the index.
    pub(super) fn mark(&self) -> rusqlite::Result<i64> {
        mark(&self.connection)
    }

    /// Whether the file is not what was written.
    pub(super) fn is_damaged(&self) -> bool {
        let check = |sql| self.connection.query_row(sql, [], |row| row.get::<_, String>(0));
        check("PRAGMA quick_check(1)").is_ok_and(|found| found != "ok")
            || self.mark().is_err()
            || self.connection.execute("INSERT INTO words (words) VALUES ('integrity-check')", []).is_err()
    }

    /// The number of the account that has a mailbox; `siblings` are all its mailboxes.
    pub(super) fn account(&self, mailbox: i64, siblings: &[i64]) -> rusqlite::Result<i64> {
        let own = accounts(&self.connection, &[mailbox])?;
        if let Some(account) = own.into_iter().next() {
            return Ok(account);
        }
        let account = match accounts(&self.connection, siblings)?.into_iter().min() {
            Some(account) => account,
            None => {
                self.connection.query_row("SELECT coalesce(max(account), 0) + 1 FROM holder", [], |row| row.get(0))?
            }
        };
        let mut insert = self.connection.prepare_cached("INSERT INTO holder (mailbox, account) VALUES (?1, ?2)")?;
        insert.execute([mailbox, account])?;
        Ok(account)
    }

    /// Adds messages and moves the mark, both or neither.
    pub(super) fn add(&mut self, documents: &[Document], mark: i64) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let added = documents.iter().try_for_each(|document| self.add_one(document));
        let marked = added.and_then(|()| self.connection.execute("UPDATE state SET mark = ?1", [mark]));
        if let Err(error) = marked {
            self.known.clear();
            self.connection.execute_batch("ROLLBACK")?;
            return Err(error);
        }
        self.connection.execute_batch("COMMIT")
    }

    fn add_one(&mut self, document: &Document) -> rusqlite::Result<()> {
        let account = document.account;
        let sql = "INSERT INTO doc (account, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING RETURNING id";
        let doc = { self.connection.prepare_cached(sql)? }
            .query_row(params![account, document.body], |row| row.get::<_, i64>(0))
            .optional()?;
        let Some(doc) = doc else { return Ok(()) };
        let mut tokens = String::new();
        for (place, words) in [('h', &document.header), ('b', &document.text)] {
            for word in words {
                tokens.push_str(&token(account, place, self.number(word)?));
                tokens.push(' ');
            }
        }
        { self.connection.prepare_cached("INSERT INTO words (rowid, tokens) VALUES (?1, ?2)")? }
            .execute(params![doc, tokens])?;
        Ok(())
    }

    /// The number of a word, which may be new.
    fn number(&mut self, word: &str) -> rusqlite::Result<i64> {
        if let Some(number) = self.known.get(word) {
            return Ok(*number);
        }
        let mut known = self.connection.prepare_cached("SELECT id FROM word WHERE word = ?1")?;
        let number = match known.query_row([word], |row| row.get(0)).optional()? {
            Some(number) => number,
            None => new_word(&self.connection, word)?,
        };
        if self.known.len() >= limits::SEARCH_WORDS_KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(word.to_owned(), number);
        Ok(number)
    }

    /// The next documents to be looked at, for whether their messages still exist; in turns, all of them.
    pub(super) fn next_to_sweep(&mut self, count: usize) -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut statement = self.connection.prepare_cached("SELECT id, body FROM doc WHERE id > ?1 LIMIT ?2")?;
        let rows = statement.query_map(params![self.swept, count], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let docs = rows.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        self.swept = docs.last().map_or(0, |(id, _)| *id);
        Ok(docs)
    }

    /// Forgets documents whose messages are gone.
    pub(super) fn forget(&self, docs: &[i64]) -> rusqlite::Result<()> {
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        for doc in docs {
            self.connection.prepare_cached("DELETE FROM words WHERE rowid = ?1")?.execute([doc])?;
            self.connection.prepare_cached("DELETE FROM doc WHERE id = ?1")?.execute([doc])?;
        }
        self.connection.execute_batch("COMMIT")
    }
}

fn new_word(connection: &Connection, word: &str) -> rusqlite::Result<i64> {
    connection.prepare_cached("INSERT INTO word (word) VALUES (?1)")?.execute([word])?;
    let number = connection.last_insert_rowid();
    if word.chars().count() >= 3 {
        let mut letters = connection.prepare_cached("INSERT INTO letters (rowid, word) VALUES (?1, ?2)")?;
        letters.execute(params![number, word])?;
    }
    Ok(number)
}
