//! The command line of `merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};
use rohrpost_sender::Rate;

use super::{Output, Pair, Servers};
use crate::merge::CONNECTIONS_MAX;

// This stands in its help, since the options are put together late; in the list of commands stands what the command itself says.
/// Send one mail for each row of a file, each once, however often it is stopped and started again
///
/// Every row is checked before the first is sent. What was sent is noted beside the file, so that the same command goes on
/// where it ended.
#[derive(Args, Debug)]
pub(crate) struct Merge {
    /// File with the rows: JSON, one object per line, if it ends in .jsonl or .ndjson; else CSV with a first line of names
    #[arg(value_name = "ROWS")]
    pub(crate) rows: PathBuf,
    #[command(flatten)]
    pub(crate) letter: Letter,
    #[command(flatten)]
    pub(crate) servers: Servers,
    /// Hand the mails to the server on this host, which has a queue, in the place of --server
    #[arg(long, help_heading = "Servers")]
    pub(crate) local: bool,
    /// Rows that go at once, each over a connection of its own [default: 10, with --local 100]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=i64::from(CONNECTIONS_MAX)), help_heading = "Sending")]
    pub(crate) connections: Option<u16>,
    /// At most so many mails in a time, evenly: 250/h, 10/min, 5/s, 2000/d
    #[arg(long, value_name = "RATE", help_heading = "Sending")]
    pub(crate) rate: Option<Rate>,
    /// Where what was sent is noted, so that nothing is sent twice [default: ROWS.state]
    #[arg(long, value_name = "FILE", help_heading = "Sending")]
    pub(crate) state: Option<PathBuf>,
    /// Write what became of each recipient: JSON lines if it ends in .json or .jsonl, else CSV
    #[arg(long, value_name = "FILE", help_heading = "Sending")]
    pub(crate) report: Option<PathBuf>,
    /// What to do with a mail that may have arrived, since the server fell silent behind it
    #[arg(long, value_enum, default_value_t = AfterDot::Hold, value_name = "WHAT", help_heading = "Sending")]
    pub(crate) after_dot: AfterDot,
    /// Check all rows, print the first mail, send nothing
    #[arg(long, help_heading = "Sending")]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) output: Output,
}

// The mail that all rows get. Everything but `from` and `reply_to` may hold `{{ names }}` of the rows.
#[derive(Args, Debug)]
#[command(next_help_heading = "The mail; {{ NAME }} stands for what the row has under that name")]
pub(crate) struct Letter {
    /// Sender, without places: ADDRESS or NAME <ADDRESS>
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: String,
    /// Recipient: ADDRESS or NAME <ADDRESS>; may be repeated
    #[arg(long, value_name = "TEMPLATE", default_value = "{{ email }}")]
    pub(crate) to: Vec<String>,
    /// Recipient of a copy; may be repeated
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) cc: Vec<String>,
    /// Recipient of whom the others do not know; may be repeated
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) bcc: Vec<String>,
    /// Where answers go, without places
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) reply_to: Option<String>,
    /// Subject
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) subject: String,
    /// File with the text
    #[arg(long, value_name = "FILE", required_unless_present = "html_file")]
    pub(crate) text_file: Option<PathBuf>,
    /// File with the text as HTML; values are escaped
    #[arg(long, value_name = "FILE")]
    pub(crate) html_file: Option<PathBuf>,
    /// Path of a file to attach; may be repeated
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) attach: Vec<String>,
    /// Another field of the header; may be repeated
    #[arg(long, value_name = "NAME:TEMPLATE")]
    pub(crate) header: Vec<Pair<':'>>,
    /// https: address that takes the recipient off the list with one click (RFC 8058)
    #[arg(long, value_name = "TEMPLATE")]
    pub(crate) list_unsubscribe: Option<String>,
}

/// What is done about a mail of which nobody knows whether it arrived.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum AfterDot {
    /// Report it as unknown and leave it
    Hold,
    /// Send it once more when the command is run again; it may arrive twice
    Retry,
    /// Count it as delivered
    AssumeDelivered,
}
