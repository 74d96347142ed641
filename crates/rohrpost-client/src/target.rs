//! Where to connect, and on which terms.

use std::{net::IpAddr, time::Duration};

use rohrpost_mail::{Domain, Host, MinTls, Secret, TlsMode, Trust};
use rohrpost_sasl::{Mechanism, client::Credential};
use rohrpost_smtp::client::{Protocol, Quirks, Starttls, Timeouts};
use rohrpost_tls::Tlsa;

use crate::{
    dial::{Connector, Sources},
    endpoint::Endpoint,
    limits::{IDLE_MX, IDLE_RELAY},
    server_url::{Place, ServerUrl},
};

/// How this one connection is encrypted: [`TlsMode`] without its `auto`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum LinkTls {
    /// Clear text, as somebody said.
    Off,
    /// Clear text, since an earlier handshake failed and the policy allows it. Never carries a log-in.
    Fallback,
    /// STARTTLS where it is offered. A handshake that fails then is an error.
    #[default]
    IfOffered,
    /// STARTTLS, or nothing is sent.
    Starttls,
    /// TLS from the first octet (RFC 8314 §3).
    Implicit,
}

impl LinkTls {
    /// What a mode means at an endpoint, where somebody named whom to trust, or nobody did. `auto` is TLS from the first octet
    /// on port 465 and STARTTLS on every other. What never leaves this host may go in clear unless a trust was named: on
    /// loopback a tunnel may begin, and only TLS shows who is at its end. Who is behind a unix socket its file says.
    pub fn of(mode: TlsMode, endpoint: &Endpoint, named: Option<&Trust>) -> Self {
        let insists = named.is_some_and(|trust| *trust != Trust::Any);
        match (mode, endpoint) {
            (TlsMode::Off, _) | (TlsMode::Auto, Endpoint::Unix(_)) => Self::Off,
            (TlsMode::Implicit, _) => Self::Implicit,
            (TlsMode::Auto, endpoint) if endpoint.port() == Some(465) => Self::Implicit,
            (TlsMode::Auto, endpoint) if endpoint.is_local() && !insists => Self::IfOffered,
            (TlsMode::Auto | TlsMode::Starttls, _) => Self::Starttls,
            (TlsMode::Opportunistic, _) => Self::IfOffered,
        }
    }

    pub(crate) fn starttls(self) -> Starttls {
        match self {
            Self::Off | Self::Fallback | Self::Implicit => Starttls::Never,
            Self::IfOffered => Starttls::IfOffered,
            Self::Starttls => Starttls::Required,
        }
    }

    /// Whether clear text would do.
    pub fn allows_clear(self) -> bool {
        matches!(self, Self::Off | Self::Fallback | Self::IfOffered)
    }
}

/// Who logs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// The account.
    pub user: String,
    /// What proves it: a password, a token, or the client certificate.
    pub credential: Credential,
    /// This mechanism and no other; by default the best that is offered.
    pub mechanism: Option<Mechanism>,
}

impl Login {
    /// With a password and the best mechanism that is offered.
    pub fn new(user: impl Into<String>, password: Secret) -> Self {
        Self { user: user.into(), credential: Credential::Password(password), mechanism: None }
    }

    /// With a bearer token of OAuth 2.0 (RFC 6750), by OAUTHBEARER or XOAUTH2.
    pub fn token(user: impl Into<String>, token: Secret) -> Self {
        Self { user: user.into(), credential: Credential::Token(token), mechanism: None }
    }

    /// With the certificate that is shown in TLS, by EXTERNAL. An empty user leaves the name to the server.
    pub fn certificate(user: impl Into<String>) -> Self {
        Self { user: user.into(), credential: Credential::Certificate, mechanism: None }
    }
}

/// One server and the terms on which it is spoken to. The defaults are those of [`Target::new`].
#[derive(Clone, Debug)]
pub struct Target {
    /// Address or socket.
    pub endpoint: Endpoint,
    /// The server's name: asked for in SNI (RFC 6066 §3), and what its certificate is judged by (RFC 9525). Default: none,
    /// then the certificate is judged by the address.
    pub name: Option<Domain>,
    /// SMTP (default) or LMTP.
    pub protocol: Protocol,
    /// Encryption. Default: STARTTLS where it is offered.
    pub tls: LinkTls,
    /// Who must be there. Default: anybody. The verdict is recorded in any case.
    pub trust: Trust,
    /// The server's TLSA records, for [`Trust::Dane`]. Default: none.
    pub tlsa: Vec<Tlsa>,
    /// Whether the handshake fails when `trust` is not met. Default: no.
    pub require_trust: bool,
    /// The oldest TLS version. Default: 1.2.
    pub min_tls: MinTls,
    /// Who logs in (RFC 4954). Default: nobody. Credentials leave only inside TLS that meets `trust`, or locally.
    pub login: Option<Login>,
    /// Lets credentials cross the network in clear text. Default: no. Whoever sets it warns its user.
    pub allow_clear: bool,
    /// Lets SCRAM log in over clear text: those who read along learn no password, though they can try guesses on what they
    /// read. Default: no.
    pub scram_in_clear: bool,
    /// What we call ourselves (RFC 5321 §4.1.4: a name that leads to this host, or its address). The unspecified address
    /// (`[0.0.0.0]`) stands for the one that the connection comes from, or `[127.0.0.1]` where there is none to see, as behind
    /// a proxy.
    pub ehlo_name: Host,
    /// The local addresses to connect from. Default: the system chooses.
    pub sources: Sources,
    /// Who opens the connection, such as a proxy. Default: the system; then `sources` count.
    pub connector: Option<Connector>,
    /// What is not used although the server offers it. Default: nothing.
    pub quirks: Quirks,
    /// Whether the message is withheld from everybody when one recipient is refused. Default: no.
    pub all_or_nothing: bool,
    /// Whether the dialogue is kept, without secrets and message texts, for [`Connection::transcript`](crate::Connection).
    /// Default: no.
    pub transcript: bool,
    /// A label of the certificate that the [`ClientTls`](rohrpost_tls::ClientTls) in use shows, if it shows one. Default:
    /// none. It chooses nothing; it keeps connections with and without the certificate apart.
    pub client_certificate: Option<String>,
    /// A label of the policy that led to these terms. Default: empty. Connections and TLS sessions are shared only under
    /// equal labels.
    pub policy: String,
    /// Limits per stage. Default: those of RFC 5321 §4.5.3.2.
    pub timeouts: Timeouts,
    /// How long the connection may lie unused in a pool. Default: [`IDLE_MX`].
    pub idle: Duration,
}

impl Target {
    /// SMTP with STARTTLS where it is offered, any certificate, no log-in.
    pub fn new(endpoint: impl Into<Endpoint>, ehlo_name: Host) -> Self {
        Self {
            endpoint: endpoint.into(),
            name: None,
            protocol: Protocol::Smtp,
            tls: LinkTls::default(),
            trust: Trust::Any,
            tlsa: Vec::new(),
            require_trust: false,
            min_tls: MinTls::default(),
            login: None,
            allow_clear: false,
            scram_in_clear: false,
            ehlo_name,
            sources: Sources::default(),
            connector: None,
            quirks: Quirks::default(),
            all_or_nothing: false,
            transcript: false,
            client_certificate: None,
            policy: String::new(),
            timeouts: Timeouts::default(),
            idle: IDLE_MX,
        }
    }

    /// What the certificate is judged by: the name, else the address.
    pub(crate) fn server_name(&self) -> Host {
        match (&self.name, &self.endpoint) {
            (Some(name), _) | (None, Endpoint::Name(name, _)) => Host::Name(name.clone()),
            (None, Endpoint::Tcp(address)) => Host::Literal(address.ip()),
            (None, Endpoint::Unix(_)) => Host::Literal(IpAddr::from([127, 0, 0, 1])),
        }
    }

    /// What must be equal for a connection to serve this target.
    pub fn reuse_key(&self) -> ReuseKey {
        ReuseKey {
            endpoint: self.endpoint.clone(),
            name: self.name.clone(),
            protocol: self.protocol,
            tls: self.tls,
            trust: self.trust.clone(),
            tlsa: self.tlsa.clone(),
            require_trust: self.require_trust,
            min_tls: self.min_tls,
            login: self.login.as_ref().map(|login| (login.user.clone(), login.mechanism)),
            allow_clear: self.allow_clear,
            scram_in_clear: self.scram_in_clear,
            ehlo_name: self.ehlo_name.clone(),
            sources: self.sources,
            connector: self.connector.clone(),
            quirks: self.quirks,
            all_or_nothing: self.all_or_nothing,
            client_certificate: self.client_certificate.clone(),
            policy: self.policy.clone(),
        }
    }

    /// Keeps TLS sessions of different terms apart.
    pub(crate) fn cache_key(&self) -> String {
        let certificate = self.client_certificate.as_deref().unwrap_or_default();
        format!("{} {:?} {} {certificate}", self.endpoint, self.protocol, self.policy)
    }
}

/// The terms of a connection. One that was opened on weaker or other terms never serves a target with these.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct ReuseKey {
    endpoint: Endpoint,
    name: Option<Domain>,
    protocol: Protocol,
    tls: LinkTls,
    trust: Trust,
    tlsa: Vec<Tlsa>,
    require_trust: bool,
    min_tls: MinTls,
    login: Option<(String, Option<Mechanism>)>,
    allow_clear: bool,
    scram_in_clear: bool,
    ehlo_name: Host,
    sources: Sources,
    connector: Option<Connector>,
    quirks: Quirks,
    all_or_nothing: bool,
    client_certificate: Option<String>,
    policy: String,
}

impl ServerUrl {
    /// The terms of this text, without a log-in: trust is insisted on unless it is [`Trust::Any`], and an unused connection is
    /// kept for [`IDLE_RELAY`].
    pub fn target(&self, ehlo_name: Host) -> Target {
        let endpoint = self.place().endpoint();
        let trust = self.trust(&endpoint);
        Target {
            name: match self.place() {
                Place::Net(host, _) => host.name().cloned(),
                Place::Unix(_) => None,
            },
            protocol: self.protocol(),
            tls: LinkTls::of(self.tls(), &endpoint, self.explicit_trust()),
            require_trust: trust != Trust::Any,
            trust,
            min_tls: self.min_tls(),
            idle: IDLE_RELAY,
            ..Target::new(endpoint, ehlo_name)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn target() -> Target {
        Target::new(SocketAddr::from(([192, 0, 2, 1], 25)), Host::parse("here.test").unwrap())
    }

    #[test]
    fn every_term_is_part_of_the_reuse_key() {
        let changes: [fn(&mut Target); 14] = [
            |target| target.endpoint = Endpoint::Unix("/run/x".into()),
            |target| target.name = Some(Domain::parse("mx.test").unwrap()),
            |target| target.protocol = Protocol::Lmtp,
            |target| target.tls = LinkTls::Starttls,
            |target| target.trust = Trust::System,
            |target| target.tlsa.push(Tlsa { usage: 3, selector: 1, matching: 1, data: vec![0; 32] }),
            |target| target.require_trust = true,
            |target| target.min_tls = MinTls::Tls13,
            |target| target.login = Some(Login::new("ann", Secret::new("x"))),
            |target| target.ehlo_name = Host::parse("other.test").unwrap(),
            |target| target.sources = IpAddr::from([192, 0, 2, 9]).into(),
            |target| target.quirks.no_chunking = true,
            |target| target.client_certificate = Some("partner".into()),
            |target| target.policy = "require-tls".into(),
        ];
        assert_eq!(target().reuse_key(), target().reuse_key());
        for (place, change) in changes.iter().enumerate() {
            let mut other = target();
            change(&mut other);
            assert_ne!(other.reuse_key(), target().reuse_key(), "change {place}");
        }
    }

    #[test]
    fn the_port_decides_what_auto_means_and_only_this_host_may_go_in_clear() {
        use LinkTls::{IfOffered, Implicit, Off, Starttls};

        let auto = |text: &str| LinkTls::of(TlsMode::Auto, &Endpoint::Tcp(text.parse().unwrap()), None);
        assert_eq!(auto("192.0.2.1:465"), Implicit);
        assert_eq!(auto("127.0.0.1:465"), Implicit);
        assert_eq!(auto("192.0.2.1:587"), Starttls);
        assert_eq!(auto("127.0.0.1:587"), IfOffered);
        assert_eq!(LinkTls::of(TlsMode::Auto, &Endpoint::Unix("/run/x".into()), None), Off);
        let named = Endpoint::Name(Domain::parse("mx.test").unwrap(), 465);
        let modes = [TlsMode::Auto, TlsMode::Implicit, TlsMode::Starttls, TlsMode::Opportunistic, TlsMode::Off];
        let forms = modes.map(|mode| LinkTls::of(mode, &named, None));
        assert_eq!(forms, [Implicit, Implicit, Starttls, IfOffered, Off]);
    }

    #[test]
    fn a_trust_that_is_named_makes_tls_required_on_loopback_too() {
        use LinkTls::{IfOffered, Implicit, Off, Starttls};

        let near = |port| Endpoint::Tcp(([127, 0, 0, 1], port).into());
        let named = [Trust::System, Trust::FirstUse, Trust::Ca("/ca.pem".into()), Trust::PinSpki("ab".repeat(32))];
        for trust in &named {
            assert_eq!(LinkTls::of(TlsMode::Auto, &near(25), Some(trust)), Starttls, "{trust}");
            assert_eq!(LinkTls::of(TlsMode::Auto, &near(465), Some(trust)), Implicit, "{trust}");
            assert_eq!(LinkTls::of(TlsMode::Off, &near(25), Some(trust)), Off, "{trust}: told so");
            assert_eq!(LinkTls::of(TlsMode::Opportunistic, &near(25), Some(trust)), IfOffered, "{trust}: told so");
        }
        assert_eq!(LinkTls::of(TlsMode::Auto, &near(25), Some(&Trust::Any)), IfOffered);
        assert_eq!(LinkTls::of(TlsMode::Auto, &Endpoint::Unix("/run/x".into()), Some(&named[0])), Off);
    }

    #[test]
    fn only_loopback_and_unix_sockets_are_local() {
        let local = |text: &str| Endpoint::Tcp(text.parse().unwrap()).is_local();
        assert!(local("127.0.0.9:25") && local("[::1]:25") && local("[::ffff:127.0.0.1]:25"));
        assert!(!local("192.0.2.1:25") && !local("[2001:db8::1]:25") && !local("0.0.0.0:25"));
        assert!(Endpoint::Unix("/run/x".into()).is_local());
        let named = |text: &str| Endpoint::Name(Domain::parse(text).unwrap(), 25).is_local();
        assert!(named("localhost") && named("mx.localhost") && !named("localhost.test") && !named("notlocalhost"));
    }
}
