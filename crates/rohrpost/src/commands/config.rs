//! `rohrpost config`

use std::{path::Path, process::ExitCode};

use super::print;
use crate::{
    cli::{ConfigCommand, Place},
    config::{self, Settings},
    exit::{Exit, Failure},
    privileges,
    view::{GOOD, POOR, Styled},
    wiring,
};

/// Checks the configuration or prints the sample.
pub(super) fn run(place: &Place, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Sample => print(config::SAMPLE)?,
        ConfigCommand::Check => {
            let file = place.config.as_deref().unwrap_or(Path::new(config::DEFAULT_FILE));
            let settings = config::read(file)?;
            privileges::check_user(&settings.user)?;
            wiring::check(&settings).map_err(|error| Failure::new(Exit::Config, format!("{error:#}")))?;
            for warning in settings.warnings.iter().chain(&placeholders(&settings)) {
                anstream::eprintln!("{}: {}: {warning}", file.display(), Styled(POOR, "warning"));
            }
            print(&format!("{}  {}\n", Styled(GOOD, "right"), file.display()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Settings that are still those of the sample: names of nobody (RFC 2606).
fn placeholders(settings: &Settings) -> Vec<String> {
    let is_example = |domain: &str| domain == "example.org" || domain.ends_with(".example.org");
    let mut warnings = Vec::new();
    if is_example(settings.host_name.as_str()) {
        warnings.push(format!("host_name: {} is only the example of the sample", settings.host_name));
    }
    if let Some(postmaster) = &settings.file.postmaster
        && is_example(&postmaster.domain.to_string())
    {
        warnings.push(format!("postmaster: {postmaster} is only the example of the sample"));
    }
    warnings
}
