//! `rohrpost merge`: which servers, and then [`crate::merge`].

use std::process::ExitCode;

use rohrpost_sender::{Relays, Sender};

use super::ways::ways;
use crate::{
    cli::{self, Place},
    exit::{Exit, Failure},
    merge::{self, Way},
    personas::Settings,
};

/// Sends the rows, and ends as the worst of them did.
pub(super) async fn run(place: &Place, options: &cli::Merge) -> anyhow::Result<ExitCode> {
    let way = if options.local {
        Way::Local(Settings::read(place)?.socket)
    } else {
        let servers = ways(&options.servers)?.into_iter().map(|way| way.server);
        Way::Servers(Sender::new(Relays::failover(servers)).map_err(|error| Failure::new(Exit::Config, error))?)
    };
    merge::run(options, &way).await
}
