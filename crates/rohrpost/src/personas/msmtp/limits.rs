//! How much the persona takes. Each bound has its reason here.

/// Octets a line of msmtprc may have before a warning: msmtp itself refuses longer ones.
pub(super) const LINE_BYTES: usize = 500;
/// Octets a line of msmtprc may have at all. OAuth tokens of 4 KiB exist; 64 KiB is no line any more.
pub(super) const LINE_BYTES_MAX: usize = 64 << 10;
/// Octets of a configuration, netrc or alias file. They are written by hand.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;
/// Octets of what `eval` and `passwordeval` print. Only the first line counts.
pub(super) const OUTPUT_BYTES_MAX: u64 = 64 << 10;
/// How often an alias may lead to another.
pub(super) const ALIAS_DEPTH_MAX: usize = 20;
/// Recipients of one message.
pub(super) const RECIPIENTS_MAX: usize = 10_000;

const _: () = assert!(LINE_BYTES < LINE_BYTES_MAX);
const _: () = assert!(LINE_BYTES_MAX as u64 <= FILE_BYTES_MAX);
