//! The few primitives that other crates need: hashes, a key derivation, random octets, a comparison.
//!
//! Protocol cores have no randomness and no cryptography of their own; their drivers answer them from here.

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2, rand};

/// SHA-256 (FIPS 180-4).
pub fn sha256(data: &[u8]) -> [u8; 32] {
    digest::digest(&digest::SHA256, data).as_ref().try_into().expect("SHA-256 has 32 octets")
}

/// SHA-256 as lower-case hex, as fingerprints and pins are written.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&sha256(data))
}

/// HMAC-SHA-256 (RFC 2104).
pub fn hmac_sha256(key: &[u8], data: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, data).as_ref().try_into().expect("HMAC-SHA-256 has 32 octets")
}

/// PBKDF2 with HMAC-SHA-256 (RFC 8018 §5.2). No iterations count as one. Costs about 1 ms per 10,000 iterations: not for
/// an async task.
pub fn pbkdf2_sha256(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let iterations = std::num::NonZeroU32::new(iterations).unwrap_or(std::num::NonZeroU32::MIN);
    let mut key = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut key);
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
fn hex(octets: &[u8]) -> String {
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
    fn random_octets_differ_and_equality_is_exact() {
        assert_ne!(random::<16>(), random::<16>());
        assert!(equal(b"a", b"a"));
        assert!(!equal(b"a", b"b"));
        assert!(!equal(b"a", b"aa"));
    }
}
