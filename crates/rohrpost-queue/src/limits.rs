//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Recipients in memory. All others are an index range in the store, so that memory does not grow with the queue.
pub const WINDOW_ROWS_MAX: usize = 20_000;
/// Of the window, the share that first attempts cannot take from retries, nor retries from first attempts: a fifth each.
pub const WINDOW_RESERVED_ROWS: usize = WINDOW_ROWS_MAX / 5;
/// Octets of message bodies that are handed from intake to a worker without a second read. Beyond it they are read.
pub const HANDED_BYTES_MAX: usize = 32 << 20;
/// Recipients of one message in one job. RFC 5321 §4.5.3.1.8: every server takes at least 100 in one transaction.
pub const JOB_RECIPIENTS_MAX: usize = 100;
/// Gates in memory. Idle ones are forgotten first; a forgotten gate starts anew.
pub const GATES_MAX: usize = 50_000;
/// Domains whose set of MX hosts is remembered, so that they share one gate.
pub const LEARNED_SITES_MAX: usize = 50_000;
/// Seconds of the future at which something is due. Retries lie within three hours, so that only long holds pass this;
/// what is dropped is found by the next sweep.
pub const DUES_MAX: usize = 50_000;
/// Sites that one read of the index may name.
pub const HEADS_PAGE: usize = 256;
/// Rows that one read may fetch: some milliseconds of work.
pub const ROWS_PAGE: usize = 1_000;
/// Rows that are fetched for a gate that lets one probe through.
pub const PROBE_ROWS: usize = 20;
/// Rows beyond their time (delay notice, expiry) that wait for a worker.
pub const OVERDUE_ROWS_MAX: usize = 500;
/// Recipients that the field of redirect mode names: enough for those who test, and no header that servers refuse.
pub const ORIGINAL_RECIPIENTS_MAX: usize = 100;
/// How often rows beyond their time are looked for, and the time is marked; attempts look at their own rows anyway.
pub const OVERDUE_EVERY: Duration = Duration::from_mins(10);
/// The keeper looks at the whole index at least this often, so that a missed hint only costs time.
pub const SWEEP_EVERY: Duration = Duration::from_mins(5);
/// A sweep rests this many times as long as it took: a queue of a million sites costs a tenth of one core at most.
pub const SWEEP_REST_FACTOR: u32 = 9;
/// A row whose worker died without a word rests this long before it is tried again.
pub const ABANDONED_REST: Duration = Duration::from_mins(1);
/// What the wall clock may differ from the steady one between two looks; beyond it somebody has set it. Slewing and
/// leap seconds stay far below.
pub const LEAP_MIN: Duration = Duration::from_mins(1);
/// Leaps that are remembered. A clock that leaps more often is broken, and its oldest leaps matter least.
pub const LEAPS_MAX: usize = 64;

const _: () = assert!(JOB_RECIPIENTS_MAX >= 100);
const _: () = assert!(LEAP_MIN.as_secs() >= rohrpost_store::limits::AHEAD_MIN.as_secs());
const _: () = assert!(2 * WINDOW_RESERVED_ROWS < WINDOW_ROWS_MAX);
