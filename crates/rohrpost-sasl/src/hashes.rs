//! The port through which hashes come in.

/// SHA-256 and what SCRAM builds on it. Implemented over the TLS provider, so that one library does all cryptography.
pub trait Hashes: Send + Sync {
    /// SHA-256 (FIPS 180-4).
    fn sha256(&self, data: &[u8]) -> [u8; 32];

    /// HMAC-SHA-256 (RFC 2104).
    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32];

    /// PBKDF2 with HMAC-SHA-256 and an output of 32 octets (RFC 8018 §5.2): what RFC 5802 §2.2 calls `Hi`.
    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32];

    /// The functions of older mechanisms. Default: none, as a server has no use for them.
    fn legacy(&self) -> Option<&dyn LegacyHashes> {
        None
    }
}

/// What a client needs for SCRAM-SHA-1 and CRAM-MD5, since there are servers that know nothing better.
pub trait LegacyHashes {
    /// SHA-1 (FIPS 180-4).
    fn sha1(&self, data: &[u8]) -> [u8; 20];

    /// HMAC-SHA-1 (RFC 2104).
    fn hmac_sha1(&self, key: &[u8], data: &[u8]) -> [u8; 20];

    /// PBKDF2 with HMAC-SHA-1 and an output of 20 octets (RFC 8018 §5.2).
    fn pbkdf2_sha1(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 20];

    /// HMAC-MD5 (RFC 2104).
    fn hmac_md5(&self, key: &[u8], data: &[u8]) -> [u8; 16];
}
