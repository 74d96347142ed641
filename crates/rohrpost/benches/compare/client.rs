//! What sends: the commands, each a whole process that starts cold, the library with its pool, and `merge`.
//!
//! | module | what it is |
//! |---|---|
//! | [`program`] | a program that sends one message: how long it runs, how much memory it takes |
//! | [`senders`] | which programs those are, and their command lines |
//! | [`library`] | many messages over a pool of connections |
//! | [`merge`] | a mail for each row of a file, through the server |

mod library;
mod merge;
mod program;
mod senders;

use anyhow::Result;

use self::{
    program::Program,
    senders::{Letter, Security, Senders},
};
use crate::{
    Options,
    figures::{Goal, Row, median},
    rows::Measure,
    servers::{Ours, Sinks},
};

/// Every row, in the order of the report.
pub(crate) const ROWS: &[(&str, Measure)] = &[
    ("send-clear", send_clear),
    ("send-starttls-any", send_starttls_any),
    ("send-starttls-ca", send_starttls_ca),
    ("send-implicit-any", send_implicit_any),
    ("send-implicit-ca", send_implicit_ca),
    ("sendmail", sendmail),
    ("memory-send-clear", memory_send_clear),
    ("memory-send-any", memory_send_any),
    ("memory-send-ca", memory_send_ca),
    ("memory-sendmail", memory_sendmail),
    ("library-clear", library::clear),
    ("library-starttls", library::starttls),
    ("merge", merge::rate),
    ("memory-merge", merge::memory),
];

/// The program that ours is held against.
const CURL: &str = "curl";
/// Runs of ours and of curl in a round, by turns.
const RUNS: usize = 30;
/// Every so many of these runs the others have one, too: they are slow, and there for orientation only.
const OTHERS_EVERY: usize = 10;
/// What a program of ours may hold at its fullest moment, in MiB.
const PEAK_MIB: f64 = 10.0;

fn send_clear(options: &Options) -> Result<Row> {
    send(options, "`send`, clear text", Security::Clear)
}

fn send_starttls_any(options: &Options) -> Result<Row> {
    send(options, "`send`, STARTTLS, any certificate (`curl -k`)", Security::StartTlsAny)
}

fn send_starttls_ca(options: &Options) -> Result<Row> {
    send(options, "`send`, STARTTLS, one authority (`curl --cacert`)", Security::StartTlsCa)
}

fn send_implicit_any(options: &Options) -> Result<Row> {
    send(options, "`send`, implicit TLS, any certificate (`curl -k`)", Security::ImplicitAny)
}

fn send_implicit_ca(options: &Options) -> Result<Row> {
    send(options, "`send`, implicit TLS, one authority (`curl --cacert`)", Security::ImplicitCa)
}

fn send(options: &Options, job: &str, security: Security) -> Result<Row> {
    let letter = Letter::write()?;
    let sinks = Sinks::start()?;
    let senders = Senders { letter: &letter, sinks: &sinks, security };
    race(options, job, &[senders.ours(), senders.curl()], &[senders.msmtp(), senders.swaks(), senders.python()])
}

/// Ours speaks to the socket, which curl cannot: it has the port of the same server, in clear text.
fn sendmail(options: &Options) -> Result<Row> {
    let letter = Letter::write()?;
    let server = Ours::start(&["--hold"])?;
    let job = "`sendmail`, to the server's socket (curl: to its port, clear text)";
    let ours = letter.sendmail(&server.settings());
    race(options, job, &[ours, letter.curl_to(&format!("smtp://{}", server.smtp()))], &[])
}

/// The first two by turns, the others now and then. The figure of a round is the middle of its runs.
fn race(options: &Options, job: &str, rivals: &[Program], others: &[Program]) -> Result<Row> {
    let all: Vec<&Program> = rivals.iter().chain(others).collect();
    let mut columns: Vec<(&'static str, Vec<f64>)> = all.iter().map(|program| (program.name, Vec::new())).collect();
    for program in &all {
        // What is read from disk here is in memory for all the runs that count.
        program.millis()?;
    }
    for _ in 0..options.rounds {
        let mut round = vec![Vec::new(); all.len()];
        for run in 0..RUNS.div_ceil(options.shrink) {
            for (place, program) in all.iter().enumerate() {
                if place < rivals.len() || run % OTHERS_EVERY == 0 {
                    round[place].push(program.millis()?);
                }
            }
        }
        for ((_, figures), round) in columns.iter_mut().zip(&round) {
            figures.push(median(round));
        }
    }
    let goals = vec![Goal::NoMoreThan { times: 0.6, column: CURL }];
    Ok(Row { job: job.to_owned(), unit: "ms", columns, goals })
}

fn memory_send_clear(_: &Options) -> Result<Row> {
    memory_send("peak of `send`, clear text", Security::Clear)
}

fn memory_send_any(_: &Options) -> Result<Row> {
    memory_send("peak of `send`, STARTTLS, any certificate", Security::StartTlsAny)
}

fn memory_send_ca(_: &Options) -> Result<Row> {
    memory_send("peak of `send`, STARTTLS, one authority", Security::StartTlsCa)
}

fn memory_send(job: &str, security: Security) -> Result<Row> {
    let letter = Letter::write()?;
    let sinks = Sinks::start()?;
    let senders = Senders { letter: &letter, sinks: &sinks, security };
    peaks(job, &[senders.ours(), senders.curl()])
}

fn memory_sendmail(_: &Options) -> Result<Row> {
    let letter = Letter::write()?;
    let server = Ours::start(&["--hold"])?;
    peaks("peak of `sendmail`", &[letter.sendmail(&server.settings())])
}

fn peaks(job: &str, programs: &[Program]) -> Result<Row> {
    let peak = |program: &Program| Ok((program.name, vec![program.peak_mib()?]));
    let columns = programs.iter().map(peak).collect::<Result<Vec<_>>>()?;
    Ok(Row { job: job.to_owned(), unit: "MiB", columns, goals: vec![Goal::AtMost(PEAK_MIB)] })
}
