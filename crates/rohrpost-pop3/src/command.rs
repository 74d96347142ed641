//! Command lines, read. What a line says is decided here; whether it may be said now is decided by the session.

/// One command with its arguments.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Command<'a> {
    /// CAPA: what the server can do (RFC 2449 §5).
    Capa,
    /// STLS: TLS begins (RFC 2595 §4).
    Stls,
    /// UTF8: the client reads UTF-8 (RFC 6856 §2).
    Utf8,
    /// USER: who it is. Names with blanks exist, so it is the rest of the line.
    User(&'a [u8]),
    /// PASS: the rest of the line, since passwords may hold blanks (RFC 1939 §7).
    Pass(&'a [u8]),
    /// AUTH without a mechanism: which are there? Older than RFC 5034, and still asked by some programs.
    AuthList,
    /// AUTH: log-in by SASL (RFC 5034 §4).
    Auth {
        /// The name of the mechanism, whether there is one of that name or not.
        mechanism: &'a str,
        /// The initial response, still in base64.
        initial: Option<&'a [u8]>,
    },
    /// STAT: how many messages, and how large are they together?
    Stat,
    /// LIST: how large is each message, or this one?
    List(Option<u64>),
    /// UIDL: what is the lasting name of each message, or of this one?
    Uidl(Option<u64>),
    /// RETR: this message.
    Retr(u64),
    /// TOP: the header of this message and some lines of its body.
    Top {
        /// The number of the message.
        message: u64,
        /// How many lines.
        lines: u64,
    },
    /// DELE: this message goes when the client says QUIT.
    Dele(u64),
    /// RSET: no message goes.
    Rset,
    /// NOOP: I am still here.
    Noop,
    /// QUIT: what is deleted goes, and so do I.
    Quit,
}

/// Why a line is no command.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// No command of that name.
    Unknown,
    /// The command is known, its arguments make no sense.
    Arguments,
    /// It holds a NUL, which no argument can.
    Nul,
    /// A verb of HTTP: whoever sends it does not speak POP3 with us.
    NotPop3,
}

/// Keywords with which other protocols begin.
const FOREIGN: [&str; 8] = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "PRI", "PROXY"];

impl<'a> Command<'a> {
    /// Reads a line without its CRLF.
    ///
    /// # Errors
    /// See [`Fault`].
    pub(crate) fn parse(line: &'a [u8]) -> Result<Self, Fault> {
        if memchr::memchr(0, line).is_some() {
            return Err(Fault::Nul);
        }
        let (keyword, argument) = split_word(line);
        let keyword = keyword.to_ascii_uppercase();
        match (keyword.as_slice(), argument) {
            (b"USER", Some(name)) if !name.is_empty() => Ok(Self::User(name)),
            (b"PASS", Some(password)) if !password.is_empty() => Ok(Self::Pass(password)),
            (b"USER" | b"PASS", _) => Err(Fault::Arguments),
            (keyword, argument) => Self::with_words(keyword, argument.unwrap_or_default()),
        }
    }

    /// Commands whose arguments are words.
    fn with_words(keyword: &[u8], argument: &'a [u8]) -> Result<Self, Fault> {
        let words: Vec<&[u8]> = argument.split(|octet| *octet == b' ').filter(|word| !word.is_empty()).collect();
        match (keyword, words.as_slice()) {
            (b"CAPA", []) => Ok(Self::Capa),
            (b"STLS", []) => Ok(Self::Stls),
            (b"UTF8", []) => Ok(Self::Utf8),
            (b"AUTH", []) => Ok(Self::AuthList),
            (b"AUTH", [mechanism]) => Ok(Self::Auth { mechanism: text(mechanism)?, initial: None }),
            (b"AUTH", [mechanism, initial]) => Ok(Self::Auth { mechanism: text(mechanism)?, initial: Some(initial) }),
            (b"STAT", []) => Ok(Self::Stat),
            (b"LIST", []) => Ok(Self::List(None)),
            (b"LIST", [message]) => number(message).map(Some).map(Self::List),
            (b"UIDL", []) => Ok(Self::Uidl(None)),
            (b"UIDL", [message]) => number(message).map(Some).map(Self::Uidl),
            (b"RETR", [message]) => number(message).map(Self::Retr),
            (b"TOP", [message, lines]) => Ok(Self::Top { message: number(message)?, lines: number(lines)? }),
            (b"DELE", [message]) => number(message).map(Self::Dele),
            (b"RSET", []) => Ok(Self::Rset),
            (b"NOOP", []) => Ok(Self::Noop),
            (b"QUIT", []) => Ok(Self::Quit),
            (keyword, _) => Err(fault(keyword)),
        }
    }
}

/// The first word, and what is behind the one blank after it.
fn split_word(line: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(b' ', line) {
        Some(blank) => (&line[..blank], Some(&line[blank + 1..])),
        None => (line, None),
    }
}

fn text(word: &[u8]) -> Result<&str, Fault> {
    std::str::from_utf8(word).map_err(|_| Fault::Arguments)
}

/// Digits only. What is too large for us is as good as the largest number: there is no such message, and no message
/// has so many lines.
fn number(word: &[u8]) -> Result<u64, Fault> {
    word.iter().try_fold(0_u64, |number, octet| match octet {
        b'0'..=b'9' => Ok(number.saturating_mul(10).saturating_add(u64::from(octet - b'0'))),
        _ => Err(Fault::Arguments),
    })
}

fn fault(keyword: &[u8]) -> Fault {
    const WITH_WORDS: [&[u8]; 13] = [
        b"CAPA", b"STLS", b"UTF8", b"AUTH", b"STAT", b"LIST", b"UIDL", b"RETR", b"TOP", b"DELE", b"RSET", b"NOOP",
        b"QUIT",
    ];
    match keyword {
        known if WITH_WORDS.contains(&known) => Fault::Arguments,
        foreign if FOREIGN.iter().any(|verb| verb.as_bytes() == foreign) => Fault::NotPop3,
        _ => Fault::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_is_read_in_any_case() {
        for (line, command) in [
            ("CAPA", Command::Capa),
            ("stls", Command::Stls),
            ("Utf8", Command::Utf8),
            ("USER ann@here.test", Command::User(b"ann@here.test")),
            ("pass  two blanks ", Command::Pass(b" two blanks ")),
            ("AUTH", Command::AuthList),
            ("AUTH PLAIN", Command::Auth { mechanism: "PLAIN", initial: None }),
            ("AUTH PLAIN =", Command::Auth { mechanism: "PLAIN", initial: Some(b"=") }),
            ("STAT", Command::Stat),
            ("LIST", Command::List(None)),
            ("LIST 1", Command::List(Some(1))),
            ("UIDL", Command::Uidl(None)),
            ("UIDL 002", Command::Uidl(Some(2))),
            ("RETR 3", Command::Retr(3)),
            ("TOP 1 0", Command::Top { message: 1, lines: 0 }),
            ("DELE 4 ", Command::Dele(4)),
            ("RSET", Command::Rset),
            ("NOOP", Command::Noop),
            ("QUIT", Command::Quit),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_says_why() {
        for (line, fault) in [
            ("", Fault::Unknown),
            ("APOP ann c4c9334bac560ecc979e58001b3e22fb", Fault::Unknown),
            ("USER", Fault::Arguments),
            ("PASS ", Fault::Arguments),
            ("RETR", Fault::Arguments),
            ("RETR one", Fault::Arguments),
            ("RETR -1", Fault::Arguments),
            ("TOP 1", Fault::Arguments),
            ("QUIT now", Fault::Arguments),
            ("AUTH \u{fc} a b", Fault::Arguments),
            ("USER a\0b", Fault::Nul),
            ("GET / HTTP/1.1", Fault::NotPop3),
        ] {
            assert_eq!(Command::parse(line.as_bytes()), Err(fault), "{line}");
        }
        assert_eq!(Command::parse(b"AUTH \xff"), Err(Fault::Arguments));
    }

    #[test]
    fn a_number_beyond_all_bounds_is_the_largest() {
        assert_eq!(Command::parse(b"RETR 99999999999999999999999"), Ok(Command::Retr(u64::MAX)));
    }
}
