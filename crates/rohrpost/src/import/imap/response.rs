//! What an IMAP server says (RFC 9051 §7), as far as an import asks for it.
//!
//! A response is a line with literals in it. Text is read into [`Piece`]s, the literal of a message into a [`Spool`], others
//! into memory up to a bound. The server is a stranger: nothing is believed but its own words, and every number is bounded.

use std::io;

use jiff::Timestamp;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _};

use super::super::{
    limits::{LINE_BYTES_MAX, MESSAGE_BYTES_MAX},
    spool::{Letter, Spool},
};

/// Pieces of one response: a message has its UID, flags and date beside its text.
const PIECES_MAX: usize = 64;

/// Tokens of one response: a hundred flags and a few items.
const TOKENS_MAX: usize = 1_000;

/// A piece of a response.
pub(super) enum Piece {
    Text(Vec<u8>),
    Short(Vec<u8>),
    Message(Box<Letter>),
}

/// A response as a whole.
pub(super) struct Response(Vec<Piece>);

/// A word of it.
#[derive(Debug)]
enum Token {
    Open,
    Close,
    /// An atom, a number, a flag, `BODY[]`.
    Atom(String),
    /// A quoted string or a short literal.
    Text(Vec<u8>),
    Message(Box<Letter>),
}

/// A mailbox on the list.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Listed {
    /// Its name as people read it, levels parted by `/`.
    pub(super) name: String,
    /// Its name as the server wants it.
    pub(super) wire: String,
    /// What parts its levels there.
    pub(super) separator: Option<char>,
    /// What the server says of it.
    pub(super) attributes: Vec<String>,
}

impl Listed {
    /// Whether it has this attribute.
    pub(super) fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|known| known.eq_ignore_ascii_case(attribute))
    }
}

/// A message.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) uid: u32,
    pub(super) flags: Vec<String>,
    pub(super) at: Option<Timestamp>,
    /// The message; none where the server says that it has none.
    pub(super) letter: Option<Letter>,
    /// Whether anything was said of it. News of flags come without.
    pub(super) has_body: bool,
}

impl Response {
    /// Reads the next response.
    ///
    /// # Errors
    /// The connection ended, or what came is no response.
    pub(super) async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Self> {
        let mut pieces = Vec::new();
        loop {
            let line = line(reader).await?;
            let Some((text, octets)) = literal(&line)? else {
                pieces.push(Piece::Text(line));
                return Ok(Self(pieces));
            };
            let is_message = text.to_ascii_uppercase().ends_with(b"BODY[] ");
            pieces.push(Piece::Text(text.to_vec()));
            if is_message {
                pieces.push(Piece::Message(Box::new(message(reader, octets).await?)));
            } else if octets <= LINE_BYTES_MAX as u64 {
                let mut short = Vec::new();
                (&mut *reader).take(octets).read_to_end(&mut short).await?;
                pieces.push(Piece::Short(short));
            } else {
                return Err(wrong("a literal that nobody asked for"));
            }
            if pieces.len() > PIECES_MAX {
                return Err(wrong("a response of too many pieces"));
            }
        }
    }

    /// Its text up to the first literal.
    pub(super) fn text(&self) -> String {
        match self.0.first() {
            Some(Piece::Text(text)) => String::from_utf8_lossy(text).into_owned(),
            _ => String::new(),
        }
    }

    /// What stands behind `* NAME ` where it is such a response.
    pub(super) fn data(&self, name: &str) -> Option<String> {
        let text = self.text();
        let (found, rest) = text.strip_prefix("* ")?.split_once(' ')?;
        found.eq_ignore_ascii_case(name).then(|| rest.to_owned())
    }

    /// A line of `LIST`.
    pub(super) fn listed(self) -> io::Result<Option<Listed>> {
        if self.data("LIST").is_none() {
            return Ok(None);
        }
        let mut tokens = self.tokens()?.into_iter().skip(2).peekable();
        let mut listed = Listed::default();
        if !matches!(tokens.next(), Some(Token::Open)) {
            return Err(wrong("LIST without attributes"));
        }
        for token in tokens.by_ref() {
            match token {
                Token::Atom(attribute) => listed.attributes.push(attribute),
                _ => break,
            }
        }
        listed.separator = match tokens.next() {
            Some(Token::Text(separator)) => separator.first().map(|octet| char::from(*octet)),
            _ => None,
        };
        listed.wire = match tokens.next() {
            Some(Token::Text(name)) => String::from_utf8(name).map_err(|_| wrong("a name that is no text"))?,
            Some(Token::Atom(name)) => name,
            _ => return Err(wrong("LIST without a name")),
        };
        Ok(Some(listed))
    }

    /// A line of `FETCH` with a UID in it. Others tell of flags that somebody changes.
    pub(super) fn fetched(self) -> io::Result<Option<Fetched>> {
        if !self.text().starts_with("* ") {
            return Ok(None);
        }
        let mut tokens = self.tokens()?.into_iter().skip(2);
        let is_fetch = matches!(tokens.next(), Some(Token::Atom(word)) if word.eq_ignore_ascii_case("FETCH"));
        if !is_fetch || !matches!(tokens.next(), Some(Token::Open)) {
            return Ok(None);
        }
        let mut fetched = Fetched { uid: 0, flags: Vec::new(), at: None, letter: None, has_body: false };
        while let Some(Token::Atom(item)) = tokens.next() {
            let value = tokens.next().ok_or_else(|| wrong("FETCH without a value"))?;
            fetched.has_body |= item.eq_ignore_ascii_case("BODY[]");
            match (item.to_ascii_uppercase().as_str(), value) {
                ("UID", Token::Atom(uid)) => fetched.uid = uid.parse().map_err(|_| wrong("a UID that is no number"))?,
                ("INTERNALDATE", Token::Text(date)) => fetched.at = internal_date(&String::from_utf8_lossy(&date)),
                ("BODY[]", Token::Message(letter)) => fetched.letter = Some(*letter),
                ("BODY[]", Token::Text(text)) => fetched.letter = Some(short_message(&text)?),
                ("FLAGS", Token::Open) => fetched.flags = flags(&mut tokens),
                (_, Token::Open) => pass_list(&mut tokens),
                _ => {}
            }
        }
        Ok((fetched.uid > 0).then_some(fetched))
    }

    fn tokens(self) -> io::Result<Vec<Token>> {
        let mut tokens = Vec::new();
        for piece in self.0 {
            match piece {
                Piece::Text(text) => words(&text, &mut tokens)?,
                Piece::Short(text) => tokens.push(Token::Text(text)),
                Piece::Message(letter) => tokens.push(Token::Message(letter)),
            }
        }
        Ok(tokens)
    }
}

fn flags(tokens: &mut impl Iterator<Item = Token>) -> Vec<String> {
    let is_flag = |token| match token {
        Token::Atom(flag) => Some(flag),
        _ => None,
    };
    tokens.map_while(is_flag).collect()
}

/// Passes over a list whose beginning was read.
fn pass_list(tokens: &mut impl Iterator<Item = Token>) {
    let mut depth = 1;
    for token in tokens {
        match token {
            Token::Open => depth += 1,
            Token::Close => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
    }
}

/// A line without its CRLF.
async fn line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let read = (&mut *reader).take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line).await?;
    if read == 0 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
    }
    match line.strip_suffix(b"\n") {
        Some(text) => Ok(text.strip_suffix(b"\r").unwrap_or(text).to_vec()),
        None => Err(wrong("a line without an end")),
    }
}

/// Text and length, where a literal follows a line: `{3}`, or `~{3}` for octets (RFC 9051 §4.3.1).
fn literal(line: &[u8]) -> io::Result<Option<(&[u8], u64)>> {
    let Some(start) = line.strip_suffix(b"}").and_then(|line| line.iter().rposition(|octet| *octet == b'{')) else {
        return Ok(None);
    };
    let digits = &line[start + 1..line.len() - 1];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Ok(None);
    }
    let octets = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    let octets =
        octets.filter(|octets| *octets <= MESSAGE_BYTES_MAX).ok_or_else(|| wrong("a literal that is too long"))?;
    let text = &line[..start];
    Ok(Some((text.strip_suffix(b"~").unwrap_or(text), octets)))
}

async fn message(reader: &mut (impl AsyncBufRead + Unpin), octets: u64) -> io::Result<Letter> {
    let (mut spool, mut left) = (Spool::new(), octets);
    while left > 0 {
        let ready = reader.fill_buf().await?;
        if ready.is_empty() {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        let taken = ready.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        spool.push(&ready[..taken])?;
        reader.consume(taken);
        left -= taken as u64;
    }
    spool.finish()
}

fn short_message(text: &[u8]) -> io::Result<Letter> {
    let mut spool = Spool::new();
    spool.push(text)?;
    spool.finish()
}

/// Divides text into words.
fn words(text: &[u8], tokens: &mut Vec<Token>) -> io::Result<()> {
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = match first {
            b' ' => behind,
            b'(' => {
                tokens.push(Token::Open);
                behind
            }
            b')' => {
                tokens.push(Token::Close);
                behind
            }
            b'"' => quoted(behind, tokens)?,
            _ => atom(rest, tokens),
        };
        // A response that lists all UIDs has few tokens: each is one of its own.
        if tokens.len() > TOKENS_MAX {
            return Err(wrong("a response of too many words"));
        }
    }
    Ok(())
}

fn quoted<'a>(text: &'a [u8], tokens: &mut Vec<Token>) -> io::Result<&'a [u8]> {
    let (mut value, mut octets) = (Vec::new(), text.iter().enumerate());
    while let Some((at, octet)) = octets.next() {
        match octet {
            b'"' => {
                tokens.push(Token::Text(value));
                return Ok(&text[at + 1..]);
            }
            b'\\' => value.extend(octets.next().map(|(_, octet)| *octet)),
            octet => value.push(*octet),
        }
    }
    Err(wrong("a quoted string without an end"))
}

/// An atom; brackets hold it together: `BODY[HEADER.FIELDS (SUBJECT)]`.
fn atom<'a>(text: &'a [u8], tokens: &mut Vec<Token>) -> &'a [u8] {
    let mut depth = 0_usize;
    let ends = |octet: &u8| {
        match octet {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b' ' | b'(' | b')' | b'"' => return depth == 0,
            _ => {}
        }
        false
    };
    let end = text.iter().position(ends).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    tokens.push(Token::Atom(String::from_utf8_lossy(word).into_owned()));
    rest
}

/// `22-Nov-2026 10:00:00 +0100` (RFC 9051 §9, `date-time`)
fn internal_date(text: &str) -> Option<Timestamp> {
    Timestamp::strptime("%d-%b-%Y %H:%M:%S %z", text.trim()).ok()
}

/// The server said what nobody understands.
fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the server sent {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> io::Result<Response> {
        Response::read(&mut text.as_bytes()).await
    }

    #[tokio::test]
    async fn a_message_comes_with_its_flags_and_its_date_in_any_order() {
        let items = "* 3 FETCH (BODYSTRUCTURE ((\"a\" NIL) (b)) FLAGS (\\Seen $Label1) BODY[] {9}\r\nA: 1\r\n\r\nx UID 7 \
            INTERNALDATE \" 2-Nov-2026 10:00:00 +0100\")\r\n";
        let fetched = read(items).await.unwrap().fetched().unwrap().unwrap();
        assert_eq!((fetched.uid, fetched.flags), (7, vec!["\\Seen".to_owned(), "$Label1".to_owned()]));
        assert_eq!(fetched.at.unwrap().to_string(), "2026-11-02T09:00:00Z");
        assert_eq!(fetched.letter.unwrap().piece(99).unwrap(), b"A: 1\r\n\r\nx");
    }

    #[tokio::test]
    async fn other_lines_are_no_messages() {
        for line in ["* 3 EXPUNGE\r\n", "* 3 FETCH (FLAGS (\\Seen))\r\n", "a1 OK done\r\n", "* OK hello\r\n"] {
            assert!(read(line).await.unwrap().fetched().unwrap().is_none(), "{line}");
        }
        let fetched = read("* 3 FETCH (UID 7 BODY[] NIL)\r\n").await.unwrap().fetched().unwrap().unwrap();
        assert!(fetched.letter.is_none());
        let fetched = read("* 3 FETCH (UID 7 BODY[] \"\")\r\n").await.unwrap().fetched().unwrap().unwrap();
        assert_eq!(fetched.letter.unwrap().octets, 0);
    }

    #[tokio::test]
    async fn names_of_mailboxes_are_quoted_bare_or_literals() {
        let listed = async |line: &str| read(line).await.unwrap().listed().unwrap().unwrap();
        let one = listed("* LIST (\\HasNoChildren \\Sent) \".\" \"a \\\"b\\\"\"\r\n").await;
        assert_eq!((one.wire.as_str(), one.separator, one.has("\\sent")), ("a \"b\"", Some('.'), true));
        assert_eq!(listed("* LIST () NIL INBOX\r\n").await.separator, None);
        assert_eq!(listed("* LIST () \"/\" {3}\r\na&b\r\n").await.wire, "a&b");
    }

    #[tokio::test]
    async fn what_a_hostile_server_says_is_bounded() {
        let deep = format!("* 1 FETCH {}\r\n", "(".repeat(60_000));
        let long = format!("* {}", "x".repeat(100_000));
        let pieces = "* LIST () {1}\r\n".to_owned() + &"x{1}\r\n".repeat(200);
        for text in ["* 1 FETCH (BODY[] {4294967296}\r\n", "* LIST () {99999999999999999999}\r\n", "* X {70000}\r\n"] {
            assert!(read(text).await.is_err(), "{text}");
        }
        assert!(read(&deep).await.unwrap().fetched().is_err());
        assert!(read(&long).await.is_err() && read(&pieces).await.is_err());
        assert!(read("* 1 FETCH (BODY[] {10}\r\nshort").await.is_err());
        assert!(read("* LIST () \"/\" \"open\r\n").await.unwrap().listed().is_err());
        assert!(read("").await.is_err());
    }
}
