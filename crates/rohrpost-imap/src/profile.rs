//! How a listener wants its sessions: what they offer, demand and bear.

use std::{sync::Arc, time::Duration};

use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{Hashes, Mechanism, server::Decoy};

/// How long the peer may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// From the greeting to a successful log-in: 2 minutes. Who has a password has it ready.
    pub login: Duration,
    /// Between two commands after log-in. RFC 9051 §5.4: at least 30 minutes.
    pub idle: Duration,
    /// Between two arrivals of octets within a command or a message: 3 minutes.
    pub data_block: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { login: Duration::from_mins(2), idle: Duration::from_mins(30), data_block: Duration::from_mins(3) }
    }
}

/// Everything a session must know of its listener. Shared by all its sessions.
#[derive(Clone)]
pub struct Profile {
    /// The name in the greeting.
    pub host_name: Domain,
    /// What the greeting and ID say we are, such as `Rohrpost`.
    pub software: String,
    /// Whether TLS is offered or demanded.
    pub tls: ListenerTls,
    /// Whether there is a certificate, without which STARTTLS is neither offered nor demanded in vain.
    pub starttls_available: bool,
    /// Whether a log-in may run on this link without TLS: `auth.clear`, or `auth.tls` on loopback and unix sockets.
    /// Void where TLS is required.
    pub auth_clear: bool,
    /// Whether a log-in may run inside TLS.
    pub auth_tls: bool,
    /// What AUTHENTICATE offers; -PLUS is listed only inside TLS. LOGIN works where PLAIN is among them.
    pub mechanisms: Vec<Mechanism>,
    /// Octets a message may have: APPENDLIMIT (RFC 7889).
    pub size_max: u64,
    /// How long the peer may take.
    pub timeouts: Timeouts,
    /// The hashes of SCRAM.
    pub hashes: Arc<dyn Hashes>,
    /// How accounts are made up that do not exist.
    pub decoy: Decoy,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("host_name", &self.host_name).field("tls", &self.tls).finish_non_exhaustive()
    }
}
