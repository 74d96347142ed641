//! How a listener wants its sessions: what they offer and demand.

use std::sync::Arc;

use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_sasl::{
    Hashes, Mechanism,
    server::{Decoy, MECHANISMS, TlsFacts},
};

/// Everything a session must know of its listener. Shared by all its sessions.
#[derive(Clone)]
pub struct Profile {
    /// The name in the greeting.
    pub host_name: Domain,
    /// What the greeting and CAPA call the program, such as `Rohrpost`.
    pub software: String,
    /// Whether TLS is offered or demanded.
    pub tls: ListenerTls,
    /// Whether there is a certificate, without which STLS is not offered.
    pub starttls_available: bool,
    /// Whether a log-in may run on this link without TLS: `auth.clear`, or `auth.tls` on loopback and unix sockets.
    /// Void where TLS is required.
    pub auth_clear: bool,
    /// Whether a log-in may run inside TLS.
    pub auth_tls: bool,
    /// What AUTH offers; -PLUS is listed only inside TLS, and USER and PASS only beside PLAIN.
    pub mechanisms: Vec<Mechanism>,
    /// The hashes of SCRAM.
    pub hashes: Arc<dyn Hashes>,
    /// How accounts are made up that do not exist.
    pub decoy: Decoy,
}

/// What a log-in meets on a link. The same rules as for SMTP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum LogInRule {
    /// There is none here, nor will there be after STLS.
    Off,
    /// Only inside TLS.
    NeedsTls,
    /// It goes on.
    Open,
}

impl Profile {
    pub(crate) fn log_in_rule(&self, is_tls: bool) -> LogInRule {
        let offers_tls = self.tls == ListenerTls::Required || self.offers_stls();
        match (is_tls, self.tls) {
            _ if self.mechanisms.is_empty() => LogInRule::Off,
            (true, _) if self.auth_tls => LogInRule::Open,
            // `auth.clear` is void where TLS is required.
            (false, ListenerTls::Off | ListenerTls::Offered) if self.auth_clear => LogInRule::Open,
            (false, _) if self.auth_tls && offers_tls => LogInRule::NeedsTls,
            _ => LogInRule::Off,
        }
    }

    /// Whether STLS is listed and answered.
    pub(crate) fn offers_stls(&self) -> bool {
        self.starttls_available && matches!(self.tls, ListenerTls::Offered | ListenerTls::Required)
    }

    /// The mechanisms that a server speaks and this link can carry: -PLUS only where there is a channel to bind to.
    pub(crate) fn mechanisms(&self, tls: Option<&TlsFacts>) -> impl Iterator<Item = Mechanism> {
        let bindable = tls.is_some_and(|tls| tls.binding.is_some());
        let usable = move |mechanism: &Mechanism| MECHANISMS.contains(mechanism) && (!mechanism.is_plus() || bindable);
        self.mechanisms.iter().copied().filter(usable)
    }
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Profile").field("host_name", &self.host_name).field("tls", &self.tls).finish_non_exhaustive()
    }
}
