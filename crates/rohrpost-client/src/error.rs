//! Why there is no connection that could take a message.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use rohrpost_mail::{Class, Domain, EnhancedStatus, Link, Reply, Stage};
use rohrpost_smtp::client::{Capabilities, Extension, SessionError};
use rohrpost_tls::TlsError;

use crate::endpoint::Endpoint;

/// Why [`Connection::open`](crate::Connection::open) failed. Ordered by whose fault it is.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The dialogue up to and with AUTH failed.
    #[error(transparent)]
    Session(SessionError),
    /// The handshake failed.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The server has none of the mechanisms that may be used.
    #[error("the server offers no usable way to log in; it has {}", offered.join(", "))]
    NoMechanism {
        /// As the server names them.
        offered: Vec<String>,
    },
    /// The connection did not come about.
    #[error("no connection to {endpoint}: {error}")]
    Connect {
        /// Where to.
        endpoint: Endpoint,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// The system found no address for the name.
    #[error("{name} cannot be found: {error}")]
    Lookup {
        /// Whose.
        name: Domain,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// None of the addresses of the name took a connection.
    #[error("no connection to {}", list(tried))]
    NoneAnswered {
        /// Each that was tried, with what the system says.
        tried: Vec<(SocketAddr, Arc<io::Error>)>,
    },
    /// The connection or the handshake took too long.
    #[error("no answer at {stage} for {} s", limit.as_secs())]
    TimedOut {
        /// [`Stage::Connect`] or [`Stage::Tls`].
        stage: Stage,
        /// How long was waited.
        limit: Duration,
    },
    /// The link does not allow to send a password: it is in clear text.
    #[error("no password was sent: the link is not encrypted ({reason})")]
    PasswordInClear {
        /// Why the link is in clear text.
        reason: String,
    },
    /// The link does not allow to send a password: nobody knows who is there.
    #[error("no password was sent: the server's certificate is not trusted ({reason})")]
    PasswordToStranger {
        /// What is wrong with the certificate.
        reason: String,
    },
}

impl ConnectError {
    /// Whether another attempt makes sense, going by this server alone.
    pub fn class(&self) -> Class {
        match self {
            Self::Session(error) => error.class(),
            Self::Tls(error) => error.class(),
            Self::Connect { error, .. } if is_ours(error) => Class::Ours,
            Self::Lookup { error, .. } if !is_try_again(error) => Class::Permanent,
            _ => Class::Temporary,
        }
    }

    /// Where it ended.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Session(error) => error.stage(),
            Self::Tls(_) => Stage::Tls,
            Self::NoMechanism { .. } | Self::PasswordInClear { .. } | Self::PasswordToStranger { .. } => Stage::Auth,
            Self::Lookup { .. } => Stage::Dns,
            Self::Connect { .. } | Self::NoneAnswered { .. } => Stage::Connect,
            Self::TimedOut { stage, .. } => *stage,
        }
    }

    /// What the server said, if it said anything.
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Session(error) => error.reply(),
            _ => None,
        }
    }

    /// The status for records and bounces.
    pub fn enhanced(&self) -> EnhancedStatus {
        match self {
            Self::Session(error) => error.enhanced(),
            Self::Tls(TlsError::Untrusted(_)) | Self::PasswordInClear { .. } | Self::PasswordToStranger { .. } => {
                EnhancedStatus(4, 7, 5)
            }
            Self::Tls(_) => EnhancedStatus(4, 7, 0),
            Self::NoMechanism { .. } => EnhancedStatus(4, 3, 5),
            Self::Lookup { .. } => EnhancedStatus(4, 4, 4),
            Self::Connect { .. } | Self::NoneAnswered { .. } | Self::TimedOut { .. } => EnhancedStatus(4, 4, 1),
        }
    }

    /// Whether STARTTLS was offered and did not lead to TLS: what allows an opportunistic policy to try clear text, but
    /// not at once. Octets injected before the handshake are no such failure; they are an attack.
    pub fn is_handshake_failure(&self) -> bool {
        match self {
            Self::Tls(error) => !matches!(error, TlsError::Untrusted(_)) && error.class() != Class::Ours,
            Self::TimedOut { stage, .. } => *stage == Stage::Tls,
            Self::Session(error) => {
                let never_tried = matches!(error, SessionError::NotOffered(_) | SessionError::Injected);
                error.stage() == Stage::Starttls && !never_tried
            }
            _ => false,
        }
    }
}

/// Whether the system's resolver could not get an answer, rather than got the answer that there is no such name. The
/// standard library keeps the code (`EAI_AGAIN`) to itself; these are the words of glibc and musl for it.
fn is_try_again(error: &io::Error) -> bool {
    let text = error.to_string();
    text.contains("Temporary failure") || text.contains("Try again")
}

fn list(tried: &[(SocketAddr, Arc<io::Error>)]) -> String {
    tried.iter().map(|(address, error)| format!("{address} ({error})")).collect::<Vec<_>>().join(", ")
}

/// Errors of this host rather than of the way to the other one.
fn is_ours(error: &io::Error) -> bool {
    use io::ErrorKind::{AddrNotAvailable, OutOfMemory, PermissionDenied};
    // 23 and 24 are ENFILE and EMFILE on every system we run on; the standard library has no kind for them.
    matches!(error.kind(), AddrNotAvailable | PermissionDenied | OutOfMemory)
        || matches!(error.raw_os_error(), Some(23 | 24))
}

/// A connection that did not come about, with what was seen on the way.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{error}")]
#[non_exhaustive]
pub struct OpenFailure {
    /// Why.
    #[source]
    pub error: ConnectError,
    /// How the link was sealed when it ended; [`Link::None`] before that was settled.
    pub link: Link,
    /// What the server had offered by then.
    pub capabilities: Capabilities,
    /// The dialogue, where [`Target::transcript`](crate::Target::transcript) asks for it.
    pub transcript: String,
}

impl OpenFailure {
    /// Whether the server insists on TLS, while it was offered and our terms kept us from it.
    pub fn wants_tls(&self) -> bool {
        let asks = match &self.error {
            // Many servers offer AUTH inside TLS only.
            ConnectError::Session(SessionError::NotOffered(Extension::Auth)) => true,
            error => error.reply().is_some_and(asks_for_tls),
        };
        asks && !matches!(self.link, Link::Tls(_)) && self.capabilities.starttls
    }
}

impl From<ConnectError> for OpenFailure {
    fn from(error: ConnectError) -> Self {
        Self { error, link: Link::None, capabilities: Capabilities::default(), transcript: String::new() }
    }
}

/// 530 and 538, or any reply that says by its status that the link is not safe enough (RFC 3463 §3.8, RFC 4954 §6).
pub(crate) fn asks_for_tls(reply: &Reply) -> bool {
    matches!(reply.code, 530 | 538) || matches!(reply.enhanced, Some(EnhancedStatus(_, 7, 0 | 10 | 11)))
}

impl From<SessionError> for ConnectError {
    fn from(error: SessionError) -> Self {
        Self::Session(error)
    }
}
