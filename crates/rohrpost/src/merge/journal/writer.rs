//! The thread that writes the journal. It takes all lines that wait and brings them onto the disk with one sync, so that
//! one sync serves many rows.

use std::{
    fs::File,
    io::{self, Write as _},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use crate::merge::limits::LINES_WAITING_MAX;

/// Resolves when a line is on disk, or to an error when it never will be.
pub(in crate::merge) type OnDisk = oneshot::Receiver<()>;

struct Line {
    octets: Vec<u8>,
    written: oneshot::Sender<()>,
}

/// The near end of the thread. Dropped, it waits until all is written: the lock of the journal goes with the file.
#[derive(Debug)]
pub(super) struct Writer {
    /// None once it has ended.
    running: Option<(SyncSender<Line>, JoinHandle<io::Result<()>>)>,
}

impl Writer {
    /// Writes to the end of `file`.
    pub(super) fn start(file: File) -> io::Result<Self> {
        let (lines, waiting) = sync_channel(LINES_WAITING_MAX);
        let thread = thread::Builder::new().name("journal".to_owned()).spawn(move || write(file, &waiting))?;
        Ok(Self { running: Some((lines, thread)) })
    }

    /// Hands a line over. Lines come onto the disk in the order in which they are handed over.
    ///
    /// # Errors
    /// What the disk said to an earlier one.
    pub(super) fn append(&mut self, octets: Vec<u8>) -> io::Result<OnDisk> {
        let (written, on_disk) = oneshot::channel();
        let is_taken = self.running.as_ref().is_some_and(|(lines, _)| lines.send(Line { octets, written }).is_ok());
        if is_taken {
            return Ok(on_disk);
        }
        self.end()?;
        Err(io::Error::other("it was closed already"))
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

/// Writes until nobody can hand over more, or the disk fails: whoever waits then is told by nobody.
fn write(mut file: File, lines: &Receiver<Line>) -> io::Result<()> {
    let mut octets = Vec::new();
    while let Ok(first) = lines.recv() {
        octets.clear();
        let mut told = Vec::new();
        for line in std::iter::once(first).chain(lines.try_iter().take(LINES_WAITING_MAX)) {
            octets.extend_from_slice(&line.octets);
            told.push(line.written);
        }
        file.write_all(&octets)?;
        file.sync_data()?;
        for written in told {
            // Many lines are waited for by nobody.
            let _ = written.send(());
        }
    }
    Ok(())
}
