//! Which way an address goes: into a mailbox here, by a named route, or to the MX hosts of its domain.
//!
//! Intake asks when a message comes in, delivery when an alias or a forwarding puts other addresses in a recipient's
//! place. Rules are tried in their order, the first match wins.

use std::{collections::HashSet, fmt, str::FromStr, sync::RwLock};

use rohrpost_mail::{Domain, Host, Mailbox};
use serde::Deserialize;

/// The route of mailboxes on this server.
pub const LOCAL: &str = "local";
/// The route of mail that DNS finds the host for.
pub const MX: &str = "mx";

/// Which domains a rule is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DomainPattern {
    /// `*`: all of them.
    Any,
    /// `there.test`: this one.
    Exact(Domain),
    /// `*.there.test`: all below it, not itself.
    Below(Domain),
}

/// The text is no pattern.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a domain, *.domain or *, found {0:?}")]
pub struct PatternError(String);

impl DomainPattern {
    /// Whether the rule is about this domain.
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Any => true,
            Self::Exact(exact) => domain == exact,
            Self::Below(parent) => domain != parent && domain.is_within(parent),
        }
    }

    /// Whether the rule is about this host; literals match `*` only.
    pub fn matches_host(&self, host: &Host) -> bool {
        host.name().map_or(*self == Self::Any, |domain| self.matches(domain))
    }
}

impl FromStr for DomainPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let wrong = |_| PatternError(text.to_owned());
        match text.strip_prefix("*.") {
            _ if text == "*" => Ok(Self::Any),
            Some(parent) => Domain::parse(parent).map(Self::Below).map_err(wrong),
            None => Domain::parse(text).map(Self::Exact).map_err(wrong),
        }
    }
}

impl fmt::Display for DomainPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Exact(domain) => domain.fmt(f),
            Self::Below(parent) => write!(f, "*.{parent}"),
        }
    }
}

impl<'de> Deserialize<'de> for DomainPattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Mail for some domains goes by a route.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RouteRule {
    /// Which domains.
    pub domains: Vec<DomainPattern>,
    /// The name of the route.
    pub route: String,
}

/// Where a recipient is queued.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    /// [`LOCAL`], [`MX`] or the name of a route.
    pub route: String,
    /// The domain.
    pub site: String,
}

/// The table. It may be changed while it is in use: domains come and go, the configuration is reloaded.
#[derive(Debug, Default)]
pub struct Router {
    table: RwLock<Table>,
}

#[derive(Debug, Default)]
struct Table {
    local: HashSet<Domain>,
    rules: Vec<RouteRule>,
}

impl Router {
    /// A table of the domains whose mail ends here, and of the rules for all others.
    pub fn new(local: impl IntoIterator<Item = Domain>, rules: Vec<RouteRule>) -> Self {
        Self { table: RwLock::new(Table { local: local.into_iter().collect(), rules }) }
    }

    /// Puts another set of local domains in place.
    pub fn set_local(&self, local: impl IntoIterator<Item = Domain>) {
        self.write().local = local.into_iter().collect();
    }

    /// Puts other rules in place.
    pub fn set_rules(&self, rules: Vec<RouteRule>) {
        self.write().rules = rules;
    }

    /// Whether mail for this host ends here.
    pub fn is_local(&self, host: &Host) -> bool {
        host.name().is_some_and(|domain| self.read().local.contains(domain))
    }

    /// Where mail for this address is queued.
    pub fn destination(&self, address: &Mailbox) -> Destination {
        let table = self.read();
        let host = &address.domain;
        let route = if host.name().is_some_and(|domain| table.local.contains(domain)) {
            LOCAL
        } else {
            let rule = table.rules.iter().find(|rule| rule.domains.iter().any(|pattern| pattern.matches_host(host)));
            rule.map_or(MX, |rule| rule.route.as_str())
        };
        Destination { route: route.to_owned(), site: host.to_string() }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Table> {
        self.table.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Table> {
        self.table.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(domains: &[&str], route: &str) -> RouteRule {
        RouteRule { domains: domains.iter().map(|text| text.parse().unwrap()).collect(), route: route.into() }
    }

    #[test]
    fn local_domains_come_first_then_the_first_rule_then_the_mx() {
        let rules = vec![rule(&["*.corp.test"], "inner"), rule(&["corp.test", "sub.corp.test"], "outer")];
        let router = Router::new(["here.test".parse().unwrap()], rules);
        let route = |address: &str| router.destination(&address.parse().unwrap()).route;
        assert_eq!(route("ann@here.test"), "local");
        assert_eq!(route("ann@sub.corp.test"), "inner");
        assert_eq!(route("ann@corp.test"), "outer");
        assert_eq!(route("ann@notcorp.test"), "mx");
        assert_eq!(route("ann@[192.0.2.1]"), "mx");
        router.set_rules(vec![rule(&["*"], "smarthost")]);
        router.set_local([]);
        assert_eq!(route("ann@here.test"), "smarthost");
        assert_eq!(route("ann@[192.0.2.1]"), "smarthost");
    }

    #[test]
    fn patterns_print_as_they_are_read() {
        for text in ["*", "there.test", "*.there.test"] {
            assert_eq!(text.parse::<DomainPattern>().unwrap().to_string(), text);
        }
        for text in ["", "*there.test", "*.", "a b"] {
            assert!(text.parse::<DomainPattern>().is_err(), "{text}");
        }
    }
}
