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

/// Messages that one page of FETCH holds: enough that asking for the next one costs little, and few enough that whoever
/// fetches a whole mailbox holds a small part of it.
pub const FETCH_ROWS: usize = 256;
/// Messages of one APPEND (RFC 3502): those that are whole wait in memory, or in files, for the last one.
pub const APPENDED_AT_ONCE_MAX: usize = 1_000;
const _: () = assert!(APPENDED_AT_ONCE_MAX <= rohrpost_store::limits::CHANGED_AT_ONCE_MAX);

/// Messages that are read ahead: clients fetch one after the other, and one read of the store gives many.
pub const AHEAD_MESSAGES_MAX: usize = 32;
/// Octets of them: 1,000 sessions that fetch hold 128 MiB.
pub const AHEAD_OCTETS_MAX: usize = 128 * 1024;
/// How long a session of IMAP that is asked for nothing keeps what it has read ahead.
pub const AHEAD_TIME_MAX: Duration = Duration::from_secs(5);

/// Octets of a request on the control socket.
pub const CONTROL_REQUEST_BYTES_MAX: usize = 1024 * 1024;
/// Octets of an answer on the control socket.
pub const CONTROL_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Connections to the control socket at once.
pub const CONTROL_CONNECTIONS_MAX: usize = 32;
/// How long a frame may take on the control socket, and how long a caller may be idle.
pub const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

/// Octets of a frame of a submission: a message goes in many, and neither side holds more than one.
pub const SUBMIT_FRAME_BYTES_MAX: usize = rohrpost_submit::limits::FRAME_BYTES_MAX;
/// Octets of submissions that are read ahead: a short one comes in one read.
pub const SUBMIT_READ_BYTES: usize = 8 * 1024;
/// Submissions of one user at once; the next ones wait. So many fill the batches of the store
/// ([`rohrpost_store::limits::CROWD_MAX`]) when half of them are on their way to it or back.
pub const SUBMIT_SESSIONS_PER_UID_MAX: usize = 128;
/// Programs of one user at once that wait for the first attempt; the next ones hear at once that it has not ended yet. Each
/// asks the store twice a second for up to a minute.
pub const SUBMIT_WAITERS_PER_UID_MAX: usize = 16;
/// How long a submission beyond the bound waits. A program gives up after [`SUBMIT_PATIENCE`] and leaves its message in the drop directory.
pub const SUBMIT_PLACE_TIMEOUT: Duration = Duration::from_secs(8);
/// Connections to the submit socket at once, over all users; more are closed, and their programs turn to the drop
/// directory. Those that wait hold a descriptor and [`SUBMIT_READ_BYTES`].
pub const SUBMIT_CONNECTIONS_MAX: usize = 2_048;
/// How long a program may take for its next frame: it has read its message before it connects.
pub const SUBMIT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a program waits for the server before it takes it to be down.
pub const SUBMIT_PATIENCE: Duration = rohrpost_submit::limits::PATIENCE;
const _: () = assert!(SUBMIT_PLACE_TIMEOUT.as_secs() < SUBMIT_PATIENCE.as_secs());

/// How often the drop directory is looked at when no event says that something is in it.
pub const DROP_PAUSE: Duration = Duration::from_mins(1);
/// Files of one user that one look at the drop directory takes, so that one who fills it does not keep others waiting.
pub const DROP_FILES_PER_UID_MAX: usize = 1_000;
/// Age at which an unfinished file is removed: whoever wrote it has given up long ago.
pub const DROP_UNFINISHED_AGE_MAX: Duration = Duration::from_hours(24);
/// Octets that a drop file may have beside the message: frames, and an envelope of ten thousand recipients.
pub const DROP_OVERHEAD_BYTES_MAX: u64 = 32 * 1024 * 1024;
