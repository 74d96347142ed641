//! The server's side of TLS: one [`ServerTls`] per listener.

use std::{path::PathBuf, sync::Arc};

use rohrpost_mail::{MinTls, TlsInfo, Verification};
use rustls::{
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::aws_lc_rs::Ticketer,
    pki_types::UnixTime,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use crate::{
    certificates::CertStore,
    error::TlsError,
    info::{ChannelBindingBytes, channel_binding, facts},
    judge::{ClientJudge, verification},
    leaf::Leaf,
    provider::provider_with,
    verifier::ClientVerifier,
};

/// A connection that a client opened.
pub type TlsServerStream<S> = tokio_rustls::server::TlsStream<S>;

/// The TLS settings of a listener.
#[derive(Clone, Debug)]
pub struct ServerTlsOptions {
    /// What we show.
    pub certificates: CertStore,
    /// Oldest version. Default: 1.2.
    pub min: MinTls,
    /// Application protocols (RFC 7301), best first. Default: none, for mail.
    pub alpn: Vec<Vec<u8>>,
    /// Whether clients are asked for a certificate. Default: no.
    pub client_auth: Option<ClientAuth>,
    /// The listener, for logs. Sessions are resumed within one [`ServerTls`] only: its tickets are sealed with keys of
    /// its own, so that no ticket of one listener opens another.
    pub label: String,
    /// Key exchange groups by their IANA names, best first. Default: all we have, X25519MLKEM768 first.
    pub groups: Option<Vec<String>>,
}

impl ServerTlsOptions {
    /// The defaults.
    pub fn new(certificates: CertStore, label: impl Into<String>) -> Self {
        let label = label.into();
        Self { certificates, min: MinTls::default(), alpn: Vec::new(), client_auth: None, label, groups: None }
    }
}

/// How clients prove who they are by certificate.
#[derive(Clone, Debug)]
pub struct ClientAuth {
    /// PEM file of the authorities that issue good ones.
    pub ca: PathBuf,
    /// Whether clients without a good one are refused; else they are taken, and the record says what they showed.
    pub required: bool,
}

/// Accepts TLS on one listener. Cloning shares everything.
#[derive(Clone, Debug)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    client_judge: Option<Arc<ClientJudge>>,
    label: Arc<str>,
}

impl ServerTls {
    /// Builds the configuration.
    ///
    /// # Errors
    /// [`TlsError::UnknownGroup`], or [`TlsError::Certificate`] for the list of authorities.
    pub fn new(options: ServerTlsOptions) -> Result<Self, TlsError> {
        let provider = provider_with(options.groups.as_deref())?;
        let judge = options.client_auth.as_ref().map(|auth| ClientJudge::new(&auth.ca).map(Arc::new)).transpose()?;
        let required = options.client_auth.is_some_and(|auth| auth.required);
        let clients = match &judge {
            Some(judge) => Arc::new(ClientVerifier { judge: Arc::clone(judge), required }),
            None => WebPkiClientVerifier::no_client_auth(),
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions(options.min))
            .map_err(TlsError::Setup)?
            .with_client_cert_verifier(clients)
            .with_cert_resolver(Arc::new(options.certificates));
        config.alpn_protocols = options.alpn;
        // Sealed tickets instead of a table of sessions: the memory of a resumable session is the client's.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = Ticketer::new().map_err(TlsError::Setup)?;
        config.send_tls13_tickets = 1;
        Ok(Self { config: Arc::new(config), client_judge: judge, label: options.label.into() })
    }

    /// Answers the handshake of a client. The caller bounds its time.
    ///
    /// # Errors
    /// What the client did, by [`TlsError::reason`]; an alert has been sent where TLS has one.
    pub async fn accept<S>(
        &self,
        stream: S,
    ) -> Result<(TlsServerStream<S>, TlsInfo, Option<ChannelBindingBytes>), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = TlsAcceptor::from(Arc::clone(&self.config)).accept(stream).await;
        let stream = accepted.map_err(TlsError::from).inspect_err(|error| {
            tracing::debug!(listener = %self.label, reason = error.reason(), %error, "TLS handshake failed");
        })?;
        let connection = stream.get_ref().1;
        let sni = connection.server_name().map(str::to_owned);
        let info = facts(connection, sni, self.verification(connection));
        let binding = channel_binding(connection);
        Ok((stream, info, binding))
    }

    fn verification(&self, connection: &ServerConnection) -> Verification {
        match (&self.client_judge, connection.peer_certificates()) {
            (Some(judge), Some([end_entity, rest @ ..])) => {
                verification(judge.judge(end_entity, rest, UnixTime::now()))
            }
            _ => Verification::NoCertificate,
        }
    }
}

/// What the client's certificate calls its owner, fit to be shown. Anybody can write any name into a certificate:
/// [`verified_client_name`] is the one to decide by.
pub fn client_name<S>(stream: &TlsServerStream<S>) -> Option<String> {
    let leaf = Leaf::read(stream.get_ref().1.peer_certificates()?.first()?)?;
    Some(leaf.names.first().cloned().unwrap_or(leaf.subject))
}

/// The same where an authority of the listener vouches for it, as `info` of that stream says.
pub fn verified_client_name<S>(stream: &TlsServerStream<S>, info: &TlsInfo) -> Option<String> {
    matches!(info.verification, Verification::Verified { .. }).then(|| client_name(stream)).flatten()
}

/// The versions that settings allow: SSL and TLS 1.0, 1.1 are not there to be chosen (RFC 8996).
pub(crate) fn versions(min: MinTls) -> &'static [&'static SupportedProtocolVersion] {
    static ONLY_TLS13: [&SupportedProtocolVersion; 1] = [&rustls::version::TLS13];
    match min {
        MinTls::Tls12 => rustls::ALL_VERSIONS,
        MinTls::Tls13 => &ONLY_TLS13,
    }
}

#[cfg(test)]
mod tests;
