//! What a listener is told, and the profiles of its sessions that follow from that.

mod auth;

use std::{net::IpAddr, os::unix, sync::Arc};

use ipnet::IpNet;
use rohrpost_intake::{Intake, Role};
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{Mechanism, server::Decoy};
use rohrpost_smtp::server::{BareNewline, Extensions, Profile, Protocol, Timeouts};
use rohrpost_tls::ServerTls;

pub use self::auth::{AuthRule, AuthSettings};
use crate::hashes::ProviderHashes;

/// Octets a message may have unless the operator says otherwise: 50 MiB.
pub const SIZE_MAX: u64 = 50 * 1024 * 1024;
/// The largest number that LIMITS can say: six digits (RFC 9422 §4).
const LIMIT_SAID_MAX: usize = 999_999;
/// How far ahead a message may be held by its sender (RFC 4865): 30 days.
const HOLD_MAX: std::time::Duration = std::time::Duration::from_hours(720);

/// A socket that is bound and listens: whoever starts us binds it, so that privileged ports need no privilege here, and
/// sockets of systemd are like any others.
#[derive(Debug)]
pub enum Bound {
    /// IPv4 or IPv6.
    Tcp(std::net::TcpListener),
    /// A path in the file system.
    Unix(unix::net::UnixListener),
}

impl Bound {
    /// Whether only this machine reaches it: bound to a loopback address, or a unix socket.
    pub fn is_loopback(&self) -> bool {
        match self {
            Self::Tcp(listener) => listener.local_addr().is_ok_and(|address| address.ip().to_canonical().is_loopback()),
            Self::Unix(_) => true,
        }
    }
}

/// `[[listener]]`, resolved.
pub struct ListenerSettings {
    /// Its name in logs and records.
    pub name: String,
    /// What is spoken.
    pub protocol: Protocol,
    /// Whether TLS is offered, demanded or implicit.
    pub tls: ListenerTls,
    /// The TLS side, with tickets bound to this listener; without it STARTTLS is not offered.
    pub server_tls: Option<ServerTls>,
    /// Whether it listens. One that does not still hands its `auth.tls` down.
    pub is_enabled: bool,
    /// Where it listens.
    pub sockets: Vec<Bound>,
    /// Who may log in and who must.
    pub auth: AuthSettings,
    /// What AUTH offers.
    pub mechanisms: Vec<Mechanism>,
    /// What it calls itself.
    pub host_name: Domain,
    /// What the greeting says behind the name.
    pub software: String,
    /// What EHLO offers.
    pub extensions: Extensions,
    /// What EHLO offers to some networks instead; the first that fits counts.
    pub extensions_for: Vec<(IpNet, Extensions)>,
    /// Octets a message may have.
    pub size_max: u64,
    /// What happens to a CR or LF that stands alone in a message.
    pub bare_newline: BareNewline,
    /// How long the peer may take.
    pub timeouts: Timeouts,
    /// Load balancers, who must send a PROXY header.
    pub proxy_networks: Vec<IpNet>,
}

impl ListenerSettings {
    /// A listener as its protocol usually is, without sockets and certificate.
    pub fn new(name: impl Into<String>, protocol: Protocol, host_name: Domain) -> Self {
        Self {
            name: name.into(),
            protocol,
            tls: if protocol == Protocol::Lmtp { ListenerTls::Off } else { ListenerTls::Offered },
            server_tls: None,
            is_enabled: true,
            sockets: Vec::new(),
            auth: AuthSettings { require: protocol == Protocol::Submission, ..AuthSettings::default() },
            mechanisms: vec![Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login],
            host_name,
            software: "Rohrpost".to_owned(),
            extensions: Extensions::of(protocol),
            extensions_for: Vec::new(),
            size_max: SIZE_MAX,
            bare_newline: BareNewline::default(),
            timeouts: Timeouts::default(),
            proxy_networks: Vec::new(),
        }
    }

    /// The rule for `auth.tls` that this listener contributes.
    pub fn auth_rule(&self) -> AuthRule {
        AuthRule { protocol: self.protocol, tls: self.tls, auth_tls: self.auth.tls }
    }

    fn role(&self) -> Role {
        match self.protocol {
            Protocol::Smtp => Role::Smtp,
            Protocol::Submission => Role::Submission,
            Protocol::Lmtp => Role::Lmtp,
        }
    }
}

/// One socket of a listener with everything its sessions share.
pub(crate) struct Listener {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) host_name: Domain,
    pub(crate) is_implicit: bool,
    pub(crate) server_tls: Option<ServerTls>,
    pub(crate) proxy_networks: Vec<IpNet>,
    profile: Profile,
    known_profile: Arc<Profile>,
    stranger_profile: Arc<Profile>,
    extensions_for: Vec<(IpNet, Extensions)>,
}

impl Listener {
    /// `auth_tls` is the listener's own rule or the inherited one, `is_loopback` that of the socket.
    pub(crate) fn new(
        settings: &ListenerSettings,
        auth_tls: bool,
        is_loopback: bool,
        intake: &Intake,
        decoy: &Decoy,
    ) -> Self {
        // Behind a load balancer everybody seems to come from this machine.
        let is_loopback = is_loopback && settings.proxy_networks.is_empty();
        let limits = intake.peer_limits(settings.role());
        let profile = Profile {
            protocol: settings.protocol,
            host_name: settings.host_name.clone(),
            software: settings.software.clone(),
            tls: settings.tls,
            starttls_available: settings.server_tls.is_some(),
            auth_clear: settings.auth.clear || auth_tls && is_loopback,
            auth_tls,
            require_auth: settings.auth.require,
            mechanisms: settings.mechanisms.clone(),
            extensions: settings.extensions,
            size_max: settings.size_max,
            recipients_max: limits.recipients_per_message.min(LIMIT_SAID_MAX),
            messages_max: limits.messages_per_connection.min(LIMIT_SAID_MAX),
            bare_newline: settings.bare_newline,
            hold_max: HOLD_MAX,
            timeouts: settings.timeouts,
            hashes: Arc::new(ProviderHashes),
            decoy: *decoy,
            known_peer: false,
        };
        Self {
            name: settings.name.as_str().into(),
            role: settings.role(),
            host_name: settings.host_name.clone(),
            is_implicit: settings.tls == ListenerTls::Implicit,
            server_tls: settings.server_tls.clone(),
            proxy_networks: settings.proxy_networks.clone(),
            known_profile: Arc::new(known(&profile)),
            stranger_profile: Arc::new(profile.clone()),
            profile,
            extensions_for: settings.extensions_for.clone(),
        }
    }

    /// The profile for one peer.
    pub(crate) fn profile_for(&self, address: Option<IpAddr>, is_known: bool) -> Arc<Profile> {
        let own = address.and_then(|address| {
            let address = address.to_canonical();
            self.extensions_for.iter().find(|(network, _)| network.contains(&address))
        });
        match own {
            Some((_, extensions)) => {
                let profile = Profile { extensions: *extensions, ..self.profile.clone() };
                Arc::new(if is_known { known(&profile) } else { profile })
            }
            None if is_known => self.known_profile.clone(),
            None => self.stranger_profile.clone(),
        }
    }

    /// What is spoken.
    pub(crate) fn protocol(&self) -> Protocol {
        self.profile.protocol
    }

    /// Whether a peer at this address must send a PROXY header.
    pub(crate) fn expects_proxy(&self, address: Option<IpAddr>) -> bool {
        let contains = |address: IpAddr| self.proxy_networks.iter().any(|network| network.contains(&address));
        address.is_some_and(|address| contains(address.to_canonical()))
    }
}

/// Known peers may send as many messages in one session as LIMITS can say; size, syntax and time limits stay.
fn known(profile: &Profile) -> Profile {
    Profile { known_peer: true, messages_max: LIMIT_SAID_MAX, ..profile.clone() }
}
