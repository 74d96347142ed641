//! Mailboxes: what programs that read mail wait for, beside Debian's Dovecot with the same mail.
//!
//! | module | what it is |
//! |---|---|
//! | [`host`] | the two servers, the account and its mail |
//! | [`imap`] | the client |

mod host;
mod imap;

use std::{io, time::Instant};

use anyhow::Result;
use tokio::task::JoinSet;

use self::{
    host::{DOVECOT, Host, Hosts, Link, MESSAGES, arrived, message, run},
    imap::{Imap, Pop3},
};
use crate::{
    Options,
    figures::{Goal, OURS, Row},
    load::Load,
    memory,
    rows::{Measure, per_second},
};

/// Every row, in the order of the report.
pub(crate) const ROWS: &[(&str, Measure)] = &[
    ("fetch-envelope", |options| race(options, "FETCH of 1,000 `ENVELOPE`", Link::Clear, Work::Envelopes, 1.5)),
    ("fetch-body", |options| race(options, "FETCH of 1,000 × 4 KiB `BODY[]`", Link::Clear, Work::Bodies, 1.5)),
    ("fetch-body-tls", |options| race(options, "the same over TLS", Link::Tls, Work::Bodies, 1.2)),
    ("fetch-one", |options| race(options, "FETCH `BODY[]` one by one", Link::Clear, Work::OneByOne, 1.5)),
    ("select", |options| race(options, "SELECT of 1,000 messages", Link::Clear, Work::Select, 2.0)),
    ("noop", |options| race(options, "NOOP", Link::Clear, Work::Noop, 2.0)),
    ("log-in", |options| race(options, "connect, TLS, LOGIN, one after the other", Link::Tls, Work::LogIn, 5.0)),
    ("append", |options| race(options, "APPEND of 4 KiB, one connection", Link::Clear, Work::Append(1), 2.0)),
    ("append-twenty", |options| race(options, "APPEND of 4 KiB, 20 connections", Link::Clear, Work::Append(20), 10.0)),
    ("lmtp", |options| {
        race(options, "LMTP, 100 connections, until all is in the mailbox", Link::Clear, Work::Lmtp, 8.0)
    }),
    ("retr", |options| race(options, "POP3 RETR one by one", Link::Clear, Work::Retr, 1.5)),
    ("retr-tls", |options| race(options, "the same over TLS", Link::Tls, Work::Retr, 1.2)),
    ("search-body", |options| race(options, "SEARCH BODY in 1,000 messages", Link::Clear, Work::SearchBody, 20.0)),
    ("qresync-million", qresync_million),
    ("search-text", search_text),
    ("memory-idle-mailboxes", memory_idle),
];

/// What is done over and over.
#[derive(Clone, Copy)]
enum Work {
    Envelopes,
    Bodies,
    OneByOne,
    Select,
    Noop,
    LogIn,
    /// Over so many connections.
    Append(usize),
    Lmtp,
    Retr,
    SearchBody,
}

/// Both do it by turns, round after round; more a second is better.
fn race(options: &Options, job: &str, link: Link, work: Work, times: f64) -> Result<Row> {
    let hosts = Hosts::start()?;
    let mut columns: Vec<_> = hosts.all.iter().map(|host| (host.name, Vec::new())).collect();
    for _ in 0..options.rounds {
        for (host, (_, figures)) in hosts.all.iter().zip(&mut columns) {
            figures.push(run(work.rate(host, link, options.shrink))?);
        }
    }
    let goals = vec![Goal::AtLeast { times, column: DOVECOT }];
    Ok(Row { job: job.to_owned(), unit: "a second", columns, goals })
}

impl Work {
    /// How many of it are done in a second.
    async fn rate(self, host: &Host, link: Link, shrink: usize) -> io::Result<f64> {
        let started = Instant::now();
        match self {
            Self::LogIn => {
                let times = 50 / shrink;
                for _ in 0..times {
                    Imap::log_in(host, link).await?;
                }
                Ok(per_second(times, started.elapsed()))
            }
            Self::Append(connections) => append(host, connections, 2_000 / shrink).await,
            Self::Lmtp => lmtp(host, 5_000 / shrink).await,
            Self::Retr => {
                let mut pop3 = Pop3::log_in(host, link).await?;
                let started = Instant::now();
                for number in 1..=MESSAGES / shrink {
                    pop3.retr(number).await?;
                }
                Ok(per_second(MESSAGES / shrink, started.elapsed()))
            }
            _ => self.in_session(&mut Imap::log_in(host, link).await?, shrink).await,
        }
    }

    /// The same for what one session of IMAP does with the mailbox.
    async fn in_session(self, imap: &mut Imap, shrink: usize) -> io::Result<f64> {
        imap.command("SELECT INBOX").await?;
        let (commands, each) = match self {
            Self::Envelopes => (20, MESSAGES),
            Self::Bodies => (10, MESSAGES),
            Self::OneByOne | Self::Select => (MESSAGES, 1),
            Self::SearchBody => (50, 1),
            _ => (5 * MESSAGES, 1),
        };
        let started = Instant::now();
        for number in 0..commands / shrink {
            match self {
                Self::Envelopes => drop(imap.count(&format!("FETCH 1:{MESSAGES} ENVELOPE")).await?),
                Self::Bodies => drop(imap.count(&format!("FETCH 1:{MESSAGES} BODY.PEEK[]")).await?),
                Self::OneByOne => drop(imap.count(&format!("FETCH {} BODY.PEEK[]", number + 1)).await?),
                Self::Select => drop(imap.count("SELECT INBOX").await?),
                Self::SearchBody => found(&imap.command(&format!("SEARCH BODY needle{number}x")).await?, number + 1)?,
                _ => drop(imap.count("NOOP").await?),
            }
        }
        Ok(per_second(commands / shrink * each, started.elapsed()))
    }
}

/// An answer that is fast and wrong is no answer.
fn found(lines: &[Vec<u8>], number: usize) -> io::Result<()> {
    let text = String::from_utf8_lossy(&lines.concat()).into_owned();
    if text.trim_end() == format!("* SEARCH {number}") { Ok(()) } else { Err(io::Error::other(text)) }
}

async fn append(host: &Host, connections: usize, messages: usize) -> io::Result<f64> {
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(Imap::log_in(host, Link::Clear).await?);
    }
    // There already from the second round on.
    let _ = sessions[0].command("CREATE Load").await;
    let (started, each) = (Instant::now(), messages / connections);
    let mut running: JoinSet<io::Result<()>> = JoinSet::new();
    for mut imap in sessions {
        running.spawn(async move {
            for number in 0..each {
                imap.append("Load", &message(number)).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(per_second(each * connections, started.elapsed()))
}

async fn lmtp(host: &Host, messages: usize) -> io::Result<f64> {
    let mut imap = Imap::log_in(host, Link::Clear).await?;
    let before = exists(&imap.command("EXAMINE INBOX").await?)?;
    let load = Load {
        server: host.lmtp,
        hello: "LHLO",
        sessions: 100,
        messages_per_session: messages / 100,
        messages,
        data: [message(0).as_slice(), b".\r\n"].concat().into(),
        recipient: "<ann@here.test>",
        tls: None,
    };
    let started = Instant::now();
    load.send().await?;
    arrived(host, before + messages).await?;
    Ok(per_second(messages, started.elapsed()))
}

fn exists(lines: &[Vec<u8>]) -> io::Result<usize> {
    let mut lines = lines.iter().filter_map(|line| std::str::from_utf8(line).ok());
    let count = lines.find_map(|line| line.strip_prefix("* ")?.strip_suffix(" EXISTS")?.parse().ok());
    count.ok_or_else(|| io::Error::other("no EXISTS came"))
}

/// Messages that one COPY may take.
const COPIED_AT_ONCE_MAX: usize = 50_000;

/// Fills a mailbox by doubling it, up to so many messages.
async fn grow(imap: &mut Imap, messages: usize) -> io::Result<usize> {
    let mut count = exists(&imap.command("SELECT INBOX").await?)?;
    while count < messages {
        let more = count.min(messages - count).min(COPIED_AT_ONCE_MAX);
        imap.command(&format!("COPY 1:{more} INBOX")).await?;
        count = exists(&imap.command("SELECT INBOX").await?)?;
    }
    Ok(count)
}

fn qresync_million(options: &Options) -> Result<Row> {
    let hosts = Hosts::alone()?;
    let figures = run(async {
        let mut imap = Imap::log_in(&hosts.all[0], Link::Clear).await?;
        grow(&mut imap, 1_000_000 / options.shrink).await?;
        imap.command("ENABLE QRESYNC").await?;
        let known = imap.command("SELECT INBOX").await?;
        let number = |name: &str| {
            let mut known = known.iter().filter_map(|line| std::str::from_utf8(line).ok());
            let found = known.find_map(|line| line.split_once(name)?.1.split_once(']')?.0.parse::<u64>().ok());
            found.ok_or_else(|| io::Error::other(format!("no {name} came")))
        };
        let (validity, modseq) = (number("UIDVALIDITY ")?, number("HIGHESTMODSEQ ")?);
        imap.command("STORE 1:10 +FLAGS (\\Flagged)").await?;
        let mut figures = Vec::new();
        for _ in 0..options.rounds {
            let mut imap = Imap::log_in(&hosts.all[0], Link::Clear).await?;
            imap.command("ENABLE QRESYNC").await?;
            let started = Instant::now();
            imap.command(&format!("SELECT INBOX (QRESYNC ({validity} {modseq}))")).await?;
            figures.push(started.elapsed().as_secs_f64() * 1_000.0);
        }
        Ok(figures)
    })?;
    let job = "SELECT with QRESYNC of 1,000,000 messages, 10 of them changed".to_owned();
    Ok(Row { job, unit: "ms", columns: vec![(OURS, figures)], goals: vec![Goal::AtMost(100.0)] })
}

fn search_text(options: &Options) -> Result<Row> {
    let hosts = Hosts::alone()?;
    let figures = run(async {
        let mut imap = Imap::log_in(&hosts.all[0], Link::Clear).await?;
        grow(&mut imap, 100_000 / options.shrink).await?;
        let mut figures = Vec::new();
        // The first is not warm.
        for round in 0..=options.rounds {
            let started = Instant::now();
            imap.command("SEARCH TEXT needle7x").await?;
            if round > 0 {
                figures.push(started.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        Ok(figures)
    })?;
    let job = "SEARCH TEXT in 100,000 messages, warm".to_owned();
    Ok(Row { job, unit: "ms", columns: vec![(OURS, figures)], goals: vec![Goal::AtMost(50.0)] })
}

/// Anonymous memory that a connection over TLS takes while it waits in IDLE.
fn memory_idle(options: &Options) -> Result<Row> {
    let hosts = Hosts::start()?;
    let mut columns = Vec::new();
    for host in &hosts.all {
        // Dovecot has a process for each, and lets nobody in above some hundreds.
        let connections = if host.name == OURS { 10_000 } else { 200 } / options.shrink;
        columns.push((host.name, vec![run(idle_kib(host, connections))?]));
    }
    let job = "an idle IMAP connection over TLS (of 10,000; Dovecot: of 200)".to_owned();
    Ok(Row { job, unit: "KiB", columns, goals: vec![Goal::AtMost(32.0)] })
}

async fn idle_kib(host: &Host, connections: usize) -> io::Result<f64> {
    let before = memory::anonymous_mib(host.pid)?;
    let mut idle = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut imap = Imap::log_in(host, Link::Tls).await?;
        imap.command("SELECT INBOX").await?;
        imap.idle().await?;
        idle.push(imap);
    }
    #[allow(clippy::cast_precision_loss, reason = "there are no more than thousands")]
    Ok((memory::anonymous_mib(host.pid)? - before) * 1024.0 / connections as f64)
}
