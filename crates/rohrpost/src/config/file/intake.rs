//! The tables about what may come in: relay domains, access rules, limits.

use ipnet::IpNet;
use rohrpost_mail::{Domain, Mailbox, TlsMode, Trust};
use serde::Deserialize;

use crate::config::units::{Size, Span};

/// A domain of another server, for which this one stands in front.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct RelayDomain {
    /// The domain.
    ///
    /// Required: `"partner.example"`
    pub(crate) domain: Domain,

    /// Its server: name or address and, unless it is 25, the port.
    ///
    /// Required: `"inner.partner.example:25"`
    pub(crate) next_hop: String,

    /// How the link to it is encrypted, as for the hosts of a `[[route]]`.
    ///
    /// Default: `"opportunistic"`
    #[serde(default = "opportunistic")]
    pub(crate) tls: TlsMode,

    /// Who must be on the other side, as for the hosts of a `[[route]]`.
    ///
    /// Default: `"any"`
    #[serde(default = "anybody")]
    pub(crate) trust: Trust,

    /// How recipients are known: `"list"`: those of `list`; `"callout"`: the next server is asked; `"any"`: all are
    /// taken, and the next server bounces what it does not want.
    ///
    /// Default: `"callout"`
    #[serde(default)]
    pub(crate) recipients: RecipientCheck,

    /// Recipients for `"list"`.
    ///
    /// Example: `["ann@partner.example", "bob@partner.example"]`
    #[serde(default)]
    pub(crate) list: Vec<Mailbox>,
}

fn opportunistic() -> TlsMode {
    TlsMode::Opportunistic
}

fn anybody() -> Trust {
    Trust::Any
}

/// How the recipients of a relay domain are known.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RecipientCheck {
    /// By a list.
    List,
    /// By asking the next server.
    #[default]
    Callout,
    /// Not at all.
    Any,
}

/// All the conditions that are given must hold. A rule without conditions matches everything.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    /// The peer's network.
    ///
    /// Example: `"192.0.2.0/24"`
    pub(crate) client: Option<IpNet>,

    /// The name of its EHLO: `"host.example"` or `"*.example"`.
    ///
    /// Example: `"*.example"`
    pub(crate) helo: Option<String>,

    /// The sender: `"ann@example.org"`, `"example.org"` or `"*.example.org"`.
    ///
    /// Example: `"spammer@example.org"`
    pub(crate) from: Option<String>,

    /// The recipient, in the same form.
    ///
    /// Example: `"former-employee@example.org"`
    pub(crate) to: Option<String>,

    /// `"accept"` (which does not allow relaying), `"reject"` (for good) or `"defer"` (for now).
    ///
    /// Required: `"reject"`
    pub(crate) action: AccessAction,

    /// Checks that are left out for what is accepted: `"rate"`, the hourly limits of the peer.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) skip: Vec<SkipWord>,

    /// The text of the refusal.
    ///
    /// Example: `"We part as friends"`
    pub(crate) message: Option<String>,
}

/// A check that a rule leaves out.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SkipWord {
    /// The hourly limits of the peer.
    Rate,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccessAction {
    /// Takes it.
    Accept,
    /// Refuses it for good.
    Reject,
    /// Refuses it for now.
    Defer,
}

/// Limits of one message, of peers and of accounts.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// The largest message.
    ///
    /// Default: `"50 MiB"`
    pub(crate) size: Size,

    /// `Received` fields after which a message is taken for a loop.
    ///
    /// Default: `100`
    pub(crate) hops: usize,

    /// How long a client may be silent between commands.
    ///
    /// Default: `"5 min"`
    pub(crate) command_timeout: Span,

    /// How long it may be silent within a message.
    ///
    /// Default: `"3 min"`
    pub(crate) data_timeout: Span,

    /// How long an unknown peer waits for the greeting on `smtp` listeners; who talks earlier is refused.
    ///
    /// Default: `"2 s"`
    pub(crate) greeting_delay: Span,

    /// How long replies to suspicious peers trickle, in sum for a session; `"0 s"` for never.
    ///
    /// Default: `"60 s"`
    pub(crate) tarpit: Span,

    /// Messages an hour of one address in `trusted_networks`; 0 for no limit.
    ///
    /// Default: `1000`
    pub(crate) trusted_messages_per_hour: u32,

    /// What a peer may do on listeners with `protocol = "smtp"`.
    pub(crate) mx: PeerLimits,

    /// What a peer may do on listeners with `protocol = "submission"`.
    pub(crate) submission: PeerLimits,

    /// What a peer may do on listeners with `protocol = "imap"` and `"pop3"`.
    pub(crate) mailboxes: MailboxLimits,

    /// What accounts may send.
    pub(crate) account: AccountLimits,

    /// The header field `X-Originating-IP` on mail that accounts send: `"off"`, `"full"`, `"truncated"` (to /24, /48)
    /// or `"hashed"` (per day, with a key). The address is personal data, reaches every recipient and archive, and
    /// reveals place and employer: leave it off unless a purpose is written down.
    ///
    /// Default: `"off"`
    pub(crate) x_originating_ip: OriginatingIp,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: Size::mib(50),
            hops: 100,
            command_timeout: Span::mins(5),
            data_timeout: Span::mins(3),
            greeting_delay: Span::secs(2),
            tarpit: Span::secs(60),
            trusted_messages_per_hour: 1_000,
            mx: PeerLimits::default(),
            submission: PeerLimits::default(),
            mailboxes: MailboxLimits::default(),
            account: AccountLimits::default(),
            x_originating_ip: OriginatingIp::Off,
        }
    }
}

/// Unset limits are those of the kind of listener. Members of `trusted_networks` have none of these.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PeerLimits {
    /// Connections at once of one IPv4 address or IPv6 /64. Unset: 50 for smtp, 20 for submission.
    ///
    /// Example: `50`
    pub(crate) connections_per_address: Option<u32>,

    /// Connections at once of one IPv4 /24 or IPv6 /48. Unset: 150 for smtp, 60 for submission.
    ///
    /// Example: `150`
    pub(crate) connections_per_network: Option<u32>,

    /// New connections a minute of one address. Unset: 60.
    ///
    /// Example: `60`
    pub(crate) connections_per_minute: Option<u32>,

    /// Messages an hour of one address that has no name in DNS; 0 for no limit. Unset: 600 for smtp, none for
    /// submission.
    ///
    /// Example: `600`
    pub(crate) messages_per_hour: Option<u32>,

    /// Recipients an hour of one address that has no name in DNS; 0 for no limit. Unset: 3000 for smtp, none for
    /// submission.
    ///
    /// Example: `3000`
    pub(crate) recipients_per_hour: Option<u32>,

    /// Messages of one connection. Unset: 100.
    ///
    /// Example: `100`
    pub(crate) messages_per_connection: Option<usize>,

    /// Recipients of one message, at least 100 (RFC 5321 §4.5.3.1.8). Unset: 1000.
    ///
    /// Example: `1000`
    pub(crate) recipients_per_message: Option<usize>,
}

/// A mail program keeps several connections open, and a whole office may come from one address. Members of
/// `trusted_networks` have none of these limits but those of their account.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MailboxLimits {
    /// Connections at once of one IPv4 address or IPv6 /64.
    ///
    /// Default: `500`
    pub(crate) connections_per_address: u32,

    /// Connections at once of one IPv4 /24 or IPv6 /48.
    ///
    /// Default: `1500`
    pub(crate) connections_per_network: u32,

    /// New connections a minute of one address.
    ///
    /// Default: `300`
    pub(crate) connections_per_minute: u32,

    /// Sessions at once of one account, wherever it comes from; 0 for no limit.
    ///
    /// Default: `50`
    pub(crate) sessions_per_account: u32,

    /// What the mail of an account may take, unless the account or its domain says otherwise (`rohrpost account quota`,
    /// `rohrpost domain quota`). Unset: as much as it likes.
    ///
    /// Example: `"5 GiB"`
    pub(crate) quota: Option<Size>,
}

impl Default for MailboxLimits {
    fn default() -> Self {
        Self {
            connections_per_address: 500,
            connections_per_network: 1_500,
            connections_per_minute: 300,
            sessions_per_account: 50,
            quota: None,
        }
    }
}

/// Limits slide: any 60 minutes, any 24 hours. Accounts of the classes `service` and `bulk` have none.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AccountLimits {
    /// Messages an hour, whatever their recipients; 0 for no limit.
    ///
    /// Default: `250`
    pub(crate) messages_per_hour: u32,

    /// Recipients a day; 0 for no limit.
    ///
    /// Default: `1000`
    pub(crate) recipients_per_day: u32,
}

impl Default for AccountLimits {
    fn default() -> Self {
        Self { messages_per_hour: 250, recipients_per_day: 1_000 }
    }
}

/// What is told about the address of a submitting client.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OriginatingIp {
    /// Nothing.
    #[default]
    Off,
    /// The address.
    Full,
    /// Its network.
    Truncated,
    /// A keyed hash.
    Hashed,
}
