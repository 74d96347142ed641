//! Responses on their way to the client: gathered, and handed out in large pieces.

use std::{collections::VecDeque, time::Instant};

use bytes::Bytes;

use crate::{
    event::Transmit,
    limits::{COPIED_OCTETS_MAX, OUTPUT_OCTETS_MAX},
};

/// What waits to be written. It allocates nothing while there is nothing.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// What goes before [`Self::tail`].
    pieces: VecDeque<Bytes>,
    piece_octets: usize,
    tail: Vec<u8>,
    not_before: Option<Instant>,
    /// Whether the client waits for this before it sends more.
    due: bool,
}

impl Output {
    /// Where responses are written.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.tail
    }

    /// Part of a message.
    pub(super) fn bytes(&mut self, bytes: Bytes) {
        if bytes.len() <= COPIED_OCTETS_MAX {
            return self.tail.extend_from_slice(&bytes);
        }
        if !self.tail.is_empty() {
            let tail = Bytes::from(std::mem::take(&mut self.tail));
            self.piece_octets += tail.len();
            self.pieces.push_back(tail);
        }
        self.piece_octets += bytes.len();
        self.pieces.push_back(bytes);
    }

    /// The client waits for what was written so far.
    pub(super) fn flush(&mut self) {
        self.due = true;
    }

    /// What was written so far is not to leave before this instant.
    pub(super) fn delay_until(&mut self, instant: Instant) {
        self.not_before = self.not_before.max(Some(instant));
        self.due = true;
    }

    /// Hands out the next piece, unless more is to be added to it.
    pub(super) fn take(&mut self, complete: bool) -> Option<Transmit> {
        if self.is_empty() || !(complete || self.due || self.is_full()) {
            return None;
        }
        let bytes = match self.pieces.pop_front() {
            Some(piece) => {
                self.piece_octets -= piece.len();
                piece
            }
            None => Bytes::from(std::mem::take(&mut self.tail)),
        };
        self.due &= !self.is_empty();
        if self.pieces.is_empty() {
            self.pieces = VecDeque::new();
        }
        Some(Transmit { bytes, not_before: self.not_before.take() })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty() && self.tail.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.piece_octets + self.tail.len() >= OUTPUT_OCTETS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_parts_are_passed_on_between_what_is_written() {
        let mut output = Output::default();
        let large = Bytes::from(vec![b'x'; COPIED_OCTETS_MAX + 1]);
        output.buffer().extend_from_slice(b"* before\r\n");
        output.bytes(large.clone());
        output.bytes(Bytes::from_static(b"small"));
        assert_eq!(output.take(false), None);
        let mut next = || output.take(true).unwrap().bytes;
        assert_eq!((next(), next(), next()), ("* before\r\n".into(), large, "small".into()));
        assert!(output.is_empty());
    }

    #[test]
    fn what_the_client_waits_for_goes_out_whole() {
        let mut output = Output::default();
        output.bytes(Bytes::from(vec![b'x'; COPIED_OCTETS_MAX + 1]));
        output.buffer().extend_from_slice(b"+ go on\r\n");
        output.flush();
        assert!(output.take(false).is_some() && output.take(false).is_some());
        output.buffer().extend_from_slice(b"* later\r\n");
        assert_eq!(output.take(false), None);
    }
}
