//! Every bound of this crate, with its reason.

use std::time::Duration;

/// CNAMEs followed from one name. RFC 5321 §5.1 forbids them at mail hosts, everybody follows them all the same; real
/// chains have one or two.
pub const CNAME_DEPTH_MAX: usize = 8;

/// MX hosts of a domain that are looked at, the preferred ones first.
pub const MX_HOSTS_MAX: usize = 20;

/// Addresses of one host that are kept.
pub const HOST_ADDRESSES_MAX: usize = 16;

/// Addresses that one attempt tries to connect to.
pub const ATTEMPT_ADDRESSES_MAX: usize = 5;

/// Sessions that one attempt opens: servers that answer but do not take the mail.
pub const ATTEMPT_SESSIONS_MAX: usize = 2;

/// Names of one address that are confirmed.
pub const PTR_NAMES_MAX: usize = 3;

/// Answers that are kept for as long as they are valid.
pub const CACHED_ANSWERS_MAX: u64 = 4_096;

/// Negative answers are kept no longer, whatever their zone says: a domain that was just set up should not wait.
pub const NEGATIVE_TTL_MAX: Duration = Duration::from_mins(15);

/// All queries for one name and type together, with their retries and signatures.
pub const LOOKUP_TIME_MAX: Duration = Duration::from_secs(30);

/// TLSA records of one server that are looked at. Two are there while a key is replaced, and two more for an authority.
pub const TLSA_RECORDS_MAX: usize = 16;

/// Octets of the key of an MX set before its tail becomes a digest.
pub const SITE_BYTES_MAX: usize = 120;

/// Servers of one service: whoever asks for them takes the first.
pub const SERVICES_MAX: usize = 20;
