//! What APPEND says of a message before its octets.

use jiff::Timestamp;

use super::Flag;

/// One message of APPEND (RFC 9051 §6.3.12, RFC 3502).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AppendMessage {
    /// The flags it gets; none of them is there twice.
    pub flags: Vec<Flag>,
    /// Its INTERNALDATE; without, it is the time of arrival.
    pub at: Option<Timestamp>,
    /// How many octets follow. Not zero: an empty literal is no message but gives up the command (RFC 3502 §6.3.11).
    pub octets: u64,
    /// Whether the client waits for a continuation before it sends them.
    pub synchronizing: bool,
    /// `~{…}` (RFC 3516 §4.4, RFC 9051 §4.3): may hold NUL.
    pub binary: bool,
    /// `UTF8 (~{…})` (RFC 6855 §4): may have UTF-8 in its header.
    pub utf8: bool,
}
