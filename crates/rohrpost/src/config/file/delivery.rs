//! The tables about the way out: routes, policies, queue, DNS, notices.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use rohrpost_mail::{Mailbox, MinTls, Policy, TlsMode, Trust};
use rohrpost_queue::Rate;
use serde::Deserialize;

use super::listener::Certificate;
use crate::config::units::Span;

/// A way out with its hosts in order of preference; the next is tried when one fails.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// Name in records and for `rohrpost queue route`.
    ///
    /// Required: `"smarthost"`
    pub(crate) name: String,

    /// Destinations: `"example.org"`, `"*.example.org"` (below it), or `"*"` (all).
    ///
    /// Required: `["*"]`
    pub(crate) domains: Vec<String>,

    /// Servers, the preferred one first.
    pub(crate) host: Vec<RouteHost>,

    /// When the connection was lost after the final dot: `"retry"`, `"hold"` for a person to decide, or
    /// `"assume-delivered"`.
    ///
    /// Default: `"retry"`
    #[serde(default)]
    pub(crate) after_dot: AfterDotWord,

    /// Messages in a time at most: `"10/s"`, `"30/min"`, `"250/h"` or `"5000/d"`. Unset: no limit.
    ///
    /// Example: `"250/h"`
    pub(crate) rate: Option<Rate>,
}

/// What to do when nobody knows whether the peer has the message.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AfterDotWord {
    /// Send again: at least once.
    #[default]
    Retry,
    /// A person decides.
    Hold,
    /// At most once.
    AssumeDelivered,
}

/// One server of a route.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteHost {
    /// Name or address and, unless it is 25, the port.
    ///
    /// Required: `"relay.example.net:587"`
    pub(crate) host: String,

    /// `"auto"`: implicit on port 465, STARTTLS required on any other (loopback may be plain); `"implicit"`;
    /// `"starttls"`: required; `"opportunistic"`: when offered; `"off"`.
    ///
    /// Default: `"auto"`
    #[serde(default)]
    pub(crate) tls: TlsMode,

    /// Who must be on the other side: `"system"`, `"ca:FILE"`, `"pin:sha256:HEX"`, `"pin:spki-sha256:HEX"` or
    /// `"any"`. Passwords are only sent to who passes.
    ///
    /// Default: `"system"`
    #[serde(default)]
    pub(crate) trust: Trust,

    /// The oldest TLS version that will do.
    ///
    /// Default: `"1.2"`
    #[serde(default)]
    pub(crate) min_tls: MinTls,

    /// The account to log in with.
    ///
    /// Example: `"ann@example.net"`
    pub(crate) user: Option<String>,

    /// File with its password in the first line.
    ///
    /// Example: `"relay.password"`
    pub(crate) password_file: Option<PathBuf>,

    /// Whether the password may go out in clear text. Leave it off.
    ///
    /// Default: `false`
    #[serde(default)]
    pub(crate) allow_clear: bool,

    /// A client certificate for servers that want one.
    ///
    /// Example: `{ cert = "client.pem", key = "client.key" }`
    pub(crate) client_certificate: Option<Certificate>,

    /// Whether the server speaks LMTP (RFC 2033) instead of SMTP.
    ///
    /// Default: `false`
    #[serde(default)]
    pub(crate) lmtp: bool,
}

/// What is asked of the link to one destination.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsPolicy {
    /// `"example.org"`, `"*.example.org"` (below it), or `"*"` (all).
    ///
    /// Required: `"example.org"`
    pub(crate) domain: String,

    /// `"off"`: no TLS; `"opportunistic"`: when offered, any certificate; `"required"`: TLS with any certificate, or
    /// the mail waits.
    ///
    /// Required: `"required"`
    pub(crate) policy: Policy,

    /// The oldest TLS version that will do.
    ///
    /// Default: `"1.2"`
    #[serde(default)]
    pub(crate) min_tls: MinTls,
}

/// The first attempt is at once. The next follow after `retry_first`, twice that, and so on up to `retry_max`, each up
/// to 30 % later so that they do not all come together.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Queue {
    /// Wait before the second attempt.
    ///
    /// Default: `"6 min"`
    pub(crate) retry_first: Span,

    /// The longest wait on the first day; later it is twice that.
    ///
    /// Default: `"1 h"`
    pub(crate) retry_max: Span,

    /// How long a message is tried before it goes back to its sender (RFC 5321 §4.5.4.1: at least four days).
    ///
    /// Default: `"5 d"`
    pub(crate) lifetime: Span,

    /// The same for bounces.
    ///
    /// Default: `"2 d"`
    pub(crate) bounce_lifetime: Span,

    /// When the sender is told that a message is late.
    ///
    /// Default: `"4 h"`
    pub(crate) delay_notice_after: Span,

    /// Connections to one destination at once, at most.
    ///
    /// Default: `20`
    pub(crate) connections_per_site: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            retry_first: Span::mins(6),
            retry_max: Span::hours(1),
            lifetime: Span::days(5),
            bounce_lifetime: Span::days(2),
            delay_notice_after: Span::hours(4),
            connections_per_site: 20,
        }
    }
}

/// Without `servers` those of the system are asked. Needs a restart.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Dns {
    /// Resolvers to ask.
    ///
    /// Default: `[]`
    pub(crate) servers: Vec<SocketAddr>,

    /// DNSSEC: `"auto"` trusts a resolver on loopback that validates and validates itself otherwise; `"on"` always
    /// validates itself; `"off"`.
    ///
    /// Default: `"auto"`
    pub(crate) validate: ValidateWord,

    /// How long one question may take; it is repeated once.
    ///
    /// Default: `"5 s"`
    pub(crate) timeout: Span,

    /// Port of MX hosts. Anything but 25 is for tests.
    ///
    /// Default: `25`
    pub(crate) mx_port: u16,

    /// Networks in which no MX host is believed: somebody else's DNS must not send our mail to ourselves. Unset:
    /// loopback, unspecified, multicast, link-local and broadcast addresses.
    ///
    /// Example: `["127.0.0.0/8", "::1/128"]`
    pub(crate) mx_denied_networks: Option<Vec<IpNet>>,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            validate: ValidateWord::Auto,
            timeout: Span::secs(5),
            mx_port: 25,
            mx_denied_networks: None,
        }
    }
}

/// Who validates DNSSEC.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ValidateWord {
    /// A loopback resolver that does, else we.
    Auto,
    /// We.
    On,
    /// Nobody.
    Off,
}

/// Each kind of notice is sent at most once a day.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Notices {
    /// Who gets them. Unset: the postmaster.
    ///
    /// Example: `"ops@example.org"`
    pub(crate) to: Option<Mailbox>,

    /// The `[[route]]` they take: one that still works when this server does not. Unset: as any mail.
    ///
    /// Example: `"smarthost"`
    pub(crate) route: Option<String>,

    /// What is asked of the link: `"off"`, `"opportunistic"` or `"required"`. Unset: as for any mail.
    ///
    /// Example: `"required"`
    pub(crate) tls: Option<Policy>,
}

/// Languages of the texts that the server writes to people.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}
