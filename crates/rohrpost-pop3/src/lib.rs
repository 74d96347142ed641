//! POP3 (RFC 1939) as a pure state machine: the smallest whole session of this house, and the one to read first.
//!
//! # The protocol
//!
//! A client fetches mail from a mailbox and removes it there, or leaves it. It sends a line, the server answers `+OK`
//! or `-ERR`; what has more than one line ends with a dot alone, and a line that begins with a dot gets another in front.
//!
//! ```text
//! S: +OK mail.example Rohrpost POP3
//! C: USER ann@example.org                 Authorization: who is it?
//! S: +OK Send PASS
//! C: PASS pencil
//! S: +OK 2 messages of 320 octets
//! C: UIDL                                 Transaction: which messages are new?
//! S: +OK List follows
//! S: 1 1763800000.17
//! S: 2 1763800000.18
//! S: .
//! C: RETR 2                               the message itself
//! S: +OK 200 octets
//! S: From: bob@example.net
//! S: …
//! S: .
//! C: DELE 2
//! S: +OK Deleted
//! C: QUIT                                 Update: only now is it removed
//! S: +OK Bye
//! ```
//!
//! # A pure session
//!
//! [`Session`] takes bytes, time and answers, and gives bytes and questions. It has no socket, no clock, no files and no
//! `async`: whoever owns the connection drives it, and a test drives it with nothing at all. All protocols here are
//! written so; SMTP and IMAP only know more words. The driver calls:
//!
//! 1. [`Session::new`] when a client connects, and [`Session::greet`] when it is to be greeted;
//! 2. [`Session::handle_input`] with what was read. It says how many octets it took; the driver keeps the rest;
//! 3. [`Session::poll_event`] until there is none. Some events ask, and each names the call that answers it;
//! 4. [`Session::poll_transmit`], whose octets it writes, not before the instant they name;
//! 5. [`Session::handle_input`] again with the rest, which may be empty, until there is neither event nor octets;
//! 6. [`Session::handle_timeout`] when the instant of [`Session::poll_timeout`] has come;
//! 7. [`Session::handle_eof`] when the client has closed its side and all that was read before is taken.
//!
//! Once [`Session::is_closed`], the connection is closed.
//!
//! ```
//! use std::{sync::Arc, time::Instant};
//! use rohrpost_mail::{Domain, ListenerTls};
//! use rohrpost_pop3::{Event, Maildrop, Profile, Session};
//! use rohrpost_sasl::{Mechanism, server::{AuthVerdict, Decoy}};
//! # struct NoHashes;
//! # impl rohrpost_sasl::Hashes for NoHashes {
//! #     fn sha256(&self, _: &[u8]) -> [u8; 32] { [0; 32] }
//! #     fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] { [0; 32] }
//! #     fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 32] { [0; 32] }
//! # }
//!
//! let profile = Profile {
//!     host_name: Domain::parse("mail.example")?,
//!     software: "Rohrpost".into(),
//!     tls: ListenerTls::Off,
//!     starttls_available: false,
//!     auth_clear: true,
//!     auth_tls: true,
//!     mechanisms: vec![Mechanism::Plain],
//!     hashes: Arc::new(NoHashes),
//!     decoy: Decoy { key: [0; 32], iterations: 4_096 },
//! };
//! let now = Instant::now();
//! let mut session = Session::new(Arc::new(profile), None, now);
//! session.greet(now);
//!
//! let mut input = &b"USER ann\r\nPASS pencil\r\nRETR 1\r\nQUIT\r\n"[..];
//! let mut said = String::new();
//! while !session.is_closed() {
//!     input = &input[session.handle_input(now, input)..];
//!     while let Some(event) = session.poll_event() {
//!         match event {
//!             Event::Password { .. } => session.answer_password(now, AuthVerdict::Right),
//!             Event::Authenticated { .. } => {
//!                 let mut maildrop = Maildrop::new(1);
//!                 maildrop.extend([(17, 19)]);
//!                 session.answer_maildrop(now, Ok(maildrop));
//!             }
//!             Event::Message { uid: 17 } => {
//!                 session.begin_message(19);
//!                 session.push_message(b"Subject: a\r\n\r\n.b\r\n");
//!                 session.end_message(now);
//!             }
//!             _ => {}
//!         }
//!     }
//!     while let Some(transmit) = session.poll_transmit() {
//!         said += std::str::from_utf8(&transmit.bytes)?;
//!     }
//! }
//! assert!(said.ends_with("+OK 19 octets\r\nSubject: a\r\n\r\n..b\r\n.\r\n+OK Bye\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to read on
//!
//! | module | what it shows |
//! |---|---|
//! | `command` | octets become types at the edge; nothing behind it sees a line |
//! | `line` | a bounded buffer, empty while lines come whole |
//! | `session` | the states, drawn; the calls of the driver; one table of state and command |
//! | `session::log_in` | a question to the driver, from the event to the answer; why APOP is not offered |
//! | `session::mail` | octets that stream, and lists that are made as they leave |
//! | `stuffing` | transparency dots over pieces of any size, and where TOP stops |
//! | `maildrop` | the mailbox as one session sees it, whatever another one does |
//! | `response` | all refusals beside one another |
//! | [`limits`] | every bound, with its reason |
//!
//! # What is spoken
//!
//! RFC 1939 whole but for APOP; CAPA, PIPELINING, RESP-CODES, EXPIRE and IMPLEMENTATION (RFC 2449), STLS (RFC 2595), SYS
//! and AUTH response codes (RFC 3206), AUTH (RFC 5034), UTF8 with UTF-8 in names and passwords (RFC 6856, without LANG).
//! There is no LOGIN-DELAY, and nothing expires.
//!
//! Deviation from RFC 6856 §2: a message is sent as it is whether UTF8 was said or not. Octets beyond ASCII stand in many
//! headers that never were written by the rules, and an old program would be stuck at a message that it is refused.

mod command;
mod event;
mod line;
mod maildrop;
mod output;
mod profile;
mod response;
mod session;
mod stuffing;

pub mod limits;

pub use event::{CloseReason, Event, Transmit};
pub use maildrop::Maildrop;
pub use profile::Profile;
pub use response::{Negative, ResponseCode};
pub use session::Session;
