//! How a listener wants its sessions: what they offer, demand and bear.

use std::{sync::Arc, time::Duration};

use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{Hashes, Mechanism, server::Decoy};

/// What is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// Mail between servers (RFC 5321).
    Smtp,
    /// Mail from its author's program (RFC 6409).
    Submission,
    /// Local delivery with one reply for each recipient (RFC 2033).
    Lmtp,
}

/// What happens to a CR or LF that stands alone in a message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum BareNewline {
    /// It becomes CRLF: the message is taken, and can no longer be read in two ways.
    #[default]
    Normalize,
    /// 550, and the session ends.
    Reject,
}

/// Which keywords EHLO lists and which commands and parameters are known. What is off is refused, too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Extensions {
    /// PIPELINING (RFC 2920). Commands sent together are answered together whether it is listed or not.
    pub pipelining: bool,
    /// 8BITMIME (RFC 6152).
    pub eightbitmime: bool,
    /// ENHANCEDSTATUSCODES (RFC 2034).
    pub enhancedstatuscodes: bool,
    /// SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// CHUNKING (RFC 3030): BDAT.
    pub chunking: bool,
    /// DSN (RFC 3461). Off for strangers: a success notice to a forged sender is backscatter.
    pub dsn: bool,
    /// LIMITS (RFC 9422).
    pub limits: bool,
    /// FUTURERELEASE (RFC 4865).
    pub futurerelease: bool,
    /// SIZE (RFC 1870). The limit itself holds in any case.
    pub size: bool,
    /// STARTTLS (RFC 3207).
    pub starttls: bool,
    /// AUTH (RFC 4954).
    pub auth: bool,
    /// REQUIRETLS (RFC 8689), listed inside TLS only. Off until delivery honours it.
    pub requiretls: bool,
}

impl Extensions {
    /// What a protocol offers unless it is told otherwise.
    pub fn of(protocol: Protocol) -> Self {
        let submission = protocol == Protocol::Submission;
        Self {
            pipelining: true,
            eightbitmime: true,
            enhancedstatuscodes: true,
            smtputf8: true,
            chunking: true,
            dsn: submission,
            limits: true,
            futurerelease: submission,
            size: true,
            starttls: true,
            auth: true,
            requiretls: false,
        }
    }
}

/// How long the peer may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// Between commands. RFC 5321 §4.5.3.2.7: at least 5 minutes.
    pub command: Duration,
    /// Between two arrivals of octets of a message. RFC 5321 §4.5.3.2.5: at least 3 minutes.
    pub data_block: Duration,
    /// All the time between transactions, taken together: NOOP keeps nobody here forever. 30 minutes.
    pub session: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { command: Duration::from_mins(5), data_block: Duration::from_mins(3), session: Duration::from_mins(30) }
    }
}

/// Everything a session must know of its listener. Shared by all its sessions.
#[derive(Clone)]
pub struct Profile {
    /// What is spoken.
    pub protocol: Protocol,
    /// The name in the greeting and in the reply to EHLO.
    pub host_name: Domain,
    /// What the greeting says behind name and protocol, such as `Rohrpost`.
    pub software: String,
    /// Whether TLS is offered or demanded.
    pub tls: ListenerTls,
    /// Whether there is a certificate, without which STARTTLS is neither offered nor demanded in vain.
    pub starttls_available: bool,
    /// Whether AUTH may run on this link without TLS: `auth.clear`, or `auth.tls` on loopback and unix sockets.
    /// Void where TLS is required.
    pub auth_clear: bool,
    /// Whether AUTH may run inside TLS.
    pub auth_tls: bool,
    /// Whether MAIL needs AUTH.
    pub require_auth: bool,
    /// What AUTH offers; -PLUS is listed only inside TLS.
    pub mechanisms: Vec<Mechanism>,
    /// What EHLO offers.
    pub extensions: Extensions,
    /// Octets a message may have.
    pub size_max: u64,
    /// Recipients a message may have. RFC 5321 §4.5.3.1.8: at least 100.
    pub recipients_max: usize,
    /// Transactions a session may begin.
    pub messages_max: usize,
    /// What happens to a CR or LF that stands alone in a message.
    pub bare_newline: BareNewline,
    /// How far ahead HOLDFOR and HOLDUNTIL may reach.
    pub hold_max: Duration,
    /// How long the peer may take.
    pub timeouts: Timeouts,
    /// The hashes of SCRAM.
    pub hashes: Arc<dyn Hashes>,
    /// How accounts are made up that do not exist.
    pub decoy: Decoy,
    /// Whether the peer is trusted: no delays of suspicion, no greeting to wait for.
    pub known_peer: bool,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile")
            .field("protocol", &self.protocol)
            .field("host_name", &self.host_name)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}
