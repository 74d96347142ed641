//! Holds Rohrpost against Debian's Postfix and against a ceiling, in one run on one machine.
//!
//! `cargo xtask bench` runs it and writes what it prints to `docs/benchmarks.md`. The programs take turns, round after
//! round, since two cores shared by client, server and sink drift by half within an hour; ratios are taken per round and
//! the median of them is quoted. The ceiling is a sink that answers at once and stores nothing, under the same load.
//!
//! There are three tables: what the server does with mail on its way ([`rows`]), what the programs and the library do that
//! send to one ([`client`]), and what those wait for who read their mail ([`mailbox`], beside Dovecot).

mod client;
mod figures;
mod load;
mod mailbox;
mod memory;
#[path = "../../tests/it/peers/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the integration tests use the rest")]
mod peers;
mod rows;
mod servers;
mod sink;
mod source;
mod store;
mod tls;

use std::io::Write as _;

use clap::{Parser, ValueEnum};

/// Measures, and prints the table in Markdown.
#[derive(Debug, Parser)]
struct Options {
    /// Which table.
    #[arg(value_enum, default_value_t = Table::Server)]
    table: Table,
    /// Rounds that each program takes part in.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only rows whose name holds this text.
    #[arg(long)]
    only: Option<String>,
    /// Divides the number of messages of every row.
    #[arg(long, default_value_t = 1)]
    shrink: usize,
    /// What cargo passes to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Table {
    /// What takes, keeps and passes on mail
    Server,
    /// What sends it
    Client,
    /// What keeps it for those who read it
    Mailbox,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    rohrpost_tls::install_provider();
    println!("| job | unit | figures: median (lowest–highest) | ratio: median of the rounds |");
    println!("|---|---|---|---|");
    let rows = match options.table {
        Table::Server => rows::ROWS,
        Table::Client => client::ROWS,
        Table::Mailbox => mailbox::ROWS,
    };
    for (name, measure) in rows {
        if options.only.as_ref().is_none_or(|only| name.contains(only.as_str())) {
            println!("{}", measure(&options)?);
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
