//! What each command does. They print their result to standard output and everything else to standard error.

mod config;
mod doctor;
mod domain;
mod mailbox;
mod merge;
pub(crate) mod people;
mod queue;
mod route;
mod send;
mod serve;
mod setup;
mod shell;
mod store;
mod trace;
mod ways;

use std::{future::Future, io::Write, process::ExitCode};

use anyhow::Context;
use serde::Serialize;

use crate::{
    catch,
    cli::{Cli, Command, Output},
    demo, export, import,
    personas::Persona,
};

/// Runs the command; an error ends the program with its exit code.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let place = cli.place;
    match cli.command {
        Command::Demo(demo) => demo::run(&place, &demo),
        Command::Serve => serve::run(&place),
        Command::Send(send) => block_on(send::run(&place, &send)),
        Command::Merge(merge) => block_on(merge::run(&place, &merge)),
        Command::Catch(options) => block_on(catch::run(options)),
        Command::Doctor(doctor) => block_on(doctor::run(&doctor)),
        Command::Queue(queue) => block_on(queue::run(&place, queue)),
        Command::Route(route) => block_on(route::run(&place, route)),
        Command::Trace(trace) => block_on(trace::run(&place, &trace)),
        Command::Account(account) => block_on(people::account(&place, account)),
        Command::Alias(alias) => block_on(people::alias(&place, alias)),
        Command::Domain(domain) => block_on(domain::run(&place, domain)),
        Command::Mailbox(mailbox) => block_on(mailbox::run(&place, mailbox)),
        Command::Import(import) => block_on(import::run(&place, import)),
        Command::Export(export) => block_on(export::run(&place, export)),
        Command::Store(store) => block_on(store::run(&place, store)),
        Command::Config(config) => config::run(&place, &config),
        Command::Completions(wanted) => shell::completions(&wanted),
        Command::Pages(wanted) => shell::pages(&wanted),
        Command::Sendmail(persona) => Ok(Persona::SENDMAIL.run(&place, persona.arguments)),
        Command::Msmtp(persona) => Ok(Persona::Msmtp.run(&place, persona.arguments)),
    }
}

/// Runs a short command on this thread.
pub(crate) fn block_on(command: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    runtime.block_on(command)
}

/// Prints text with colours, or without them where nobody would see them. A closed pipe is no error.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = anstream::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("standard output"),
    }
}

/// Prints rows, as JSON where that was asked for.
pub(crate) fn print_rows<T: Serialize>(
    output: Output,
    rows: &[T],
    text: impl FnOnce(&[T]) -> String,
) -> anyhow::Result<()> {
    if output.json { print_json(rows) } else { print(&text(rows)) }
}

/// Prints each value as one line of JSON.
pub(crate) fn print_json<T: Serialize>(values: impl IntoIterator<Item = T>) -> anyhow::Result<()> {
    let mut text = String::new();
    for value in values {
        text.push_str(&serde_json::to_string(&value)?);
        text.push('\n');
    }
    print(&text)
}

/// The server answered with something that does not fit the question: it is of another release.
pub(crate) fn mismatch() -> anyhow::Error {
    anyhow::anyhow!("the running server is of another release than this command: restart it")
}
