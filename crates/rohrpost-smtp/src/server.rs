//! The server's side: [`Session`], a state machine without clock and sockets.
//!
//! A driver owns the socket and calls:
//!
//! 1. [`Session::new`] when a client connects, and [`Session::greet`] when it is to be greeted;
//! 2. [`Session::handle_input`] with what was read. It says how many octets it took; the driver keeps the rest;
//! 3. [`Session::poll_event`] until there is none. Some events ask: the driver answers by [`Session::answer`] and its
//!    like, then calls `handle_input` again with the rest, which may be empty;
//! 4. [`Session::poll_transmit`], whose octets it writes (all replies to one batch of commands at once, RFC 2920), not
//!    before the instant they name;
//! 5. [`Session::handle_timeout`] when the instant of [`Session::poll_timeout`] has come;
//! 6. [`Session::handle_eof`] when the client has closed its side and all that was read before is taken.
//!
//! Once [`Session::is_closed`], what is left to transmit is written and the connection closed.
//!
//! 250 after a message is given only by [`Session::accept_message`], which takes a proof `P`: a value that nobody can
//! make but the store that holds the message on disk. `P` is a parameter so that this crate need not know the store.
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//! use rohrpost_smtp::server::{Event, Session};
//! # use rohrpost_smtp::server::{Accepted, Profile};
//! # fn run(profile: Profile, id: rohrpost_mail::QueueId, wall: jiff::Timestamp) {
//! # struct Stored;
//!
//! let now = Instant::now();
//! let mut session = Session::<Stored>::new(Arc::new(profile), None, now, wall);
//! session.greet(now);
//! session.handle_input(now, b"EHLO a.example\r\n");
//! while let Some(event) = session.poll_event() {
//!     match event {
//!         Event::Mail(_) | Event::Rcpt(_) | Event::Data => session.answer(now, Ok(())),
//!         Event::End { .. } => session.accept_message(now, Stored, Accepted { id, per_recipient: None }),
//!         _ => {}
//!     }
//! }
//! while let Some(transmit) = session.poll_transmit() {
//!     println!("{}", transmit.bytes.escape_ascii());
//! }
//! # }
//! ```

mod auth;
mod clock;
mod commands;
mod event;
mod hello;
mod input;
mod message;
mod output;
mod profile;
mod replies;
mod session;
mod tally;
mod transaction;

pub use event::{Accepted, CloseReason, Event, HelloVerb, MailRequest, RcptRequest, Transmit};
pub use profile::{BareNewline, Extensions, Profile, Protocol, Timeouts};
pub use rohrpost_sasl::server::{AuthVerdict, TlsFacts};
pub use session::Session;
