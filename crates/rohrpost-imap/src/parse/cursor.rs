//! A place in a command, and the rules that every other is made of.

use super::{Dialect, ParseError};
use crate::{
    command::{Atom, Messages, is_atom_octet},
    sequence::SequenceSet,
};

/// A place in the octets of a command.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
    dialect: Dialect,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(octets: &'a [u8], dialect: Dialect) -> Self {
        Self { octets, at: 0, dialect }
    }

    /// Goes on if the next octet is this one.
    pub(crate) fn take(&mut self, octet: u8) -> bool {
        let taken = self.peek() == Some(octet);
        self.at += usize::from(taken);
        taken
    }

    /// Goes on behind this word, in whatever case. What follows is not looked at.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let next = self.rest().get(..word.len());
        let taken = next.is_some_and(|next| next.eq_ignore_ascii_case(word.as_bytes()));
        self.at += if taken { word.len() } else { 0 };
        taken
    }

    /// Goes on behind so many octets, if there are so many.
    pub(super) fn take_octets(&mut self, count: usize) -> Option<&'a [u8]> {
        let octets = self.rest().get(..count)?;
        self.at += count;
        Some(octets)
    }

    /// The octets for which this holds, perhaps none; nothing but ASCII is ever among them.
    pub(crate) fn word(&mut self, of_word: impl Fn(u8) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.iter().position(|octet| !of_word(*octet) || !octet.is_ascii()).unwrap_or(rest.len());
        self.at += end;
        std::str::from_utf8(&rest[..end]).expect("ASCII is UTF-8")
    }

    /// Goes on behind this octet, which must be there.
    pub(super) fn expect(&mut self, octet: u8, what: &'static str) -> Result<(), ParseError> {
        if self.take(octet) { Ok(()) } else { Err(self.missing(what)) }
    }

    pub(super) fn blank(&mut self) -> Result<(), ParseError> {
        self.expect(b' ', "a blank")
    }

    pub(super) fn open(&mut self) -> Result<(), ParseError> {
        self.expect(b'(', "`(`")
    }

    pub(super) fn close(&mut self) -> Result<(), ParseError> {
        self.expect(b')', "`)`")
    }

    /// The end of the command; blanks in front of it are passed over.
    pub(super) fn end(&mut self) -> Result<(), ParseError> {
        while self.take(b' ') {}
        if self.rest().is_empty() { Ok(()) } else { Err(ParseError::Rest { at: self.at }) }
    }

    /// An atom.
    pub(super) fn atom(&mut self, what: &'static str) -> Result<Atom, ParseError> {
        let word = self.word(is_atom_octet);
        Atom::new(word).ok_or_else(|| self.missing(what))
    }

    /// `nz-number`
    pub(super) fn nz_number(&mut self) -> Result<u32, ParseError> {
        let at = self.at;
        let number = self.number64()?;
        u32::try_from(number).ok().filter(|number| *number != 0).ok_or(missing("a number from 1 to 4294967295", at))
    }

    /// `number64`: 63 bits.
    pub(super) fn number64(&mut self) -> Result<u64, ParseError> {
        let at = self.at;
        let number = self.digits().parse().ok().filter(|number| i64::try_from(*number).is_ok());
        number.ok_or(missing("a number", at))
    }

    /// Decimal digits, perhaps none.
    pub(super) fn digits(&mut self) -> &'a str {
        self.word(|octet| octet.is_ascii_digit())
    }

    /// `sequence-set`, or `$`.
    pub(super) fn messages(&mut self) -> Result<Messages, ParseError> {
        if self.take(b'$') {
            return Ok(Messages::Saved);
        }
        self.sequence_set().map(Messages::Set)
    }

    /// `sequence-set`
    pub(super) fn sequence_set(&mut self) -> Result<SequenceSet, ParseError> {
        let at = self.at;
        let set = self.word(|octet| octet.is_ascii_digit() || matches!(octet, b'*' | b':' | b','));
        set.parse().map_err(|_| missing("a set of numbers", at))
    }

    /// A list in parentheses, not empty: elements with a blank between each two.
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        max: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        self.open()?;
        let mut elements = vec![element(self)?];
        while self.take(b' ') {
            if elements.len() == max {
                return Err(ParseError::TooMany { what, max });
            }
            elements.push(element(self)?);
        }
        self.close()?;
        Ok(elements)
    }

    /// The same, perhaps empty.
    pub(super) fn list_or_empty<T>(
        &mut self,
        what: &'static str,
        max: usize,
        element: impl FnMut(&mut Self) -> Result<T, ParseError>,
    ) -> Result<Vec<T>, ParseError> {
        if self.rest().starts_with(b"()") {
            self.at += 2;
            return Ok(Vec::new());
        }
        self.list(what, max, element)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.octets[self.at..]
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn utf8(&self) -> bool {
        self.dialect.utf8
    }

    /// This must stand here and does not.
    pub(super) fn missing(&self, what: &'static str) -> ParseError {
        missing(what, self.at)
    }
}

fn missing(what: &'static str, at: usize) -> ParseError {
    ParseError::Missing { what, at }
}
