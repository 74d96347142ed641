//! The `msmtp` persona: a message from standard input goes to the server that msmtprc names, at once and without a daemon.
//!
//! | step | module |
//! |---|---|
//! | the command line | [`options`], read by [`getopt`] |
//! | the configuration | [`file`] by the table of [`keys`], into [`settings`] |
//! | the account | [`accounts`], with the patterns of [`glob`] |
//! | the message | [`crate::personas::message`], changed by [`header`] |
//! | sender and recipients | [`envelope`], with [`aliases`] |
//! | the password | [`password`], from [`netrc`] too |
//! | the servers | [`connect`], with [`priorities`] |
//! | sending | [`send`], how it ends by [`verdict`], what to do then by [`hint`], the line in the log by [`log`] |
//! | the other modes | [`dialogue`], [`configure`], [`pretend`], [`server_info`], [`help`] |
//!
//! It behaves as msmtp 1.8 does, with its exit codes and its all-or-nothing, but for what is better known today: several
//! hosts after `host` are tried in order, addresses of both families at once, `--partial` lets the good recipients have
//! their mail, `--rohrpost-exit-codes` tells "later" from "never", `-bs` takes a dialogue, the dialogue that `--debug` shows holds no password.
//! Not there: `--rmqs` and lists of revoked certificates; each is refused in words.

mod accounts;
mod aliases;
mod configure;
mod connect;
mod dialogue;
mod envelope;
mod environment;
mod fault;
mod file;
mod getopt;
mod glob;
mod header;
mod help;
mod hint;
mod keys;
mod limits;
mod log;
mod netrc;
mod options;
mod password;
mod pretend;
mod priorities;
mod send;
mod server_info;
mod settings;
mod shell;
mod verdict;

use std::{ffi::OsString, future::Future, process::ExitCode};

use nix::unistd::Uid;

use self::{
    accounts::{Accounts, Chosen, of_command_line},
    environment::Environment,
    fault::Fault,
    options::{Mode, Options},
};
use crate::{commands, exit::Exit};

/// Does what msmtp does; `arguments` are those behind its name.
pub(crate) fn run(arguments: Vec<OsString>) -> ExitCode {
    match run_in(&Environment::of_this_process(), arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            fault.to_string().lines().for_each(|line| eprintln!("msmtp: {line}"));
            fault.exit.into()
        }
    }
}

fn run_in(environment: &Environment, arguments: Vec<OsString>) -> Result<(), Fault> {
    let arguments = arguments.into_iter().map(text).collect::<Result<Vec<_>, _>>()?;
    let options = Options::read(arguments, environment)?;
    match options.mode {
        Mode::Version => show(&help::version(environment)),
        Mode::Help => show(help::HELP),
        Mode::Send => send::run(&options, environment),
        Mode::Smtp => dialogue::run(options, environment),
        Mode::Configure => {
            let address = options.address.as_deref().unwrap_or_default();
            show(&block_on(configure::account(address, environment))??)
        }
        Mode::Pretend => show(&pretend::account(&options, &choose(&options, None, environment)?, environment)),
        Mode::ServerInfo => {
            let chosen = choose(&options, None, environment)?;
            show(&block_on(server_info::ask(&chosen.settings, environment))??)
        }
    }
}

/// Prints to standard output. Nobody who closed it is told anything.
fn show(text: &str) -> Result<(), Fault> {
    commands::print(text).map_err(|error| Fault::new(Exit::Io, format!("{error:#}")))
}

/// An argument as text. Line breaks and other control characters have no place in any of them: they would be taken for
/// commands somewhere.
fn text(argument: OsString) -> Result<String, Fault> {
    let text = argument.into_string().map_err(|_| Fault::new(Exit::Usage, "an argument is not UTF-8"))?;
    if text.chars().any(char::is_control) {
        return Err(Fault::new(Exit::Usage, format!("a control character in the argument {text:?}")));
    }
    Ok(text)
}

/// The account for these options and this sender. Warnings go to standard error.
fn choose(options: &Options, sender: Option<&str>, environment: &Environment) -> Result<Chosen, Fault> {
    if options.names_host() {
        return Ok(of_command_line(options));
    }
    let user = Uid::current().as_raw();
    let accounts = Accounts::load(options.file.as_deref(), environment, user, &shell::first_line)?;
    for warning in &accounts.warnings {
        eprintln!("msmtp: warning: {warning}");
    }
    accounts.choose(options, options.from.as_deref().or(sender), environment)
}

/// Runs on this thread: one message needs no more.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Fault::new(Exit::System, format!("no runtime: {error}")))?;
    Ok(runtime.block_on(work))
}
