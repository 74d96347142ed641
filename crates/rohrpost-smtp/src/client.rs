//! The client side of SMTP and LMTP as a pure state machine.
//!
//! [`Session`] leads one dialogue: greeting, EHLO, STARTTLS, EHLO again, AUTH, any number of transactions, QUIT. It opens
//! no socket, does no handshake and asks no clock; `rohrpost-client` is the driver that does. It decides nothing about
//! trust either: whether a password may be sent on a link is the driver's knowledge.
//!
//! # How to drive it
//! - Write what [`Session::transmit`] holds and report the octets that were taken with [`Session::handle_written`].
//! - Feed what is read to [`Session::handle_input`], the end of the stream to [`Session::handle_eof`].
//! - Call [`Session::handle_timeout`] at the time that [`Session::poll_timeout`] names.
//! - After each of these, act on every [`Event`] that [`Session::poll_event`] has.
//! - While [`Session::wants_body`], hand over the next part of the message with [`Session::body`] or end it.
//!
//! ```
//! use std::time::Instant;
//! use rohrpost_mail::{Envelope, Host, Recipient};
//! use rohrpost_smtp::client::{Event, Message, Session, Settings};
//!
//! let now = Instant::now();
//! let mut session = Session::new(Settings::new(Host::parse("here.test")?), now);
//! session.handle_input(now, b"220 there.test\r\n");
//! assert_eq!(session.transmit(), b"EHLO here.test\r\n");
//! session.handle_written(now, session.transmit().len());
//! session.handle_input(now, b"250-there.test\r\n250 PIPELINING\r\n");
//! assert!(matches!(session.poll_event(), Some(Event::Ready)));
//!
//! let (envelope, recipients) = (Envelope::default(), [Recipient::new("bob@there.test".parse()?)]);
//! session.send(now, &Message { envelope: &envelope, recipients: &recipients, octets: 4, utf8_header: false });
//! assert_eq!(session.transmit(), b"MAIL FROM:<>\r\nRCPT TO:<bob@there.test>\r\nDATA\r\n");
//! session.handle_written(now, session.transmit().len());
//! session.handle_input(now, b"250 ok\r\n250 ok\r\n354 go on\r\n");
//! assert!(session.wants_body());
//! session.body(now, b"Hi\r\n");
//! session.end_body(now);
//! assert_eq!(session.transmit(), b"Hi\r\n.\r\n");
//! session.handle_written(now, session.transmit().len());
//! session.handle_input(now, b"250 2.0.0 taken\r\n");
//! let Some(Event::Sent(outcomes)) = session.poll_event() else { panic!() };
//! assert!(outcomes[0].is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a hostile server cannot do
//! Make it hold more than one bounded reply, wait longer than [`Timeouts`] by trickling octets, read clear text as if it
//! had come through TLS, keep what EHLO said before TLS, be talked into a second recipient by `251` or `551`, or turn a
//! body into commands: the tests named `a_c…` play each of these.

mod auth;
mod capabilities;
mod command;
mod error;
pub mod limits;
mod message;
mod output;
mod session;
mod settings;
pub mod timeouts;
mod timer;
mod transaction;
mod transcript;

pub use capabilities::{Capabilities, Limits};
pub use error::{Extension, Failure, Outcome, SessionError};
pub use message::Message;
pub use session::{Event, Session};
pub use settings::{Protocol, Quirks, Settings, Starttls};
pub use timeouts::Timeouts;

#[cfg(test)]
mod tests;
