//! SMTP (RFC 5321), LMTP (RFC 2033) and submission (RFC 6409) as two pure state machines.
//!
//! [`server::Session`] and [`client::Session`] take bytes, time and answers, and give bytes and questions. There is no
//! socket here, no clock, no randomness, no file and no `async`: whoever owns the connection drives them, and a test
//! drives them with nothing at all. What either needs besides – accounts, queues, TLS, names – it asks its driver for.
//!
//! | module | what it is |
//! |---|---|
//! | [`server`] | the server's session |
//! | [`client`] | the client's session |
//! | [`command`], [`reply`] | command lines and replies, read and printed |
//! | [`data`], [`bdat`] | a message on its way in; [`dot`]: on its way out |
//! | [`xtext`] | the encoding of DSN parameters |
//! | [`limits`] | what a client may send to the server, and why not more |
//! | [`manual`] | past attacks, and what is done about them here |
//!
//! The extensions: PIPELINING (RFC 2920), SIZE (RFC 1870), 8BITMIME (RFC 6152), ENHANCEDSTATUSCODES (RFC 2034), SMTPUTF8
//! (RFC 6531), CHUNKING (RFC 3030, without BINARYMIME), DSN (RFC 3461), STARTTLS (RFC 3207), AUTH (RFC 4954), LIMITS
//! (RFC 9422), FUTURERELEASE (RFC 4865), REQUIRETLS (RFC 8689).

pub mod bdat;
pub mod client;
pub mod command;
pub mod data;
pub mod dot;
pub mod limits;
pub mod manual;
pub mod reply;
pub mod server;
pub mod xtext;

mod content;
