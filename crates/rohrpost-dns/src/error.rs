//! Why there is no plan, and whether waiting helps.

use rohrpost_mail::{Class, Domain, EnhancedStatus, Host};

/// Why a question got no usable answer. Always temporary.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupFault {
    /// SERVFAIL, or another code that is neither yes nor no.
    #[error("the DNS server failed")]
    ServerFailure,
    /// REFUSED.
    #[error("the DNS server refused the question")]
    Refused,
    /// A signature is missing or wrong.
    #[error("the DNSSEC signature is bogus")]
    Bogus,
    /// More CNAMEs than [`crate::limits::CNAME_DEPTH_MAX`], or a loop of them.
    #[error("the chain of CNAME records is too long or a loop")]
    CnameChain,
    /// The answer cannot be read.
    #[error("the DNS answer is malformed")]
    Malformed,
    /// Nobody answered in time.
    #[error("no DNS server answered in time")]
    Timeout,
    /// No server could be reached.
    #[error("no DNS server could be reached")]
    Unreachable,
}

/// Why mail for a domain has nowhere to go. Sorted by culprit: the sender's address, the domain, DNS.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The address is a literal, and literals are off.
    #[error("mail to address literals such as {0} is not sent")]
    Literal(Host),
    /// NXDOMAIN.
    #[error("the domain {0} does not exist")]
    NoSuchDomain(Domain),
    /// `MX 0 .`: RFC 7505.
    #[error("the domain {0} takes no mail (null MX)")]
    NullMx(Domain),
    /// Neither MX nor address records.
    #[error("the domain {0} has neither mail hosts nor an address")]
    NoRoute(Domain),
    /// The best mail host is ourselves, and the domain is not ours.
    #[error("mail for {domain} loops back to us: we are its mail host {host}, but do not know the domain")]
    Loop {
        /// The domain.
        domain: Domain,
        /// The mail host that is us.
        host: String,
    },
    /// All mail hosts lie in networks that no MX record may lead to.
    #[error("the mail hosts of {0} have addresses that mail must not be sent to")]
    Denied(Domain),
    /// There are mail hosts, but none has an address.
    #[error("none of the mail hosts of {0} has an address")]
    NoAddress(Domain),
    /// DNS does not say.
    #[error("looking up {name}: {fault}")]
    Lookup {
        /// What was asked for.
        name: Domain,
        /// What happened.
        fault: LookupFault,
    },
}

impl PlanError {
    /// Whether waiting helps.
    pub fn class(&self) -> Class {
        match self {
            Self::NoAddress(_) | Self::Lookup { .. } => Class::Temporary,
            Self::Literal(_)
            | Self::NoSuchDomain(_)
            | Self::NullMx(_)
            | Self::NoRoute(_)
            | Self::Loop { .. }
            | Self::Denied(_) => Class::Permanent,
        }
    }

    /// The code of RFC 3463 (null MX: RFC 7505 §4.1) for bounces and records.
    pub fn enhanced(&self) -> EnhancedStatus {
        match self {
            Self::Literal(_) => EnhancedStatus(5, 1, 3),
            Self::NoSuchDomain(_) => EnhancedStatus(5, 1, 2),
            Self::NullMx(_) => EnhancedStatus(5, 1, 10),
            Self::NoRoute(_) | Self::Denied(_) => EnhancedStatus(5, 4, 4),
            Self::Loop { .. } => EnhancedStatus(5, 4, 6),
            Self::NoAddress(_) => EnhancedStatus(4, 4, 4),
            Self::Lookup { .. } => EnhancedStatus(4, 4, 3),
        }
    }
}

/// Why no TLSA records of a server can be had. Without them nothing is known of its certificate, so each is a reason not to
/// go on.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsaError {
    /// There are none.
    #[error("there are no TLSA records at {owner}")]
    None {
        /// `_587._tcp.mail.there.test`
        owner: String,
    },
    /// There are some, and nothing proves them: the zone is not signed, or nobody near here validates.
    #[error("the TLSA records at {owner} are not signed, or the DNS servers of this host pass no signatures on")]
    Insecure {
        /// Where.
        owner: String,
    },
    /// DNS does not say.
    #[error("looking up the TLSA records at {owner}: {fault}")]
    Lookup {
        /// Where.
        owner: String,
        /// What happened.
        fault: LookupFault,
    },
}

impl TlsaError {
    /// Whether waiting helps.
    pub fn class(&self) -> Class {
        match self {
            Self::None { .. } | Self::Insecure { .. } => Class::Permanent,
            Self::Lookup { .. } => Class::Temporary,
        }
    }
}

/// The system's list of DNS servers cannot be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SystemResolverError {
    /// It cannot be read.
    #[error("the system's DNS settings cannot be read: {0}")]
    Unreadable(String),
    /// It is empty.
    #[error("the system's DNS settings name no server")]
    NoServers,
}

impl SystemResolverError {
    /// Always ours.
    pub fn class(&self) -> Class {
        Class::Ours
    }
}
