//! HTTPS, as far as mail needs it: a form is posted, a short answer read.
//!
//! No redirects, no cookies, no proxies, no connection is kept: what asks here asks seldom, and a token or a policy that
//! comes from another place than the one that was named is worth nothing (RFC 8461 §3.3). The server's certificate is
//! judged by the same [`Trust`] as that of a mail server, and always insisted on.
//!
//! ```no_run
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use rohrpost_mail::Trust;
//! use rohrpost_tls::{ClientTls, ClientTlsOptions, http::HttpClient};
//!
//! let http = HttpClient::new(ClientTls::new(ClientTlsOptions::default())?, Trust::System);
//! let answer = http.post_form(&"https://id.here.test/token".parse()?, &[("grant_type", "refresh_token")]).await?;
//! println!("{} {}", answer.status, answer.body.len());
//! # Ok(()) }
//! ```

use std::{io, sync::Arc};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rohrpost_mail::{Class, Domain, Host, Trust};
use tokio::{net::TcpStream, time::timeout};
use url::{Position, Url, form_urlencoded};

use crate::{
    ClientTls, ConnectOptions, TlsClientStream, TlsError,
    limits::{HTTP_BODY_BYTES_MAX, HTTP_TIME_MAX},
};

/// Asks web servers. Cloning shares the TLS sessions.
#[derive(Clone, Debug)]
pub struct HttpClient {
    tls: ClientTls,
    trust: Trust,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The status code (RFC 9110 §15).
    pub status: u16,
    /// The content, at most [`HTTP_BODY_BYTES_MAX`] octets.
    pub body: Bytes,
}

/// Why there is no answer. Sorted by culprit: the server, the way to it, we.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// What came is no HTTP.
    #[error("the web server broke the protocol: {0}")]
    Protocol(#[source] Arc<hyper::Error>),
    /// The content is too long.
    #[error("the web server's answer has more than {HTTP_BODY_BYTES_MAX} octets")]
    TooLong,
    /// The content ended early.
    #[error("the web server's answer is incomplete")]
    Incomplete,
    /// The handshake failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The connection did not come about.
    #[error("no connection to {host}: {error}")]
    Connect {
        /// Where to.
        host: String,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// There was no answer within [`HTTP_TIME_MAX`].
    #[error("no answer from the web server for {} s", HTTP_TIME_MAX.as_secs())]
    TimedOut,
    /// The address is not `https://` and a host that mail could have, too.
    #[error("{0} is no https address")]
    Address(String),
}

impl HttpError {
    /// Whose turn it is.
    pub fn class(&self) -> Class {
        match self {
            Self::Tls(error) => error.class(),
            Self::Address(_) => Class::Ours,
            _ => Class::Temporary,
        }
    }
}

impl HttpClient {
    /// One whose servers are judged by `trust`.
    pub fn new(tls: ClientTls, trust: Trust) -> Self {
        Self { tls, trust }
    }

    /// Posts a form (`application/x-www-form-urlencoded`) and takes whatever status the server answers with.
    ///
    /// # Errors
    /// [`HttpError`]; none of its texts holds anything of the form.
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)]) -> Result<HttpResponse, HttpError> {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(&url[Position::BeforePath..Position::AfterQuery])
            .header(header::HOST, &url[Position::BeforeHost..Position::AfterPort])
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Full::from(form))
            .map_err(|_| not_https(url))?;
        let exchange = async { converse(self.connect(url).await?, request).await };
        timeout(HTTP_TIME_MAX, exchange).await.map_err(|_| HttpError::TimedOut)?
    }

    async fn connect(&self, url: &Url) -> Result<TlsClientStream<TcpStream>, HttpError> {
        let (host, port) = place(url)?;
        let connected = match &host {
            Host::Literal(address) => TcpStream::connect((*address, port)).await,
            Host::Name(name) => TcpStream::connect((name.as_str(), port)).await,
        };
        let failed = |error| HttpError::Connect { host: host.to_string(), error: Arc::new(error) };
        let stream = connected.map_err(failed)?;
        let alpn = vec![b"http/1.1".to_vec()];
        let options = ConnectOptions { alpn, ..ConnectOptions::new(host, self.trust.clone()).require_trust() };
        Ok(self.tls.connect(stream, &options).await?.0)
    }
}

/// One request and its answer. The task that carries the octets ends when the sender is dropped.
async fn converse(
    stream: TlsClientStream<TcpStream>,
    request: Request<Full<Bytes>>,
) -> Result<HttpResponse, HttpError> {
    let broken = |error| HttpError::Protocol(Arc::new(error));
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(broken)?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), HTTP_BODY_BYTES_MAX).collect().await;
    let body =
        body.map_err(|error| if error.is::<LengthLimitError>() { HttpError::TooLong } else { HttpError::Incomplete })?;
    Ok(HttpResponse { status, body: body.to_bytes() })
}

/// Host and port of an address that is `https`.
fn place(url: &Url) -> Result<(Host, u16), HttpError> {
    let host = match url.host() {
        Some(url::Host::Domain(name)) => Domain::parse(name).ok().map(Host::Name),
        Some(url::Host::Ipv4(address)) => Some(Host::Literal(address.into())),
        Some(url::Host::Ipv6(address)) => Some(Host::Literal(address.into())),
        None => None,
    };
    match (url.scheme(), host, url.port_or_known_default()) {
        ("https", Some(host), Some(port)) => Ok((host, port)),
        _ => Err(not_https(url)),
    }
}

/// Without its query, which may hold secrets.
fn not_https(url: &Url) -> HttpError {
    HttpError::Address(url[..Position::AfterPath].to_owned())
}

#[cfg(test)]
mod tests;
