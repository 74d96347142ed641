//! Dialogues with the session, as they look on the wire, against mailboxes in memory.

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
