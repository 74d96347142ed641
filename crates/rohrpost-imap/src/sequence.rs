//! Sets of message numbers and UIDs (RFC 9051 §9, `sequence-set`).
//!
//! ```
//! use rohrpost_imap::sequence::SequenceSet;
//!
//! let set: SequenceSet = "4,1:2,*".parse()?;
//! assert_eq!(set.resolve(9), [1..=2, 4..=4, 9..=9]);
//! # Ok::<(), rohrpost_imap::sequence::SequenceError>(())
//! ```

use std::{fmt, ops::RangeInclusive, str::FromStr};

/// A set of numbers as a client wrote it: not empty, in its order, `*` and overlaps included. Eight octets for each
/// range.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SequenceSet(Vec<(Position, Position)>);

/// A number, or `*` for the largest there is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position(u32);

/// Why a text is no set.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("numbers from 1 to 4294967295, `*`, `:` and `,` make a set")]
pub struct SequenceError;

impl Position {
    /// `*`
    pub const STAR: Self = Self(0);

    /// The number, where it is one.
    pub fn number(self) -> Option<u32> {
        (self != Self::STAR).then_some(self.0)
    }

    fn resolve(self, largest: u32) -> u32 {
        self.number().unwrap_or(largest)
    }

    fn print(self, out: &mut Vec<u8>) {
        match self.number() {
            Some(number) => push_number(out, number.into()),
            None => out.push(b'*'),
        }
    }
}

impl SequenceSet {
    /// A set of these ranges, in this order. `None` if there is none, or one that holds 0.
    pub fn from_ranges(ranges: impl IntoIterator<Item = RangeInclusive<u32>>) -> Option<Self> {
        let set: Vec<_> = ranges.into_iter().map(|range| (Position(*range.start()), Position(*range.end()))).collect();
        let good = !set.is_empty() && set.iter().all(|(first, last)| first.0 != 0 && last.0 != 0);
        good.then_some(Self(set))
    }

    /// Its ranges as they were written: `9:4` is from 9 to 4.
    pub fn written(&self) -> &[(Position, Position)] {
        &self.0
    }

    /// Whether `*` is in it.
    pub fn has_star(&self) -> bool {
        self.0.iter().any(|(first, last)| *first == Position::STAR || *last == Position::STAR)
    }

    /// The ranges it stands for, sorted and apart from each other. `*` is `largest`; where that is 0, because there is
    /// no message, `*` is nothing. Numbers beyond `largest` stay: whether they are an error is the caller's question.
    pub fn resolve(&self, largest: u32) -> Vec<RangeInclusive<u32>> {
        let mut ranges: Vec<_> = self
            .0
            .iter()
            .map(|(first, last)| (first.resolve(largest), last.resolve(largest)))
            .map(|(first, last)| (first.min(last).max(1), first.max(last)))
            .filter(|(_, last)| *last != 0)
            .collect();
        ranges.sort_unstable();
        merged(ranges)
    }

    /// Writes the set down as it came.
    pub fn print(&self, out: &mut Vec<u8>) {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            first.print(out);
            if first != last {
                out.push(b':');
                last.print(out);
            }
        }
    }
}

impl FromStr for SequenceSet {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, SequenceError> {
        text.split(',').map(range).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for SequenceSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Vec::new();
        self.print(&mut out);
        f.write_str(&String::from_utf8_lossy(&out))
    }
}

fn range(text: &str) -> Result<(Position, Position), SequenceError> {
    match text.split_once(':') {
        Some((first, last)) => Ok((position(first)?, position(last)?)),
        None => position(text).map(|only| (only, only)),
    }
}

fn position(text: &str) -> Result<Position, SequenceError> {
    if text == "*" {
        return Ok(Position::STAR);
    }
    // `parse` alone would take a sign.
    let number = if text.bytes().all(|octet| octet.is_ascii_digit()) { text.parse().ok() } else { None };
    number.filter(|number| *number != 0).map(Position).ok_or(SequenceError)
}

/// Joins sorted ranges that touch or overlap.
fn merged(sorted: Vec<(u32, u32)>) -> Vec<RangeInclusive<u32>> {
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::with_capacity(sorted.len());
    for (first, last) in sorted {
        match ranges.last_mut() {
            Some(before) if first <= before.end().saturating_add(1) => {
                *before = *before.start()..=last.max(*before.end());
            }
            _ => ranges.push(first..=last),
        }
    }
    ranges
}

/// Joins numbers that ascend one by one: `1, 2, 3, 7` are `1..=3, 7..=7`. The order stays, so that two lists of equal
/// length still belong together (COPYUID of RFC 9051 §7.1).
pub fn ranges(numbers: impl IntoIterator<Item = u32>) -> impl Iterator<Item = RangeInclusive<u32>> {
    let mut numbers = numbers.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = numbers.next()?;
        let mut last = first;
        while let Some(next) = numbers.next_if(|next| last.checked_add(1) == Some(*next)) {
            last = next;
        }
        Some(first..=last)
    })
}

/// Writes ranges as a set: `1:3,7`. Writes nothing where there is none.
pub fn print_ranges(out: &mut Vec<u8>, ranges: impl IntoIterator<Item = RangeInclusive<u32>>) {
    for (index, range) in ranges.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_number(out, (*range.start()).into());
        if range.start() != range.end() {
            out.push(b':');
            push_number(out, (*range.end()).into());
        }
    }
}

/// Writes a number in decimal, without the machinery of `format!`: it is what most of a FETCH response is made of.
pub(crate) fn push_number(out: &mut Vec<u8>, number: u64) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number;
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).expect("a digit is below 10");
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> SequenceSet {
        text.parse().unwrap()
    }

    #[test]
    fn a_set_prints_as_it_was_written() {
        for text in ["1", "1:2", "2:1", "*", "1:*", "*:4", "4,1:2,*", "4294967295"] {
            assert_eq!(set(text).to_string(), text);
        }
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["", "0", "1,", ",1", "1:", ":1", "1:2:3", "+1", "-1", "4294967296", "a", "1 ", "**", "1,,2"] {
            assert_eq!(text.parse::<SequenceSet>(), Err(SequenceError), "{text}");
        }
    }

    #[test]
    fn ranges_are_sorted_joined_and_turned_the_right_way() {
        assert_eq!(set("9:7,1,2,3:5,4:6").resolve(100), [1..=9]);
        assert_eq!(set("*,1").resolve(7), [1..=1, 7..=7]);
        assert_eq!(set("4294967295,4294967294").resolve(1), [4_294_967_294..=u32::MAX]);
    }

    /// RFC 9051 §9: `3291:*` holds the last UID even where that is below 3291.
    #[test]
    fn star_is_the_largest_also_below_the_other_end() {
        assert_eq!(set("3291:*").resolve(10), [10..=3291]);
    }

    #[test]
    fn star_of_an_empty_mailbox_is_nothing() {
        assert!(set("*").resolve(0).is_empty());
        assert_eq!(set("1:*").resolve(0), [1..=1]);
    }

    #[test]
    fn numbers_become_ranges_in_their_order() {
        let joined: Vec<_> = ranges([5, 6, 7, 1, 3, 2, u32::MAX]).collect();
        assert_eq!(joined, [5..=7, 1..=1, 3..=3, 2..=2, u32::MAX..=u32::MAX]);
        let mut out = Vec::new();
        print_ranges(&mut out, joined);
        assert_eq!(out, b"5:7,1,3,2,4294967295");
    }

    #[test]
    fn numbers_print_in_decimal() {
        let mut out = Vec::new();
        for number in [0, 7, 10, u64::MAX] {
            push_number(&mut out, number);
            out.push(b' ');
        }
        assert_eq!(out, b"0 7 10 18446744073709551615 ");
    }
}
