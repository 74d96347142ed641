//! The port through which hashes come in.

/// SHA-256 and what SCRAM builds on it. Implemented over the TLS provider, so that one library does all cryptography.
pub trait Hashes: Send + Sync {
    /// SHA-256 (FIPS 180-4).
    fn sha256(&self, data: &[u8]) -> [u8; 32];

    /// HMAC-SHA-256 (RFC 2104).
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32];

    /// PBKDF2 with HMAC-SHA-256 and an output of 32 octets (RFC 8018 §5.2): what RFC 5802 §2.2 calls `Hi`.
    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32];
}
