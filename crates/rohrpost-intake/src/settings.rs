//! What the operator sets: the parts of `rohrpost.toml` that this crate obeys, as they are meant.

use std::{net::IpAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use ipnet::IpNet;
use rohrpost_mail::{Domain, Mailbox, dsn::Language};
use rohrpost_queue::DomainPattern;
use serde::Deserialize;

use crate::{access::AccessRule, users::Users};

/// Everything the intake is told at its start.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name in Received fields and Message-IDs, unless the listener has its own.
    pub host_name: Domain,
    /// Where mail to postmaster and abuse goes that no mailbox or alias claims.
    pub postmaster: Mailbox,
    /// Who gets notices to the operator about the server as a whole. Default: the postmaster.
    pub notices_to: Option<Mailbox>,
    /// Domains whose mailboxes are here, beside those in the store.
    pub local_domains: Vec<Domain>,
    /// Domains whose accounts log in inside TLS only.
    pub tls_domains: Vec<Domain>,
    /// Domains we take mail for and pass on.
    pub relay_domains: Vec<RelayDomain>,
    /// Who may relay without logging in.
    pub trusted_networks: Vec<TrustedNetwork>,
    /// Partners whose mail must come inside TLS.
    pub require_tls_from: Vec<TlsPartner>,
    /// `[[access]]`, in order.
    pub access: Vec<AccessRule>,
    /// Limits of strangers on `smtp` listeners.
    pub mx_limits: PeerLimits,
    /// Limits of peers on `submission` listeners.
    pub submission_limits: PeerLimits,
    /// Limits of peers on `imap` and `pop3` listeners.
    pub mailbox_limits: PeerLimits,
    /// Limits of accounts.
    pub account_limits: AccountLimits,
    /// Whether recipients learn the address of a submitting client.
    pub x_originating_ip: XOriginatingIp,
    /// Key of the hashed form; from the store, so that it survives a restart.
    pub x_originating_ip_key: [u8; 32],
    /// What parts `ann+shop` into mailbox and detail; none switches subaddresses off. Default `+`.
    pub subaddress: Option<char>,
    /// Received fields at which a message is taken to run in circles. Default 100 (RFC 5321 §6.3 asks for a large one).
    pub hops_max: usize,
    /// Whoever gets everything, whomever it was for: redirect mode, for test systems. Default: nobody.
    pub redirect_all_to: Option<Mailbox>,
    /// Keep all mail for other hosts in the queue: the demo's `--hold`.
    pub hold: bool,
    /// How long the greeting waits for an unknown peer on `smtp` listeners. Default 2 s.
    pub greeting_delay: Duration,
    /// How long replies to suspicious peers trickle, in sum for a session. Default 60 s; 0 switches it off.
    pub tarpit: Duration,
    /// What programs of this host mean by a name without a domain, such as `root`. Default: the host name.
    pub mail_name: Domain,
    /// The file of aliases for such names, as `/etc/aliases`. Default: none.
    pub aliases: Option<PathBuf>,
    /// Whether Received says which user's program a message came from. Default yes.
    pub received_uid: bool,
    /// As whom the users of this host may write, and as whom they are shown. Default: as anybody, as they write.
    pub users: Arc<Users>,
    /// The language of reports to programs of this host whose recipients were refused, and of notices to the operator.
    /// Default English.
    pub language: Language,
}

impl Settings {
    /// The defaults for a server of this name whose postmaster reads this mailbox.
    pub fn new(host_name: Domain, postmaster: Mailbox) -> Self {
        Self {
            mail_name: host_name.clone(),
            host_name,
            postmaster,
            notices_to: None,
            local_domains: Vec::new(),
            tls_domains: Vec::new(),
            relay_domains: Vec::new(),
            trusted_networks: Vec::new(),
            require_tls_from: Vec::new(),
            access: Vec::new(),
            mx_limits: PeerLimits::MX,
            submission_limits: PeerLimits::SUBMISSION,
            mailbox_limits: PeerLimits::MAILBOXES,
            account_limits: AccountLimits::default(),
            x_originating_ip: XOriginatingIp::Off,
            x_originating_ip_key: [0; 32],
            subaddress: Some('+'),
            hops_max: 100,
            redirect_all_to: None,
            hold: false,
            greeting_delay: Duration::from_secs(2),
            tarpit: Duration::from_mins(1),
            aliases: None,
            received_uid: true,
            users: Arc::default(),
            language: Language::English,
        }
    }
}

/// A network whose members may relay without logging in. Loopback is none unless listed: a container's proxy makes
/// strangers look like loopback.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct TrustedNetwork {
    /// The network.
    pub network: IpNet,
    /// Messages an hour for each address in it; `0` means without limit. Default 1,000.
    #[serde(default = "trusted_rate")]
    pub messages_per_hour: u32,
}

fn trusted_rate() -> u32 {
    1_000
}

/// An entry of `require_tls_from`: a partner whose mail is refused with 530 5.7.0 unless it comes inside TLS. A public
/// MX must not demand TLS of everybody (RFC 3207 §4), but may of those who have agreed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum TlsPartner {
    /// Clients in this network.
    Network(IpNet),
    /// Senders of these domains: `there.test` or `*.there.test`.
    Senders(DomainPattern),
}

impl TlsPartner {
    /// Whether mail of this sender from this address is the partner's.
    pub fn fits(&self, client: Option<IpAddr>, sender: Option<&Mailbox>) -> bool {
        match self {
            Self::Network(network) => client.is_some_and(|client| network.contains(&client.to_canonical())),
            Self::Senders(pattern) => sender.is_some_and(|sender| pattern.matches_host(&sender.domain)),
        }
    }
}

impl FromStr for TlsPartner {
    type Err = rohrpost_queue::routing::PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::Network).or_else(|_| text.parse().map(Self::Senders))
    }
}

impl<'de> Deserialize<'de> for TlsPartner {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// `[[relay_domain]]`: a domain we take mail for and pass on to the server that has its mailboxes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct RelayDomain {
    /// The domain.
    pub domain: Domain,
    /// The server behind us, as in a route: `smtp://inner.example:25`.
    pub next_hop: String,
    /// How recipients are known. Default `any`.
    #[serde(default)]
    pub recipients: RecipientSource,
    /// The recipients, for `recipients = "list"`.
    #[serde(default)]
    pub list: Vec<Mailbox>,
}

impl RelayDomain {
    /// The name of the route that leads to the next hop: its rule comes before those of every `[[route]]`. The blank
    /// keeps it apart from their names.
    pub fn route_name(&self) -> String {
        format!("relay {}", self.domain)
    }
}

/// How the recipients of a relay domain are known.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum RecipientSource {
    /// Every local part is taken. The next hop bounces those it does not know.
    #[default]
    Any,
    /// Only those that are listed.
    List,
    /// The next hop is asked by RCPT; its answers are remembered.
    Callout,
}

/// `[limits.mx]`, `[limits.submission]`, `[limits.mailboxes]`: what one peer may do.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct PeerLimits {
    /// Connections at once from one IPv4 address or IPv6 /64. Default 50 (submission 20).
    pub connections_per_address: u32,
    /// Connections at once from one IPv4 /24 or IPv6 /48. Default 150 (submission 60).
    pub connections_per_network: u32,
    /// New connections a minute from one address. Default 60.
    pub connections_per_minute: u32,
    /// Sessions at once of one account that reads mail; `0` means without limit. Default 0 (mailboxes 50).
    pub sessions_per_account: u32,
    /// Messages an hour from one address that has no name in DNS. Default 600; `0` means without limit.
    pub messages_per_hour: u32,
    /// Recipients an hour from one address that has no name in DNS. Default 3,000; `0` means without limit.
    pub recipients_per_hour: u32,
    /// Messages in one connection. Default 100.
    pub messages_per_connection: usize,
    /// Recipients of one message. Default 1,000; RFC 5321 §4.5.3.1.8 asks for at least 100.
    pub recipients_per_message: usize,
    /// Unknown recipients in one session from which on each reply waits 5 s. Default 5.
    pub unknown_recipients: u32,
}

impl PeerLimits {
    /// For strangers.
    pub const MX: Self = Self {
        connections_per_address: 50,
        connections_per_network: 150,
        connections_per_minute: 60,
        sessions_per_account: 0,
        messages_per_hour: 600,
        recipients_per_hour: 3_000,
        messages_per_connection: 100,
        recipients_per_message: 1_000,
        unknown_recipients: 5,
    };
    /// For those who will log in: the limits of their account hold instead of rates.
    pub const SUBMISSION: Self = Self {
        connections_per_address: 20,
        connections_per_network: 60,
        messages_per_hour: 0,
        recipients_per_hour: 0,
        ..Self::MX
    };
    /// For those who read mail: a mail program keeps five connections open, and a hundred people may share one address.
    pub const MAILBOXES: Self = Self {
        connections_per_address: 500,
        connections_per_network: 1_500,
        connections_per_minute: 300,
        sessions_per_account: 50,
        ..Self::SUBMISSION
    };
}

impl Default for PeerLimits {
    fn default() -> Self {
        Self::MX
    }
}

/// `[limits.account]`: what one account may send.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(default, deny_unknown_fields)]
pub struct AccountLimits {
    /// Messages in any 60 minutes. Default 250; `0` means without limit.
    pub messages_per_hour: u32,
    /// Recipients in any 24 hours. Default 1,000; `0` means without limit.
    pub recipients_per_day: u32,
    /// Messages a minute of accounts of class `service` and `bulk`, which have no other limit: more are delayed, never
    /// refused. Default 0, without limit.
    pub service_messages_per_minute: u32,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self { messages_per_hour: 250, recipients_per_day: 1_000, service_messages_per_minute: 0 }
    }
}

/// `x_originating_ip`: whether recipients learn the address of a submitting client.
///
/// The address is personal data of the user: it reaches every recipient and archive and reveals place and employer.
/// Leave it off unless a purpose is written down.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum XOriginatingIp {
    /// Nothing is written.
    #[default]
    Off,
    /// `X-Originating-IP: [192.0.2.1]`
    Full,
    /// Cut to /24 or /48.
    Truncated,
    /// A keyed hash that changes daily and that only the operator resolves.
    Hashed,
}
