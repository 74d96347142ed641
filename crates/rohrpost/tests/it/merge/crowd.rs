//! A mail server that looks at how many come at once.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

/// Takes everything, from so many at once and no more.
#[derive(Clone)]
pub(super) struct Crowd {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    most: usize,
    /// Where messages wait for one another before they are taken: all but the first.
    together: Option<Barrier>,
    open: AtomicUsize,
    refused: AtomicUsize,
    taken: AtomicUsize,
}

impl Crowd {
    /// Lets `most` in. With `together`, it takes no message but the first before so many are there.
    pub(super) fn start(most: usize, together: Option<usize>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let [open, refused, taken] = [(); 3].map(|()| AtomicUsize::new(0));
        let shared = Arc::new(Shared { most, together: together.map(Barrier::new), open, refused, taken });
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
                    self.meet();
                    is_body = false;
                    "250 2.0.0 Taken"
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

    fn meet(&self) {
        let is_first = self.taken.fetch_add(1, Ordering::SeqCst) == 0;
        if let Some(together) = self.together.as_ref().filter(|_| !is_first) {
            together.wait();
        }
    }
}

fn say(mut stream: &TcpStream, reply: &str) -> std::io::Result<()> {
    stream.write_all(format!("{reply}\r\n").as_bytes())
}
