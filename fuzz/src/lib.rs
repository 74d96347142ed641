//! What the fuzz targets share.
//!
//! A target asserts what must hold for any octets at all: no panic, nothing that a peer could use to break out of a
//! line, and the same result whether the octets came at once or one by one. The corpus is what peers really send, so
//! inputs are plain octets, without a format of the fuzzer's own.

use std::sync::Arc;

use rohrpost_mail::Secret;
use rohrpost_sasl::client::{Credential, Credentials, Exchange};
use rohrpost_sasl::{ChannelBinding, Hashes, LegacyHashes, Mechanism};

/// Cuts octets into portions of one to sixteen, as a network might. The same octets are always cut alike.
pub fn portions(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut state = octets.len() as u32;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let size = 1 + (state >> 28) as usize;
        let (portion, rest) = octets.split_at(size.min(octets.len()));
        octets = rest;
        (!portion.is_empty()).then_some(portion)
    })
}

/// Asserts that each CR is followed by LF, and each LF follows a CR.
pub fn assert_crlf_only(octets: &[u8]) {
    for (at, byte) in octets.iter().enumerate() {
        match byte {
            b'\r' => assert_eq!(octets.get(at + 1), Some(&b'\n'), "bare CR at {at}"),
            b'\n' => assert!(at > 0 && octets[at - 1] == b'\r', "bare LF at {at}"),
            _ => {}
        }
    }
}

/// Asserts that a text may stand in a command, a header or a log.
pub fn assert_one_line(text: &str) {
    assert!(!text.chars().any(char::is_control), "control character in {text:?}");
}

/// A log-in of Ann, whose password is `pencil`.
pub fn login(mechanism: Mechanism) -> Exchange {
    let credential = match mechanism {
        Mechanism::OAuthBearer | Mechanism::XOAuth2 => Credential::Token(Secret::new("ya29")),
        _ => Credential::Password(Secret::new("pencil")),
    };
    let credentials = Credentials { user: "ann".to_owned(), credential, authzid: None };
    let binding = Some(ChannelBinding::tls_exporter(*b"secret"));
    let nonce = "fyko+d2lbbFgONRv9qkx".to_owned();
    let exchange = Exchange::new(mechanism, credentials, Arc::new(FlatHashes), binding, nonce);
    exchange.expect("these credentials are good for every mechanism").with_server("mx.test", 587)
}

/// Hashes that cost nothing: nobody is to log in by guessing here.
pub struct FlatHashes;

impl Hashes for FlatHashes {
    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [1; 32]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [2; 32]
    }

    fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 32] {
        [3; 32]
    }

    fn legacy(&self) -> Option<&dyn LegacyHashes> {
        Some(self)
    }
}

impl LegacyHashes for FlatHashes {
    fn sha1(&self, _: &[u8]) -> [u8; 20] {
        [1; 20]
    }

    fn hmac_sha1(&self, _: &[u8], _: &[u8]) -> [u8; 20] {
        [2; 20]
    }

    fn pbkdf2_sha1(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 20] {
        [3; 20]
    }

    fn hmac_md5(&self, _: &[u8], _: &[u8]) -> [u8; 16] {
        [4; 16]
    }
}
