//! Set-up help: what the listeners that run offer to mail programs, and the web server that tells of it.

use std::{
    collections::BTreeMap,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use rohrpost_mail::Domain;
use rohrpost_queue::Router;
use rohrpost_server::{AuthRule, Bound, Service};
use rohrpost_smtp::server::Protocol;
use rohrpost_tls::{ServerTls, ServerTlsOptions};
use rohrpost_web::{LocalDomains, Site, WebServer, WebSockets};
use serde::{Deserialize, Serialize};

use super::{Sockets, listeners::Certificates};
use crate::{
    config::{
        Settings,
        resolve::{Listener, Web},
    },
    sockets::{Binder, ListenAt, SocketAccess},
};

/// What mail programs can use here.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Offer {
    /// The ports.
    pub(crate) services: Vec<rohrpost_web::Service>,
    /// Domains whose accounts log in with encryption only.
    pub(crate) tls_domains: Vec<Domain>,
    /// Where set-up help is served over HTTPS.
    pub(crate) web: Option<(Domain, u16)>,
}

/// Where a server really listens: by the names of its listeners, and for HTTPS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ports {
    listeners: BTreeMap<String, Vec<SocketAddr>>,
    https: Vec<SocketAddr>,
}

impl Ports {
    /// Those of bound sockets.
    pub(super) fn of(settings: &Settings, sockets: &Sockets) -> Self {
        let tcp = |bound: &Bound| match bound {
            Bound::Tcp(socket) => socket.local_addr().ok(),
            Bound::Unix(_) => None,
        };
        let bound = sockets.listeners.iter().map(|bound| bound.iter().filter_map(tcp).collect());
        let names = settings.listeners.iter().map(|listener| listener.name.clone());
        let https = sockets.web.https.iter().filter_map(|socket| socket.local_addr().ok());
        Self { listeners: names.zip(bound).collect(), https: https.collect() }
    }

    /// Those that the settings name: all that is known of a server that does not run.
    pub(crate) fn named(settings: &Settings) -> Self {
        let tcp = |at: &ListenAt| match at {
            ListenAt::Tcp(address) => Some(*address),
            ListenAt::Unix(_) | ListenAt::Systemd(_) => None,
        };
        let named = |listener: &Listener| (listener.name.clone(), listener.at.iter().filter_map(tcp).collect());
        Self {
            listeners: settings.listeners.iter().map(named).collect(),
            https: settings.web.https.iter().filter_map(tcp).collect(),
        }
    }
}

impl Offer {
    /// What these settings offer on these ports.
    pub(crate) fn of(settings: &Settings, ports: &Ports) -> Self {
        let rules: Vec<AuthRule> = settings.listeners.iter().map(rule).collect();
        let open = settings.listeners.iter().filter(|listener| listener.enabled);
        let services = open.flat_map(|listener| services(settings, &rules, listener, ports)).collect();
        // The usual port where there are several.
        let port = ports.https.iter().map(SocketAddr::port).min_by_key(|port| (*port != 443, *port));
        let tls_domains = settings.intake.tls_domains.clone();
        Self { services, tls_domains, web: port.map(|port| (settings.host_name.clone(), port)) }
    }
}

fn rule(listener: &Listener) -> AuthRule {
    AuthRule { service: listener.service, tls: listener.tls, auth_tls: listener.auth_tls }
}

/// The ports of one listener, where mail programs have business there.
fn services(settings: &Settings, rules: &[AuthRule], listener: &Listener, ports: &Ports) -> Vec<rohrpost_web::Service> {
    let protocol = match listener.service {
        Service::Imap => rohrpost_web::Protocol::Imap,
        Service::Pop3 => rohrpost_web::Protocol::Pop3,
        Service::Mail(Protocol::Submission) => rohrpost_web::Protocol::Submission,
        Service::Mail(_) => return Vec::new(),
    };
    let service = |address: &SocketAddr| rohrpost_web::Service {
        protocol,
        host: listener.host_name.as_ref().unwrap_or(&settings.host_name).clone(),
        port: address.port(),
        tls: listener.tls,
        auth_tls: rule(listener).offers_auth(rules),
        auth_clear: listener.auth_clear,
        is_loopback: address.ip().to_canonical().is_loopback() && listener.proxy_networks.is_empty(),
    };
    ports.listeners.get(&listener.name).into_iter().flatten().map(service).collect()
}

/// Binds what `[web]` names.
pub(super) fn bind(web: &Web, binder: &mut Binder) -> anyhow::Result<WebSockets> {
    let mut all = |places: &[ListenAt], key: &'static str| {
        let bound = places.iter().map(|at| binder.bind(at, &SocketAccess::default()));
        let bound = bound.collect::<anyhow::Result<Vec<_>>>().context(key)?;
        bound.into_iter().flatten().map(tcp).collect::<anyhow::Result<Vec<_>>>().context(key)
    };
    Ok(WebSockets { https: all(&web.https, "web.address")?, redirect: all(&web.redirect, "web.redirect_address")? })
}

fn tcp(bound: Bound) -> anyhow::Result<TcpListener> {
    match bound {
        Bound::Tcp(socket) => Ok(socket),
        Bound::Unix(_) => anyhow::bail!("browsers do not come by a unix socket"),
    }
}

/// The domains as the router knows them: those of the settings and those of the store.
struct Local(Arc<Router>);

impl LocalDomains for Local {
    fn is_local(&self, domain: &Domain) -> bool {
        self.0.is_local(&domain.clone().into())
    }
}

/// The running web server, or none where nothing is served.
pub(super) struct Help {
    server: Option<WebServer>,
    router: Arc<Router>,
}

impl Help {
    /// Starts it.
    pub(super) fn start(
        settings: &Settings,
        certificates: &Certificates,
        router: Arc<Router>,
        offer: &Offer,
        sockets: WebSockets,
    ) -> anyhow::Result<Self> {
        let mut help = Self { server: None, router };
        if !sockets.https.is_empty() {
            let (site, tls) = help.site(settings, certificates, offer)?;
            help.server = Some(WebServer::start(sockets, site, tls).context("web")?);
        }
        Ok(help)
    }

    /// Tells of other settings from now on.
    pub(super) fn reload(&self, settings: &Settings, certificates: &Certificates, offer: &Offer) -> anyhow::Result<()> {
        if let Some(server) = &self.server {
            let (site, tls) = self.site(settings, certificates, offer)?;
            server.reload(site, tls);
        }
        Ok(())
    }

    /// Stops it.
    pub(super) async fn stop(&self, grace: Duration) {
        if let Some(server) = &self.server {
            server.stop(grace).await;
        }
    }

    fn site(
        &self,
        settings: &Settings,
        certificates: &Certificates,
        offer: &Offer,
    ) -> anyhow::Result<(Site, ServerTls)> {
        let options = ServerTlsOptions {
            min: settings.min_tls,
            alpn: vec![b"http/1.1".to_vec()],
            ..ServerTlsOptions::new(certificates.shared().clone(), "web")
        };
        let site = Site {
            names: settings.web.names.iter().chain([&settings.host_name]).cloned().collect(),
            services: offer.services.clone(),
            tls_domains: offer.tls_domains.clone(),
            domains: Arc::new(Local(self.router.clone())),
            certificates: certificates.shared().clone(),
        };
        Ok((site, ServerTls::new(options).context("web")?))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rohrpost_web::Servers;

    use super::*;
    use crate::config;

    const HEAD: &str = "host_name = \"mx.here.test\"\npostmaster = \"ann@here.test\"\n";

    fn offer(lines: &str) -> Offer {
        let settings = config::parse(Path::new("/etc/rohrpost.toml"), &format!("{HEAD}{lines}")).unwrap();
        Offer::of(&settings, &Ports::named(&settings))
    }

    fn named(offer: &Offer) -> Vec<String> {
        let servers = Servers::of(&offer.services);
        servers.iter().map(|server| format!("{}:{} {}", server.host, server.port, server.encryption.label())).collect()
    }

    #[test]
    fn without_any_listener_in_the_file_the_usual_ones_are_offered() {
        let offer = offer("");
        assert_eq!(
            named(&offer),
            ["mx.here.test:993 SSL/TLS", "mx.here.test:465 SSL/TLS", "mx.here.test:587 STARTTLS",]
        );
        assert_eq!(offer.web, None);
    }

    #[test]
    fn each_listener_is_offered_by_its_own_name_and_only_where_it_is_open_to_log_ins() {
        let lines = "
            [[listener]]
            name = \"in\"
            protocol = \"imap\"
            address = \"0.0.0.0:993\"
            host_name = \"imap.here.test\"
            [[listener]]
            name = \"closed\"
            protocol = \"pop3\"
            address = \"0.0.0.0:995\"
            enabled = false
            [[listener]]
            name = \"no log-ins\"
            protocol = \"submission\"
            address = \"0.0.0.0:587\"
            auth = { tls = false }
            require_auth = false
            [[listener]]
            name = \"out\"
            protocol = \"submission\"
            address = [\"0.0.0.0:465\", \"[::]:465\", \"unix:out.sock\"]
            host_name = \"smtp.here.test\"
            [[listener]]
            name = \"mx\"
            protocol = \"smtp\"
            address = \"0.0.0.0:25\"
            [web]
            address = [\"0.0.0.0:8443\", \"[::]:443\"]";
        let offer = offer(lines);
        assert_eq!(named(&offer), ["imap.here.test:993 SSL/TLS", "smtp.here.test:465 SSL/TLS"]);
        assert_eq!(offer.web, Some(("mx.here.test".parse().unwrap(), 443)));
    }
}
