//! SELECT and EXAMINE.

use crate::{mailbox_name::MailboxName, sequence::SequenceSet};

/// The arguments of SELECT and EXAMINE (RFC 9051 §6.3.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Select {
    /// Which mailbox.
    pub mailbox: MailboxName,
    /// CONDSTORE (RFC 7162 §3.1.8).
    pub condstore: bool,
    /// QRESYNC (RFC 7162 §3.2.5).
    pub qresync: Option<QResync>,
}

/// What a client that comes back knows of a mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QResync {
    /// The UIDVALIDITY it knows, not 0.
    pub uid_validity: u32,
    /// The highest MODSEQ it knows, not 0.
    pub modseq: u64,
    /// The UIDs it knows; without, all that there were. No `*` in it.
    pub known_uids: Option<SequenceSet>,
    /// Message numbers it knows, and their UIDs in the same order. No `*` in either.
    pub sequence_match: Option<(SequenceSet, SequenceSet)>,
}
