//! Through a proxy: SOCKS5 (RFC 1928, RFC 1929) and HTTP CONNECT (RFC 9110 §9.3.6).
//!
//! The proxy looks the server's name up where it stands, so that hosts without DNS of their own can send. TLS goes through
//! it unseen: what the proxy could read or change is what anybody on the way could.

use std::{fmt, io, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rohrpost_client::{AnyStream, BoxFuture, Connect, Endpoint};
use rohrpost_mail::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_socks::tcp::Socks5Stream;
use url::{Host, Url};

use crate::limits::PROXY_ANSWER_BYTES_MAX;

/// A proxy, for [`Server::proxy`](crate::Server::proxy).
///
/// ```
/// use rohrpost_sender::{Proxy, Secret};
///
/// let socks: Proxy = "socks5://proxy.firma.example:1080".parse()?;
/// let http = "http://proxy.firma.example:3128".parse::<Proxy>()?.login("anna", Secret::new("pencil"));
/// assert_eq!(http.to_string(), "http://anna@proxy.firma.example:3128");
/// # Ok::<(), rohrpost_sender::proxy::ProxyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Proxy {
    kind: ProxyKind,
    host: String,
    port: u16,
    login: Option<(String, Secret)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum ProxyKind {
    Socks5,
    Http,
}

/// Why a text is no [`Proxy`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// It is no URL.
    #[error("{0}; expected socks5://host:1080 or http://host:3128")]
    Syntax(#[from] url::ParseError),
    /// A scheme that is not one of the two.
    #[error("unknown scheme {0:?}; there are socks5 and http")]
    Scheme(String),
    /// No host, a path, or anything else that is not `scheme://host:port`.
    #[error("expected no more than scheme, host and port")]
    Shape,
    /// User or password, which have a place of their own.
    #[error("user and password do not stand in the URL; give them beside it")]
    Login,
}

/// No connection to the proxy itself came about.
#[derive(Debug, thiserror::Error)]
#[error("the proxy {proxy} cannot be reached: {error}")]
pub(crate) struct ProxyDown {
    proxy: String,
    #[source]
    error: io::Error,
}

impl ProxyDown {
    /// Whether this is what an error is about.
    pub(crate) fn is_in(error: &io::Error) -> bool {
        error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

impl FromStr for Proxy {
    type Err = ProxyError;

    fn from_str(text: &str) -> Result<Self, ProxyError> {
        let url = Url::parse(text)?;
        let (kind, port) = match url.scheme() {
            "socks5" => (ProxyKind::Socks5, 1080),
            "http" => (ProxyKind::Http, 80),
            other => return Err(ProxyError::Scheme(other.to_owned())),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(ProxyError::Login);
        }
        let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
        let host = match url.host().filter(|_| is_bare).ok_or(ProxyError::Shape)? {
            Host::Ipv6(address) => address.to_string(),
            host => host.to_string(),
        };
        Ok(Self { kind, host, port: url.port().unwrap_or(port), login: None })
    }
}

impl Proxy {
    /// With a log-in: user and password in SOCKS5 (RFC 1929), Basic in HTTP (RFC 7617). Both cross the network to the proxy
    /// in clear text.
    #[must_use]
    pub fn login(mut self, user: impl Into<String>, password: Secret) -> Self {
        self.login = Some((user.into(), password));
        self
    }

    async fn tunnel(&self, endpoint: &Endpoint) -> io::Result<AnyStream> {
        let (host, port) = destination(endpoint)?;
        let down = |error: io::Error| io::Error::new(error.kind(), ProxyDown { proxy: self.to_string(), error });
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(down)?;
        stream.set_nodelay(true)?;
        match self.kind {
            ProxyKind::Socks5 => self.socks5(stream, host, port).await,
            ProxyKind::Http => self.http(stream, &host, port).await,
        }
    }

    async fn socks5(&self, stream: TcpStream, host: String, port: u16) -> io::Result<AnyStream> {
        let to = (host, port);
        let tunnel = match &self.login {
            None => Socks5Stream::connect_with_socket(stream, to).await,
            Some((user, password)) => {
                Socks5Stream::connect_with_password_and_socket(stream, to, user, password.expose()).await
            }
        };
        match tunnel {
            Ok(tunnel) => Ok(Box::new(tunnel.into_inner())),
            Err(error) => Err(io::Error::other(format!("SOCKS5 proxy {self}: {error}"))),
        }
    }

    async fn http(&self, mut stream: TcpStream, host: &str, port: u16) -> io::Result<AnyStream> {
        let to = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n");
        if let Some((user, password)) = &self.login {
            let credentials = BASE64.encode(format!("{user}:{}", password.expose()));
            request.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let answer = answer(&mut stream).await?;
        // RFC 9110 §9.3.6: any 2xx, and the tunnel begins behind the empty line.
        match status(&answer) {
            Some(200..300) => Ok(Box::new(stream)),
            Some(status) => Err(io::Error::other(format!("HTTP proxy {self} refuses the connection with {status}"))),
            None => Err(io::Error::other(format!("{self} is no HTTP proxy"))),
        }
    }
}

impl Connect for Proxy {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<AnyStream>> {
        Box::pin(self.tunnel(endpoint))
    }
}

/// As a URL, without the password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.kind {
            ProxyKind::Socks5 => "socks5",
            ProxyKind::Http => "http",
        };
        write!(f, "{scheme}://")?;
        if let Some((user, _)) = &self.login {
            write!(f, "{user}@")?;
        }
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Name or address, and port.
fn destination(endpoint: &Endpoint) -> io::Result<(String, u16)> {
    match endpoint {
        Endpoint::Tcp(address) => Ok((address.ip().to_string(), address.port())),
        Endpoint::Name(name, port) => Ok((name.to_string(), *port)),
        Endpoint::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "a unix socket is not behind a proxy")),
    }
}

/// The head of the proxy's answer. Octet by octet, since the server's greeting may follow at once.
async fn answer(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == PROXY_ANSWER_BYTES_MAX {
            return Err(io::Error::other("the proxy's answer does not end"));
        }
        head.push(stream.read_u8().await?);
    }
    Ok(head)
}

/// `HTTP/1.1 200 …`
fn status(head: &[u8]) -> Option<u16> {
    let line = head.split(|octet| *octet == b'\r').next()?;
    let rest = str::from_utf8(line).ok()?.strip_prefix("HTTP/1.")?;
    rest.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_print_as_they_are_read() {
        for (text, shown) in [
            ("socks5://proxy.test", "socks5://proxy.test:1080"),
            ("http://192.0.2.1:3128/", "http://192.0.2.1:3128"),
            ("socks5://[2001:db8::1]:9", "socks5://[2001:db8::1]:9"),
        ] {
            assert_eq!(text.parse::<Proxy>().unwrap().to_string(), shown);
        }
        for text in ["proxy.test", "https://proxy.test", "socks5://", "http://proxy.test/x", "socks5://u:p@proxy.test"]
        {
            assert!(text.parse::<Proxy>().is_err(), "{text}");
        }
        let login = "http://proxy.test".parse::<Proxy>().unwrap().login("ann", Secret::new("pencil"));
        assert!(!format!("{login} {login:?}").contains("pencil"));
    }

    #[test]
    fn only_an_answer_of_http_counts() {
        assert_eq!(status(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status(b"HTTP/1.0 407 Login\r\n\r\n"), Some(407));
        for junk in [&b"220 mx.test\r\n"[..], b"", b"HTTP/2 200\r\n", b"HTTP/1.1 \r\n", b"\xff\xff"] {
            assert_eq!(status(junk), None);
        }
    }
}
