//! Command lines: from octets to a [`Command`].
//!
//! [`parse`] looks at one line without its CRLF and at nothing else. Whether the command may come now, and whether this
//! listener offers its parameters, is the business of [`crate::server`]; hence an error still names its [`Verb`].
//!
//! ```
//! use rohrpost_smtp::command::{Command, parse};
//!
//! let Ok(Command::Mail(mail)) = parse(b"MAIL FROM:<ann@here.test> SIZE=1000 BODY=8BITMIME") else { panic!() };
//! assert_eq!(mail.reverse_path.to_string(), "ann@here.test");
//! assert_eq!(mail.parameters.size, Some(1_000));
//! ```

use rohrpost_mail::{AddressError, ForwardPath, ReversePath};

use crate::{
    bdat::Chunk,
    limits::{AUTH_LINE_BYTES_MAX, COMMAND_LINE_BYTES_MAX, HELLO_BYTES_MAX, PATH_LINE_BYTES_MAX},
    server::HelloVerb,
};

mod parameters;

pub use parameters::{Hold, MailParameters, ParameterError, RcptParameters};

/// The first word of a line.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Verb {
    /// HELO, EHLO, LHLO
    Hello(HelloVerb),
    /// STARTTLS (RFC 3207)
    StartTls,
    /// AUTH (RFC 4954)
    Auth,
    /// MAIL
    Mail,
    /// RCPT
    Rcpt,
    /// DATA
    Data,
    /// BDAT (RFC 3030)
    Bdat,
    /// RSET
    Rset,
    /// NOOP
    Noop,
    /// QUIT
    Quit,
    /// HELP
    Help,
    /// VRFY
    Vrfy,
    /// EXPN, ETRN, TURN, BURL, XCLIENT and others that are known and never answered.
    NotImplemented,
    /// A verb of HTTP, or PROXY: whoever sends it does not speak SMTP with us.
    NotSmtp,
    /// Any other word.
    Unknown,
}

/// One command with its arguments.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command<'a> {
    /// HELO, EHLO or LHLO with the name behind it.
    Hello(HelloVerb, String),
    /// STARTTLS
    StartTls,
    /// AUTH
    Auth {
        /// The name of the mechanism, whether there is one of that name or not.
        mechanism: &'a str,
        /// The initial response, still encoded.
        initial: Option<&'a [u8]>,
    },
    /// MAIL
    Mail(Mail),
    /// RCPT
    Rcpt(Rcpt),
    /// DATA
    Data,
    /// BDAT
    Bdat(Chunk),
    /// RSET
    Rset,
    /// NOOP, whatever stands behind it
    Noop,
    /// QUIT
    Quit,
    /// HELP, whatever stands behind it
    Help,
    /// VRFY, whatever stands behind it
    Vrfy,
}

/// The arguments of MAIL.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mail {
    /// The sender.
    pub reverse_path: ReversePath,
    /// What stands behind the path.
    pub parameters: MailParameters,
    /// Whether path and parameters are ASCII as they came; U-labels are A-labels here already.
    pub ascii: bool,
}

/// The arguments of RCPT.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rcpt {
    /// The recipient.
    pub forward_path: ForwardPath,
    /// What stands behind the path.
    pub parameters: RcptParameters,
    /// Whether path and parameters are ASCII as they came.
    pub ascii: bool,
}

/// Why a line is no command.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct CommandError {
    /// What the line begins with.
    pub verb: Verb,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Nobody knows the command, or it is never answered here.
    #[error("unknown command")]
    Unknown,
    /// It is longer than commands of its verb may be.
    #[error("line too long")]
    TooLong,
    /// It holds a NUL.
    #[error("NUL in a command")]
    Nul,
    /// An argument is missing, or there is one too many, or it is not of the form it must have.
    #[error("arguments not of the form they must have")]
    Arguments,
    /// The path of MAIL or RCPT.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// A parameter of MAIL or RCPT.
    #[error("{0}")]
    Parameter(#[from] ParameterError),
    /// The argument of BDAT: what follows cannot be told from commands.
    #[error("BDAT without a number of octets")]
    Chunk,
}

/// Reads one line, without its CRLF.
///
/// # Errors
/// [`CommandError`], with the verb as far as there is one.
pub fn parse(line: &[u8]) -> Result<Command<'_>, CommandError> {
    let (verb, parsed) = read(line);
    parsed.map_err(|fault| CommandError { verb, fault })
}

/// Reads one line whose verb counts even where its arguments are wrong.
pub(crate) fn read(line: &[u8]) -> (Verb, Result<Command<'_>, Fault>) {
    let (verb, argument) = split_verb(line);
    let parsed = match memchr::memchr(0, line) {
        Some(_) => Err(Fault::Nul),
        None => check_length(verb, line.len() + 2).and_then(|()| arguments(verb, argument)),
    };
    (verb, parsed)
}

/// The verb of a line of which perhaps only the beginning is there.
pub(crate) fn verb_of(line: &[u8]) -> Verb {
    split_verb(line).0
}

/// The verb, and what follows its blank. Blanks at the end are passed over, as RFC 5321 §4.1.1 advises.
fn split_verb(line: &[u8]) -> (Verb, &[u8]) {
    let line = line.trim_ascii_end();
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    (verb(&line[..end]), line.get(end + 1..).unwrap_or_default())
}

fn verb(word: &[u8]) -> Verb {
    const VERBS: [(&str, Verb); 14] = [
        ("MAIL", Verb::Mail),
        ("RCPT", Verb::Rcpt),
        ("DATA", Verb::Data),
        ("BDAT", Verb::Bdat),
        ("EHLO", Verb::Hello(HelloVerb::Ehlo)),
        ("HELO", Verb::Hello(HelloVerb::Helo)),
        ("LHLO", Verb::Hello(HelloVerb::Lhlo)),
        ("STARTTLS", Verb::StartTls),
        ("AUTH", Verb::Auth),
        ("RSET", Verb::Rset),
        ("NOOP", Verb::Noop),
        ("QUIT", Verb::Quit),
        ("HELP", Verb::Help),
        ("VRFY", Verb::Vrfy),
    ];
    const NOT_IMPLEMENTED: [&str; 9] = ["EXPN", "ETRN", "TURN", "ATRN", "BURL", "SEND", "SOML", "XCLIENT", "XFORWARD"];
    const NOT_SMTP: [&str; 11] =
        ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "PRI", "PROXY"];
    let is = |name: &&str| word.eq_ignore_ascii_case(name.as_bytes());
    match VERBS.iter().find(|(name, _)| is(name)) {
        Some((_, verb)) => *verb,
        None if NOT_IMPLEMENTED.iter().any(is) => Verb::NotImplemented,
        None if NOT_SMTP.iter().any(is) => Verb::NotSmtp,
        None => Verb::Unknown,
    }
}

fn check_length(verb: Verb, octets: usize) -> Result<(), Fault> {
    let octets_max = match verb {
        Verb::Mail | Verb::Rcpt => PATH_LINE_BYTES_MAX,
        // The name has a limit of its own, whose error is clearer.
        Verb::Auth | Verb::Hello(_) => AUTH_LINE_BYTES_MAX,
        _ => COMMAND_LINE_BYTES_MAX,
    };
    if octets > octets_max { Err(Fault::TooLong) } else { Ok(()) }
}

fn arguments(verb: Verb, argument: &[u8]) -> Result<Command<'_>, Fault> {
    let bare = |command| if argument.is_empty() { Ok(command) } else { Err(Fault::Arguments) };
    match verb {
        Verb::Hello(verb) => hello(argument).map(|name| Command::Hello(verb, name)),
        Verb::StartTls => bare(Command::StartTls),
        Verb::Auth => auth(argument),
        Verb::Mail => mail(argument).map(Command::Mail),
        Verb::Rcpt => rcpt(argument).map(Command::Rcpt),
        Verb::Data => bare(Command::Data),
        Verb::Bdat => Chunk::parse(argument).map(Command::Bdat).map_err(|_| Fault::Chunk),
        Verb::Rset => bare(Command::Rset),
        Verb::Noop => Ok(Command::Noop),
        Verb::Quit => bare(Command::Quit),
        Verb::Help => Ok(Command::Help),
        Verb::Vrfy => Ok(Command::Vrfy),
        Verb::NotImplemented | Verb::NotSmtp | Verb::Unknown => Err(Fault::Unknown),
    }
}

/// Names are what clients make of them: anything but control characters is taken, and nothing is built on it.
fn hello(argument: &[u8]) -> Result<String, Fault> {
    let name = String::from_utf8_lossy(argument.trim_ascii());
    let good = !name.is_empty() && argument.len() <= HELLO_BYTES_MAX && !name.chars().any(char::is_control);
    if good { Ok(name.into_owned()) } else { Err(Fault::Arguments) }
}

fn auth(argument: &[u8]) -> Result<Command<'_>, Fault> {
    let mut words = argument.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    let mechanism = words.next().and_then(|word| std::str::from_utf8(word).ok()).ok_or(Fault::Arguments)?;
    let initial = words.next();
    if words.next().is_some() { Err(Fault::Arguments) } else { Ok(Command::Auth { mechanism, initial }) }
}

fn mail(argument: &[u8]) -> Result<Mail, Fault> {
    let argument = behind_keyword(argument, b"FROM:")?;
    let (reverse_path, rest) = ReversePath::parse_prefix(argument)?;
    Ok(Mail { reverse_path, parameters: MailParameters::parse(rest)?, ascii: argument.is_ascii() })
}

fn rcpt(argument: &[u8]) -> Result<Rcpt, Fault> {
    let argument = behind_keyword(argument, b"TO:")?;
    let (forward_path, rest) = ForwardPath::parse_prefix(argument)?;
    Ok(Rcpt { forward_path, parameters: RcptParameters::parse(rest)?, ascii: argument.is_ascii() })
}

/// Deviation from RFC 5321 §3.3: blanks before the path are passed over, because many devices send one.
fn behind_keyword<'a>(argument: &'a [u8], keyword: &[u8]) -> Result<&'a [u8], Fault> {
    let (found, rest) = argument.split_at_checked(keyword.len()).ok_or(Fault::Arguments)?;
    if found.eq_ignore_ascii_case(keyword) { Ok(rest.trim_ascii_start()) } else { Err(Fault::Arguments) }
}

#[cfg(test)]
mod tests;
