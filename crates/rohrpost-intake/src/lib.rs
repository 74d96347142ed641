//! The one way in: what every protocol asks before a message is taken, and the commit that takes it.
//!
//! [`Intake`] owns policy: who may log in ([`accounts`]), who may connect and how often ([`peers`], [`guessing`]), who may
//! send to whom ([`access`], recipients of local and relay domains, limits of accounts in [`quota`]) and write as whom
//! ([`author`]), what a submitted message must look like ([`content`]), what programs of this host hand in ([`submit`])
//! and as whom ([`users`]). It speaks no protocol: a driver hands it what the session wants to know and turns each
//! [`Refusal`] into the reply that it names. A message passes as a [`Transaction`], whose end is
//! [`rohrpost_store::Stored`], the only thing that lets a session say 250.
//!
//! Every counter, cache and queue in here is bounded; the bounds stand in [`limits`], what operators set in [`settings`].

pub mod access;
pub mod accounts;
pub mod aliases_file;
pub mod author;
pub mod bounded;
pub mod callout;
pub mod content;
pub mod guessing;
pub mod limits;
pub mod origin;
pub mod passwords;
pub mod peer;
pub mod peers;
pub mod quota;
pub mod refusal;
pub mod settings;
pub mod submit;
pub mod transaction;
pub mod users;
pub mod window;

mod directory;
mod intake;
mod names;
mod networks;
mod notices;

pub use accounts::{LogIn, ScramAnswer, new_password};
pub use callout::{Callout, Known};
pub use intake::{Intake, Parts};
pub use peer::{Peer, Role};
pub use refusal::Refusal;
pub use settings::Settings;
pub use transaction::{Accepted, Transaction};
