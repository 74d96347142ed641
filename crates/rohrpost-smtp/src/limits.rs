//! Bounds of what a client may send to [`crate::server`], each with its reason.
//!
//! What an operator may want otherwise (size, recipients, timeouts) is in [`crate::server::Profile`] instead.

use std::time::Duration;

/// Octets of a command line with its CRLF. RFC 5321 §4.5.3.1.4 asks for 512.
pub const COMMAND_LINE_BYTES_MAX: usize = 512;
const _: () = assert!(COMMAND_LINE_BYTES_MAX >= 512);

/// Octets of a MAIL or RCPT line with its CRLF: 512 and what the extensions add, of which ORCPT (RFC 3461 §4.2: 500)
/// and AUTH (RFC 4954 §3: 500) are the longest.
pub const PATH_LINE_BYTES_MAX: usize = 2_048;
const _: () = assert!(PATH_LINE_BYTES_MAX >= COMMAND_LINE_BYTES_MAX + 500 + 500);

/// Octets of a line of AUTH with its CRLF. RFC 4954 §4: 12,288.
pub const AUTH_LINE_BYTES_MAX: usize = 12_288;
const _: () = assert!(AUTH_LINE_BYTES_MAX >= 12_288);

/// Octets of a line without end after which the session ends. A slip of the keyboard is answered; this is none.
pub const ENDLESS_LINE_BYTES: usize = 64 * 1_024;
const _: () = assert!(ENDLESS_LINE_BYTES > AUTH_LINE_BYTES_MAX);

/// Octets of the name in HELO, EHLO or LHLO: that of the longest domain (RFC 5321 §4.5.3.1.2).
pub const HELLO_BYTES_MAX: usize = 255;
/// Octets of a decoded ENVID. RFC 3461 §4.4: 100.
pub const ENVID_BYTES_MAX: usize = 100;
/// Octets of a decoded ORCPT or AUTH. RFC 3461 §4.2 and RFC 4954 §3: 500.
pub const ORCPT_BYTES_MAX: usize = 500;

/// Octets of a line in a message, without its end. RFC 5321 §4.5.3.1.6 allows 998; many senders write longer ones, and
/// only those that no mail program ever wrote are refused.
pub const TEXT_LINE_BYTES_MAX: usize = 64 * 1_024;
const _: () = assert!(TEXT_LINE_BYTES_MAX >= 998);
/// Octets of the header of a message: checks and signatures hold all of it in memory.
pub const HEADER_BYTES_MAX: usize = 256 * 1_024;
/// Fields in a header. Lists and long ways make some hundred.
pub const HEADER_FIELDS_MAX: usize = 1_000;

/// `BDAT 0` without LAST in one message: they carry nothing, so that the size never ends them.
pub const EMPTY_CHUNKS_MAX: u32 = 100;

/// The error at which the session ends. A program that errs this often does nothing else.
pub const ERRORS_MAX: u32 = 20;
/// The error from which on each next one is answered [`ERROR_DELAY`] later than the one before.
pub const ERRORS_UNTIL_DELAY: u32 = 10;
const _: () = assert!(ERRORS_UNTIL_DELAY < ERRORS_MAX);
/// See [`ERRORS_UNTIL_DELAY`].
pub const ERROR_DELAY: Duration = Duration::from_secs(1);

/// RSET, NOOP, EHLO, HELP and VRFY since the last stored message; each one more is an error.
pub const IDLE_COMMANDS_MAX: u32 = 100;

/// Wrong passwords that end the session.
pub const AUTH_FAILURES_MAX: u32 = 3;
/// How long the reply to a wrong password waits, and to one that cannot be checked: guessing one after another becomes
/// slow.
pub const AUTH_FAILURE_DELAY: Duration = Duration::from_secs(1);

/// Octets that must arrive in each [`SPEED_WINDOW`] of a message: 100 a second.
pub const SPEED_WINDOW_BYTES_MIN: u64 = 6_000;
/// See [`SPEED_WINDOW_BYTES_MIN`].
pub const SPEED_WINDOW: Duration = Duration::from_mins(1);

/// Octets of replies that wait to be written; while there are more, no command is read.
pub const OUTPUT_BYTES_MAX: usize = 16 * 1_024;
/// Octets of a reply line with its CRLF. RFC 5321 §4.5.3.1.5: 512.
pub const REPLY_LINE_BYTES_MAX: usize = 512;
