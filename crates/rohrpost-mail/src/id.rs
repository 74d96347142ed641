//! The name of a message in the queue.

use std::{fmt, str::FromStr};

use jiff::Timestamp;

/// Milliseconds from 1970 to 2020-01-01T00:00:00Z, where the clock of the ids starts.
const EPOCH_MS: i64 = 1_577_836_800_000;
const SEQUENCE_BITS: u32 = 12;
const TIME_BITS: u32 = 41;
/// Nodes that one store can tell apart.
pub const NODES_MAX: u16 = 1 << 10;

/// The 64-bit id of a message: node (10 bits), milliseconds since 2020 (41 bits), sequence (12 bits).
///
/// Ids grow with time on one node, so that new rows go to the end of their index. They print as 13 letters and digits.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct QueueId(i64);

impl QueueId {
    /// The first id of `node` at `now`; the sequence counts on from here.
    pub fn at(node: u16, now: Timestamp) -> Self {
        let node = i64::from(node % NODES_MAX) << (TIME_BITS + SEQUENCE_BITS);
        let ms = (now.as_millisecond() - EPOCH_MS).clamp(0, (1 << TIME_BITS) - 1);
        Self(node | ms << SEQUENCE_BITS)
    }

    /// The id after this one, or the first of `now` where that is later. Also right when the clock steps back.
    #[must_use]
    pub fn next(self, node: u16, now: Timestamp) -> Self {
        Self::at(node, now).max(Self(self.0 + 1))
    }

    /// From the number in the store.
    pub fn from_i64(number: i64) -> Self {
        Self(number)
    }

    /// The number in the store.
    pub fn as_i64(self) -> i64 {
        self.0
    }
}

/// Crockford's alphabet: no I, L, O, U, so that an id survives being read out on the telephone.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const DIGITS: usize = 13;

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.0.cast_unsigned();
        let mut text = [0; DIGITS];
        for (place, digit) in text.iter_mut().rev().enumerate() {
            let index = (number >> (5 * place)) & 31;
            *digit = ALPHABET[usize::try_from(index).expect("five bits fit")];
        }
        f.pad(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

/// The text is no queue id.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a queue id: 13 letters and digits are expected")]
pub struct QueueIdError;

impl FromStr for QueueId {
    type Err = QueueIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != DIGITS {
            return Err(QueueIdError);
        }
        let mut number = 0_u64;
        for byte in text.bytes() {
            let digit = ALPHABET.iter().position(|letter| *letter == byte.to_ascii_uppercase()).ok_or(QueueIdError)?;
            number = number.checked_mul(32).ok_or(QueueIdError)? | digit as u64;
        }
        Ok(Self(number.cast_signed()))
    }
}

crate::serde_as_text!(QueueId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_read_back() {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        for id in [QueueId::at(0, now), QueueId::at(1023, now), QueueId::from_i64(0), QueueId::from_i64(i64::MAX)] {
            assert_eq!(id.to_string().parse(), Ok(id));
            assert_eq!(id.to_string().len(), 13);
        }
        assert_eq!("short".parse::<QueueId>(), Err(QueueIdError));
        assert_eq!("ZZZZZZZZZZZZZ".parse::<QueueId>(), Err(QueueIdError));
    }

    #[test]
    fn ids_grow_even_when_the_clock_steps_back() {
        let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let before: Timestamp = "2026-11-22T11:00:00Z".parse().unwrap();
        let first = QueueId::at(3, noon);
        assert!(first.next(3, before) > first);
        assert!(first.next(3, noon) > first);
    }
}
