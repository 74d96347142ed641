//! Bounds of a session, each with its reason.

use std::time::Duration;

/// Octets of a line with its CRLF. RFC 2449 §4 gives commands 255; responses within AUTH may be longer, and RFC 4954 §4
/// says how long: 12,288. One bound for both is enough, since no program comes near it.
pub const LINE_BYTES_MAX: usize = 12_288;
const _: () = assert!(LINE_BYTES_MAX >= 255);

/// Octets of a line of ours with its CRLF. RFC 2449 §4: 512.
pub const REPLY_LINE_BYTES_MAX: usize = 512;

/// Octets that wait to be written; while there are more, no command is read, and no more of a message or list is added.
pub const OUTPUT_BYTES_MAX: usize = 32 * 1024;
const _: () = assert!(OUTPUT_BYTES_MAX > REPLY_LINE_BYTES_MAX);

/// Messages that one session shows: with 16 octets for each, 4 MB. Of a larger mailbox the newest are shown, so that a
/// program that leaves its mail on the server goes on to see what is new.
pub const MESSAGES_MAX: usize = 250_000;

/// The error at which the session ends. A program that errs this often does nothing else.
pub const ERRORS_MAX: u32 = 20;
/// The error from which on each next one is answered [`ERROR_DELAY`] later than the one before.
pub const ERRORS_UNTIL_DELAY: u32 = 10;
const _: () = assert!(ERRORS_UNTIL_DELAY < ERRORS_MAX);
/// See [`ERRORS_UNTIL_DELAY`].
pub const ERROR_DELAY: Duration = Duration::from_secs(1);

/// Wrong passwords that end the session.
pub const AUTH_FAILURES_MAX: u32 = 3;
/// How long the reply to a wrong password waits, and to one that cannot be checked: guessing one after another becomes
/// slow.
pub const AUTH_FAILURE_DELAY: Duration = Duration::from_secs(1);

/// How long a client may be silent once it has logged in. RFC 1939 §3: at least ten minutes.
pub const TRANSACTION_TIMEOUT: Duration = Duration::from_mins(10);
const _: () = assert!(TRANSACTION_TIMEOUT.as_secs() >= 600);
/// How long a client has from its connection to its log-in, whatever it says meanwhile.
///
/// Deviation from RFC 1939 §3, which asks for ten minutes of silence there, too: a program has its password at hand, and
/// whoever only holds connections open is not to hold many.
pub const AUTHORIZATION_TIMEOUT: Duration = Duration::from_mins(2);
