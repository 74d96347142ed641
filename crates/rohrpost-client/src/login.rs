//! Logging in: which mechanism, and whether this link may carry a password at all.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use rohrpost_mail::{Link, Reply, Stage, TlsInfo, Trust, Verification};
use rohrpost_sasl::{
    ChannelBinding, Hashes, Mechanism,
    client::{Credentials, Exchange, pick},
};
use rohrpost_smtp::client::{Event, Extension, SessionError};
use rohrpost_tls::crypto;

use crate::{
    error::ConnectError,
    target::{LinkTls, Login, Target},
    wire::{Wire, now},
};

/// Octets of randomness in a nonce of SCRAM.
const NONCE_BYTES: usize = 24;

/// What is known of the link when it comes to logging in.
pub(crate) struct Ground<'a> {
    pub(crate) target: &'a Target,
    pub(crate) link: &'a Link,
    pub(crate) binding: Option<&'a [u8]>,
}

/// Logs in with the strongest mechanism that is offered.
///
/// After a refused SCRAM exchange PLAIN or LOGIN is tried once, since some servers store hashes that cannot do SCRAM;
/// but only with a server that is known, since an unknown one would be handed the password.
pub(crate) async fn log_in(wire: &mut Wire, login: &Login, ground: &Ground<'_>) -> Result<Mechanism, ConnectError> {
    may_carry_password(ground.target, ground.link)?;
    let capabilities = wire.session.capabilities();
    if capabilities.auth_names.is_empty() {
        return Err(SessionError::NotOffered(Extension::Auth).into());
    }
    let names = capabilities.auth_names.clone();
    let offered: Vec<_> = capabilities.auth.iter().copied().filter(|found| allowed(login, *found)).collect();
    let first = choose(&offered, ground).ok_or(ConnectError::NoMechanism { offered: names })?;
    let Some(refusal) = attempt(wire, first, login, ground).await? else { return Ok(first) };
    let weaker: Vec<_> = offered.iter().copied().filter(|found| !is_scram(*found)).collect();
    let again = is_scram(first) && refusal.is_permanent() && is_known(ground);
    let Some(second) = choose(&weaker, ground).filter(|_| again) else { return Err(refused(refusal)) };
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
    let Login { user, password, .. } = login.clone();
    let credentials = Credentials { user, password, authzid: None };
    // RFC 5802 §6: having a binding and not being offered -PLUS is told to the server, who knows whether it offered it.
    let plus_offered = wire.session.capabilities().auth.contains(&Mechanism::ScramSha256Plus);
    let passed_over = mechanism == Mechanism::ScramSha256 && plus_offered;
    let binding = ground.binding.filter(|_| !passed_over);
    let binding = binding.map(|data| ChannelBinding { name: "tls-exporter", data: data.to_vec() });
    let nonce = BASE64.encode(crypto::random::<NONCE_BYTES>());
    let exchange = Exchange::new(mechanism, credentials, Arc::new(TlsHashes), binding, nonce);
    wire.session.authenticate(now(), mechanism, exchange.map_err(SessionError::Sasl)?);
    match wire.event().await {
        Event::Failed(error) => Err(error.into()),
        Event::AuthRefused(reply) => Ok(Some(reply)),
        Event::Authenticated | Event::Ready | Event::StartTls | Event::Sent(_) => Ok(None),
    }
}

fn choose(offered: &[Mechanism], ground: &Ground<'_>) -> Option<Mechanism> {
    pick(offered, matches!(ground.link, Link::Tls(_)), ground.binding.is_some())
}

fn allowed(login: &Login, mechanism: Mechanism) -> bool {
    login.mechanism.is_none_or(|only| only == mechanism)
}

fn is_scram(mechanism: Mechanism) -> bool {
    matches!(mechanism, Mechanism::ScramSha256 | Mechanism::ScramSha256Plus)
}

/// Whether there is no doubt about who is at the other end.
fn is_known(ground: &Ground<'_>) -> bool {
    ground.target.endpoint.is_local()
        || matches!(ground.link, Link::Tls(TlsInfo { verification: Verification::Verified { .. }, .. }))
}

/// Credentials travel inside TLS that meets the target's trust, on this host, or where somebody took the risk in so
/// many words; never after a fallback to clear text.
fn may_carry_password(target: &Target, link: &Link) -> Result<(), ConnectError> {
    if target.tls == LinkTls::Fallback {
        return Err(ConnectError::PasswordInClear { reason: "handshake failed".to_owned() });
    }
    if target.endpoint.is_local() {
        return Ok(());
    }
    match link {
        Link::Local | Link::None | Link::Tls(TlsInfo { verification: Verification::Verified { .. }, .. }) => Ok(()),
        Link::Tls(_) if target.trust == Trust::Any => Ok(()),
        Link::Tls(TlsInfo { verification: Verification::Unverified { reason }, .. }) => {
            Err(ConnectError::PasswordToStranger { reason: reason.clone() })
        }
        Link::Tls(_) => Err(ConnectError::PasswordToStranger { reason: "no certificate".to_owned() }),
        Link::Clear { .. } if target.allow_clear => {
            tracing::warn!(endpoint = %target.endpoint, "the credentials cross the network in clear text, as set");
            Ok(())
        }
        Link::Clear { reason } => Err(ConnectError::PasswordInClear { reason: reason.clone() }),
    }
}

/// The hashes of the TLS provider, for SASL.
struct TlsHashes;

impl Hashes for TlsHashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        crypto::sha256(data)
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        crypto::hmac_sha256(key, data)
    }

    /// A server may ask for a million iterations, a tenth of a second: other tasks are moved to another thread meanwhile.
    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        let derive = || crypto::pbkdf2_sha256(password, salt, iterations);
        match tokio::runtime::Handle::try_current().map(|handle| handle.runtime_flavor()) {
            Ok(tokio::runtime::RuntimeFlavor::MultiThread) => tokio::task::block_in_place(derive),
            _ => derive(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use rohrpost_mail::{Host, TlsVersion, VerifiedBy};

    use super::*;

    fn target(address: [u8; 4], tls: LinkTls, trust: Trust) -> Target {
        let ehlo_name = Host::parse("here.test").unwrap();
        Target { tls, trust, ..Target::new(SocketAddr::from((address, 587)), ehlo_name) }
    }

    fn tls(verification: Verification) -> Link {
        let (suite, group) = (String::new(), String::new());
        let version = TlsVersion::Tls13;
        Link::Tls(TlsInfo { version, suite, group, sni: None, peer_certificate: None, resumed: false, verification })
    }

    #[test]
    fn a_c10_a_password_needs_tls_that_meets_the_trust() {
        const FAR: [u8; 4] = [192, 0, 2, 1];
        const NEAR: [u8; 4] = [127, 0, 0, 1];
        let clear = || Link::Clear { reason: "not offered".into() };
        let stranger = || tls(Verification::Unverified { reason: "self-signed".into() });
        let known = || tls(Verification::Verified { by: VerifiedBy::WebPki });
        let cases = [
            (FAR, LinkTls::Starttls, Trust::System, known(), true),
            (FAR, LinkTls::Starttls, Trust::System, stranger(), false),
            (FAR, LinkTls::IfOffered, Trust::System, stranger(), false),
            (FAR, LinkTls::Starttls, Trust::Any, stranger(), true),
            (FAR, LinkTls::IfOffered, Trust::Any, clear(), false),
            (FAR, LinkTls::Off, Trust::Any, clear(), false),
            (NEAR, LinkTls::IfOffered, Trust::System, clear(), true),
            (NEAR, LinkTls::Fallback, Trust::Any, clear(), false),
        ];
        for (address, mode, trust, link, expected) in cases {
            let target = target(address, mode, trust);
            assert_eq!(may_carry_password(&target, &link).is_ok(), expected, "{target:?} {link:?}");
        }
        let allowed = Target { allow_clear: true, ..target(FAR, LinkTls::Off, Trust::Any) };
        assert!(may_carry_password(&allowed, &clear()).is_ok());
        let fallback = Target { allow_clear: true, ..target(FAR, LinkTls::Fallback, Trust::Any) };
        assert!(may_carry_password(&fallback, &clear()).is_err());
    }
}
