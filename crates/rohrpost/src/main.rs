//! Rohrpost: one program that sends, relays, receives and keeps mail, and says how well each hop was encrypted.
//!
//! This crate is the program: it reads the command line ([`cli`]) and the configuration ([`config`]), wires the other
//! crates together ([`wiring`]) and shows what they say ([`view`]). It decides nothing about mail itself.

mod catch;
mod cli;
mod commands;
mod config;
mod control;
mod demo;
mod door;
mod exit;
mod export;
mod import;
mod logs;
mod merge;
mod metrics;
mod operator;
mod personas;
mod privileges;
mod random;
mod sockets;
mod view;
mod wiring;

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

use crate::{
    cli::Cli,
    exit::Exit,
    view::{BAD, Styled},
};

fn main() -> ExitCode {
    if let Some(code) = personas::run_if_called() {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(help) => return explain(&help),
    };
    match commands::run(cli) {
        Ok(code) => code,
        Err(error) => {
            anstream::eprintln!("{} {error:#}", Styled(BAD, "rohrpost:"));
            exit::code_of(&error).into()
        }
    }
}

/// Prints help or what is wrong with the command line.
fn explain(help: &clap::Error) -> ExitCode {
    // A closed pipe is the only thing that can go wrong here, and then nobody reads.
    let _ = help.print();
    match help.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => Exit::Usage.into(),
    }
}
