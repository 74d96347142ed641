//! Bounds of what is read into memory, each with its reason.

/// Octets of a whole message on standard input: more than the 150 MB that the largest providers take at their most generous.
pub(super) const EML_BYTES_MAX: u64 = 160 << 20;

/// Octets of a text, from standard input or a file. Nobody reads more of it in a message; a job whose output does not end
/// must not fill the memory.
pub(super) const TEXT_BYTES_MAX: u64 = 32 << 20;
