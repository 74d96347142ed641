//! Bounds of what a peer may send or ask for.

/// Fewest iterations a client computes. RFC 5802 §5.1 and RFC 7677 §4 ask for at least this many; fewer make a recorded dialogue cheap
/// to guess from, and a hostile server would ask for one.
pub const ITERATIONS_MIN: u32 = 4_096;
/// Most iterations a client computes: about half a second on a small machine. More is an attack on the client.
pub const ITERATIONS_MAX: u32 = 1_000_000;
const _: () = assert!(ITERATIONS_MIN < ITERATIONS_MAX);

/// Octets of a decoded message of the peer. A line of RFC 4954 §4 (12,288 octets of base64) decodes to no more.
pub const MESSAGE_BYTES_MAX: usize = 9_216;
const _: () = assert!(MESSAGE_BYTES_MAX >= 12_288 / 4 * 3);

/// Octets of a user name. RFC 4616 §2 lets servers stop at 255.
pub const USER_BYTES_MAX: usize = 255;
/// Octets of a password. RFC 4616 §2 lets servers stop at 255; generated ones are sometimes longer.
pub const PASSWORD_BYTES_MAX: usize = 1_024;
const _: () = assert!(PASSWORD_BYTES_MAX >= 255);

/// Octets of a bearer token. Those of Microsoft have about 2,500; the message around one still is a message.
pub const TOKEN_BYTES_MAX: usize = 8_192;
const _: () = assert!(TOKEN_BYTES_MAX + USER_BYTES_MAX * 3 < MESSAGE_BYTES_MAX);

/// Octets of a nonce that are enough to be unique (18 octets in base64): a server refuses shorter ones of its own.
pub const NONCE_BYTES_MIN: usize = 16;
