//! Reads structured header fields: RFC 5322 §3.2, and what strangers write instead.
//!
//! Folds count as blanks, whatever is never closed ends with the field, and octets above 127 are letters.

use super::limits::COMMENT_DEPTH_MAX;

/// The rest of a field's value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a [u8],
}

impl<'a> Lexer<'a> {
    pub(super) fn new(value: &'a [u8]) -> Self {
        Self { rest: value }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads over one octet.
    pub(super) fn bump(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Reads over an octet if it comes next.
    pub(super) fn eat(&mut self, octet: u8) -> bool {
        let found = self.peek() == Some(octet);
        if found {
            self.bump();
        }
        found
    }

    /// Reads what `wanted` picks.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|octet| !wanted(*octet)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    /// Reads over blanks; says whether there were any.
    pub(super) fn blanks(&mut self) -> bool {
        !self.take_while(is_blank).is_empty()
    }

    /// Reads over blanks and comments.
    pub(super) fn skip(&mut self) {
        let mut ignored = Vec::new();
        while self.blanks() || self.comment(&mut ignored) {}
    }

    /// Reads a comment (RFC 5322 §3.2.2) and puts what stands in its parentheses into `out`, which is emptied before.
    pub(super) fn comment(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.eat(b'(') {
            return false;
        }
        out.clear();
        let mut depth = 1;
        while let Some(octet) = self.peek() {
            self.bump();
            match octet {
                b'(' if depth < COMMENT_DEPTH_MAX => depth += 1,
                b')' if depth == 1 => break,
                b')' => depth -= 1,
                b'\\' => {
                    self.escaped(out);
                    continue;
                }
                b'\r' | b'\n' => continue,
                _ => {}
            }
            out.push(octet);
        }
        true
    }

    /// Reads a quoted string (RFC 5322 §3.2.4) and appends what it means.
    pub(super) fn quoted(&mut self, out: &mut Vec<u8>) -> bool {
        if !self.eat(b'"') {
            return false;
        }
        loop {
            out.extend(self.take_while(|octet| !matches!(octet, b'"' | b'\\' | b'\r' | b'\n')));
            match self.peek() {
                None => break,
                Some(octet) => {
                    self.bump();
                    match octet {
                        b'"' => break,
                        b'\\' => self.escaped(out),
                        _ => {}
                    }
                }
            }
        }
        true
    }

    /// What follows a backslash.
    fn escaped(&mut self, out: &mut Vec<u8>) {
        if let Some(octet) = self.peek().filter(|octet| !matches!(octet, b'\r' | b'\n')) {
            self.bump();
            out.push(octet);
        }
    }
}

/// Blanks and the line ends of folds.
pub(super) fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

/// A value on one line, without blanks at its ends: RFC 5322 §2.2.3.
pub(super) fn unfolded(value: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let value = value.trim_ascii();
    if memchr::memchr2(b'\r', b'\n', value).is_none() {
        return value.into();
    }
    value.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\n')).collect::<Vec<u8>>().into()
}
