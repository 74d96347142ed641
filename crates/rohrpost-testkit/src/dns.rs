//! DNS on loopback whose MX records lead to ports of the test.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use rohrpost_dns::{
    Options, Resolver, Validate,
    zone::{Question, Zone, ZoneServer},
};

/// Short, since tests that wait for it wait for real; a server on loopback answers in less than a millisecond.
const TIMEOUT: Duration = Duration::from_millis(250);

/// A DNS server and how to ask it.
#[derive(Debug)]
pub struct Dns {
    server: ZoneServer,
}

impl Dns {
    /// Serves these zones.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(zones: impl IntoIterator<Item = Zone>) -> Self {
        Self { server: ZoneServer::start(zones).await.expect("a port of loopback is free") }
    }

    /// Serves one domain whose only mail host, `mx.DOMAIN`, is 127.0.0.1.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn for_domain(domain: &str) -> Self {
        Self::start([Self::zone(domain)]).await
    }

    /// The zone of such a domain.
    pub fn zone(domain: &str) -> Zone {
        let host = format!("mx.{domain}");
        Zone::new(domain).mx(domain, 10, &host).a(&host, Ipv4Addr::LOCALHOST)
    }

    /// Asks this server; mail hosts are reached at `mx_port`, on loopback too.
    pub fn resolver(&self, mx_port: u16) -> Resolver {
        self.resolver_with(Options { mx_port, ..Self::options() })
    }

    /// Asks this server, with options made from [`Self::options`].
    pub fn resolver_with(&self, options: Options) -> Resolver {
        Resolver::with_servers([self.server.address()], options)
    }

    /// What tests need: no network is denied, answers come soon or not at all, nothing is signed.
    pub fn options() -> Options {
        Options { validate: Validate::Off, timeout: TIMEOUT, mx_denied_networks: Vec::new(), ..Options::default() }
    }

    /// Serves other zones from now on.
    pub fn replace(&self, zones: impl IntoIterator<Item = Zone>) {
        self.server.replace(zones);
    }

    /// What was asked.
    pub fn questions(&self) -> Vec<Question> {
        self.server.questions()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The one address that everything of a test lives at.
    pub const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
}
