//! Servers as people write them: `submissions://ann@mail.here.test`.

use std::{borrow::Cow, fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rohrpost_mail::{DomainError, Host, MinTls, TlsMode, Trust, policy::WordError};
use rohrpost_smtp::client::Protocol;
use url::Url;

use crate::endpoint::Endpoint;

/// Why a text is no [`ServerUrl`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ServerUrlError {
    /// It is no URL at all.
    #[error("{0}; expected something like smtp://user@mail.example:587?tls=starttls")]
    Syntax(#[from] url::ParseError),
    /// A scheme that is not one of ours.
    #[error("unknown scheme {0:?}: expected smtp, smtps, submission, submissions or lmtp, as in smtp://localhost")]
    Scheme(String),
    /// No host, or one that no server has.
    #[error("the host: {0}")]
    Host(#[from] DomainError),
    /// The user does not decode to UTF-8.
    #[error("the user must be UTF-8, percent-encoded where it holds special characters")]
    User,
    /// A password, which has no place here: lists of processes, logs and shell histories show it, and `&`, `#` and blanks
    /// in it mean something else in a URL.
    #[error("a URL holds no password; give it as a file, a command or an environment variable, beside the URL")]
    Password,
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
    #[error("{scheme} means TLS from the first octet; tls={tls} contradicts it, so name the server as smtp://")]
    Contradiction {
        /// `smtps` or `submissions`
        scheme: String,
        /// What stands behind `tls=`.
        tls: TlsMode,
    },
}

/// Where the server is.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Place {
    /// Name or address, and port.
    Net(Host, u16),
    /// A unix socket.
    Unix(PathBuf),
}

impl Place {
    /// Where a connection goes.
    pub fn endpoint(&self) -> Endpoint {
        match self {
            Self::Net(Host::Name(name), port) => Endpoint::Name(name.clone(), *port),
            Self::Net(Host::Literal(address), port) => SocketAddr::new(*address, *port).into(),
            Self::Unix(path) => Endpoint::Unix(path.clone()),
        }
    }
}

/// A server, perhaps with the user who logs in, as one line of text.
///
/// | scheme | port | TLS |
/// |---|---|---|
/// | `smtp` | 25 | `tls=`, default `auto` |
/// | `submission` | 587 | `tls=`, default `auto` |
/// | `smtps`, `submissions` | 465 | from the first octet, on any port |
/// | `lmtp` | 24, or a path to a unix socket: `lmtp:///run/lmtp.sock` | `tls=`, default `auto` |
///
/// `auto` is TLS from the first octet on port 465 and STARTTLS on every other, required except on loopback where no `trust=`
/// asks for more. `trust=` is one of [`Trust`]'s words (a pin may go without `pin:`), by default `system`, on loopback and
/// unix sockets `any`.
/// `min-tls=` is `1.2` (default) or `1.3`.
///
/// The user is percent-encoded (RFC 3986 §2.1) where it holds one of `:/?#[]@%` or a blank. A password has no place here.
///
/// ```
/// use rohrpost_client::ServerUrl;
///
/// let server: ServerUrl = "submission://ann%40here.test@mail.here.test?trust=any".parse()?;
/// assert_eq!(server.user(), Some("ann@here.test"));
/// assert_eq!(server.to_string(), "submission://ann%40here.test@mail.here.test:587?tls=auto&trust=any");
/// assert!("smtp://ann:pencil@mail.here.test".parse::<ServerUrl>().is_err());
/// # Ok::<(), rohrpost_client::ServerUrlError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerUrl {
    scheme: &'static str,
    place: Place,
    user: Option<String>,
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
            user: user(&url)?,
            tls: implied_tls(scheme),
            trust: None,
            min_tls: MinTls::default(),
        };
        // Not as forms of the web have it, where `+` is a blank: `system+ca:` is one of our words.
        for option in url.query().unwrap_or_default().split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let read = |text| percent_decode_str(text).decode_utf8_lossy();
            server.option(&read(name), &read(value))?;
        }
        Ok(server)
    }
}

impl ServerUrl {
    /// The user to log in as, if the text names one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// SMTP, or LMTP.
    pub fn protocol(&self) -> Protocol {
        if self.scheme == "lmtp" { Protocol::Lmtp } else { Protocol::Smtp }
    }

    /// How the link is encrypted: by the scheme, or by `tls=`.
    pub fn tls(&self) -> TlsMode {
        self.tls
    }

    /// What `trust=` says, if it is there.
    pub fn explicit_trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// What `min-tls=` says, or the default.
    pub fn min_tls(&self) -> MinTls {
        self.min_tls
    }

    /// Who must be there: what the text says, else anybody on loopback and an authority of the system elsewhere.
    pub fn trust(&self, endpoint: &Endpoint) -> Trust {
        self.trust.clone().unwrap_or(if endpoint.is_local() { Trust::Any } else { Trust::System })
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
            "trust" => {
                let is_bare_pin = value.starts_with("sha256:") || value.starts_with("spki-sha256:");
                let pin = if is_bare_pin { "pin:" } else { "" };
                self.trust = Some(format!("{pin}{value}").parse().map_err(wrong("trust"))?);
            }
            "min-tls" => self.min_tls = value.parse().map_err(wrong("min-tls"))?,
            other => return Err(ServerUrlError::Option(other.to_owned())),
        }
        Ok(())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, USER))?;
        }
        match &self.place {
            Place::Net(Host::Literal(address), port) => write!(f, "{}", SocketAddr::new(*address, *port))?,
            Place::Net(host, port) => write!(f, "{host}:{port}")?,
            Place::Unix(path) => write!(f, "{}", path.display())?,
        }
        write!(f, "?tls={}", self.tls)?;
        if let Some(trust) = &self.trust {
            write!(f, "&trust={}", utf8_percent_encode(&trust.to_string(), VALUE))?;
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

/// What of a user needs no encoding.
const USER: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'+');

/// What of an option's value needs encoding.
const VALUE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'#').add(b'%').add(b'&').add(b'<').add(b'>');

fn user(url: &Url) -> Result<Option<String>, ServerUrlError> {
    if url.password().is_some() {
        return Err(ServerUrlError::Password);
    }
    let user = decoded(url.username())?;
    Ok((!user.is_empty()).then(|| user.into_owned()))
}

fn decoded(text: &str) -> Result<Cow<'_, str>, ServerUrlError> {
    percent_decode_str(text).decode_utf8().map_err(|_| ServerUrlError::User)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{LinkTls, Target};

    fn target(url: &str) -> Target {
        url.parse::<ServerUrl>().unwrap().target(Host::parse("here.test").unwrap())
    }

    #[test]
    fn the_port_decides_between_implicit_tls_and_starttls() {
        assert_eq!(target("smtp://mx.test").tls, LinkTls::Starttls);
        assert_eq!(target("smtp://mx.test:465").tls, LinkTls::Implicit);
        assert_eq!(target("smtps://mx.test:587").tls, LinkTls::Implicit);
        assert_eq!(target("submission://localhost").tls, LinkTls::IfOffered);
        assert_eq!(target("smtp://mx.test?tls=off").tls, LinkTls::Off);
        assert_eq!(target("smtp://mx.test?tls=opportunistic").tls, LinkTls::IfOffered);
    }

    #[test]
    fn trust_is_required_except_where_anybody_will_do() {
        let strict = target("smtp://mx.test");
        assert_eq!((strict.trust, strict.require_trust), (Trust::System, true));
        let near = target("smtp://127.0.0.1");
        assert_eq!((near.trust, near.require_trust), (Trust::Any, false));
        let near = target("smtp://[::1]?trust=ca:/etc/ca.pem&tls=starttls&min-tls=1.3");
        assert_eq!((near.trust, near.require_trust), (Trust::Ca("/etc/ca.pem".into()), true));
        assert_eq!((near.tls, near.min_tls), (LinkTls::Starttls, MinTls::Tls13));
    }

    #[test]
    fn the_user_is_decoded_and_a_password_is_turned_away_without_being_shown() {
        let server: ServerUrl = "smtp://ann%40here.test@mx.test".parse().unwrap();
        assert_eq!(server.user(), Some("ann@here.test"));
        assert_eq!(server.to_string(), "smtp://ann%40here.test@mx.test:25?tls=auto");
        for text in ["smtp://ann:p%40ss@mx.test", "smtp://:p%40ss@mx.test", "smtps://ann:p%40ss@mx.test?tls=off"] {
            let error = text.parse::<ServerUrl>().unwrap_err();
            assert_eq!(error, ServerUrlError::Password);
            assert!(error.to_string().contains("a file, a command or an environment variable"), "{error}");
            assert!(!format!("{error} {error:?}").contains("p%40ss"), "{error}");
        }
    }

    #[test]
    fn a_pin_may_go_without_its_first_word() {
        let hex = "ab".repeat(32);
        let trust = |text: &str| format!("smtp://mx.test?trust={text}").parse::<ServerUrl>().unwrap().trust;
        assert_eq!(trust(&format!("sha256:{hex}")), Some(Trust::PinCertificate(hex.clone())));
        assert_eq!(trust(&format!("pin:spki-sha256:{hex}")), Some(Trust::PinSpki(hex)));
    }

    /// In a form of the web `+` is a blank, and `system+ca:` was no word of ours then.
    #[test]
    fn files_of_authorities_keep_their_names_and_a_plus_stays_one() {
        let trust = |text: &str| format!("smtp://mx.test?trust={text}").parse::<ServerUrl>().unwrap().trust.unwrap();
        assert_eq!(trust("system+ca:/a.pem"), Trust::SystemAndCa("/a.pem".into()));
        assert_eq!(trust("ca:/a%20b%26c.pem"), Trust::Ca("/a b&c.pem".into()));
        let odd = Trust::Ca("/a b&c#d%20+\u{fc}.pem".into());
        let url = ServerUrl { trust: Some(odd.clone()), ..("smtp://mx.test".parse().unwrap()) };
        assert_eq!(url.to_string().parse::<ServerUrl>().unwrap().trust, Some(odd));
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
        assert!(error("localhost:3030").ends_with("as in smtp://localhost"));
        assert!(error("smtp://").contains("empty"));
        assert!(error("smtp://mx.test/inbox").contains("nothing may follow"));
        assert!(error("smtp://mx.test?tsl=off").contains("there are tls, trust and min-tls"));
        assert!(error("smtp://mx.test?tls=on").contains("expected auto"));
        assert!(error("smtps://mx.test?tls=off").contains("contradicts it, so name the server as smtp://"));
    }
}
