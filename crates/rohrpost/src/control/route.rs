//! `rohrpost route`: ways out and how their hosts fare.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A way out.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct RouteRow {
    /// Its name.
    pub(crate) name: String,
    /// Whose mail takes it; patterns as the configuration has them.
    pub(crate) recipients: Vec<String>,
    /// Whose mail takes it; empty: everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) senders: Vec<String>,
    /// Whose mail takes it, by who handed it in; empty: everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accounts: Vec<String>,
    /// Header fields of mail that takes it; empty: all mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) headers: Vec<String>,
    /// Whether each message begins with a host by chance, by weight.
    pub(crate) weighted: bool,
    /// After how many failed attempts another route takes over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after_tries: Option<u32>,
    /// The name of that route.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<String>,
    /// Its hosts in the order of the configuration.
    pub(crate) hosts: Vec<HostRow>,
}

/// A host of a way out. The figures are those since the start of the server.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct HostRow {
    /// `host:port`, `unix:PATH`, `mx` or `pipe:NAME`.
    pub(crate) host: String,
    /// Who we are there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Its share, where hosts are chosen by weight.
    pub(crate) weight: u32,
    /// Whether it is used.
    pub(crate) state: HostWord,
    /// Since when it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<Timestamp>,
    /// Why it is down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) why: Option<String>,
    /// When it is tried again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_probe: Option<Timestamp>,
    /// When it last took a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_success: Option<Timestamp>,
    /// Messages that it took.
    pub(crate) sent: u64,
    /// Messages that it did not take for now; what it refused for good is not counted.
    pub(crate) failed: u64,
    /// How the last link was sealed: `verified`, `encrypted`, `cleartext`, or `local` where no network was crossed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<String>,
}

/// Whether a host is used.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HostWord {
    /// Nobody knows: no server runs.
    #[default]
    Unknown,
    /// Nothing speaks against it.
    Up,
    /// It is passed over.
    Down,
}
