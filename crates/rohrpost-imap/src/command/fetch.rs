//! FETCH.

use super::{FieldName, Messages};

/// FETCH (RFC 9051 §6.4.5).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetch {
    /// Whether the numbers are UIDs. UID is told then whether [`Self::items`] has it or not.
    pub uid: bool,
    /// Which messages.
    pub messages: Messages,
    /// What of them, at least one item. The macros ALL, FAST and FULL are spelt out here.
    pub items: Vec<FetchItem>,
    /// CHANGEDSINCE (RFC 7162 §3.1.4.1): only messages whose MODSEQ is above this one, and MODSEQ with each.
    pub changed_since: Option<u64>,
    /// VANISHED (RFC 7162 §3.2.6): also the UIDs that went since. Only with `uid` and `changed_since`.
    pub vanished: bool,
}

/// A data item of FETCH.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum FetchItem {
    /// UID
    Uid,
    /// FLAGS
    Flags,
    /// INTERNALDATE
    InternalDate,
    /// ENVELOPE
    Envelope,
    /// BODY without brackets: the structure without its extension data.
    Body,
    /// BODYSTRUCTURE
    BodyStructure,
    /// RFC822 (RFC 3501 §6.4.5): the message, which sets `\Seen`.
    Rfc822,
    /// RFC822.HEADER (RFC 3501 §6.4.5): the header, which does not set `\Seen`.
    Rfc822Header,
    /// RFC822.TEXT (RFC 3501 §6.4.5): the text, which sets `\Seen`.
    Rfc822Text,
    /// RFC822.SIZE
    Rfc822Size,
    /// `BODY[…]`, `BODY.PEEK[…]`
    Section {
        /// Which part of the message.
        section: Section,
        /// `<…>`: which octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` is left as it is.
        peek: bool,
    },
    /// `BINARY[…]`, `BINARY.PEEK[…]` (RFC 3516): a part without its transfer encoding.
    Binary {
        /// The part; empty for the whole message.
        part: Part,
        /// `<…>`: which octets of it.
        partial: Option<Partial>,
        /// Whether `\Seen` is left as it is.
        peek: bool,
    },
    /// `BINARY.SIZE[…]` (RFC 3516)
    BinarySize(Part),
    /// MODSEQ (RFC 7162 §3.1.5)
    ModSeq,
    /// EMAILID (RFC 8474 §5.1)
    EmailId,
    /// THREADID (RFC 8474 §5.2)
    ThreadId,
    /// SAVEDATE (RFC 8514)
    SaveDate,
    /// PREVIEW (RFC 8970)
    Preview {
        /// `(LAZY)`: only if it costs nothing.
        lazy: bool,
    },
}

/// The number of a part (RFC 9051 §6.4.5.1): `[4, 2]` for `4.2`; empty for the message itself. No number is 0, and there
/// are at most [`PART_DEPTH_MAX`](crate::limits::PART_DEPTH_MAX).
pub type Part = Vec<u32>;

/// What stands between the brackets of `BODY[…]`.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Section {
    /// Of which part.
    pub part: Part,
    /// Which text of it; without, all of it.
    pub text: Option<SectionText>,
}

/// A text of a message or part.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum SectionText {
    /// HEADER
    Header,
    /// HEADER.FIELDS: these fields, in the client's order, at least one.
    HeaderFields(Vec<FieldName>),
    /// HEADER.FIELDS.NOT: all fields but these.
    HeaderFieldsNot(Vec<FieldName>),
    /// TEXT
    Text,
    /// MIME: the header of a part. Never of the message itself.
    Mime,
}

/// `<first.octets>`
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Partial {
    /// The first octet, counted from 0.
    pub first: u64,
    /// How many octets at most, not 0.
    pub octets: u64,
}
