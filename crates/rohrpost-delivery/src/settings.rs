//! What the operator says about delivery. Plain values; TOML is read in the binary.

use std::path::PathBuf;

use rohrpost_client::{Login, Protocol};
use rohrpost_mail::{Domain, Host, Mailbox, MinTls, Policy, TlsMode, Trust, dsn::Language};
use rohrpost_queue::{DomainPattern, GateLimits};
use rohrpost_tls::{CertPair, CertStore};

/// All of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name: in EHLO, in bounces.
    pub host_name: Domain,
    /// Who gets digests, notices, and mail for postmaster and abuse of every local domain.
    pub postmaster: Mailbox,
    /// The language of bounces to people who have not chosen one.
    pub language: Language,
    /// What separates a subaddress: `+` in `ann+lists@here.test`. Nothing switches them off.
    pub subaddress: Option<char>,
    /// Ways out by name.
    pub routes: Vec<Route>,
    /// Policies by destination; the first match wins.
    pub tls_policies: Vec<TlsPolicy>,
    /// Sends everything that leaves this server one way, whatever its route says.
    pub relay_to: Option<Route>,
    /// Authorities by which MX hosts are judged instead of the system's: for a closed network, or the demo.
    pub extra_ca: Option<PathBuf>,
    /// The certificate shown to MX hosts that ask for one.
    pub client_certificate: Option<CertPair>,
    /// The system's own mail.
    pub notices: Notices,
    /// Certificates whose end is worth a notice.
    pub certificates: Vec<CertStore>,
}

impl Settings {
    /// The defaults around the two values that have none.
    pub fn new(host_name: Domain, postmaster: Mailbox) -> Self {
        Self {
            host_name,
            postmaster,
            language: Language::default(),
            subaddress: Some('+'),
            routes: Vec::new(),
            tls_policies: Vec::new(),
            relay_to: None,
            extra_ca: None,
            client_certificate: None,
            notices: Notices::default(),
            certificates: Vec::new(),
        }
    }

    /// The operator's policy for a destination, if there is one.
    pub fn policy_for(&self, host: &Host) -> Option<&TlsPolicy> {
        self.tls_policies.iter().find(|rule| rule.domain.matches_host(host))
    }
}

/// A `[[tls_policy]]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsPolicy {
    /// Which destinations.
    pub domain: DomainPattern,
    /// What is asked of the link.
    pub policy: Policy,
    /// The oldest TLS version that will do.
    pub min_tls: MinTls,
}

/// A `[[route]]`: hosts that take our mail on, tried in their order.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// At least one.
    pub hosts: Vec<RouteHost>,
    /// What to do when the connection is lost after the final dot.
    pub after_dot: AfterDot,
    /// Attempts at once, and pace.
    pub limits: GateLimits,
}

/// One host of a route.
#[derive(Clone, Debug)]
pub struct RouteHost {
    /// Where.
    pub place: Place,
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// How the link is encrypted.
    pub tls: TlsMode,
    /// Who must be on the other side.
    pub trust: Trust,
    /// The oldest TLS version that will do.
    pub min_tls: MinTls,
    /// Who we are there.
    pub login: Option<Login>,
    /// Whether the password may go over clear text. Warned about by the binary.
    pub allow_clear: bool,
    /// The certificate we show.
    pub client_certificate: Option<CertPair>,
}

impl RouteHost {
    /// A host with defaults: SMTP, TLS by port, trust of the system.
    pub fn new(place: Place) -> Self {
        Self {
            place,
            protocol: Protocol::Smtp,
            tls: TlsMode::Auto,
            trust: Trust::System,
            min_tls: MinTls::default(),
            login: None,
            allow_clear: false,
            client_certificate: None,
        }
    }
}

/// Where a host of a route listens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Name or address, and port. No MX is looked up.
    Host(Host, u16),
    /// A socket of this machine.
    Unix(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What to do when no reply came to the final dot: nobody knows whether the message was taken. Delivery rule 33.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum AfterDot {
    /// Send it again: at least once.
    #[default]
    Retry,
    /// Wait for a person.
    Hold,
    /// Call it sent: at most once.
    AssumeDelivered,
}

/// The system's own mail: failed store, dead route, certificate about to expire.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Who gets it. Default: the postmaster.
    pub to: Option<Mailbox>,
    /// By which route. Default: as any other mail to that address.
    pub route: Option<String>,
    /// What is asked of its link. Default: as any other mail to that address.
    pub tls: Option<Policy>,
}
