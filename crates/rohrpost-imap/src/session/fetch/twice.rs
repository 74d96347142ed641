//! What is made of octets of a message, and is told with its length before it: decoded parts (RFC 3516) and chosen fields of
//! a header.
//!
//! The length is known only once all is made. What is not here is therefore read twice, to count and to send, and is never
//! held.

use std::ops::Range;

use rohrpost_mail::mime::{Encoding, transfer::Decoder};

use super::{fields::Fields, section};
use crate::command::{Part, Partial, Section, SectionText};

/// Octets that are read twice, piece by piece.
#[derive(Debug)]
pub(super) struct Twice {
    pub(super) item: Item,
    source: Range<u64>,
    /// What of [`Self::source`] is still to come in this pass.
    rest: Range<u64>,
    maker: Maker,
    pass: Pass,
}

/// What the client asked for.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// `BINARY.SIZE[…]`
    BinarySize(Part, Encoding),
    /// `BINARY[…]`
    Binary(Part, Option<Partial>, Encoding),
    /// `BODY[…HEADER.FIELDS (…)]`
    Fields(Section, Option<Partial>),
}

#[derive(Debug)]
enum Maker {
    Decoder(Decoder),
    Fields(SectionText, Fields),
}

#[derive(Debug)]
enum Pass {
    /// So many octets up to now.
    Counting(u64),
    /// So many octets still to be passed over, and to be sent.
    Sending { skipped: u64, left: u64 },
}

/// Decodes what is here.
pub(super) fn decode(encoded: &[u8], encoding: Encoding) -> Vec<u8> {
    let (mut decoder, mut plain) = (Decoder::new(encoding), Vec::with_capacity(encoded.len()));
    decoder.push(encoded, &mut plain);
    decoder.finish(&mut plain);
    plain
}

impl Twice {
    pub(super) fn new(item: Item, source: Range<u64>) -> Self {
        let (rest, maker) = (source.clone(), Maker::of(&item));
        Self { item, source, rest, maker, pass: Pass::Counting(0) }
    }

    /// The octets that come next; none when the pass is over.
    pub(super) fn wanted(&self) -> Range<u64> {
        self.rest.clone()
    }

    /// Takes octets that come next, and writes what of them is to be sent.
    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut made = Vec::with_capacity(octets.len());
        self.rest.start += octets.len() as u64;
        self.maker.push(octets, self.rest.is_empty(), &mut made);
        match &mut self.pass {
            Pass::Counting(counted) => *counted += made.len() as u64,
            Pass::Sending { skipped, left } => {
                let sent = section::clip(0..made.len() as u64, Some(Partial { first: *skipped, octets: *left }));
                *skipped = skipped.saturating_sub(made.len() as u64);
                *left -= sent.end - sent.start;
                out.extend_from_slice(&made[section::indices(&sent)]);
            }
        }
    }

    /// How many octets there are, when all are counted; `None` when all are sent.
    pub(super) fn counted(&self) -> Option<u64> {
        match self.pass {
            Pass::Counting(octets) => Some(octets),
            Pass::Sending { .. } => None,
        }
    }

    /// Begins to send: these of the octets that were counted.
    pub(super) fn send(&mut self, sent: &Range<u64>) {
        self.pass = Pass::Sending { skipped: sent.start, left: sent.end - sent.start };
        self.rest = self.source.clone();
        self.maker = Maker::of(&self.item);
    }
}

impl Maker {
    fn of(item: &Item) -> Self {
        match item {
            Item::BinarySize(_, encoding) | Item::Binary(_, _, encoding) => Self::Decoder(Decoder::new(*encoding)),
            Item::Fields(section, _) => {
                Self::Fields(section.text.clone().unwrap_or(SectionText::Header), Fields::default())
            }
        }
    }

    fn push(&mut self, octets: &[u8], is_last: bool, made: &mut Vec<u8>) {
        match self {
            Self::Decoder(decoder) => {
                decoder.push(octets, made);
                if is_last {
                    decoder.finish(made);
                }
            }
            Self::Fields(text, fields) => {
                fields.push(text, octets, made);
                if is_last {
                    fields.finish(text, made);
                }
            }
        }
    }
}
