//! The server's session: octets, time and answers in; octets and questions out.
//!
//! ```text
//!           ┌──────────── octets ────────────┐
//!  socket ──┤ read            handle_input   ├──▶ Session ──poll_event──▶ driver, store
//!           │ write ◀──────── poll_transmit  │ ◀──answer_…──┘
//!           └─────────────────────────────────┘
//! ```
//!
//! The driver's loop: give [`Session::handle_input`] what was read, handle each [`Session::poll_event`], write each
//! [`Session::poll_transmit`], and begin again as long as one of them moved something; else wait for octets, for
//! [`Session::poll_timeout`], or for news of the mailbox, which go to [`Session::notify`]. A session knows no store, no
//! clock and no socket, and holds no buffer while its client is silent.
//!
//! Commands are answered one after another, in the order in which they came. While one waits for an answer of the
//! driver, or for room in the output, no input is taken, so a client that does not read is not read.

mod append;
mod auth;
mod capability;
mod clock;
mod commands;
mod copy;
mod fetch;
mod idle;
mod input;
mod list;
mod mailboxes;
mod output;
mod quota;
mod search;
mod select;
mod sort;
mod state;
mod store;
mod sync;
mod tally;
mod thread;

pub use state::Session;
