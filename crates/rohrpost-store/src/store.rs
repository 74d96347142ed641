//! The handle that everybody holds.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use jiff::Timestamp;
use rohrpost_mail::{QueueId, id::NODES_MAX};
use rusqlite::Connection;
use tokio::sync::{oneshot, watch};

use crate::{
    body::{
        BodyReader, BodyRef, BodyWriter,
        budget::Budget,
        files::{Disk, Files, System},
        rows::{self, PreparedBody},
    },
    error::{OpenError, StoreError},
    health::Health,
    ids::Ids,
    keeper::{self, House, Keeper},
    limits,
    mailbox::{
        select::Cache,
        work::{Touched, Watches, Work},
    },
    message::{NewMessage, Prepared, QueuedMessage, Stored},
    open,
    readers::Readers,
    recent::Recent,
    records,
    row::Damage,
    schema,
    search::{Index, Indexer},
    settle::{PreparedSettlement, Settlement},
    writer::{Request, Shared, Writer},
};

/// How to open a store.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which of the nodes that share ids this is, below 1,024. Default 0.
    pub node: u16,
    /// Only read: possible while no other process owns the directory for writing. Default off.
    pub read_only: bool,
    /// Octets up to which a body is a row; at most 256 KiB. Default [`limits::INLINE_BYTES_MAX`].
    pub inline_bytes_max: usize,
    /// Octets that all bodies on their way in may have in memory. Default [`limits::WRITERS_BYTES_MAX`].
    pub writers_bytes_max: usize,
    /// Octets that must be free on the disk. Default [`limits::FREE_BYTES_MIN`].
    pub free_bytes_min: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            node: 0,
            read_only: false,
            inline_bytes_max: limits::INLINE_BYTES_MAX,
            writers_bytes_max: limits::WRITERS_BYTES_MAX,
            free_bytes_min: limits::FREE_BYTES_MIN,
        }
    }
}

/// The store of one data directory. Clones are the same store; the last one to be dropped writes what waits and
/// gives the directory back.
#[derive(Clone, Debug)]
pub struct Store {
    inner: Arc<Inner>,
}

/// The fields end in their order: the threads first, the lock last.
#[derive(Debug)]
struct Inner {
    threads: Option<Threads>,
    readers: Arc<Readers>,
    shared: Arc<Shared>,
    files: Arc<Files>,
    ids: Arc<Ids>,
    budget: Arc<Budget>,
    recent: Arc<Recent>,
    counts: Arc<Counts>,
    watches: Arc<Watches>,
    selected: Arc<Cache>,
    index: Arc<Index>,
    inline_bytes_max: usize,
    _lock: File,
}

/// What a store that is open for writing has. The fields end in their order: those first who send requests.
#[derive(Debug)]
struct Threads {
    _housekeeping: Keeper,
    writer: Arc<Writer>,
    // The writer nudges it, so it can only end after the writer.
    _indexer: Indexer,
    _checkpoints: Keeper,
}

/// What is counted for the metrics.
#[derive(Debug, Default)]
struct Counts {
    commits: AtomicU64,
    settled: AtomicU64,
    directory_version: Arc<watch::Sender<u64>>,
    unindexed: Arc<AtomicU64>,
}

/// Figures for the metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Stats {
    /// Messages committed since the start.
    pub commits: u64,
    /// Recipients settled since the start.
    pub settled: u64,
    /// Transactions committed since the start; less than the sum of the others, because they are shared.
    pub transactions: u64,
    /// Octets in the write-ahead log.
    pub wal_bytes: u64,
    /// Octets free on the disk.
    pub free_bytes: u64,
}

impl Store {
    /// Opens the store in `dir`, making it where there is none, and takes the directory for this process.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process has it, [`OpenError::Corrupt`] when SQLite cannot read the database.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for this one call")]
    pub fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        Self::open_on(dir, &options, Arc::new(System))
    }

    pub(crate) fn open_on(dir: &Path, options: &Options, disk: Arc<dyn Disk>) -> Result<Self, OpenError> {
        let files = Arc::new(Files::new(dir, disk));
        if options.read_only {
            Self::open_for_reading(dir, options, files)
        } else {
            Self::open_whole(dir, options, files)
        }
    }

    fn open_for_reading(dir: &Path, options: &Options, files: Arc<Files>) -> Result<Self, OpenError> {
        if !open::database_path(dir).exists() {
            return Err(OpenError::Missing(dir.to_owned()));
        }
        let lock = open::lock(dir, false)?;
        let told = |error: rusqlite::Error| open::told(&open::database_path(dir), error.into());
        let connection = open::reader(dir).map_err(told)?;
        match schema::found(&connection).map_err(told)? {
            found if found > schema::known() => Err(OpenError::FromTheFuture { found, known: schema::known() }),
            found if found < schema::known() => Err(OpenError::Outdated { found, known: schema::known() }),
            _ => Ok(Self {
                inner: Arc::new(Inner::new(Shared::new(dir, options.free_bytes_min), options, files, None, lock)),
            }),
        }
    }

    fn open_whole(dir: &Path, options: &Options, files: Arc<Files>) -> Result<Self, OpenError> {
        open::lay_out(dir)?;
        let lock = open::lock(dir, true)?;
        files.lay_out()?;
        let connection = open::writer(dir)?;
        // SQLite has made its log by now; its entry in the directory must be as durable as its octets will be.
        open::sync_dir(dir).map_err(|error| OpenError::Io { path: dir.to_owned(), error })?;
        let newest = newest_id(&connection, options.node)?;
        let shared = Shared::new(dir, options.free_bytes_min);
        let mut inner = Inner::new(shared.clone(), options, files, newest, lock);
        inner.start(connection);
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A name for a new message; larger than all before it.
    pub fn new_id(&self) -> QueueId {
        self.inner.ids.next()
    }

    /// Takes in a new body.
    pub fn body_writer(&self) -> BodyWriter {
        let Inner { files, ids, budget, inline_bytes_max, .. } = &*self.inner;
        BodyWriter::new(files.clone(), ids.clone(), budget, *inline_bytes_max)
    }

    /// Puts a message on stable storage. The message is committed even if nobody waits for the answer any more.
    ///
    /// # Errors
    /// [`StoreError::Full`] on a disk that is (nearly) full, [`StoreError::Io`] when the commit failed,
    /// [`StoreError::Failed`] while the store is down. The message is not ours then.
    pub fn commit(&self, message: NewMessage) -> impl Future<Output = Result<Stored, StoreError>> + Send {
        // Prepared before the future begins, so that the future need not hold the message.
        let (sender, answer) = oneshot::channel();
        let commit = Box::new(Commit { message: Prepared::new(message), aftermath: self.aftermath(), sender });
        async move {
            self.check_takes_mail()?;
            self.request(commit).await?;
            answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the writer has stopped".to_owned())))
        }
    }

    /// Writes what became of recipients, all or nothing but for mail that finds no room ([`Change::FileIfRoom`]): whose
    /// it is is returned. Goes on when the disk is nearly full: what was sent must be remembered.
    ///
    /// [`Change::FileIfRoom`]: crate::settle::Change::FileIfRoom
    ///
    /// # Errors
    /// As [`Store::commit`]. Nothing was written then, and delivery must not go on.
    pub async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<(QueueId, u32)>, StoreError> {
        let now = Timestamp::now();
        let settlements = settlements.into_iter().map(|settlement| PreparedSettlement::new(settlement, now)).collect();
        let (sender, answer) = oneshot::channel();
        let (ids, watches) = (self.inner.ids.clone(), self.inner.watches.clone());
        let aftermath = self.aftermath();
        self.request(Box::new(Settle { settlements, ids, watches, touched: Vec::new(), aftermath, sender })).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Failed("the writer has stopped".to_owned())))
    }

    /// A message, in the queue or not, as long as it is remembered.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when its row is damaged; its recipients are in quarantine then.
    pub async fn message(&self, id: QueueId) -> Result<Option<QueuedMessage>, StoreError> {
        match self.read(move |connection| records::message(connection, id)).await? {
            Ok(message) => Ok(message),
            Err(found) => {
                let error = found.error();
                self.put_aside(vec![found]).await?;
                Err(error)
            }
        }
    }

    /// Opens a body for reading.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when its row is damaged or its file is missing; the recipients of its messages are in
    /// quarantine then.
    pub async fn open_body(&self, body: &BodyRef) -> Result<BodyReader, StoreError> {
        let BodyRef { id, octets, prefix } = body.clone();
        if let Some(data) = self.inner.recent.get(id) {
            return Ok(BodyReader::memory(octets, &prefix, data));
        }
        let row = match self.read(move |connection| unless_database(rows::read(connection, id))).await? {
            Ok(row) => row,
            Err(reason) => return Err(self.quarantine_body(id, reason).await),
        };
        if row.file_crc.is_none() {
            return Ok(BodyReader::memory(octets, &prefix, row.data));
        }
        let files = self.inner.files.clone();
        let opened = tokio::task::spawn_blocking(move || files.open(id)).await;
        match opened.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())) {
            Ok(file) => Ok(BodyReader::file(self.clone(), id, octets, &prefix, row, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(self.quarantine_body(id, "the file is missing".to_owned()).await)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Raised after every change of accounts, aliases and local domains: what was read before may be wrong by then.
    pub fn directory_version(&self) -> u64 {
        *self.inner.counts.directory_version.borrow()
    }

    /// The same, with news of it.
    pub fn directory_watch(&self) -> watch::Receiver<u64> {
        self.inner.counts.directory_version.subscribe()
    }

    /// Whether the store takes mail. The disk is looked at for it, unless that was less than [`limits::LOOK_AGE_MAX`] ago.
    pub fn health(&self) -> Health {
        if self.is_read_only() { self.inner.shared.health.health() } else { self.inner.shared.fresh_health() }
    }

    /// The same, with news of it.
    pub fn health_watch(&self) -> watch::Receiver<Health> {
        self.inner.shared.health.watch()
    }

    /// Figures for the metrics.
    pub fn stats(&self) -> Stats {
        let Inner { shared, counts, .. } = &*self.inner;
        Stats {
            commits: counts.commits.load(Ordering::Relaxed),
            settled: counts.settled.load(Ordering::Relaxed),
            transactions: shared.transactions.load(Ordering::Relaxed),
            wal_bytes: shared.wal_bytes.load(Ordering::Relaxed),
            free_bytes: shared.free_bytes.load(Ordering::Relaxed),
        }
    }

    #[cfg(test)]
    pub(crate) fn house(&self) -> House {
        let writer = self.writer().expect("the store is open for writing").clone();
        self.inner.house(writer)
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.inner.threads.is_none()
    }

    pub(crate) fn ids(&self) -> &Arc<Ids> {
        &self.inner.ids
    }

    pub(crate) fn watches(&self) -> &Arc<Watches> {
        &self.inner.watches
    }

    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.inner.selected
    }

    /// The search index; none where nobody fills it.
    pub(crate) fn index(&self) -> Option<Arc<Index>> {
        self.inner.threads.as_ref().map(|_| self.inner.index.clone())
    }

    pub(crate) fn files(&self) -> Arc<Files> {
        self.inner.files.clone()
    }

    pub(crate) fn readers(&self) -> &Arc<Readers> {
        &self.inner.readers
    }

    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.inner.readers.read(job).await
    }

    pub(crate) async fn write<T, F>(&self, job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.writer()?.call(limits::SMALL_JOB_BYTES, job).await
    }

    /// A write that others must learn of: see [`Store::directory_version`].
    pub(crate) async fn change_directory<T, F>(&self, mut job: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnMut(&mut Work<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let version = RaiseOnDrop(self.inner.counts.directory_version.clone());
        self.work_always(move |work| {
            let _raised_after_the_commit = &version;
            job(work)
        })
        .await
    }

    /// Hands a request to the writer.
    pub(crate) async fn request(&self, request: Box<dyn Request>) -> Result<(), StoreError> {
        self.writer()?.send(request).await;
        Ok(())
    }

    /// Refuses what would be a new message while there is no room or no disk for it.
    pub(crate) fn check_takes_mail(&self) -> Result<(), StoreError> {
        match self.health() {
            Health::Fine => Ok(()),
            Health::LowDisk => Err(StoreError::Full),
            Health::Failed(reason) => Err(StoreError::Failed(reason)),
        }
    }

    /// What requests that bring messages do at their end.
    pub(crate) fn aftermath(&self) -> Aftermath {
        Aftermath { recent: self.inner.recent.clone(), counts: self.inner.counts.clone() }
    }

    fn writer(&self) -> Result<&Arc<Writer>, StoreError> {
        self.inner.threads.as_ref().map(|threads| &threads.writer).ok_or(StoreError::ReadOnly)
    }
}

impl Inner {
    fn new(shared: Arc<Shared>, options: &Options, files: Arc<Files>, newest: Option<QueueId>, lock: File) -> Self {
        Self {
            threads: None,
            readers: Arc::new(Readers::new(shared.clone())),
            index: Arc::new(Index::new(&shared.dir)),
            shared,
            files,
            ids: Arc::new(Ids::new(options.node, newest)),
            budget: Budget::new(options.writers_bytes_max),
            recent: Arc::new(Recent::new(limits::RECENT_BYTES_MAX)),
            counts: Arc::default(),
            watches: Arc::default(),
            selected: Arc::default(),
            inline_bytes_max: options.inline_bytes_max,
            _lock: lock,
        }
    }

    fn start(&mut self, connection: Connection) {
        let checkpoints = keeper::checkpoints(self.shared.clone());
        let indexer = Indexer::start(self.shared.clone(), self.files.clone(), self.index.clone());
        let (shared, nudge, nudge_indexer) = (self.shared.clone(), checkpoints.nudger(), indexer.nudger());
        let after_commit = move || {
            nudge_indexer();
            if keeper::wants_checkpoint(&shared) {
                nudge();
            }
        };
        let writer = Arc::new(Writer::start(self.shared.clone(), connection, after_commit));
        let housekeeping = keeper::housekeeping(self.house(writer.clone()));
        self.threads =
            Some(Threads { _housekeeping: housekeeping, writer, _indexer: indexer, _checkpoints: checkpoints });
    }

    fn house(&self, writer: Arc<Writer>) -> House {
        House {
            shared: self.shared.clone(),
            writer,
            files: self.files.clone(),
            ids: self.ids.clone(),
            unindexed: self.counts.unindexed.clone(),
            looks: 0,
            swept: false,
        }
    }
}

/// The largest id that this node has given out, as far as the database knows.
fn newest_id(connection: &Connection, node: u16) -> Result<Option<QueueId>, OpenError> {
    let first = QueueId::at(node, Timestamp::MIN);
    let last = QueueId::at(node % NODES_MAX, Timestamp::MAX);
    let sql = "SELECT max(id) FROM (
        SELECT max(id) AS id FROM message WHERE id BETWEEN ?1 AND ?2
        UNION ALL SELECT max(id) FROM body WHERE id BETWEEN ?1 AND ?2
        UNION ALL SELECT max(id) FROM mailbox WHERE id BETWEEN ?1 AND ?2
        UNION ALL SELECT max(id) FROM garbage WHERE id BETWEEN ?1 AND ?2
        UNION ALL SELECT max(CAST(key AS INTEGER)) FROM quarantine WHERE CAST(key AS INTEGER) BETWEEN ?1 AND ?2)";
    let newest: Option<i64> = connection.query_row(sql, [first.as_i64(), last.as_i64()], |row| row.get(0))?;
    Ok(newest.map(QueueId::from_i64))
}

fn unless_database<T>(result: Result<T, Damage>) -> Result<Result<T, String>, StoreError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Damage::Row(reason)) => Ok(Err(reason)),
        Err(Damage::Database(error)) => Err(error),
    }
}

/// Tells of a change once the job that makes it has been answered.
struct RaiseOnDrop(Arc<watch::Sender<u64>>);

impl Drop for RaiseOnDrop {
    fn drop(&mut self) {
        self.0.send_modify(|version| *version += 1);
    }
}

/// One message for the writer.
struct Commit {
    message: Prepared,
    aftermath: Aftermath,
    sender: oneshot::Sender<Result<Stored, StoreError>>,
}

impl Request for Commit {
    fn rank(&self) -> i64 {
        self.message.id.as_i64()
    }

    fn weight(&self) -> usize {
        self.message.weight()
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.message.insert(connection)
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let Self { message, aftermath, sender } = *self;
        aftermath.follow(&message, result.as_ref());
        // The session may have gone; its message is ours all the same.
        let _ = sender.send(result.map(|()| Stored::mint(message.id)));
    }
}

/// Some settlements for the writer.
struct Settle {
    settlements: Vec<PreparedSettlement>,
    ids: Arc<Ids>,
    watches: Arc<Watches>,
    /// Mailboxes that mail was filed into.
    touched: Vec<Touched>,
    aftermath: Aftermath,
    sender: oneshot::Sender<Result<Vec<(QueueId, u32)>, StoreError>>,
}

impl Request for Settle {
    fn weight(&self) -> usize {
        self.settlements.iter().map(PreparedSettlement::weight).sum()
    }

    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.touched.clear();
        let mut work = Work::begin(connection, &self.ids, &mut self.touched);
        self.settlements.iter_mut().try_for_each(|settlement| settlement.apply(&mut work))?;
        work.end()
    }

    fn answer(self: Box<Self>, result: Result<(), StoreError>) {
        let without_room: Vec<_> = self.settlements.iter().filter_map(PreparedSettlement::without_room).collect();
        let written = self.settlements.iter().filter(|settlement| settlement.without_room().is_none());
        for message in written.flat_map(|settlement| &settlement.new) {
            self.aftermath.follow(message, result.as_ref());
        }
        if result.is_ok() {
            let settled = self.settlements.len() - without_room.len();
            self.aftermath.counts.settled.fetch_add(settled as u64, Ordering::Relaxed);
            self.watches.tell(&self.touched);
        }
        let _ = self.sender.send(result.map(|()| without_room));
    }
}

/// What follows the commit of a message, or its failure.
#[derive(Clone, Debug)]
pub(crate) struct Aftermath {
    recent: Arc<Recent>,
    counts: Arc<Counts>,
}

impl Aftermath {
    pub(crate) fn follow(&self, message: &Prepared, result: Result<&(), &StoreError>) {
        self.follow_body(&message.body, result);
        if result.is_ok() {
            self.counts.commits.fetch_add(1, Ordering::Relaxed);
            self.counts.unindexed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The same of a body that came with no message.
    pub(crate) fn follow_body(&self, body: &PreparedBody, result: Result<&(), &StoreError>) {
        match result {
            Ok(()) => {
                body.keep_file();
                if let Some(octets) = body.inline() {
                    self.recent.put(body.id(), octets);
                }
            }
            // The row may turn up after a crash, so the file must stay; if it does not, the next start removes the file.
            Err(StoreError::Io(_) | StoreError::Failed(_)) => body.keep_file(),
            Err(_) => {}
        }
    }
}
