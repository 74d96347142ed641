//! The way out: routes, policies, queue, DNS, notices.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, anyhow};
use rohrpost_client::{Login, Protocol};
use rohrpost_delivery::settings::{self as delivery, AfterDot, Place, Route, RouteHost, TlsPolicy};
use rohrpost_mail::{Host, Mailbox, Policy, Secret};
use rohrpost_queue::{DomainPattern, GateLimits, Rate, RouteRule, Schedule};

use super::{Notes, language};
use crate::config::{KeyPath, file};

/// Policies that can be asked for.
const POLICIES: [Policy; 3] = [Policy::Off, Policy::Opportunistic, Policy::Required];

/// Names that routes of the operator cannot have.
const TAKEN: [&str; 3] = [rohrpost_queue::routing::LOCAL, rohrpost_queue::routing::MX, "notices"];

/// The port of a server that names none.
const PORT: u16 = 25;

impl Notes {
    /// How mail goes out.
    pub(super) fn delivery(
        &mut self,
        config: &file::Config,
        postmaster: Option<Mailbox>,
    ) -> Option<delivery::Settings> {
        let mut routes: Vec<_> = config.route.iter().enumerate().map(|(at, route)| self.route(at, route)).collect();
        let relays = config.relay_domain.iter().enumerate().filter_map(|(at, domain)| self.relay(at, domain));
        routes.extend(relays.collect::<Vec<_>>());
        let policies = config.tls_policy.iter().enumerate();
        let tls_policies = policies.filter_map(|(at, policy)| self.tls_policy(at, policy)).collect();
        let notices = self.notices(config);
        Some(delivery::Settings {
            language: language(config.language),
            subaddress: config.domains.subaddress.chars().next(),
            routes,
            tls_policies,
            notices,
            ..delivery::Settings::new(config.host_name.clone(), postmaster?)
        })
    }

    /// Which way addresses go: relay domains first, then routes in their order.
    pub(super) fn rules(&mut self, config: &file::Config) -> Vec<RouteRule> {
        let relay = |domain: &file::RelayDomain| RouteRule {
            domains: vec![DomainPattern::Exact(domain.domain.clone())],
            route: super::relay_domain(domain).route_name(),
        };
        let mut rules: Vec<_> = config.relay_domain.iter().map(relay).collect();
        for (index, route) in config.route.iter().enumerate() {
            let key = KeyPath::item("route", index).then("domains");
            let domains = route.domains.iter().enumerate();
            let domains = domains.filter_map(|(at, domain)| self.value(&key.at(at), domain.parse())).collect();
            rules.push(RouteRule { domains, route: route.name.clone() });
        }
        rules
    }

    fn route(&mut self, index: usize, route: &file::Route) -> Route {
        let key = KeyPath::item("route", index);
        if route.name.is_empty() || TAKEN.contains(&route.name.as_str()) || route.name.contains(' ') {
            let message =
                format!("expected a name without blanks other than {}, found {:?}", TAKEN.join(", "), route.name);
            self.fault(key.then("name"), message);
        }
        if route.host.is_empty() {
            self.fault(key.then("host"), "expected at least one [[route.host]]");
        }
        let hosts = route.host.iter().enumerate();
        let hosts = hosts.filter_map(|(at, host)| self.route_host(&key.then("host").at(at), host)).collect();
        let after_dot = match route.after_dot {
            file::AfterDotWord::Retry => AfterDot::Retry,
            file::AfterDotWord::Hold => AfterDot::Hold,
            file::AfterDotWord::AssumeDelivered => AfterDot::AssumeDelivered,
        };
        Route { name: route.name.clone(), hosts, after_dot, limits: limits(route.rate) }
    }

    fn route_host(&mut self, key: &KeyPath, host: &file::RouteHost) -> Option<RouteHost> {
        let place = self.value(&key.then("host"), place(&host.host))?;
        if host.allow_clear {
            self.warn(format!("{key}: allow_clear lets the password cross the network in clear text"));
        }
        Some(RouteHost {
            protocol: if host.lmtp { Protocol::Lmtp } else { Protocol::Smtp },
            tls: host.tls,
            trust: self.rebased(&host.trust),
            min_tls: host.min_tls,
            login: self.login(key, host),
            allow_clear: host.allow_clear,
            client_certificate: host.client_certificate.as_ref().map(|pair| self.pair(pair)),
            ..RouteHost::new(place)
        })
    }

    /// The log-in of a host, if it has one, its password read from the file.
    fn login(&mut self, key: &KeyPath, host: &file::RouteHost) -> Option<Login> {
        match (&host.user, &host.password_file) {
            (None, None) => None,
            (Some(user), Some(file)) => {
                let password = first_line(&self.folder.join(file));
                let password =
                    self.value(&key.then("password_file"), password.map_err(|error| format!("{error:#}")))?;
                Some(Login::new(user, password))
            }
            (Some(_), None) => {
                self.fault(key.then("user"), "expected a password_file too");
                None
            }
            (None, Some(_)) => {
                self.fault(key.then("password_file"), "expected a user too");
                None
            }
        }
    }

    /// The route to the server behind a relay domain.
    fn relay(&mut self, index: usize, domain: &file::RelayDomain) -> Option<Route> {
        let key = KeyPath::item("relay_domain", index);
        let place = self.value(&key.then("next_hop"), place(&domain.next_hop))?;
        let trust = self.rebased(&domain.trust);
        let host = RouteHost { tls: domain.tls, trust, ..RouteHost::new(place) };
        let name = super::relay_domain(domain).route_name();
        Some(Route { name, hosts: vec![host], after_dot: AfterDot::Retry, limits: GateLimits::default() })
    }

    /// The same trust with the file of its authority relative to the configuration.
    fn rebased(&self, trust: &rohrpost_mail::Trust) -> rohrpost_mail::Trust {
        match trust {
            rohrpost_mail::Trust::Ca(file) => {
                rohrpost_mail::Trust::Ca(self.folder.join(file).to_string_lossy().into_owned())
            }
            trust => trust.clone(),
        }
    }

    fn tls_policy(&mut self, index: usize, policy: &file::TlsPolicy) -> Option<TlsPolicy> {
        let key = KeyPath::item("tls_policy", index);
        self.check_policy(&key.then("policy"), policy.policy);
        let domain = self.value(&key.then("domain"), policy.domain.parse())?;
        Some(TlsPolicy { domain, policy: policy.policy, min_tls: policy.min_tls })
    }

    fn check_policy(&mut self, key: &KeyPath, policy: Policy) {
        if !POLICIES.contains(&policy) {
            self.fault(key.clone(), format!("expected off, opportunistic or required, found {:?}", policy.as_str()));
        }
    }

    fn notices(&mut self, config: &file::Config) -> delivery::Notices {
        let (key, notices) = (KeyPath::key("notices"), &config.notices);
        if let Some(policy) = notices.tls {
            self.check_policy(&key.then("tls"), policy);
        }
        if let Some(route) = &notices.route
            && !config.route.iter().any(|known| known.name == *route)
        {
            self.fault(key.then("route"), format!("expected the name of a [[route]], found {route:?}"));
        }
        delivery::Notices { to: notices.to.clone(), route: notices.route.clone(), tls: notices.tls }
    }

    /// How often and how fast.
    pub(super) fn queue(&mut self, config: &file::Config) -> rohrpost_queue::Settings {
        let queue = &config.queue;
        if queue.lifetime.0 < Duration::from_hours(4 * 24) {
            self.warn("queue.lifetime: RFC 5321 §4.5.4.1 asks for at least four days");
        }
        let route_limits = config.route.iter().map(|route| (route.name.clone(), limits(route.rate))).collect();
        let limits = GateLimits {
            start: GateLimits::default().start.min(queue.connections_per_site),
            max: queue.connections_per_site,
            ..GateLimits::default()
        };
        rohrpost_queue::Settings {
            schedule: schedule(queue),
            limits,
            route_limits,
            hold_outgoing: false,
            one_way_out: false,
        }
    }

    /// How hosts are found.
    pub(super) fn dns(&mut self, config: &file::Config) -> rohrpost_dns::Options {
        let dns = &config.dns;
        let usual = rohrpost_dns::Options::default();
        let denied = dns.mx_denied_networks.clone().unwrap_or_else(|| usual.mx_denied_networks.clone());
        if dns.mx_port != usual.mx_port || denied != usual.mx_denied_networks {
            self.warn("dns.mx_port and dns.mx_denied_networks: anything but the default is for tests");
        }
        rohrpost_dns::Options {
            validate: match dns.validate {
                file::ValidateWord::Auto => rohrpost_dns::Validate::Auto,
                file::ValidateWord::On => rohrpost_dns::Validate::On,
                file::ValidateWord::Off => rohrpost_dns::Validate::Off,
            },
            timeout: dns.timeout.0,
            mx_port: dns.mx_port,
            mx_denied_networks: denied,
            own_names: vec![config.host_name.clone()],
            ..usual
        }
    }
}

/// When attempts are due.
pub(super) fn schedule(queue: &file::Queue) -> Schedule {
    Schedule {
        first: queue.retry_first.0,
        cap_first_day: queue.retry_max.0,
        cap: 2 * queue.retry_max.0,
        lifetime: queue.lifetime.0,
        lifetime_null_path: queue.bounce_lifetime.0,
        delay_notice_after: queue.delay_notice_after.0,
        ..Schedule::default()
    }
}

fn limits(rate: Option<Rate>) -> GateLimits {
    GateLimits { rate, ..GateLimits::default() }
}

/// `relay.example.net:587`, `192.0.2.1`, `[2001:db8::1]:25` or `unix:/run/lmtp.sock`.
pub(crate) fn place(text: &str) -> anyhow::Result<Place> {
    let wrong = || anyhow!("expected a host with an optional port, or unix:PATH, found {text:?}");
    if let Some(path) = text.strip_prefix("unix:").filter(|path| path.starts_with('/')) {
        return Ok(Place::Unix(PathBuf::from(path)));
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Place::Host(Host::Literal(address.ip()), address.port()));
    }
    if let Ok(address) = text.trim_matches(['[', ']']).parse() {
        return Ok(Place::Host(Host::Literal(address), PORT));
    }
    let (name, port) = match text.split_once(':') {
        Some((name, port)) => (name, port.parse().map_err(|_| wrong())?),
        None => (text, PORT),
    };
    let name = rohrpost_mail::Domain::parse(name).with_context(wrong)?;
    Ok(Place::Host(Host::Name(name), port))
}

/// The password in the first line of a file.
fn first_line(file: &std::path::Path) -> anyhow::Result<Secret> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let line = text.lines().next().filter(|line| !line.is_empty());
    Ok(Secret::new(line.with_context(|| format!("{}: the first line is empty", file.display()))?))
}
