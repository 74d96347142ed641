//! Which way a job goes, and on which terms its hosts are spoken to. Pure but for DNS, which comes in as answers.

use std::net::SocketAddr;

use rohrpost_client::{Endpoint, LinkTls, Protocol, Target, limits::IDLE_RELAY};
use rohrpost_dns::PlannedHost;
use rohrpost_mail::{Domain, Host, MinTls, Policy, PolicySource, Trust};
use rohrpost_queue::routing::{LOCAL, MX};
use rohrpost_tls::CertPair;

use crate::settings::{Place, Route, RouteHost, Settings, TlsPolicy};

/// The route of the system's own notices where they have settings of their own.
pub(crate) const NOTICES: &str = "notices";

/// Which way a job goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way<'a> {
    /// Into mailboxes here.
    Local,
    /// To the hosts that DNS names, with the policy that the settings name for this job alone.
    Mx(Option<Policy>),
    /// To hosts of ours.
    Relay(&'a Route),
    /// The settings know no such route (any more).
    Unknown,
}

impl<'a> Way<'a> {
    /// The way of a route by its name.
    pub(crate) fn of(route: &str, settings: &'a Settings) -> Self {
        let named = |name: &str| match name {
            MX => Self::Mx(None),
            name => settings.routes.iter().find(|route| route.name == name).map_or(Self::Unknown, Self::Relay),
        };
        match (route, &settings.relay_to) {
            (LOCAL, _) => Self::Local,
            (_, Some(relay)) => Self::Relay(relay),
            (NOTICES, None) => match &settings.notices.route {
                Some(route) => named(route),
                None => Self::Mx(settings.notices.tls),
            },
            (name, None) => named(name),
        }
    }
}

/// One address with the terms on which it is spoken to.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) target: Target,
    pub(crate) certificate: Option<CertPair>,
    pub(crate) policy: Policy,
    pub(crate) source: PolicySource,
    /// What records and bounces call it.
    pub(crate) peer: String,
}

impl Candidate {
    /// A host that DNS named.
    pub(crate) fn mx(host: &PlannedHost, address: SocketAddr, rule: Option<&TlsPolicy>, settings: &Settings) -> Self {
        let mut target = Target::new(address, settings.host_name.clone().into());
        target.name.clone_from(&host.name);
        target.tls = match host.policy {
            Policy::Off => LinkTls::Off,
            Policy::Opportunistic => LinkTls::IfOffered,
            _ => LinkTls::Starttls,
        };
        target.trust = match (host.policy, &settings.extra_ca) {
            (Policy::Dane | Policy::Pin, _) => Trust::Dane,
            (_, Some(file)) => Trust::Ca(file.to_string_lossy().into_owned()),
            (_, None) => Trust::System,
        };
        target.require_trust = host.policy >= Policy::Verified;
        target.min_tls = rule.map_or(MinTls::default(), |rule| rule.min_tls);
        target.policy = format!("{} mx", host.policy);
        target.client_certificate = settings.client_certificate.as_ref().map(label);
        Self {
            target,
            certificate: settings.client_certificate.clone(),
            policy: host.policy,
            source: host.source,
            peer: name_or_address(host.name.as_ref(), address),
        }
    }

    /// A host of a route. `endpoint` is where its place was found.
    pub(crate) fn relay(host: &RouteHost, endpoint: Endpoint, settings: &Settings) -> Self {
        let mut target = Target::new(endpoint, settings.host_name.clone().into());
        if let Place::Host(name, _) = &host.place {
            target.name = name.name().cloned();
        }
        target.tls = LinkTls::of(host.tls, &target.endpoint, host.named_trust());
        target.protocol = host.protocol;
        target.trust = host.trust.clone();
        target.require_trust = !target.tls.allows_clear() && host.trust != Trust::Any;
        target.min_tls = host.min_tls;
        target.login.clone_from(&host.login);
        target.allow_clear = host.allow_clear;
        target.client_certificate = host.client_certificate.as_ref().map(label);
        target.idle = IDLE_RELAY;
        let policy = policy_of(target.tls, &host.trust);
        target.policy = format!("{policy} relay");
        let peer = match (&target.name, &host.place) {
            (Some(name), _) => name.to_string(),
            (None, place) => place.to_string(),
        };
        Self { target, certificate: host.client_certificate.clone(), policy, source: PolicySource::Operator, peer }
    }

    /// The same from the local address and under the name of a route. Nothing where the address is of the other family.
    pub(crate) fn on(mut self, route: &Route) -> Option<Self> {
        if self.target.endpoint.address().is_some_and(|address| !route.sources.reach(address)) {
            return None;
        }
        self.target.sources = route.sources;
        if let Some(name) = &route.ehlo_name {
            self.target.ehlo_name = name.clone().into();
        }
        Some(self)
    }

    /// Whether clear text may follow a handshake that failed long enough ago: delivery rule 20.
    pub(crate) fn may_fall_back(&self) -> bool {
        self.policy == Policy::Opportunistic && self.target.tls == LinkTls::IfOffered && self.target.login.is_none()
    }

    /// The protocol as RFC 3848 names it.
    pub(crate) fn protocol(&self, is_tls: bool, is_logged_in: bool) -> String {
        let base = match self.target.protocol {
            Protocol::Smtp => "ESMTP",
            Protocol::Lmtp => "LMTP",
        };
        format!("{base}{}{}", if is_tls { "S" } else { "" }, if is_logged_in { "A" } else { "" })
    }
}

fn label(certificate: &CertPair) -> String {
    certificate.cert.display().to_string()
}

fn name_or_address(name: Option<&Domain>, address: SocketAddr) -> String {
    name.map_or_else(|| Host::Literal(address.ip()).to_string(), ToString::to_string)
}

/// The name of what a route asks of its link.
fn policy_of(tls: LinkTls, trust: &Trust) -> Policy {
    match (tls, trust) {
        (LinkTls::Off, _) => Policy::Off,
        (LinkTls::IfOffered | LinkTls::Fallback, _) => Policy::Opportunistic,
        (_, Trust::Any) => Policy::Required,
        (_, Trust::PinCertificate(_) | Trust::PinSpki(_) | Trust::FirstUse) => Policy::Pin,
        (_, Trust::Dane) => Policy::Dane,
        (_, Trust::System | Trust::Ca(_) | Trust::SystemAndCa(_)) => Policy::Verified,
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_mail::TlsMode;

    use super::*;

    fn settings() -> Settings {
        let mut settings = Settings::new("mx.here.test".parse().unwrap(), "ann@here.test".parse().unwrap());
        settings.routes = vec![Route::new("smarthost", Vec::new())];
        settings
    }

    fn planned(policy: Policy) -> PlannedHost {
        PlannedHost {
            name: Some("mx.there.test".parse().unwrap()),
            preference: 10,
            addresses: Vec::new(),
            policy,
            source: PolicySource::Operator,
            tlsa: None,
            dnssec: false,
        }
    }

    #[test]
    fn a_route_leads_where_the_settings_say() {
        let mut settings = settings();
        assert!(matches!(Way::of("local", &settings), Way::Local));
        assert!(matches!(Way::of("mx", &settings), Way::Mx(None)));
        assert!(matches!(Way::of("smarthost", &settings), Way::Relay(route) if route.name == "smarthost"));
        assert!(matches!(Way::of("gone", &settings), Way::Unknown));
        settings.notices.tls = Some(Policy::Off);
        assert!(matches!(Way::of(NOTICES, &settings), Way::Mx(Some(Policy::Off))));
        settings.notices.route = Some("smarthost".into());
        assert!(matches!(Way::of(NOTICES, &settings), Way::Relay(_)));
        settings.relay_to = Some(Route { name: "demo".into(), ..settings.routes[0].clone() });
        assert!(matches!(Way::of("mx", &settings), Way::Relay(route) if route.name == "demo"));
        assert!(matches!(Way::of("local", &settings), Way::Local));
    }

    #[test]
    fn a_policy_decides_the_link_to_an_mx_host() {
        let settings = settings();
        let terms = |policy| {
            let candidate = Candidate::mx(&planned(policy), "192.0.2.1:25".parse().unwrap(), None, &settings);
            (candidate.target.tls, candidate.target.require_trust, candidate.may_fall_back())
        };
        assert_eq!(terms(Policy::Off), (LinkTls::Off, false, false));
        assert_eq!(terms(Policy::Opportunistic), (LinkTls::IfOffered, false, true));
        assert_eq!(terms(Policy::Required), (LinkTls::Starttls, false, false));
        assert_eq!(terms(Policy::Verified), (LinkTls::Starttls, true, false));
    }

    #[test]
    fn a_route_asks_for_tls_unless_told_otherwise_and_never_falls_back() {
        let settings = settings();
        let terms = |place: &str, port: u16, tls| {
            let mut host = RouteHost::new(Place::Host(Host::parse(place).unwrap(), port));
            host.tls = tls;
            let endpoint = Endpoint::Tcp(
                if place == "[127.0.0.1]" { ([127, 0, 0, 1], port) } else { ([192, 0, 2, 1], port) }.into(),
            );
            let candidate = Candidate::relay(&host, endpoint, &settings);
            (candidate.target.tls, candidate.policy, candidate.target.require_trust)
        };
        assert_eq!(terms("relay.test", 465, TlsMode::Auto), (LinkTls::Implicit, Policy::Verified, true));
        assert_eq!(terms("relay.test", 25, TlsMode::Auto), (LinkTls::Starttls, Policy::Verified, true));
        assert_eq!(terms("[127.0.0.1]", 25, TlsMode::Auto), (LinkTls::IfOffered, Policy::Opportunistic, false));
        let place = Place::Host(Host::parse("[127.0.0.1]").unwrap(), 25);
        let pinned = RouteHost { trust: Trust::PinSpki("ab".repeat(32)), ..RouteHost::new(place) };
        let pinned = Candidate::relay(&pinned, Endpoint::Tcp(([127, 0, 0, 1], 25).into()), &settings);
        assert_eq!(
            (pinned.target.tls, pinned.policy, pinned.target.require_trust),
            (LinkTls::Starttls, Policy::Pin, true)
        );
        assert_eq!(terms("relay.test", 25, TlsMode::Off), (LinkTls::Off, Policy::Off, false));
        assert_eq!(terms("relay.test", 25, TlsMode::Opportunistic), (LinkTls::IfOffered, Policy::Opportunistic, false));
    }
}
