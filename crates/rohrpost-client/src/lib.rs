//! The bare SMTP client: connect, TLS, log in, send, pool.
//!
//! A [`Target`] says where a server is and on which terms it is spoken to; a [`Connection`] is an open, encrypted and
//! authenticated dialogue with it; a [`Pool`] keeps connections for the next message. SMTP and LMTP, over TCP and unix
//! sockets.
//!
//! This crate does not look up MX hosts, keeps no queue and signs nothing: it hands one message to one server and says,
//! for each recipient, what became of it. For a whole mail system around it see `rohrpost`.
//!
//! # Sending a message
//! ```no_run
//! use bytes::Bytes;
//! use rohrpost_client::{Outgoing, Pool, ServerUrl};
//! use rohrpost_mail::{Envelope, Host, Recipient};
//! use rohrpost_tls::{ClientTls, ClientTlsOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server: ServerUrl = "submissions://ann:pencil@mail.here.test".parse()?;
//! let targets = server.targets(Host::parse("laptop.here.test")?).await?;
//! let tls = ClientTls::new(ClientTlsOptions::default())?;
//!
//! let message = Bytes::from_static(b"From: ann@here.test\r\nTo: bob@there.test\r\nSubject: Hi\r\n\r\nHi Bob\r\n");
//! let envelope = Envelope { reverse_path: "ann@here.test".parse()?, ..Envelope::default() };
//! let recipients = [Recipient::new("bob@there.test".parse()?)];
//! let octets = message.len() as u64;
//! let outgoing = Outgoing { envelope: &envelope, recipients: &recipients, octets, body: &message };
//!
//! let sent = Pool::new().send(&targets[0], &tls, &outgoing).await?;
//! for (recipient, outcome) in recipients.iter().zip(&sent.report.outcomes) {
//!     match outcome {
//!         Ok(reply) => println!("{}: {reply}", recipient.address),
//!         Err(failure) => println!("{}: {} ({})", recipient.address, failure, failure.class),
//!     }
//! }
//! # Ok(()) }
//! ```
//!
//! # Security
//! - Encryption ([`LinkTls`]) and trust ([`rohrpost_mail::Trust`]) are two settings. The server's certificate is judged
//!   in any case, and [`Connection::link`] tells the verdict.
//! - Passwords leave only inside TLS that meets the trust setting, or on this host, unless [`Target::allow_clear`].
//! - What came in clear text before a handshake is forgotten with it, and what came together with the reply to STARTTLS
//!   ends the connection.
//! - A connection that was opened on other terms is never reused, however alike they seem ([`Target::reuse_key`]).
//! - After the final dot the reply is awaited for ten minutes at least. A message whose reply did not come is reported
//!   as *unknown* ([`SendReport::outcome_unknown`]), neither as sent nor as failed.

mod connection;
mod error;
pub mod limits;
mod login;
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
