//! What both sides of SCRAM (RFC 5802, RFC 7677) share: the form of the messages. Also the keys that a server keeps,
//! which are those of SHA-256 only.
//!
//! The dialogue has four messages: *client-first* (name and nonce), *server-first* (nonce, salt, iterations),
//! *client-final* (channel binding and proof) and *server-final* (the server's signature). Each is a list of attributes
//! `x=value` with commas between them.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use crate::{
    Hashes,
    limits::USER_BYTES_MAX,
    prep::{self, PrepError},
};

/// What binds a login to the TLS connection it runs in.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ChannelBinding {
    /// The name in the IANA registry of channel bindings: [`Self::TLS_EXPORTER`] or [`Self::TLS_SERVER_END_POINT`].
    pub name: &'static str,
    /// What only the two ends of this connection know, or what tells its server from every other.
    pub data: Vec<u8>,
}

impl ChannelBinding {
    /// RFC 9266 §2: 32 octets of exported keying material with the label `EXPORTER-Channel-Binding`.
    pub const TLS_EXPORTER: &str = "tls-exporter";
    /// RFC 5929 §4: the hash of the server's certificate. Weaker, and good in every version of TLS.
    pub const TLS_SERVER_END_POINT: &str = "tls-server-end-point";

    /// The binding of RFC 9266 from its exported octets.
    pub fn tls_exporter(data: impl Into<Vec<u8>>) -> Self {
        Self { name: Self::TLS_EXPORTER, data: data.into() }
    }

    /// The binding of RFC 5929 §4 from the hash of the certificate.
    pub fn tls_server_end_point(data: impl Into<Vec<u8>>) -> Self {
        Self { name: Self::TLS_SERVER_END_POINT, data: data.into() }
    }
}

/// What a server keeps of a password. RFC 5802 §3: whoever steals it can pose as the server, but cannot log in.
#[derive(Clone, Eq, PartialEq)]
pub struct ScramKeys {
    /// Drawn at random for each account.
    pub salt: Vec<u8>,
    /// Rounds of PBKDF2.
    pub iterations: u32,
    /// The hash of the client's key.
    pub stored_key: [u8; 32],
    /// The server's key.
    pub server_key: [u8; 32],
}

impl ScramKeys {
    /// Computes the keys of a password, which is brought into its one spelling first ([`prep::password`]).
    pub fn derive(hashes: &dyn Hashes, password: &str, salt: &[u8], iterations: u32) -> Result<Self, PrepError> {
        let password = prep::password(password)?;
        let salted = Zeroizing::new(hashes.pbkdf2_sha256(password.as_bytes(), salt, iterations));
        let client_key = Zeroizing::new(hashes.hmac_sha256(&*salted, CLIENT_KEY));
        let (stored_key, server_key) = (hashes.sha256(&*client_key), hashes.hmac_sha256(&*salted, SERVER_KEY));
        Ok(Self { salt: salt.to_vec(), iterations, stored_key, server_key })
    }
}

/// Keys are secrets: only salt and iterations, which every client is told, are shown.
impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// What the client's key is made of (RFC 5802 §3).
pub(crate) const CLIENT_KEY: &[u8] = b"Client Key";
/// What the server's key is made of.
pub(crate) const SERVER_KEY: &[u8] = b"Server Key";

pub(crate) fn xor(a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    std::array::from_fn(|i| a[i] ^ b[i])
}

/// Compares in a time that does not depend on where the two differ.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0, |differing, (a, b)| differing | (a ^ b))) == 0
}

pub(crate) fn to_base64(data: &[u8]) -> String {
    STANDARD.encode(data)
}

pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// 32 octets in base64: a proof or a signature.
pub(crate) fn hash_from_base64(text: &str) -> Option<[u8; 32]> {
    from_base64(text)?.try_into().ok()
}

/// A nonce is printable ASCII without commas (RFC 5802 §7).
pub(crate) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// Takes the attribute `name=value` from the front of `rest`, which is left behind its comma.
pub(crate) fn attribute<'a>(rest: &mut &'a str, name: char) -> Option<&'a str> {
    let (first, behind) = rest.split_once(',').unwrap_or((rest, ""));
    let value = first.strip_prefix(name)?.strip_prefix('=')?;
    *rest = behind;
    Some(value)
}

/// RFC 5802 §5.1: `=` and `,` of a name are written `=3D` and `=2C`.
pub(crate) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The inverse of [`escape_name`]; any other `=` is an error.
pub(crate) fn unescape_name(name: &str) -> Option<String> {
    let mut parts = name.split('=');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (c, rest) = match part.get(..2)? {
            "3D" => ('=', &part[2..]),
            "2C" => (',', &part[2..]),
            _ => return None,
        };
        text.push(c);
        text.push_str(rest);
    }
    (!text.is_empty() && text.len() <= USER_BYTES_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_and_read_back() {
        for name in ["ann", "a,b=c", "=3D", ",,", "jörg"] {
            assert_eq!(unescape_name(&escape_name(name)).as_deref(), Some(name));
        }
        for name in ["", "a=b", "=", "=2", "=2c", "=3"] {
            assert_eq!(unescape_name(name), None, "{name}");
        }
    }

    #[test]
    fn attributes_are_taken_in_order() {
        let mut rest = "r=abc,s=x==,i=4096";
        assert_eq!(attribute(&mut rest, 's'), None);
        assert_eq!(attribute(&mut rest, 'r'), Some("abc"));
        assert_eq!(attribute(&mut rest, 's'), Some("x=="));
        assert_eq!(attribute(&mut rest, 'i'), Some("4096"));
        assert_eq!(attribute(&mut rest, 'i'), None);
    }
}
