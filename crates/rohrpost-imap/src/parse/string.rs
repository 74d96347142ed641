//! Strings: atoms, quoted, and literals.

use std::borrow::Cow;

use super::{Cursor, ParseError};
use crate::{
    command::{FieldName, ObjectId, is_astring_octet},
    mailbox_name::{ListPattern, MailboxName, NameError},
};

impl<'a> Cursor<'a> {
    /// `astring`
    pub(super) fn astring(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        self.word_or_string(is_astring_octet)
    }

    /// `string`: quoted or a literal.
    pub(super) fn string(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.peek() {
            Some(b'"') => self.quoted(),
            Some(b'{') => self.literal().map(Cow::Borrowed),
            _ => Err(self.missing("a string")),
        }
    }

    /// `nstring`
    pub(super) fn nstring(&mut self) -> Result<Option<Cow<'a, [u8]>>, ParseError> {
        if self.take_word("NIL") { Ok(None) } else { self.string().map(Some) }
    }

    /// An `astring` that is to be UTF-8.
    pub(super) fn text(&mut self) -> Result<String, ParseError> {
        let at = self.at();
        utf8(self.astring()?, at)
    }

    /// `header-fld-name`
    pub(super) fn field_name(&mut self) -> Result<FieldName, ParseError> {
        let at = self.at();
        let text = self.text()?;
        FieldName::new(&text).ok_or(ParseError::Missing { what: "the name of a header field", at })
    }

    /// `objectid` (RFC 8474 §7)
    pub(super) fn object_id(&mut self) -> Result<ObjectId, ParseError> {
        let at = self.at();
        let text = self.text()?;
        ObjectId::new(&text).ok_or(ParseError::Missing { what: "an object identifier", at })
    }

    /// `mailbox`
    pub(super) fn mailbox(&mut self) -> Result<MailboxName, ParseError> {
        let at = self.at();
        let octets = self.astring()?;
        let name =
            if self.utf8() { as_utf8(&octets).and_then(MailboxName::new) } else { MailboxName::from_utf7(&octets) };
        name.map_err(|error| ParseError::Mailbox { error, at })
    }

    /// `list-mailbox`, behind a reference that is put in front of it. Both are as the client wrote them.
    pub(super) fn list_pattern(&mut self, reference: &[u8]) -> Result<ListPattern, ParseError> {
        let at = self.at();
        let pattern = self.word_or_string(|octet| is_astring_octet(octet) || matches!(octet, b'%' | b'*'))?;
        // An empty pattern asks for the separator, whatever the reference.
        let octets = if pattern.is_empty() { Vec::new() } else { [reference, &pattern].concat() };
        let pattern =
            if self.utf8() { as_utf8(&octets).and_then(ListPattern::new) } else { ListPattern::from_utf7(&octets) };
        pattern.map_err(|error| ParseError::Mailbox { error, at })
    }

    fn word_or_string(&mut self, of_word: impl Fn(u8) -> bool) -> Result<Cow<'a, [u8]>, ParseError> {
        match self.word(of_word) {
            "" => self.string(),
            word => Ok(Cow::Borrowed(word.as_bytes())),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, ParseError> {
        self.expect(b'"', "a quote")?;
        let rest = self.rest();
        let mut unquoted: Option<Vec<u8>> = None;
        let mut begin = 0;
        loop {
            let special = |octet: &u8| matches!(octet, b'"' | b'\\' | b'\r' | b'\n' | 0);
            let end = begin + rest[begin..].iter().position(special).ok_or(self.missing("the second quote"))?;
            let piece = &rest[begin..end];
            match (rest[end], rest.get(end + 1)) {
                (b'"', _) => {
                    self.take_octets(end + 1);
                    return Ok(match unquoted {
                        Some(before) => Cow::Owned([&before, piece].concat()),
                        None => Cow::Borrowed(piece),
                    });
                }
                (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                    let unquoted = unquoted.get_or_insert_default();
                    unquoted.extend_from_slice(piece);
                    unquoted.push(*escaped);
                    begin = end + 2;
                }
                _ => return Err(ParseError::Word { what: "an octet of a quoted string", at: self.at() + end }),
            }
        }
    }

    /// `literal`: its octets are all there, because the reader has collected them.
    fn literal(&mut self) -> Result<&'a [u8], ParseError> {
        let at = self.at();
        self.expect(b'{', "a literal")?;
        let octets = self.digits().parse().ok();
        self.take(b'+');
        let closed = self.take(b'}');
        self.take(b'\r');
        let octets = octets.filter(|_| closed && self.take(b'\n')).and_then(|octets| self.take_octets(octets));
        octets.filter(|octets| !octets.contains(&0)).ok_or(ParseError::Missing { what: "a literal", at })
    }
}

fn utf8(octets: Cow<'_, [u8]>, at: usize) -> Result<String, ParseError> {
    String::from_utf8(octets.into_owned()).map_err(|_| ParseError::Utf8 { at })
}

fn as_utf8(octets: &[u8]) -> Result<&str, NameError> {
    std::str::from_utf8(octets).map_err(|_| NameError::Encoding)
}
