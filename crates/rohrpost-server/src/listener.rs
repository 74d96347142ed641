//! What a listener is told, and the profiles of its sessions that follow from that.

mod auth;
mod mail;
mod mailboxes;

use std::{net::IpAddr, os::unix, sync::Arc};

use ipnet::IpNet;
use rohrpost_intake::{Intake, Role};
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{Mechanism, server::Decoy};
use rohrpost_smtp::server::{BareNewline, Extensions, Protocol, Timeouts};
use rohrpost_tls::ServerTls;

pub use self::auth::{AuthRule, AuthSettings};
pub(crate) use self::mail::MailProfiles;

/// Octets a message may have unless the operator says otherwise: 50 MiB.
pub const SIZE_MAX: u64 = 50 * 1024 * 1024;

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

/// What a listener serves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Service {
    /// Mail comes in.
    Mail(Protocol),
    /// Mailboxes are read by IMAP (RFC 9051, RFC 3501).
    Imap,
    /// Mailboxes are fetched by POP3 (RFC 1939).
    Pop3,
}

impl From<Protocol> for Service {
    fn from(protocol: Protocol) -> Self {
        Self::Mail(protocol)
    }
}

impl Service {
    fn role(self) -> Role {
        match self {
            Self::Mail(Protocol::Smtp) => Role::Smtp,
            Self::Mail(Protocol::Submission) => Role::Submission,
            Self::Mail(Protocol::Lmtp) => Role::Lmtp,
            Self::Imap | Self::Pop3 => Role::Mailboxes,
        }
    }
}

/// `[[listener]]`, resolved.
pub struct ListenerSettings {
    /// Its name in logs and records.
    pub name: String,
    /// What is spoken.
    pub service: Service,
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
    /// What EHLO offers; IMAP and POP3 always offer all they have.
    pub extensions: Extensions,
    /// What EHLO offers to some networks instead; the first that fits counts.
    pub extensions_for: Vec<(IpNet, Extensions)>,
    /// Octets a message may have, one that is appended to a mailbox too.
    pub size_max: u64,
    /// What happens to a CR or LF that stands alone in a message.
    pub bare_newline: BareNewline,
    /// How long the peer may take.
    pub timeouts: Timeouts,
    /// Load balancers, who must send a PROXY header.
    pub proxy_networks: Vec<IpNet>,
}

impl ListenerSettings {
    /// A listener as its service usually is, without sockets and certificate.
    pub fn new(name: impl Into<String>, service: impl Into<Service>, host_name: Domain) -> Self {
        let service = service.into();
        Self {
            name: name.into(),
            service,
            tls: match service {
                Service::Mail(Protocol::Lmtp) => ListenerTls::Off,
                Service::Mail(_) => ListenerTls::Offered,
                Service::Imap | Service::Pop3 => ListenerTls::Required,
            },
            server_tls: None,
            is_enabled: true,
            sockets: Vec::new(),
            auth: AuthSettings { require: service == Service::Mail(Protocol::Submission), ..AuthSettings::default() },
            mechanisms: vec![Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login],
            host_name,
            software: "Rohrpost".to_owned(),
            extensions: match service {
                Service::Mail(protocol) => Extensions::of(protocol),
                Service::Imap | Service::Pop3 => Extensions::of(Protocol::Smtp),
            },
            extensions_for: Vec::new(),
            size_max: SIZE_MAX,
            bare_newline: BareNewline::default(),
            timeouts: Timeouts::default(),
            proxy_networks: Vec::new(),
        }
    }

    /// The rule for `auth.tls` that this listener contributes.
    pub fn auth_rule(&self) -> AuthRule {
        AuthRule { service: self.service, tls: self.tls, auth_tls: self.auth.tls }
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
    pub(crate) dialogue: Dialogue,
}

/// What is spoken, and how the sessions are to speak it.
#[derive(Clone)]
pub(crate) enum Dialogue {
    /// SMTP, submission, LMTP.
    Mail(Arc<MailProfiles>),
    /// IMAP
    Imap(Arc<rohrpost_imap::profile::Profile>),
    /// POP3
    Pop3(Arc<rohrpost_pop3::Profile>),
}

/// Where log-ins are taken on one socket, as the pure sessions want to know it.
pub(crate) struct LogIns {
    /// Without TLS: `auth.clear`, or `auth.tls` where only this machine can listen.
    pub(crate) in_clear: bool,
    /// Inside TLS.
    pub(crate) in_tls: bool,
    /// How SCRAM makes up accounts that do not exist.
    pub(crate) decoy: Decoy,
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
        let log_ins =
            LogIns { in_clear: settings.auth.clear || auth_tls && is_loopback, in_tls: auth_tls, decoy: *decoy };
        let role = settings.service.role();
        let limits = intake.peer_limits(role);
        let dialogue = match settings.service {
            Service::Mail(protocol) => {
                Dialogue::Mail(Arc::new(MailProfiles::new(settings, protocol, &log_ins, &limits)))
            }
            Service::Imap => Dialogue::Imap(Arc::new(mailboxes::imap(settings, &log_ins))),
            Service::Pop3 => Dialogue::Pop3(Arc::new(mailboxes::pop3(settings, &log_ins))),
        };
        Self {
            name: settings.name.as_str().into(),
            role,
            host_name: settings.host_name.clone(),
            is_implicit: settings.tls == ListenerTls::Implicit,
            server_tls: settings.server_tls.clone(),
            proxy_networks: settings.proxy_networks.clone(),
            dialogue,
        }
    }

    /// Whether a peer at this address must send a PROXY header.
    pub(crate) fn expects_proxy(&self, address: Option<IpAddr>) -> bool {
        let contains = |address: IpAddr| self.proxy_networks.iter().any(|network| network.contains(&address));
        address.is_some_and(|address| contains(address.to_canonical()))
    }
}
