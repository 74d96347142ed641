//! What rows and gates are called by.

use std::sync::Arc;

use crate::routing::LOCAL;

/// Route and domain: what rows are indexed by.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SiteKey {
    pub(super) route: Arc<str>,
    pub(super) site: Arc<str>,
}

impl SiteKey {
    /// Names a site.
    pub fn new(route: &str, site: &str) -> Self {
        Self { route: route.into(), site: site.into() }
    }

    /// `local`, `mx`, or the name of a route.
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The domain.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// Whether it is a mailbox domain of this server.
    pub fn is_local(&self) -> bool {
        &*self.route == LOCAL
    }
}

/// Which gate: all domains of one set of MX hosts share one, and so do all domains of a named route.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GateKey(pub(super) Arc<str>);

impl GateKey {
    pub(super) fn of_route(route: &str) -> Self {
        Self(format!("route {route}").into())
    }

    pub(super) fn of_mx(site: &str) -> Self {
        Self(format!("mx {site}").into())
    }
}
