//! The command line of `catch`.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;
use rohrpost_mail::ListenerTls;

use super::Output;

/// Options of `catch`.
#[derive(Args, Debug)]
pub(crate) struct Catch {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:1025")]
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
