//! The client's side: one [`Exchange`] for each attempt to log in.
//!
//! [`pick`] chooses the mechanism by the [`Means`] at hand. [`Exchange::initial`] gives what may be sent with the name of
//! the mechanism, [`Exchange::step`] answers each challenge, and [`Exchange::finished`] must be asked when the server says
//! success: in SCRAM it fails unless the server proved that it knows the account, too.

use std::{fmt::Write as _, mem, sync::Arc};

use rohrpost_mail::Secret;

use self::{bearer::Bearer, scram::ClientFirst};
use crate::{ChannelBinding, Hashes, Mechanism, SaslError, limits::MESSAGE_BYTES_MAX, prep, scram::equal};

mod bearer;
mod scram;

/// What proves who logs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Credential {
    /// The account's password.
    Password(Secret),
    /// A bearer token of OAuth 2.0 (RFC 6750 §2.1).
    Token(Secret),
    /// The certificate that the client shows in TLS.
    Certificate,
}

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account. With [`Credential::Certificate`] it may be empty: the server then takes it from the certificate.
    pub user: String,
    /// What proves it.
    pub credential: Credential,
    /// Whom to act as; `None` for the account itself. LOGIN, CRAM-MD5 and XOAUTH2 cannot say it.
    pub authzid: Option<String>,
}

impl Credentials {
    /// With a password, acting as nobody else.
    pub fn password(user: impl Into<String>, password: Secret) -> Self {
        Self { user: user.into(), credential: Credential::Password(password), authzid: None }
    }
}

/// What a client can bring to a link.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// What it has.
    pub credential: &'a Credential,
    /// Whether there is a TLS channel to bind to.
    pub can_bind: bool,
    /// Whether it shows a certificate on this link.
    pub shows_certificate: bool,
    /// Whether the link may carry what helps others to log in: else SCRAM is all that can be used.
    pub may_reveal: bool,
}

impl Means<'_> {
    /// Whether they are enough for a mechanism.
    pub fn suffice(&self, mechanism: Mechanism) -> bool {
        use Mechanism::{
            CramMd5, External, Login, OAuthBearer, Plain, ScramSha1, ScramSha1Plus, ScramSha256, ScramSha256Plus,
            XOAuth2,
        };
        match (self.credential, mechanism) {
            (Credential::Password(_), ScramSha256Plus | ScramSha1Plus) => self.can_bind,
            (Credential::Password(_), ScramSha256 | ScramSha1) => true,
            (Credential::Password(_), Plain | CramMd5 | Login) | (Credential::Token(_), OAuthBearer | XOAuth2) => {
                self.may_reveal
            }
            (Credential::Password(_) | Credential::Certificate, External) => self.shows_certificate,
            _ => false,
        }
    }
}

/// The best mechanism that the server offers and for which the means suffice.
pub fn pick(offered: &[Mechanism], means: &Means<'_>) -> Option<Mechanism> {
    offered.iter().copied().filter(|mechanism| means.suffice(*mechanism)).min()
}

/// One attempt to log in.
pub struct Exchange {
    credentials: Credentials,
    hashes: Arc<dyn Hashes>,
    /// The server's name and port, for OAUTHBEARER.
    server: Option<(String, u16)>,
    state: State,
}

/// ```text
///   Plain, External ────────────────────────────────────────────────► Over
///   CramMd5 ──challenge─────────────────────────────────────────────► Over
///   LoginUser ──► LoginPassword ────────────────────────────────────► Over
///   BearerFirst ──► BearerSent   (where the server says success)
///                       └──what is wrong with the token──► Failed
///   ScramFirst ──► ScramSalt ──server-first──► ScramSignature ──► Over
///   any of them ──what does not belong there──► Failed
/// ```
enum State {
    Plain,
    External,
    CramMd5,
    LoginUser,
    LoginPassword,
    BearerFirst(Bearer),
    BearerSent(Bearer),
    ScramFirst(ClientFirst),
    ScramSalt(ClientFirst),
    ScramSignature(Vec<u8>),
    Over,
    Failed,
}

impl Exchange {
    /// Starts a mechanism.
    ///
    /// `nonce` is random printable ASCII without commas, used by SCRAM only. A `binding` given with a SCRAM that is not
    /// -PLUS says that this client could bind but was not offered it (RFC 5802 §6): give `None` where -PLUS was offered
    /// and passed over on purpose, or the server will refuse.
    ///
    /// # Errors
    /// [`SaslError::Credentials`], [`SaslError::WrongCredential`], [`SaslError::Nonce`], [`SaslError::NoBinding`],
    /// [`SaslError::NoHash`].
    pub fn new(
        mechanism: Mechanism,
        credentials: Credentials,
        hashes: Arc<dyn Hashes>,
        binding: Option<ChannelBinding>,
        nonce: String,
    ) -> Result<Self, SaslError> {
        let credentials = prepared(credentials)?;
        let everything =
            Means { credential: &credentials.credential, can_bind: true, shows_certificate: true, may_reveal: true };
        if !everything.suffice(mechanism) {
            return Err(SaslError::WrongCredential(mechanism));
        }
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::External => State::External,
            Mechanism::CramMd5 if hashes.legacy().is_none() => return Err(SaslError::NoHash(mechanism)),
            Mechanism::CramMd5 => State::CramMd5,
            Mechanism::Login => State::LoginUser,
            Mechanism::OAuthBearer => State::BearerFirst(Bearer::Standard),
            Mechanism::XOAuth2 => State::BearerFirst(Bearer::Google),
            Mechanism::ScramSha256Plus | Mechanism::ScramSha1Plus | Mechanism::ScramSha256 | Mechanism::ScramSha1 => {
                State::ScramFirst(ClientFirst::new(mechanism, &credentials, &*hashes, binding, nonce)?)
            }
        };
        Ok(Self { credentials, hashes, server: None, state })
    }

    /// Names the server and its port, which RFC 7628 §3.1 has a client tell. Other mechanisms do not say it.
    #[must_use]
    pub fn with_server(mut self, host: impl Into<String>, port: u16) -> Self {
        self.server = Some((host.into(), port));
        self
    }

    /// What may be sent together with the name of the mechanism. `None` for LOGIN and CRAM-MD5, and when it was handed
    /// out before.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Plain => {
                self.state = State::Over;
                Some(self.plain())
            }
            State::External => {
                self.state = State::Over;
                let Credentials { user, authzid, .. } = &self.credentials;
                Some(authzid.as_ref().unwrap_or(user).clone().into_bytes())
            }
            State::BearerFirst(bearer) => {
                self.state = State::BearerSent(bearer);
                Some(bearer.message(&self.credentials, self.server.as_ref(), self.secret()))
            }
            State::ScramFirst(first) => {
                let message = first.message();
                self.state = State::ScramSalt(first);
                Some(message)
            }
            state => {
                self.state = state;
                None
            }
        }
    }

    /// Answers a challenge.
    ///
    /// # Errors
    /// Whatever the server does against the mechanism; the login must then be given up.
    pub fn step(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        if challenge.len() > MESSAGE_BYTES_MAX {
            self.state = State::Failed;
            return Err(SaslError::ChallengeTooLong);
        }
        if matches!(self.state, State::Plain | State::External | State::BearerFirst(_) | State::ScramFirst(_)) {
            // The server waits for what could have come with the name of the mechanism (RFC 4422 §5).
            return if challenge.is_empty() { self.initial() } else { None }.ok_or(SaslError::BadChallenge);
        }
        match mem::replace(&mut self.state, State::Failed) {
            State::LoginUser => {
                self.state = State::LoginPassword;
                Ok(self.credentials.user.clone().into_bytes())
            }
            State::LoginPassword => {
                self.state = State::Over;
                Ok(self.secret().as_bytes().to_vec())
            }
            State::CramMd5 => self.cram_md5(challenge),
            State::BearerSent(bearer) => Ok(bearer.answer_to_refusal()),
            State::ScramSalt(first) => {
                let password = self.secret().as_bytes();
                let (message, signature) = first.client_final(&*self.hashes, password, text(challenge)?)?;
                self.state = State::ScramSignature(signature);
                Ok(message)
            }
            State::ScramSignature(expected) => {
                let signature = scram::server_signature(text(challenge)?)?;
                self.state = if equal(&signature, &expected) { State::Over } else { State::Failed };
                self.finished().map(|()| Vec::new()).map_err(|_| SaslError::ServerSignature)
            }
            _ => Err(SaslError::BadChallenge),
        }
    }

    /// To be asked when the server says success.
    ///
    /// # Errors
    /// [`SaslError::Unfinished`] where the mechanism was not gone through; in SCRAM, where the server's signature was not
    /// seen or is wrong.
    pub fn finished(&mut self) -> Result<(), SaslError> {
        match self.state {
            State::Over | State::BearerSent(_) => Ok(()),
            _ => Err(SaslError::Unfinished),
        }
    }

    fn plain(&self) -> Vec<u8> {
        let Credentials { user, authzid, .. } = &self.credentials;
        [authzid.as_deref().unwrap_or_default(), user, self.secret()].join("\0").into_bytes()
    }

    /// RFC 2195 §2: the name, a blank, and the digest in lower-case hex.
    fn cram_md5(&mut self, challenge: &[u8]) -> Result<Vec<u8>, SaslError> {
        let hashes = self.hashes.legacy().filter(|_| !challenge.is_empty()).ok_or(SaslError::BadChallenge)?;
        let digest = hashes.hmac_md5(self.secret().as_bytes(), challenge);
        let mut answer = format!("{} ", self.credentials.user);
        for octet in digest {
            write!(answer, "{octet:02x}").expect("a String takes everything");
        }
        self.state = State::Over;
        Ok(answer.into_bytes())
    }

    /// Password or token; nothing where a certificate is the proof.
    fn secret(&self) -> &str {
        match &self.credentials.credential {
            Credential::Password(secret) | Credential::Token(secret) => secret.expose(),
            Credential::Certificate => "",
        }
    }
}

/// Names and password in their one spelling.
fn prepared(credentials: Credentials) -> Result<Credentials, SaslError> {
    let Credentials { user, credential, authzid } = credentials;
    let name = |text: String| prep::user(&text).map_err(|_| SaslError::Credentials);
    let nameless = user.is_empty() && credential == Credential::Certificate;
    let credential = match credential {
        Credential::Password(password) => {
            let password = prep::password(password.expose()).map_err(|_| SaslError::Credentials)?;
            Credential::Password(Secret::new(password))
        }
        Credential::Token(token) if !bearer::is_token(token.expose()) => return Err(SaslError::Credentials),
        other => other,
    };
    let user = if nameless { user } else { name(user)? };
    Ok(Credentials { user, credential, authzid: authzid.map(name).transpose()? })
}

fn text(challenge: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(challenge).map_err(|_| SaslError::BadChallenge)
}

#[cfg(test)]
mod tests;
