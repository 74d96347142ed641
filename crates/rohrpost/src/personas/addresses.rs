//! Lists of addresses as people type them: RFC 5322 §3.4, where an address may lack its domain.
//!
//! `root`, `Cron Daemon <root>` and `root (Cron Daemon)` are what programs of a host write. [`entries`] finds each
//! address of a list and, where it has no domain, the place in the octets where one belongs; all else stays as it is.
//! Lists of mail that came from elsewhere are read by [`rohrpost_mail::address_list`].

use rohrpost_mail::{
    AddressError, Mailbox,
    address_list::{ADDRESSES_MAX, AddressListError},
};

/// How deep comments may be nested.
const COMMENT_DEPTH_MAX: u32 = 20;
/// A domain to try a local part with; it is never seen.
const ANY_DOMAIN: &str = "host.invalid";

/// One address of a list.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Entry {
    /// The address without name, comments and brackets.
    address: Vec<u8>,
    /// Where its last octet ends in the list.
    end: usize,
}

/// Whom an entry names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Named {
    /// A whole address.
    Mailbox(Mailbox),
    /// A local part alone, as it is written: a name of this host.
    Local(String),
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Mailbox(mailbox) => mailbox.fmt(f),
            Self::Local(name) => f.write_str(name),
        }
    }
}

impl Entry {
    /// Reads the address.
    pub(crate) fn named(&self) -> Result<Named, AddressError> {
        let text = std::str::from_utf8(&self.address).map_err(|_| AddressError::NotUtf8)?;
        match Mailbox::parse(text) {
            Ok(mailbox) => Ok(Named::Mailbox(mailbox)),
            Err(AddressError::NoAt) => {
                // With quotes unclosed, or a blank in it, it is no local part either.
                Mailbox::parse(&format!("{text}@{ANY_DOMAIN}"))?;
                Ok(Named::Local(text.to_owned()))
            }
            Err(error) => Err(error),
        }
    }
}

/// The list with `@domain` behind each address that has none. What cannot be read stays as it is.
pub(crate) fn qualified(list: &[u8], domain: &str) -> Vec<u8> {
    let (mut out, mut copied) = (Vec::with_capacity(list.len()), 0);
    for entry in entries(list).unwrap_or_default() {
        if matches!(entry.named(), Ok(Named::Local(_))) {
            out.extend_from_slice(&list[copied..entry.end]);
            out.extend_from_slice(format!("@{domain}").as_bytes());
            copied = entry.end;
        }
    }
    out.extend_from_slice(&list[copied..]);
    out
}

/// The addresses of a list, in order. Empty groups have none.
pub(crate) fn entries(list: &[u8]) -> Result<Vec<Entry>, AddressListError> {
    let mut scanner = Scanner { list, at: 0, entry: Pending::default(), in_brackets: false, found: Vec::new() };
    while let Some(octet) = list.get(scanner.at).copied() {
        scanner.take(octet)?;
    }
    if scanner.in_brackets {
        return Err(AddressListError::Unclosed);
    }
    scanner.finish_entry()?;
    Ok(scanner.found)
}

/// An entry while it is read: what stands in angle brackets wins over what stands outside.
#[derive(Default)]
struct Pending {
    outside: Piece,
    bracketed: Option<Piece>,
}

/// Octets of an address and where the last of them stands.
#[derive(Default)]
struct Piece {
    octets: Vec<u8>,
    end: usize,
}

struct Scanner<'a> {
    list: &'a [u8],
    at: usize,
    entry: Pending,
    in_brackets: bool,
    found: Vec<Entry>,
}

impl Scanner<'_> {
    fn take(&mut self, octet: u8) -> Result<(), AddressListError> {
        let start = self.at;
        self.at += 1;
        match octet {
            b'(' => self.skip_comment()?,
            b'"' => self.keep_to(start, b'"')?,
            b'[' => self.keep_to(start, b']')?,
            b'<' if !self.in_brackets => {
                self.in_brackets = true;
                self.entry.bracketed = Some(Piece::default());
            }
            b'>' if self.in_brackets => self.in_brackets = false,
            b':' if !self.in_brackets => self.entry = Pending::default(),
            b',' | b';' if !self.in_brackets => self.finish_entry()?,
            b' ' | b'\t' | b'\r' | b'\n' if self.in_brackets => {}
            // Blanks count only between two words.
            b' ' | b'\t' | b'\r' | b'\n' => self.entry.outside.octets.push(b' '),
            _ => self.keep(start),
        }
        Ok(())
    }

    /// Adds what was read from `start` on to the address.
    fn keep(&mut self, start: usize) {
        let piece = match &mut self.entry.bracketed {
            Some(piece) if self.in_brackets => piece,
            _ => &mut self.entry.outside,
        };
        piece.octets.extend_from_slice(&self.list[start..self.at]);
        piece.end = self.at;
    }

    /// Adds a quoted string or domain literal, delimiters and backslashes included.
    fn keep_to(&mut self, start: usize, close: u8) -> Result<(), AddressListError> {
        loop {
            let octet = self.list.get(self.at).ok_or(AddressListError::Unclosed)?;
            self.at += if *octet == b'\\' { 2 } else { 1 };
            if *octet == close {
                break;
            }
        }
        self.keep(start);
        Ok(())
    }

    fn skip_comment(&mut self) -> Result<(), AddressListError> {
        let mut depth = 1_u32;
        while depth > 0 {
            let octet = self.list.get(self.at).ok_or(AddressListError::Unclosed)?;
            self.at += if *octet == b'\\' { 2 } else { 1 };
            match octet {
                b'(' if depth == COMMENT_DEPTH_MAX => return Err(AddressListError::Unclosed),
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }

    fn finish_entry(&mut self) -> Result<(), AddressListError> {
        let Pending { outside, bracketed } = std::mem::take(&mut self.entry);
        let Piece { octets, end } = bracketed.unwrap_or(outside);
        let address = without_route(octets.trim_ascii());
        if address.is_empty() {
            return Ok(());
        }
        if self.found.len() == ADDRESSES_MAX {
            return Err(AddressListError::TooMany);
        }
        self.found.push(Entry { address: address.to_vec(), end });
        Ok(())
    }
}

/// `@relay.test:ann@here.test`: the route is obsolete and means nothing (RFC 5322 §4.4).
fn without_route(address: &[u8]) -> &[u8] {
    let colon = address.iter().position(|octet| *octet == b':').filter(|_| address.starts_with(b"@"));
    colon.map_or(address, |colon| &address[colon + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: &str) -> Result<Vec<String>, String> {
        let entries = entries(list.as_bytes()).map_err(|error| error.to_string())?;
        let text = |entry: &Entry| entry.named().map(|named| named.to_string()).map_err(|error| error.to_string());
        entries.iter().map(text).collect()
    }

    #[test]
    fn lists_are_cut_at_their_own_commas_only() {
        let table: [(&str, &[&str]); 12] = [
            ("root", &["root"]),
            ("a@x.test, \"b\"@x.test", &["a@x.test", "b@x.test"]),
            ("\"Doe, John\" <j@x.test>, root", &["j@x.test", "root"]),
            ("a@x.test (comma, here), b", &["a@x.test", "b"]),
            ("Cron Daemon <root>", &["root"]),
            ("root (Cron (the) Daemon)", &["root"]),
            ("staff: a, b@x.test;, c", &["a", "b@x.test", "c"]),
            ("undisclosed-recipients:;", &[]),
            ("<@relay.test:ann@here.test>", &["ann@here.test"]),
            ("a@[192.0.2.1], a@[IPv6:2001:db8::1]", &["a@[192.0.2.1]", "a@[IPv6:2001:db8::1]"]),
            ("a@x.test,\r\n b@x.test", &["a@x.test", "b@x.test"]),
            (" , ,", &[]),
        ];
        for (list, expected) in table {
            assert_eq!(read(list).unwrap(), expected, "{list}");
        }
    }

    #[test]
    fn what_is_broken_is_an_error() {
        for list in
            ["<a@x.test", "\"a", "(", "a b", "a@x.test b@x.test", "a> ORCPT=x", "a@b@c.test", "\"a\\", "(\\", "\"a\"b"]
        {
            assert!(read(list).is_err(), "{list}");
        }
        assert!(entries(&b"(".repeat(100_000)).is_err());
        assert_eq!(entries(&b"a,".repeat(ADDRESSES_MAX + 1)), Err(AddressListError::TooMany));
        assert!(entries(b"J\xf6rg <j@x.test>").unwrap()[0].named().is_ok());
        assert!(entries(b"j\xf6rg@x.test").unwrap()[0].named().is_err());
    }

    #[test]
    fn a_domain_goes_where_it_belongs_and_nothing_else_changes() {
        let table = [
            ("root", "root@h.test"),
            (" root (Cron Daemon)\r\n", " root@h.test (Cron Daemon)\r\n"),
            ("Cron Daemon <root>, a@x.test,\r\n\tbob", "Cron Daemon <root@h.test>, a@x.test,\r\n\tbob@h.test"),
            ("\"a b\"", "\"a b\"@h.test"),
            ("staff: ann, bob;", "staff: ann@h.test, bob@h.test;"),
            ("a@x.test", "a@x.test"),
            ("Cron Daemon", "Cron Daemon"),
            ("<root", "<root"),
            ("undisclosed-recipients:;", "undisclosed-recipients:;"),
        ];
        for (list, expected) in table {
            assert_eq!(String::from_utf8(qualified(list.as_bytes(), "h.test")).unwrap(), expected, "{list}");
        }
    }
}
