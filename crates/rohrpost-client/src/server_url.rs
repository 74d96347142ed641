//! Servers as people write them: `submissions://ann:pencil@mail.here.test`.

use std::{borrow::Cow, fmt, io, net::SocketAddr, path::PathBuf, str::FromStr};

use percent_encoding::percent_decode_str;
use rohrpost_mail::{DomainError, Host, MinTls, Secret, TlsMode, Trust, policy::WordError};
use rohrpost_smtp::client::Protocol;
use url::Url;

use crate::{
    limits::IDLE_RELAY,
    target::{Endpoint, LinkTls, Login, Target},
};

/// Why a text is no [`ServerUrl`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUrlError {
    /// It is no URL at all.
    #[error("{0}; expected something like smtp://user:password@mail.example:587?tls=starttls")]
    Syntax(#[from] url::ParseError),
    /// A scheme that is not one of ours.
    #[error("unknown scheme {0:?}; there are smtp, smtps, submission, submissions and lmtp")]
    Scheme(String),
    /// No host, or one that no server has.
    #[error("the host: {0}")]
    Host(#[from] DomainError),
    /// The part with user and password does not decode to UTF-8.
    #[error("user and password must be UTF-8, percent-encoded where they hold special characters")]
    Login,
    /// A password without a user.
    #[error("there is a password without a user")]
    NoUser,
    /// A path where none belongs; only LMTP has one, to a unix socket.
    #[error("nothing may follow host and port but ?tls=, &trust= and &min-tls=")]
    Path,
    /// An option that does not exist.
    #[error("unknown option {0:?}; there are tls, trust and min-tls")]
    Option(String),
    /// An option whose value is none of its words.
    #[error("option {option}: {error}")]
    Value {
        /// Which.
        option: &'static str,
        /// What would do.
        error: WordError,
    },
    /// `tls=` contradicts the scheme.
    #[error("{scheme} means TLS from the first octet; tls={tls} contradicts it")]
    Contradiction {
        /// `smtps` or `submissions`
        scheme: String,
        /// What stands behind `tls=`.
        tls: TlsMode,
    },
}

/// Where the server is.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Place {
    Net(Host, u16),
    Unix(PathBuf),
}

/// A server, perhaps with a log-in, as one line of text.
///
/// | scheme | port | TLS |
/// |---|---|---|
/// | `smtp` | 25 | `tls=`, default `auto` |
/// | `submission` | 587 | `tls=`, default `auto` |
/// | `smtps`, `submissions` | 465 | from the first octet, on any port |
/// | `lmtp` | 24, or a path to a unix socket: `lmtp:///run/lmtp.sock` | `tls=`, default `auto` |
///
/// `auto` is TLS from the first octet on port 465 and STARTTLS on every other, required except on loopback. `trust=` is
/// one of [`Trust`]'s words, by default `system`, on loopback and unix sockets `any`. `min-tls=` is `1.2` (default) or `1.3`.
///
/// User and password are percent-encoded (RFC 3986 §2.1) where they hold one of `:/?#[]@%` or a blank. Printed, it shows
/// no password.
///
/// ```
/// use rohrpost_client::ServerUrl;
///
/// let server: ServerUrl = "submission://ann:p%40ss@mail.here.test?trust=any".parse()?;
/// assert_eq!(server.to_string(), "submission://ann:***@mail.here.test:587?tls=auto&trust=any");
/// # Ok::<(), rohrpost_client::ServerUrlError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerUrl {
    scheme: &'static str,
    place: Place,
    login: Option<Login>,
    tls: TlsMode,
    trust: Option<Trust>,
    min_tls: MinTls,
}

const SCHEMES: [&str; 5] = ["smtp", "smtps", "submission", "submissions", "lmtp"];

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(text)?;
        let known = SCHEMES.into_iter().find(|scheme| *scheme == url.scheme());
        let scheme = known.ok_or_else(|| ServerUrlError::Scheme(url.scheme().to_owned()))?;
        let place = place(&url, scheme)?;
        let mut server = Self {
            scheme,
            place,
            login: login(&url)?,
            tls: implied_tls(scheme),
            trust: None,
            min_tls: MinTls::default(),
        };
        for (name, value) in url.query_pairs() {
            server.option(&name, &value)?;
        }
        Ok(server)
    }
}

impl ServerUrl {
    /// Replaces or adds the log-in, as when the password comes from a file.
    #[must_use]
    pub fn with_login(mut self, login: Login) -> Self {
        self.login = Some(login);
        self
    }

    /// The user to log in as, if the text names one.
    pub fn user(&self) -> Option<&str> {
        self.login.as_ref().map(|login| login.user.as_str())
    }

    /// Who must be there: what the text says, else anybody on loopback and an authority of the system elsewhere.
    pub fn trust(&self, endpoint: &Endpoint) -> Trust {
        self.trust.clone().unwrap_or(if endpoint.is_local() { Trust::Any } else { Trust::System })
    }

    /// Looks the host up and gives one target for each address, in the system's order. The caller bounds its time.
    ///
    /// # Errors
    /// What the system's resolver says; [`io::ErrorKind::NotFound`] if there is no address.
    pub async fn targets(&self, ehlo_name: Host) -> io::Result<Vec<Target>> {
        let endpoints = match &self.place {
            Place::Unix(path) => vec![Endpoint::Unix(path.clone())],
            Place::Net(Host::Literal(address), port) => vec![SocketAddr::new(*address, *port).into()],
            Place::Net(Host::Name(name), port) => {
                tokio::net::lookup_host((name.as_str(), *port)).await?.map(Endpoint::Tcp).collect()
            }
        };
        if endpoints.is_empty() {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(endpoints.into_iter().map(|endpoint| self.target(endpoint, ehlo_name.clone())).collect())
    }

    /// The terms of this text for one address of its host: trust is insisted on unless it is [`Trust::Any`], and an unused
    /// connection is kept for [`IDLE_RELAY`].
    pub fn target(&self, endpoint: Endpoint, ehlo_name: Host) -> Target {
        let trust = self.trust(&endpoint);
        Target {
            name: match &self.place {
                Place::Net(Host::Name(name), _) => Some(name.clone()),
                Place::Net(Host::Literal(_), _) | Place::Unix(_) => None,
            },
            protocol: if self.scheme == "lmtp" { Protocol::Lmtp } else { Protocol::Smtp },
            tls: self.link_tls(&endpoint),
            require_trust: trust != Trust::Any,
            trust,
            min_tls: self.min_tls,
            login: self.login.clone(),
            idle: IDLE_RELAY,
            ..Target::new(endpoint, ehlo_name)
        }
    }

    fn link_tls(&self, endpoint: &Endpoint) -> LinkTls {
        match self.tls {
            TlsMode::Auto => match endpoint {
                Endpoint::Tcp(address) if address.port() == 465 => LinkTls::Implicit,
                local if local.is_local() => LinkTls::IfOffered,
                _ => LinkTls::Starttls,
            },
            TlsMode::Implicit => LinkTls::Implicit,
            TlsMode::Starttls => LinkTls::Starttls,
            TlsMode::Opportunistic => LinkTls::IfOffered,
            TlsMode::Off => LinkTls::Off,
        }
    }

    fn option(&mut self, name: &str, value: &str) -> Result<(), ServerUrlError> {
        let wrong = |option| move |error| ServerUrlError::Value { option, error };
        match name {
            "tls" => {
                let tls: TlsMode = value.parse().map_err(wrong("tls"))?;
                if implied_tls(self.scheme) == TlsMode::Implicit && tls != TlsMode::Implicit {
                    return Err(ServerUrlError::Contradiction { scheme: self.scheme.to_owned(), tls });
                }
                self.tls = tls;
            }
            "trust" => self.trust = Some(value.parse().map_err(wrong("trust"))?),
            "min-tls" => self.min_tls = value.parse().map_err(wrong("min-tls"))?,
            other => return Err(ServerUrlError::Option(other.to_owned())),
        }
        Ok(())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(login) = &self.login {
            write!(f, "{}:***@", login.user)?;
        }
        match &self.place {
            Place::Net(Host::Literal(address), port) => write!(f, "{}", SocketAddr::new(*address, *port))?,
            Place::Net(host, port) => write!(f, "{host}:{port}")?,
            Place::Unix(path) => write!(f, "{}", path.display())?,
        }
        write!(f, "?tls={}", self.tls)?;
        if let Some(trust) = &self.trust {
            write!(f, "&trust={trust}")?;
        }
        if self.min_tls != MinTls::default() {
            write!(f, "&min-tls={}", self.min_tls)?;
        }
        Ok(())
    }
}

fn implied_tls(scheme: &str) -> TlsMode {
    if scheme == "smtps" || scheme == "submissions" { TlsMode::Implicit } else { TlsMode::Auto }
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "smtps" | "submissions" => 465,
        "submission" => 587,
        "lmtp" => 24,
        _ => 25,
    }
}

fn place(url: &Url, scheme: &str) -> Result<Place, ServerUrlError> {
    let host = url.host_str().unwrap_or_default();
    let path = url.path();
    if host.is_empty() && scheme == "lmtp" && path.len() > 1 {
        return Ok(Place::Unix(decoded(path)?.into_owned().into()));
    }
    if !matches!(path, "" | "/") || url.fragment().is_some() {
        return Err(ServerUrlError::Path);
    }
    let port = url.port().unwrap_or_else(|| default_port(scheme));
    Ok(Place::Net(host_of(&decoded(host)?)?, port))
}

/// A name, an IPv4 address, or an IPv6 address in brackets, as URLs have it.
fn host_of(text: &str) -> Result<Host, DomainError> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    match bare.parse() {
        Ok(address) => Ok(Host::Literal(address)),
        Err(_) => Host::parse(text),
    }
}

fn login(url: &Url) -> Result<Option<Login>, ServerUrlError> {
    if url.username().is_empty() {
        return if url.password().is_some() { Err(ServerUrlError::NoUser) } else { Ok(None) };
    }
    let password = decoded(url.password().unwrap_or_default())?;
    Ok(Some(Login::new(decoded(url.username())?, Secret::new(&*password))))
}

fn decoded(text: &str) -> Result<Cow<'_, str>, ServerUrlError> {
    percent_decode_str(text).decode_utf8().map_err(|_| ServerUrlError::Login)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, address: &str) -> Target {
        let endpoint = Endpoint::Tcp(address.parse().unwrap());
        url.parse::<ServerUrl>().unwrap().target(endpoint, Host::parse("here.test").unwrap())
    }

    #[test]
    fn the_port_decides_between_implicit_tls_and_starttls() {
        assert_eq!(target("smtp://mx.test", "192.0.2.1:25").tls, LinkTls::Starttls);
        assert_eq!(target("smtp://mx.test:465", "192.0.2.1:465").tls, LinkTls::Implicit);
        assert_eq!(target("smtps://mx.test:587", "192.0.2.1:587").tls, LinkTls::Implicit);
        assert_eq!(target("submission://mx.test", "127.0.0.1:587").tls, LinkTls::IfOffered);
        assert_eq!(target("smtp://mx.test?tls=off", "192.0.2.1:25").tls, LinkTls::Off);
        assert_eq!(target("smtp://mx.test?tls=opportunistic", "192.0.2.1:25").tls, LinkTls::IfOffered);
    }

    #[test]
    fn trust_is_required_except_where_anybody_will_do() {
        let strict = target("smtp://mx.test", "192.0.2.1:25");
        assert_eq!((strict.trust, strict.require_trust), (Trust::System, true));
        let near = target("smtp://mx.test", "127.0.0.1:25");
        assert_eq!((near.trust, near.require_trust), (Trust::Any, false));
        let near = target("smtp://mx.test?trust=ca:/etc/ca.pem&tls=starttls&min-tls=1.3", "127.0.0.1:25");
        assert_eq!((near.trust, near.require_trust), (Trust::Ca("/etc/ca.pem".into()), true));
        assert_eq!((near.tls, near.min_tls), (LinkTls::Starttls, MinTls::Tls13));
    }

    #[test]
    fn user_and_password_are_decoded_and_never_printed() {
        let server: ServerUrl = "smtp://ann%40here.test:p%40%3A%23ss@mx.test".parse().unwrap();
        let login = server.login.clone().unwrap();
        assert_eq!((login.user.as_str(), login.password.expose()), ("ann@here.test", "p@:#ss"));
        for shown in [server.to_string(), format!("{server:?}")] {
            assert!(shown.contains("ann@here.test") && !shown.contains("ss@") && !shown.contains("p@:"), "{shown}");
        }
    }

    #[test]
    fn default_ports_and_sockets() {
        let shown = |text: &str| text.parse::<ServerUrl>().unwrap().to_string();
        assert_eq!(shown("smtp://mx.test/"), "smtp://mx.test:25?tls=auto");
        assert_eq!(shown("SUBMISSION://Bücher.test"), "submission://xn--bcher-kva.test:587?tls=auto");
        assert_eq!(shown("smtps://[2001:db8::1]"), "smtps://[2001:db8::1]:465?tls=implicit");
        assert_eq!(shown("lmtp://127.0.0.1"), "lmtp://127.0.0.1:24?tls=auto");
        assert_eq!(shown("lmtp:///run/lmtp.sock"), "lmtp:///run/lmtp.sock?tls=auto");
        assert_eq!(shown("smtps://mx.test?min-tls=1.2"), "smtps://mx.test:465?tls=implicit");
        assert_eq!(
            shown("smtps://mx.test?min-tls=1.3&trust=any"),
            "smtps://mx.test:465?tls=implicit&trust=any&min-tls=1.3"
        );
    }

    #[test]
    fn errors_say_what_would_do() {
        let error = |text: &str| text.parse::<ServerUrl>().unwrap_err().to_string();
        assert!(error("mx.test").contains("expected something like"));
        assert!(error("http://mx.test").contains("smtp, smtps"));
        assert!(error("smtp://").contains("empty"));
        assert!(error("smtp://:secret@mx.test").contains("without a user"));
        assert!(error("smtp://mx.test/inbox").contains("nothing may follow"));
        assert!(error("smtp://mx.test?tsl=off").contains("there are tls, trust and min-tls"));
        assert!(error("smtp://mx.test?tls=on").contains("expected auto"));
        assert!(error("smtps://mx.test?tls=off").contains("contradicts"));
        assert!(!error("smtps://ann:secret@mx.test?tls=off").contains("secret"));
    }
}
