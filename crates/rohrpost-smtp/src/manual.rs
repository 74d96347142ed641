//! What this crate learnt from attacks on others: one chapter for each, with what happened, why, and what is done here.
//!
//! Nothing in these modules is code. They stand beside the code so that whoever changes it finds them, and each names
//! the tests that would fail.

pub mod cross_protocol;
pub mod smuggling;
pub mod starttls_injection;
