//! The command line of `mailbox`, `import` and `export`.

use std::{path::PathBuf, str::FromStr};

use clap::{ArgGroup, Args, Subcommand};
use rohrpost_mail::{Mailbox, QueueId, Trust};

use super::Output;
use crate::{config::units::Span, import::Rule};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum MailboxCommand {
    /// List the messages of a mailbox
    List {
        /// The account
        account: Mailbox,
        /// The folder
        #[arg(long, default_value = "INBOX")]
        folder: String,
        #[command(flatten)]
        output: Output,
    },
    /// Print a message
    Show {
        /// The account
        account: Mailbox,
        /// Its UID, as `list` shows it, or its queue id, as `trace` does
        #[arg(value_name = "UID|ID")]
        mail: MailName,
        /// The folder
        #[arg(long, default_value = "INBOX")]
        folder: String,
    },
    /// List the mailboxes of an account
    Folders {
        /// The account
        account: Mailbox,
        #[command(flatten)]
        output: Output,
    },
    /// Bring back mail that was expunged within the last 14 days
    ///
    /// Of an account with a quota, no more than that is kept, and what comes back must fit into it.
    Undelete {
        /// The account
        account: Mailbox,
        /// The mailbox
        #[arg(long, default_value = "INBOX")]
        folder: String,
        /// Only what was expunged within this time, such as `2 h`
        #[arg(long, default_value = "14 d", value_name = "TIME")]
        since: Span,
    },
}

/// What a message of a mailbox is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum MailName {
    /// By its number in the mailbox.
    Uid(u32),
    /// By the id that it had in the queue.
    Id(QueueId),
}

impl FromStr for MailName {
    type Err = <QueueId as FromStr>::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Uid).or_else(|_| text.parse().map(Self::Id))
    }
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Import {
    /// Import mbox files; each becomes the mailbox of its name
    ///
    /// A directory is the tree of mailboxes that `export mbox` writes, or that of Thunderbird. `Sent`, `Gesendet`, `Trash`,
    /// `Papierkorb` and their like go to the mailbox here that is for the same.
    Mbox {
        /// The files, or directories of them; `-` for standard input
        #[arg(required = true, value_name = "FILE|DIR")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        into: Into,
    },
    /// Import a Maildir with its sub-folders
    Maildir {
        /// The directory with `cur` and `new` in it, or above those that have them
        #[arg(value_name = "DIR")]
        root: PathBuf,
        #[command(flatten)]
        into: Into,
    },
    /// Import the mailboxes of an account on another server, over IMAP
    Imap {
        #[command(flatten)]
        other: Other,
        #[command(flatten)]
        into: Into,
    },
}

// The other server.
#[derive(Args, Debug)]
#[command(group(ArgGroup::new("proof").required(true)))]
pub(crate) struct Other {
    /// `imaps://USER@HOST[:PORT]`, or `imap://` for STARTTLS; the @ in a user is written %40
    #[arg(value_name = "URL")]
    pub(crate) url: String,
    /// File whose first line is the password there; `-` for standard input
    #[arg(long, value_name = "FILE", group = "proof")]
    pub(crate) password_file: Option<PathBuf>,
    /// Command line of the shell whose first line of output is the password
    #[arg(long, value_name = "COMMAND", group = "proof")]
    pub(crate) password_command: Option<String>,
    /// File whose first line is a token of OAuth 2.0, for Google, Microsoft and their like; `-` for standard input
    #[arg(long, value_name = "FILE", group = "proof")]
    pub(crate) token_file: Option<PathBuf>,
    /// Command line of the shell whose first line of output is the token
    #[arg(long, value_name = "COMMAND", group = "proof")]
    pub(crate) token_command: Option<String>,
    /// Who is trusted to be that server: system, ca:FILE, pin:sha256:HEX, pin:spki-sha256:HEX or any
    #[arg(long, value_name = "TRUST", default_value = "system")]
    pub(crate) trust: Trust,
    /// Log in without TLS where the URL says imap:// and the server offers none
    #[arg(long)]
    pub(crate) allow_clear: bool,
    /// Only this mailbox there; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
}

// Where imported mail goes.
#[derive(Args, Debug)]
pub(crate) struct Into {
    /// The account here
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account: Mailbox,
    /// Mailbox for all mail, or FROM=NAME for that of one folder; may be repeated
    #[arg(long, value_name = "[FROM=]NAME")]
    pub(crate) folder: Vec<Rule>,
    /// Leave out what the mailbox has already: the same Message-ID and the same text
    #[arg(long)]
    pub(crate) skip_duplicates: bool,
    /// Read everything, say what would be imported, change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Where what was imported is noted, so that nothing is imported twice [default: beside the source, .imported]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Export {
    /// Write an mbox file for each mailbox
    Mbox(Leaving),
    /// Write a Maildir with a sub-folder for each mailbox
    Maildir(Leaving),
}

// What leaves, and where it goes.
#[derive(Args, Debug)]
pub(crate) struct Leaving {
    /// The account
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account: Mailbox,
    /// Only this mailbox; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) folder: Vec<String>,
    /// A new directory, or that of an export that was stopped
    #[arg(value_name = "DIR")]
    pub(crate) target: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}
