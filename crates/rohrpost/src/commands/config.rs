//! `rohrpost config`

use std::{path::Path, process::ExitCode};

use super::print;
use crate::{
    cli::{ConfigCommand, Place},
    config,
    exit::{Exit, Failure},
    view::{GOOD, Styled},
    wiring,
};

/// Checks the configuration or prints the sample.
pub(super) fn run(place: &Place, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Sample => print(config::SAMPLE)?,
        ConfigCommand::Check => {
            let file = place.config.as_deref().unwrap_or(Path::new(config::DEFAULT_FILE));
            let settings = config::read(file)?;
            wiring::check(&settings).map_err(|error| Failure::new(Exit::Config, format!("{error:#}")))?;
            for warning in &settings.warnings {
                anstream::eprintln!("{}: {warning}", file.display());
            }
            print(&format!("{}  {}\n", Styled(GOOD, "right"), file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
