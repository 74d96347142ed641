//! Logging in at an IMAP server (RFC 9051 §6.2.2 and §6.2.3): by the best mechanism that it offers and the link may carry.
//!
//! The mechanisms are those of `rohrpost_sasl`, which the sender uses, too. Where a server offers none that fits there is
//! the command `LOGIN`. After a refused SCRAM the password itself is tried once, since some servers keep hashes that cannot
//! do SCRAM and offer it all the same; but only where there is no doubt about the server, since anybody else would be
//! handed the password.

use std::sync::Arc;

use base64::{
    Engine as _,
    prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD},
};
use rohrpost_client::{Credential, Mechanism, TlsHashes};
use rohrpost_mail::Secret;
use rohrpost_sasl::client::{Credentials, Exchange, Means, pick};
use rohrpost_sender::SecretSource;
use rohrpost_tls::crypto;

use super::link::{Link, quoted};
use crate::{
    cli::Other,
    commands::people::password_from,
    exit::{Exit, Failure},
};

/// Responses that the server may give before a log-in has ended: SCRAM takes three.
const RESPONSES_MAX: usize = 100;

/// Octets of randomness in a nonce of SCRAM.
const NONCE_BYTES: usize = 24;

/// Who logs in there.
pub(super) struct Account {
    pub(super) user: String,
    pub(super) credential: Credential,
    /// Name and port of the server: OAUTHBEARER tells them (RFC 7628 §3.1).
    pub(super) server: (String, u16),
}

/// A way to log in.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    /// `AUTHENTICATE`
    Sasl(Mechanism),
    /// `LOGIN` with this password.
    Command(&'a Secret),
}

/// What proves who logs in, from where the command line says.
pub(super) async fn credential(other: &Other) -> anyhow::Result<Credential> {
    let file = other.password_file.as_ref().or(other.token_file.as_ref());
    let command = other.password_command.as_ref().or(other.token_command.as_ref());
    let credential = match (file, command) {
        (Some(file), _) => Credential::Password(password_from(file)?),
        (None, Some(line)) => {
            let failed = |error| Failure::new(Exit::Unavailable, error);
            SecretSource::shell(line).resolve(false).await.map_err(failed)?
        }
        (None, None) => return Err(Failure::new(Exit::Usage, "there is neither a password nor a token").into()),
    };
    Ok(match credential {
        Credential::Password(token) if other.token_file.is_some() || other.token_command.is_some() => {
            Credential::Token(token)
        }
        other => other,
    })
}

impl Link {
    /// Logs in.
    pub(super) async fn log_in(&mut self, account: &Account) -> anyhow::Result<()> {
        let capabilities = self.capabilities().await?;
        let ways = self.ways(&capabilities, &account.credential);
        let Some(first) = ways.first().copied() else {
            let offered: Vec<_> = capabilities.iter().filter_map(|word| mechanism_name(word)).collect();
            let message = format!("log-in: the server offers nothing that this can use, but {:?}", offered.join(" "));
            return Err(Failure::new(Exit::Unavailable, message).into());
        };
        let has_initial = capabilities.iter().any(|word| word.eq_ignore_ascii_case("SASL-IR"));
        let Some(mut no) = self.attempt(first, account, has_initial).await? else { return Ok(()) };
        let is_scram = matches!(first, Way::Sasl(mechanism) if mechanism.is_scram());
        let second = ways.iter().copied().find(|way| way.shows_password()).filter(|_| is_scram);
        match second {
            Some(second) if self.peer.is_verified => match self.attempt(second, account, has_initial).await? {
                Some(second_no) => no = second_no,
                None => return Ok(()),
            },
            Some(_) => no.push_str("; the password itself is sent to no server that may be anybody: --trust names it"),
            None => {}
        }
        Err(Failure::new(Exit::NoPermission, format!("log-in: the server says: {no}")).into())
    }

    /// The ways that the server offers and the credential can go, the best first.
    fn ways<'a>(&self, capabilities: &[String], credential: &'a Credential) -> Vec<Way<'a>> {
        let means = Means {
            credential,
            can_bind: self.peer.binding.is_some(),
            shows_certificate: false,
            // A password was allowed to cross this link when it was opened. A token is good for whoever has it, so that
            // it crosses no network in clear text whatever is set (RFC 7628 §5).
            may_reveal: self.peer.is_private || matches!(credential, Credential::Password(_)),
        };
        let mut offered: Vec<Mechanism> =
            capabilities.iter().filter_map(|word| mechanism_name(word)?.parse().ok()).collect();
        let mut ways = Vec::new();
        while let Some(mechanism) = pick(&offered, &means) {
            offered.retain(|other| *other != mechanism);
            ways.push(Way::Sasl(mechanism));
        }
        let is_disabled = capabilities.iter().any(|word| word.eq_ignore_ascii_case("LOGINDISABLED"));
        if let (Credential::Password(password), false) = (credential, is_disabled) {
            ways.push(Way::Command(password));
        }
        ways
    }

    /// Tries one way: nothing when it succeeded, what the server says when it refused.
    async fn attempt(&mut self, way: Way<'_>, account: &Account, has_initial: bool) -> anyhow::Result<Option<String>> {
        match way {
            Way::Sasl(mechanism) => {
                let mut exchange = self.exchange(mechanism, account)?;
                let initial = if has_initial { exchange.initial() } else { None };
                // RFC 4959 §3: an empty one is written `=`.
                let initial = initial.map(|octets| match BASE64_STANDARD.encode(octets) {
                    empty if empty.is_empty() => " =".to_owned(),
                    words => format!(" {words}"),
                });
                self.ask(&format!("AUTHENTICATE {mechanism}{}", initial.unwrap_or_default())).await?;
                self.verdict(Some(&mut exchange)).await
            }
            Way::Command(password) => {
                self.ask(&format!("LOGIN {} {}", quoted(&account.user)?, quoted(password.expose())?)).await?;
                self.verdict(None).await
            }
        }
    }

    fn exchange(&self, mechanism: Mechanism, account: &Account) -> Result<Exchange, Failure> {
        let Account { user, credential, server: (host, port) } = account;
        let credentials = Credentials { user: user.clone(), credential: credential.clone(), authzid: None };
        // Bound SCRAM is tried before any other, so that a binding with an unbound one says truly that the server offered
        // none (RFC 5802 §6).
        let binding = self.peer.binding.clone();
        let nonce = BASE64_STANDARD_NO_PAD.encode(crypto::random::<NONCE_BYTES>());
        let exchange = Exchange::new(mechanism, credentials, Arc::new(TlsHashes), binding, nonce);
        let exchange = exchange.map_err(|error| Failure::new(Exit::Data, format!("log-in: {error}")))?;
        Ok(exchange.with_server(host, *port))
    }

    /// Goes through a log-in to its end.
    async fn verdict(&mut self, mut exchange: Option<&mut Exchange>) -> anyhow::Result<Option<String>> {
        let wrong = |why: String| Failure::new(Exit::Protocol, format!("log-in: {why}"));
        for _ in 0..RESPONSES_MAX {
            let text = self.read().await?.text();
            if let (Some(challenge), Some(exchange)) = (text.strip_prefix('+'), &mut exchange) {
                // Some servers write words in the place of an empty challenge.
                let challenge = BASE64_STANDARD.decode(challenge.trim()).unwrap_or_default();
                let answer = exchange.step(&challenge).map_err(|error| wrong(error.to_string()))?;
                self.send(&BASE64_STANDARD.encode(answer)).await?;
            } else if let Some(end) = self.ended(&text)? {
                if let (Ok(()), Some(exchange)) = (&end, &mut exchange) {
                    exchange.finished().map_err(|error| wrong(error.to_string()))?;
                }
                return Ok(end.err());
            }
        }
        Err(wrong("it does not end".to_owned()).into())
    }
}

impl Way<'_> {
    /// Whether the server learns the password.
    fn shows_password(self) -> bool {
        match self {
            Self::Sasl(mechanism) => mechanism.reveals_password(),
            Self::Command(_) => true,
        }
    }
}

/// `SCRAM-SHA-256` of `AUTH=SCRAM-SHA-256`
fn mechanism_name(capability: &str) -> Option<&str> {
    let (word, name) = capability.split_at_checked(5)?;
    word.eq_ignore_ascii_case("AUTH=").then_some(name)
}

#[cfg(test)]
mod tests;
