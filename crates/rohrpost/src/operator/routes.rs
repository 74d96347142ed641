//! Ways out: what the configuration says of them, and how they fare in a running server.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rohrpost_delivery::{HostState, RouteState, settings::Choose};
use rohrpost_mail::Link;
use rohrpost_store::{Filter, StoreError};

use super::Operator;
use crate::{
    config::{self, Settings},
    control::{Answer, HostRow, HostWord, Refusal, RouteRow, VerbWord},
};

/// The route of the system's own notices, which no `[[route]]` can be called.
const NOTICES: &str = "notices";

/// The ways out of these settings; nothing is known of their hosts yet.
pub(super) fn of(settings: &Settings) -> Vec<RouteRow> {
    let row = |route: &rohrpost_delivery::Route| RouteRow {
        name: route.name.clone(),
        weighted: route.choose == Choose::Weighted,
        after_tries: route.escalation.as_ref().map(|next| next.after_tries),
        then: route.escalation.as_ref().map(|next| next.then.clone()),
        hosts: route.hosts.iter().map(host).collect(),
        ..selectors(settings, &route.name)
    };
    settings.delivery.routes.iter().map(row).collect()
}

fn host(host: &rohrpost_delivery::RouteHost) -> HostRow {
    let account = host.login.as_ref().map(|login| login.user.clone());
    HostRow { host: host.place.to_string(), account, weight: host.weight, ..HostRow::default() }
}

/// Whose mail takes a route: that of the configuration, or that to the server behind a relay domain.
fn selectors(settings: &Settings, name: &str) -> RouteRow {
    if let Some(route) = settings.file.route.iter().find(|route| route.name == name) {
        return RouteRow {
            recipients: route.recipients.clone(),
            senders: route.senders.clone(),
            accounts: route.accounts.clone(),
            headers: route.headers.clone(),
            ..RouteRow::default()
        };
    }
    let domains = settings.file.relay_domain.iter();
    let domains = domains.filter(|domain| config::resolve::relay_domain(domain).route_name() == name);
    RouteRow { recipients: domains.map(|domain| domain.domain.to_string()).collect(), ..RouteRow::default() }
}

impl Operator {
    pub(super) fn route_list(&self) -> Answer {
        let mut rows = self.configured().ways;
        let states = self.live.as_ref().map(|live| live.routes()).unwrap_or_default();
        for row in &mut rows {
            if let Some(state) = states.iter().find(|state| state.name == row.name) {
                add_states(row, state);
            }
        }
        Answer::Routes(rows)
    }

    /// Routes that mail waits for and the settings do not name (any more), with the number of its recipients. It would
    /// wait until its time is up.
    pub(crate) async fn lost_routes(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let known = self.configured().routes;
        let mut lost = BTreeMap::new();
        for row in self.store.shape(Timestamp::now()).await? {
            if row.route != NOTICES && !known.contains(&row.route) {
                *lost.entry(row.route.clone()).or_default() += row.total();
            }
        }
        Ok(lost)
    }

    /// Tries a route at once: its hosts that are down, and the mail that waits for it.
    pub(super) async fn route_retry(&self, name: String, by: &str) -> Result<Answer, Refusal> {
        self.check_route(&name)?;
        if let Some(live) = &self.live {
            live.probe(&name);
        }
        let filter = Filter { route: Some(name), ..Filter::default() };
        self.queue_apply(filter, VerbWord::Retry, false, by).await
    }
}

fn add_states(row: &mut RouteRow, state: &RouteState) {
    // Both have the order of the settings; they differ only for a moment while those are read anew.
    for (host, known) in row.hosts.iter_mut().zip(&state.hosts).filter(|(host, known)| host.host == known.place) {
        *host = with_state(std::mem::take(host), known);
    }
}

fn with_state(host: HostRow, known: &HostState) -> HostRow {
    let down = known.down.as_ref();
    HostRow {
        state: if down.is_some() { HostWord::Down } else { HostWord::Up },
        since: down.map(|down| down.since),
        why: down.map(|down| down.why.clone()),
        next_probe: down.map(|down| down.next_probe),
        last_success: known.last_success,
        sent: known.sent,
        failed: known.failed,
        seal: known.link.as_ref().and_then(seal),
        ..host
    }
}

fn seal(link: &Link) -> Option<String> {
    match link {
        Link::Local => Some("local".to_owned()),
        link => link.seal().map(|seal| seal.to_string()),
    }
}
