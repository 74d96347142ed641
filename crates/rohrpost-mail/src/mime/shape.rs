//! What a mailbox keeps of a message beside its octets.
//!
//! A [`Shape`] *is* its stored form: [`Shape::from_bytes`] checks it and copies nothing, and every answer is a slice
//! of it. The form is a table of numbers and the lengths of the pieces behind it, all little-endian; its first octet is
//! the version.

mod sections;

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use jiff::{Timestamp, civil, tz::Offset};

pub use sections::{Encoding, Section, SectionKind, Sections};

/// The first octet of the stored form.
const VERSION: u8 = 1;
/// Octets before the first piece.
const TABLE_OCTETS: usize = 36 + 4 * PIECES;
const PIECES: usize = 9;

const HAS_DATE: u8 = 1;
const IS_REPLY: u8 = 2;

/// The pieces in the order in which they are stored: what lists of mailboxes want first, the header last.
#[derive(Clone, Copy)]
enum Piece {
    MessageId,
    References,
    SubjectBase,
    Preview,
    Envelope,
    Structure,
    Body,
    Sections,
    Header,
}

/// All that FETCH, SEARCH, SORT and THREAD ask about a message, its text aside.
///
/// Ranges and sizes are those of the octets that were scanned. What a delivery puts on top of them for one mailbox is
/// for whoever reads it to add.
///
/// ```
/// use rohrpost_mail::mime::{Scanner, Shape};
///
/// let mut scanner = Scanner::new();
/// scanner.push(b"Subject: hi\r\n\r\nHello\r\n");
/// let shape = scanner.finish();
/// assert_eq!(shape.envelope(), br#"(NIL "hi" NIL NIL NIL NIL NIL NIL NIL NIL)"#);
/// assert_eq!(shape.body(), br#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1)"#);
/// assert_eq!(Shape::from_bytes(shape.to_bytes()), Ok(shape));
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Shape {
    bytes: Bytes,
    /// Where each piece ends.
    ends: [u32; PIECES],
}

/// The octets are no stored [`Shape`]: of another version, cut short, or damaged.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("this is no stored shape of a message, or a damaged one")]
#[non_exhaustive]
pub struct ShapeError;

/// The pieces of a shape, for the one who makes it.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) octets: u64,
    pub(super) header_octets: u64,
    pub(super) lines: u64,
    /// The date, and by how many seconds its clock is ahead of UTC.
    pub(super) sent: Option<(Timestamp, i32)>,
    pub(super) is_reply: bool,
    pub(super) message_id: String,
    pub(super) references: Vec<String>,
    pub(super) subject_base: String,
    pub(super) preview: String,
    pub(super) envelope: Vec<u8>,
    pub(super) structure: Vec<u8>,
    pub(super) body: Vec<u8>,
    pub(super) sections: Vec<u8>,
    pub(super) header: Vec<u8>,
}

impl Shape {
    pub(super) fn of(pieces: &Pieces) -> Self {
        let references = pieces.references.join(" ");
        let stored: [&[u8]; PIECES] = [
            pieces.message_id.as_bytes(),
            references.as_bytes(),
            pieces.subject_base.as_bytes(),
            pieces.preview.as_bytes(),
            &pieces.envelope,
            &pieces.structure,
            &pieces.body,
            &pieces.sections,
            &pieces.header,
        ];
        let mut bytes = BytesMut::with_capacity(TABLE_OCTETS + stored.iter().map(|piece| piece.len()).sum::<usize>());
        let (sent, offset) = pieces.sent.unwrap_or((Timestamp::UNIX_EPOCH, 0));
        let flags = if pieces.sent.is_some() { HAS_DATE } else { 0 } | if pieces.is_reply { IS_REPLY } else { 0 };
        bytes.extend_from_slice(&[VERSION, flags, 0, 0]);
        bytes.extend_from_slice(&sent.as_second().to_le_bytes());
        bytes.extend_from_slice(&pieces.octets.to_le_bytes());
        bytes.extend_from_slice(&pieces.header_octets.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(pieces.lines).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&offset.to_le_bytes());
        let mut ends = [0; PIECES];
        let mut end = TABLE_OCTETS;
        for (piece, place) in stored.iter().zip(&mut ends) {
            end += piece.len();
            *place = u32::try_from(end).expect("the limits keep every piece below some megabytes");
            bytes.extend_from_slice(&place.to_le_bytes());
        }
        for piece in stored {
            bytes.extend_from_slice(piece);
        }
        Self { bytes: bytes.freeze(), ends }
    }

    /// Reads the stored form; nothing is copied.
    ///
    /// # Errors
    /// The octets are of another version, or damaged so that they cannot be read. Damage inside a text is not seen
    /// here: the store has checksums for that.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, ShapeError> {
        if bytes.first() != Some(&VERSION) || bytes.len() < TABLE_OCTETS {
            return Err(ShapeError);
        }
        let mut ends = [0; PIECES];
        let mut before = TABLE_OCTETS;
        for (place, stored) in ends.iter_mut().zip(bytes[TABLE_OCTETS - 4 * PIECES..].chunks_exact(4)) {
            *place = u32::from_le_bytes(stored.try_into().expect("chunks of four octets"));
            let end = usize::try_from(*place).map_err(|_| ShapeError)?;
            if end < before {
                return Err(ShapeError);
            }
            before = end;
        }
        if before != bytes.len() {
            return Err(ShapeError);
        }
        let shape = Self { bytes, ends };
        shape.is_sound().then_some(shape).ok_or(ShapeError)
    }

    /// The stored form. Nothing is copied.
    pub fn to_bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Octets of the message.
    pub fn octets(&self) -> u64 {
        u64::from_le_bytes(self.number(12))
    }

    /// Octets of the header, the empty line behind it included. The body follows.
    pub fn header_octets(&self) -> u64 {
        u64::from_le_bytes(self.number(20))
    }

    /// Lines of the body: those that have an end.
    pub fn lines(&self) -> u64 {
        u64::from(u32::from_le_bytes(self.number(28)))
    }

    /// When the message says it was sent: its Date field. RFC 5322 §3.6.1.
    pub fn sent(&self) -> Option<Timestamp> {
        (self.flags() & HAS_DATE != 0)
            .then(|| Timestamp::from_second(i64::from_le_bytes(self.number(4))).ok())
            .flatten()
    }

    /// The day in the Date field as its writer's calendar had it, which is what SENTON asks for (RFC 9051 §6.4.4).
    pub fn sent_on(&self) -> Option<civil::Date> {
        let offset = Offset::from_seconds(i32::from_le_bytes(self.number(32))).unwrap_or(Offset::UTC);
        self.sent().map(|at| offset.to_datetime(at).date())
    }

    /// ENVELOPE as it goes to the client, parentheses included. RFC 9051 §7.5.2.
    pub fn envelope(&self) -> &[u8] {
        self.piece(Piece::Envelope)
    }

    /// BODYSTRUCTURE as it goes to the client, parentheses included. RFC 9051 §7.5.2.
    pub fn structure(&self) -> &[u8] {
        self.piece(Piece::Structure)
    }

    /// BODY as it goes to the client: [`Self::structure`] without extension data. RFC 9051 §7.5.2.
    pub fn body(&self) -> &[u8] {
        self.piece(Piece::Body)
    }

    /// The header as it stands in the message, the empty line behind it included. It has
    /// [`Self::header_octets`]; if it has fewer, it was longer than what is kept.
    pub fn header(&self) -> &[u8] {
        self.piece(Piece::Header)
    }

    /// The first valid id of Message-ID without its angle brackets and needless quotes; empty when there is none.
    pub fn message_id(&self) -> &str {
        self.text(Piece::MessageId)
    }

    /// The ids that a thread is built from, oldest first: those of References, else the first of In-Reply-To.
    /// RFC 5256 §3.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.text(Piece::References).split(' ').filter(|id| !id.is_empty())
    }

    /// The subject, decoded, without `Re:` and its like. RFC 5256 §2.1.
    pub fn subject_base(&self) -> &str {
        self.text(Piece::SubjectBase)
    }

    /// Whether the subject says that this is a reply or a forward. RFC 5256 §2.1.
    pub fn is_reply(&self) -> bool {
        self.flags() & IS_REPLY != 0
    }

    /// The first words of the text, on one line. RFC 8970.
    pub fn preview(&self) -> &str {
        self.text(Piece::Preview)
    }

    /// The parts of the message, in the order in which they stand in it.
    pub fn sections(&self) -> Sections<'_> {
        Sections::new(self.piece(Piece::Sections))
    }

    /// The part with this number: `[1, 2]` for `1.2`. RFC 9051 §6.4.5.1.
    pub fn section(&self, path: &[u32]) -> Option<Section<'_>> {
        self.sections().find(|section| section.path == path)
    }

    fn piece(&self, piece: Piece) -> &[u8] {
        &self.bytes[self.range(piece as usize)]
    }

    fn text(&self, piece: Piece) -> &str {
        // `is_sound` has seen it.
        std::str::from_utf8(self.piece(piece)).unwrap_or_default()
    }

    fn range(&self, piece: usize) -> Range<usize> {
        let end = |at: u32| usize::try_from(at).expect("an address space has 32 bits");
        let start = piece.checked_sub(1).map_or(TABLE_OCTETS, |before| end(self.ends[before]));
        start..end(self.ends[piece])
    }

    fn flags(&self) -> u8 {
        self.bytes[1]
    }

    /// The octets of a number in the table.
    fn number<const N: usize>(&self, at: usize) -> [u8; N] {
        self.bytes[at..at + N].try_into().expect("the table is there")
    }

    /// Whether texts are texts, and sections can be read and lie inside the message.
    fn is_sound(&self) -> bool {
        let texts = [Piece::MessageId, Piece::References, Piece::SubjectBase, Piece::Preview];
        texts.into_iter().all(|piece| std::str::from_utf8(self.piece(piece)).is_ok())
            && self.header_octets() <= self.octets()
            && self.sections().are_sound(self.octets())
    }
}
