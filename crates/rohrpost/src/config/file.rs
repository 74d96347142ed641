//! `rohrpost.toml` as it is written. What it means: [`super::resolve`].
//!
//! The doc comment of each field is its manual: `cargo xtask docs` makes `docs/configuration.md` and
//! `docs/rohrpost.sample.toml` of them, and a test fails when they drift apart. A last paragraph `Default: ` or
//! `Example: ` gives the value for the sample in TOML; `Required: ` the same for what has no default.

mod delivery;
mod intake;
mod listener;
mod route;
mod submit;
mod system;
mod web;

use std::path::PathBuf;

use ipnet::IpNet;
use rohrpost_mail::{Domain, Mailbox};
use serde::Deserialize;

pub(crate) use self::{
    delivery::{Dns, Language, Notices, Queue, TlsPolicy, ValidateWord},
    intake::{
        Access, AccessAction, Limits, MailboxLimits, OriginatingIp, PeerLimits, RecipientCheck, RelayDomain, SkipWord,
    },
    listener::{Auth, BareNewlines, Certificate, Extensions, Listener, OneOrMany, ProtocolWord, Tls},
    route::{AfterDotWord, ChooseWord, Pipe, Route, RouteHost},
    submit::{Masquerade, Submit, UserSenders},
    system::{Domains, Log, LogFormat, Metrics, Store},
    web::Web,
};

/// The settings of one node and its operator. Accounts, aliases and mail are in the store; `rohrpost account`,
/// `alias` and `domain` change those.
///
/// Paths are relative to the folder of this file. Spans of time have a unit (`"5 min"`; ms, s, min, h, d), so do sizes
/// (`"50 MiB"`; B, KiB, MiB, GiB). `SIGHUP` or `systemctl reload rohrpost` makes a running server read the file anew;
/// it keeps its old settings when the new ones are wrong. What needs a restart says so.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Full name of this host, as in the greeting, in EHLO and in the trace fields of each message. Its forward and
    /// reverse DNS entries should name it too, or others will distrust its mail.
    ///
    /// Required: `"mx.example.org"`
    pub(crate) host_name: Domain,

    /// Who gets the mail for postmaster@ and abuse@ of each local domain (RFC 5321 §4.5.1, RFC 2142), and the server's
    /// own notices. `serve` does not start without it.
    ///
    /// Required: `"ann@example.org"`
    pub(crate) postmaster: Option<Mailbox>,

    /// Folder for everything durable: queue, mailboxes, accounts, records, and the socket `control.sock` for commands.
    /// One server owns it at a time. Needs a restart.
    ///
    /// Default: `"/var/lib/rohrpost"`
    #[serde(default = "default_data_dir")]
    pub(crate) data_dir: PathBuf,

    /// The user to become after the ports are bound, when started as root. Needs a restart.
    ///
    /// Default: `"rohrpost"`
    #[serde(default = "default_user")]
    pub(crate) user: String,

    /// Number of this node, 0 to 1023: part of each queue id, so that the ids of two nodes never meet. Needs a restart.
    ///
    /// Default: `0`
    #[serde(default)]
    pub(crate) node: u16,

    /// Networks whose hosts may relay without logging in. Nobody by default, not even loopback: behind a container's
    /// proxy every stranger comes from loopback.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) trusted_networks: Vec<IpNet>,

    /// Partners whose mail is refused unless it comes inside TLS (530 5.7.0): sender domains, `"partner.example"` or
    /// `"*.partner.example"`, and networks. A public MX must not demand TLS of everybody (RFC 3207 §4), but may of those
    /// who have agreed.
    ///
    /// Default: `[]`
    #[serde(default)]
    pub(crate) require_tls_from: Vec<String>,

    /// For test systems: one address that gets everything, whomever it was for. Whatever comes in, by any listener or
    /// from programs of this host, and the bounces written here go to this address alone, local mail too; a field
    /// `X-Rohrpost-Original-To` names up to 100 of the recipients it had, those of blind copies too. Who may send to whom
    /// is decided as ever. Only the server's own notices still go to its operator. What waits in the queue already is
    /// not changed.
    ///
    /// Example: `"testers@example.org"`
    pub(crate) redirect_all_to: Option<Mailbox>,

    /// Language of bounces for senders whose account names none: `"en"` or `"de"`.
    ///
    /// Default: `"en"`
    #[serde(default)]
    pub(crate) language: Language,

    /// Certificates and TLS versions of the listeners.
    #[serde(default)]
    pub(crate) tls: Tls,

    /// Where mail comes in, and where it is read. Without any `[[listener]]` there are four: `mx` on port 25,
    /// `submissions` on 465, `submission` on 587 and `imaps` on 993, each on all addresses. A listener is known by its
    /// name.
    #[serde(default)]
    pub(crate) listener: Vec<Listener>,

    /// The domains whose mailboxes are here.
    #[serde(default)]
    pub(crate) domains: Domains,

    /// Domains whose mail is taken for another server and passed on to it.
    #[serde(default)]
    pub(crate) relay_domain: Vec<RelayDomain>,

    /// What programs of this host hand in.
    #[serde(default)]
    pub(crate) submit: Submit,

    /// Rules about who may send what; the first that matches decides.
    #[serde(default)]
    pub(crate) access: Vec<Access>,

    /// What one message, one peer and one account may ask for.
    #[serde(default)]
    pub(crate) limits: Limits,

    /// Ways out other than the MX hosts of the destination. The first route whose selectors (`recipients`, `senders`,
    /// `accounts`, `headers`) all match is taken; where none does, DNS decides. `docs/routes.md` has examples.
    #[serde(default)]
    pub(crate) route: Vec<Route>,

    /// Programs that take mail on: ways out for the hosts of a route, named there as `pipe:NAME`.
    #[serde(default)]
    pub(crate) pipe: Vec<Pipe>,

    /// What a destination asks of its link. The first entry that matches decides; where none matches, TLS is used when
    /// it is offered.
    #[serde(default)]
    pub(crate) tls_policy: Vec<TlsPolicy>,

    /// How long mail waits and how often it is tried.
    #[serde(default)]
    pub(crate) queue: Queue,

    /// How hosts are found.
    #[serde(default)]
    pub(crate) dns: Dns,

    /// The system's own error mail: failed store, dead route, expiring certificate.
    #[serde(default)]
    pub(crate) notices: Notices,

    /// Everything durable. Delivery records are kept for 30 days after a message has left: that is what `rohrpost trace`
    /// can look back on.
    #[serde(default)]
    pub(crate) store: Store,

    /// What is written to standard error.
    #[serde(default)]
    pub(crate) log: Log,

    /// Figures for Prometheus.
    #[serde(default)]
    pub(crate) metrics: Metrics,

    /// What is served over HTTPS.
    #[serde(default)]
    pub(crate) web: Web,
}

fn default_data_dir() -> PathBuf {
    "/var/lib/rohrpost".into()
}

fn default_user() -> String {
    "rohrpost".to_owned()
}
