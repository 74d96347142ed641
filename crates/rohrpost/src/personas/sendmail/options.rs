//! What sendmail's options mean.
//!
//! The table is lenient where a mail would else be lost: an option that nobody knows is warned about and passed over,
//! since the cron job that uses it cannot be asked. It is strict where something would be sent that was not meant: a
//! line break in an address, or a value that is none.

use std::{ffi::OsString, path::PathBuf};

use rohrpost_mail::{BodyKind, Notify, Ret};

use super::{
    Name,
    getopt::{Getopt, Word},
};

/// Octets of a decoded ENVID. RFC 3461 §4.4: 100.
const ENVID_BYTES_MAX: usize = 100;

/// What the command line asks for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Options {
    /// What to do.
    pub(super) mode: Mode,
    /// `-t`: the header names recipients too.
    pub(super) header_recipients: bool,
    /// `-i`: a line with one dot is text.
    pub(super) ignore_dots: bool,
    /// `-f`, `-r`: as written.
    pub(super) reverse_path: Option<String>,
    /// `-F`
    pub(super) full_name: Option<String>,
    /// `-B`
    pub(super) body: BodyKind,
    /// `-N`
    pub(super) notify: Option<Notify>,
    /// `-R`
    pub(super) ret: Option<Ret>,
    /// `-V`
    pub(super) envid: Option<String>,
    /// `-od`
    pub(super) delivery: DeliveryMode,
    /// `-O requiretls=`
    pub(super) require_tls: bool,
    /// `-O smtputf8=`
    pub(super) smtputf8: bool,
    /// `-C`
    pub(super) config: Option<PathBuf>,
    /// `-v`
    pub(super) verbose: bool,
    /// What is no option: recipients, mostly.
    pub(super) operands: Vec<String>,
    /// What was passed over, for standard error.
    pub(super) warnings: Vec<String>,
}

/// `-b` and its relatives.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Mode {
    /// `-bm`: the message on standard input.
    #[default]
    Deliver,
    /// `-bs`: SMTP on standard input and output.
    Smtp,
    /// `-bp`: list the queue.
    List,
    /// `-q`: try what waits now.
    Flush(Flush),
    /// `-bv`: say whom the operands stand for.
    Verify,
    /// `-bi`: the aliases were changed.
    Aliases,
    /// `-bd`: start the server.
    Daemon,
    /// `-q30m` alone: how often the queue is looked at is the server's own business.
    Nothing,
    /// `--help`
    Help,
}

/// Which mail is to be tried now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Flush {
    /// All of it.
    All,
    /// `-qI`: the message with this id.
    Id(String),
    /// `-qR`: recipients that contain this text.
    Recipient(String),
}

/// `-od`: when the first attempt is made.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum DeliveryMode {
    /// `b`: at once. The caller waits for the server to take the message, not for the attempt.
    #[default]
    Background,
    /// `i`: at once, and the caller waits for what comes of the first attempt.
    Interactive,
    /// `q`, `d`: when the queue is next run.
    Queue,
}

/// Why a command line is refused.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub(super) enum OptionError {
    /// A letter that takes a value stands at the end.
    #[error("-{0} takes a value")]
    Incomplete(char),
    /// The value is none that the option knows.
    #[error("-{option} {value:?}: {expected} is expected")]
    Value {
        /// The letter.
        option: char,
        /// What was given.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// A line break or another control character.
    #[error("{0} holds a control character")]
    Control(&'static str),
}

impl Options {
    /// Reads the arguments behind the program's name.
    pub(super) fn read(name: Name, arguments: Vec<OsString>) -> Result<Self, OptionError> {
        let mut options = Self { mode: name.mode(), ..Self::default() };
        let mut interval = false;
        let mut words = Getopt::new(arguments);
        while let Some(word) = words.next() {
            match word {
                Word::Option('q', Some(value)) => interval |= !options.queue(&text(value)),
                Word::Option(letter, value) => options.option(letter, value)?,
                Word::Long(name, value) => options.long(&name, value, &mut words)?,
                Word::Operand(operand) => options.operands.push(clean("a recipient", text(operand))?),
                Word::Unknown(letter) => options.warn(format!("-{letter} is not known and was passed over")),
                Word::Incomplete(letter) => return Err(OptionError::Incomplete(letter)),
            }
        }
        let sends = options.header_recipients || !options.operands.is_empty();
        if interval && options.mode == Mode::Deliver && !sends {
            options.mode = Mode::Nothing;
        }
        Ok(options)
    }

    fn option(&mut self, letter: char, value: Option<OsString>) -> Result<(), OptionError> {
        // A path is kept as it is; all else is text.
        let path = value.clone().map(PathBuf::from);
        let value = value.map(text).unwrap_or_default();
        match letter {
            'b' => self.mode = mode(&value)?,
            'B' => self.body = body(&value)?,
            'C' => self.config = path,
            'f' | 'r' => self.reverse_path = Some(clean("the sender", value)?),
            'F' => self.full_name = Some(clean("-F", value)?),
            'i' => self.ignore_dots = true,
            'I' => self.mode = Mode::Aliases,
            'N' => self.notify = Some(notify(&value)?),
            'o' => self.short(&value)?,
            'O' => self.named(&value)?,
            'q' => self.mode = Mode::Flush(Flush::All),
            'R' => self.ret = Some(ret(&value)?),
            't' => self.header_recipients = true,
            'v' => self.verbose = true,
            'V' => self.envid = Some(envid(value)?),
            'X' => self.warn(format!("-X{value} is not known and was passed over")),
            // -A -c -d -e -G -h -L -m -M -n -p -Q -U -x: nothing here depends on them.
            _ => {}
        }
        Ok(())
    }

    fn long(&mut self, name: &str, value: Option<String>, words: &mut Getopt) -> Result<(), OptionError> {
        match name {
            "from" => {
                let value = value.or_else(|| words.value().map(text)).ok_or(OptionError::Incomplete('f'))?;
                self.reverse_path = Some(clean("the sender", value)?);
            }
            "help" => self.mode = Mode::Help,
            _ => self.warn(format!("--{name} is not known and was passed over")),
        }
        Ok(())
    }

    /// `-q` with a value; says no where that is an interval.
    fn queue(&mut self, value: &str) -> bool {
        let flush = match value.split_at_checked(1) {
            Some(("I", id)) => Flush::Id(id.to_owned()),
            Some(("R", text)) => Flush::Recipient(text.to_owned()),
            _ => return false,
        };
        self.mode = Mode::Flush(flush);
        true
    }

    /// `-oi`, `-odi`, …: sendmail's old options of one letter.
    fn short(&mut self, value: &str) -> Result<(), OptionError> {
        match value.split_at_checked(1) {
            Some(("i", _)) => self.ignore_dots = true,
            Some(("d", mode)) => self.delivery = delivery('o', mode)?,
            // -oA -oe -om -oQ -o7 -o8 …: nothing here depends on them.
            _ => {}
        }
        Ok(())
    }

    /// `-O Name=value`, in any case.
    fn named(&mut self, option: &str) -> Result<(), OptionError> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "ignoredots" => self.ignore_dots = is_true(value),
            "deliverymode" => self.delivery = delivery('O', value)?,
            "requiretls" => self.require_tls = is_true(value),
            "smtputf8" => self.smtputf8 = is_true(value),
            _ => {}
        }
        Ok(())
    }

    fn warn(&mut self, warning: String) {
        self.warnings.push(warning);
    }
}

/// Arguments as text. Octets that are no UTF-8 cannot be part of an address, and a name shows them as such.
fn text(argument: OsString) -> String {
    argument.into_string().unwrap_or_else(|argument| argument.to_string_lossy().into_owned())
}

/// What goes into an envelope or a header must not be able to end its line.
fn clean(what: &'static str, value: String) -> Result<String, OptionError> {
    if value.chars().any(|c| c.is_control() && c != '\t') { Err(OptionError::Control(what)) } else { Ok(value) }
}

fn wrong(option: char, value: &str, expected: &'static str) -> OptionError {
    OptionError::Value { option, value: value.escape_default().to_string(), expected }
}

/// Doing one thing when another was asked for would be worse than doing nothing.
fn mode(value: &str) -> Result<Mode, OptionError> {
    match value {
        "m" => Ok(Mode::Deliver),
        "s" => Ok(Mode::Smtp),
        "p" => Ok(Mode::List),
        "v" => Ok(Mode::Verify),
        "i" => Ok(Mode::Aliases),
        "d" => Ok(Mode::Daemon),
        _ => Err(wrong('b', value, "m, s, p, v, i or d")),
    }
}

fn body(value: &str) -> Result<BodyKind, OptionError> {
    match value.to_ascii_uppercase().as_str() {
        "7BIT" => Ok(BodyKind::SevenBit),
        "8BITMIME" => Ok(BodyKind::EightBitMime),
        _ => Err(wrong('B', value, "7BIT or 8BITMIME")),
    }
}

/// Old programs say `fail` for `failure`.
fn notify(value: &str) -> Result<Notify, OptionError> {
    let words = value.split(',').map(|word| if word.eq_ignore_ascii_case("fail") { "failure" } else { word });
    let words = words.collect::<Vec<_>>().join(",");
    words.parse().map_err(|_| wrong('N', value, "never, or a list of success, failure and delay,"))
}

fn ret(value: &str) -> Result<Ret, OptionError> {
    match value.to_ascii_lowercase().as_str() {
        "hdrs" => Ok(Ret::Hdrs),
        "full" => Ok(Ret::Full),
        _ => Err(wrong('R', value, "hdrs or full")),
    }
}

/// RFC 3461 §4.4: printable ASCII and blanks.
fn envid(value: String) -> Result<String, OptionError> {
    let value = clean("-V", value)?;
    let fits = (1..=ENVID_BYTES_MAX).contains(&value.len());
    let fits = fits && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if fits { Ok(value) } else { Err(wrong('V', &value, "an id of up to 100 ASCII characters")) }
}

fn delivery(option: char, value: &str) -> Result<DeliveryMode, OptionError> {
    match value.trim().bytes().next().map(|byte| byte.to_ascii_lowercase()) {
        Some(b'b') => Ok(DeliveryMode::Background),
        Some(b'i') => Ok(DeliveryMode::Interactive),
        Some(b'q' | b'd') => Ok(DeliveryMode::Queue),
        _ => Err(wrong(option, value, "a delivery mode b, i or q")),
    }
}

/// Sendmail's own words for yes; an option without a value is one too.
fn is_true(value: &str) -> bool {
    matches!(value.trim().bytes().next(), None | Some(b't' | b'T' | b'y' | b'Y' | b'o' | b'O' | b'1'))
        && !value.trim().eq_ignore_ascii_case("off")
}

#[cfg(test)]
mod tests;
