//! The addresses of a header field as ENVELOPE prints them: RFC 9051 §7.5.2.
//!
//! [`crate::address_list`] is for deciding by addresses and refuses what is none. Here everything that stands in the
//! field is shown in some way: names and local parts without their quotes, encoded words as they are, a comment for a
//! name where there is none (RFC 822 §3.4.3 had it so), routes left out.

use super::{
    lexer::{Lexer, is_blank},
    print,
};

/// Prints the list in parentheses; says whether it names anybody. `left` counts down with each address.
pub(super) fn print(value: &[u8], left: &mut usize, out: &mut Vec<u8>) -> bool {
    let start = out.len();
    out.push(b'(');
    let mut list = List { lexer: Lexer::new(value), left, out, in_group: false, entry: Entry::default() };
    list.read();
    let any = out.len() > start + 1;
    if any {
        out.push(b')');
    } else {
        out.truncate(start);
    }
    any
}

struct List<'a, 'o> {
    lexer: Lexer<'a>,
    left: &'o mut usize,
    out: &'o mut Vec<u8>,
    in_group: bool,
    entry: Entry,
}

/// What has been read since the last comma.
#[derive(Default)]
struct Entry {
    /// All words, each behind a blank where it had one before it.
    text: Vec<u8>,
    /// Where the word begins that has the `@`, and where the `@` is.
    at: Option<(usize, usize)>,
    /// Where the last word begins.
    word: usize,
    /// What stands in the angle brackets, and where its last `@` is.
    angle: Option<(Vec<u8>, Option<usize>)>,
    comment: Vec<u8>,
}

impl List<'_, '_> {
    fn read(&mut self) {
        loop {
            let blank = self.lexer.blanks();
            if self.lexer.comment(&mut self.entry.comment) {
                continue;
            }
            match self.lexer.peek() {
                _ if *self.left == 0 => break,
                None => break,
                Some(b'<') => {
                    self.lexer.bump();
                    self.entry.angle = Some(angle(&mut self.lexer));
                }
                Some(b',') => {
                    self.lexer.bump();
                    self.end_address();
                }
                Some(b';') => {
                    self.lexer.bump();
                    self.end_address();
                    self.end_group();
                }
                Some(b':') if self.starts_group() => {
                    self.lexer.bump();
                    self.start_group();
                }
                Some(_) => self.entry.read_word(&mut self.lexer, blank),
            }
        }
        self.end_address();
        self.end_group();
    }

    fn starts_group(&self) -> bool {
        !self.in_group && self.entry.at.is_none() && self.entry.angle.is_none() && !self.entry.text.is_empty()
    }

    fn start_group(&mut self) {
        self.in_group = true;
        *self.left = self.left.saturating_sub(1);
        self.out.extend_from_slice(b"(NIL NIL ");
        print::string(self.out, self.entry.text.trim_ascii());
        self.out.extend_from_slice(b" NIL)");
        self.entry.clear();
    }

    fn end_group(&mut self) {
        if std::mem::take(&mut self.in_group) {
            self.out.extend_from_slice(b"(NIL NIL NIL NIL)");
        }
    }

    fn end_address(&mut self) {
        if self.entry.text.is_empty() && self.entry.angle.is_none() {
            self.entry.clear();
            return;
        }
        *self.left = self.left.saturating_sub(1);
        let (name, local, host) = self.entry.parts();
        self.out.push(b'(');
        print::nstring(self.out, (!name.is_empty()).then_some(name));
        self.out.extend_from_slice(b" NIL ");
        print::string(self.out, local);
        self.out.push(b' ');
        // NIL would make it the name of a group.
        print::string(self.out, host);
        self.out.push(b')');
        self.entry.clear();
    }
}

impl Entry {
    fn clear(&mut self) {
        self.text.clear();
        self.comment.clear();
        (self.at, self.word, self.angle) = (None, 0, None);
    }

    fn read_word(&mut self, lexer: &mut Lexer<'_>, blank: bool) {
        let joined = self.text.last() == Some(&b'@') && self.at.is_some() || lexer.peek() == Some(b'@');
        if blank && !self.text.is_empty() && !joined {
            self.text.push(b' ');
            self.word = self.text.len();
        }
        if lexer.quoted(&mut self.text) {
            return;
        }
        let start = self.text.len();
        atom(lexer, &mut self.text);
        if let Some(at) = self.text[start..].iter().rposition(|octet| *octet == b'@') {
            self.at = Some((self.word, start + at));
        }
    }

    /// Name, local part and host.
    fn parts(&self) -> (&[u8], &[u8], &[u8]) {
        let (name, spec, at) = match (&self.angle, self.at) {
            (Some((spec, at)), _) => (self.text.as_slice(), spec.as_slice(), *at),
            (None, Some((word, at))) => (&self.text[..word], &self.text[word..], at.checked_sub(word)),
            (None, None) => (&b""[..], self.text.as_slice(), None),
        };
        let name = Some(name.trim_ascii()).filter(|name| !name.is_empty()).unwrap_or(self.comment.trim_ascii());
        let (local, host) = at.map_or((spec, &b""[..]), |at| (&spec[..at], &spec[at + 1..]));
        (name, local.trim_ascii(), host.trim_ascii())
    }
}

/// What stands between angle brackets, without its blanks, comments and route (RFC 5322 §4.4), and where its `@` is.
fn angle(lexer: &mut Lexer<'_>) -> (Vec<u8>, Option<usize>) {
    let (mut spec, mut at, mut comment) = (Vec::new(), None, Vec::new());
    loop {
        lexer.blanks();
        if lexer.comment(&mut comment) || lexer.quoted(&mut spec) {
            continue;
        }
        let is_route = spec.first() == Some(&b'@');
        match lexer.peek() {
            None => break,
            Some(b'>') => {
                lexer.bump();
                break;
            }
            // The bracket is never closed.
            Some(b',' | b';') if !is_route => break,
            Some(b':') if is_route => {
                lexer.bump();
                spec.clear();
                at = None;
            }
            Some(b',' | b':' | b';' | b'<') => lexer.bump(),
            Some(_) => {
                let start = spec.len();
                atom(lexer, &mut spec);
                at = spec[start..].iter().rposition(|octet| *octet == b'@').map(|at| start + at).or(at);
            }
        }
    }
    (spec, at)
}

/// Reads at least one octet of a word: no comma ends it in a domain literal, and a stray `>` or `)` is a letter.
fn atom(lexer: &mut Lexer<'_>, out: &mut Vec<u8>) {
    let starts_literal = lexer.peek() == Some(b'[');
    let is_atom = |octet| !is_blank(octet) && !matches!(octet, b'"' | b'(' | b'<' | b'>' | b',' | b';' | b':' | b'[');
    let in_literal = |octet| !is_blank(octet) && octet != b']';
    match lexer.peek() {
        Some(first) if starts_literal || !is_atom(first) => {
            lexer.bump();
            out.push(first);
        }
        _ => {}
    }
    out.extend_from_slice(if starts_literal { lexer.take_while(in_literal) } else { lexer.take_while(is_atom) });
}
