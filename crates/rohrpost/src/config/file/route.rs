//! The tables `[[route]]`, `[[route.host]]` and `[[pipe]]`: ways out, and who takes them.

use std::path::PathBuf;

use rohrpost_mail::{Domain, MinTls, TlsMode, Trust};
use rohrpost_queue::Rate;
use serde::Deserialize;

use super::listener::{Certificate, OneOrMany};
use crate::config::units::Span;

/// A way out: which mail takes it, and its hosts. The next host is tried when one fails before it has the message.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    /// Name in records, for `rohrpost route list` and `rohrpost queue route`.
    ///
    /// Required: `"smarthost"`
    pub(crate) name: String,

    /// Recipients: `"example.org"`, `"*.example.org"` (below it), `"*"` (all) or `"bob@example.org"`.
    ///
    /// Default: `["*"]`
    #[serde(default = "everybody")]
    pub(crate) recipients: Vec<String>,

    /// Senders, by the address of the envelope: the same patterns, and `"<>"` for bounces. Empty: all.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) senders: Vec<String>,

    /// Who handed the mail in: names that log in, and `"unix:USER"` for programs of this host. Empty: all.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) accounts: Vec<String>,

    /// Header fields, any one of them: `"X-Rohrpost-Route: bulk"` is a field with that value, whatever its case;
    /// `"X-Rohrpost-Route: *"` is one with any value. Empty: all mail.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) headers: Vec<String>,

    /// Hosts, the preferred one first.
    pub(crate) host: Vec<RouteHost>,

    /// `"ordered"`: the first host that works; `"weighted"`: one by chance for each message, as often as its `weight`
    /// says, and the others when it fails.
    ///
    /// Default: `"ordered"`
    #[serde(default)]
    pub(crate) choose: ChooseWord,

    /// When the connection was lost after the final dot: `"retry"`, `"hold"` for a person to decide, or
    /// `"assume-delivered"`.
    ///
    /// Default: `"retry"`
    #[serde(default)]
    pub(crate) after_dot: AfterDotWord,

    /// Messages in a time at most: `"10/s"`, `"30/min"`, `"250/h"` or `"5000/d"`; spread evenly, up to a tenth of them at
    /// once. Unset: no limit.
    ///
    /// Example: `"250/h"`
    pub(crate) rate: Option<Rate>,

    /// Messages on their way at once, at most. Unset: as `connections_per_site` of `[queue]`.
    ///
    /// Example: `4`
    pub(crate) concurrency: Option<u32>,

    /// Wait before the second attempt. Unset: as in `[queue]`, like the next two.
    ///
    /// Example: `"1 min"`
    pub(crate) retry_first: Option<Span>,

    /// The longest wait on the first day; later it is twice that.
    ///
    /// Example: `"30 min"`
    pub(crate) retry_max: Option<Span>,

    /// How long a message is tried before it goes back to its sender.
    ///
    /// Example: `"1 d"`
    pub(crate) lifetime: Option<Span>,

    /// After so many failed attempts the message takes the route that `then` names. Needs `then`.
    ///
    /// Example: `3`
    pub(crate) after_tries: Option<u32>,

    /// The other route: the name of a `[[route]]`, or `"mx"`. Needs `after_tries`.
    ///
    /// Example: `"mx"`
    pub(crate) then: Option<String>,

    /// How long a host that failed is passed over before one message tries it again. It doubles with each failure, up
    /// to 15 minutes.
    ///
    /// Default: `"1 min"`
    #[serde(default = "probe_after")]
    pub(crate) probe_after: Span,

    /// The local address to connect from, or two of them, one for IPv4 and one for IPv6. With one only, hosts of the
    /// other family are not asked. Unset: the system chooses.
    ///
    /// Example: `"192.0.2.7"`
    pub(crate) source_address: Option<OneOrMany>,

    /// What we call ourselves on this route. Unset: the name of this host.
    ///
    /// Example: `"out.example.org"`
    pub(crate) ehlo_name: Option<Domain>,
}

fn everybody() -> Vec<String> {
    vec!["*".to_owned()]
}

fn probe_after() -> Span {
    Span::mins(1)
}

/// Which host of a route a message tries first.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChooseWord {
    /// The first that works.
    #[default]
    Ordered,
    /// One by chance.
    Weighted,
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

/// One host of a route.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct RouteHost {
    /// Name or address and, unless it is 25, the port; `"unix:/PATH"`, a socket; `"mx"`, the MX hosts of the
    /// destination; or `"pipe:NAME"`, the program of a `[[pipe]]`. The settings below but the first three are about
    /// servers only.
    ///
    /// Required: `"relay.example.net:587"`
    pub(crate) host: String,

    /// With `choose = "weighted"`: how often it is chosen, in relation to the others. 0: only when the others fail.
    ///
    /// Default: `1`
    #[serde(default = "one")]
    pub(crate) weight: u32,

    /// Messages to this host in a time at most, spread like those of the route; what is beyond goes to the next host, or
    /// waits. Unset: no limit.
    ///
    /// Example: `"250/h"`
    pub(crate) rate: Option<Rate>,

    /// Messages on their way to this host at once, at most; what is beyond goes to the next host, or waits. Unset: as
    /// many as the route allows.
    ///
    /// Example: `2`
    pub(crate) concurrency: Option<u32>,

    /// `"auto"`: implicit on port 465, STARTTLS required on any other (loopback may be plain where `trust` is `"system"`
    /// or `"any"`); `"implicit"`; `"starttls"`: required; `"opportunistic"`: when offered; `"off"`.
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

    /// File with its password in the first line. Not everybody may be able to read it.
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

fn one() -> u32 {
    1
}

impl RouteHost {
    /// The first setting that is about servers only, where one differs from its default.
    pub(crate) fn server_setting(&self) -> Option<&'static str> {
        let settings = [
            ("tls", self.tls != TlsMode::default()),
            ("trust", self.trust != Trust::default()),
            ("min_tls", self.min_tls != MinTls::default()),
            ("user", self.user.is_some()),
            ("password_file", self.password_file.is_some()),
            ("allow_clear", self.allow_clear),
            ("client_certificate", self.client_certificate.is_some()),
            ("lmtp", self.lmtp),
        ];
        settings.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }
}

/// A program that takes a message on standard input, with the rights of the server itself. `docs/routes.md` says what
/// it finds in its environment and how its exit status is read.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pipe {
    /// Its name: hosts of routes call it `"pipe:NAME"`.
    ///
    /// Required: `"msmtp"`
    pub(crate) name: String,

    /// The program with its whole path, and its arguments. No shell reads them. `{sender}`, `{recipient}` and `{id}` are
    /// replaced anywhere; an argument with `{recipients}` is repeated for each recipient. With `{recipient}` the program
    /// runs once for each of them.
    ///
    /// Required: `["/usr/bin/msmtp", "-f", "{sender}", "--", "{recipients}"]`
    pub(crate) argv: Vec<String>,

    /// How long it may run. Then it is killed, and `after_dot` of the route decides: it may have passed the message on.
    ///
    /// Default: `"5 min"`
    #[serde(default = "pipe_timeout")]
    pub(crate) timeout: Span,

    /// Exit statuses that refuse a message for good: of sysexits.h, 65 (`EX_DATAERR`) and 67 (`EX_NOUSER`). Every other
    /// one but 0 means: later. Programs with numbers of their own, such as curl, want `[]`.
    ///
    /// Default: `[65, 67]`
    #[serde(default = "refusals")]
    pub(crate) refusals: Vec<u8>,
}

fn refusals() -> Vec<u8> {
    vec![65, 67]
}

fn pipe_timeout() -> Span {
    Span::mins(5)
}
