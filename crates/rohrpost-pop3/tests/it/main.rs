//! The session, spoken to as a client would, with a driver that answers from a table and a clock that moves only when it
//! is told to.

#![allow(clippy::unwrap_used, reason = "a test that panics fails, and helpers of tests are part of them")]

mod attacks;
mod dialogues;
mod harness;
mod limits;
mod log_in;
