//! The command line as clap reads it. What the commands do is in [`crate::commands`].
//!
//! Above options that several commands share there is no doc comment: clap would take it for the help of the command.

mod catch;
mod merge;
mod moving;
mod people;
mod send;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, builder::styling};
use rohrpost_mail::{Domain, Mailbox, QueueId};

pub(crate) use self::catch::Catch;
pub(crate) use self::merge::{AfterDot, Letter, Merge};
pub(crate) use self::moving::{Export, Import, Into, Leaving, MailName, MailboxCommand, Other};
pub(crate) use self::people::{
    Account, Alias, AppPassword, ClassWord, DomainCommand, DomainQuota, LanguageWord, QuotaCommand, Room,
};
pub(crate) use self::send::{Content, Notices, Pair, People, Send, Servers};

const STYLES: styling::Styles = styling::Styles::styled()
    .header(styling::AnsiColor::Green.on_default().bold())
    .usage(styling::AnsiColor::Green.on_default().bold())
    .literal(styling::AnsiColor::Cyan.on_default().bold())
    .placeholder(styling::AnsiColor::Cyan.on_default());

/// Mail in a sealed tube: receive, store, relay and deliver mail, and say of each hop how well it was sealed.
#[derive(Debug, Parser)]
#[command(name = "rohrpost", version, styles = STYLES, max_term_width = 110, disable_help_subcommand = true)]
#[command(after_help = "Start with `rohrpost demo`: a complete server with nothing to set up.\n\
    Exit codes are those of sysexits.h; docs/commands.md lists them.")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) place: Place,
}

// Which server a command is about.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Which server")]
pub(crate) struct Place {
    /// Configuration file
    #[arg(long, global = true, value_name = "FILE", env = "ROHRPOST_CONFIG", hide_env_values = true)]
    pub(crate) config: Option<PathBuf>,
    /// Data directory, in the place of the one that the configuration names
    #[arg(long, global = true, value_name = "DIR", env = "ROHRPOST_DIR", hide_env_values = true)]
    pub(crate) dir: Option<PathBuf>,
}

// Here and below, the options of a command are put together when it is called: those of all take as long as sending a message.
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Try it: two servers on loopback with their own CA and DNS, and a message that travels between them
    ///
    /// here.test has an account for ann, there.test takes mail for anybody. They stay up until Ctrl-C. Everything lies in a
    /// temporary directory, or in --dir, where the next demo goes on.
    Demo(Demo),
    /// Run the server
    ///
    /// Started as root it binds its ports and then becomes the user that the configuration names. SIGHUP reads the
    /// configuration anew, SIGTERM stops gracefully.
    Serve,
    /// Send a message; its text is read from standard input
    Send(Box<Send>),
    /// Send one mail for each row of a file, each once, however often it is stopped and started again
    ///
    /// Every row is checked before the first is sent. What was sent is noted beside the file, so that the same command goes on
    /// where it ended.
    Merge(Box<Merge>),
    /// Catch all mail of a program under development: take it from everybody, show it, send it nowhere
    ///
    /// Addresses choose what goes wrong, for example temperror@, permerror@, 451@ or timeout@ any domain; docs/commands.md
    /// lists them.
    Catch(Catch),
    /// Show which programs of this host send mail, over which TLS, and how they would fare with a server
    Doctor(Doctor),
    /// Look after mail that waits
    #[command(subcommand)]
    Queue(Queue),
    /// Ways out and how their hosts fare
    #[command(subcommand)]
    Route(Route),
    /// Show each hop of a message and how well it was sealed
    Trace(Trace),
    /// Accounts: who has a mailbox and may log in
    #[command(subcommand)]
    Account(Account),
    /// Aliases: addresses that stand for others
    #[command(subcommand)]
    Alias(Alias),
    /// Domains whose mailboxes are here
    #[command(subcommand)]
    Domain(DomainCommand),
    /// Mailboxes and the mail in them
    #[command(subcommand)]
    Mailbox(MailboxCommand),
    /// Bring mail in: from mbox files, a Maildir, or another server
    #[command(subcommand)]
    Import(Import),
    /// Take mail out: as mbox files or as a Maildir
    #[command(subcommand)]
    Export(Export),
    /// The store: check it, save what is readable
    #[command(subcommand)]
    Store(StoreCommand),
    /// The configuration: check it, print a sample
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print the script that completes commands and options in a shell
    Completions(Completions),
    /// Write a manual page for each command: what `cargo xtask man` starts from
    #[command(hide = true)]
    Pages(Pages),
    /// Send as /usr/sbin/sendmail does; so does a link of that name
    #[command(disable_help_flag = true)]
    Sendmail(Persona),
    /// Send as msmtp does, by its configuration; so does a link of that name
    #[command(disable_help_flag = true)]
    Msmtp(Persona),
}

// The command line of another program, which has rules of its own: [`crate::personas`].
#[derive(Args, Debug)]
pub(crate) struct Persona {
    /// As that program has them; --help lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "ARGUMENT")]
    pub(crate) arguments: Vec<OsString>,
}

// `--json`, which every command that prints has.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Output {
    /// Print JSON, one object per line
    #[arg(long)]
    pub(crate) json: bool,
}

// Options of `completions`.
#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

// Options of `pages`.
#[derive(Args, Debug)]
pub(crate) struct Pages {
    /// The day that the pages show
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(crate) date: String,
    /// Where they are written
    pub(crate) folder: PathBuf,
}

/// Show which programs of this host send mail, over which TLS, and how they would fare with a server
///
/// A program fails where it has no TLS, where its TLS is too old for the server, or where it looks at a certificate that
/// is not trusted.
// Help begins with this, not with the words of the variant.
#[derive(Args, Debug)]
pub(crate) struct Doctor {
    /// Server to try, as for `send`; nothing is sent, and nobody logs in
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    #[command(flatten)]
    pub(crate) output: Output,
}

// Options of `demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// End after the trace of the first message
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one line of JSON with ports and credentials when ready, and nothing else
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep all outgoing mail in the queue
    #[arg(long)]
    pub(crate) hold: bool,
    /// Send all outgoing mail to this server instead; MODE is auto, implicit, starttls, opportunistic or off
    #[arg(long, value_name = "HOST:PORT[,tls=MODE]")]
    pub(crate) relay_to: Option<String>,
}

// Which recipients in the queue are meant: those for whom all that is given holds.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Queue ids
    #[arg(value_name = "ID")]
    pub(crate) ids: Vec<QueueId>,
    /// Sender
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) sender: Option<Mailbox>,
    /// Account that submitted it
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) account: Option<String>,
    /// Recipient
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) recipient: Option<Mailbox>,
    /// Domain of the recipient
    #[arg(long, value_name = "DOMAIN")]
    pub(crate) domain: Option<Domain>,
    /// Route: `mx`, `local` or the name of a `[[route]]`
    #[arg(long, value_name = "ROUTE")]
    pub(crate) route: Option<String>,
    /// State
    #[arg(long, value_enum)]
    pub(crate) state: Option<StateWord>,
}

// A filter for verbs: something must be named.
#[derive(Args, Clone, Debug)]
pub(crate) struct Selection {
    #[command(flatten)]
    pub(crate) filter: Filter,
    /// Everything in the queue
    #[arg(long, conflicts_with_all = ["ids", "sender", "account", "recipient", "domain", "route", "state"])]
    pub(crate) all: bool,
    /// Only say how many it would be
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// States of a queued recipient.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StateWord {
    /// It is due now or later
    Waiting,
    /// It waits for `release`
    Held,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Queue {
    /// List what waits
    List {
        #[command(flatten)]
        filter: Filter,
        /// How many recipients at most
        #[arg(long, default_value_t = 1000, value_name = "N")]
        limit: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Show a message, its recipients and why they wait
    Show {
        /// Queue id
        id: QueueId,
        /// Also print the message itself
        #[arg(long)]
        body: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Keep mail back until it is released
    Hold(Selection),
    /// Let held mail go
    Release(Selection),
    /// Try now, whatever the schedule says
    Retry(Selection),
    /// Send mail another way
    Route {
        /// `mx` or the name of a `[[route]]`
        #[arg(long, value_name = "ROUTE")]
        to: String,
        #[command(flatten)]
        selection: Selection,
    },
    /// Remove mail without telling its sender
    Drop {
        #[command(flatten)]
        selection: Selection,
        /// Really do it; without this only the count is shown
        #[arg(long)]
        yes: bool,
    },
    /// Return mail to its sender
    Bounce {
        #[command(flatten)]
        selection: Selection,
        /// Really do it; without this only the count is shown
        #[arg(long)]
        yes: bool,
    },
    /// How old the waiting mail is, by destination
    Shape {
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Route {
    /// List the ways out that the configuration names, with the state of each host where the server runs
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Try a way out now: its hosts that are down, and the mail that waits for it
    Retry {
        /// Its name
        name: String,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Trace {
    /// Queue id, Message-ID, or an address that sent or received
    #[arg(value_name = "ID|MESSAGE-ID|ADDRESS")]
    pub(crate) query: String,
    /// How many messages at most, the newest first
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) output: Output,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum StoreCommand {
    /// Check everything that can be checked from the data
    Check {
        /// Copy what is readable into this new, empty directory
        #[arg(long, value_name = "DIR")]
        salvage: Option<PathBuf>,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum ConfigCommand {
    /// Say whether the configuration is right, else what is wrong and where
    Check,
    /// Print a commented sample
    Sample,
}

#[cfg(test)]
mod tests;
