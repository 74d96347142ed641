//! The process is killed at a random moment, again and again; every message that got 250 is relayed or queued.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::client::{self, Load};
use super::server::Server;
use super::sink::Sink;
use super::stored::Stored;

/// A copy that was relayed so long before the kill may come again: its result was not yet on disk.
const WINDOW: Duration = Duration::from_secs(1);
/// When nothing has come for so long, the queue has been worked off as far as it will be.
const QUIET: Duration = Duration::from_secs(10);

/// Plays `rounds` rounds on one data directory.
pub(crate) fn run(rounds: u32) -> Result<String> {
    let dir = super::directory("kill")?;
    let sink = Sink::start()?;
    let relay = format!("{},tls=off", sink.address);
    let arguments = ["--relay-to", relay.as_str()];
    let (mut markers, mut lives) = (Vec::new(), Vec::new());
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    for round in 0..rounds {
        let begin = Instant::now();
        let server = Server::start(&dir, &arguments, &[])?;
        let load = Load { name: format!("k{round}"), sessions: 8, messages: 10_000, large_every: 25, reconnect: false };
        let pause = Duration::from_millis(20 + dice.roll(180));
        let (address, stop) = (server.smtp, AtomicBool::new(false));
        let sent = thread::scope(|scope| {
            let sender = scope.spawn(|| client::send(address, &load, &stop));
            thread::sleep(pause);
            server.kill()?;
            lives.push(Life { begin, end: Instant::now() });
            stop.store(true, Ordering::Relaxed);
            anyhow::Ok(sender.join().expect("the sender does not panic"))
        })?;
        // What the dead process had sent is all in before the next one starts: each copy belongs to one process.
        sink.drain()?;
        markers.extend(sent.acknowledged.into_iter().map(|message| message.marker));
    }
    let last = Instant::now();
    let server = Server::start(&dir, &arguments, &[])?;
    let arrivals = sink.wait(&markers, QUIET);
    server.stop()?;
    let stored = Stored::open(&dir)?;
    stored.check_all()?;
    let queued = count_queued(&markers, &arrivals, &stored)?;
    let doubles = count_doubles(&arrivals, &lives, last)?;
    std::fs::remove_dir_all(dir)?;
    let acknowledged = markers.len();
    if acknowledged < rounds as usize {
        bail!("only {acknowledged} messages were taken in {rounds} rounds: this proves nothing");
    }
    Ok(format!("{rounds} rounds, {acknowledged} acknowledged, 0 lost, {queued} still queued, {doubles} sent twice"))
}

/// How many of those that have not arrived are queued; all must be.
fn count_queued(markers: &[String], arrivals: &HashMap<String, Vec<Instant>>, stored: &Stored) -> Result<usize> {
    let missing: Vec<_> = markers.iter().filter(|marker| !arrivals.contains_key(*marker)).collect();
    for marker in &missing {
        if !stored.waits(marker)? {
            bail!("{marker} was acknowledged and is neither relayed nor queued");
        }
    }
    Ok(missing.len())
}

/// A process from its start to its kill. What it had sent may arrive a little later than the kill, and before the next
/// process starts.
struct Life {
    begin: Instant,
    end: Instant,
}

/// How many copies came again: each from a later process, and the one before within [`WINDOW`] of the kill.
fn count_doubles(arrivals: &HashMap<String, Vec<Instant>>, lives: &[Life], last: Instant) -> Result<usize> {
    let begins: Vec<_> = lives.iter().map(|life| life.begin).chain([last]).collect();
    let mut doubles = 0;
    for (marker, times) in arrivals {
        for pair in times.windows(2) {
            doubles += 1;
            let process = |time: Instant| begins.partition_point(|begin| *begin <= time);
            let (first, second) = (process(pair[0]), process(pair[1]));
            let kill = lives.get(first - 1).map(|life| life.end);
            if first == second || kill.is_none_or(|kill| kill.saturating_duration_since(pair[0]) > WINDOW) {
                bail!("{marker} was sent twice, and no kill explains it");
            }
        }
    }
    Ok(doubles)
}

/// Random numbers that are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}
