//! One server, and the terms on which it is spoken to.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
    time::Duration,
};

use rohrpost_client::{Connector, LinkTls, Place, Quirks, ServerUrl, Sources, Target, Timeouts, limits::IDLE_RELAY};
use rohrpost_dns::Resolver;
use rohrpost_mail::{Domain, Host, MinTls, TlsMode as Security, Trust};
use rohrpost_smtp::client::Protocol;
use rohrpost_tls::CertPair;

use crate::{
    error::{ConfigError, Error},
    known::KnownServers,
    limits::{CONCURRENCY, SILENCE, SILENCE_ON_25},
    proxy::Proxy,
    rate::Rate,
    secret::{Login, SecretSource},
};

/// One server, and the terms on which it is spoken to.
///
/// How the link is encrypted ([`Security`]) and whom it must lead to ([`Trust`]) are two settings:
///
/// | `Security` | on the wire |
/// |---|---|
/// | `Auto` (default) | encrypted, in the form that the port has: 465 TLS from the first octet, every other STARTTLS. Where the port turns out to have the other form, one more connection is made in that one, and the receipt says so. Clear text never, but on this very host, and there only where no trust is named |
/// | `Implicit`, `Starttls` | this form and no other |
/// | `Opportunistic` | STARTTLS where it is offered, else clear text. A handshake that fails is an error unless [`Server::clear_fallback`] |
/// | `Off` | clear text, even where STARTTLS is offered |
///
/// With `Auto` a port that does not greet within [`SILENCE`] (port 25: [`SILENCE_ON_25`]) is taken for one that waits for TLS.
/// Where it then greets after all, it was slow, and is waited for as [`Server::timeouts`] say.
///
/// Trust is `System` by default. On this host (`localhost`, loopback addresses, unix sockets) it is `Any`: what never leaves
/// the host needs no certificate. So **an untrusted certificate on 127.0.0.1 is accepted**, and the receipt has a note that
/// says so ([`Note::Lenient`](crate::Note::Lenient)); [`Server::trust`] or `trust=` in the URL insists there, too: with `Auto` nothing
/// goes in clear text then. Whoever reaches a remote server by a tunnel that ends on loopback should do that. On a unix socket
/// nothing is encrypted with `Auto`: the permissions of its file say who is there.
///
/// `FirstUse` needs [`Server::known_servers`]. `Dane` asks the DNS servers of this host, or those of [`Server::resolver`], for
/// the server's TLSA records (RFC 7672); where there are none, or nothing proves them, nothing is sent. Both insist on TLS from
/// then on, with `Opportunistic` too.
///
/// ```
/// use rohrpost_sender::{MinTls, Security, Server, Trust};
///
/// let relay = Server::new("mail.firma.example")?.port(587).trust("ca:/etc/firma-ca.pem".parse::<Trust>()?);
/// let strict = Server::url("submissions://mail.firma.example")?.min_tls(MinTls::Tls13).rate("250/h".parse()?);
/// assert_eq!(relay.to_string(), "mail.firma.example:587");
/// assert_eq!(strict.to_string(), "mail.firma.example:465");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Server {
    place: Place,
    protocol: Protocol,
    security: Security,
    may_change_form: bool,
    clear_fallback: bool,
    trust: Option<Trust>,
    min_tls: MinTls,
    user: Option<String>,
    login: Option<Login>,
    ehlo_name: Option<Host>,
    sources: Sources,
    connector: Option<Connector>,
    client_certificate: Option<CertPair>,
    certificate_name: Option<Domain>,
    known: Option<KnownServers>,
    resolver: Option<Resolver>,
    quirks: Quirks,
    all_or_nothing: bool,
    timeouts: Timeouts,
    rate: Option<Rate>,
    concurrency: usize,
}

/// Ways to name a server. The three kinds that business applications know have a constructor each:
///
/// | kind | constructor | encrypted | certificate |
/// |---|---|---|---|
/// | plain SMTP | [`Server::plain`] | never | – |
/// | SMTP with TLS whenever offered | [`Server::opportunistic`] | where the server offers STARTTLS | any |
/// | SMTPS, on 465, 587 or any port | [`Server::smtps`] | always | any, unless [`Server::trust`] says more |
impl Server {
    /// Submission with everything safe by default: port 587, [`Security::Auto`], [`Trust::System`].
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config) when `host` is neither a name nor an address.
    pub fn new(host: &str) -> Result<Self, Error> {
        Ok(Self::at(Place::Net(parse_host(host)?, 587)))
    }

    /// Plain SMTP: port 25, never encrypted. A password crosses it only with [`Login::allow_clear`], and a warning is
    /// logged then.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn plain(host: &str) -> Result<Self, Error> {
        Ok(Self::new(host)?.port(25).security(Security::Off).trust(Trust::Any))
    }

    /// SMTP with TLS whenever the server offers it: port 25, any certificate. A handshake that fails after TLS was offered
    /// is an error, and no password goes in clear text.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn opportunistic(host: &str) -> Result<Self, Error> {
        Ok(Self::new(host)?.port(25).security(Security::Opportunistic).trust(Trust::Any))
    }

    /// SMTPS: TLS from the first octet, on 465 or, with [`Server::port`], on any other; any certificate, self-signed ones
    /// too. A port that greets in clear text, as 587 often does, is spoken to once more with STARTTLS required. Encrypted, or
    /// nothing is sent; the receipt says which form it was and why the certificate was not verified.
    ///
    /// # Errors
    /// As [`Server::new`].
    pub fn smtps(host: &str) -> Result<Self, Error> {
        let server = Self::new(host)?.port(465).security(Security::Implicit).trust(Trust::Any);
        Ok(Self { may_change_form: true, ..server })
    }

    /// From a URL: `smtp://host:port?tls=…&trust=…&min-tls=…`; the schemes are those of [`ServerUrl`]. A user in it needs a
    /// [`Server::login`] beside it; a password has no place in it.
    ///
    /// # Errors
    /// [`Kind::Config`](crate::Kind::Config).
    pub fn url(url: &str) -> Result<Self, Error> {
        let url: ServerUrl = url.parse().map_err(ConfigError::from)?;
        Ok(Self {
            protocol: url.protocol(),
            trust: url.explicit_trust().cloned(),
            min_tls: url.min_tls(),
            user: url.user().map(str::to_owned),
            ..Self::at(url.place().clone())
        }
        .security(url.tls()))
    }

    /// A unix socket, for SMTP or, with [`Server::lmtp`], LMTP.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::at(Place::Unix(path.into()))
    }

    fn at(place: Place) -> Self {
        Self {
            place,
            protocol: Protocol::Smtp,
            security: Security::Auto,
            may_change_form: true,
            clear_fallback: false,
            trust: None,
            min_tls: MinTls::default(),
            user: None,
            login: None,
            ehlo_name: None,
            sources: Sources::default(),
            connector: None,
            client_certificate: None,
            certificate_name: None,
            known: None,
            resolver: None,
            quirks: Quirks::default(),
            all_or_nothing: false,
            timeouts: Timeouts { connect: Duration::from_secs(10), ..Timeouts::default() },
            rate: None,
            concurrency: CONCURRENCY,
        }
    }
}

/// The terms. Each replaces what was there before.
impl Server {
    /// Another port. Without effect on a unix socket.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        if let Place::Net(_, at) = &mut self.place {
            *at = port;
        }
        self
    }

    /// How the link is encrypted. Only `Auto` tries the other form where a port has it.
    #[must_use]
    pub fn security(mut self, security: Security) -> Self {
        self.security = security;
        self.may_change_form = security == Security::Auto;
        self
    }

    /// Whom the link must lead to.
    #[must_use]
    pub fn trust(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self
    }

    /// Where the keys are kept that servers showed first, for [`Trust::FirstUse`]. Default: nowhere, which is an error then.
    #[must_use]
    pub fn known_servers(mut self, known: KnownServers) -> Self {
        self.known = Some(known);
        self
    }

    /// Who is asked for TLSA records, for [`Trust::Dane`]. Default: the DNS servers of this host.
    #[must_use]
    pub fn resolver(mut self, resolver: Resolver) -> Self {
        self.resolver = Some(resolver);
        self
    }

    /// The oldest version of TLS. Default: 1.2.
    #[must_use]
    pub fn min_tls(mut self, min: MinTls) -> Self {
        self.min_tls = min;
        self
    }

    /// With [`Security::Opportunistic`], and without a log-in: clear text where the handshake fails. Default: no.
    #[must_use]
    pub fn clear_fallback(mut self, on: bool) -> Self {
        self.clear_fallback = on;
        self
    }

    /// Who logs in. Without a user of its own, the URL's. Default: nobody.
    #[must_use]
    pub fn login(mut self, login: impl Into<Option<Login>>) -> Self {
        self.login = login.into();
        self
    }

    /// LMTP (RFC 2033) instead of SMTP.
    #[must_use]
    pub fn lmtp(mut self) -> Self {
        self.protocol = Protocol::Lmtp;
        self
    }

    /// What we call ourselves (RFC 5321 §4.1.4). Default: this host's full name, else the address that
    /// the connection comes from.
    #[must_use]
    pub fn ehlo_name(mut self, name: Host) -> Self {
        self.ehlo_name = Some(name);
        self
    }

    /// The local address to connect from, for its family. May be called for each family. Default: the system chooses.
    #[must_use]
    pub fn source(mut self, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => self.sources.v4 = Some(v4),
            IpAddr::V6(v6) => self.sources.v6 = Some(v6),
        }
        self
    }

    /// Through a proxy. Default: directly.
    #[must_use]
    pub fn proxy(self, proxy: Proxy) -> Self {
        self.connector(Connector::new(proxy))
    }

    /// Through whatever opens connections.
    #[must_use]
    pub fn connector(mut self, connector: Connector) -> Self {
        self.connector = Some(connector);
        self
    }

    /// A certificate of ours, for servers that ask for one. It is read when the sender is made. Default: none.
    #[must_use]
    pub fn client_certificate(mut self, certificate: CertPair) -> Self {
        self.client_certificate = Some(certificate);
        self
    }

    /// The name that the certificate is judged by, and that is asked for in SNI. Default: the server's.
    #[must_use]
    pub fn certificate_name(mut self, name: Domain) -> Self {
        self.certificate_name = Some(name);
        self
    }

    /// Whether one refused recipient keeps the message from all. Default: no. More recipients than the server takes at once
    /// are then an error.
    #[must_use]
    pub fn all_or_nothing(mut self, on: bool) -> Self {
        self.all_or_nothing = on;
        self
    }

    /// What not to use although the server offers it. Default: all is used.
    #[must_use]
    pub fn quirks(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// How long each stage may go without progress. Default: those of RFC 5321 §4.5.3.2, and 10 s to connect. The reply to
    /// the whole message is awaited for 600 s at least, whatever stands here.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// How long a transaction may take up to the final dot. Default: no limit.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.timeouts.total = Some(deadline);
        self
    }

    /// How many messages it gets in a time; further ones wait. A server that says "too many" gets half of it for ten
    /// minutes. Default: no limit.
    #[must_use]
    pub fn rate(mut self, rate: Rate) -> Self {
        self.rate = Some(rate);
        self
    }

    /// How many messages may be under way to it at once, each on a connection of its own; further ones wait. Default:
    /// [`CONCURRENCY`]. At least one.
    #[must_use]
    pub fn concurrency(mut self, messages: usize) -> Self {
        self.concurrency = messages.max(1);
        self
    }
}

/// What the lane to the server has to know.
impl Server {
    pub(crate) fn slots(&self) -> usize {
        self.concurrency
    }

    pub(crate) fn pace(&self) -> Option<Rate> {
        self.rate
    }

    pub(crate) fn certificate(&self) -> Option<&CertPair> {
        self.client_certificate.as_ref()
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    pub(crate) fn known(&self) -> Option<&KnownServers> {
        self.known.as_ref()
    }

    pub(crate) fn dns(&self) -> Option<&Resolver> {
        self.resolver.as_ref()
    }

    /// The log-in with its user, checked against the URL's.
    pub(crate) fn checked_login(&self) -> Result<Option<Login>, ConfigError> {
        match (&self.login, &self.user) {
            (None, None) => Ok(None),
            (None, Some(user)) => Err(ConfigError::NoSecret { user: user.clone() }),
            (Some(login), Some(url)) if !login.user.is_empty() && login.user != *url => {
                Err(ConfigError::TwoUsers { url: url.clone(), login: login.user.clone() })
            }
            (Some(login), None) if login.user.is_empty() && !matches!(login.secret, SecretSource::Certificate) => {
                Err(ConfigError::NoUser)
            }
            (Some(login), user) => {
                let user = user.clone().unwrap_or_else(|| login.user.clone());
                Ok(Some(Login { user, ..login.clone() }))
            }
        }
    }

    /// The terms, without a log-in.
    pub(crate) fn target(&self) -> Target {
        let endpoint = self.place.endpoint();
        let trust = self.trust.clone().unwrap_or(if endpoint.is_local() { Trust::Any } else { Trust::System });
        let tls = LinkTls::of(self.security, &endpoint, self.trust.as_ref());
        let mut timeouts = self.timeouts;
        if self.may_change_form && tls != LinkTls::Implicit {
            let silence = if endpoint.port() == Some(25) { SILENCE_ON_25 } else { SILENCE };
            timeouts.greeting = timeouts.greeting.min(silence);
        }
        Target {
            name: match (&self.certificate_name, &self.place) {
                (Some(name), _) => Some(name.clone()),
                (None, Place::Net(host, _)) => host.name().cloned(),
                (None, Place::Unix(_)) => None,
            },
            protocol: self.protocol,
            tls,
            require_trust: trust != Trust::Any,
            trust,
            min_tls: self.min_tls,
            sources: self.sources,
            connector: self.connector.clone(),
            quirks: self.quirks,
            all_or_nothing: self.all_or_nothing,
            timeouts,
            client_certificate: self.client_certificate.as_ref().map(|pair| pair.cert.display().to_string()),
            scram_in_clear: true,
            transcript: true,
            idle: IDLE_RELAY,
            ..Target::new(endpoint, self.ehlo_name.clone().unwrap_or_else(this_host))
        }
    }

    /// Whether any certificate will do only because the server is on this host.
    pub(crate) fn is_lenient(&self) -> bool {
        self.trust.is_none() && self.place.endpoint().is_local()
    }

    /// How long a greeting is awaited where it surely comes.
    pub(crate) fn patience(&self) -> Duration {
        self.timeouts.greeting
    }

    /// Whether a port that has the other form of TLS may be spoken to in that one.
    pub(crate) fn may_change_form(&self) -> bool {
        self.may_change_form
    }

    /// Whether a failed handshake may be followed by clear text.
    pub(crate) fn may_fall_back(&self) -> bool {
        self.clear_fallback && self.security == Security::Opportunistic && self.login.is_none()
    }
}

/// `host:port`, or the path of a unix socket.
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.place.endpoint().fmt(f)
    }
}

/// A name or an address, with or without the brackets that mail puts around one.
fn parse_host(text: &str) -> Result<Host, ConfigError> {
    match text.parse() {
        Ok(address) => Ok(Host::Literal(address)),
        Err(_) => Ok(Host::parse(text)?),
    }
}

/// What we call ourselves: the full name of this host, else the address that the connection comes from (RFC 5321 §4.1.1.1).
fn this_host() -> Host {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let full = Some(name).filter(|name| name.contains('.')).and_then(|name| Domain::parse(&name).ok());
    full.map_or(Host::Literal(Ipv4Addr::UNSPECIFIED.into()), Host::Name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn terms(server: &Server) -> (String, LinkTls, Trust, bool) {
        let target = server.target();
        (target.endpoint.to_string(), target.tls, target.trust, target.require_trust)
    }

    #[test]
    fn the_three_kinds_are_what_their_names_say() {
        let host = "mail.firma.test";
        let at = |port: u16| format!("{host}:{port}");
        let plain = Server::plain(host).unwrap();
        assert_eq!(terms(&plain), (at(25), LinkTls::Off, Trust::Any, false));
        let opportunistic = Server::opportunistic(host).unwrap();
        assert_eq!(terms(&opportunistic), (at(25), LinkTls::IfOffered, Trust::Any, false));
        assert!(!opportunistic.may_fall_back() && !opportunistic.may_change_form());
        for (server, port) in [(Server::smtps(host).unwrap(), 465), (Server::smtps(host).unwrap().port(587), 587)] {
            assert_eq!(terms(&server), (at(port), LinkTls::Implicit, Trust::Any, false));
            assert!(server.may_change_form());
        }
    }

    #[test]
    fn by_default_the_port_decides_the_form_and_only_this_host_may_go_in_clear() {
        let form = |url: &str| {
            let target = Server::url(url).unwrap().target();
            (target.tls, target.trust)
        };
        assert_eq!(form("smtp://mx.test"), (LinkTls::Starttls, Trust::System));
        assert_eq!(form("smtp://mx.test:465"), (LinkTls::Implicit, Trust::System));
        assert_eq!(form("smtps://mx.test:2465"), (LinkTls::Implicit, Trust::System));
        assert_eq!(form("smtp://localhost"), (LinkTls::IfOffered, Trust::Any));
        assert_eq!(form("smtp://[::1]:587"), (LinkTls::IfOffered, Trust::Any));
        assert_eq!(form("smtp://localhost?trust=any"), (LinkTls::IfOffered, Trust::Any));
        assert_eq!(form("smtp://localhost?trust=system"), (LinkTls::Starttls, Trust::System));
        assert_eq!(form("lmtp:///run/lmtp.sock"), (LinkTls::Off, Trust::Any));
        assert_eq!(form("smtp://mx.test?tls=opportunistic"), (LinkTls::IfOffered, Trust::System));
    }

    #[test]
    fn only_auto_and_smtps_try_the_other_form() {
        assert!(Server::url("smtp://mx.test").unwrap().may_change_form());
        for url in ["smtps://mx.test", "smtp://mx.test?tls=starttls", "smtp://mx.test?tls=opportunistic"] {
            assert!(!Server::url(url).unwrap().may_change_form(), "{url}");
        }
    }

    #[test]
    fn a_user_and_a_secret_belong_together() {
        let secret = || SecretSource::Text(Secret::new("pencil"));
        let user = |server: Server| server.checked_login().map(|login| login.map(|login| login.user));
        let named = || Server::url("smtp://ann@mx.test").unwrap();
        assert_eq!(user(named().login(secret())).unwrap().as_deref(), Some("ann"));
        assert_eq!(user(Server::new("mx.test").unwrap().login(Login::new("bob", secret()))).unwrap().unwrap(), "bob");
        assert!(matches!(user(named()), Err(ConfigError::NoSecret { .. })));
        assert!(matches!(user(named().login(Login::new("bob", secret()))), Err(ConfigError::TwoUsers { .. })));
        assert!(matches!(user(Server::new("mx.test").unwrap().login(secret())), Err(ConfigError::NoUser)));
        assert!(user(Server::new("mx.test").unwrap()).unwrap().is_none());
    }

    #[test]
    fn a_name_that_no_host_has_is_an_error_that_says_so() {
        for text in ["", "a b", "mx.test\r\nX: y", "mx..test"] {
            let error = Server::new(text).unwrap_err();
            assert_eq!((error.kind(), error.sysexit()), (crate::Kind::Config, 78), "{text:?}");
        }
        assert_eq!(Server::new("2001:db8::1").unwrap().to_string(), "[2001:db8::1]:587");
    }
}
