//! SASL (RFC 4422) as mail protocols need it.
//!
//! | mechanism | client | server |
//! |---|---|---|
//! | SCRAM-SHA-256, with and without -PLUS | yes | yes |
//! | SCRAM-SHA-1, with and without -PLUS | yes | |
//! | EXTERNAL, OAUTHBEARER, XOAUTH2 | yes | |
//! | PLAIN, LOGIN | yes | yes |
//! | CRAM-MD5 | yes | never: it needs the password itself |
//!
//! Nothing here draws random numbers, hashes, looks at a clock or knows an account. Nonces come in as arguments, hashes
//! through the port [`Hashes`], and what the server must know of an account is asked for by
//! [`server::Step::CheckPassword`] and [`server::Step::FetchScram`]. Messages go in and out decoded: base64, line ends
//! and reply codes belong to the protocol around (RFC 4954 for SMTP, RFC 9051 for IMAP, RFC 5034 for POP3).
//!
//! ```
//! use std::sync::Arc;
//! use rohrpost_mail::Secret;
//! use rohrpost_sasl::{Mechanism, client};
//! # struct NoHashes;
//! # impl rohrpost_sasl::Hashes for NoHashes {
//! #     fn sha256(&self, _: &[u8]) -> [u8; 32] { [0; 32] }
//! #     fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] { [0; 32] }
//! #     fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 32] { [0; 32] }
//! # }
//! # let hashes = Arc::new(NoHashes);
//!
//! let credentials = client::Credentials::password("ann", Secret::new("pencil"));
//! let mut exchange = client::Exchange::new(Mechanism::Plain, credentials, hashes, None, "nonce".into())?;
//! assert_eq!(exchange.initial().as_deref(), Some(&b"\0ann\0pencil"[..]));
//! # Ok::<(), rohrpost_sasl::SaslError>(())
//! ```

pub mod client;
pub mod limits;
pub mod prep;
pub mod scram;
pub mod server;

mod error;
mod hashes;
mod mechanism;
#[cfg(test)]
mod testing;

pub use error::SaslError;
pub use hashes::{Hashes, LegacyHashes};
pub use mechanism::{Mechanism, MechanismError};
pub use scram::{ChannelBinding, ScramKeys};
