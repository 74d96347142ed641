//! `sendmail`: what its callers call, how it ends, and what it keeps of a message.

mod argv;
mod callers;
mod content;
mod daemons;
mod exits;
mod interactive;
mod offline;
mod queue;
mod smtp;
mod users;

use super::host::{self, Host};
