//! The thread that writes the journal. It takes all lines that wait, and where one of them must be on disk it brings all
//! there with one sync, so that one sync serves many rows, and then says so once.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use tokio::sync::watch;

use crate::merge::limits::LINES_WAITING_MAX;

struct Line {
    octets: Vec<u8>,
    /// It must be on disk soon.
    durable: bool,
}

/// The near end of the thread. Dropped, it waits until all is written: the lock of the journal goes with the file.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it has ended.
    running: Option<(SyncSender<Line>, JoinHandle<io::Result<()>>)>,
    /// Lines that were handed over.
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
        Ok(Self { running: Some((sender, thread)), lines: 0, on_disk })
    }

    /// Hands a line over and gives its number, from 1 on. Lines are written in this order; with `durable` it is on disk soon,
    /// else with the next one that has to be, or at the end.
    ///
    /// # Errors
    /// What the disk said to an earlier one.
    pub(super) fn append(&mut self, octets: Vec<u8>, durable: bool) -> io::Result<u64> {
        if self.running.as_ref().is_some_and(|(lines, _)| lines.send(Line { octets, durable }).is_ok()) {
            self.lines += 1;
            return Ok(self.lines);
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
fn write(file: &mut File, lines: &Receiver<Line>, on_disk: &watch::Sender<u64>) -> io::Result<()> {
    let (mut batch, mut written) = (Vec::new(), 0);
    while let Ok(first) = lines.recv() {
        batch.clear();
        let mut durable = false;
        for line in std::iter::once(first).chain(lines.try_iter().take(LINES_WAITING_MAX)) {
            batch.extend_from_slice(&line.octets);
            durable |= line.durable;
            written += 1;
        }
        file.write_all(&batch)?;
        if durable {
            file.sync_data()?;
            on_disk.send_replace(written);
        }
    }
    file.sync_data()
}
