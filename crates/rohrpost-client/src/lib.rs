#![doc = include_str!("../README.md")]

mod connection;
mod error;
pub mod limits;
mod login;
mod opening;
mod outgoing;
mod pool;
mod server_url;
mod target;
mod wire;

pub use connection::Connection;
pub use error::ConnectError;
pub use outgoing::{BodySource, BodyStream, BoxFuture, Chunks, Outgoing, SendReport};
pub use pool::{Pool, Sent};
pub use rohrpost_sasl::Mechanism;
pub use rohrpost_smtp::client::{Capabilities, Failure, Outcome, Protocol, SessionError, Timeouts};
pub use server_url::{ServerUrl, ServerUrlError};
pub use target::{Endpoint, LinkTls, Login, ReuseKey, Target};
