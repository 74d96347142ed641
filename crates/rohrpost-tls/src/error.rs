//! Why a TLS connection did not come about.

use std::{io, sync::Arc};

use rohrpost_mail::{Class, Trust};
use rustls::{AlertDescription, PeerIncompatible};

use crate::{cert_error::CertError, provider::group_names, untrusted::Untrusted};

/// Why a TLS configuration or a handshake failed. Sorted by culprit: the peer, the way to it, we.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// What came is no TLS at all.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// The peer has only versions that RFC 8996 ended, or that our settings exclude.
    #[error("the peer offers no TLS version that we accept")]
    Version,
    /// No cipher suite, key exchange group or signature scheme in common.
    #[error("the peer has no algorithms in common with us ({0:?})")]
    Algorithms(PeerIncompatible),
    /// The peer broke the protocol.
    #[error("the peer broke the TLS protocol: {0}")]
    Protocol(#[source] rustls::Error),
    /// The peer refused us.
    #[error("the peer refused the handshake: alert {}", alert_name(*.0))]
    Alert(AlertDescription),
    /// The peer is not who it should be, and the caller insisted.
    #[error("the peer's certificate is not trusted: {0}")]
    Untrusted(Box<Untrusted>),
    /// A peer that has to show a certificate showed none.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The connection ended in the middle of the handshake.
    #[error("the connection ended within the TLS handshake")]
    Closed,
    /// The connection broke.
    #[error("the connection broke within the TLS handshake: {0}")]
    Io(#[source] Arc<io::Error>),
    /// A certificate, key or authority of ours cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertError),
    /// The name of the server is none that a certificate could have.
    #[error("{0} is no name that a certificate could have")]
    ServerName(String),
    /// A group in our settings that nobody knows.
    #[error("unknown key exchange group {name}; there are {}", group_names())]
    UnknownGroup {
        /// As it was written.
        name: String,
    },
    /// This kind of trust needs more than a certificate to be judged.
    #[error("trust {0} cannot be decided by the certificate alone")]
    Undecidable(Trust),
    /// Settings that rustls refuses, or a fault of ours.
    #[error("TLS cannot be set up: {0}")]
    Setup(#[source] rustls::Error),
}

impl TlsError {
    /// Whose turn it is. A peer's faults are temporary, since mail waits until somebody mends them.
    pub fn class(&self) -> Class {
        match self {
            Self::Certificate(_)
            | Self::ServerName(_)
            | Self::UnknownGroup { .. }
            | Self::Undecidable(_)
            | Self::Setup(_) => Class::Ours,
            _ => Class::Temporary,
        }
    }

    /// One stable word for counters.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotTls => "not-tls",
            Self::Version => "version",
            Self::Algorithms(_) => "algorithms",
            Self::Protocol(_) => "protocol",
            Self::Alert(_) => "alert",
            Self::Untrusted(_) => "untrusted",
            Self::NoCertificate => "no-certificate",
            Self::Closed => "closed",
            Self::Io(_) => "io",
            Self::Certificate(_) => "certificate",
            Self::ServerName(_) => "server-name",
            Self::UnknownGroup { .. } => "group",
            Self::Undecidable(_) => "undecidable",
            Self::Setup(_) => "setup",
        }
    }

    /// All words of [`Self::reason`] that a peer can cause.
    pub const REASONS: [&'static str; 9] =
        ["not-tls", "version", "algorithms", "protocol", "alert", "untrusted", "no-certificate", "closed", "io"];
}

/// What the handshake of tokio-rustls reports: rustls's own error in an `io::Error`, or a real one.
impl From<io::Error> for TlsError {
    fn from(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(inner) => inner.clone().into(),
            None if error.kind() == io::ErrorKind::UnexpectedEof => Self::Closed,
            None => Self::Io(Arc::new(error)),
        }
    }
}

impl From<Untrusted> for TlsError {
    fn from(untrusted: Untrusted) -> Self {
        Self::Untrusted(Box::new(untrusted))
    }
}

impl From<rustls::Error> for TlsError {
    fn from(error: rustls::Error) -> Self {
        use rustls::Error as E;
        match error {
            E::InvalidMessage(rustls::InvalidMessage::HandshakePayloadTooLarge) => Self::Protocol(error),
            E::InvalidMessage(_) => Self::NotTls,
            E::PeerIncompatible(fault) if is_version(&fault) => Self::Version,
            E::PeerIncompatible(fault) => Self::Algorithms(fault),
            // A peer that knows only older versions may say so itself (RFC 8446 §6.2, RFC 5246 §7.2.2).
            E::AlertReceived(AlertDescription::ProtocolVersion) => Self::Version,
            E::AlertReceived(alert) => Self::Alert(alert),
            E::NoCertificatesPresented => Self::NoCertificate,
            E::InvalidCertificate(fault) => Untrusted::from_verdict(fault).into(),
            E::General(_) | E::FailedToGetCurrentTime | E::FailedToGetRandomBytes | E::BadMaxFragmentSize => {
                Self::Setup(error)
            }
            _ => Self::Protocol(error),
        }
    }
}

/// A hello without signature algorithms is one of TLS 1.1 or older: RFC 5246 §7.4.1.4.1 brought them.
fn is_version(fault: &PeerIncompatible) -> bool {
    matches!(
        fault,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SignatureAlgorithmsExtensionRequired
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
    )
}

/// The name RFC 8446 §6 gives the alert: `handshake_failure` rather than `HandshakeFailure`.
fn alert_name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for c in format!("{alert:?}").chars() {
        if c.is_ascii_uppercase() && !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name.replace("c_a", "ca").replace("p_s_k", "psk")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_have_the_names_of_the_standard() {
        for (alert, name) in [
            (AlertDescription::HandshakeFailure, "handshake_failure"),
            (AlertDescription::UnknownCA, "unknown_ca"),
            (AlertDescription::ProtocolVersion, "protocol_version"),
        ] {
            assert_eq!(alert_name(alert), name);
        }
    }

    #[test]
    fn each_reason_of_a_peer_is_listed() {
        let io = io::Error::from(io::ErrorKind::ConnectionReset);
        let errors = [
            TlsError::from(io::Error::from(io::ErrorKind::UnexpectedEof)),
            TlsError::from(io),
            TlsError::from(rustls::Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered)),
            TlsError::from(rustls::Error::PeerIncompatible(PeerIncompatible::NoCipherSuitesInCommon)),
            TlsError::from(rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType)),
            TlsError::from(rustls::Error::NoCertificatesPresented),
        ];
        let reasons = errors.map(|error| (error.reason(), error.class()));
        let expected = ["closed", "io", "version", "algorithms", "not-tls", "no-certificate"];
        assert_eq!(reasons, expected.map(|reason| (reason, Class::Temporary)));
        assert!(expected.iter().all(|reason| TlsError::REASONS.contains(reason)));
    }
}
