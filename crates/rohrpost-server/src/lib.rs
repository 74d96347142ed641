//! Listeners and drivers: what moves octets between sockets and the pure sessions of `rohrpost-smtp`, `rohrpost-imap` and
//! `rohrpost-pop3`.
//!
//! [`Server::start`] takes sockets that are bound already and runs an accept loop for each. A connection is one task that
//! owns everything of it: it reads, feeds the session, asks [`rohrpost_intake::Intake`] or the store what the session
//! wants to know, and writes a group of replies at once. An idle connection holds no buffer. [`control`] answers the
//! operator's commands, [`submit`] takes what programs of this host hand in. Decisions are logged with the session's
//! name; [`Stats`] counts them.
//!
//! What may be said to whom is decided elsewhere: syntax and order in the sessions, policy in `rohrpost-intake`.

pub mod control;
pub mod hashes;
pub mod limits;
pub mod listener;
pub mod proxy;
pub mod stats;
pub mod submit;

mod accept;
mod ahead;
mod connection;
mod imap;
mod link;
mod pop3;
mod server;
mod smtp;

pub use listener::{AuthRule, AuthSettings, Bound, ListenerSettings, Service};
pub use server::{Server, StartError};
pub use stats::Stats;
