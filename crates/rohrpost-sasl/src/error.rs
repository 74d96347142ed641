//! What can go wrong for a client.

use rohrpost_mail::Class;

use crate::{Mechanism, limits};

/// Why a client's exchange failed. A server has no such error: it answers [`crate::server::Step::Failed`] or
/// [`crate::server::Step::Malformed`], and tells no peer more.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SaslError {
    /// The server's message does not follow the mechanism.
    #[error("the server's challenge does not follow the mechanism")]
    BadChallenge,
    /// The server's message is longer than [`limits::MESSAGE_BYTES_MAX`].
    #[error("the server's challenge is longer than {} octets", limits::MESSAGE_BYTES_MAX)]
    ChallengeTooLong,
    /// The server's nonce is not ours with something added (RFC 5802 §5.1).
    #[error("the server did not extend our nonce")]
    NonceNotExtended,
    /// Outside [`limits::ITERATIONS_MIN`] to [`limits::ITERATIONS_MAX`].
    #[error(
        "the server asks for {asked} iterations; {} to {} are accepted",
        limits::ITERATIONS_MIN,
        limits::ITERATIONS_MAX
    )]
    Iterations {
        /// How many the server asks for.
        asked: u64,
    },
    /// The server asks for an extension (`m=`), which RFC 5802 §5.1 makes an error.
    #[error("the server asks for an extension of SCRAM that nobody knows")]
    Extension,
    /// The server does not know the account's keys: it is not the one it claims to be.
    #[error("the server's signature is wrong: it does not know the password")]
    ServerSignature,
    /// The server ended the exchange with an error of RFC 5802 §7.
    #[error("the server refused: {0}")]
    Refused(String),
    /// The server said success before it proved that it knows the account.
    #[error("the server said success before the exchange was complete")]
    Unfinished,
    /// User name, password or token is empty, too long, or holds characters that RFC 8265 or RFC 6750 §2.1 does not allow.
    #[error("the user name, password or token holds characters that cannot be sent")]
    Credentials,
    /// The mechanism needs another kind of credential: a token where a password was given, and so on.
    #[error("{0} needs another kind of credential")]
    WrongCredential(Mechanism),
    /// The nonce is empty or holds a comma or a character that is not printable ASCII.
    #[error("the nonce is not printable ASCII")]
    Nonce,
    /// A mechanism with -PLUS was chosen without a channel to bind to.
    #[error("a mechanism with -PLUS needs TLS")]
    NoBinding,
    /// The caller's [`Hashes`](crate::Hashes) lack what the mechanism is built on.
    #[error("{0} needs a hash that is not there")]
    NoHash(Mechanism),
}

impl SaslError {
    /// The same server will do the same again; credentials and mechanism are ours.
    pub fn class(&self) -> Class {
        match self {
            Self::BadChallenge
            | Self::ChallengeTooLong
            | Self::NonceNotExtended
            | Self::Iterations { .. }
            | Self::Extension
            | Self::ServerSignature
            | Self::Refused(_)
            | Self::Unfinished => Class::Permanent,
            Self::Credentials | Self::WrongCredential(_) | Self::Nonce | Self::NoBinding | Self::NoHash(_) => {
                Class::Ours
            }
        }
    }
}
