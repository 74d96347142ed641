//! Dialogues with the session, as they look on the wire, against mailboxes in memory.

#![expect(clippy::unwrap_used, reason = "all of this is test code, also the functions that are no tests themselves")]

mod append;
mod attacks;
mod changes;
mod fetch;
mod harness;
mod login;
mod mailboxes;
mod qresync;
mod search;
mod select;
mod store;
