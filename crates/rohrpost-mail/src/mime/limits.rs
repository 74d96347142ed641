//! How much of a message is looked at. Beyond, it is stored and handed out as it is, but not taken apart.

/// Octets of one header that are looked at. The intake refuses larger ones; mail that was moved in may have them.
pub const HEADER_OCTETS_MAX: usize = 256 * 1024;
/// Fields of one header that are looked at.
pub const HEADER_FIELDS_MAX: usize = 1_000;
/// Octets of the headers of all parts together that are looked at: what they say is kept until the message ends.
pub const PART_HEADERS_OCTETS_MAX: usize = 512 * 1024;
/// Multiparts and messages inside one another. Mail that people write has five.
pub const DEPTH_MAX: usize = 50;
/// Parts of a message, multiparts and messages counted. The last one is everything that follows.
pub const PARTS_MAX: usize = 1_000;
/// Octets of a boundary. RFC 2046 §5.1.1 allows 70; some programs never read it.
pub const BOUNDARY_OCTETS_MAX: usize = 200;
const _: () = assert!(BOUNDARY_OCTETS_MAX >= 70);
/// Octets of a line of a body that are looked at for a boundary, with the blanks that a gateway may have added.
pub const LINE_OCTETS_MAX: usize = 1_000;
const _: () = assert!(LINE_OCTETS_MAX > BOUNDARY_OCTETS_MAX + 6);
/// Addresses that the envelopes of a message name, all fields and messages inside it together. In its printed form, an
/// address of two octets has twenty.
pub const ADDRESSES_MAX: usize = 10_000;
/// How deep comments may be nested. RFC 5322 §3.2.2 sets no limit.
pub const COMMENT_DEPTH_MAX: usize = 20;
/// Parameters of a content type or a disposition.
pub const PARAMETERS_MAX: usize = 64;
/// Message ids that a thread is followed by: the first one and the latest of the others.
pub const REFERENCES_MAX: usize = 100;
/// Characters of a preview. RFC 8970 §3.1.
pub const PREVIEW_CHARS_MAX: usize = 200;
/// Octets of a text, as it travels, that a preview is taken from: the styles on top of a page of HTML are long.
pub const PREVIEW_OCTETS_MAX: usize = 32 * 1024;
