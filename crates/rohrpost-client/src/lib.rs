#![doc = include_str!("../README.md")]

mod connection;
mod dial;
mod endpoint;
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
pub use dial::{AnyStream, Connect, Connector, Sources, Stream};
pub use endpoint::Endpoint;
pub use error::{ConnectError, OpenFailure};
pub use login::TlsHashes;
pub use outgoing::{BodySource, BodyStream, BoxFuture, Chunks, Outgoing, SendReport};
pub use pool::{Pool, Sent};
pub use rohrpost_sasl::{ChannelBinding, Mechanism, client::Credential};
pub use rohrpost_smtp::client::{Capabilities, Extension, Failure, Outcome, Protocol, Quirks, SessionError, Timeouts};
pub use server_url::{Place, ServerUrl, ServerUrlError};
pub use target::{LinkTls, Login, ReuseKey, Target};
