//! Bounds of a merge, each with its reason.

use std::time::Duration;

/// Octets of a row. A quotation mark that is never closed must not bring the rest of the file into memory.
pub(super) const ROW_BYTES_MAX: u64 = 1 << 20;

/// Faulty rows that are listed; the others are counted. One wrong column makes all of them faulty.
pub(super) const FAULTS_LISTED_MAX: u64 = 20;

/// Rows that wait to be tried again. Their numbers are held in memory, and a server that defers so many takes nothing now.
pub(super) const AGAIN_MAX: usize = 100_000;

/// Rows that are under way at once, at most. Each may have a connection and a row that nobody knows of after a crash.
pub(crate) const CONNECTIONS_MAX: u16 = 250;

/// Rows under way to servers where nobody says otherwise: what large relays allow one sender.
pub(crate) const CONNECTIONS: u16 = 10;
const _: () = assert!(CONNECTIONS <= CONNECTIONS_MAX);

/// Rows under way to the server of this host where nobody says otherwise: as many as make its batches large, with places
/// left for other programs of the same user.
pub(super) const CONNECTIONS_LOCAL: u16 = 100;
const _: () = assert!((CONNECTIONS_LOCAL as usize) < rohrpost_server::limits::SUBMIT_SESSIONS_PER_UID_MAX);

/// Rows for which one line on disk speaks ahead. So many at most are handed over again after a power failure, or are
/// unknown when that is not done for [`REPEATED_WITHIN`]. A sync for each row would cost more than all the rest.
pub(super) const AHEAD_ROWS: u64 = 250;

/// Lines of the journal that wait to be written: a few for each row under way, so that the one who reads rows and makes mails
/// does not wait for the disk. With more than these it does, and so does everything else: that is meant.
pub(super) const LINES_WAITING_MAX: usize = 4 * CONNECTIONS_MAX as usize;

/// How long lines that need not be on disk are gathered, for as long as others follow. To wake the thread that writes for
/// each would cost as much as making the mail.
pub(super) const GATHERED_FOR_MAX: Duration = Duration::from_millis(50);

/// Rows in succession that may end without anybody knowing, before no more are sent: a server that falls silent behind every
/// mail takes none, or takes all, and more rows would only make the doubt larger.
pub(super) const UNKNOWN_ROWS_MAX: u32 = 10;

/// Octets of the file that are read at once.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// How long after it was handed to the server of this host a row is handed over again where no answer was heard. The server
/// forgets after [`rohrpost_store::limits::SUBMISSION_HOURS`] that it has had it.
pub(super) const REPEATED_WITHIN: Duration = Duration::from_hours(12);
const _: () = assert!(REPEATED_WITHIN.as_secs().cast_signed() < rohrpost_store::limits::SUBMISSION_HOURS * 3600);
