//! SCRAM (RFC 5802) with SHA-256 (RFC 7677) and SHA-1, the client's side: what is said, and what it is computed from.

use zeroize::Zeroizing;

use super::Credentials;
use crate::{
    ChannelBinding, Hashes, LegacyHashes, Mechanism, SaslError,
    limits::{ITERATIONS_MAX, ITERATIONS_MIN},
    scram::{CLIENT_KEY, SERVER_KEY, attribute, escape_name, from_base64, is_nonce, to_base64},
};

/// *client-first* and what is needed of it later.
pub(super) struct ClientFirst {
    mechanism: Mechanism,
    gs2_header: String,
    bare: String,
    nonce: String,
    binding: Vec<u8>,
}

impl ClientFirst {
    pub(super) fn new(
        mechanism: Mechanism,
        credentials: &Credentials,
        hashes: &dyn Hashes,
        binding: Option<ChannelBinding>,
        nonce: String,
    ) -> Result<Self, SaslError> {
        Function::of(mechanism, hashes)?;
        if !is_nonce(&nonce) {
            return Err(SaslError::Nonce);
        }
        // RFC 5802 §6: `p` binds, `y` says that we could have, `n` that we cannot or do not want to.
        let (flag, binding) = match binding {
            Some(ChannelBinding { name, data }) if mechanism.is_plus() => (format!("p={name}"), data),
            None if mechanism.is_plus() => return Err(SaslError::NoBinding),
            Some(_) => ("y".to_owned(), Vec::new()),
            None => ("n".to_owned(), Vec::new()),
        };
        let authzid = credentials.authzid.as_deref().map(|id| format!("a={}", escape_name(id))).unwrap_or_default();
        let bare = format!("n={},r={nonce}", escape_name(&credentials.user));
        Ok(Self { mechanism, gs2_header: format!("{flag},{authzid},"), bare, nonce, binding })
    }

    pub(super) fn message(&self) -> Vec<u8> {
        format!("{}{}", self.gs2_header, self.bare).into_bytes()
    }

    /// *client-final*, and the signature that the server then has to show.
    pub(super) fn client_final(
        &self,
        hashes: &dyn Hashes,
        password: &[u8],
        server_first: &str,
    ) -> Result<(Vec<u8>, Vec<u8>), SaslError> {
        let function = Function::of(self.mechanism, hashes)?;
        let ServerFirst { nonce, salt, iterations } = ServerFirst::parse(server_first, &self.nonce)?;
        let salted = function.pbkdf2(password, &salt, iterations);
        let client_key = function.hmac(&salted, CLIENT_KEY);
        let stored_key = function.hash(&client_key);

        let bound = [self.gs2_header.as_bytes(), &self.binding].concat();
        let without_proof = format!("c={},r={nonce}", to_base64(&bound));
        let signed = format!("{},{server_first},{without_proof}", self.bare);
        let proof = function.hmac(&stored_key, signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(proof.iter()).map(|(key, signature)| key ^ signature).collect();

        let signature = function.hmac(&function.hmac(&salted, SERVER_KEY), signed.as_bytes());
        Ok((format!("{without_proof},p={}", to_base64(&proof)).into_bytes(), signature.to_vec()))
    }
}

/// The signature in *server-final*: `v=…`.
pub(super) fn server_signature(server_final: &str) -> Result<Vec<u8>, SaslError> {
    let mut rest = server_final;
    let signature = attribute(&mut rest, 'v').ok_or_else(|| refusal(server_final))?;
    from_base64(signature).ok_or(SaslError::BadChallenge)
}

/// The hash of a mechanism, and what is built on it. Keys are wiped when they are done with.
enum Function<'a> {
    Sha256(&'a dyn Hashes),
    Sha1(&'a dyn LegacyHashes),
}

type Key = Zeroizing<Vec<u8>>;

impl<'a> Function<'a> {
    fn of(mechanism: Mechanism, hashes: &'a dyn Hashes) -> Result<Self, SaslError> {
        match mechanism {
            Mechanism::ScramSha1 | Mechanism::ScramSha1Plus => {
                hashes.legacy().map(Self::Sha1).ok_or(SaslError::NoHash(mechanism))
            }
            _ => Ok(Self::Sha256(hashes)),
        }
    }

    fn hash(&self, data: &[u8]) -> Key {
        Zeroizing::new(match self {
            Self::Sha256(hashes) => hashes.sha256(data).to_vec(),
            Self::Sha1(hashes) => hashes.sha1(data).to_vec(),
        })
    }

    fn hmac(&self, key: &[u8], data: &[u8]) -> Key {
        Zeroizing::new(match self {
            Self::Sha256(hashes) => hashes.hmac_sha256(key, data).to_vec(),
            Self::Sha1(hashes) => hashes.hmac_sha1(key, data).to_vec(),
        })
    }

    fn pbkdf2(&self, password: &[u8], salt: &[u8], iterations: u32) -> Key {
        Zeroizing::new(match self {
            Self::Sha256(hashes) => hashes.pbkdf2_sha256(password, salt, iterations).to_vec(),
            Self::Sha1(hashes) => hashes.pbkdf2_sha1(password, salt, iterations).to_vec(),
        })
    }
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

/// `e=…` is the server's way to say why (RFC 5802 §7); anything else is no message of SCRAM.
fn refusal(message: &str) -> SaslError {
    let mut rest = message;
    let reason = attribute(&mut rest, 'e').filter(|reason| reason.bytes().all(|byte| byte.is_ascii_graphic()));
    reason.map_or(SaslError::BadChallenge, |reason| SaslError::Refused(reason.to_owned()))
}
