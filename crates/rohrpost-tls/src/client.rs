//! The client's side of TLS: opportunistic and insisting connections, and which of them may share sessions.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use rohrpost_mail::{Host, MinTls, TlsInfo, Trust, Verification};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind,
    client::{ResolvesClientCert, Resumption},
    crypto::CryptoProvider,
    pki_types::{ServerName, UnixTime},
    sign::{CertifiedKey, SingleCertAndKey},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use crate::{
    certificates::CertPair,
    crypto::sha256_hex,
    dane::Tlsa,
    error::TlsError,
    info::{ChannelBindingBytes, channel_binding, facts},
    judge::{Judge, load_system, verification},
    leaf,
    limits::DESTINATIONS_MAX,
    pem,
    provider::provider_with,
    server::versions,
    untrusted::Untrusted,
    verifier::ServerVerifier,
};

/// A connection that we opened.
pub type TlsClientStream<S> = tokio_rustls::client::TlsStream<S>;

/// What all connections of one [`ClientTls`] have in common.
#[derive(Clone, Debug, Default)]
pub struct ClientTlsOptions {
    /// The certificate we show to servers that ask for one. Default: none.
    pub client_cert: Option<CertPair>,
    /// Key exchange groups by their IANA names, best first. Default: all we have, X25519MLKEM768 first.
    pub groups: Option<Vec<String>>,
}

/// What one connection asks for. Sessions are resumed only between connections of one [`ClientTls`], and so of one client
/// certificate, whose options are all equal.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ConnectOptions {
    /// Who should be there: the name that the certificate is judged by.
    pub server_name: Host,
    /// Whether the name is sent along (RFC 6066 §3). Addresses never are. Default: yes.
    pub sni: bool,
    /// By what the certificate is judged. [`Trust::Any`] is judged by the system's authorities, for the record.
    pub trust: Trust,
    /// The server's TLSA records, for [`Trust::Dane`]. Default: none; then nothing can be decided by them.
    pub tlsa: Vec<Tlsa>,
    /// Whether the handshake fails when the verdict is bad. Default: no, the verdict is recorded.
    pub require_trust: bool,
    /// Oldest version. Default: 1.2.
    pub min: MinTls,
    /// What else keeps sessions apart: address, port and policy of the destination.
    pub cache_key: String,
    /// Application protocols (RFC 7301), best first. Default: none, for mail.
    pub alpn: Vec<Vec<u8>>,
}

impl ConnectOptions {
    /// The defaults: judged, recorded, not insisted on.
    pub fn new(server_name: Host, trust: Trust) -> Self {
        Self {
            server_name,
            sni: true,
            trust,
            tlsa: Vec::new(),
            require_trust: false,
            min: MinTls::default(),
            cache_key: String::new(),
            alpn: Vec::new(),
        }
    }

    /// The handshake fails when the certificate is not trusted.
    #[must_use]
    pub fn require_trust(mut self) -> Self {
        self.require_trust = true;
        self
    }
}

/// Opens TLS connections. Cloning shares the sessions that can be resumed.
#[derive(Clone)]
pub struct ClientTls(Arc<Shared>);

struct Shared {
    provider: Arc<CryptoProvider>,
    identity: Option<Arc<dyn ResolvesClientCert>>,
    destinations: Mutex<Destinations>,
}

impl ClientTls {
    /// Loads the client certificate, if any.
    ///
    /// # Errors
    /// [`TlsError::UnknownGroup`], or [`TlsError::Certificate`] for the client certificate.
    pub fn new(options: ClientTlsOptions) -> Result<Self, TlsError> {
        let ClientTlsOptions { client_cert, groups } = options;
        let provider = provider_with(groups.as_deref())?;
        let identity = client_cert.as_ref().map(identity).transpose()?;
        Ok(Self(Arc::new(Shared { provider, identity, destinations: Mutex::default() })))
    }

    /// Reads the files that a trust names, so that a wrong one is found before any server is asked. It keeps nothing.
    ///
    /// # Errors
    /// [`TlsError::Certificate`]: a file is missing, or holds no certificate.
    pub fn check(trust: &Trust) -> Result<(), TlsError> {
        Judge::new(trust, &[])?;
        Ok(())
    }

    /// Opens TLS over a connection. The caller bounds its time.
    ///
    /// The certificate is always judged; [`TlsInfo::verification`] holds the verdict, with its reason in words.
    ///
    /// # Errors
    /// What the server did, by [`TlsError::reason`]; [`TlsError::Untrusted`] only with
    /// [`ConnectOptions::require_trust`].
    pub async fn connect<S>(
        &self,
        stream: S,
        options: &ConnectOptions,
    ) -> Result<(TlsClientStream<S>, TlsInfo, Option<ChannelBindingBytes>), TlsError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let destination = self.destination(options)?;
        let connector = TlsConnector::from(Arc::clone(&destination.config));
        let connecting = connector.connect(destination.name.clone(), stream);
        let stream = if destination.judge.needs_system() {
            // The list is read while the server makes its answer. A verdict that comes first waits for it.
            tokio::join!(load_system(), connecting).1?
        } else {
            connecting.await?
        };
        let connection = stream.get_ref().1;
        let verification = destination.verification(connection)?;
        let sni = options.server_name.name().filter(|_| options.sni).map(ToString::to_string);
        let info = facts(connection, sni, verification);
        let binding = channel_binding(connection);
        Ok((stream, info, binding))
    }

    fn destination(&self, options: &ConnectOptions) -> Result<Arc<Destination>, TlsError> {
        if let Some(known) = self.destinations().find(options) {
            return Ok(known);
        }
        let destination = Arc::new(Destination::new(&self.0, options)?);
        self.destinations().keep(options.clone(), Arc::clone(&destination));
        Ok(destination)
    }

    fn destinations(&self) -> std::sync::MutexGuard<'_, Destinations> {
        self.0.destinations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientTls").field("shows_certificate", &self.0.identity.is_some()).finish_non_exhaustive()
    }
}

/// What a log-in can be bound to where nothing can be exported, as in TLS 1.2: the hash of the server's certificate,
/// `tls-server-end-point` of RFC 5929 §4. Nothing where its signature has no hash function of its own.
pub fn server_end_point<S>(stream: &TlsClientStream<S>) -> Option<Vec<u8>> {
    leaf::end_point(stream.get_ref().1.peer_certificates()?.first()?)
}

/// SHA-256 of the server's public key, lower-case hex: what `pin:spki-sha256:` takes.
pub fn server_key<S>(stream: &TlsClientStream<S>) -> Option<String> {
    let leaf = leaf::Leaf::read(stream.get_ref().1.peer_certificates()?.first()?)?;
    Some(sha256_hex(&leaf.spki))
}

fn identity(pair: &CertPair) -> Result<Arc<dyn ResolvesClientCert>, TlsError> {
    let (certificates, keys) = (pem::read(&pair.cert)?, pem::read(&pair.key)?);
    let key: CertifiedKey = pem::certified_key((&pair.cert, &certificates), (&pair.key, &keys))?;
    Ok(Arc::new(SingleCertAndKey::from(key)))
}

/// One set of options with its sessions. Each has a session store of its own, so that no session can be taken from one
/// level of trust to another.
struct Destination {
    config: Arc<ClientConfig>,
    judge: Arc<Judge>,
    name: ServerName<'static>,
    required: bool,
    /// The verdict on the last certificate that was seen in a full handshake.
    first: Mutex<Option<(String, Verification)>>,
}

impl Destination {
    fn new(shared: &Shared, options: &ConnectOptions) -> Result<Self, TlsError> {
        let required = options.require_trust && options.trust != Trust::Any;
        let is_undecidable = match options.trust {
            Trust::FirstUse => true,
            Trust::Dane => !options.tlsa.iter().any(Tlsa::is_usable),
            _ => false,
        };
        if required && is_undecidable {
            return Err(TlsError::Undecidable(options.trust.clone()));
        }
        let judge = Arc::new(Judge::new(&options.trust, &options.tlsa)?);
        let builder = ClientConfig::builder_with_provider(Arc::clone(&shared.provider))
            .with_protocol_versions(versions(options.min))
            .map_err(TlsError::Setup)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerVerifier { judge: Arc::clone(&judge), required }));
        let mut config = match &shared.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity)),
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = options.sni;
        config.alpn_protocols.clone_from(&options.alpn);
        config.resumption = Resumption::in_memory_sessions(1);
        let name = server_name(&options.server_name)?;
        Ok(Self { config: Arc::new(config), judge, name, required, first: Mutex::new(None) })
    }

    /// Judges the certificate again, also of a resumed session: it may have expired since. A resumed session never
    /// becomes worth more than its first handshake was.
    fn verification(&self, connection: &ClientConnection) -> Result<Verification, TlsError> {
        let Some([end_entity, rest @ ..]) = connection.peer_certificates() else {
            return if self.required { Err(TlsError::NoCertificate) } else { Ok(Verification::NoCertificate) };
        };
        let verdict = self.judge.judge(end_entity, rest, &self.name, UnixTime::now());
        if let (true, Err(reason)) = (self.required, &verdict) {
            return Err(Untrusted::new(reason.clone(), end_entity).into());
        }
        let verdict = verification(verdict);
        let fingerprint = leaf::fingerprint(end_entity);
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.handshake_kind() == Some(HandshakeKind::Resumed) {
            let unverified = |known: &&(String, Verification)| matches!(known.1, Verification::Unverified { .. });
            let earlier = first.as_ref().filter(|known| known.0 == fingerprint).filter(unverified);
            return Ok(earlier.map_or(verdict, |known| known.1.clone()));
        }
        *first = Some((fingerprint, verdict.clone()));
        Ok(verdict)
    }
}

fn server_name(host: &Host) -> Result<ServerName<'static>, TlsError> {
    match host {
        Host::Name(domain) => {
            ServerName::try_from(domain.to_string()).map_err(|_| TlsError::ServerName(domain.to_string()))
        }
        Host::Literal(address) => Ok(ServerName::IpAddress(IpAddr::into(*address))),
    }
}

/// The destinations that were used last.
#[derive(Default)]
struct Destinations {
    known: HashMap<ConnectOptions, (u64, Arc<Destination>)>,
    uses: u64,
}

impl Destinations {
    fn find(&mut self, options: &ConnectOptions) -> Option<Arc<Destination>> {
        self.uses += 1;
        let (used, destination) = self.known.get_mut(options)?;
        *used = self.uses;
        Some(Arc::clone(destination))
    }

    /// Keeps one more; the one that was not used for longest makes room.
    fn keep(&mut self, options: ConnectOptions, destination: Arc<Destination>) {
        if self.known.len() >= DESTINATIONS_MAX
            && let Some(oldest) = self.known.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| key.clone())
        {
            self.known.remove(&oldest);
        }
        self.known.insert(options, (self.uses, destination));
    }
}

#[cfg(test)]
mod tests;
