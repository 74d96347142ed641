//! A server that takes everything and remembers when which marker came.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long the octets of a dead process may take to be read.
const DRAIN: Duration = Duration::from_secs(10);

/// The running sink.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    arrivals: Arc<Arrivals>,
}

#[derive(Debug, Default)]
struct Arrivals {
    by_marker: Mutex<HashMap<String, Vec<Instant>>>,
    news: Condvar,
    open: AtomicUsize,
}

impl Sink {
    /// Listens on a free port of loopback until the process ends.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let arrivals = Arc::<Arrivals>::default();
        let shared = arrivals.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let arrivals = shared.clone();
                arrivals.open.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || {
                    serve(stream, &arrivals);
                    arrivals.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { address, arrivals })
    }

    /// Waits until everything that was sent is read to its end, after its sender has died.
    pub(crate) fn drain(&self) -> Result<()> {
        let deadline = Instant::now() + DRAIN;
        while self.arrivals.open.load(Ordering::SeqCst) > 0 {
            if Instant::now() > deadline {
                bail!("connections of a dead process stay open at the sink");
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Waits until all of `markers` have come, or nothing has come for a while. Gives when each came.
    pub(crate) fn wait(&self, markers: &[String], quiet: Duration) -> HashMap<String, Vec<Instant>> {
        let mut by_marker = self.arrivals.by_marker.lock().expect("nobody panics with this lock");
        loop {
            if markers.iter().all(|marker| by_marker.contains_key(marker)) {
                return by_marker.clone();
            }
            let waited = self.arrivals.news.wait_timeout(by_marker, quiet).expect("nobody panics with this lock");
            by_marker = waited.0;
            if waited.1.timed_out() {
                return by_marker.clone();
            }
        }
    }
}

/// One session. A client that goes away in the middle has sent nothing.
fn serve(stream: TcpStream, arrivals: &Arrivals) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut output = stream.try_clone().ok()?;
    let mut input = BufReader::new(stream);
    output.write_all(b"220 sink\r\n").ok()?;
    loop {
        let line = read_line(&mut input)?;
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let reply: &[u8] = match verb.as_slice() {
            b"EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
            b"DATA" => {
                output.write_all(b"354 go on\r\n").ok()?;
                let marker = message(&mut input)?;
                let mut by_marker = arrivals.by_marker.lock().expect("nobody panics with this lock");
                by_marker.entry(marker).or_default().push(Instant::now());
                arrivals.news.notify_all();
                b"250 taken\r\n"
            }
            b"QUIT" => {
                output.write_all(b"221 bye\r\n").ok()?;
                return Some(());
            }
            _ => b"250 fine\r\n",
        };
        output.write_all(reply).ok()?;
    }
}

fn read_line(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    (input.read_until(b'\n', &mut line).ok()? > 0).then_some(line)
}

/// Reads up to the final dot; gives the marker of the `Message-ID`.
fn message(input: &mut impl BufRead) -> Option<String> {
    let mut marker = String::new();
    loop {
        let line = read_line(input)?;
        if line == b".\r\n" {
            return Some(marker);
        }
        if let Some(id) = line.strip_prefix(b"Message-ID: <") {
            let id = String::from_utf8_lossy(id);
            id.split('@').next().unwrap_or_default().clone_into(&mut marker);
        }
    }
}
