//! `rohrpost merge`: which servers, and then [`crate::merge`].

use std::process::ExitCode;

use rohrpost_sender::{Relays, Sender};

use super::ways::ways;
use crate::{
    cli::{self, Place},
    exit::{Exit, Failure},
    merge::{self, CONNECTIONS, Host, Way},
    personas::Settings,
};

/// Sends the rows, and ends as the worst of them did.
pub(super) async fn run(place: &Place, options: &cli::Merge) -> anyhow::Result<ExitCode> {
    if options.dry_run { merge::dry_run(options) } else { merge::run(options, way(place, options)?).await }
}

fn way(place: &Place, options: &cli::Merge) -> anyhow::Result<Way> {
    if options.local {
        return Ok(Way::Local(Host::new(Settings::read(place)?.socket)));
    }
    let connections = options.connections.unwrap_or(CONNECTIONS).into();
    let servers = ways(&options.servers)?.into_iter().map(|way| way.server.concurrency(connections));
    let sender = Sender::new(Relays::failover(servers)).map_err(|error| Failure::new(Exit::Config, error))?;
    Ok(Way::Servers(sender))
}
