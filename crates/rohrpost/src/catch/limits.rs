//! Bounds of the development server, each with its reason.

use std::time::Duration;

/// Connections at once; more wait until one ends. Programs under test open a few.
pub(super) const CONNECTIONS_MAX: usize = 256;

/// Octets of a message: what most servers take.
pub(super) const MESSAGE_BYTES_MAX: u64 = 50 << 20;

/// Octets of messages that are coming in, over all connections, in units of a KiB; what comes beyond gets 452. This runs
/// beside an editor and a browser.
pub(super) const HELD_KIB_MAX: usize = 256 << 10;
const _: () = assert!(HELD_KIB_MAX as u64 > MESSAGE_BYTES_MAX / 1024);

/// Recipients of a message. RFC 5321 §4.5.3.1.8 asks for at least 100.
pub(super) const RECIPIENTS_MAX: usize = 1_000;
const _: () = assert!(RECIPIENTS_MAX >= 100);

/// Messages over one connection: nobody is counted out.
pub(super) const MESSAGES_MAX: usize = 100_000;

/// Octets that are read at once.
pub(super) const READ_BYTES: usize = 16 * 1024;

/// How long a TLS handshake may take, or writing a reply.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How long `timeout@` is silent.
pub(super) const SILENCE: Duration = Duration::from_hours(1);

/// How long messages on their way may take to come to their end after Ctrl-C.
pub(super) const GRACE: Duration = Duration::from_secs(2);

/// How long it pauses when the process has no descriptor left.
pub(super) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How far ahead a message may be held by its sender (RFC 4865): as at the real server. Here nothing waits.
pub(super) const HOLD_MAX: Duration = Duration::from_hours(720);

/// For accounts that do not exist. SCRAM is not offered, so nobody gets to see it; RFC 7677 §4 asks for no fewer.
pub(super) const SCRAM_ITERATIONS: u32 = 4_096;
