//! Why nothing was sent: what the user reads, and how the program ends.

use std::fmt;

use crate::exit::Exit;

/// An error with its exit code. It is said in one line of standard error, behind `msmtp: `.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Fault {
    /// How the program ends.
    pub(super) exit: Exit,
    message: String,
}

impl Fault {
    /// Ends with `exit` after saying `message`.
    pub(super) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
