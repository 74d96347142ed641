//! What `send` takes, and the options that say which servers a message goes through.

use std::{path::PathBuf, str::FromStr};

use clap::{
    Args, ValueEnum,
    builder::{NonEmptyStringValueParser, TypedValueParser},
};
use rohrpost_mail::{Notify, Ret, Secret};
use rohrpost_sender::{Mechanism, MinTls, Security, Trust};

use super::Output;

/// Send a message; its text is read from standard input
///
/// The receipt has one line for each recipient, first the word for how well the hop was sealed: verified, encrypted or
/// cleartext. A code other than 0 at the end means that nobody got it; 74, that nobody may know.
// Help begins with this, not with the words of the variant.
#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    pub(crate) people: People,
    #[command(flatten)]
    pub(crate) content: Content,
    #[command(flatten)]
    pub(crate) notices: Notices,
    #[command(flatten)]
    pub(crate) servers: Servers,
    #[command(flatten)]
    pub(crate) look: Look,
}

// Who writes to whom. Each takes `ann@here.test`, `Ann <ann@here.test>`, or a list of them. An address may begin with `-`;
// programs pass on what others typed.
#[derive(Args, Debug)]
#[command(next_help_heading = "People")]
pub(crate) struct People {
    /// Sender: ann@here.test or "Ann <ann@here.test>"
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true, required_unless_present = "eml")]
    pub(crate) from: Option<String>,
    /// Recipient; may be repeated
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true, required_unless_present_any = ["cc", "bcc", "eml"])]
    pub(crate) to: Vec<String>,
    /// Recipient of a copy; may be repeated
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) cc: Vec<String>,
    /// Recipient of whom the others do not know; may be repeated
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) bcc: Vec<String>,
    /// Where answers go, if not to the sender; may be repeated
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    pub(crate) reply_to: Vec<String>,
}

// What the message says.
#[derive(Args, Debug)]
#[command(next_help_heading = "Message")]
pub(crate) struct Content {
    /// Subject
    #[arg(long)]
    pub(crate) subject: Option<String>,
    /// File with the text, in the place of standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) text_file: Option<PathBuf>,
    /// File with the text as HTML; the plain text beside it may then be missing
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// File with the text, or with the HTML where its name ends in .html, in which {{ NAME }} is what --set says; may be
    /// given for both. The subject and the values of --header are filled, too
    #[arg(long, value_name = "FILE", conflicts_with_all = ["text_file", "html"])]
    pub(crate) template: Vec<PathBuf>,
    /// A value for the template; may be repeated
    #[arg(long, value_name = "NAME=VALUE", requires = "template")]
    pub(crate) set: Vec<Pair<'='>>,
    /// File to attach; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) attach: Vec<PathBuf>,
    /// File that the HTML shows as <img src="cid:CID">; may be repeated
    #[arg(long, value_name = "CID=FILE")]
    pub(crate) inline: Vec<Pair<'='>>,
    /// Another header field; may be repeated
    #[arg(long, value_name = "NAME:VALUE")]
    pub(crate) header: Vec<Pair<':'>>,
    /// Private key, RSA or Ed25519, that signs the message for its domain (DKIM); may be repeated, one of each kind
    #[arg(long, value_name = "SELECTOR:DOMAIN:FILE")]
    pub(crate) dkim_key: Vec<Pair<':'>>,
    /// Standard input is a whole message: sent to those whom its header names, or to --to, --cc and --bcc alone, as --from
    #[arg(long, conflicts_with_all = ["reply_to", "subject", "text_file", "html", "template", "attach", "inline", "header"])]
    pub(crate) eml: bool,
}

// Notices about the message on its further way. RFC 3461, RFC 8689.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Notices")]
pub(crate) struct Notices {
    /// Which notices the sender wants: never, or a list of success, failure and delay
    #[arg(long, value_name = "WHEN")]
    pub(crate) notify: Option<Notify>,
    /// How much of the message they return
    #[arg(long, value_enum)]
    pub(crate) ret: Option<RetWord>,
    /// An id that they mention
    #[arg(long, value_name = "ID")]
    pub(crate) envid: Option<String>,
    /// Every server on the way must use TLS and know whom it talks to, or return the message
    #[arg(long)]
    pub(crate) require_tls: bool,
}

// What is shown of it.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(crate) struct Look {
    /// Print the message, and to standard error what would be done; send nothing
    #[arg(long, conflicts_with_all = ["json", "transcript"])]
    pub(crate) dry_run: bool,
    /// Write the dialogue with the server to this file, `-` for standard error; secrets are masked
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

// Which servers, who logs in there, and whom to trust.
#[derive(Args, Debug)]
#[command(next_help_heading = "Servers")]
pub(crate) struct Servers {
    /// Server: smtp://, smtps://, submission:// or lmtp://[USER@]HOST[:PORT][?tls=MODE&trust=TRUST&min-tls=VERSION]; may be
    /// repeated, the next is tried where one does not take the message [default: the server of this host]
    #[arg(long, value_name = "URL", env = "ROHRPOST_SERVER", hide_env_values = true)]
    pub(crate) server: Vec<String>,
    /// Account to log in with, at servers whose URL names none
    #[arg(long, value_name = "USER", requires = "server")]
    pub(crate) user: Option<String>,
    /// File that holds the password; others must not be able to read it
    #[arg(long, value_name = "FILE", group = "password_source", requires = "server")]
    pub(crate) password_file: Option<PathBuf>,
    /// Command line of the shell whose first line of output is the password
    #[arg(long, value_name = "COMMAND", group = "password_source", requires = "server")]
    pub(crate) password_command: Option<String>,
    /// Service under which the keyring of the session has the password of the user, as `secret-tool` looks it up
    #[arg(long, value_name = "SERVICE", group = "password_source", requires = "server")]
    pub(crate) password_keyring: Option<String>,
    /// Variable of the environment that holds the password
    #[arg(long, value_name = "VARIABLE", group = "password_source", requires = "server")]
    pub(crate) password_env: Option<String>,
    /// Password from the environment
    #[arg(long, env = "ROHRPOST_PASSWORD", hide = true, hide_env_values = true, value_parser = NonEmptyStringValueParser::new().map(Secret::new))]
    pub(crate) password: Option<Secret>,
    /// Log in with this mechanism and no other, such as SCRAM-SHA-256; with XOAUTH2 the password is a token
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) mechanism: Option<Mechanism>,
    /// Let the password go out in clear text
    #[arg(long, requires = "server")]
    pub(crate) allow_clear: bool,
    /// How to encrypt, over what the URLs say: auto, implicit, starttls, opportunistic or off
    #[arg(long, value_name = "MODE", requires = "server")]
    pub(crate) tls: Option<Security>,
    /// Whom to trust, over what the URLs say: system, dane, first-use, any, ca:FILE, system+ca:FILE or pin:sha256:FINGERPRINT
    #[arg(long, value_name = "TRUST", requires = "server")]
    pub(crate) trust: Option<Trust>,
    /// PEM file with the authorities to trust, in the place of those of the system; may be repeated
    #[arg(long, value_name = "FILE", conflicts_with = "trust", requires = "server")]
    pub(crate) ca: Vec<PathBuf>,
    /// Where first-use keeps the keys of servers; by default a file of the user's own
    #[arg(long = "known-servers", value_name = "FILE", requires = "server")]
    pub(crate) known: Option<PathBuf>,
    /// Oldest version of TLS, over what the URLs say: 1.2 or 1.3
    #[arg(long, value_name = "VERSION", requires = "server")]
    pub(crate) min_tls: Option<MinTls>,
    /// Through this proxy: socks5://HOST:PORT or http://HOST:PORT
    #[arg(long, value_name = "URL", requires = "server")]
    pub(crate) proxy: Option<String>,
}

/// A name and a value with a character between them.
#[derive(Clone, Debug)]
pub(crate) struct Pair<const BETWEEN: char> {
    /// What stands before the first such character, without blanks around it.
    pub(crate) name: String,
    /// What stands behind it.
    pub(crate) value: String,
}

/// A text that is no [`Pair`].
#[derive(Debug, thiserror::Error)]
#[error("a name, {0:?} and a value are expected")]
pub(crate) struct PairError(char);

impl<const BETWEEN: char> FromStr for Pair<BETWEEN> {
    type Err = PairError;

    fn from_str(text: &str) -> Result<Self, PairError> {
        match text.split_once(BETWEEN) {
            Some((name, value)) if !name.trim().is_empty() => {
                Ok(Self { name: name.trim().to_owned(), value: value.to_owned() })
            }
            _ => Err(PairError(BETWEEN)),
        }
    }
}

/// How much of a message a notice returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum RetWord {
    /// The whole message
    Full,
    /// Only its header
    Hdrs,
}

impl From<RetWord> for Ret {
    fn from(word: RetWord) -> Self {
        match word {
            RetWord::Full => Self::Full,
            RetWord::Hdrs => Self::Hdrs,
        }
    }
}
