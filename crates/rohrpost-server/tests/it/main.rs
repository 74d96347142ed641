//! The servers over real sockets: TCP on free ports of loopback, a real store in a temporary directory, a resolver that
//! asks a DNS server of our own, certificates of a test authority.

#![expect(clippy::unwrap_used, reason = "all of this is test code, also the functions that are no tests themselves")]

mod alone;
mod attacks;
mod auth;
mod client;
mod content;
mod faults;
mod fixture;
mod imap;
mod limits;
mod pop3;
mod sessions;
mod stop;
mod submit;
mod tls;
