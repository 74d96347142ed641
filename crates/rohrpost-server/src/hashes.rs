//! The hashes of SCRAM, by the TLS provider.

use rohrpost_sasl::Hashes;
use rohrpost_tls::crypto;

/// Implements the port of `rohrpost-sasl` over aws-lc-rs.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProviderHashes;

impl Hashes for ProviderHashes {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        crypto::sha256(data)
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        crypto::hmac_sha256(key, data)
    }

    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        crypto::pbkdf2_sha256(password, salt, iterations)
    }
}
