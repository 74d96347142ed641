//! The client's side: one [`Exchange`] for each attempt to log in.
//!
//! [`pick`] chooses the mechanism. [`Exchange::initial`] gives what may be sent with the name of the mechanism,
//! [`Exchange::step`] answers each challenge, and [`Exchange::finished`] must be asked when the server says success: in
//! SCRAM it fails unless the server proved that it knows the account, too.

use std::{mem, sync::Arc};

use rohrpost_mail::Secret;

use crate::{
    ChannelBinding, Hashes, Mechanism, SaslError,
    limits::{ITERATIONS_MAX, ITERATIONS_MIN, MESSAGE_BYTES_MAX},
    prep,
    scram::{SaltedPassword, attribute, equal, escape_name, from_base64, hash_from_base64, is_nonce, to_base64, xor},
};

/// Who logs in.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// Whom to act as; `None` for the account itself. LOGIN cannot say it.
    pub authzid: Option<String>,
}

/// The strongest mechanism that both sides have. -PLUS needs TLS whose channel can be bound to (`has_binding`).
///
/// Whether a password may be shown on this link at all is not decided here.
pub fn pick(offered: &[Mechanism], link_is_tls: bool, has_binding: bool) -> Option<Mechanism> {
    let usable = |mechanism: &Mechanism| *mechanism != Mechanism::ScramSha256Plus || link_is_tls && has_binding;
    offered.iter().copied().filter(usable).min()
}

/// One attempt to log in.
pub struct Exchange {
    credentials: Credentials,
    hashes: Arc<dyn Hashes>,
    state: State,
}

/// ```text
///   Plain ──────────────────────────────────────────────────────────► Over
///   LoginUser ──► LoginPassword ────────────────────────────────────► Over
///   ScramFirst ──► ScramSalt ──server-first──► ScramSignature ──► Over
///   any of them ──what does not belong there──► Failed
/// ```
enum State {
    Plain,
    LoginUser,
    LoginPassword,
    ScramFirst(ClientFirst),
    ScramSalt(ClientFirst),
    ScramSignature([u8; 32]),
    Over,
    Failed,
}

/// *client-first* and what is needed of it later.
struct ClientFirst {
    gs2_header: String,
    bare: String,
    nonce: String,
    binding: Vec<u8>,
}

impl Exchange {
    /// Starts a mechanism.
    ///
    /// `nonce` is random printable ASCII without commas, used by SCRAM only. A `binding` given with SCRAM-SHA-256
    /// says that this client could bind but was not offered -PLUS (RFC 5802 §6): give `None` where -PLUS was offered
    /// and passed over on purpose, or the server will refuse.
    ///
    /// # Errors
    /// [`SaslError::Credentials`], [`SaslError::Nonce`], [`SaslError::NoBinding`].
    pub fn new(
        mechanism: Mechanism,
        credentials: Credentials,
        hashes: Arc<dyn Hashes>,
        binding: Option<ChannelBinding>,
        nonce: String,
    ) -> Result<Self, SaslError> {
        let credentials = prepared(credentials)?;
        let state = match mechanism {
            Mechanism::Plain => State::Plain,
            Mechanism::Login => State::LoginUser,
            Mechanism::ScramSha256 => {
                let flag = if binding.is_some() { "y" } else { "n" };
                State::ScramFirst(client_first(flag, &credentials, nonce, Vec::new())?)
            }
            Mechanism::ScramSha256Plus => {
                let ChannelBinding { name, data } = binding.ok_or(SaslError::NoBinding)?;
                State::ScramFirst(client_first(&format!("p={name}"), &credentials, nonce, data)?)
            }
        };
        Ok(Self { credentials, hashes, state })
    }

    /// What may be sent together with the name of the mechanism. `None` for LOGIN, and when it was handed out before.
    pub fn initial(&mut self) -> Option<Vec<u8>> {
        match mem::replace(&mut self.state, State::Failed) {
            State::Plain => {
                self.state = State::Over;
                Some(self.plain())
            }
            State::ScramFirst(first) => {
                let message = format!("{}{}", first.gs2_header, first.bare).into_bytes();
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
        if matches!(self.state, State::Plain | State::ScramFirst(_)) {
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
                Ok(self.credentials.password.expose().as_bytes().to_vec())
            }
            State::ScramSalt(first) => self.client_final(&first, text(challenge)?),
            State::ScramSignature(expected) => {
                check_signature(&expected, text(challenge)?)?;
                self.state = State::Over;
                Ok(Vec::new())
            }
            State::Plain | State::ScramFirst(_) | State::Over | State::Failed => Err(SaslError::BadChallenge),
        }
    }

    /// To be asked when the server says success.
    ///
    /// # Errors
    /// [`SaslError::Unfinished`] where the mechanism was not gone through; in SCRAM, where the server's signature was not
    /// seen or is wrong.
    pub fn finished(&mut self) -> Result<(), SaslError> {
        match self.state {
            State::Over => Ok(()),
            _ => Err(SaslError::Unfinished),
        }
    }

    fn plain(&self) -> Vec<u8> {
        let Credentials { user, password, authzid } = &self.credentials;
        [authzid.as_deref().unwrap_or_default(), user, password.expose()].join("\0").into_bytes()
    }

    fn client_final(&mut self, first: &ClientFirst, server_first: &str) -> Result<Vec<u8>, SaslError> {
        let ServerFirst { nonce, salt, iterations } = ServerFirst::parse(server_first, &first.nonce)?;
        let hashes = &*self.hashes;
        let password = self.credentials.password.expose().as_bytes();
        let salted = SaltedPassword(hashes.pbkdf2_sha256(password, &salt, iterations));
        let client_key = salted.client_key(hashes);
        let stored_key = hashes.sha256(&client_key);

        let bound = [first.gs2_header.as_bytes(), &first.binding].concat();
        let without_proof = format!("c={},r={nonce}", to_base64(&bound));
        let signed = format!("{},{server_first},{without_proof}", first.bare);
        let proof = xor(&client_key, &hashes.hmac_sha256(&stored_key, signed.as_bytes()));

        let signature = hashes.hmac_sha256(&salted.server_key(hashes), signed.as_bytes());
        self.state = State::ScramSignature(signature);
        Ok(format!("{without_proof},p={}", to_base64(&proof)).into_bytes())
    }
}

fn prepared(credentials: Credentials) -> Result<Credentials, SaslError> {
    let Credentials { user, password, authzid } = credentials;
    let prepared = |text: String| prep::user(&text).map_err(|_| SaslError::Credentials);
    let password = prep::password(password.expose()).map_err(|_| SaslError::Credentials)?;
    let authzid = authzid.map(prepared).transpose()?;
    Ok(Credentials { user: prepared(user)?, password: Secret::new(password), authzid })
}

fn client_first(
    flag: &str,
    credentials: &Credentials,
    nonce: String,
    binding: Vec<u8>,
) -> Result<ClientFirst, SaslError> {
    if !is_nonce(&nonce) {
        return Err(SaslError::Nonce);
    }
    let authzid = credentials.authzid.as_deref().map(|id| format!("a={}", escape_name(id))).unwrap_or_default();
    let bare = format!("n={},r={nonce}", escape_name(&credentials.user));
    Ok(ClientFirst { gs2_header: format!("{flag},{authzid},"), bare, nonce, binding })
}

fn text(challenge: &[u8]) -> Result<&str, SaslError> {
    std::str::from_utf8(challenge).map_err(|_| SaslError::BadChallenge)
}

/// *server-first*: `r=…,s=…,i=…`.
struct ServerFirst<'a> {
    nonce: &'a str,
    salt: Vec<u8>,
    iterations: u32,
}

impl<'a> ServerFirst<'a> {
    fn parse(message: &'a str, own_nonce: &str) -> Result<Self, SaslError> {
        let mut rest = message;
        if attribute(&mut rest, 'm').is_some() {
            return Err(SaslError::Extension);
        }
        let nonce = attribute(&mut rest, 'r').ok_or_else(|| refusal(message))?;
        let salt = attribute(&mut rest, 's').and_then(from_base64).filter(|salt| !salt.is_empty());
        let salt = salt.ok_or(SaslError::BadChallenge)?;
        let iterations: u64 =
            attribute(&mut rest, 'i').and_then(|digits| digits.parse().ok()).ok_or(SaslError::BadChallenge)?;
        let extended = nonce.strip_prefix(own_nonce).is_some_and(|added| !added.is_empty());
        if !extended || !is_nonce(nonce) {
            return Err(SaslError::NonceNotExtended);
        }
        match u32::try_from(iterations) {
            Ok(iterations @ ITERATIONS_MIN..=ITERATIONS_MAX) => Ok(Self { nonce, salt, iterations }),
            _ => Err(SaslError::Iterations { asked: iterations }),
        }
    }
}

fn check_signature(expected: &[u8; 32], server_final: &str) -> Result<(), SaslError> {
    let mut rest = server_final;
    let signature = attribute(&mut rest, 'v').ok_or_else(|| refusal(server_final))?;
    let signature = hash_from_base64(signature).ok_or(SaslError::BadChallenge)?;
    if equal(&signature, expected) { Ok(()) } else { Err(SaslError::ServerSignature) }
}

/// `e=…` is the server's way to say why (RFC 5802 §7); anything else is no message of SCRAM.
fn refusal(message: &str) -> SaslError {
    let mut rest = message;
    let reason = attribute(&mut rest, 'e').filter(|reason| reason.bytes().all(|byte| byte.is_ascii_graphic()));
    reason.map_or(SaslError::BadChallenge, |reason| SaslError::Refused(reason.to_owned()))
}

#[cfg(test)]
mod tests;
