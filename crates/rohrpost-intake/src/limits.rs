//! Every bound of this crate, with its reason. What operators may change is a setting (see [`crate::settings`]).

use std::time::Duration;

/// Password computations at once: each takes 19 MiB and a core, and the mail itself wants a core too.
pub const HASHES_AT_ONCE: usize = 2;
/// Log-ins of one network (/24, /48) that wait for a computation, one behind the other, with the one at work: an office that
/// comes back after a restart. Alone, the last one waits about three seconds.
pub const HASHES_WAITING_MAX: usize = 64;
/// Networks of which somebody waits. Each has one computation in turn, so a newcomer waits for one of each: about six
/// seconds when all of them guess, which every mail program bears.
pub const NETWORKS_WAITING_MAX: usize = 256;
/// Log-ins remembered as right, so that a program that logs in for each message costs one argon2 in ten minutes.
pub const VERIFIED_MAX: usize = 4_096;
/// Accounts that are remembered for their next log-in.
pub const ACCOUNTS_CACHED_MAX: usize = VERIFIED_MAX;
/// Octets of a user's name up to which it is remembered: no address is longer (RFC 5321 §4.5.3.1).
pub const LOGIN_CACHED_BYTES_MAX: usize = 64 + 1 + 255;
/// How long a log-in is remembered as right.
pub const VERIFIED_FOR: Duration = Duration::from_mins(10);
/// Octets of a password that are looked at; longer ones are wrong. RFC 8265 sets no limit, argon2 is linear in it.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// Failed log-ins within [`FAILURES_WINDOW`] that close an address or an account for a while.
pub const FAILURES_MAX: u32 = 10;
/// The same for a network (/24, /48): three times as many, as many people may stand behind it.
pub const NETWORK_FAILURES_MAX: u32 = 30;
/// Window of the failed log-ins, and the first lock.
pub const FAILURES_WINDOW: Duration = Duration::from_mins(10);
/// The longest lock: guessing is slow enough then, and nobody stays out for long.
pub const LOCK_MAX: Duration = Duration::from_hours(1);
/// Wrong passwords remembered per account, so that a device with an old one counts once.
pub const WRONG_REMEMBERED_MAX: usize = 32;
/// How long a wrong password counts as the same one.
pub const WRONG_REMEMBERED_FOR: Duration = Duration::from_hours(24);
/// How long an address is known for an account that logged in from it.
pub const KNOWN_FOR: Duration = Duration::from_hours(720);

/// How long failed log-ins are gathered from the first lock on before the operator is told: by then there are figures, and it
/// is early enough.
pub const LOCKS_GATHERED_FOR: Duration = Duration::from_mins(10);
/// How often the operator, and the owner of an account, are told of guessed passwords at most: mail that comes more often
/// is not read.
pub const LOCKS_TOLD_EVERY: Duration = Duration::from_hours(24);
/// Networks whose failed log-ins are counted for the operator. Those that go on stay.
pub const NETWORKS_COUNTED_MAX: usize = 4_096;
/// Networks that the operator's notice names.
pub const NETWORKS_NAMED_MAX: usize = 10;
/// Locked accounts that it names.
pub const ACCOUNTS_NAMED_MAX: usize = 50;
/// Lines about failed log-ins that the log gets from one network in a minute: whoever looks for one typing error finds it,
/// and no flood fills the disk.
pub const LOG_IN_LINES_PER_MINUTE: u32 = 10;
/// Networks whose lines are counted; one that is forgotten begins its minute anew.
pub const LINES_MAX: usize = 16_384;

/// Addresses, networks and accounts whose guessing is watched.
pub const GUESSERS_MAX: usize = 65_536;
/// Addresses and networks whose connections and rates are counted: about 10 MiB when full.
pub const PEERS_MAX: usize = 65_536;
/// Addresses that have waited for the greeting once.
pub const GREETED_MAX: usize = 65_536;
/// How long they need not wait again.
pub const GREETED_FOR: Duration = Duration::from_hours(720);
/// Accounts whose sending is counted in memory; others are read back from the store.
pub const QUOTAS_MAX: usize = 10_000;

/// How long the name of a stranger is looked for before its greeting: a living resolver needs less, and no session shall
/// be late because of a dead one.
pub const NAME_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers about recipients that the directory remembers.
pub const RECIPIENTS_CACHED_MAX: usize = 16_384;
/// Accounts behind one alias whose room is looked at in RCPT. With more of them one will have room.
pub const ALIAS_QUOTAS_MAX: usize = 16;
/// Answers of next hops about recipients of relay domains that are remembered.
pub const CALLOUTS_CACHED_MAX: usize = 16_384;
/// How long a next hop's yes is remembered.
pub const CALLOUT_YES_FOR: Duration = Duration::from_hours(24);
/// How long its no is.
pub const CALLOUT_NO_FOR: Duration = Duration::from_hours(1);
/// Probes at once; a dictionary attack must not become our attack on the next hop.
pub const CALLOUTS_AT_ONCE: usize = 8;
/// Probes per minute over all next hops.
pub const CALLOUTS_PER_MINUTE: u32 = 120;
/// How long a probe may take: less than any client waits for the reply to RCPT.
pub const CALLOUT_TIMEOUT: Duration = Duration::from_secs(30);

/// Octets of a submitted message that are held in memory for repair; the body of a larger one passes unchanged.
pub const REPAIR_BYTES_MAX: usize = 256 * 1024;
/// Octets of submitted messages that are held in memory over all sessions. Beyond it each goes on to the store as soon as
/// its header is complete, repaired at the header only.
pub const HELD_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Octets of a header that are looked at. The session refuses larger ones.
pub const HEADER_BYTES_MAX: usize = 256 * 1024;
const _: () = assert!(REPAIR_BYTES_MAX >= HEADER_BYTES_MAX);
/// Different subaddresses that one header may write as: each costs a look into the store, and people use one or two.
pub const SUBADDRESSES_MAX: usize = 16;

/// Recipients of one message that a program of this host hands in, aliases expanded: a mailing without a list manager. It
/// is trusted more than a stranger, but each costs a row.
pub const SUBMIT_RECIPIENTS_MAX: usize = rohrpost_submit::limits::RECIPIENTS_MAX;
/// Octets of the start of such a message that are kept to be returned, where a recipient was refused: most headers.
pub const RETURNED_HEAD_BYTES_MAX: usize = 64 * 1024;

/// Aliases that lead to aliases. `postmaster: root` and `root: ann` are two; who needs ten has lost the thread.
pub const ALIAS_DEPTH_MAX: usize = 10;
/// Octets of a file of aliases, and of one that it includes: more than 10,000 addresses.
pub const ALIAS_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Messages per hour with the null path from one account: read receipts (RFC 8098 §3) are rare.
pub const NULL_PATH_PER_HOUR: u32 = 20;
