//! How programs hand mail to the Rohrpost server of their host, without a password.
//!
//! [`submit`] hands a message over by the unix socket that every user may connect to, and [`fn@drop`] leaves it in a directory
//! that every user may write to and nobody may list, while the server is down. Both send the same [`frames`] with the same id,
//! so a message that went both ways is stored once. The two are blocking and need no runtime: a program that calls them may live
//! for a millisecond.
//!
//! What the server makes of it is in `rohrpost-server` and `rohrpost-intake`; why it is as it is: `docs/design/handoff.md`.
//!
//! ```
//! use rohrpost_submit::{Options, Submission, SubmitAnswer, To, submit};
//!
//! let options = Options { recipients: vec![To::new("root")], ..Options::default() };
//! let answer = submit("/nowhere/submit.sock".as_ref(), &Submission::new(options), &b"Subject: Hi\r\n\r\nHi\r\n"[..]);
//! assert!(matches!(answer, SubmitAnswer::Unreachable(_)));
//! ```

mod client;
mod drop;
pub mod frames;
pub mod limits;
mod words;

pub use client::{SubmitAnswer, submit, submit_and_wait};
pub use drop::{DropError, FINISHED, UNFINISHED, drop};
pub use words::{Accepted, Mode, Options, Refused, RefusedRecipient, To, Tried};

/// Where the socket of a host's own server is.
pub const DEFAULT_SOCKET: &str = "/run/rohrpost/submit.sock";
/// Where its drop directory is.
pub const DEFAULT_DROP_DIR: &str = "/var/spool/rohrpost/drop";

/// A message to be handed in, without its content.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Submission {
    /// Drawn once for each message; whoever does not hear the answer hands the message in again under the same id.
    pub id: [u8; 16],
    /// What is to be done with it.
    pub options: Options,
    /// What the program's environment tells of it, for the log.
    pub environment: Vec<(String, String)>,
}

impl Submission {
    /// A message with an id of its own.
    pub fn new(options: Options) -> Self {
        Self { id: random(), options, environment: Vec::new() }
    }

    /// The name of the session in logs: the start of the id.
    pub fn session(&self) -> String {
        hex(&self.id[..4])
    }
}

/// A name that nobody else gives, for a file: 128 random bits.
pub fn new_name() -> String {
    hex(&random())
}

/// Octets that nobody can guess.
pub(crate) fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())
        .expect("so few octets are never interrupted, and the generator is ready long before a program can run");
    octets
}

pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}
