//! Private keys that sign something else than handshakes: those of DKIM.

use std::path::Path;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256},
};
use rustls::pki_types::PrivateKeyDer;

use crate::{cert_error::CertError, crypto::sha256, pem};

/// A private key. It never shows what it holds.
pub struct SigningKey(Kind);

enum Kind {
    Rsa(rsa::KeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// The first private key of a PEM file: RSA of 2,048 bits or more, in PKCS #8 or PKCS #1, or Ed25519 in PKCS #8.
    ///
    /// # Errors
    /// [`CertError`], with the name of the file.
    pub fn read(file: &Path) -> Result<Self, CertError> {
        let unfit = || CertError::NotForSigning { file: file.to_owned() };
        let kind = match pem::key(file, &pem::read(file)?)? {
            PrivateKeyDer::Pkcs8(key) => match Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der()) {
                Ok(pair) => Kind::Ed25519(pair),
                Err(_) => Kind::Rsa(rsa::KeyPair::from_pkcs8(key.secret_pkcs8_der()).map_err(|_| unfit())?),
            },
            PrivateKeyDer::Pkcs1(key) => {
                Kind::Rsa(rsa::KeyPair::from_der(key.secret_pkcs1_der()).map_err(|_| unfit())?)
            }
            _ => return Err(unfit()),
        };
        Ok(Self(kind))
    }

    /// Whether it is one of RSA.
    pub fn is_rsa(&self) -> bool {
        matches!(self.0, Kind::Rsa(_))
    }

    /// Signs: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 §8.2), or Ed25519 over the SHA-256 (RFC 8463 §3).
    ///
    /// # Panics
    /// Never: a key that was read can sign.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        match &self.0 {
            Kind::Ed25519(pair) => pair.sign(&sha256(data)).as_ref().to_vec(),
            Kind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature);
                signed.expect("the modulus fits the padding of SHA-256");
                signature
            }
        }
    }

    /// The public key as DNS publishes it: a `SubjectPublicKeyInfo` in DER for RSA, the bare key for Ed25519 (RFC 8463 §4.2).
    ///
    /// # Panics
    /// Never: the key was read.
    pub fn public(&self) -> Vec<u8> {
        match &self.0 {
            Kind::Ed25519(pair) => pair.public_key().as_ref().to_vec(),
            Kind::Rsa(pair) => {
                let der: PublicKeyX509Der<'_> = pair.public_key().as_der().expect("a key that was read can be written");
                der.as_ref().to_vec()
            }
        }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_rsa() { "SigningKey(RSA)" } else { "SigningKey(Ed25519)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_another_kind_is_told_which_one_would_do() {
        let directory = tempfile::tempdir().unwrap();
        let pair = crate::ca::self_signed(["mx.test"], 2).write(directory.path(), "elliptic").unwrap();
        let error = SigningKey::read(&pair.key).unwrap_err();
        assert!(error.to_string().ends_with("RSA of 2,048 bits or more, or Ed25519 is one"), "{error}");
    }
}
