//! BINARY (RFC 3516): parts without their transfer encoding.
//!
//! The number of octets is said before they come, and is known only once all are decoded. A part that is not here is
//! therefore read twice: to count, and to send.

use std::ops::Range;

use rohrpost_mail::mime::{Encoding, transfer::Decoder};

use super::section;
use crate::command::{Part, Partial};

/// A part that is read piece by piece.
#[derive(Debug)]
pub(super) struct Decoding {
    pub(super) part: Part,
    pub(super) show: Show,
    encoding: Encoding,
    encoded: Range<u64>,
    /// What of [`Self::encoded`] is still to come in this pass.
    rest: Range<u64>,
    decoder: Decoder,
    pass: Pass,
}

/// What the client asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Show {
    /// `BINARY.SIZE[…]`
    Size,
    /// `BINARY[…]`
    Octets(Option<Partial>),
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

impl Decoding {
    pub(super) fn new(part: Part, show: Show, encoding: Encoding, encoded: Range<u64>) -> Self {
        let (rest, decoder) = (encoded.clone(), Decoder::new(encoding));
        Self { part, show, encoding, encoded, rest, decoder, pass: Pass::Counting(0) }
    }

    /// The octets that come next; none when the pass is over.
    pub(super) fn wanted(&self) -> Range<u64> {
        self.rest.clone()
    }

    /// Takes octets that come next, and writes what of them is to be sent.
    pub(super) fn push(&mut self, octets: &[u8], out: &mut Vec<u8>) {
        let mut decoded = Vec::with_capacity(octets.len());
        self.decoder.push(octets, &mut decoded);
        self.rest.start += octets.len() as u64;
        if self.rest.is_empty() {
            self.decoder.finish(&mut decoded);
        }
        match &mut self.pass {
            Pass::Counting(counted) => *counted += decoded.len() as u64,
            Pass::Sending { skipped, left } => {
                let sent = section::clip(0..decoded.len() as u64, Some(Partial { first: *skipped, octets: *left }));
                *skipped = skipped.saturating_sub(decoded.len() as u64);
                *left -= sent.end - sent.start;
                out.extend_from_slice(&decoded[section::indices(&sent)]);
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

    /// Begins to send: these of the decoded octets.
    pub(super) fn send(&mut self, sent: &Range<u64>) {
        self.pass = Pass::Sending { skipped: sent.start, left: sent.end - sent.start };
        self.rest = self.encoded.clone();
        self.decoder = Decoder::new(self.encoding);
    }
}
