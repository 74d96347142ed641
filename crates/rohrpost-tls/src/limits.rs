//! Every bound of this crate, with its reason.

use std::time::Duration;

/// Certificates of a peer's chain that are looked at. Real chains have two to four; path building is work that a peer
/// must not be able to order.
pub const CHAIN_CERTIFICATES_MAX: usize = 16;

/// Destinations whose sessions and settings are kept for resumption. Each costs a few KiB.
pub const DESTINATIONS_MAX: usize = 256;

/// Names of a certificate that a reason in words lists; a certificate may hold hundreds.
pub const NAMES_SHOWN_MAX: usize = 4;

/// Octets of a text out of a peer's certificate that a reason in words shows.
pub const TEXT_BYTES_MAX: usize = 128;

/// Octets of a PEM file. A chain with its key has less than 32 KiB; the system's bundle of authorities about 256 KiB.
pub const PEM_FILE_BYTES_MAX: u64 = 4 << 20;

/// How often the files of a [`crate::CertStore`] are looked at.
pub const CERTIFICATE_POLL: Duration = Duration::from_secs(30);

/// How long a self-signed certificate of first start is valid. It lasts until a real one takes its place.
pub const SELF_SIGNED_DAYS: u32 = 3650;

/// What is left of a self-signed certificate when the next start makes a new one.
pub const SELF_SIGNED_RENEW_DAYS: u32 = 30;

/// Octets of an answer over HTTPS. Tokens have a few KiB, policies (RFC 8461 §3.2) at most 64.
pub const HTTP_BODY_BYTES_MAX: usize = 64 * 1024;

/// How long a request over HTTPS may take as a whole. Somebody waits for it.
pub const HTTP_TIME_MAX: Duration = Duration::from_secs(30);
