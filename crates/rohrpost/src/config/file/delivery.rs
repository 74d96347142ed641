//! The tables about the way out: policies, queue, DNS, notices. Routes: `route.rs`.

use std::net::SocketAddr;

use ipnet::IpNet;
use rohrpost_mail::{Mailbox, MinTls, Policy};
use serde::Deserialize;

use crate::config::units::Span;

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
