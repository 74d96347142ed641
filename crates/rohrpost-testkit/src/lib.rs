//! For tests: dialogues as text, a test authority, DNS on loopback, peers that misbehave and peers that take everything.
//!
//! | need | here |
//! |---|---|
//! | a dialogue written as `C:` and `S:` lines, played over a stream | [`transcript`] |
//! | certificates that a client of the test trusts, and others | [`Authority`] |
//! | MX records that lead to a port of the test | [`Dns`] |
//! | a server that says and does what a script tells it | [`Peer`], [`Script`] |
//! | a server that is too old for TLS 1.2 | [`OldTls`] |
//! | a server that takes mail and shows what it got | [`Sink`] |
//! | something to wait for instead of sleeping | [`Gate`] |
//! | time that passes when the test says so | [`Clock`] |
//!
//! Everything listens on free ports of loopback and ends when it is dropped. A test kit fails by panicking, with words
//! that say what was expected and what came.

mod authority;
mod clock;
mod dns;
mod gate;
mod listening;
mod old_tls;
mod peer;
mod script;
mod sink;
pub mod transcript;

pub use authority::{Authority, client_tls, self_signed_tls};
pub use clock::Clock;
pub use dns::Dns;
pub use gate::Gate;
pub use old_tls::OldTls;
pub use peer::Peer;
pub use script::Script;
pub use sink::{Received, Sink, SinkBuilder};
