//! What a shell and a manual reader want to know about the command line: `rohrpost completions`, and the pages that
//! packages are made with.

use std::{fs, process::ExitCode};

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;

use super::print;
use crate::cli::{Cli, Completions, Pages};

/// Prints the script that completes commands and options in a shell.
pub(super) fn completions(wanted: &Completions) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(wanted.shell, &mut Cli::command(), "rohrpost", &mut script);
    print(&String::from_utf8(script).context("clap writes UTF-8")?)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes one page for each command that is shown. What is the same on all of them and what `docs` says beside the
/// options is added by `cargo xtask man`.
pub(super) fn pages(wanted: &Pages) -> anyhow::Result<ExitCode> {
    let mut root = Cli::command().disable_help_flag(true);
    root.build();
    write_pages(&root, wanted)?;
    Ok(ExitCode::SUCCESS)
}

fn write_pages(command: &Command, wanted: &Pages) -> anyhow::Result<()> {
    let shown: Vec<_> = command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned().collect();
    write_page(command, wanted).with_context(|| wanted.folder.display().to_string())?;
    shown.iter().try_for_each(|inner| write_pages(inner, wanted))
}

fn write_page(command: &Command, wanted: &Pages) -> anyhow::Result<()> {
    let name = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let source = format!("Rohrpost {}", env!("CARGO_PKG_VERSION"));
    let usage = command.clone().render_usage().to_string();
    let command = command.clone().override_usage(usage.trim_start_matches("Usage: ").to_owned());
    let man = Man::new(command.clone()).title(name.to_uppercase()).date(&wanted.date).source(source).manual("Rohrpost");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    if command.get_arguments().any(|option| !option.is_hide_set()) {
        man.render_options_section(&mut page)?;
    }
    Ok(fs::write(wanted.folder.join(format!("{name}.1")), page)?)
}
