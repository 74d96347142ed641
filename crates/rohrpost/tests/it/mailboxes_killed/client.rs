//! An IMAP client that knows only what this proof needs, and nothing of our own parser.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::peers::DEADLINE;
use crate::peers::rohrpost::{ANN, PASSWORD};

/// What a message is marked with: system flags and keywords.
pub(super) type Flags = BTreeSet<String>;

/// A connection that has logged in. What fails is the connection, never a command: that panics.
pub(super) struct Client {
    stream: BufReader<TcpStream>,
}

/// One response, its last literal apart.
pub(super) struct Answer {
    pub(super) text: String,
    pub(super) literal: Vec<u8>,
}

impl Client {
    pub(super) fn log_in(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream: BufReader::new(stream) };
        client.answer()?;
        client.ask(&format!("LOGIN \"{ANN}\" \"{PASSWORD}\""))?;
        client.ask("ENABLE QRESYNC")?;
        Ok(client)
    }

    /// Sends a command and takes all that is said until it is done, which must be well.
    pub(super) fn ask(&mut self, command: &str) -> io::Result<Vec<Answer>> {
        self.stream.get_mut().write_all(format!("A {command}\r\n").as_bytes())?;
        self.done(command)
    }

    /// Files a message.
    pub(super) fn append(&mut self, mailbox: &str, flags: &str, text: &str) -> io::Result<Vec<Answer>> {
        let command = format!("APPEND {mailbox} ({flags}) {{{}}}", text.len());
        self.stream.get_mut().write_all(format!("A {command}\r\n").as_bytes())?;
        while !self.answer()?.text.starts_with('+') {}
        self.stream.get_mut().write_all(format!("{text}\r\n").as_bytes())?;
        self.done(&command)
    }

    fn done(&mut self, command: &str) -> io::Result<Vec<Answer>> {
        let mut answers = Vec::new();
        loop {
            let answer = self.answer()?;
            let last = answer.text.starts_with("A ");
            assert!(!last || answer.text.starts_with("A OK"), "{command}: {}", answer.text);
            answers.push(answer);
            if last {
                return Ok(answers);
            }
        }
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let mut answer = Answer { text: String::new(), literal: Vec::new() };
        loop {
            let from = answer.text.len();
            self.stream.read_line(&mut answer.text)?;
            if !answer.text.ends_with('\n') {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            answer.text.truncate(answer.text.trim_end().len());
            let Some((_, octets)) = answer.text[from..].rsplit_once('{') else { return Ok(answer) };
            let Some(octets) = octets.strip_suffix('}').and_then(|octets| octets.parse().ok()) else {
                return Ok(answer);
            };
            answer.literal = vec![0; octets];
            self.stream.read_exact(&mut answer.literal)?;
        }
    }
}

impl Answer {
    /// The number behind some text.
    pub(super) fn number(&self, behind: &str) -> Option<u64> {
        let (_, rest) = self.text.split_once(behind)?;
        rest.split(|char: char| !char.is_ascii_digit()).next()?.parse().ok()
    }

    /// What stands in a response code of this name.
    pub(super) fn code(&self, name: &str) -> Option<Vec<&str>> {
        let (_, rest) = self.text.split_once(&format!("[{name} "))?;
        Some(rest.split_once(']')?.0.split(' ').collect())
    }

    /// UID and flags of a message of which this tells, but for \Recent, which is none of the mailbox.
    pub(super) fn fetched(&self) -> Option<(u32, Flags)> {
        let (_, items) = self.text.split_once(" FETCH (")?;
        let (_, flags) = items.split_once("FLAGS (")?;
        let flags = flags.split_once(')')?.0.split(' ').filter(|flag| !flag.is_empty() && *flag != "\\Recent");
        Some((u32::try_from(self.number("UID ")?).ok()?, flags.map(str::to_owned).collect()))
    }

    /// The UIDs that are gone, if it tells of such.
    pub(super) fn vanished(&self) -> Option<Vec<u32>> {
        let set = self.text.strip_prefix("* VANISHED ")?;
        Some(uids(set.strip_prefix("(EARLIER) ").unwrap_or(set)))
    }
}

/// The UIDs of a set, in its order.
pub(super) fn uids(set: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{set} is no set"));
    let range = |part: &str| match part.split_once(':') {
        Some((first, last)) => number(first)..=number(last),
        None => number(part)..=number(part),
    };
    set.split(',').flat_map(range).collect()
}

/// UIDs as a set.
pub(super) fn set_of(uids: impl IntoIterator<Item = u32>) -> String {
    uids.into_iter().map(|uid| uid.to_string()).collect::<Vec<_>>().join(",")
}
