//! The connection to an IMAP server: TLS, commands and their answers. The log-in is in [`super::login`].

use std::{io, time::Duration};

use anyhow::Context;
use percent_encoding::percent_decode_str;
use rohrpost_client::ChannelBinding;
use rohrpost_mail::{Host, Trust, Verification};
use rohrpost_tls::{ClientTls, ClientTlsOptions, ConnectOptions, client::server_end_point};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use super::{
    login::{self, Account},
    response::{Fetched, Listed, Response},
};
use crate::{
    cli::Other,
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
    /// Who is at the other end.
    pub(super) peer: Peer,
}

/// What is known of who is at the other end, and who else may read along.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// Whether nobody reads along: inside TLS, or on this host.
    pub(super) is_private: bool,
    /// Whether it is the server that it should be, without a doubt.
    pub(super) is_verified: bool,
    /// What a log-in can be bound to (RFC 9266, RFC 5929 §4).
    pub(super) binding: Option<ChannelBinding>,
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
    let whose = format!("{}@{}", server.user, server.host);
    let account = Account {
        user: server.user.clone(),
        credential: login::credential(other).await?,
        server: (server.host.to_string(), server.port),
    };
    let mut link = server.connect(other).await.with_context(|| server.host.to_string())?;
    link.log_in(&account).await.with_context(|| server.host.to_string())?;
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
            let mut link = self.tls(stream, other).await?;
            link.greeting().await?;
            return Ok(link);
        }
        let peer = Peer { is_private: is_here, is_verified: is_here, binding: None };
        let mut plain = Link::new(Box::new(stream), peer);
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
        self.tls(plain.stream.into_inner(), other).await
    }

    async fn tls(&self, stream: impl Octets + 'static, other: &Other) -> anyhow::Result<Link> {
        let mut options = ConnectOptions::new(self.host.clone(), other.trust.clone());
        options.require_trust = other.trust != Trust::Any;
        let client = ClientTls::new(ClientTlsOptions::default())?;
        let connected = timeout(CONNECT_TIMEOUT, client.connect(stream, &options)).await;
        let (stream, info, exported) =
            connected.map_err(|_| Failure::new(Exit::TempFail, "no TLS within half a minute"))??;
        let by_certificate = || server_end_point(&stream).map(ChannelBinding::tls_server_end_point);
        let peer = Peer {
            is_private: true,
            is_verified: matches!(info.verification, Verification::Verified { .. }),
            binding: exported.map(ChannelBinding::tls_exporter).or_else(by_certificate),
        };
        Ok(Link::new(Box::new(stream), peer))
    }
}

impl Link {
    fn new(stream: Box<dyn Octets>, peer: Peer) -> Self {
        Self { stream: BufStream::with_capacity(READ_AHEAD_BYTES, READ_AHEAD_BYTES, stream), tag: 0, peer }
    }

    /// Over any stream.
    #[cfg(test)]
    pub(super) fn over(stream: impl Octets + 'static) -> Self {
        Self::new(Box::new(stream), Peer::default())
    }

    async fn greeting(&mut self) -> anyhow::Result<()> {
        let text = self.read().await?.text();
        if text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("* OK")) {
            return Ok(());
        }
        Err(Failure::new(Exit::Unavailable, format!("the server says: {}", shown(&text))).into())
    }

    /// What the server can do.
    pub(super) async fn capabilities(&mut self) -> anyhow::Result<Vec<String>> {
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

    /// Sends a line.
    pub(super) async fn send(&mut self, line: &str) -> anyhow::Result<()> {
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

    /// Reads a response.
    pub(super) async fn read(&mut self) -> anyhow::Result<Response> {
        let read = timeout(ANSWER_TIMEOUT, Response::read(&mut self.stream)).await;
        read.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| lost(&error))
    }

    /// Whether the command has ended well.
    fn is_end(&self, response: &Response) -> anyhow::Result<bool> {
        match self.ended(&response.text())? {
            None => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(no)) => Err(Failure::new(Exit::Unavailable, format!("the server says: {no}")).into()),
        }
    }

    /// How the command has ended, if this is the end of it: well, or with the server's no.
    ///
    /// # Errors
    /// It is the end of the connection.
    pub(super) fn ended(&self, text: &str) -> anyhow::Result<Option<Result<(), String>>> {
        if text.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("* BYE")) {
            return Err(Failure::new(Exit::Unavailable, format!("the server says: {}", shown(text))).into());
        }
        let end = text.strip_prefix(&format!("r{} ", self.tag));
        Ok(end.map(|end| match end.get(..2) {
            Some(word) if word.eq_ignore_ascii_case("OK") => Ok(()),
            _ => Err(shown(end)),
        }))
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
