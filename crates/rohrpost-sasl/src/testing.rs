//! What the tests of both sides share.

use ::hmac::{Hmac, KeyInit as _, Mac as _};
use aws_lc_rs::{digest, hmac, pbkdf2};
use md5::Md5;
use rohrpost_mail::Secret;

use crate::{Hashes, LegacyHashes, client::Credentials};

/// The hashes of the libraries that the program uses, too.
pub(crate) struct Sha;

impl Hashes for Sha {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        digest::digest(&digest::SHA256, data).as_ref().try_into().unwrap()
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().try_into().unwrap()
    }

    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        derived(pbkdf2::PBKDF2_HMAC_SHA256, password, salt, iterations)
    }

    fn legacy(&self) -> Option<&dyn LegacyHashes> {
        Some(self)
    }
}

impl LegacyHashes for Sha {
    fn sha1(&self, data: &[u8]) -> [u8; 20] {
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data).as_ref().try_into().unwrap()
    }

    fn hmac_sha1(&self, key: &[u8], data: &[u8]) -> [u8; 20] {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key), data).as_ref().try_into().unwrap()
    }

    fn pbkdf2_sha1(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 20] {
        derived(pbkdf2::PBKDF2_HMAC_SHA1, password, salt, iterations)
    }

    fn hmac_md5(&self, key: &[u8], data: &[u8]) -> [u8; 16] {
        let mac = Hmac::<Md5>::new_from_slice(key).unwrap();
        mac.chain_update(data).finalize().into_bytes().into()
    }
}

fn derived<const N: usize>(algorithm: pbkdf2::Algorithm, password: &[u8], salt: &[u8], iterations: u32) -> [u8; N] {
    let mut out = [0; N];
    pbkdf2::derive(algorithm, iterations.try_into().unwrap(), salt, password, &mut out);
    out
}

pub(crate) fn credentials(user: &str, password: &str) -> Credentials {
    Credentials::password(user, Secret::new(password))
}
