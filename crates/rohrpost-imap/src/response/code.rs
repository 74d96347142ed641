//! Response codes (RFC 9051 §7.1, RFC 5530 and the extensions).

use std::ops::RangeInclusive;

use super::fetch::print_flags;
use crate::{
    command::{Flag, ObjectId},
    sequence::{print_ranges, push_number},
};

/// The part of a status response that programs read.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Code {
    /// ALERT: show the text to the user.
    Alert,
    /// ALREADYEXISTS
    AlreadyExists,
    /// APPENDUID: what the appended messages became.
    AppendUid {
        /// UIDVALIDITY of the mailbox.
        uid_validity: u32,
        /// The UIDs, in the order of the messages.
        uids: Vec<RangeInclusive<u32>>,
    },
    /// AUTHENTICATIONFAILED
    AuthenticationFailed,
    /// BADCHARSET: with those that are known.
    BadCharset,
    /// CANNOT
    Cannot,
    /// CAPABILITY
    Capability(Vec<String>),
    /// CLIENTBUG
    ClientBug,
    /// CLOSED: what follows is about the mailbox selected now (RFC 7162 §3.2.11).
    Closed,
    /// CONTACTADMIN
    ContactAdmin,
    /// COPYUID: what copied or moved messages became.
    CopyUid {
        /// UIDVALIDITY of the target.
        uid_validity: u32,
        /// UIDs in the source.
        source: Vec<RangeInclusive<u32>>,
        /// UIDs in the target, in the same order.
        target: Vec<RangeInclusive<u32>>,
    },
    /// CORRUPTION
    Corruption,
    /// EXPUNGEISSUED
    ExpungeIssued,
    /// HASCHILDREN
    HasChildren,
    /// HIGHESTMODSEQ (RFC 7162 §3.1.2.1)
    HighestModSeq(u64),
    /// INUSE
    InUse,
    /// LIMIT
    Limit,
    /// MAILBOXID (RFC 8474 §4)
    MailboxId(ObjectId),
    /// MODIFIED: messages that STORE left alone (RFC 7162 §3.1.3).
    Modified(Vec<RangeInclusive<u32>>),
    /// NOMODSEQ (RFC 7162 §3.1.2.2)
    NoModSeq,
    /// NONEXISTENT
    NonExistent,
    /// NOPERM
    NoPerm,
    /// NOTSAVED: `$` is empty now (RFC 9051 §7.1).
    NotSaved,
    /// OVERQUOTA
    OverQuota,
    /// PARSE: a message is not as messages should be.
    Parse,
    /// PERMANENTFLAGS: what can be changed for good; `keywords` says that new keywords can be made (`\*`).
    PermanentFlags {
        /// The flags.
        flags: Vec<Flag>,
        /// Whether new keywords can be made.
        keywords: bool,
    },
    /// PRIVACYREQUIRED: only over TLS.
    PrivacyRequired,
    /// READ-ONLY
    ReadOnly,
    /// READ-WRITE
    ReadWrite,
    /// SERVERBUG
    ServerBug,
    /// TOOBIG (RFC 4469 §4.2)
    TooBig,
    /// TRYCREATE
    TryCreate,
    /// UIDNEXT
    UidNext(u32),
    /// UIDVALIDITY
    UidValidity(u32),
    /// UNAVAILABLE
    Unavailable,
    /// UNKNOWN-CTE: a part whose transfer encoding BINARY cannot undo (RFC 3516 §4.3).
    UnknownCte,
    /// UNSEEN: the number of the first unseen message (RFC 3501 §7.1).
    Unseen(u32),
    /// USEATTR: the special use cannot be had (RFC 6154 §3).
    UseAttr,
}

impl Code {
    /// Writes the code without its brackets.
    pub(super) fn print(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.name().as_bytes());
        match self {
            Self::AppendUid { uid_validity, uids } => {
                number(out, (*uid_validity).into());
                set(out, uids);
            }
            Self::CopyUid { uid_validity, source, target } => {
                number(out, (*uid_validity).into());
                set(out, source);
                set(out, target);
            }
            Self::BadCharset => out.extend_from_slice(b" (US-ASCII UTF-8)"),
            Self::Capability(names) => names.iter().for_each(|name| word(out, name)),
            Self::HighestModSeq(modseq) => number(out, *modseq),
            Self::MailboxId(id) => {
                out.extend_from_slice(b" (");
                out.extend_from_slice(id.as_str().as_bytes());
                out.push(b')');
            }
            Self::Modified(messages) => set(out, messages),
            Self::PermanentFlags { flags, keywords } => {
                out.push(b' ');
                print_flags(out, flags.iter().map(Flag::as_str).chain(keywords.then_some("\\*")));
            }
            Self::UidNext(uid) | Self::UidValidity(uid) | Self::Unseen(uid) => number(out, (*uid).into()),
            _ => {}
        }
    }

    /// Its name: `TRYCREATE`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Alert => "ALERT",
            Self::AlreadyExists => "ALREADYEXISTS",
            Self::AppendUid { .. } => "APPENDUID",
            Self::AuthenticationFailed => "AUTHENTICATIONFAILED",
            Self::BadCharset => "BADCHARSET",
            Self::Cannot => "CANNOT",
            Self::Capability(_) => "CAPABILITY",
            Self::ClientBug => "CLIENTBUG",
            Self::Closed => "CLOSED",
            Self::ContactAdmin => "CONTACTADMIN",
            Self::CopyUid { .. } => "COPYUID",
            Self::Corruption => "CORRUPTION",
            Self::ExpungeIssued => "EXPUNGEISSUED",
            Self::HasChildren => "HASCHILDREN",
            Self::HighestModSeq(_) => "HIGHESTMODSEQ",
            Self::InUse => "INUSE",
            Self::Limit => "LIMIT",
            Self::MailboxId(_) => "MAILBOXID",
            Self::Modified(_) => "MODIFIED",
            Self::NoModSeq => "NOMODSEQ",
            Self::NonExistent => "NONEXISTENT",
            Self::NoPerm => "NOPERM",
            Self::NotSaved => "NOTSAVED",
            Self::OverQuota => "OVERQUOTA",
            Self::Parse => "PARSE",
            Self::PermanentFlags { .. } => "PERMANENTFLAGS",
            Self::PrivacyRequired => "PRIVACYREQUIRED",
            Self::ReadOnly => "READ-ONLY",
            Self::ReadWrite => "READ-WRITE",
            Self::ServerBug => "SERVERBUG",
            Self::TooBig => "TOOBIG",
            Self::TryCreate => "TRYCREATE",
            Self::UidNext(_) => "UIDNEXT",
            Self::UidValidity(_) => "UIDVALIDITY",
            Self::Unavailable => "UNAVAILABLE",
            Self::UnknownCte => "UNKNOWN-CTE",
            Self::Unseen(_) => "UNSEEN",
            Self::UseAttr => "USEATTR",
        }
    }
}

fn word(out: &mut Vec<u8>, word: &str) {
    out.push(b' ');
    out.extend_from_slice(word.as_bytes());
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.push(b' ');
    push_number(out, number);
}

fn set(out: &mut Vec<u8>, ranges: &[RangeInclusive<u32>]) {
    out.push(b' ');
    print_ranges(out, ranges.iter().cloned());
}
