#![doc = include_str!("../README.md")]

pub mod blocking;
mod dkim;
mod error;
mod hint;
mod identity;
mod journey;
mod known;
mod lane;
pub mod limits;
mod local;
pub mod mail;
pub mod proxy;
mod rate;
mod receipt;
mod relays;
pub mod secret;
mod sender;
mod server;
mod sink;
pub mod testing;
mod transport;
mod unsent;

pub use dkim::DkimKey;
pub use error::{Attempt, Class, ConfigError, Error, Kind};
pub use known::{KnownServers, KnownServersError};
pub use local::LocalServer;
pub use mail::{
    AddressTemplate, Addresses, Attachment, AutoSubmitted, BuildError, Builder, Mail, MailReader, Merge, Notices,
    RowError, Source, Template, Unsubscribe,
};
pub use proxy::Proxy;
pub use rate::{Rate, RateError};
pub use receipt::{Note, Outcome, Receipt};
pub use relays::Relays;
pub use rohrpost_client::{Connect, Connection, Connector, Mechanism, Quirks, Timeouts};
pub use rohrpost_dns::{Options as DnsOptions, Resolver};
pub use rohrpost_mail::{MinTls, Seal, Secret, TlsMode as Security, Trust};
pub use secret::{CommandLine, Login, SecretError, SecretSource};
pub use sender::{Sender, send};
pub use server::Server;
pub use sink::{FileSink, Kept, Sink};
pub use transport::Transport;
