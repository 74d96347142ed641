//! SEARCH, SORT and THREAD.

use jiff::civil::Date;

use super::{FieldName, Flag, Messages, ObjectId};

/// SEARCH (RFC 9051 §6.4.4).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Search {
    /// Whether the answer's numbers are UIDs.
    pub uid: bool,
    /// RETURN (RFC 4731, RFC 5182); without, the answer is that of RFC 3501 unless IMAP4rev2 is enabled.
    pub returns: Option<SearchReturn>,
    /// In what the texts came. They are UTF-8 here already.
    pub charset: Option<Charset>,
    /// Which messages.
    pub key: SearchKey,
}

/// What SEARCH tells. `RETURN ()` asks for [`Self::all`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SearchReturn {
    /// MIN
    pub min: bool,
    /// MAX
    pub max: bool,
    /// ALL
    pub all: bool,
    /// COUNT
    pub count: bool,
    /// SAVE (RFC 5182): keep the result as `$`.
    pub save: bool,
}

/// A charset whose texts are read. Others are answered NO with BADCHARSET.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Charset {
    /// US-ASCII
    UsAscii,
    /// UTF-8
    Utf8,
}

/// What a message must be like. Texts are UTF-8; they are looked for as substrings without regard to case.
///
/// The UN… keys are spelt as [`Self::Not`], and NEW as what it stands for, so that nobody below has two cases for one
/// thing.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SearchKey {
    /// ALL
    All,
    /// Every one of these; at least two.
    And(Vec<SearchKey>),
    /// OR
    Or(Box<(SearchKey, SearchKey)>),
    /// NOT
    Not(Box<SearchKey>),
    /// Message numbers.
    Sequence(Messages),
    /// UID
    Uid(Messages),
    /// SEEN, KEYWORD and the like.
    Flag(Flag),
    /// RECENT (RFC 3501 §6.4.4): OLD is its opposite.
    Recent,
    /// LARGER: more octets than this.
    Larger(u64),
    /// SMALLER: fewer octets than this.
    Smaller(u64),
    /// BEFORE: the INTERNALDATE, without time and zone, is before this day.
    Before(Date),
    /// ON
    On(Date),
    /// SINCE: this day or later.
    Since(Date),
    /// SENTBEFORE: the same of the Date field.
    SentBefore(Date),
    /// SENTON
    SentOn(Date),
    /// SENTSINCE
    SentSince(Date),
    /// SAVEDBEFORE (RFC 8514): the same of the SAVEDATE.
    SavedBefore(Date),
    /// SAVEDON (RFC 8514)
    SavedOn(Date),
    /// SAVEDSINCE (RFC 8514)
    SavedSince(Date),
    /// SAVEDATESUPPORTED (RFC 8514)
    SaveDateSupported,
    /// OLDER (RFC 5032): the INTERNALDATE is this many seconds back or more. Not 0.
    Older(u32),
    /// YOUNGER (RFC 5032): the INTERNALDATE is this many seconds back or less. Not 0.
    Younger(u32),
    /// HEADER, and FROM, TO, CC, BCC, SUBJECT: the field holds this text. With an empty text: there is such a field.
    Header(FieldName, String),
    /// BODY: without the header.
    Body(String),
    /// TEXT: header and body.
    Text(String),
    /// MODSEQ (RFC 7162 §3.1.5)
    ModSeq(ModSeqSearch),
    /// EMAILID (RFC 8474 §6)
    EmailId(ObjectId),
    /// THREADID (RFC 8474 §6)
    ThreadId(ObjectId),
}

/// MODSEQ of SEARCH. The name and type of a flag that may stand before the number are of no use to a server that has one
/// MODSEQ per message, and are dropped.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ModSeqSearch {
    /// The message's MODSEQ is this or above.
    pub at_least: u64,
}

/// SORT (RFC 5256 §3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sort {
    /// Whether the answer's numbers are UIDs.
    pub uid: bool,
    /// By what, most important first; at least one.
    pub criteria: Vec<SortCriterion>,
    /// In what the texts came.
    pub charset: Charset,
    /// Which messages.
    pub key: SearchKey,
}

/// One criterion of SORT.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SortCriterion {
    /// REVERSE: largest first.
    pub reverse: bool,
    /// By what.
    pub key: SortKey,
}

/// By what SORT orders.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SortKey {
    /// ARRIVAL: INTERNALDATE
    Arrival,
    /// CC: the local part of the first address.
    Cc,
    /// DATE: the Date field, or INTERNALDATE where there is none.
    Date,
    /// FROM: the local part of the first address.
    From,
    /// SIZE: octets
    Size,
    /// SUBJECT: the base subject (RFC 5256 §2.1).
    Subject,
    /// TO: the local part of the first address.
    To,
}

/// THREAD (RFC 5256 §3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Thread {
    /// Whether the answer's numbers are UIDs.
    pub uid: bool,
    /// How threads are found.
    pub algorithm: ThreadAlgorithm,
    /// In what the texts came.
    pub charset: Charset,
    /// Which messages.
    pub key: SearchKey,
}

/// How THREAD finds threads.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ThreadAlgorithm {
    /// ORDEREDSUBJECT
    OrderedSubject,
    /// REFERENCES
    References,
}
