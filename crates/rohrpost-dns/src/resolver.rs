//! The question: which hosts take the mail of a domain?

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use hickory_proto::{
    op::Query,
    rr::{Name, RData, RecordType},
};
use hickory_resolver::{Hosts, system_conf::read_system_conf};
use rohrpost_mail::{Domain, Host, Policy, PolicySource};
use rohrpost_tls::Tlsa;
use tokio::task::JoinSet;

use crate::{
    error::{PlanError, SystemResolverError, TlsaError},
    limits::{HOST_ADDRESSES_MAX, MX_HOSTS_MAX, PTR_NAMES_MAX, TLSA_RECORDS_MAX},
    options::Options,
    plan::{Plan, PlannedHost, interleave, order, site},
    upstream::{Answer, Missing, Upstream},
};

/// Asks DNS. Cloning shares the cache.
#[derive(Clone)]
pub struct Resolver(Arc<Shared>);

struct Shared {
    upstream: Upstream,
    options: Options,
    hosts: Hosts,
}

/// What DNS says of the name of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AddressName {
    /// A name that leads back to the address.
    Verified(Domain),
    /// It certainly has no such name.
    None,
    /// DNS does not say now, which speaks neither for the address nor against it.
    Unknown,
}

/// What DNS says of a sender's domain.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SenderDomain {
    /// It has mail hosts or an address: replies can reach it.
    Fine,
    /// It says that it takes no mail: RFC 7505 §4.2 wants its mail refused.
    NullMx,
    /// It does not exist, or has neither mail hosts nor an address.
    Missing,
    /// DNS does not say now.
    Unknown,
}

impl Resolver {
    /// Asks the servers that this system is set up with. Configured hosts may also stand in its hosts file; mail hosts
    /// of a domain come from DNS only.
    ///
    /// # Errors
    /// When there are none.
    pub fn system(options: Options) -> Result<Self, SystemResolverError> {
        let (config, _) = read_system_conf().map_err(|error| SystemResolverError::Unreadable(error.to_string()))?;
        let address = |server: &hickory_resolver::config::NameServerConfig| {
            let port = server.connections.first().map_or(53, |connection| connection.port);
            SocketAddr::new(server.ip, port)
        };
        let servers: Vec<SocketAddr> = config.name_servers().iter().map(address).collect();
        if servers.is_empty() {
            return Err(SystemResolverError::NoServers);
        }
        let hosts = Hosts::from_system().unwrap_or_default();
        Ok(Self(Arc::new(Shared { upstream: Upstream::new(&servers, &options), options, hosts })))
    }

    /// Asks these servers, by UDP and TCP.
    pub fn with_servers(servers: impl IntoIterator<Item = SocketAddr>, options: Options) -> Self {
        let servers: Vec<SocketAddr> = servers.into_iter().collect();
        Self(Arc::new(Shared { upstream: Upstream::new(&servers, &options), options, hosts: Hosts::default() }))
    }

    /// Which hosts take the mail of a domain. `operator` is the policy of our own settings, which stands above all
    /// others; without one each host is asked for STARTTLS and taken as it is.
    ///
    /// RFC 5321 §5.1. MX records first; only a domain that certainly has none is asked for its own address.
    ///
    /// # Errors
    /// [`PlanError::class`] says whether to wait or to give up.
    pub async fn plan(&self, domain: &Host, operator: Option<Policy>) -> Result<Plan, PlanError> {
        let name = match domain {
            Host::Name(name) => name,
            Host::Literal(address) => return self.literal_plan(domain, *address, operator),
        };
        match self.mail_hosts(name).await? {
            Some(mx) => self.mx_plan(name, mx, operator).await,
            None => self.implicit_plan(name, operator).await,
        }
    }

    /// A configured host: no MX records, no denied networks, since the operator named it.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub async fn route(&self, host: &Host, port: u16, operator: Option<Policy>) -> Result<Plan, PlanError> {
        let (addresses, dnssec) = match host {
            Host::Literal(address) => (vec![*address], false),
            Host::Name(name) => {
                let found = self.configured_host(name).await.map_err(|missing| no_host(name, missing))?;
                (found.addresses, found.secure)
            }
        };
        let found = Addresses { addresses, secure: dnssec };
        let planned = planned(host.name().cloned(), 0, &found, port, operator);
        Ok(Plan { domain: host.clone(), hosts: vec![planned], site: site([host.to_string().as_str()], port), dnssec })
    }

    /// The addresses of a configured host, IPv6 and IPv4 in turn.
    ///
    /// # Errors
    /// As [`Self::plan`].
    pub async fn addresses(&self, host: &Domain) -> Result<Vec<IpAddr>, PlanError> {
        let found = self.configured_host(host).await.map_err(|missing| no_host(host, missing))?;
        Ok(interleave(&found.addresses, &mut rand::rng()))
    }

    /// The TLSA records of a server (RFC 6698 §3), signed and proven to be so. Their first is as good as their last; which can
    /// be used is for the judge of the certificate to say.
    ///
    /// # Errors
    /// [`TlsaError`]; none of them means that TLS may go without.
    pub async fn tlsa(&self, host: &Domain, port: u16) -> Result<Vec<Tlsa>, TlsaError> {
        let owner = format!("_{port}._tcp.{host}");
        // What is too long for a name has no records.
        let Ok(name) = Name::from_ascii(format!("{owner}.")) else { return Err(TlsaError::None { owner }) };
        let answer = match self.0.upstream.find(name, RecordType::TLSA).await {
            Ok(answer) => answer,
            Err(Missing::NoData | Missing::NoDomain) => return Err(TlsaError::None { owner }),
            Err(Missing::Fault(fault)) => return Err(TlsaError::Lookup { owner, fault }),
        };
        if !answer.secure {
            return Err(TlsaError::Insecure { owner });
        }
        let records: Vec<Tlsa> = answer.records.iter().filter_map(tlsa).take(TLSA_RECORDS_MAX).collect();
        if records.is_empty() { Err(TlsaError::None { owner }) } else { Ok(records) }
    }

    /// The name of an address, if that name leads back to the address: an unconfirmed name is just a claim.
    pub async fn ptr(&self, address: IpAddr) -> AddressName {
        let answer = match self.0.upstream.find(Name::from(address), RecordType::PTR).await {
            Ok(answer) => answer,
            Err(Missing::NoData | Missing::NoDomain) => return AddressName::None,
            Err(Missing::Fault(_)) => return AddressName::Unknown,
        };
        let name = |record: &RData| match record {
            RData::PTR(name) => domain(&name.0),
            _ => None,
        };
        let mut otherwise = AddressName::None;
        for claimed in answer.records.iter().filter_map(name).take(PTR_NAMES_MAX) {
            match self.host_addresses(&claimed).await {
                Ok(found) if found.addresses.contains(&address) => return AddressName::Verified(claimed),
                Err(Missing::Fault(_)) => otherwise = AddressName::Unknown,
                Ok(_) | Err(Missing::NoData | Missing::NoDomain) => {}
            }
        }
        otherwise
    }

    /// Whether replies could reach a sender's domain.
    pub async fn sender_domain(&self, domain: &Domain) -> SenderDomain {
        match self.mail_hosts(domain).await {
            Ok(Some(_)) => SenderDomain::Fine,
            Ok(None) => match self.host_addresses(domain).await {
                Ok(_) => SenderDomain::Fine,
                Err(Missing::NoData | Missing::NoDomain) => SenderDomain::Missing,
                Err(Missing::Fault(_)) => SenderDomain::Unknown,
            },
            Err(PlanError::NullMx(_)) => SenderDomain::NullMx,
            Err(PlanError::NoSuchDomain(_)) => SenderDomain::Missing,
            Err(_) => SenderDomain::Unknown,
        }
    }

    /// Asks for records of one type.
    pub(crate) async fn find(&self, name: Name, kind: RecordType) -> Result<Answer, Missing> {
        self.0.upstream.find(name, kind).await
    }

    fn literal_plan(&self, host: &Host, address: IpAddr, operator: Option<Policy>) -> Result<Plan, PlanError> {
        let options = &self.0.options;
        if !options.address_literals || options.is_denied(address) || options.own_addresses.contains(&address) {
            return Err(PlanError::Literal(host.clone()));
        }
        let found = Addresses { addresses: vec![address], secure: false };
        let hosts = vec![planned(None, 0, &found, options.mx_port, operator)];
        Ok(Plan {
            domain: host.clone(),
            hosts,
            site: site([host.to_string().as_str()], options.mx_port),
            dnssec: false,
        })
    }

    /// The MX records, best first, equals shuffled; none where the domain certainly has none.
    async fn mail_hosts(&self, name: &Domain) -> Result<Option<MailHosts>, PlanError> {
        let answer = match self.0.upstream.find(fqdn(name), RecordType::MX).await {
            Ok(answer) => answer,
            Err(Missing::NoData) => return Ok(None),
            Err(Missing::NoDomain) => return Err(PlanError::NoSuchDomain(name.clone())),
            Err(Missing::Fault(fault)) => return Err(PlanError::Lookup { name: name.clone(), fault }),
        };
        MailHosts::new(&answer).map(Some).ok_or_else(|| PlanError::NullMx(name.clone()))
    }

    async fn mx_plan(&self, name: &Domain, mx: MailHosts, operator: Option<Policy>) -> Result<Plan, PlanError> {
        let options = &self.0.options;
        let dnssec = mx.secure;
        let resolved = self.resolve(mx.hosts).await;
        let own = resolved.iter().filter(|host| host.is_own(options)).min_by_key(|host| host.preference);
        let below = own.map_or(u32::from(u16::MAX) + 1, |own| u32::from(own.preference));
        let better = || resolved.iter().filter(|host| u32::from(host.preference) < below);
        let hosts: Vec<PlannedHost> = better().filter_map(|host| host.planned(options, operator)).collect();
        if !hosts.is_empty() {
            let site = site(better().map(|host| host.name.as_str()), options.mx_port);
            return Ok(Plan { domain: name.clone().into(), hosts, site, dnssec });
        }
        match own {
            Some(own) if better().next().is_none() => {
                Err(PlanError::Loop { domain: name.clone(), host: own.name.to_string() })
            }
            _ if better().all(|host| host.is_denied(options)) && better().next().is_some() => {
                Err(PlanError::Denied(name.clone()))
            }
            _ => Err(PlanError::NoAddress(name.clone())),
        }
    }

    /// The domain itself as its only mail host.
    async fn implicit_plan(&self, name: &Domain, operator: Option<Policy>) -> Result<Plan, PlanError> {
        let options = &self.0.options;
        let found = self.host_addresses(name).await.map_err(|missing| no_host(name, missing));
        let host = Resolved { name: name.clone(), preference: 0, found: Ok(found?) };
        if host.is_own(options) {
            return Err(PlanError::Loop { domain: name.clone(), host: name.to_string() });
        }
        let planned = host.planned(options, operator).ok_or_else(|| PlanError::Denied(name.clone()))?;
        let (site, dnssec) = (site([name.as_str()], options.mx_port), planned.dnssec);
        Ok(Plan { domain: name.clone().into(), hosts: vec![planned], site, dnssec })
    }

    /// Looks up the addresses of all hosts at once; their order stays.
    async fn resolve(&self, hosts: Vec<(u16, Domain)>) -> Vec<Resolved> {
        let mut lookups = JoinSet::new();
        for (place, (preference, name)) in hosts.into_iter().enumerate() {
            let resolver = self.clone();
            lookups.spawn(async move {
                let found = resolver.host_addresses(&name).await;
                (place, Resolved { name, preference, found })
            });
        }
        let mut resolved = lookups.join_all().await;
        resolved.sort_by_key(|(place, _)| *place);
        resolved.into_iter().map(|(_, host)| host).collect()
    }

    /// A host that the operator named: `localhost` is this machine (RFC 6761 §6.3), then the hosts file counts, then DNS.
    async fn configured_host(&self, host: &Domain) -> Result<Addresses, Missing> {
        if host.as_str() == "localhost" {
            let addresses = vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
            return Ok(Addresses { addresses, secure: false });
        }
        let in_file = |kind| self.0.hosts.lookup_static_host(&Query::query(fqdn(host), kind));
        let lines = [RecordType::AAAA, RecordType::A].into_iter().filter_map(in_file);
        let records: Vec<RData> = lines.flat_map(|line| line.answers().to_vec()).map(|record| record.data).collect();
        if records.is_empty() {
            return self.host_addresses(host).await;
        }
        Ok(Addresses::new(&[Answer { records, secure: false }]))
    }

    /// The addresses of both families. One family that fails does not spoil the other.
    async fn host_addresses(&self, host: &Domain) -> Result<Addresses, Missing> {
        let find = |kind| self.0.upstream.find(fqdn(host), kind);
        match tokio::join!(find(RecordType::AAAA), find(RecordType::A)) {
            (Ok(v6), Ok(v4)) => Ok(Addresses::new(&[v6, v4])),
            (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(Addresses::new(&[one])),
            (Err(Missing::Fault(fault)), _) | (_, Err(Missing::Fault(fault))) => Err(Missing::Fault(fault)),
            (Err(missing), Err(_)) => Err(missing),
        }
    }
}

impl std::fmt::Debug for Resolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resolver").field("options", &self.0.options).finish_non_exhaustive()
    }
}

/// A domain's MX records without null entries; at least one was there.
struct MailHosts {
    hosts: Vec<(u16, Domain)>,
    secure: bool,
}

impl MailHosts {
    /// Nothing for a null MX. RFC 7505 §3: it means that only when it stands alone; among others it is no host.
    fn new(answer: &Answer) -> Option<Self> {
        let entry = |record: &RData| match record {
            RData::MX(mx) if !mx.exchange.is_root() => Some((mx.preference, mx.exchange.clone())),
            _ => None,
        };
        let mut entries: Vec<(u16, Name)> = answer.records.iter().filter_map(entry).collect();
        if entries.is_empty() {
            return None;
        }
        order(&mut entries, |entry| entry.0, &mut rand::rng());
        let named = |(preference, name): &(u16, Name)| Some((*preference, domain(name)?));
        let hosts = entries.iter().filter_map(named).take(MX_HOSTS_MAX).collect();
        Some(Self { hosts, secure: answer.secure })
    }
}

/// A mail host and what became of its lookup.
struct Resolved {
    name: Domain,
    preference: u16,
    found: Result<Addresses, Missing>,
}

impl Resolved {
    fn is_own(&self, options: &Options) -> bool {
        let own_address = |address: &IpAddr| options.own_addresses.contains(address);
        options.own_names.contains(&self.name)
            || self.found.as_ref().is_ok_and(|found| found.addresses.iter().any(own_address))
    }

    /// It has addresses, and none of them may be used.
    fn is_denied(&self, options: &Options) -> bool {
        self.found.as_ref().is_ok_and(|found| found.addresses.iter().all(|address| options.is_denied(*address)))
    }

    fn planned(&self, options: &Options, operator: Option<Policy>) -> Option<PlannedHost> {
        let found = self.found.as_ref().ok()?;
        let allowed = |address: &&IpAddr| !options.is_denied(**address);
        let addresses: Vec<IpAddr> = found.addresses.iter().filter(allowed).copied().collect();
        let found = Addresses { addresses, secure: found.secure };
        let name = Some(self.name.clone());
        (!found.addresses.is_empty()).then(|| planned(name, self.preference, &found, options.mx_port, operator))
    }
}

/// The addresses of one host.
struct Addresses {
    addresses: Vec<IpAddr>,
    secure: bool,
}

impl Addresses {
    fn new<const N: usize>(answers: &[Answer; N]) -> Self {
        let address = |record: &RData| match record {
            RData::A(v4) => Some(IpAddr::V4(v4.0)),
            RData::AAAA(v6) => Some(IpAddr::V6(v6.0)),
            _ => None,
        };
        let secure = answers.iter().all(|answer| answer.secure);
        let family = |answer: &Answer| -> Vec<IpAddr> {
            answer.records.iter().filter_map(address).take(HOST_ADDRESSES_MAX / 2).collect()
        };
        Self { addresses: answers.iter().flat_map(family).collect(), secure }
    }
}

/// The precedence of policies: the operator's word, else opportunistic. DANE and MTA-STS will stand between the two.
fn planned(
    name: Option<Domain>,
    preference: u16,
    found: &Addresses,
    port: u16,
    operator: Option<Policy>,
) -> PlannedHost {
    let addresses = interleave(&found.addresses, &mut rand::rng());
    let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
    let (policy, source) = match operator {
        Some(policy) => (policy, PolicySource::Operator),
        None => (Policy::Opportunistic, PolicySource::Default),
    };
    PlannedHost { name, preference, addresses, policy, source, tlsa: None, dnssec: found.secure }
}

/// A host without addresses, where it is all there is.
fn no_host(name: &Domain, missing: Missing) -> PlanError {
    match missing {
        Missing::NoDomain => PlanError::NoSuchDomain(name.clone()),
        Missing::NoData => PlanError::NoRoute(name.clone()),
        Missing::Fault(fault) => PlanError::Lookup { name: name.clone(), fault },
    }
}

fn tlsa(record: &RData) -> Option<Tlsa> {
    let RData::TLSA(tlsa) = record else { return None };
    Some(Tlsa {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.clone(),
    })
}

/// A domain is at most 255 octets of short labels, which is what a name in DNS may be.
fn fqdn(domain: &Domain) -> Name {
    Name::from_ascii(format!("{domain}.")).unwrap_or_else(|_| Name::root())
}

/// A name that no host can have is no host.
fn domain(name: &Name) -> Option<Domain> {
    Domain::parse(&name.to_ascii()).ok()
}

#[cfg(test)]
mod tests;
