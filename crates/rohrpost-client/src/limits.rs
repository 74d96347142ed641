//! Bounds of the client, each with its reason.

use std::time::Duration;

/// Messages on one connection. Many servers close after a hundred, some count it against the sender.
pub const MESSAGES_MAX: u32 = 100;

/// Age at which a connection takes no further message, so that a new plan for the destination comes to bear.
pub const AGE_MAX: Duration = Duration::from_mins(5);

/// How long an unused connection to an MX host is kept: it occupies a slot there that others wait for.
pub const IDLE_MX: Duration = Duration::from_secs(5);

/// How long an unused connection to a relay of ours is kept: opening one anew costs a handshake and a log-in.
pub const IDLE_RELAY: Duration = Duration::from_mins(1);

/// Unused connections that a pool keeps over all destinations. Each holds a descriptor and about 25 KiB.
pub const IDLE_CONNECTIONS_MAX: usize = 256;

/// How often a pool looks for connections that have been unused for too long.
pub const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Octets read from a server at once. Replies are short.
pub const READ_BYTES: usize = 4 * 1024;

/// Octets of a body that are handed to the session at once.
pub const BODY_BYTES: usize = 64 * 1024;

/// Octets of a message that are looked at for its header.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;

/// How long an address may keep silent before the next one is tried beside it: what RFC 8305 §5 recommends.
pub const HEAD_START: Duration = Duration::from_millis(250);

/// Addresses of one name that are tried. More would be tried for longer than anybody waits.
pub const ADDRESSES_MAX: usize = 10;
