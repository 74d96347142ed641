//! The tables about the node itself: domains, store, log, metrics.

use std::net::SocketAddr;

use rohrpost_mail::Domain;
use serde::Deserialize;

use crate::config::units::Size;

/// Domains can also be added while the server runs: `rohrpost domain add`.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Domains {
    /// Domains whose mailboxes are here, beside those that the store knows.
    ///
    /// Default: `[]`
    pub(crate) local: Vec<Domain>,

    /// Domains whose accounts log in with encryption only, also on listeners that take passwords in clear text
    /// (`auth.clear`). The program that tries without is told what to change.
    ///
    /// Example: `["example.org"]`
    pub(crate) require_tls: Vec<Domain>,

    /// What parts mailbox and folder in an address such as `ann+shop@example.org`; empty for no such addresses. Ann gets
    /// their mail, in `shop` if she has a mailbox of that name, else in INBOX, and may send as them, but for those that
    /// are an account's or an alias's own.
    ///
    /// Default: `"+"`
    pub(crate) subaddress: String,
}

impl Default for Domains {
    fn default() -> Self {
        Self { local: Vec::new(), require_tls: Vec::new(), subaddress: "+".to_owned() }
    }
}

/// The store in `data_dir`. Needs a restart.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Store {
    /// Bodies up to this size are a row of the database, larger ones a file of their own.
    ///
    /// Default: `"128 KiB"`
    pub(crate) inline_max: Size,

    /// Mail is refused for the time being (452) when less is free on the disk, or less than three times the largest
    /// message.
    ///
    /// Default: `"512 MiB"`
    pub(crate) free_min: Size,
}

impl Default for Store {
    fn default() -> Self {
        Self { inline_max: Size(128 << 10), free_min: Size::mib(512) }
    }
}

/// The log goes to standard error, which systemd hands to the journal. Needs a restart.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Log {
    /// `"text"`, or `"json"` with one object per line.
    ///
    /// Default: `"text"`
    pub(crate) format: LogFormat,

    /// What is logged: `error`, `warn`, `info`, `debug` or `trace`, also per part, such as `"info,rohrpost_dns=debug"`.
    /// The environment variable `ROHRPOST_LOG` has precedence.
    ///
    /// Default: `"info"`
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, level: "info".to_owned() }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// `GET /metrics` in the text format of Prometheus. Needs a restart.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Metrics {
    /// Address and port, which must be a loopback address: the figures are nobody else's business. Unset: no metrics.
    ///
    /// Example: `"127.0.0.1:9125"`
    pub(crate) address: Option<SocketAddr>,
}
