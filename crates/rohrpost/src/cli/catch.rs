//! The command line of `catch`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use rohrpost_mail::ListenerTls;

use super::Output;

// This stands in its help, since the options are put together late; in the list of commands stands what the command itself says.
/// Catch all mail of a program under development: take it from everybody, show it, send it nowhere
///
/// Addresses choose what goes wrong, for example temperror@, permerror@, 451@ or timeout@ any domain; docs/commands.md
/// lists them.
#[derive(Args, Debug)]
pub(crate) struct Catch {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1025", value_parser = address)]
    pub(crate) listen: SocketAddr,
    /// Listen at an address that others in the network can reach, too
    #[arg(long)]
    pub(crate) public: bool,
    /// TLS with a certificate made for this run: off, offered, required or implicit
    #[arg(long, value_name = "MODE", default_value_t = ListenerTls::Off)]
    pub(crate) tls: ListenerTls,
    /// Write the authority of that certificate to this file, for programs that verify it
    #[arg(long, value_name = "FILE")]
    pub(crate) write_ca: Option<PathBuf>,
    /// Write each message into this directory, as ID.eml
    #[arg(long, value_name = "DIR")]
    pub(crate) save: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `localhost` is where most look.
fn address(text: &str) -> Result<SocketAddr, String> {
    let address = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let expected = |_| "expected an address and a port, such as 127.0.0.1:1025 or [::1]:1025".to_owned();
    address.as_deref().unwrap_or(text).parse().map_err(expected)
}
