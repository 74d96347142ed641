//! Bounds of a merge, each with its reason.

use std::time::Duration;

/// Octets of a row. A quotation mark that is never closed must not bring the rest of the file into memory.
pub(super) const ROW_BYTES_MAX: u64 = 1 << 20;

/// Faulty rows that are listed; the others are counted. Nobody repairs more by hand, and one wrong column makes them all
/// faulty.
pub(super) const FAULTS_LISTED_MAX: u64 = 1_000;

/// Rows that wait to be tried again. Their numbers are held in memory, and a server that defers so many takes nothing now.
pub(super) const AGAIN_MAX: usize = 100_000;

/// Octets of the file that are read at once.
pub(super) const READ_BYTES: usize = 64 * 1024;

/// How long after it was handed to the server of this host a row is handed over again where no answer was heard. The server
/// forgets after [`rohrpost_store::limits::SUBMISSION_HOURS`] that it has had it.
pub(super) const REPEATED_WITHIN: Duration = Duration::from_hours(12);
const _: () = assert!(REPEATED_WITHIN.as_secs().cast_signed() < rohrpost_store::limits::SUBMISSION_HOURS * 3600);
