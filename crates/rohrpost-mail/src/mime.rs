//! The structure of messages, and their text: RFC 2045 to 2047, 2231 and 5322, as strangers write them.
//!
//! A scanner reads a message once, in pieces as they come, and keeps its [`Shape`]: all that a mailbox is asked about
//! a message without its body being read again.
//!
//! Nothing here refuses a message and nothing recurses by what a message holds. What is broken, too deep or too much
//! is one opaque part, and the [`limits`] say from where on. What a message *says* is never judged here: addresses may
//! be none, and charsets may lie.

pub mod limits;
mod shape;

pub use shape::{Encoding, Section, SectionKind, Sections, Shape, ShapeError};
