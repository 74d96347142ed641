//! The few primitives that other crates need: hashes, a key derivation, random octets, a comparison.
//!
//! Protocol cores have no randomness and no cryptography of their own; their drivers answer them from here.

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};
use md5::{Digest as _, Md5};

/// SHA-256 (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, data).as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// SHA-256 as lower-case hex, as fingerprints and pins are written.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&sha256(data))
}

/// SHA-256 of what comes in portions.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }
}

impl Sha256 {
    /// Takes the next octets.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The digest of all that was taken.
    ///
    /// # Panics
    /// Never: SHA-256 has 32 octets.
    pub fn finish(self) -> [u8; 32] {
        self.0.finish().as_ref().try_into().expect("SHA-256 has 32 octets")
    }
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, data).as_ref().try_into().expect("HMAC-SHA-256 has 32 octets")
}

/// PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2). No iterations count as one. Costs about 1 ms per 10,000 iterations: not for
/// an async task.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    derive(pbkdf2::PBKDF2_HMAC_SHA256, password, salt, iterations)
}

/// SHA-1 (FIPS 180-4), for SCRAM-SHA-1 with servers that have nothing newer.
pub fn sha1(data: &[u8]) -> [u8; 20] {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref().try_into().expect("SHA-1 has 20 octets")
}

/// HMAC-SHA-1 (RFC 2104), for SCRAM-SHA-1.
pub fn hmac_sha1(key: &[u8], data: &[u8]) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    hmac::sign(&key, data).as_ref().try_into().expect("HMAC-SHA-1 has 20 octets")
}

/// PBKDF2 with HMAC-SHA-1 (RFC 8018 §5.2), for SCRAM-SHA-1. Costs and iterations as with [`pbkdf2_sha256`].
pub fn pbkdf2_sha1(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 20] {
    derive(pbkdf2::PBKDF2_HMAC_SHA1, password, salt, iterations)
}

/// MD5 (RFC 1321), for pins in old configurations of other programs.
pub fn md5(data: &[u8]) -> [u8; 16] {
    Md5::digest(data).into()
}

/// HMAC-MD5 (RFC 2104 §2), for CRAM-MD5. The provider has no MD5, hence a library of its own; what is known against MD5
/// does not touch its use in HMAC.
pub fn hmac_md5(key: &[u8], data: &[u8]) -> [u8; 16] {
    let mac = Hmac::<Md5>::new_from_slice(key).expect("a key of HMAC may have any length");
    mac.chain_update(data).finalize().into_bytes().into()
}

fn derive<const N: usize>(algorithm: pbkdf2::Algorithm, password: &[u8], salt: &[u8], iterations: u32) -> [u8; N] {
    let iterations = std::num::NonZeroU32::new(iterations).unwrap_or(std::num::NonZeroU32::MIN);
    let mut key = [0; N];
    pbkdf2::derive(algorithm, iterations, salt, password, &mut key);
    key
}

/// Octets that nobody can guess.
pub fn random<const N: usize>() -> [u8; N] {
    let mut octets = [0; N];
    rand::fill(&mut octets).expect("the generator is seeded by the kernel and never runs dry");
    octets
}

/// Whether two secrets are equal, in a time that tells nothing about where they differ.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Octets as lower-case hex.
pub(crate) fn hex(octets: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("four bits are one digit");
    octets.iter().flat_map(|octet| [digit(octet >> 4), digit(octet & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_answers_hold() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // RFC 4231 §4.3
        assert_eq!(
            hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        // RFC 7914 §11
        assert_eq!(
            hex(&pbkdf2_sha256(b"passwd", b"salt", 1)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
        );
    }

    #[test]
    fn known_answers_of_the_older_functions_hold() {
        assert_eq!(hex(&sha1(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
        // RFC 2202 §2 and §3
        let what = b"what do ya want for nothing?";
        assert_eq!(hex(&hmac_md5(b"Jefe", what)), "750c783e6ab0b503eaa86e310a5db738");
        assert_eq!(hex(&hmac_sha1(b"Jefe", what)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
        // RFC 6070 §2
        assert_eq!(hex(&pbkdf2_sha1(b"password", b"salt", 1)), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    }

    #[test]
    fn random_octets_differ_and_equality_is_exact() {
        assert_ne!(random::<16>(), random::<16>());
        assert!(equal(b"a", b"a"));
        assert!(!equal(b"a", b"b"));
        assert!(!equal(b"a", b"aa"));
    }
}
