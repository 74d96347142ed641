//! The connection to an IMAP server: TLS, log-in, commands and their answers.

use std::{io, time::Duration};

use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use rohrpost_mail::{Host, Secret, Trust};
use rohrpost_tls::{ClientTls, ClientTlsOptions, ConnectOptions};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::response::{Fetched, Listed, Response};
use crate::{
    cli::Other,
    commands::people::password_from,
    exit::{Exit, Failure},
};

/// How long a server may take to be reached.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a server may be silent: some think for minutes about a large mailbox.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(5);

/// UIDs of one mailbox.
const UIDS_MAX: usize = 10_000_000;

/// Mailboxes of one account.
const MAILBOXES_MAX: usize = 100_000;

/// Octets that are read ahead.
const READ_AHEAD_BYTES: usize = 64 << 10;

/// A stream of any kind.
pub(super) trait Octets: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Octets for T {}

/// An open connection.
pub(super) struct Link {
    stream: BufStream<Box<dyn Octets>>,
    /// The number of the last command.
    tag: u32,
}

/// What the URL says.
struct Server {
    host: Host,
    port: u16,
    user: String,
    /// TLS from the first octet on.
    is_implicit: bool,
}

/// Connects and logs in. Also says whose account on which server it is.
pub(super) async fn open(other: &Other) -> anyhow::Result<(Link, String)> {
    let server = Server::parse(&other.url)?;
    let password = password_from(&other.password_file)?;
    let whose = format!("{}@{}", server.user, server.host);
    let mut link = server.connect(other).await.with_context(|| server.host.to_string())?;
    link.log_in(&server.user, &password).await.with_context(|| server.host.to_string())?;
    Ok((link, whose))
}

impl Server {
    fn parse(url: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::new(Exit::Usage, format!("{url}: {why}; expected imaps://USER@HOST"));
        let read = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        let is_implicit = match read.scheme() {
            "imaps" => true,
            "imap" => false,
            _ => return Err(wrong("unknown scheme")),
        };
        if read.password().is_some() {
            return Err(wrong("a URL holds no password: lists of processes show it"));
        }
        if !matches!(read.path(), "" | "/") || read.query().is_some() || read.fragment().is_some() {
            return Err(wrong("nothing may follow host and port"));
        }
        let host = Host::parse(read.host_str().unwrap_or_default()).map_err(|error| wrong(&error.to_string()))?;
        let user = percent_decode_str(read.username()).decode_utf8().map_err(|_| wrong("the user is no UTF-8"))?;
        if user.is_empty() {
            return Err(wrong("no user"));
        }
        let port = read.port().unwrap_or(if is_implicit { 993 } else { 143 });
        Ok(Self { host, port, user: user.into_owned(), is_implicit })
    }

    async fn connect(&self, other: &Other) -> anyhow::Result<Link> {
        let host = self.host.to_string();
        // An address stands in brackets here, as in mail; the system wants it without.
        let host = host.trim_start_matches('[').trim_start_matches("IPv6:").trim_end_matches(']');
        let connected = timeout(CONNECT_TIMEOUT, TcpStream::connect((host, self.port))).await;
        let stream = connected
            .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            .map_err(|error| Failure::new(Exit::TempFail, format!("port {}: {error}", self.port)))?;
        let is_here = stream.peer_addr().is_ok_and(|address| address.ip().is_loopback());
        if self.is_implicit {
            let mut link = Link::new(self.tls(stream, other).await?);
            link.greeting().await?;
            return Ok(link);
        }
        let mut plain = Link::new(Box::new(stream));
        plain.greeting().await?;
        if !plain.capabilities().await?.iter().any(|word| word.eq_ignore_ascii_case("STARTTLS")) {
            if other.allow_clear || is_here {
                return Ok(plain);
            }
            let why = "it offers no TLS, and the password would go in clear text: --allow-clear lets it";
            return Err(Failure::new(Exit::NoPermission, why).into());
        }
        plain.command("STARTTLS").await?;
        // What came behind the answer in clear text is dropped: it is not the server's word.
        Ok(Link::new(self.tls(plain.stream.into_inner(), other).await?))
    }

    async fn tls(&self, stream: impl Octets + 'static, other: &Other) -> anyhow::Result<Box<dyn Octets>> {
        let mut options = ConnectOptions::new(self.host.clone(), other.trust.clone());
        options.require_trust = other.trust != Trust::Any;
        let client = ClientTls::new(ClientTlsOptions::default())?;
        let connected = timeout(CONNECT_TIMEOUT, client.connect(stream, &options)).await;
        let (stream, ..) = connected.map_err(|_| Failure::new(Exit::TempFail, "no TLS within half a minute"))??;
        Ok(Box::new(stream))
    }
}

impl Link {
    fn new(stream: Box<dyn Octets>) -> Self {
        Self { stream: BufStream::with_capacity(READ_AHEAD_BYTES, READ_AHEAD_BYTES, stream), tag: 0 }
    }

    /// Over any stream.
    #[cfg(test)]
    pub(super) fn over(stream: impl Octets + 'static) -> Self {
        Self::new(Box::new(stream))
    }

    async fn greeting(&mut self) -> anyhow::Result<()> {
        let text = self.read().await?.text();
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("* OK")) {
            return Ok(());
        }
        Err(Failure::new(Exit::Unavailable, format!("the server says: {}", shown(&text))).into())
    }

    /// Logs in (RFC 9051 §6.2.2 and §6.2.3).
    pub(super) async fn log_in(&mut self, user: &str, password: &Secret) -> anyhow::Result<()> {
        let capabilities = self.capabilities().await?;
        let has = |name: &str| capabilities.iter().any(|word| word.eq_ignore_ascii_case(name));
        let answer = if has("AUTH=PLAIN") {
            self.authenticate(user, password).await
        } else {
            self.command(&format!("LOGIN {} {}", quoted(user)?, quoted(password.expose())?)).await
        };
        answer.map(drop).map_err(|error| Failure::new(Exit::NoPermission, format!("log-in: {error:#}")).into())
    }

    async fn authenticate(&mut self, user: &str, password: &Secret) -> anyhow::Result<Vec<Response>> {
        self.ask("AUTHENTICATE PLAIN").await?;
        loop {
            let response = self.read().await?;
            let text = response.text();
            if text.starts_with('+') {
                break;
            }
            self.refusal(&text)?;
        }
        let words = BASE64_STANDARD.encode(format!("\0{user}\0{}", password.expose()));
        self.send(&words).await?;
        self.answer().await
    }

    async fn capabilities(&mut self) -> anyhow::Result<Vec<String>> {
        let answer = self.command("CAPABILITY").await?;
        let words = answer.iter().find_map(|response| response.data("CAPABILITY")).unwrap_or_default();
        Ok(words.split(' ').map(str::to_owned).collect())
    }

    /// The mailboxes that a `LIST` gives.
    pub(super) async fn list(&mut self, command: &str) -> anyhow::Result<Vec<Listed>> {
        let mut found = Vec::new();
        self.ask(command).await?;
        loop {
            let response = self.read().await?;
            if self.is_end(&response)? {
                return Ok(found);
            }
            found.extend(response.listed()?);
            if found.len() > MAILBOXES_MAX {
                return Err(Failure::new(Exit::Protocol, "the server has too many mailboxes").into());
            }
        }
    }

    /// How many messages a mailbox has; none where the server does not say.
    pub(super) async fn messages(&mut self, wire: &str) -> anyhow::Result<u64> {
        let Ok(answer) = self.command(&format!("STATUS {} (MESSAGES)", quoted(wire)?)).await else { return Ok(0) };
        let status = answer.iter().find_map(|response| response.data("STATUS"));
        let number = status.and_then(|text| text.rsplit_once("MESSAGES ")?.1.trim_end_matches(')').parse().ok());
        Ok(number.unwrap_or_default())
    }

    /// Opens a mailbox for reading; its UIDVALIDITY.
    pub(super) async fn examine(&mut self, wire: &str) -> anyhow::Result<u32> {
        let answer = self.command(&format!("EXAMINE {}", quoted(wire)?)).await?;
        let validity = answer.iter().find_map(|response| {
            let text = response.text();
            let (_, rest) = text.split_once("[UIDVALIDITY ")?;
            rest.split_once(']')?.0.parse().ok()
        });
        validity.ok_or_else(|| Failure::new(Exit::Protocol, "the server says no UIDVALIDITY").into())
    }

    /// The UIDs of the open mailbox, in ascending order.
    pub(super) async fn uids(&mut self) -> anyhow::Result<Vec<u32>> {
        self.ask("UID FETCH 1:* (UID)").await?;
        let mut uids = Vec::new();
        while let Some(fetched) = self.fetched().await? {
            uids.push(fetched.uid);
            if uids.len() > UIDS_MAX {
                return Err(Failure::new(Exit::Protocol, "the mailbox has too many messages").into());
            }
        }
        uids.sort_unstable();
        uids.dedup();
        Ok(uids)
    }

    /// The next message of those that were asked for; none behind the last.
    pub(super) async fn fetched(&mut self) -> anyhow::Result<Option<Fetched>> {
        loop {
            let response = self.read().await?;
            if self.is_end(&response)? {
                return Ok(None);
            }
            if let Some(fetched) = response.fetched()? {
                return Ok(Some(fetched));
            }
        }
    }

    /// Says good-bye. Nothing depends on it any more.
    pub(super) async fn end(&mut self) {
        let _ = self.command("LOGOUT").await;
    }

    async fn command(&mut self, command: &str) -> anyhow::Result<Vec<Response>> {
        self.ask(command).await?;
        self.answer().await
    }

    /// Sends a command.
    pub(super) async fn ask(&mut self, command: &str) -> anyhow::Result<()> {
        self.tag += 1;
        let line = format!("r{} {command}", self.tag);
        self.send(&line).await
    }

    async fn send(&mut self, line: &str) -> anyhow::Result<()> {
        let sent = timeout(ANSWER_TIMEOUT, async {
            self.stream.write_all(format!("{line}\r\n").as_bytes()).await?;
            self.stream.flush().await
        });
        sent.await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| lost(&error))
    }

    /// All that comes up to the end of a command.
    async fn answer(&mut self) -> anyhow::Result<Vec<Response>> {
        let mut responses = Vec::new();
        loop {
            let response = self.read().await?;
            if self.is_end(&response)? {
                return Ok(responses);
            }
            // None of the commands that end here has a long answer.
            if responses.len() < 1_000 {
                responses.push(response);
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<Response> {
        let read = timeout(ANSWER_TIMEOUT, Response::read(&mut self.stream)).await;
        read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| lost(&error))
    }

    /// Whether the command has ended well.
    fn is_end(&self, response: &Response) -> anyhow::Result<bool> {
        let text = response.text();
        let Some(rest) = text.strip_prefix(&format!("r{} ", self.tag)) else {
            self.refusal(&text)?;
            return Ok(false);
        };
        if rest.get(..2).is_some_and(|word| word.eq_ignore_ascii_case("OK")) {
            return Ok(true);
        }
        Err(Failure::new(Exit::Unavailable, format!("the server says: {}", shown(rest))).into())
    }

    /// The server's last words, or its no.
    fn refusal(&self, text: &str) -> anyhow::Result<()> {
        let is_bye = text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("* BYE"));
        let is_no = text.strip_prefix(&format!("r{} ", self.tag)).is_some();
        if is_bye || is_no {
            return Err(Failure::new(Exit::Unavailable, format!("the server says: {}", shown(text))).into());
        }
        Ok(())
    }
}

/// A string for a command (RFC 9051 §4.3).
pub(super) fn quoted(text: &str) -> Result<String, Failure> {
    if text.bytes().any(|octet| octet.is_ascii_control()) {
        return Err(Failure::new(Exit::Data, "expected text without control characters"));
    }
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// What a stranger says, on one line.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

fn lost(error: &io::Error) -> anyhow::Error {
    let exit = if error.kind() == io::ErrorKind::InvalidData { Exit::Protocol } else { Exit::TempFail };
    Failure::new(exit, format!("{error}; the same command goes on where this one ended")).into()
}
