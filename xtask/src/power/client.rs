//! A small SMTP client that sends marked messages as fast as they are taken, and remembers which were.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// Names this load in its markers.
    pub(crate) name: String,
    /// Sessions at a time.
    pub(crate) sessions: usize,
    /// Messages of each session.
    pub(crate) messages: usize,
    /// Every so manieth message is large enough to be a file.
    pub(crate) large_every: usize,
    /// Whether a session that ends early is followed by another.
    pub(crate) reconnect: bool,
}

/// A message that was answered with 250.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    /// In its `Message-ID` and at its very end.
    pub(crate) marker: String,
    /// The id that the 250 named.
    pub(crate) id: String,
    /// Whether it is large enough to be a file.
    pub(crate) large: bool,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// In the order of the answers, session by session.
    pub(crate) acknowledged: Vec<Acknowledged>,
    /// Codes of the answers that refused a message, a session or a command.
    pub(crate) refusals: Vec<u16>,
    /// Messages that were taken after one of the same session had been refused.
    pub(crate) recovered: usize,
}

/// Octets of a small body, and of one that is stored as a file.
const SMALL: usize = 4_000;
const LARGE: usize = 200_000;
/// Longest wait for an answer: a server that hangs is a fault.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause before a session follows one that was refused.
const RECONNECT_PAUSE: Duration = Duration::from_millis(20);

/// Sends until everything is sent, the server has gone, or `stop` says so.
pub(crate) fn send(address: SocketAddr, load: &Load, stop: &AtomicBool) -> Sent {
    thread::scope(|scope| {
        let session = |number| move || run_session(address, load, number, stop);
        let sessions: Vec<_> = (0..load.sessions).map(|number| scope.spawn(session(number))).collect();
        let mut sent = Sent::default();
        for session in sessions {
            let one = session.join().expect("a session does not panic");
            sent.acknowledged.extend(one.acknowledged);
            sent.refusals.extend(one.refusals);
            sent.recovered += one.recovered;
        }
        sent
    })
}

fn run_session(address: SocketAddr, load: &Load, session: usize, stop: &AtomicBool) -> Sent {
    let mut sent = Sent::default();
    let mut connection = None;
    for number in 1..=load.messages {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let large = number % load.large_every == 0;
        let marker = format!("mark-{}-{session}-{number}-end", load.name);
        match deliver(&mut connection, address, &marker, large) {
            Ok((250, text)) => {
                sent.recovered += usize::from(!sent.refusals.is_empty());
                let id = queue_id(&text).unwrap_or_default().to_owned();
                sent.acknowledged.push(Acknowledged { marker, id, large });
            }
            Ok((code, _)) => {
                sent.refusals.push(code);
                connection = None;
                if !load.reconnect {
                    break;
                }
                thread::sleep(RECONNECT_PAUSE);
            }
            Err(_) => {
                connection = None;
                if !load.reconnect {
                    break;
                }
                thread::sleep(RECONNECT_PAUSE);
            }
        }
    }
    sent
}

/// The id that a 250 names.
pub(crate) fn queue_id(line: &str) -> Option<&str> {
    line.strip_prefix("250 ")?.split_once("queued as ")?.1.split_whitespace().next()
}

/// One message: the first answer that is not what it should be, or the last.
fn deliver(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    marker: &str,
    large: bool,
) -> io::Result<(u16, String)> {
    if connection.is_none() {
        let mut new = Connection::open(address)?;
        let greeting = new.reply()?;
        if greeting.0 != 220 {
            return Ok(greeting);
        }
        new.write("EHLO power.test\r\n")?;
        let hello = new.reply()?;
        if hello.0 != 250 {
            return Ok(hello);
        }
        *connection = Some(new);
    }
    let connection = connection.as_mut().expect("it was opened just now");
    connection.write("MAIL FROM:<ann@here.test>\r\nRCPT TO:<sink@there.test>\r\nDATA\r\n")?;
    let mut refused = None;
    for expected in [250, 250, 354] {
        let reply = connection.reply()?;
        if reply.0 != expected {
            refused.get_or_insert(reply);
        }
    }
    if let Some(reply) = refused {
        return Ok(reply);
    }
    connection.write(&body(marker, large))?;
    connection.reply()
}

fn body(marker: &str, large: bool) -> String {
    let line = "The quick brown fox jumps over the lazy dog, again and again and again.\r\n";
    let lines = line.repeat(if large { LARGE } else { SMALL } / line.len());
    format!(
        "From: <ann@here.test>\r\nTo: <sink@there.test>\r\nSubject: power\r\n\
         Message-ID: <{marker}@power.test>\r\n\r\n{lines}{marker}\r\n.\r\n"
    )
}

struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(text.as_bytes())
    }

    /// The code and the last line of the next reply.
    fn reply(&mut self) -> io::Result<(u16, String)> {
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok());
                return code.map(|code| (code, line)).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
        }
    }
}
