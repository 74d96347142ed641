//! How a mailbox is reached, as the listeners that run say: the one source of all set-up help.

use rohrpost_mail::{Domain, ListenerTls, Mailbox};
use serde::{Deserialize, Serialize};

/// What mail programs speak with a server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The mailbox stays on the server (RFC 9051).
    Imap,
    /// Mail is fetched from the server (RFC 1939).
    Pop3,
    /// Mail is handed in (RFC 6409).
    Submission,
}

/// How a link is encrypted.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// TLS from the first octet: what RFC 8314 §3 prefers.
    Implicit,
    /// TLS after a command.
    Starttls,
    /// None.
    None,
}

impl Encryption {
    /// As most mail programs call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Implicit => "SSL/TLS",
            Self::Starttls => "STARTTLS",
            Self::None => "–",
        }
    }
}

/// One port of a listener that mail programs can use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Service {
    /// What is spoken there.
    pub protocol: Protocol,
    /// The name that its certificate is for.
    pub host: Domain,
    /// Its port.
    pub port: u16,
    /// Its TLS.
    pub tls: ListenerTls,
    /// Whether log-ins are taken inside TLS.
    pub auth_tls: bool,
    /// Whether they are taken in clear text.
    pub auth_clear: bool,
    /// Whether only the host itself reaches it.
    pub is_loopback: bool,
}

impl Service {
    /// How a program can log in here.
    fn servers(&self) -> impl Iterator<Item = Server> {
        let inside = match self.tls {
            ListenerTls::Implicit => Some(Encryption::Implicit),
            ListenerTls::Offered | ListenerTls::Required => Some(Encryption::Starttls),
            ListenerTls::Off => None,
        };
        let clear = matches!(self.tls, ListenerTls::Off | ListenerTls::Offered) && self.auth_clear;
        let ways = [inside.filter(|_| self.auth_tls), clear.then_some(Encryption::None)];
        let server =
            |encryption| Server { protocol: self.protocol, host: self.host.clone(), port: self.port, encryption };
        ways.into_iter().flatten().map(server)
    }
}

/// A server as a mail program is told of it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Server {
    /// What is spoken there.
    pub protocol: Protocol,
    /// Its name.
    pub host: Domain,
    /// Its port.
    pub port: u16,
    /// How the link is encrypted.
    pub encryption: Encryption,
}

impl Server {
    /// What decides between two: encrypted before not, then the protocol, then the encryption, then the usual port.
    fn rank(&self) -> (bool, Protocol, Encryption, bool, u16) {
        let usual = match (self.protocol, self.encryption) {
            (Protocol::Imap, Encryption::Implicit) => 993,
            (Protocol::Imap, _) => 143,
            (Protocol::Pop3, Encryption::Implicit) => 995,
            (Protocol::Pop3, _) => 110,
            (Protocol::Submission, Encryption::Implicit) => 465,
            (Protocol::Submission, _) => 587,
        };
        (self.encryption == Encryption::None, self.protocol, self.encryption, self.port != usual, self.port)
    }
}

/// The servers that mail programs can use, the best first.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Servers {
    /// Where mail is read: IMAP before POP3, TLS from the first octet before STARTTLS.
    pub incoming: Vec<Server>,
    /// Where it is handed in.
    pub outgoing: Vec<Server>,
}

impl Servers {
    /// Those of what runs.
    ///
    /// Clear text is named only where a protocol has nothing better, and a port that only the host itself reaches only
    /// where there is no other: that is how the demo runs.
    pub fn of(services: &[Service]) -> Self {
        let is_private = services.iter().all(|service| service.is_loopback);
        let reached = services.iter().filter(|service| is_private || !service.is_loopback);
        let mut all: Vec<Server> = reached.flat_map(Service::servers).collect();
        let encrypted = all.iter().filter(|server| server.encryption != Encryption::None);
        let encrypted: Vec<Protocol> = encrypted.map(|server| server.protocol).collect();
        all.retain(|server| server.encryption != Encryption::None || !encrypted.contains(&server.protocol));
        all.sort_by(|a, b| a.rank().cmp(&b.rank()).then_with(|| a.host.as_str().cmp(b.host.as_str())));
        all.dedup();
        let (incoming, outgoing) = all.into_iter().partition(|server| server.protocol != Protocol::Submission);
        Self { incoming, outgoing }
    }

    /// Those with an encrypted link alone: for domains whose accounts must have one.
    #[must_use]
    pub fn encrypted(mut self) -> Self {
        self.incoming.retain(|server| server.encryption != Encryption::None);
        self.outgoing.retain(|server| server.encryption != Encryption::None);
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Server> {
        self.incoming.iter().chain(&self.outgoing)
    }

    /// The best server for this protocol.
    pub fn best(&self, protocol: Protocol) -> Option<&Server> {
        self.iter().find(|server| server.protocol == protocol)
    }

    /// The best way in and out, where mail can be both read and sent.
    pub fn pair(&self) -> Option<(&Server, &Server)> {
        self.incoming.first().zip(self.outgoing.first())
    }
}

/// How one mailbox is reached.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct MailSettings {
    /// The address. It is the name to log in with, too.
    pub address: Mailbox,
    /// Its servers.
    #[serde(flatten)]
    pub servers: Servers,
}

impl MailSettings {
    /// The settings for an address, by what runs.
    pub fn of(address: &Mailbox, services: &[Service]) -> Self {
        Self { address: address.clone(), servers: Servers::of(services) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A listener of `mail.here.test` that strangers reach.
    pub(crate) fn service(protocol: Protocol, port: u16, tls: ListenerTls) -> Service {
        let host = Domain::parse("mail.here.test").unwrap();
        Service { protocol, host, port, tls, auth_tls: true, auth_clear: false, is_loopback: false }
    }

    /// What a usual server runs.
    pub(crate) fn usual() -> Vec<Service> {
        use {ListenerTls::*, Protocol::*};
        vec![
            service(Submission, 587, Required),
            service(Submission, 465, Implicit),
            service(Pop3, 110, Required),
            service(Pop3, 995, Implicit),
            service(Imap, 143, Required),
            service(Imap, 993, Implicit),
        ]
    }

    pub(crate) fn ann() -> Mailbox {
        Mailbox::parse("ann@here.test").unwrap()
    }

    fn ports(services: &[Service]) -> (Vec<u16>, Vec<u16>) {
        let Servers { incoming, outgoing } = Servers::of(services);
        let ports = |servers: Vec<Server>| servers.into_iter().map(|server| server.port).collect();
        (ports(incoming), ports(outgoing))
    }

    #[test]
    fn imap_comes_before_pop3_and_tls_from_the_first_octet_before_starttls() {
        assert_eq!(ports(&usual()), (vec![993, 143, 995, 110], vec![465, 587]));
    }

    #[test]
    fn a_listener_on_two_addresses_is_named_once_and_the_usual_port_first() {
        let services = [
            service(Protocol::Imap, 900, ListenerTls::Implicit),
            service(Protocol::Imap, 993, ListenerTls::Implicit),
            service(Protocol::Imap, 993, ListenerTls::Implicit),
        ];
        assert_eq!(ports(&services).0, [993, 900]);
    }

    #[test]
    fn where_nobody_may_log_in_nobody_is_sent() {
        let closed = Service { auth_tls: false, ..service(Protocol::Imap, 993, ListenerTls::Implicit) };
        let clear = Service { auth_clear: false, ..service(Protocol::Imap, 143, ListenerTls::Off) };
        assert_eq!(ports(&[closed, clear]).0, [0_u16; 0]);
    }

    #[test]
    fn clear_text_is_named_only_where_there_is_nothing_better() {
        let clear = Service { auth_clear: true, ..service(Protocol::Pop3, 110, ListenerTls::Off) };
        let servers = Servers::of(std::slice::from_ref(&clear));
        assert_eq!(servers.incoming[0].encryption, Encryption::None);
        let both = [clear, service(Protocol::Imap, 143, ListenerTls::Offered)];
        assert_eq!(ports(&both).0, [143, 110], "an encrypted link first, whatever is spoken on it");
        let better = [&both[..], &[service(Protocol::Pop3, 995, ListenerTls::Implicit)]].concat();
        assert_eq!(ports(&better).0, [143, 995]);
        assert_eq!(Servers::of(&both).encrypted().incoming.len(), 1, "and nowhere where a domain requires TLS");
    }

    #[test]
    fn what_only_the_host_reaches_is_named_only_where_all_is_so() {
        let own = Service { is_loopback: true, ..service(Protocol::Imap, 10_143, ListenerTls::Implicit) };
        assert_eq!(ports(std::slice::from_ref(&own)).0, [10_143]);
        assert_eq!(ports(&[own, service(Protocol::Imap, 993, ListenerTls::Implicit)]).0, [993]);
    }
}
