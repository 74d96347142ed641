//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Requests that one transaction takes. More would make the first of them wait for the last.
pub const BATCH_REQUESTS_MAX: usize = 1_000;
/// Octets of bodies that one transaction takes: a sync of this much takes about a tenth of a second on a slow disk.
pub const BATCH_BYTES_MAX: usize = 32 << 20;
/// Requests in one batch that say that many sessions are at work: fewer lose more time by waiting than they save.
pub const CROWD_MIN: usize = 4;
/// Requests in one batch from which on it pays no more to wait for others: what a commit costs for itself, about ten
/// pages and a sync, is small beside what they cost.
pub const CROWD_MAX: usize = 32;
/// How long a batch waits for more requests at most; no client notices it beside a sync.
pub const GATHER_TIME_MAX: Duration = Duration::from_millis(1);
/// By how much that time changes from one batch to the next.
pub const GATHER_STEP: Duration = Duration::from_micros(100);
/// KiB of pages that the writer keeps in memory: a whole batch and what it touches. With less, a batch that settles
/// thousands of messages writes pages to the log and reads them back before it ends.
pub const WRITER_CACHE_KIB: i64 = 48 << 10;
/// Requests that may wait for the writer; whoever comes later waits in its own task.
pub const REQUESTS_WAITING_MAX: usize = 4_096;
/// Connections for reading. Two cores serve no more at a time; more would only keep old snapshots alive.
pub const READERS_MAX: usize = 4;
/// How long a read may take before it is interrupted, because a reader holds back the checkpoint.
pub const READ_TIME_MAX: Duration = Duration::from_secs(1);
/// How long a connection waits for the lock of a foreign process, such as an operator's `sqlite3`: our own take turns by
/// the gate. Until then every dot waits, then each is told 451; one that came meanwhile waits as long again, for the
/// reopening. Servers wait ten minutes for that reply (RFC 5321 §4.5.3.2.6), but mail programs give up after one, and
/// what is committed after that comes twice (RFC 1047). Reading a log of [`WAL_RESTART_BYTES`] anew takes less.
pub const LOCK_TIME_MAX: Duration = Duration::from_secs(10);

/// A body of up to this many octets is a row beside its envelope; a larger one is a file (measured: `DESIGN` §7).
pub const INLINE_BYTES_MAX: usize = 128 << 10;
/// Octets of the start of a message that a [`BodyWriter`](crate::BodyWriter) keeps in memory for whoever reads the header.
pub const HEAD_BYTES_MAX: usize = 256 << 10;
/// Octets that all body writers together keep in memory; beyond it each of them writes to its file at once.
pub const WRITERS_BYTES_MAX: usize = 64 << 20;
/// Octets that a body writer gathers before it writes them to its file.
pub const SPILL_BYTES: usize = 256 << 10;
/// Octets that a body reader hands out at once.
pub const CHUNK_BYTES: usize = 128 << 10;
/// Octets of bodies just committed that stay in memory, so that a message that goes straight on is not read again.
pub const RECENT_BYTES_MAX: usize = 8 << 20;

/// Octets of write-ahead log at which a checkpoint runs beside the writer.
pub const WAL_PASSIVE_BYTES: u64 = 32 << 20;
/// Octets of write-ahead log at which the writer waits for a checkpoint to finish, so that the log starts anew.
pub const WAL_RESTART_BYTES: u64 = 256 << 20;
/// How long a checkpoint waits for readers while the writer waits for it; later it tries again.
pub const CHECKPOINT_WAIT_MAX: Duration = Duration::from_millis(200);
/// How long a look at the disk is believed by whoever asks whether mail may come in; asking costs microseconds, and a
/// disk takes about 100 MiB in this time.
pub const LOOK_AGE_MAX: Duration = Duration::from_millis(200);
/// Inodes that must be free, where the file system counts them.
pub const FREE_INODES_MIN: u64 = 1_000;
/// Free octets below which nothing is taken in, unless the operator asks for more.
pub const FREE_BYTES_MIN: u64 = 512 << 20;

/// Rows that one housekeeping transaction deletes or indexes, so that mail never waits long for it.
pub const HOUSEKEEPING_ROWS: usize = 2_000;
/// Committed messages that may lack their entry in the search index; a search reads these one by one.
pub const UNINDEXED_MESSAGES_MAX: u64 = 10_000;
/// Days that records stay after their message has left the queue.
pub const RECORD_DAYS: i64 = 30;
/// Hours for which the answer to a submission is remembered. A program that got none hands its message over again within
/// seconds, or leaves it in the drop directory, where the next start of the server finds it.
pub const SUBMISSION_HOURS: i64 = 24;
/// Submissions too old to remember that a new one removes: twice as many as it adds would do.
pub const SUBMISSIONS_FORGOTTEN_AT_ONCE: usize = 16;
/// Days for which expunged mail and deleted mailboxes can be brought back, and for which expunges are remembered for clients
/// that come back (RFC 7162 §5.3). Issue 4 promises a fortnight.
pub const UNDELETE_DAYS: i64 = 14;
/// Octets that a message counts beside its own once it is gone: about what its row takes with its indexes. So rows without
/// mail are bounded, too.
pub const KEPT_ROW_OCTETS: u64 = 256;
/// Rows of mail that is gone which one change forgets where they are too many: more than it adds, and others do not wait.
pub const KEPT_FORGOTTEN_AT_ONCE: usize = 2 * CHANGED_AT_ONCE_MAX;
/// Octets of a mailbox's name: several levels of long words in any script. It must fit on a line of IMAP.
pub const MAILBOX_NAME_BYTES_MAX: usize = 1_000;
/// Levels of a mailbox's name. Programs show them as a tree; none shows more of use.
pub const MAILBOX_LEVELS_MAX: usize = 32;
/// Mailboxes of one account. Listing them is one answer, and each costs half a KiB.
pub const MAILBOXES_MAX: usize = 10_000;
/// Percent of what an account's mail may take at which its owner is told: once with time to tidy up, once before the end.
pub const FULLNESS_STEPS: [u64; 2] = [80, 95];
/// Keywords of one mailbox: every SELECT lists them (RFC 9051 §7.3.5).
pub const KEYWORDS_MAX: usize = 256;
/// Messages that one transaction changes, so that others do not wait for a client that marks a million as read.
pub const CHANGED_AT_ONCE_MAX: usize = 2_000;
/// Messages that one COPY takes: it is all or nothing (RFC 9051 §6.4.7), thus one transaction, and this takes a second or two.
pub const COPIED_AT_ONCE_MAX: usize = 50_000;
/// Octets of what is remembered of mailboxes that were opened: some ten thousand tidy ones, however large.
pub const SELECTED_BYTES_MAX: usize = 16 << 20;
/// Messages that one page of a FETCH holds.
pub const FETCH_ROWS_MAX: usize = 1_000;
/// Octets of bodies and shapes after which a page of a FETCH ends. The first message is always taken.
pub const FETCH_OCTETS_MAX: usize = 1 << 20;

/// What a job without bodies counts towards the octets of a batch.
pub const SMALL_JOB_BYTES: usize = 1 << 10;
/// Rows that one page of a listing holds.
pub const PAGE_ROWS_MAX: usize = 10_000;
/// Messages that the search index takes in at once.
pub const SEARCH_BATCH: usize = 200;
/// Words with which the search index writes what it has read, before it reads on: each takes up to 100 octets.
pub const SEARCH_BATCH_WORDS: usize = 100_000;
/// How long no mail comes before the search index is closed, and what it has in memory is given back.
pub const SEARCH_IDLE_TIME: Duration = Duration::from_mins(1);
/// Octets of text of one message that are in the index. Longer ones are found by their beginning.
pub const SEARCH_TEXT_OCTETS_MAX: usize = 4 << 20;
/// Different words of one message that are in the index: a long novel has half as many.
pub const SEARCH_WORDS_MAX: usize = 50_000;
/// Letters of a word; longer ones are cut into pieces of this length.
pub const SEARCH_WORD_CHARS: usize = 40;
/// Words whose numbers are in memory while the index is filled.
pub const SEARCH_WORDS_KNOWN_MAX: usize = 50_000;
/// Words that what is looked for may be a part of, in a mailbox of that many messages and more. Beyond, the messages are
/// read.
pub const SEARCH_WORDS_FOUND_MAX: usize = 20_000;
/// The same for small mailboxes.
pub const SEARCH_WORDS_FOUND_MIN: usize = 200;
/// Words that the index is asked for in one question: for each message that has one of them, it looks at all.
pub const SEARCH_TOKENS_MAX: usize = 16;
/// Messages found that are looked up one by one; above, it is quicker to go through the mailbox.
pub const SEARCH_LOOKUPS_MAX: usize = 5_000;
/// KiB of the index that each of its connections has in memory.
pub const SEARCH_CACHE_KIB: i64 = 8 << 10;
/// How far ahead of the clock a message counts as written by a clock that was set back since. Less is the time between
/// a look at the clock and a commit.
pub const AHEAD_MIN: Duration = Duration::from_mins(1);
/// Messages whose times tell at a start how late it was: the last ones, and more than one, for mail may come in already.
pub const MESSAGES_SEEN: usize = 1_000;
/// Delivery records of one message that a trace shows.
pub const RECORDS_SHOWN_MAX: usize = 10_000;

const _: () = assert!(INLINE_BYTES_MAX <= HEAD_BYTES_MAX);
const _: () = assert!(WAL_PASSIVE_BYTES < 64 << 20 && WAL_PASSIVE_BYTES < WAL_RESTART_BYTES);
const _: () = assert!(INLINE_BYTES_MAX < BATCH_BYTES_MAX);
const _: () = assert!(2 * LOCK_TIME_MAX.as_secs() < 60);
