//! Bounds of the C interface, each with its reason.

use std::time::Duration;

/// Threads that speak with servers. One waits for hundreds of connections at a time; the programs that call us have
/// better use for the others.
pub(crate) const THREADS: usize = 1;

/// How long closing a sender may take. Saying goodbye is good manners, and no program should hang for them.
pub(crate) const GOODBYE: Duration = Duration::from_secs(5);
