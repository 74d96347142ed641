//! SMTP, LMTP and submission as two pure state machines.

pub mod bdat;
pub mod client;
pub mod command;
mod content;
pub mod data;
pub mod dot;
pub mod limits;
pub mod manual;
pub mod reply;
pub mod server;
pub mod xtext;
