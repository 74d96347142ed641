//! The jobs that are measured. Each is done by every program in turn, round after round.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use tokio_rustls::TlsConnector;

use crate::{
    Options,
    figures::{Goal, OURS, Row},
    load::{Load, message},
    memory,
    servers::{Ours, Peer, Sinks},
    source::Source,
    store, tls,
};

/// A row by its name.
pub(crate) type Measure = fn(&Options) -> Result<Row>;

/// Every row, in the order of the report.
pub(crate) const ROWS: &[(&str, Measure)] = &[
    ("acceptance-hundred", acceptance_hundred),
    ("acceptance-hundred-source", acceptance_hundred_source),
    ("acceptance-one", acceptance_one),
    ("acceptance-one-source", acceptance_one_source),
    ("acceptance-starttls", acceptance_starttls),
    ("acceptance-starttls-hybrid", acceptance_starttls_hybrid),
    ("acceptance-64k", acceptance_64k),
    ("relay", relay),
    ("relay-starttls", relay_starttls),
    ("latency", latency),
    ("one-session", one_session),
    ("memory-idle", memory_idle),
    ("memory-connections", memory_connections),
    ("memory-large", memory_large),
    ("memory-million", memory_million),
    ("start-million", start_million),
];

const PEER: &str = "Postfix";
const CEILING: &str = "ceiling";
const STORE: &str = "store alone";
/// Sessions at a time in the rows of acceptance and relay.
const SESSIONS: usize = 100;
/// From this size on the disk decides, so the store is measured alone, too.
const LARGE_OCTETS: usize = 65_536;
/// How long relayed mail may take to arrive.
const PATIENCE: Duration = Duration::from_mins(2);

/// One row of acceptance.
struct Acceptance {
    job: &'static str,
    octets: usize,
    messages_per_session: usize,
    messages: usize,
    driver: Driver,
    with_peer: bool,
    goals: Vec<Goal>,
}

/// Who sends.
#[derive(Clone, Copy)]
enum Driver {
    /// Ours, in clear text.
    Clear,
    /// Ours, after STARTTLS with this key exchange.
    StartTls(&'static dyn tokio_rustls::rustls::crypto::SupportedKxGroup),
    /// Postfix's `smtp-source`.
    Source,
}

/// A hundred messages in each of a hundred sessions.
fn hundred(options: &Options, job: &'static str, octets: usize, driver: Driver, goals: Vec<Goal>) -> Result<Row> {
    let messages = SESSIONS * 100;
    Acceptance { job, octets, messages_per_session: 100, messages, driver, with_peer: true, goals }.measure(options)
}

/// One message in each session.
fn one(options: &Options, job: &'static str, messages: usize, driver: Driver, goals: Vec<Goal>) -> Result<Row> {
    let with_peer = !goals.is_empty();
    Acceptance { job, octets: 4096, messages_per_session: 1, messages, driver, with_peer, goals }.measure(options)
}

/// So many times the peer, and so much of the ceiling.
fn goals(peer: f64, ceiling: f64) -> Vec<Goal> {
    let at_least = |times, column| Goal::AtLeast { times, column };
    vec![at_least(peer, PEER), at_least(ceiling, CEILING)]
}

fn acceptance_hundred(options: &Options) -> Result<Row> {
    let job = "durable acceptance, 4 KiB, 100 sessions, a hundred messages each";
    hundred(options, job, 4096, Driver::Clear, goals(12.0, 0.4))
}

fn acceptance_hundred_source(options: &Options) -> Result<Row> {
    hundred(options, "the same, sent by `smtp-source`", 4096, Driver::Source, goals(12.0, 0.4))
}

fn acceptance_one(options: &Options) -> Result<Row> {
    let job = "durable acceptance, 4 KiB, 100 sessions, one message each";
    one(options, job, 4_000, Driver::Clear, goals(8.0, 0.6))
}

fn acceptance_one_source(options: &Options) -> Result<Row> {
    one(options, "the same, sent by `smtp-source`", 4_000, Driver::Source, goals(8.0, 0.6))
}

fn acceptance_starttls(options: &Options) -> Result<Row> {
    let job = "durable acceptance, 4 KiB, 100 sessions, one message each after STARTTLS with X25519";
    one(options, job, 3_000, Driver::StartTls(tls::CLASSIC), goals(4.0, 0.7))
}

fn acceptance_starttls_hybrid(options: &Options) -> Result<Row> {
    one(options, "the same with X25519MLKEM768", 3_000, Driver::StartTls(tls::HYBRID), vec![])
}

fn acceptance_64k(options: &Options) -> Result<Row> {
    let either = [Goal::AtLeast { times: 5.0, column: PEER }, Goal::AtLeast { times: 0.6, column: STORE }];
    let job = "durable acceptance, 64 KiB, 100 sessions, a hundred messages each";
    hundred(options, job, LARGE_OCTETS, Driver::Clear, vec![Goal::Either(Box::new(either))])
}

impl Acceptance {
    fn measure(self, options: &Options) -> Result<Row> {
        let (mut ours, mut peer, mut ceiling, mut alone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.rounds {
            let server = Ours::start(&["--hold"])?;
            ours.push(self.rate(options, server.smtp(), server.ca())?);
            drop(server);
            if self.with_peer {
                let server = Peer::holding()?;
                peer.push(self.rate(options, server.smtp(), server.ca())?);
            }
            let sinks = Sinks::start()?;
            let sink = if let Driver::StartTls(_) = self.driver { &sinks.starttls } else { &sinks.plain };
            ceiling.push(self.rate(options, sink.address, sinks.ca())?);
            if self.octets >= LARGE_OCTETS {
                let messages = self.messages / options.shrink;
                alone.push(per_second(messages, store::time_of_commits(SESSIONS, messages, self.octets)?));
            }
        }
        let columns = vec![(OURS, ours), (PEER, peer), (CEILING, ceiling), (STORE, alone)];
        let columns = columns.into_iter().filter(|(_, figures)| !figures.is_empty()).collect();
        Ok(Row { job: self.job.to_owned(), unit: "messages/s", columns, goals: self.goals })
    }

    fn rate(&self, options: &Options, server: SocketAddr, ca: &Path) -> Result<f64> {
        let messages = self.messages / options.shrink;
        let tls = match self.driver {
            Driver::Source => {
                let goes_on = self.messages_per_session > 1;
                let source = Source { server, sessions: SESSIONS, goes_on, messages, octets: self.octets };
                return Ok(per_second(messages, source.run()?));
            }
            Driver::Clear => None,
            Driver::StartTls(group) => Some(tls::connector(ca, group)?),
        };
        let load = Load {
            server,
            hello: "EHLO",
            sessions: SESSIONS,
            messages_per_session: self.messages_per_session,
            messages,
            data: message(self.octets),
            recipient: "<sink@there.test>",
            tls,
        };
        Ok(per_second(load.messages, load.run()?))
    }
}

#[allow(clippy::cast_precision_loss, reason = "no run sends 2^53 messages")]
pub(crate) fn per_second(messages: usize, took: Duration) -> f64 {
    messages as f64 / took.as_secs_f64()
}

fn relay(options: &Options) -> Result<Row> {
    let goals = vec![Goal::AtLeast { times: 8.0, column: PEER }];
    relay_to(options, "in, queue, out to the sink: 4 KiB, 100 sessions", false, goals)
}

fn relay_starttls(options: &Options) -> Result<Row> {
    let goals = vec![Goal::AtLeast { times: 10.0, column: PEER }];
    relay_to(options, "in, queue, out to a sink with STARTTLS: 4 KiB, 100 sessions", true, goals)
}

/// From the first connection until the sink has the last message.
fn relay_to(options: &Options, job: &str, starttls: bool, goals: Vec<Goal>) -> Result<Row> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let sinks = Sinks::start()?;
        let sink = if starttls { &sinks.starttls } else { &sinks.plain };
        let run = |server: SocketAddr| -> Result<f64> {
            let before = sink.messages();
            let started = Instant::now();
            let load = plain_load(server, 5_000 / options.shrink);
            load.run()?;
            sink.wait_for(before + load.messages, PATIENCE)?;
            Ok(per_second(load.messages, started.elapsed()))
        };
        let tls = if starttls { "starttls" } else { "off" };
        let server = Ours::start(&["--relay-to", &format!("{},tls={tls}", sink.address)])?;
        ours.push(run(server.smtp())?);
        drop(server);
        let server = Peer::relaying(sink.address, starttls)?;
        peer.push(run(server.smtp())?);
    }
    Ok(Row { job: job.to_owned(), unit: "messages/s", columns: vec![(OURS, ours), (PEER, peer)], goals })
}

fn plain_load(server: SocketAddr, messages: usize) -> Load {
    let data = message(4096);
    Load {
        server,
        hello: "EHLO",
        sessions: SESSIONS,
        messages_per_session: 10,
        messages,
        data,
        recipient: "<sink@there.test>",
        tls: None,
    }
}

/// One message at a time: from the connection until the sink has it.
fn latency(options: &Options) -> Result<Row> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        let sinks = Sinks::start()?;
        let sink = &sinks.plain;
        let run = |server: SocketAddr| -> Result<f64> {
            let mut each = Vec::new();
            for _ in 0..50 {
                let before = sink.messages();
                let started = Instant::now();
                Load { sessions: 1, messages_per_session: 1, messages: 1, ..plain_load(server, 1) }.run()?;
                sink.wait_for(before + 1, PATIENCE)?;
                each.push(started.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(crate::figures::median(&each))
        };
        let server = Ours::start(&["--relay-to", &format!("{},tls=off", sink.address)])?;
        ours.push(run(server.smtp())?);
        drop(server);
        let server = Peer::relaying(sink.address, false)?;
        peer.push(run(server.smtp())?);
    }
    let columns = vec![(OURS, ours), (PEER, peer)];
    let job = "one message's way through an idle system".to_owned();
    Ok(Row { job, unit: "ms", columns, goals: vec![Goal::AtMost(3.0)] })
}

/// One session, one message after the other, beside what the sink's dialogue and one fdatasync would take.
fn one_session(options: &Options) -> Result<Row> {
    let (mut ours, mut bound) = (Vec::new(), Vec::new());
    let messages = 1_000 / options.shrink;
    for _ in 0..options.rounds {
        let load = |server| Load { sessions: 1, messages_per_session: messages, ..plain_load(server, messages) };
        let server = Ours::start(&["--hold"])?;
        ours.push(per_second(messages, load(server.smtp()).run()?));
        drop(server);
        let sinks = Sinks::start()?;
        let dialogue = load(sinks.plain.address).run()?;
        bound.push(per_second(messages, dialogue + time_of_syncs(messages)?));
    }
    let columns = vec![(OURS, ours), ("dialogue + fdatasync", bound)];
    let goals = vec![Goal::AtLeast { times: 0.7, column: "dialogue + fdatasync" }];
    Ok(Row { job: "one session, one message at a time, 4 KiB".to_owned(), unit: "messages/s", columns, goals })
}

/// Time of this many appends of 4 KiB, each followed by fdatasync.
fn time_of_syncs(count: usize) -> Result<Duration> {
    let mut file = tempfile::tempfile_in(crate::servers::scratch())?;
    let started = Instant::now();
    for _ in 0..count {
        file.write_all(&[b'x'; 4096])?;
        file.sync_data()?;
    }
    Ok(started.elapsed())
}

/// Memory settles within this time after the last event.
const SETTLED: Duration = Duration::from_mins(1);

fn memory_idle(_: &Options) -> Result<Row> {
    let mut server = Ours::start(&[])?;
    server.serve()?;
    std::thread::sleep(SETTLED);
    Ok(memory_row("idle server, 60 s after its start", memory::anonymous_mib(server.pid())?, 20.0))
}

fn memory_connections(_: &Options) -> Result<Row> {
    let mut server = Ours::start(&[])?;
    server.serve()?;
    std::thread::sleep(SETTLED);
    let before = memory::anonymous_mib(server.pid())?;
    let connector = tls::connector(server.ca(), tls::CLASSIC)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let held = runtime.block_on(idle_connections(server.submissions(), &connector, 1_000))?;
    std::thread::sleep(SETTLED);
    let after = memory::anonymous_mib(server.pid())?;
    drop(held);
    Ok(memory_row("1,000 idle TLS connections, above the idle server", after - before, 25.0))
}

type Held = tokio_rustls::client::TlsStream<tokio::net::TcpStream>;

async fn idle_connections(server: SocketAddr, connector: &TlsConnector, count: usize) -> Result<Vec<Held>> {
    use tokio::io::AsyncReadExt as _;
    let mut held = Vec::new();
    for number in 0..count {
        // Limits per client address are part of the server; a thousand clients have a thousand addresses.
        let socket = tokio::net::TcpSocket::new_v4()?;
        let (third, fourth) = (u8::try_from(number / 250)?, u8::try_from(number % 250)? + 1);
        socket.bind((std::net::Ipv4Addr::new(127, 1, third, fourth), 0).into())?;
        let name = "here.test".try_into()?;
        let mut stream = connector.connect(name, socket.connect(server).await?).await?;
        if stream.read(&mut [0; 512]).await? == 0 {
            bail!("the server ended connection {number}");
        }
        held.push(stream);
    }
    Ok(held)
}

fn memory_large(_: &Options) -> Result<Row> {
    let server = Ours::start(&["--hold"])?;
    let before = memory::anonymous_mib(server.pid())?;
    let address = server.smtp();
    let load = Load { sessions: 20, messages_per_session: 1, data: message(50_000_000), ..plain_load(address, 20) };
    let sending = std::thread::spawn(move || load.run());
    let mut peak = before;
    while !sending.is_finished() {
        peak = memory::anonymous_mib(server.pid())?.max(peak);
        std::thread::sleep(Duration::from_millis(20));
    }
    sending.join().expect("the load does not panic")?;
    Ok(memory_row("20 sessions with a message of 50 MB each, above the idle server", peak - before, 128.0))
}

fn memory_million(options: &Options) -> Result<Row> {
    let server = Ours::start(&["--hold"])?;
    fill(&server, 1_000_000 / options.shrink)?;
    std::thread::sleep(SETTLED);
    Ok(memory_row("1,000,000 queued messages", memory::anonymous_mib(server.pid())?, 256.0))
}

fn start_million(options: &Options) -> Result<Row> {
    let mut server = Ours::start(&["--hold"])?;
    fill(&server, 1_000_000 / options.shrink)?;
    server.stop()?;
    let started = Instant::now();
    server.restart()?;
    // Ready means that it greets.
    TcpStream::connect(server.smtp())?.read_exact(&mut [0; 3])?;
    let took = started.elapsed().as_secs_f64();
    let columns = vec![(OURS, vec![took])];
    let job = "start with 1,000,000 queued messages".to_owned();
    Ok(Row { job, unit: "s", columns, goals: vec![Goal::AtMost(10.0)] })
}

fn fill(server: &Ours, messages: usize) -> Result<()> {
    let load = Load { messages_per_session: 100, data: message(512), ..plain_load(server.smtp(), messages) };
    load.run()?;
    Ok(())
}

fn memory_row(job: &str, mib: f64, most: f64) -> Row {
    let columns = vec![(OURS, vec![mib])];
    Row { job: job.to_owned(), unit: "MiB", columns, goals: vec![Goal::AtMost(most)] }
}
