//! Bounds of the hand-off, each with its reason.

use std::time::Duration;

/// Recipients of one message that a program of this host hands in, aliases expanded: a mailing without a list manager. It
/// is trusted more than a stranger, but each costs a row.
pub const RECIPIENTS_MAX: usize = 10_000;
const _: () = assert!(RECIPIENTS_MAX >= 100, "RFC 5321 §4.5.3.1.8");

/// Octets of a frame of a submission: a message goes in many, and neither side holds more than one.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Octets of the answer to one: it may name ten thousand refused recipients with a reason for each.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long a server waits for the first attempt when a program asks what came of it. Most take a second; a host that does
/// not answer is given up sooner than this. What takes longer is in the queue, which is what the program is told.
pub const ATTEMPT_TIME_MAX: Duration = Duration::from_mins(1);

/// How long a program waits for the server before it takes it to be down.
pub const PATIENCE: Duration = Duration::from_secs(10);
