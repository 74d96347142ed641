//! A mail server that looks at how many come at once.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use crate::peers::DEADLINE;

/// Takes everything, from so many at once and no more.
#[derive(Clone)]
pub(super) struct Crowd {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    most: usize,
    /// How many messages wait for one another before they are taken: all but the first. One is not held up.
    together: usize,
    /// How many have come to wait.
    met: Mutex<usize>,
    another: Condvar,
    open: AtomicUsize,
    refused: AtomicUsize,
    taken: AtomicUsize,
}

impl Crowd {
    /// Lets `most` in. It takes no message but the first before `together` are there.
    pub(super) fn start(most: usize, together: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let [open, refused, taken] = [(); 3].map(|()| AtomicUsize::new(0));
        let (met, another) = (Mutex::new(0), Condvar::new());
        let shared = Arc::new(Shared { most, together, met, another, open, refused, taken });
        let crowd = Self { address, shared };
        let door = crowd.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = door.shared.clone();
                std::thread::spawn(move || shared.serve(&stream));
            }
        });
        crowd
    }

    /// How many messages it has taken, and how many connections it has refused.
    pub(super) fn taken_and_refused(&self) -> (usize, usize) {
        (self.shared.taken.load(Ordering::SeqCst), self.shared.refused.load(Ordering::SeqCst))
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) {
        if self.open.fetch_add(1, Ordering::SeqCst) < self.most {
            // The other side may go at any time.
            let _ = self.converse(stream);
        } else {
            self.refused.fetch_add(1, Ordering::SeqCst);
            let _ = say(stream, "421 4.7.0 Too many connections");
        }
        self.open.fetch_sub(1, Ordering::SeqCst);
    }

    fn converse(&self, stream: &TcpStream) -> std::io::Result<()> {
        say(stream, "220 crowd.test ESMTP")?;
        let mut is_body = false;
        for line in BufReader::new(stream).lines() {
            let line = line?;
            let reply = match line.get(..4).unwrap_or(&line) {
                "." if is_body => {
                    is_body = false;
                    if self.meet() { "250 2.0.0 Taken" } else { "550 5.0.0 Nobody else came" }
                }
                _ if is_body => continue,
                "DATA" => {
                    is_body = true;
                    "354 Go ahead"
                }
                "QUIT" => return say(stream, "221 2.0.0 Bye"),
                _ => "250 2.0.0 OK",
            };
            say(stream, reply)?;
        }
        Ok(())
    }

    /// Waits until the group is whole. Whether it came to be.
    fn meet(&self) -> bool {
        if self.taken.fetch_add(1, Ordering::SeqCst) == 0 {
            return true;
        }
        let mut met = self.met.lock().expect("nobody panics with it");
        *met += 1;
        self.another.notify_all();
        let whole = met.next_multiple_of(self.together);
        let (_met, wait) =
            self.another.wait_timeout_while(met, DEADLINE, |met| *met < whole).expect("nobody panics with it");
        !wait.timed_out()
    }
}

fn say(mut stream: &TcpStream, reply: &str) -> std::io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes())
}
