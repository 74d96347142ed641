//! Bounds of the builder, each with its reason.

use rohrpost_mail::encode::BASE64_LINE_DATA_BYTES;

/// Octets of a file that are read at once. They make 840 lines of base64, which fill 64 KiB: what the client hands to
/// the session in one go.
pub(super) const READ_BYTES: usize = 840 * BASE64_LINE_DATA_BYTES;

/// Octets of a message that is attached as a message. It must not travel in base64 (RFC 2046 §5.2.1), so it is read
/// while the mail is built; larger ones go as files.
pub(super) const NESTED_MESSAGE_BYTES_MAX: u64 = 32 << 20;

/// Octets of an envelope id (RFC 3461 §5.4), which is counted as it is written: `+`, `=` and blanks take three.
pub(super) const ENVID_BYTES_MAX: usize = 100;

/// Octets of a message id or of an address on the web, so that its line stays below 998.
pub(super) const TOKEN_BYTES_MAX: usize = 800;
