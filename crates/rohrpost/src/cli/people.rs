//! The command line of `account`, `alias` and `domain`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use rohrpost_mail::{Domain, Mailbox, dsn::Language};
use rohrpost_store::Allowance;

use super::Output;
use crate::config::units::{Size, UnitError};

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Account {
    /// Add an account; without a password one is made up and printed
    Add {
        /// Its name: an address
        name: Mailbox,
        /// File whose first line is the password; `-` for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// Another address that it may send as and gets mail for; may be repeated
        #[arg(long, value_name = "ADDRESS")]
        address: Vec<Mailbox>,
        /// What it is for
        #[arg(long, value_enum, default_value_t = ClassWord::Person)]
        class: ClassWord,
        /// Language of bounces
        #[arg(long, value_enum, default_value_t = LanguageWord::En)]
        language: LanguageWord,
    },
    /// List accounts
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show an account: its addresses, passwords, room, and whether it may log in
    Show {
        /// Its name
        name: Mailbox,
        #[command(flatten)]
        output: Output,
    },
    /// Remove an account with its mailboxes, after saying what goes with it
    Remove {
        /// Its name
        name: Mailbox,
        /// Leave its mail in the store: a new account of that name has it again
        #[arg(long)]
        keep_mail: bool,
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
    /// Give an account another name; its mail, passwords and addresses move with it
    ///
    /// The old name stays one of its addresses, so that mail for it still arrives.
    Rename {
        /// Its name
        name: Mailbox,
        /// The name it gets: an address
        new: Mailbox,
        /// Take no more mail for the old name
        #[arg(long)]
        drop_address: bool,
    },
    /// Add or remove addresses that an account may send as and gets mail for
    Address {
        /// The account
        name: Mailbox,
        /// An address to add; may be repeated
        #[arg(long, value_name = "ADDRESS", required_unless_present = "remove")]
        add: Vec<Mailbox>,
        /// An address to remove; may be repeated
        #[arg(long, value_name = "ADDRESS")]
        remove: Vec<Mailbox>,
    },
    /// Let an account log in no more, and refuse mail for it; its sessions end
    ///
    /// Who writes to one of its addresses is answered 550 5.2.1. What it has stays, and what comes to it by an alias
    /// that is not suspended arrives.
    Suspend {
        /// The account
        name: Mailbox,
    },
    /// Let a suspended account log in again, and take mail for it
    Resume {
        /// The account
        name: Mailbox,
    },
    /// Set the password; without a file one is made up and printed
    Password {
        /// The account
        name: Mailbox,
        /// File whose first line is the password; `-` for standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// The device or program it is for; one password each
        #[arg(long, default_value = "main")]
        label: String,
    },
    /// Passwords for one device or program each, which can be taken back one by one
    #[command(subcommand)]
    AppPassword(AppPassword),
    /// How much room the mail of an account may take
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// Say how a mail program is set up for an address: servers, ports, encryption
    SetupHelp {
        /// The address
        address: Mailbox,
        /// Language of the text
        #[arg(long, value_enum, default_value_t = LanguageWord::En)]
        language: LanguageWord,
        #[command(flatten)]
        output: Output,
    },
    /// Forget failed log-ins, so that the account can log in again at once
    Unlock {
        /// The account
        name: Mailbox,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum AppPassword {
    /// Make up a password for a device or program; it is shown this once
    Add {
        /// The account
        name: Mailbox,
        /// What it is for, such as `phone`
        label: String,
    },
    /// List what there are passwords for
    List {
        /// The account
        name: Mailbox,
        #[command(flatten)]
        output: Output,
    },
    /// Take a password back
    Remove {
        /// The account
        name: Mailbox,
        /// What it is for
        label: String,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum QuotaCommand {
    /// Show how much room mail takes and may take
    Show {
        /// The account; all of them without one
        name: Option<Mailbox>,
        #[command(flatten)]
        output: Output,
    },
    /// Say how much room the mail of an account may take
    Set {
        /// The account
        name: Mailbox,
        /// Such as `5GiB`; `none` for no limit, `default` for that of its domain or of the server
        size: Room,
    },
}

/// How much room an account may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Room(pub(crate) Allowance);

impl std::str::FromStr for Room {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "default" => Ok(Self(Allowance::Inherited)),
            "none" => Ok(Self(Allowance::Unlimited)),
            size => size.parse().map(|Size(octets)| Self(Allowance::Octets(octets))),
        }
    }
}

/// What an account is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ClassWord {
    /// Limits of the configuration
    Person,
    /// A program: no limits
    Service,
    /// Bulk mail: no limits
    Bulk,
}

/// Languages of bounces and of set-up help.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum LanguageWord {
    /// English
    En,
    /// German
    De,
}

impl From<LanguageWord> for Language {
    fn from(word: LanguageWord) -> Self {
        match word {
            LanguageWord::En => Self::English,
            LanguageWord::De => Self::German,
        }
    }
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Alias {
    /// Set an alias: these targets and no others
    Set {
        /// The address, or `@DOMAIN` for every address that is nobody's
        name: String,
        /// Addresses that get its mail
        #[arg(required = true)]
        targets: Vec<Mailbox>,
    },
    /// Add targets to an alias, which is made where there is none
    Add {
        /// The address, or `@DOMAIN` for every address that is nobody's
        name: String,
        /// Addresses that get its mail too
        #[arg(required = true)]
        targets: Vec<Mailbox>,
    },
    /// List aliases
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Give an alias another name
    Rename {
        /// The address, or `@DOMAIN`
        name: String,
        /// The name it gets
        new: String,
    },
    /// Refuse mail for an alias (550 5.2.1); its targets stay noted
    ///
    /// What comes to it by another alias goes on.
    Suspend {
        /// The address, or `@DOMAIN`
        name: String,
    },
    /// Take mail for a suspended alias again
    Resume {
        /// The address, or `@DOMAIN`
        name: String,
    },
    /// Remove an alias, or some of its targets
    Remove {
        /// The address, or `@DOMAIN`
        name: String,
        /// Addresses that get its mail no more; without any, nobody does
        targets: Vec<Mailbox>,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum DomainCommand {
    /// Take mail for a domain
    Add {
        /// The domain
        name: Domain,
    },
    /// List domains
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Print the DNS records by which mail programs find their servers
    Records {
        /// The domain
        name: Domain,
        #[command(flatten)]
        output: Output,
    },
    /// Give a domain another name; accounts, addresses and aliases in it move along
    ///
    /// The old domain stays, and with it the old addresses: mail for them still arrives, and mail programs that log in
    /// by them work on. Sessions that are open end. It then says what else is to be changed.
    Rename {
        /// The domain
        name: Domain,
        /// The name it gets
        new: Domain,
        /// Take no more mail for the old name
        #[arg(long)]
        drop_addresses: bool,
    },
    /// Let the accounts of a domain log in no more, and refuse mail for it; their sessions end
    ///
    /// Who writes to an address in it is answered 550 5.2.1, but for postmaster and abuse: the server's postmaster gets
    /// that mail. What waits in the queue is delivered.
    Suspend {
        /// The domain
        name: Domain,
    },
    /// Let the accounts of a suspended domain log in again, and take mail for it
    Resume {
        /// The domain
        name: Domain,
    },
    /// How much room the mail of each account of a domain may take
    #[command(subcommand)]
    Quota(DomainQuota),
    /// Take no more mail for a domain; its accounts stay and can log in
    Remove {
        /// The domain
        name: Domain,
        /// Do it although accounts and aliases have addresses there
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum DomainQuota {
    /// Show how much room the mail of an account may take that has no quota of its own
    Show {
        /// The domain; all of them without one
        name: Option<Domain>,
        #[command(flatten)]
        output: Output,
    },
    /// Say how much room the mail of an account may take that has no quota of its own
    Set {
        /// The domain
        name: Domain,
        /// Such as `5GiB`, for each account; `none` for no limit, `default` for that of the server
        size: Room,
    },
}
