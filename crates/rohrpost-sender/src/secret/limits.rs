//! Bounds of what a source may be, and how long it may take.

use std::time::Duration;

/// Octets of a file or a line that holds a secret. Tokens have up to 8 KiB; more is the wrong file.
pub const SECRET_BYTES_MAX: usize = 16 * 1024;

/// How long a command may take. A person may have to unlock a key for it.
pub const COMMAND_TIME_MAX: Duration = Duration::from_mins(2);

/// Octets that a command may print on each of its outputs, of which most are dropped: one that prints more does so without
/// end, and nobody should wait for it.
pub const COMMAND_OUTPUT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Octets of a command's standard error that are kept for the error; the rest is read and dropped.
pub const STDERR_BYTES_MAX: usize = 4 * 1024;

/// Octets of somebody else's words that an error shows.
pub const WORDS_BYTES_MAX: usize = 400;

/// How long before its end a token is not used any more: a dialogue must not outlive it (and clocks differ).
pub const REFRESH_EARLY: Duration = Duration::from_mins(1);

/// How long a token is used whose life the server does not tell (RFC 6749 §5.1 only recommends it).
pub const LIFE_UNTOLD: Duration = Duration::from_mins(5);

/// Longest life of a token that is believed: nobody gives one out for more than a day.
pub const LIFE_MAX: Duration = Duration::from_hours(24);

/// How long a person has to say yes in a browser.
pub const CONSENT_TIME_MAX: Duration = Duration::from_mins(15);

/// Pause between two questions whether the person has said yes, where the server names none (RFC 8628 §3.2).
pub const POLL_PAUSE: Duration = Duration::from_secs(5);

/// What is added to the pause when the server says that it is asked too often (RFC 8628 §3.5).
pub const POLL_PAUSE_MORE: Duration = Duration::from_secs(5);

/// Longest pause that a server may ask for.
pub const POLL_PAUSE_MAX: Duration = Duration::from_mins(1);

/// Octets of the head of a request that a browser makes when it comes back. Cookies of other programs on the same host
/// may come with it.
pub const BROWSER_HEAD_BYTES_MAX: usize = 32 * 1024;

/// How long a browser may take for that head.
pub const BROWSER_HEAD_TIME_MAX: Duration = Duration::from_secs(10);
