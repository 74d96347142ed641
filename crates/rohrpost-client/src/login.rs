//! Logging in: which mechanism, and how much of a credential this link may carry.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use rohrpost_mail::{Host, Link, Reply, Stage, TlsInfo, Trust, Verification};
use rohrpost_sasl::{
    ChannelBinding, Hashes, LegacyHashes, Mechanism,
    client::{Credential, Credentials, Exchange, Means, pick},
};
use rohrpost_smtp::client::{Event, Extension, SessionError};
use rohrpost_tls::crypto;

use crate::{
    endpoint::Endpoint,
    error::ConnectError,
    opening::Sealed,
    target::{LinkTls, Login, Target},
    wire::{Wire, now},
};

/// Octets of randomness in a nonce of SCRAM.
const NONCE_BYTES: usize = 24;

/// What is known of the link when it comes to logging in.
pub(crate) struct Ground<'a> {
    pub(crate) target: &'a Target,
    pub(crate) link: &'a Link,
    pub(crate) binding: Option<&'a ChannelBinding>,
}

/// Logs in with the best mechanism that is offered and that the link may carry.
///
/// After a refused SCRAM exchange PLAIN or LOGIN is tried once, since some servers store hashes that cannot do SCRAM, and
/// so it is after EXTERNAL, whose certificate may stand for no account; but only where the server's certificate was
/// verified, since anybody else would be handed the password.
pub(crate) async fn log_in(wire: &mut Wire, login: &Login, ground: &Ground<'_>) -> Result<Mechanism, ConnectError> {
    let carries = carries(ground.target, ground.link, &login.credential)?;
    let capabilities = wire.session.capabilities();
    if capabilities.auth_names.is_empty() {
        return Err(SessionError::NotOffered(Extension::Auth).into());
    }
    let offered: Vec<_> = capabilities.auth.iter().copied().filter(|found| allowed(login, *found)).collect();
    let means = ground.means(login, &carries);
    let Some(first) = pick(&offered, &means) else {
        let revealing = pick(&offered, &Means { may_reveal: true, ..means });
        return Err(match (revealing, carries) {
            (Some(_), Carries::ScramOnly { reason }) => ConnectError::PasswordInClear { reason },
            _ => ConnectError::NoMechanism { offered: capabilities.auth_names.clone() },
        });
    };
    let Some(refusal) = attempt(wire, first, login, ground).await? else { return Ok(first) };
    let shown: Vec<_> = offered.into_iter().filter(|found| found.reveals_password()).collect();
    let again = (first.is_scram() || first == Mechanism::External) && refusal.is_permanent() && ground.is_verified();
    let Some(second) = pick(&shown, &means).filter(|_| again) else { return Err(refused(refusal)) };
    tracing::debug!(%first, %second, "the server refused the stronger mechanism");
    match attempt(wire, second, login, ground).await? {
        Some(refusal) => Err(refused(refusal)),
        None => Ok(second),
    }
}

fn refused(reply: Reply) -> ConnectError {
    SessionError::Refused { stage: Stage::Auth, reply }.into()
}

/// One exchange: nothing when it succeeded, the reply when it was refused.
async fn attempt(
    wire: &mut Wire,
    mechanism: Mechanism,
    login: &Login,
    ground: &Ground<'_>,
) -> Result<Option<Reply>, ConnectError> {
    let Login { user, credential, .. } = login.clone();
    let credentials = Credentials { user, credential, authzid: None };
    // RFC 5802 §6: having a binding and not being offered -PLUS is told to the server, who knows whether it offered it.
    let plus_offered = wire.session.capabilities().auth.iter().any(|offered| offered.is_plus());
    let binding = ground.binding.filter(|_| mechanism.is_plus() || !plus_offered).cloned();
    let nonce = BASE64.encode(crypto::random::<NONCE_BYTES>());
    let exchange = Exchange::new(mechanism, credentials, Arc::new(TlsHashes), binding, nonce);
    let mut exchange = exchange.map_err(SessionError::Sasl)?;
    if let Some((host, port)) = ground.server() {
        exchange = exchange.with_server(host, port);
    }
    wire.session.authenticate(now(), mechanism, exchange);
    match wire.event().await {
        Event::Failed(error) => Err(error.into()),
        Event::AuthRefused(reply) => Ok(Some(reply)),
        Event::Authenticated | Event::Ready | Event::StartTls | Event::Sent(_) => Ok(None),
    }
}

fn allowed(login: &Login, mechanism: Mechanism) -> bool {
    login.mechanism.is_none_or(|only| only == mechanism)
}

impl<'a> Ground<'a> {
    pub(crate) fn new(target: &'a Target, sealed: &'a Sealed) -> Self {
        Self { target, link: &sealed.link, binding: sealed.binding.as_ref() }
    }
}

impl Ground<'_> {
    fn means<'a>(&self, login: &'a Login, carries: &Carries) -> Means<'a> {
        let in_tls = matches!(self.link, Link::Tls(_));
        Means {
            credential: &login.credential,
            can_bind: in_tls && self.binding.is_some(),
            shows_certificate: in_tls && self.target.client_certificate.is_some(),
            may_reveal: *carries == Carries::Everything,
        }
    }

    /// Whether a certificate leaves no doubt about who is at the other end.
    fn is_verified(&self) -> bool {
        matches!(self.link, Link::Tls(TlsInfo { verification: Verification::Verified { .. }, .. }))
    }

    /// Name and port, as RFC 7628 §3.1 wants them told.
    fn server(&self) -> Option<(String, u16)> {
        let port = match &self.target.endpoint {
            Endpoint::Tcp(address) => address.port(),
            Endpoint::Name(_, port) => *port,
            Endpoint::Unix(_) => return None,
        };
        let host = match self.target.server_name() {
            Host::Name(name) => name.to_string(),
            Host::Literal(address) => address.to_string(),
        };
        Some((host, port))
    }
}

/// What a link may carry of a credential.
#[derive(Debug, Eq, PartialEq)]
enum Carries {
    Everything,
    /// What is of no use to those who read it: the link is in clear text, for this reason.
    ScramOnly {
        reason: String,
    },
}

/// Credentials travel inside TLS that meets the target's trust, on this host, or where somebody took the risk in so
/// many words; never after a fallback to clear text. A token is good for whoever has it, so that it crosses no network in
/// clear text whatever is set (RFC 7628 §5).
fn carries(target: &Target, link: &Link, credential: &Credential) -> Result<Carries, ConnectError> {
    if target.tls == LinkTls::Fallback {
        return Err(ConnectError::PasswordInClear { reason: "handshake failed".to_owned() });
    }
    if target.endpoint.is_local() {
        return Ok(Carries::Everything);
    }
    match link {
        Link::Local | Link::None | Link::Tls(TlsInfo { verification: Verification::Verified { .. }, .. }) => {
            Ok(Carries::Everything)
        }
        Link::Tls(_) if target.trust == Trust::Any => Ok(Carries::Everything),
        Link::Tls(TlsInfo { verification: Verification::Unverified { reason }, .. }) => {
            Err(ConnectError::PasswordToStranger { reason: reason.clone() })
        }
        Link::Tls(_) => Err(ConnectError::PasswordToStranger { reason: "no certificate".to_owned() }),
        Link::Clear { .. } if target.allow_clear && !matches!(credential, Credential::Token(_)) => {
            tracing::warn!(endpoint = %target.endpoint, "the credentials cross the network in clear text, as set");
            Ok(Carries::Everything)
        }
        Link::Clear { reason } if target.scram_in_clear => Ok(Carries::ScramOnly { reason: reason.clone() }),
        Link::Clear { reason } => Err(ConnectError::PasswordInClear { reason: reason.clone() }),
    }
}

/// The hashes of the TLS provider, for SASL.
#[derive(Clone, Copy, Debug)]
pub struct TlsHashes;

impl Hashes for TlsHashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        crypto::sha256(data)
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        crypto::hmac_sha256(key, data)
    }

    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        aside(|| crypto::pbkdf2_sha256(password, salt, iterations))
    }

    fn legacy(&self) -> Option<&dyn LegacyHashes> {
        Some(self)
    }
}

impl LegacyHashes for TlsHashes {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        crypto::sha1(data)
    }

    fn hmac_sha1(&self, key: &[u8], data: &[u8]) -> [u8; 20] {
        crypto::hmac_sha1(key, data)
    }

    fn pbkdf2_sha1(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 20] {
        aside(|| crypto::pbkdf2_sha1(password, salt, iterations))
    }

    fn hmac_md5(&self, key: &[u8], data: &[u8]) -> [u8; 16] {
        crypto::hmac_md5(key, data)
    }
}

/// A server may ask for a million iterations, a tenth of a second: other tasks are moved to another thread meanwhile.
fn aside<T>(derive: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current().map(|handle| handle.runtime_flavor()) {
        Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(derive),
        _ => derive(),
    }
}

#[cfg(test)]
mod tests;
