//! The C interface as C sees it: real programs, compiled against the header and linked with both libraries.
#![expect(clippy::unwrap_used, reason = "all of this is test code, also the functions that are no tests themselves")]

mod answers;
mod library;
mod program;
mod sending;

// The libraries beside this test are built because it links this one.
use rohrpost as _;
