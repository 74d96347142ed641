//! Logs to standard error: text for people, JSON for machines.

use std::{
    fs::File,
    io::{self, IsTerminal},
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::file::{Log, LogFormat};

/// The environment variable that overrides `log.level`.
const VARIABLE: &str = "ROHRPOST_LOG";

/// Starts logging as the configuration says.
pub(crate) fn start(log: &Log) -> anyhow::Result<()> {
    let filter = match std::env::var(VARIABLE) {
        Ok(level) => EnvFilter::try_new(level).context(VARIABLE)?,
        Err(_) => EnvFilter::try_new(&log.level).context("log.level")?,
    };
    let registry = tracing_subscriber::registry().with(filter);
    match log.format {
        LogFormat::Json => registry.with(fmt::layer().json().flatten_event(true).with_writer(io::stderr)).try_init(),
        LogFormat::Text => {
            let colours = io::stderr().is_terminal();
            registry.with(fmt::layer().with_target(false).with_ansi(colours).with_writer(io::stderr)).try_init()
        }
    }
    .context("logging was started twice")
}

/// Logs into a file: for the demo, whose terminal belongs to the reader.
pub(crate) fn start_in(file: &Path) -> anyhow::Result<()> {
    let filter = EnvFilter::new(std::env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned()));
    let open = File::options().create(true).append(true).open(file);
    let writer = Arc::new(open.with_context(|| file.display().to_string())?);
    let layer = fmt::layer().with_ansi(false).with_writer(writer);
    tracing_subscriber::registry().with(filter).with(layer).try_init().context("logging was started twice")
}
