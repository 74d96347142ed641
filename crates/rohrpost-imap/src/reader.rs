//! Octets of a connection, cut into commands.
//!
//! [`Reader`] finds the ends of commands and of their literals, keeps what belongs together up to a bound, and has
//! [`crate::parse`] read it. Nothing is allocated by a number that the peer names: a literal that is too large is refused
//! when it is announced, and those of APPEND, which are messages, pass through in pieces and are never kept.
//!
//! ```text
//!              line whole           literal announced
//!   Command ───────────────► Command ◄──────────────► Literal
//!      │ APPEND
//!      ▼      accept_message           all octets            CRLF
//!   Decision ───────────────► Message ───────────► Behind ─────────► Command
//!      │  ▲                                          │ next message
//!      │  └──────────────────────────────────────────┘
//!      └─ else ─► Discard ─► Command
//! ```
//!
//! Deviation from RFC 9051 §2.2: a bare LF ends a line as CRLF does, so that people can type commands.
//!
//! ```
//! use rohrpost_imap::reader::{Input, Reader};
//!
//! let mut reader = Reader::default();
//! let (taken, input) = reader.read(b"a1 NOOP\r\na2 LOGIN {3}\r\n");
//! assert!(matches!(input, Some(Input::Command(_))));
//! let (_, input) = reader.read(&b"a1 NOOP\r\na2 LOGIN {3}\r\n"[taken..]);
//! assert!(matches!(input, Some(Input::Continue)));
//! ```

use rohrpost_mail::Secret;

use crate::{
    command::{AppendMessage, Body, Command, Tag},
    limits::{COMMAND_OCTETS_MAX, DISCARDED_OCTETS_MAX, LINE_OCTETS_MAX, LITERALS_MAX, STRANGER_COMMAND_OCTETS_MAX},
    parse::{self, AppendHead, BadCommand, Cursor, Dialect, ParseError},
};

/// What octets of a client were.
#[derive(Debug, Eq, PartialEq)]
pub enum Input<'a> {
    /// A whole command; or APPEND up to its first message, which is refused unless [`Reader::accept_message`] comes next.
    Command(Command),
    /// No command; answer [`BadCommand::line`]. An APPEND that had begun is over, and nothing of it is to be kept. Where
    /// the answer is BYE the connection ends.
    Bad(BadCommand),
    /// The client waits with a literal: write a continuation.
    Continue,
    /// A further message of APPEND, which is refused unless [`Reader::accept_message`] comes next.
    Message(AppendMessage),
    /// Octets of the message that was accepted.
    Octets(&'a [u8]),
    /// The message is complete; another may follow.
    MessageEnd,
    /// APPEND is complete: now its messages are to be stored.
    AppendEnd,
    /// The line that [`Reader::expect_line`] asked for, without its end.
    Line(Secret),
}

/// Cuts input into commands. Between two commands it holds no memory.
#[derive(Debug, Default)]
pub struct Reader {
    state: State,
    /// What came of the command so far, where it did not come at once.
    kept: Vec<u8>,
    /// Where in `kept` the current line begins, behind the last literal.
    line_begin: usize,
    /// Literals of the command so far.
    literals: usize,
    dialect: Dialect,
    logged_in: bool,
}

#[derive(Debug, Default)]
enum State {
    /// A line of a command.
    #[default]
    Command,
    /// A literal of a command; so many octets are to come.
    Literal(usize),
    /// A message was announced; it is refused unless it is accepted now.
    Decision(Append),
    /// A message; so many octets are to come.
    Message(Append, u64),
    /// The line behind a message.
    Behind(Append),
    /// Octets that nobody wants, and behind them the rest of their command.
    Discard(Discard),
    /// A line that is no command.
    Line,
    /// Nothing more can be read.
    Lost,
}

/// An APPEND on its way.
#[derive(Debug)]
struct Append {
    tag: Tag,
    message: AppendMessage,
}

/// What is thrown away.
#[derive(Debug)]
struct Discard {
    /// Octets of a literal that are to come; behind them is a line.
    literal: u64,
    /// Octets that may be thrown away yet.
    left: u64,
}

impl Reader {
    /// The client has logged in: it may say more.
    pub fn set_logged_in(&mut self) {
        self.logged_in = true;
    }

    /// Names of mailboxes are UTF-8 from now on.
    pub fn set_utf8(&mut self) {
        self.dialect.utf8 = true;
    }

    /// The next line is none of a command, but one of AUTHENTICATE or IDLE.
    pub fn expect_line(&mut self) {
        self.state = State::Line;
    }

    /// The message that was announced is wanted. Where it is [synchronizing](AppendMessage::synchronizing), a
    /// continuation must be written.
    pub fn accept_message(&mut self) {
        self.state = match std::mem::take(&mut self.state) {
            State::Decision(append) => {
                let octets = append.message.octets;
                State::Message(append, octets)
            }
            state => state,
        };
    }

    /// The APPEND is over: its message is not wanted, or what came of it could not be stored. A client that did not wait
    /// sends it anyway; it is thrown away.
    pub fn refuse_append(&mut self) {
        match std::mem::take(&mut self.state) {
            State::Decision(append) if append.message.synchronizing => {}
            State::Decision(append) => self.discard_rest(append.message.octets),
            State::Message(_, octets) => self.discard_rest(octets),
            State::Behind(_) => self.discard_rest(0),
            state => self.state = state,
        }
    }

    /// Whether nothing of a command has come yet.
    pub fn is_between_commands(&self) -> bool {
        matches!(self.state, State::Command | State::Line) && self.kept.is_empty()
    }

    /// Takes octets, up to the end of what they are, and says how many. More are needed where it says nothing. A message
    /// that was announced and not accepted by now is refused.
    pub fn read<'a>(&mut self, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        match std::mem::take(&mut self.state) {
            State::Command => self.command(input),
            State::Literal(octets) => self.literal(octets, input),
            State::Message(append, octets) => self.message(append, octets, input),
            State::Behind(append) => self.behind(append, input),
            State::Discard(discard) => self.discard(discard, input),
            State::Line => self.line(input),
            state @ State::Decision(_) => {
                self.state = state;
                self.refuse_append();
                self.read(input)
            }
            State::Lost => {
                self.state = State::Lost;
                (input.len(), None)
            }
        }
    }

    fn command<'a>(&mut self, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        let (taken, whole) = cut_line(input);
        let octets_max = self.octets_max();
        if self.kept.len() + taken > octets_max {
            let tag = tag(if self.kept.is_empty() { input } else { &self.kept });
            return (0, Some(self.too_long(tag, octets_max)));
        }
        if !whole {
            self.kept.extend_from_slice(input);
            return (taken, None);
        }
        if self.kept.is_empty() && announced(&input[..taken]).is_none() {
            // Nearly every command comes at once and has no literal: it is read where it lies.
            return (taken, Some(self.parse(&input[..taken])));
        }
        self.kept.extend_from_slice(&input[..taken]);
        if let Some(literal) = announced(&self.kept[self.line_begin..]) {
            return (taken, self.announced(literal));
        }
        let kept = self.forget();
        (taken, Some(self.parse(&kept)))
    }

    /// Reads a command with its line end.
    fn parse(&mut self, line: &[u8]) -> Input<'static> {
        match parse::parse(without_end(line), self.dialect) {
            Ok(command) => Input::Command(command),
            Err(bad) => Input::Bad(bad),
        }
    }

    /// A literal is announced at the end of what was kept.
    fn announced(&mut self, literal: Announced) -> Option<Input<'static>> {
        match self.append_head() {
            Ok(Some((command, append))) => {
                self.forget();
                self.state = State::Decision(append);
                return Some(Input::Command(command));
            }
            Ok(None) => {}
            Err(bad) => return Some(self.refuse_literal(bad, literal)),
        }
        let max = self.octets_max();
        let octets = usize::try_from(literal.octets).unwrap_or(usize::MAX);
        if self.kept.len().saturating_add(octets) > max || self.literals == LITERALS_MAX {
            let bad = BadCommand::new(tag(&self.kept), ParseError::LiteralTooLarge { max });
            return Some(self.refuse_literal(bad, literal));
        }
        self.literals += 1;
        self.line_begin = self.kept.len();
        if octets > 0 {
            self.state = State::Literal(octets);
        }
        literal.synchronizing.then_some(Input::Continue)
    }

    /// APPEND, if it is one whose message is announced.
    fn append_head(&self) -> Result<Option<(Command, Append)>, BadCommand> {
        let mut cursor = Cursor::new(&self.kept, self.dialect);
        let Ok(tag) = parse::tag(&mut cursor) else { return Ok(None) };
        match parse::append_head(&mut cursor) {
            Ok(Some(AppendHead::Message(mailbox, message))) => {
                let append = Append { tag: tag.clone(), message: message.clone() };
                Ok(Some((Command { tag, body: Body::Append { mailbox, message } }, append)))
            }
            Ok(None | Some(AppendHead::Mailbox)) => Ok(None),
            Err(error) => Err(BadCommand::new(Some(tag), error)),
        }
    }

    /// The command ends here. A client that did not wait sends the literal and the rest anyway.
    fn refuse_literal(&mut self, bad: BadCommand, literal: Announced) -> Input<'static> {
        self.forget();
        if !literal.synchronizing {
            self.discard_rest(literal.octets);
        }
        Input::Bad(bad)
    }

    fn literal<'a>(&mut self, octets: usize, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        let taken = octets.min(input.len());
        self.kept.extend_from_slice(&input[..taken]);
        if taken < octets {
            self.state = State::Literal(octets - taken);
        } else {
            self.line_begin = self.kept.len();
        }
        (taken, None)
    }

    fn message<'a>(&mut self, append: Append, octets: u64, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        if octets == 0 {
            self.state = State::Behind(append);
            return (0, Some(Input::MessageEnd));
        }
        let taken = usize::try_from(octets).unwrap_or(usize::MAX).min(input.len());
        self.state = State::Message(append, octets - taken as u64);
        (taken, (taken > 0).then(|| Input::Octets(&input[..taken])))
    }

    fn behind<'a>(&mut self, append: Append, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        let (taken, whole) = cut_line(input);
        if self.kept.len() + taken > STRANGER_COMMAND_OCTETS_MAX {
            return (0, Some(self.too_long(Some(append.tag), STRANGER_COMMAND_OCTETS_MAX)));
        }
        self.kept.extend_from_slice(&input[..taken]);
        if !whole {
            self.state = State::Behind(append);
            return (taken, None);
        }
        let line = self.forget();
        let literal = announced(&line);
        let rest = if literal.is_some() { &line[..] } else { without_end(&line) };
        let input = match (parse::next_message(rest, append.message.utf8), literal) {
            (Ok(None), _) => Input::AppendEnd,
            (Ok(Some(message)), _) => {
                self.state = State::Decision(Append { tag: append.tag, message: message.clone() });
                Input::Message(message)
            }
            (Err(error), Some(literal)) => self.refuse_literal(BadCommand::new(Some(append.tag), error), literal),
            (Err(error), None) => Input::Bad(BadCommand::new(Some(append.tag), error)),
        };
        (taken, Some(input))
    }

    fn discard<'a>(&mut self, mut discard: Discard, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        if discard.literal > discard.left {
            self.state = State::Lost;
            return (0, Some(Input::Bad(BadCommand::new(None, ParseError::Flood))));
        }
        if discard.literal > 0 {
            let taken = usize::try_from(discard.literal).unwrap_or(usize::MAX).min(input.len());
            discard.literal -= taken as u64;
            discard.left -= taken as u64;
            self.state = State::Discard(discard);
            return (taken, None);
        }
        self.discard_line(discard, input)
    }

    /// Throws a line away. Of one that comes in pieces the last octets are kept, in which a literal may be announced.
    fn discard_line<'a>(&mut self, mut discard: Discard, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        let (taken, whole) = cut_line(input);
        let Some(left) = discard.left.checked_sub(taken as u64) else {
            self.state = State::Lost;
            return (taken, Some(Input::Bad(BadCommand::new(None, ParseError::Flood))));
        };
        discard.left = left;
        self.keep_end(&input[..taken]);
        if !whole {
            self.state = State::Discard(discard);
            return (taken, None);
        }
        match announced(&self.forget()) {
            Some(Announced { octets, synchronizing: false }) => {
                self.state = State::Discard(Discard { literal: octets, ..discard });
            }
            // A client that waits has its answer already.
            Some(_) | None => self.state = State::Command,
        }
        (taken, None)
    }

    fn line<'a>(&mut self, input: &'a [u8]) -> (usize, Option<Input<'a>>) {
        let (taken, whole) = cut_line(input);
        if self.kept.len() + taken > LINE_OCTETS_MAX {
            return (0, Some(self.too_long(None, LINE_OCTETS_MAX)));
        }
        self.kept.extend_from_slice(&input[..taken]);
        if !whole {
            self.state = State::Line;
            return (taken, None);
        }
        let line = self.forget();
        (taken, Some(Input::Line(Secret::new(String::from_utf8_lossy(without_end(&line)).into_owned()))))
    }

    /// The answer to a line that is too long. All of it is thrown away, its end included.
    fn too_long(&mut self, tag: Option<Tag>, max: usize) -> Input<'static> {
        self.discard_rest(0);
        Input::Bad(BadCommand::new(tag, ParseError::TooLong { max }))
    }

    /// Throws away a literal and what follows of its command; without a literal, the rest of the line, of which the
    /// octets that are kept may hold half an announcement.
    fn discard_rest(&mut self, literal: u64) {
        let line_begin = self.line_begin;
        let line = self.forget().split_off(line_begin);
        if literal == 0 {
            self.keep_end(&line);
        }
        self.state = State::Discard(Discard { literal, left: DISCARDED_OCTETS_MAX });
    }

    /// Adds to what is kept of a line that is thrown away: its last octets.
    fn keep_end(&mut self, octets: &[u8]) {
        self.kept.extend_from_slice(&octets[octets.len().saturating_sub(ANNOUNCEMENT_OCTETS_MAX)..]);
        let surplus = self.kept.len().saturating_sub(ANNOUNCEMENT_OCTETS_MAX);
        self.kept.drain(..surplus);
    }

    fn octets_max(&self) -> usize {
        if self.logged_in { COMMAND_OCTETS_MAX } else { STRANGER_COMMAND_OCTETS_MAX }
    }

    /// Hands out what was kept, and holds no memory any more.
    fn forget(&mut self) -> Vec<u8> {
        self.line_begin = 0;
        self.literals = 0;
        std::mem::take(&mut self.kept)
    }
}

/// The announcement of a literal at the end of a line.
#[derive(Clone, Copy, Debug)]
struct Announced {
    octets: u64,
    synchronizing: bool,
}

/// Octets of the longest announcement that has a meaning, with its line end: `{18446744073709551615+}`.
const ANNOUNCEMENT_OCTETS_MAX: usize = 25;

/// Whether this line, with its end, ends with `{12}` or `{12+}`. A number of more than 64 bits is the largest of them.
fn announced(line: &[u8]) -> Option<Announced> {
    let line = without_end(line).strip_suffix(b"}")?;
    let synchronizing = !line.ends_with(b"+");
    let line = line.strip_suffix(b"+").unwrap_or(line);
    let digits = line.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
    let (before, digits) = line.split_at(line.len() - digits);
    if digits.is_empty() || !before.ends_with(b"{") {
        return None;
    }
    let digits = std::str::from_utf8(digits).expect("digits are ASCII");
    Some(Announced { octets: digits.parse().unwrap_or(u64::MAX), synchronizing })
}

/// The tag of a command, as far as there is one.
fn tag(octets: &[u8]) -> Option<Tag> {
    parse::tag(&mut Cursor::new(octets, Dialect::default())).ok()
}

/// How many octets are up to and with the first line end, and whether there is one.
fn cut_line(input: &[u8]) -> (usize, bool) {
    match memchr::memchr(b'\n', input) {
        Some(place) => (place + 1, true),
        None => (input.len(), false),
    }
}

fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
