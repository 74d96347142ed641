//! OAUTHBEARER (RFC 7628) and XOAUTH2: one message with a token in it.
//!
//! A server that does not like the token says why in a challenge, and wants an answer to it before it says no.

use super::Credentials;
use crate::{limits::TOKEN_BYTES_MAX, scram::escape_name};

/// Which of the two forms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bearer {
    /// RFC 7628 §3.1.
    Standard,
    /// XOAUTH2.
    Google,
}

impl Bearer {
    /// The one message. `server` is its name and port.
    pub(super) fn message(self, credentials: &Credentials, server: Option<&(String, u16)>, token: &str) -> Vec<u8> {
        let user = &credentials.user;
        match self {
            Self::Google => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
            Self::Standard => {
                let user = escape_name(credentials.authzid.as_ref().unwrap_or(user));
                let server = server.map(|(host, port)| format!("host={host}\x01port={port}\x01")).unwrap_or_default();
                format!("n,a={user},\x01{server}auth=Bearer {token}\x01\x01")
            }
        }
        .into_bytes()
    }

    /// What is said to a challenge, which can only hold the reasons of a refusal: RFC 7628 §3.2.3 wants a lone separator,
    /// XOAUTH2 nothing.
    pub(super) fn answer_to_refusal(self) -> Vec<u8> {
        match self {
            Self::Standard => b"\x01".to_vec(),
            Self::Google => Vec::new(),
        }
    }
}

/// RFC 6750 §2.1: letters, digits and a few signs. Anything else could end the message early.
pub(super) fn is_token(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !text.is_empty() && text.len() <= TOKEN_BYTES_MAX && text.bytes().all(fits)
}
