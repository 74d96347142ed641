//! Bounds of the sender, each with its reason.

use std::time::Duration;

/// Messages that go to one server at the same time where nobody says otherwise: what most relays allow one account.
pub const CONCURRENCY: usize = 5;

/// How long a port that should greet may keep silent before [`Security::Auto`](crate::Security::Auto) tries TLS from the
/// first octet there. Servers that let strangers wait before they greet stay below it.
pub const SILENCE: Duration = Duration::from_secs(20);

/// How long a server is spared after it asked for a slower pace, and how long each step back takes.
pub const SPARED_FOR: Duration = Duration::from_mins(10);

/// Halvings of a rate. A sixteenth of what was allowed is as good as a pause.
pub const HALVINGS_MAX: u32 = 4;

/// Between two halvings. Messages that were under way together are refused together, and count once.
pub const HALVING_EVERY: Duration = Duration::from_mins(1);

/// The share of a rate that may go at once: `250/h` lets 25 messages pass before it makes them wait, so that an hour never
/// sees more than a tenth above the rate.
pub const BURST_SHARE: u32 = 10;

/// Octets of an HTTP proxy's answer to CONNECT. It has no body; some proxies add pages of fields.
pub const PROXY_ANSWER_BYTES_MAX: usize = 16 * 1024;
