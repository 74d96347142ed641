//! Rohrpost against real programs: the one integration binary.
//!
//! [`peers`] starts and stops the others: Postfix, Exim, OpenSMTPD, swaks, msmtp, openssl, and our own program as a
//! user would run it. [`scenes`] are the stories that have to end well, one module each, [`attacks`] what must not harm
//! it, [`handoff`] what becomes of the mail of programs on the same host, [`selecting`] which way out mail takes, [`moving`]
//! how mail comes in and goes out as a whole, [`setting_up`] what mail programs are told, [`thunderbird`] what one of them
//! makes of it, [`mailboxes_killed`] what is left of mailboxes after a SIGKILL.
//! `cargo xtask test` fetches the programs; a test whose peer is missing, or may not have a namespace, fails and says so.

mod attacks;
mod catch;
mod handoff;
mod mailboxes;
mod mailboxes_killed;
mod mailboxes_pop3;
mod merge;
mod moving;
mod peers;
mod personas;
mod scenes;
mod selecting;
mod send;
mod setting_up;
mod thunderbird;
