//! The hand-off from programs of this host: the submit socket, and the drop directory while the server is down.
//!
//! A sendmail without rights of its own has to give its message to the server. [`submit`] does that over a unix socket
//! that every user may connect to, and [`fn@drop`] leaves it in a directory that every user may write to and nobody may
//! list. Both send the same frames ([`frames`]) with the same id, so a message that went both ways is stored once. The
//! two are blocking and need no runtime: the program that calls them lives for a millisecond.
//!
//! On the other side [`SubmitSocket`] answers programs and [`DropDir`] takes what they left. The kernel says who they
//! are; what they may is decided in [`rohrpost_intake::submit`]. Why it is as it is: `docs/design/handoff.md`.

pub mod frames;

mod client;
mod drop;
mod receive;
mod server;
mod taker;

use std::path::Path;

use rohrpost_intake::Intake;
pub use rohrpost_intake::submit::{Accepted, Mode, Options, Refused, RefusedRecipient, To};

pub use self::{
    client::{SubmitAnswer, submit},
    drop::{DropError, drop},
    server::SubmitSocket,
    taker::{DropDir, LayoutError},
};

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
    fn session(&self) -> String {
        hex(&self.id[..4])
    }
}

/// What both ways into the server share.
#[derive(Clone, Debug)]
pub struct Submit {
    /// Where messages go.
    pub intake: Intake,
    /// Octets a message may have.
    pub size_max: u64,
    /// What is counted.
    pub stats: std::sync::Arc<crate::Stats>,
}

/// Octets that nobody can guess.
fn random() -> [u8; 16] {
    let mut octets = [0; 16];
    rustix::rand::getrandom(&mut octets, rustix::rand::GetRandomFlags::empty())
        .expect("so few octets are never interrupted, and the generator is ready long before a program can run");
    octets
}

fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |text, octet| text + &format!("{octet:02x}"))
}

/// A path for logs: its characters may be anybody's choice.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
