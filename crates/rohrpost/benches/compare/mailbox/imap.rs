//! A client of IMAP and one of POP3, with no more intelligence than a benchmark needs.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::rustls::pki_types::ServerName;

use super::host::{Host, Link};
use crate::tls;

/// Anything that can be spoken over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens a connection of either form. Sessions are never resumed, and certificates not looked at: that is the client's work.
async fn open(plain: SocketAddr, implicit: SocketAddr, link: Link) -> io::Result<Box<dyn Stream>> {
    let stream = TcpStream::connect(if link == Link::Clear { plain } else { implicit }).await?;
    stream.set_nodelay(true)?;
    if link == Link::Clear {
        return Ok(Box::new(stream));
    }
    let name = ServerName::try_from("here.test").map_err(io::Error::other)?;
    let tls = tls::blind(tls::CLASSIC).map_err(io::Error::other)?;
    Ok(Box::new(tls.connect(name, stream).await?))
}

/// What was read and not looked at yet.
struct Input {
    stream: Box<dyn Stream>,
    read: Vec<u8>,
    at: usize,
}

impl Input {
    fn new(stream: Box<dyn Stream>) -> Self {
        Self { stream, read: Vec::with_capacity(READ_BYTES), at: 0 }
    }

    async fn send(&mut self, octets: &[u8]) -> io::Result<()> {
        self.stream.write_all(octets).await?;
        self.stream.flush().await
    }

    async fn fill(&mut self) -> io::Result<()> {
        if self.at == self.read.len() {
            self.read.clear();
            self.at = 0;
        } else if self.at > READ_BYTES {
            self.read.drain(..self.at);
            self.at = 0;
        }
        self.read.reserve(READ_BYTES / 2);
        if self.stream.read_buf(&mut self.read).await? == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }

    /// The next line without its end.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut seen = 0;
        loop {
            let rest = &self.read[self.at..];
            if let Some(end) = memchr::memchr(b'\n', &rest[seen..]) {
                let line = &rest[..seen + end];
                let line = line.strip_suffix(b"\r").unwrap_or(line).to_vec();
                self.at += seen + end + 1;
                return Ok(line);
            }
            seen = rest.len();
            self.fill().await?;
        }
    }

    async fn skip(&mut self, mut octets: usize) -> io::Result<()> {
        loop {
            let there = (self.read.len() - self.at).min(octets);
            self.at += there;
            octets -= there;
            if octets == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }
}

/// A session of IMAP.
pub(super) struct Imap {
    input: Input,
    tags: u64,
}

/// What a response begins with, and what it says.
enum Response {
    Untagged(Vec<u8>),
    Continue,
    Tagged(Vec<u8>),
}

impl Imap {
    /// Connects and logs in.
    pub(super) async fn log_in(host: &Host, link: Link) -> io::Result<Self> {
        let mut imap = Self { input: Input::new(open(host.imap, host.imaps, link).await?), tags: 0 };
        imap.response().await?;
        imap.command(&format!("LOGIN {} {}", host.user, host.password)).await?;
        Ok(imap)
    }

    /// Sends a command and reads until its end; the untagged responses, without literals.
    pub(super) async fn command(&mut self, text: &str) -> io::Result<Vec<Vec<u8>>> {
        let mut untagged = Vec::new();
        self.send(text.as_bytes()).await?;
        self.until_tagged(|line| untagged.push(line)).await?;
        Ok(untagged)
    }

    /// The same, where only the number of untagged responses matters.
    pub(super) async fn count(&mut self, text: &str) -> io::Result<usize> {
        let mut untagged = 0;
        self.send(text.as_bytes()).await?;
        self.until_tagged(|_| untagged += 1).await?;
        Ok(untagged)
    }

    /// Appends a message, without waiting to be asked for it.
    pub(super) async fn append(&mut self, mailbox: &str, message: &[u8]) -> io::Result<()> {
        let head = format!("APPEND {mailbox} {{{}+}}\r\n", message.len());
        self.send(&[head.as_bytes(), message].concat()).await?;
        self.until_tagged(|_| ()).await
    }

    /// Begins to wait for news.
    pub(super) async fn idle(&mut self) -> io::Result<()> {
        self.send(b"IDLE").await?;
        while !matches!(self.response().await?, Response::Continue) {}
        // What was read so far is not what an idle client would hold.
        self.input.read = Vec::new();
        self.input.at = 0;
        Ok(())
    }

    async fn send(&mut self, command: &[u8]) -> io::Result<()> {
        self.tags += 1;
        let tag = format!("a{} ", self.tags);
        self.input.send(&[tag.as_bytes(), command, b"\r\n"].concat()).await
    }

    async fn until_tagged(&mut self, mut untagged: impl FnMut(Vec<u8>)) -> io::Result<()> {
        loop {
            match self.response().await? {
                Response::Untagged(line) => untagged(line),
                Response::Continue => {}
                Response::Tagged(line) => {
                    let text = String::from_utf8_lossy(&line);
                    let is_ok = text.split(' ').nth(1) == Some("OK");
                    return if is_ok { Ok(()) } else { Err(io::Error::other(text.into_owned())) };
                }
            }
        }
    }

    async fn response(&mut self) -> io::Result<Response> {
        let line = self.input.line().await?;
        let mut octets = literal(&line);
        while let Some(count) = octets {
            self.input.skip(count).await?;
            octets = literal(&self.input.line().await?);
        }
        Ok(match line.first() {
            Some(b'*') => Response::Untagged(line),
            Some(b'+') => Response::Continue,
            _ => Response::Tagged(line),
        })
    }
}

/// The octets of a literal that is announced at the end of a line.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"}")?;
    let start = line.iter().rposition(|octet| *octet == b'{')?;
    std::str::from_utf8(&line[start + 1..]).ok()?.parse().ok()
}

/// A session of POP3.
pub(super) struct Pop3(Input);

impl Pop3 {
    /// Connects and logs in.
    pub(super) async fn log_in(host: &Host, link: Link) -> io::Result<Self> {
        let mut pop3 = Self(Input::new(open(host.pop3, host.pop3s, link).await?));
        pop3.answer().await?;
        pop3.command(&format!("USER {}", host.user)).await?;
        pop3.command(&format!("PASS {}", host.password)).await?;
        Ok(pop3)
    }

    /// Sends a command that is answered in one line.
    pub(super) async fn command(&mut self, text: &str) -> io::Result<()> {
        self.0.send(format!("{text}\r\n").as_bytes()).await?;
        self.answer().await
    }

    /// Fetches a message.
    pub(super) async fn retr(&mut self, number: usize) -> io::Result<()> {
        self.command(&format!("RETR {number}")).await?;
        while self.0.line().await? != b"." {}
        Ok(())
    }

    async fn answer(&mut self) -> io::Result<()> {
        let line = self.0.line().await?;
        if line.starts_with(b"+OK") {
            Ok(())
        } else {
            Err(io::Error::other(String::from_utf8_lossy(&line).into_owned()))
        }
    }
}

/// Octets that a client reads at once.
const READ_BYTES: usize = 128 * 1024;
