//! Server and mailbox data (RFC 9051 §7.2 to §7.5.1).

use std::ops::RangeInclusive;

use super::{
    Wire,
    fetch::print_flags,
    string::{nstring, quoted, string},
};
use crate::{
    command::{Flag, ObjectId, SpecialUse, StatusItem, Tag},
    mailbox_name::{MailboxName, SEPARATOR},
    sequence::{print_ranges, push_number},
};

/// An untagged response that is no status, FETCH excepted.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Data {
    /// CAPABILITY
    Capability(Vec<String>),
    /// ENABLED
    Enabled(Vec<String>),
    /// ID (RFC 2971): what the server tells of itself.
    Id(Vec<(String, String)>),
    /// NAMESPACE: one personal namespace without a prefix, no others.
    Namespace,
    /// LIST
    List(ListData),
    /// LSUB (RFC 3501 §7.2.3)
    Lsub(ListData),
    /// LIST of the separator only, for an empty pattern.
    Separator,
    /// STATUS
    Status(MailboxName, StatusData),
    /// FLAGS: those that messages of the mailbox have.
    Flags(Vec<Flag>),
    /// EXISTS
    Exists(u32),
    /// RECENT (RFC 3501 §7.3.2)
    Recent(u32),
    /// EXPUNGE
    Expunge(u32),
    /// VANISHED (RFC 7162 §3.2.10)
    Vanished {
        /// Whether the messages went before this session saw them: in answer to QRESYNC and FETCH VANISHED.
        earlier: bool,
        /// The UIDs; no response is written where there is none.
        uids: Vec<RangeInclusive<u32>>,
    },
    /// SEARCH (RFC 3501 §7.2.5), with the highest MODSEQ of what was found where MODSEQ was asked for.
    Search(Vec<u32>, Option<u64>),
    /// ESEARCH
    ESearch(ESearch),
    /// SORT (RFC 5256 §4), with the highest MODSEQ likewise.
    Sort(Vec<u32>, Option<u64>),
    /// THREAD (RFC 5256 §4)
    Thread(Vec<ThreadNode>),
    /// QUOTA (RFC 9208 §4.2.1)
    Quota(Quota),
    /// QUOTAROOT (RFC 9208 §4.2.2): a mailbox and its quota roots.
    QuotaRoot(MailboxName, Vec<String>),
}

/// What LIST tells of a mailbox.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ListData {
    /// Its attributes.
    pub attributes: Vec<ListAttribute>,
    /// Its name.
    pub name: MailboxName,
    /// CHILDINFO: whether a child is subscribed that does not match (RFC 5258 §3.5).
    pub child_subscribed: bool,
}

/// An attribute of a mailbox (RFC 9051 §7.3.1).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ListAttribute {
    /// `\NonExistent`
    NonExistent,
    /// `\Noselect`
    NoSelect,
    /// `\Noinferiors`
    NoInferiors,
    /// `\HasChildren`
    HasChildren,
    /// `\HasNoChildren`
    HasNoChildren,
    /// `\Marked`
    Marked,
    /// `\Unmarked`
    Unmarked,
    /// `\Subscribed`
    Subscribed,
    /// What the mailbox is for.
    SpecialUse(SpecialUse),
}

/// What STATUS tells: the items in the client's order. An item without a number is NIL, which only APPENDLIMIT can be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StatusData {
    /// Items and their numbers.
    pub items: Vec<(StatusItem, Option<u64>)>,
    /// MAILBOXID, where it was asked for.
    pub mailbox_id: Option<ObjectId>,
}

/// ESEARCH (RFC 4731): the answer to SEARCH with RETURN, and to any under IMAP4rev2.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ESearch {
    /// The command that it answers.
    pub tag: Option<Tag>,
    /// Whether its numbers are UIDs.
    pub uid: bool,
    /// MIN
    pub min: Option<u32>,
    /// MAX
    pub max: Option<u32>,
    /// ALL; not written where it is empty.
    pub all: Vec<RangeInclusive<u32>>,
    /// COUNT
    pub count: Option<u32>,
    /// MODSEQ (RFC 7162 §3.1.10)
    pub modseq: Option<u64>,
}

/// The state of a quota root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quota {
    /// Its name.
    pub root: String,
    /// Its resources that have a limit.
    pub resources: Vec<QuotaResource>,
}

/// A resource with a limit.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QuotaResource {
    /// Its name: `STORAGE` counts units of 1,024 octets, `MESSAGE` messages (RFC 9208 §5).
    pub name: &'static str,
    /// How much is used.
    pub used: u64,
    /// How much may be used.
    pub limit: u64,
}

/// A message of a thread and its answers. Threads may be as deep as the mailbox is large, so that they are a list: a
/// message, and how deep it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ThreadNode {
    /// How many messages stand above it; 0 begins a thread. At most one more than that of the node before.
    pub depth: u32,
    /// Its number; `None` for a message that is not in the mailbox and has answers that are. Only of depth 0.
    pub number: Option<u32>,
}

impl Data {
    /// Writes the response with its CRLF.
    pub fn print(&self, out: &mut Vec<u8>, wire: Wire) {
        match self {
            Self::Capability(names) => words(out, "CAPABILITY", names),
            Self::Enabled(names) => words(out, "ENABLED", names),
            Self::Id(fields) => id(out, fields),
            Self::Namespace => out.extend_from_slice(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"),
            Self::List(data) => list(out, "LIST", data, wire),
            Self::Lsub(data) => list(out, "LSUB", data, wire),
            Self::Separator => out.extend_from_slice(b"* LIST (\\Noselect) \"/\" \"\"\r\n"),
            Self::Status(name, data) => status(out, name, data, wire),
            Self::Flags(flags) => {
                out.extend_from_slice(b"* FLAGS ");
                print_flags(out, flags.iter().map(Flag::as_str));
                end(out);
            }
            Self::Exists(number) => numbered(out, *number, "EXISTS"),
            Self::Recent(number) => numbered(out, *number, "RECENT"),
            Self::Expunge(number) => numbered(out, *number, "EXPUNGE"),
            Self::Vanished { uids, .. } if uids.is_empty() => {}
            Self::Vanished { earlier, uids } => {
                out.extend_from_slice(if *earlier { b"* VANISHED (EARLIER) " } else { b"* VANISHED " });
                print_ranges(out, uids.iter().cloned());
                end(out);
            }
            Self::Search(found, modseq) => numbers(out, "SEARCH", found, *modseq),
            Self::ESearch(found) => esearch(out, found),
            Self::Sort(found, modseq) => numbers(out, "SORT", found, *modseq),
            Self::Thread(nodes) => thread(out, nodes),
            Self::Quota(data) => quota(out, data, wire),
            Self::QuotaRoot(mailbox, roots) => quota_root(out, mailbox, roots, wire),
        }
    }
}

impl ListAttribute {
    /// Its name: `\HasChildren`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NonExistent => "\\NonExistent",
            Self::NoSelect => "\\Noselect",
            Self::NoInferiors => "\\Noinferiors",
            Self::HasChildren => "\\HasChildren",
            Self::HasNoChildren => "\\HasNoChildren",
            Self::Marked => "\\Marked",
            Self::Unmarked => "\\Unmarked",
            Self::Subscribed => "\\Subscribed",
            Self::SpecialUse(special_use) => special_use.name(),
        }
    }
}

fn begin(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"* ");
    out.extend_from_slice(name.as_bytes());
}

fn end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"\r\n");
}

fn words(out: &mut Vec<u8>, name: &str, words: &[String]) {
    begin(out, name);
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word.as_bytes());
    }
    end(out);
}

fn numbered(out: &mut Vec<u8>, number: u32, name: &str) {
    out.extend_from_slice(b"* ");
    push_number(out, number.into());
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    end(out);
}

/// A word and a number, each behind a blank.
fn pair(out: &mut Vec<u8>, name: &str, number: u64) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.push(b' ');
    push_number(out, number);
}

fn id(out: &mut Vec<u8>, fields: &[(String, String)]) {
    if fields.is_empty() {
        return out.extend_from_slice(b"* ID NIL\r\n");
    }
    begin(out, "ID (");
    for (index, (name, value)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        string(out, name.as_bytes(), false);
        out.push(b' ');
        nstring(out, Some(value.as_bytes()), false);
    }
    out.extend_from_slice(b")\r\n");
}

fn list(out: &mut Vec<u8>, response: &str, data: &ListData, wire: Wire) {
    begin(out, response);
    out.push(b' ');
    print_flags(out, data.attributes.iter().map(|attribute| attribute.name()));
    out.push(b' ');
    quoted(out, SEPARATOR.encode_utf8(&mut [0; 4]));
    out.push(b' ');
    wire.mailbox(out, &data.name);
    if data.child_subscribed {
        out.extend_from_slice(b" (\"CHILDINFO\" (\"SUBSCRIBED\"))");
    }
    end(out);
}

fn status(out: &mut Vec<u8>, name: &MailboxName, data: &StatusData, wire: Wire) {
    begin(out, "STATUS ");
    wire.mailbox(out, name);
    out.extend_from_slice(b" (");
    for (index, (item, number)) in data.items.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(item.name().as_bytes());
        out.push(b' ');
        match number {
            Some(number) => push_number(out, *number),
            None => out.extend_from_slice(b"NIL"),
        }
    }
    if let Some(id) = &data.mailbox_id {
        if !data.items.is_empty() {
            out.push(b' ');
        }
        out.extend_from_slice(b"MAILBOXID (");
        out.extend_from_slice(id.as_str().as_bytes());
        out.push(b')');
    }
    out.extend_from_slice(b")\r\n");
}

fn numbers(out: &mut Vec<u8>, name: &str, found: &[u32], modseq: Option<u64>) {
    begin(out, name);
    for number in found {
        out.push(b' ');
        push_number(out, (*number).into());
    }
    if let Some(modseq) = modseq {
        out.extend_from_slice(b" (MODSEQ ");
        push_number(out, modseq);
        out.push(b')');
    }
    end(out);
}

fn esearch(out: &mut Vec<u8>, found: &ESearch) {
    begin(out, "ESEARCH");
    if let Some(tag) = &found.tag {
        out.extend_from_slice(b" (TAG ");
        quoted(out, tag.as_str());
        out.push(b')');
    }
    if found.uid {
        out.extend_from_slice(b" UID");
    }
    let numbers = [
        ("MIN", found.min.map(u64::from)),
        ("MAX", found.max.map(u64::from)),
        ("COUNT", found.count.map(u64::from)),
        ("MODSEQ", found.modseq),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            pair(out, name, number);
        }
    }
    if !found.all.is_empty() {
        out.extend_from_slice(b" ALL ");
        print_ranges(out, found.all.iter().cloned());
    }
    end(out);
}

/// `(2)(3 6 (4 23)(44 7 96))`: a message with one answer goes on in its parentheses, one with several opens them for each.
fn thread(out: &mut Vec<u8>, nodes: &[ThreadNode]) {
    begin(out, "THREAD");
    if !nodes.is_empty() {
        out.push(b' ');
    }
    let siblings = has_siblings(nodes);
    // For each message above the next one: whether it opened parentheses.
    let mut open: Vec<bool> = Vec::new();
    for (node, has_siblings) in nodes.iter().zip(siblings) {
        while open.len() > node.depth as usize {
            if open.pop() == Some(true) {
                out.push(b')');
            }
        }
        let opens = node.depth == 0 || has_siblings;
        if opens {
            if node.depth > 0 && out.last().is_some_and(u8::is_ascii_digit) {
                out.push(b' ');
            }
            out.push(b'(');
        } else if out.last().is_some_and(u8::is_ascii_digit) {
            out.push(b' ');
        }
        if let Some(number) = node.number {
            push_number(out, number.into());
        }
        open.push(opens);
    }
    out.extend(open.iter().filter(|opened| **opened).map(|_| b')'));
    end(out);
}

/// Whether each node has another one beside it, below the same message.
fn has_siblings(nodes: &[ThreadNode]) -> Vec<bool> {
    let mut siblings = vec![false; nodes.len()];
    // The last node of each depth that has the same messages above it as the current one.
    let mut last: Vec<usize> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let depth = (node.depth as usize).min(last.len());
        if let Some(before) = last.get(depth) {
            siblings[*before] = true;
            siblings[index] = true;
        }
        last.truncate(depth);
        last.push(index);
    }
    siblings
}

fn quota(out: &mut Vec<u8>, data: &Quota, wire: Wire) {
    begin(out, "QUOTA ");
    wire.name(out, &data.root);
    out.extend_from_slice(b" (");
    for (index, resource) in data.resources.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(resource.name.as_bytes());
        for number in [resource.used, resource.limit] {
            out.push(b' ');
            push_number(out, number);
        }
    }
    out.extend_from_slice(b")\r\n");
}

fn quota_root(out: &mut Vec<u8>, mailbox: &MailboxName, roots: &[String], wire: Wire) {
    begin(out, "QUOTAROOT ");
    wire.mailbox(out, mailbox);
    for root in roots {
        out.push(b' ');
        wire.name(out, root);
    }
    end(out);
}
