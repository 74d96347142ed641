//! Bounds of the sender, each with its reason.

use std::time::Duration;

/// Messages that go to one server at the same time where nobody says otherwise: what most relays allow one account.
pub const CONCURRENCY: usize = 5;

/// How long a port that should greet may keep silent before [`Security::Auto`](crate::Security::Auto) tries TLS from the
/// first octet there. Submission servers greet at once, unless they wait for TLS (RFC 8314 §3.3) or look up a name that does
/// not answer; who is only slow is waited for after all, since the handshake shows that it greets in clear.
pub const SILENCE: Duration = Duration::from_secs(4);

/// The same on port 25, where servers that guard against spam let strangers wait on purpose, and hold it against them when
/// they speak first.
pub const SILENCE_ON_25: Duration = Duration::from_secs(20);

/// Dialogues that a transcript holds. More servers than this are seldom asked; what the last ones said tells most.
pub const DIALOGUES_MAX: usize = 10;

/// Octets that a [`Sink`](crate::Sink) keeps: more than any test sends, less than a machine has.
pub const SINK_OCTETS_MAX: usize = 256 << 20;

/// Names that a [`FileSink`](crate::FileSink) tries for messages of the same id.
pub const FILE_NAMES_TRIED_MAX: usize = 1_000;

/// Octets of a file of known servers: some 10,000 of them. A larger file is none.
pub const KNOWN_SERVERS_BYTES_MAX: u64 = 1 << 20;

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
