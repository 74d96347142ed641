//! The thread that writes the journal. It takes all lines that wait, and where one of them must be on disk it brings all
//! there with one sync, so that one sync serves many rows, and then says so once.
//!
//! Lines that need not be on disk are gathered before the thread is woken for them.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
    time::Instant,
};

use tokio::sync::watch;

use crate::merge::limits::{GATHERED_FOR_MAX, LINES_WAITING_MAX};

/// Some lines, one behind the other.
#[derive(Debug, Default)]
struct Lines {
    octets: Vec<u8>,
    count: u64,
    /// They must be on disk soon.
    durable: bool,
}

/// The near end of the thread. Dropped, it waits until all is written: the lock of the journal goes with the file.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it has ended.
    running: Option<(SyncSender<Lines>, JoinHandle<io::Result<()>>)>,
    /// What the thread has not got yet.
    gathered: Lines,
    /// Since when.
    since: Instant,
    /// Lines so far.
    lines: u64,
    on_disk: watch::Receiver<u64>,
}

impl Writer {
    /// Writes to the end of `file`.
    pub(super) fn start(mut file: File) -> io::Result<Self> {
        let (sender, waiting) = sync_channel(LINES_WAITING_MAX);
        let (progress, on_disk) = watch::channel(0);
        let write = move || write(&mut file, &waiting, &progress);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(write)?;
        let (gathered, since) = (Lines::default(), Instant::now());
        Ok(Self { running: Some((sender, thread)), gathered, since, lines: 0, on_disk })
    }

    /// Takes a line and gives its number, from 1 on. Lines are written in this order; with `durable` it is on disk soon, else
    /// it is written with one of the next, or at the end.
    ///
    /// # Errors
    /// What the disk said to an earlier one.
    pub(super) fn append(&mut self, line: &[u8], durable: bool) -> io::Result<u64> {
        self.lines += 1;
        self.gathered.octets.extend_from_slice(line);
        self.gathered.count += 1;
        self.gathered.durable = durable;
        if durable || self.since.elapsed() >= GATHERED_FOR_MAX {
            self.flush()?;
        }
        Ok(self.lines)
    }

    /// Hands over what was gathered.
    fn flush(&mut self) -> io::Result<()> {
        self.since = Instant::now();
        let lines = std::mem::take(&mut self.gathered);
        if self.running.as_ref().is_some_and(|(thread, _)| thread.send(lines).is_ok()) {
            return Ok(());
        }
        self.end()?;
        Err(io::Error::other("it was closed already"))
    }

    /// The number of the last line on disk, as it grows.
    pub(super) fn on_disk(&self) -> watch::Receiver<u64> {
        self.on_disk.clone()
    }

    /// Waits until all is on disk. Nothing can be written after that.
    ///
    /// # Errors
    /// What the disk said.
    pub(super) fn end(&mut self) -> io::Result<()> {
        let Some((lines, thread)) = self.running.take() else { return Ok(()) };
        // Where the thread has ended before, it says why.
        let _ = lines.send(std::mem::take(&mut self.gathered));
        drop(lines);
        thread.join().expect("writing does not panic")
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Whoever wants to know how it ended has asked before.
        let _ = self.end();
    }
}

/// Writes until nobody can hand over more, or the disk fails: then nothing is said any more.
fn write(file: &mut File, waiting: &Receiver<Lines>, on_disk: &watch::Sender<u64>) -> io::Result<()> {
    let (mut batch, mut written) = (Vec::new(), 0);
    while let Ok(first) = waiting.recv() {
        batch.clear();
        let mut is_durable = false;
        for Lines { octets, count, durable } in std::iter::once(first).chain(waiting.try_iter().take(LINES_WAITING_MAX))
        {
            batch.extend_from_slice(&octets);
            is_durable |= durable;
            written += count;
        }
        file.write_all(&batch)?;
        if is_durable {
            file.sync_data()?;
            on_disk.send_replace(written);
        }
    }
    file.sync_data()
}
