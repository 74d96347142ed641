//! Every bound of the web server, with its reason.

use std::time::Duration;

/// Connections at once. Each is a few KiB, and a set-up takes a handful of requests.
pub const CONNECTIONS_MAX: usize = 512;

/// Connections of one address at once: a browser opens six. Whoever opens more waits for nobody but himself.
pub const ADDRESS_CONNECTIONS_MAX: usize = 24;

/// How long the handshake and the header of each request may take.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(10);

/// How long a connection lives, with all its requests. Pages are small: who needs longer holds the place of others.
pub const CONNECTION_TIME_MAX: Duration = Duration::from_mins(1);

/// Octets of a request's header. Browsers send one to two KiB.
pub const HEADER_BYTES_MAX: usize = 16 << 10;

/// Octets of a request's content: Outlook's question has 400.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// Elements, attributes and texts of Outlook's question, which has about ten.
pub const XML_NODES_MAX: u32 = 256;

/// How long an accept loop waits after an error such as too many open files, which passes when something is closed.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(200);
