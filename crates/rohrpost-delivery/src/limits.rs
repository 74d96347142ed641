//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Jobs at work at once, over all sites. Each holds at most one connection and 64 KiB of a body.
pub const WORKERS_MAX: usize = 300;
/// Jobs whose results are not durable yet: half of them in the channel, half in the batch being written. A worker goes on
/// with its next message meanwhile; after a crash so many may be sent twice.
pub const UNSAVED_MAX: usize = 256;
/// Messages that a worker sends to one site before it gives the others a turn.
pub const MESSAGES_IN_A_ROW_MAX: usize = 100;
/// Addresses that one attempt connects to. Delivery rule 10.
pub const ADDRESSES_MAX: usize = 5;
/// Sessions that one attempt opens: hosts that answered, whatever they said. Delivery rule 10.
pub const SESSIONS_MAX: usize = 2;
/// How old a failed handshake must be before clear text is thought of. Delivery rule 20: an immediate fallback would
/// hand a downgrade to anyone who can break one handshake.
pub const CLEAR_TEXT_AFTER: Duration = Duration::from_mins(5);
/// How long a failed handshake is remembered: the server must fail again within this time.
pub const HANDSHAKE_FAILURES_KEPT: Duration = Duration::from_hours(24);
/// Hosts whose handshake failed that are remembered; the oldest are forgotten, which only delays clear text.
pub const HANDSHAKE_FAILURES_MAX: usize = 10_000;
/// Octets of a body that are re-encoded for a server that takes seven bits only; a larger one goes as it is.
pub const REENCODED_BYTES_MAX: u64 = 8 << 20;
/// Octets of a message that are read for a bounce or a loop check: a header and a small message.
pub const HEAD_BYTES_MAX: usize = 256 << 10;
/// How deep an alias may lead to further aliases.
pub const ALIAS_DEPTH_MAX: u32 = 10;
/// Addresses that one alias may lead to in all.
pub const ALIAS_MEMBERS_MAX: usize = 10_000;
/// Entries of one digest.
pub const DIGEST_ENTRIES_MAX: usize = 1_000;
/// The same system notice, and the digest, come at most once in this time.
pub const NOTICE_EVERY: Duration = Duration::from_hours(24);
/// How often the daily work is looked at.
pub const HOUSEKEEPING_EVERY: Duration = Duration::from_hours(1);
/// Days before its end at which a certificate is worth a notice.
pub const CERTIFICATE_DAYS: i64 = 14;
/// Failed attempts over a named route, without a success between them, that are worth a notice.
pub const ROUTE_FAILURES: u32 = 5;
/// After so many further ones the operator is reminded, at most once a day.
pub const ROUTE_FAILURES_AGAIN: u32 = 50;
/// How long a host of a route that failed is passed over at first. Shorter, and each message would wait for a dead host
/// before it takes the next; longer, and traffic would return late to a host that was only restarted.
pub const PROBE_AFTER: Duration = Duration::from_mins(1);
/// The longest time that a host of a route is passed over before it is tried again.
pub const PROBE_AFTER_MAX: Duration = Duration::from_mins(15);
/// How long a message waits for a host of its route that is at its limits, before it goes back into the queue.
pub const HOST_ROOM_WAIT_MAX: Duration = Duration::from_mins(5);
/// Characters of why a host is passed over; the reason stands in the record of each message that does so.
pub const REASON_CHARS_MAX: usize = 300;
/// How long a program that takes messages may run: as long as a server may take for most of its replies (RFC 5321
/// §4.5.3.2).
pub const PIPE_TIMEOUT: Duration = Duration::from_mins(5);
/// Octets of a program's error output that are kept; the rest is read and dropped, so that it never waits for us.
pub const PIPE_OUTPUT_BYTES_MAX: usize = 4 << 10;
/// How long the error output of a program is read after its end: what it left running may keep it open.
pub const PIPE_OUTPUT_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long the ledger waits before it tries again to write what the store refused, at first and at most.
pub const LEDGER_REST_MIN: Duration = Duration::from_secs(1);
/// See [`LEDGER_REST_MIN`].
pub const LEDGER_REST_MAX: Duration = Duration::from_secs(30);
/// How long a recipient rests whose mailbox was filled by others while its mail was on the way into it: the next attempt
/// sees that.
pub const NO_ROOM_REST: Duration = Duration::from_secs(1);
/// Rows that one bounce by an operator settles at once.
pub const BOUNCE_ROWS: usize = 500;
/// Addresses that the record of an alias names; a list may have thousands.
pub const SENT_ON_NAMED_MAX: usize = 5;
/// Owners of nearly full mailboxes that are looked up at once to be told.
pub const FILLED_AT_ONCE_MAX: usize = 100;
/// Records that a slow subscriber may lag behind.
pub const EVENTS_MAX: usize = 1_024;

const _: () = assert!(SESSIONS_MAX <= ADDRESSES_MAX);
