//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Octets read from a connection at once, and so the most that a session leaves untaken: a window of TCP, and 1,000
/// sessions that all wait for an answer hold 64 MiB.
pub const READ_BYTES_MAX: usize = 64 * 1024;
/// How long a peer may take to read what we wrote. RFC 5321 §4.5.3.2.7 gives clients five minutes for anything.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(5);
/// How long a TLS handshake may take.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a load balancer may take for its PROXY header.
pub const PROXY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the last octets of a closed session may take: TLS `close_notify` and FIN.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Octets of a peer that are read and dropped while we close, so that the kernel sends FIN rather than RST and the peer
/// gets to read our last reply.
pub const DRAIN_BYTES_MAX: usize = 256 * 1024;

/// Sessions at once over all listeners. With 25 KiB for an idle one this is 500 MiB.
pub const SESSIONS_MAX: usize = 20_000;
/// Sessions at once from which on only known peers get in.
pub const SESSIONS_UNKNOWN_MAX: usize = SESSIONS_MAX / 10 * 9;
/// How long an accept loop pauses when the process has no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Reply delay for each unknown recipient beyond those that may be typing errors.
pub const UNKNOWN_RECIPIENT_DELAY: Duration = Duration::from_secs(5);

/// Octets of a request on the control socket.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Octets of an answer on the control socket.
pub const CONTROL_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Connections to the control socket at once.
pub const CONTROL_CONNECTIONS_MAX: usize = 32;
/// How long a frame may take on the control socket, and how long a caller may be idle.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);
