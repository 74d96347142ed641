//! The hand-off from programs of this host: the submit socket, and the drop directory while the server is down.
//!
//! A sendmail without rights of its own has to give its message to the server. How it does that is in [`rohrpost_submit`]:
//! over a unix socket that every user may connect to, or by a directory that every user may write to and nobody may list.
//!
//! Here is the other side: [`SubmitSocket`] answers programs and [`DropDir`] takes what they left. The kernel says who they
//! are; what they may is decided in [`rohrpost_intake::submit`]. Why it is as it is: `docs/design/handoff.md`.

mod receive;
mod server;
mod taker;

use std::path::Path;

use rohrpost_intake::Intake;
pub use rohrpost_submit::{
    Accepted, DEFAULT_DROP_DIR, DEFAULT_SOCKET, DropError, Mode, Options, Refused, RefusedRecipient, Submission,
    SubmitAnswer, To, Tried, drop, frames, submit, submit_and_wait,
};

pub use self::{
    server::SubmitSocket,
    taker::{DropDir, LayoutError},
};

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

/// A path for logs: its characters may be anybody's choice.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().escape_debug().to_string()
}
