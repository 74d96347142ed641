//! Asks the server behind a relay domain whether it knows a recipient.

use std::sync::{PoisonError, RwLock};

use rohrpost_client::{Connection, Endpoint, LinkTls, Target};
use rohrpost_delivery::settings::{Place, Route, RouteHost};
use rohrpost_dns::Resolver;
use rohrpost_intake::{Callout, Known, callout::Answer, settings::RelayDomain};
use rohrpost_mail::{Class, Domain, Host, Mailbox, Trust};
use rohrpost_tls::{ClientTls, ClientTlsOptions, TlsError};

use crate::config::Settings;

/// Probes next hops over the SMTP client.
pub(super) struct Prober {
    routes: RwLock<Vec<Route>>,
    host_name: Domain,
    resolver: Resolver,
    tls: ClientTls,
}

impl Prober {
    /// Knows the routes to the next hops.
    pub(super) fn new(settings: &Settings, resolver: Resolver) -> Result<Self, TlsError> {
        Ok(Self {
            routes: RwLock::new(settings.delivery.routes.clone()),
            host_name: settings.host_name.clone(),
            resolver,
            tls: ClientTls::new(ClientTlsOptions::default())?,
        })
    }

    /// The configuration was read anew.
    pub(super) fn reload(&self, routes: Vec<Route>) {
        *self.routes.write().unwrap_or_else(PoisonError::into_inner) = routes;
    }

    /// The server behind a relay domain.
    fn host(&self, relay: &RelayDomain) -> Option<RouteHost> {
        let name = relay.route_name();
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner);
        routes.iter().find(|route| route.name == name).and_then(|route| route.hosts.first()).cloned()
    }

    async fn ask(&self, relay: &RelayDomain, recipient: &Mailbox) -> Known {
        let Some(host) = self.host(relay) else { return Known::Undecided };
        let targets = self.targets(&host).await;
        let Ok(mut connection) = Connection::open_first(&targets, &self.tls).await else { return Known::Undecided };
        let outcome = connection.probe(recipient).await;
        connection.quit().await;
        match outcome {
            Ok(_) => Known::Yes,
            Err(failure) if failure.class == Class::Permanent => Known::No,
            Err(_) => Known::Undecided,
        }
    }

    /// The addresses of a next hop, on its terms.
    async fn targets(&self, host: &RouteHost) -> Vec<Target> {
        let (name, endpoints) = match &host.place {
            Place::Unix(path) => (None, vec![Endpoint::Unix(path.clone())]),
            // No relay domain has one as its next hop.
            Place::Mx | Place::Pipe(_) => (None, Vec::new()),
            Place::Host(Host::Literal(address), port) => (None, vec![Endpoint::Tcp((*address, *port).into())]),
            Place::Host(Host::Name(name), port) => {
                let addresses = self.resolver.addresses(name).await.unwrap_or_default();
                let endpoints = addresses.into_iter().map(|address| Endpoint::Tcp((address, *port).into())).collect();
                (Some(name.clone()), endpoints)
            }
        };
        let target = |endpoint: Endpoint| Target {
            name: name.clone(),
            protocol: host.protocol,
            tls: LinkTls::of(host.tls, &endpoint, host.named_trust()),
            trust: host.trust.clone(),
            require_trust: host.trust != Trust::Any,
            min_tls: host.min_tls,
            policy: "callout".to_owned(),
            ..Target::new(endpoint, self.host_name.clone().into())
        };
        endpoints.into_iter().map(target).collect()
    }
}

impl Callout for Prober {
    fn probe<'a>(&'a self, relay: &'a RelayDomain, recipient: &'a Mailbox) -> Answer<'a, Known> {
        Box::pin(self.ask(relay, recipient))
    }
}
