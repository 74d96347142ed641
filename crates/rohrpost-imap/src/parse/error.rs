//! Why octets are no command.

use crate::{
    command::Tag,
    limits::SEARCH_DEPTH_MAX,
    mailbox_name::NameError,
    response::{Code, Line, Status},
};

/// Octets that are no command. [`Self::line`] is the answer.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{error}")]
pub struct BadCommand {
    /// The tag, as far as there is one.
    pub tag: Option<Tag>,
    /// What is wrong.
    pub error: ParseError,
}

/// What is wrong with a command. Places count octets from the begin of the command, which is 0, and across its literals.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// It does not begin with a tag and a blank.
    #[error("a command begins with a tag and a blank")]
    Tag,
    /// Nobody knows the command.
    #[error("unknown command")]
    UnknownCommand,
    /// Something else stands where this must stand.
    #[error("{what} is missing at octet {at}")]
    Missing {
        /// What must stand there.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// More stands behind the end of the command.
    #[error("more than the command has at octet {at}")]
    Rest {
        /// Where.
        at: usize,
    },
    /// A word stands where it has no meaning.
    #[error("{what} is not known or may not stand at octet {at}")]
    Word {
        /// What kind of word it is.
        what: &'static str,
        /// Where it begins.
        at: usize,
    },
    /// A list is too long.
    #[error("more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many there may be.
        max: usize,
    },
    /// Search keys within each other are too many.
    #[error("search keys more than {SEARCH_DEPTH_MAX} deep")]
    TooDeep,
    /// A name of a mailbox.
    #[error("{error}, at octet {at}")]
    Mailbox {
        /// What is wrong with it.
        error: NameError,
        /// Where it begins.
        at: usize,
    },
    /// A text that is to be UTF-8.
    #[error("a text that is not UTF-8 at octet {at}")]
    Utf8 {
        /// Where it begins.
        at: usize,
    },
    /// A charset that is not read.
    #[error("the charset must be US-ASCII or UTF-8")]
    Charset,
    /// APPEND without a literal.
    #[error("APPEND has no message")]
    NoMessage,
    /// APPEND with an empty literal, by which clients give up (RFC 3502 §6.3.11).
    #[error("a message of no octets, nothing is appended")]
    EmptyMessage,
    /// A command, or a line of AUTHENTICATE or IDLE, is longer than any may be.
    #[error("more than {max} octets")]
    TooLong {
        /// How long it may be.
        max: usize,
    },
    /// A literal makes the command longer than any may be.
    #[error("a literal too large, at most {max} octets are taken")]
    LiteralTooLarge {
        /// How long the command may be.
        max: usize,
    },
    /// There are more octets that nobody wants than are thrown away. The connection has to end: what follows cannot be
    /// told from commands.
    #[error("more octets than are taken")]
    Flood,
}

impl BadCommand {
    pub(crate) fn new(tag: Option<Tag>, error: ParseError) -> Self {
        Self { tag, error }
    }

    /// The answer: BYE where the connection has to end, else BAD, or NO where the command is one but cannot be done.
    pub fn line(self) -> Line {
        let status = self.error.status();
        let tag = if status == Status::Bye { None } else { self.tag };
        Line { tag, status, code: self.error.code(), text: self.error.to_string().into() }
    }
}

impl ParseError {
    /// How the command went.
    pub fn status(self) -> Status {
        match self {
            Self::Charset | Self::EmptyMessage | Self::Mailbox { .. } => Status::No,
            Self::Flood => Status::Bye,
            _ => Status::Bad,
        }
    }

    /// The part for programs.
    pub fn code(self) -> Option<Code> {
        match self {
            Self::Charset => Some(Code::BadCharset),
            Self::LiteralTooLarge { .. } | Self::Flood => Some(Code::TooBig),
            Self::TooMany { .. } | Self::TooDeep | Self::TooLong { .. } => Some(Code::Limit),
            Self::Mailbox { .. } => Some(Code::Cannot),
            _ => None,
        }
    }
}
