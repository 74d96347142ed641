//! Bounds of the client session, each with its reason.

/// Recipients in one transaction where the server says nothing (RFC 9422): what every server has to take by RFC 5321
/// §4.5.3.1.8. Many answer 452 to the next one.
pub const RECIPIENTS_MAX: usize = 100;

/// Recipients in one transaction where the server allows more: one flight of commands is held in memory.
pub const RECIPIENTS_OFFERED_MAX: usize = 1_000;
const _: () = assert!(RECIPIENTS_OFFERED_MAX >= RECIPIENTS_MAX);

/// Octets of one chunk of BDAT. The count stands before the octets, so that a chunk is held in memory whole.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Chunks that may wait for their reply. More would not make a transfer faster, only a refusal later.
pub const CHUNKS_WAITING_MAX: usize = 8;

/// Octets waiting to be written above which the session asks for no more of the body.
pub const WAITING_BYTES_MAX: usize = 64 * 1024;

/// Names of mechanisms and of the server that are kept for messages to people, in octets.
pub const NAME_BYTES_MAX: usize = 255;

/// Mechanisms of AUTH that are kept. No server has more.
pub const MECHANISMS_MAX: usize = 32;

/// Lines of a dialogue that are kept for messages to people: a greeting, a log-in and a transaction with room to spare.
pub const TRANSCRIPT_LINES_MAX: usize = 120;

/// Octets of one such line.
pub const TRANSCRIPT_LINE_BYTES_MAX: usize = 512;
