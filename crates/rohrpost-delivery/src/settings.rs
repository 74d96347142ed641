//! What the operator says about delivery. Plain values; TOML is read in the binary.

use std::{path::PathBuf, time::Duration};

use rohrpost_client::{Login, Protocol, Sources};
use rohrpost_mail::{Domain, Host, Mailbox, MinTls, Policy, TlsMode, Trust, dsn::Language};
use rohrpost_queue::{DomainPattern, GateLimits, Rate, routing::MX};
use rohrpost_tls::{CertPair, CertStore};

use crate::limits::{PIPE_TIMEOUT, PROBE_AFTER};

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
    /// Whoever gets everything that comes in, bounces too, whomever it was for: redirect mode, for test systems. The
    /// system's notices to its operator are not redirected. Default: nobody.
    pub redirect_all_to: Option<Mailbox>,
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
            redirect_all_to: None,
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

/// A `[[route]]`: hosts that take our mail on.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// At least one, the preferred one first.
    pub hosts: Vec<RouteHost>,
    /// Which of them a message tries first. Default: in their order.
    pub choose: Choose,
    /// What to do when the connection is lost after the final dot.
    pub after_dot: AfterDot,
    /// Attempts at once, and pace.
    pub limits: GateLimits,
    /// Which other route takes what this one cannot deliver. Default: none.
    pub escalation: Option<Escalation>,
    /// How long a host that failed is passed over at first. Default: [`PROBE_AFTER`].
    pub probe_after: Duration,
    /// The local addresses to connect from. Default: the system chooses.
    pub sources: Sources,
    /// What we call ourselves. Default: [`Settings::host_name`].
    pub ehlo_name: Option<Domain>,
}

impl Route {
    /// A route with defaults: its hosts in their order, send again when the final reply is lost.
    pub fn new(name: impl Into<String>, hosts: Vec<RouteHost>) -> Self {
        Self {
            name: name.into(),
            hosts,
            choose: Choose::default(),
            after_dot: AfterDot::default(),
            limits: GateLimits::default(),
            escalation: None,
            probe_after: PROBE_AFTER,
            sources: Sources::default(),
            ehlo_name: None,
        }
    }
}

/// Which host of a route a message tries first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Choose {
    /// The first that works.
    #[default]
    Ordered,
    /// One by chance, by their weights; then the others in the same manner.
    Weighted,
}

/// "After n tries by the other route." Delivery rule 37.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Escalation {
    /// Failed attempts after which the recipient changes its route; at least one.
    pub after_tries: u32,
    /// The name of the other route, or [`MX`](rohrpost_queue::routing::MX).
    pub then: String,
}

/// One host of a route.
#[derive(Clone, Debug)]
pub struct RouteHost {
    /// Where.
    pub place: Place,
    /// How often it is chosen, in relation to the others. Default: 1.
    pub weight: u32,
    /// What it is not to be asked beyond. Default: nothing.
    pub limits: HostLimits,
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
            weight: 1,
            limits: HostLimits::default(),
            protocol: Protocol::Smtp,
            tls: TlsMode::Auto,
            trust: Trust::System,
            min_tls: MinTls::default(),
            login: None,
            allow_clear: false,
            client_certificate: None,
        }
    }

    /// The trust that asks for TLS on loopback too. The default does not: there are filters that speak none.
    pub fn named_trust(&self) -> Option<&Trust> {
        Some(&self.trust).filter(|trust| **trust != Trust::System)
    }
}

/// What one host of a route is not to be asked beyond. What is more goes to the next host, or waits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct HostLimits {
    /// Messages in a time. Default: no limit.
    pub rate: Option<Rate>,
    /// Messages at once, at least one. Default: as many as the route allows.
    pub concurrency: Option<u32>,
}

/// What stands at the end of a way.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// Name or address, and port. No MX is looked up.
    Host(Host, u16),
    /// A socket of this machine.
    Unix(PathBuf),
    /// The hosts that DNS names for the destination.
    Mx,
    /// A program of this machine.
    Pipe(Pipe),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Mx => f.write_str(MX),
            Self::Pipe(pipe) => write!(f, "pipe:{}", pipe.name),
        }
    }
}

/// A `[[pipe]]`: a program that takes messages on standard input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pipe {
    /// Its name.
    pub name: String,
    /// The program and its arguments, with words in braces that are replaced.
    pub argv: Vec<String>,
    /// How long it may run. Default: 5 min.
    pub timeout: Duration,
    /// Exit statuses that refuse a message for good. Default: 65 (`EX_DATAERR`) and 67 (`EX_NOUSER`).
    pub refusals: Vec<i32>,
}

impl Pipe {
    /// A program with defaults.
    pub fn new(name: impl Into<String>, argv: Vec<String>) -> Self {
        Self { name: name.into(), argv, timeout: PIPE_TIMEOUT, refusals: vec![65, 67] }
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
