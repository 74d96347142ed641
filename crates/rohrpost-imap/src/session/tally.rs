//! What a session has on its account: errors and guesses.

use std::time::Duration;

use crate::limits::{AUTH_FAILURES_MAX, ERROR_DELAY, ERROR_DELAY_MAX, ERRORS_MAX, ERRORS_UNTIL_DELAY};

/// What follows from an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Consequence {
    /// The reply waits that long.
    Delay(Duration),
    /// The session ends.
    End,
}

/// Counts what clients do that they should not.
#[derive(Debug, Default)]
pub(super) struct Tally {
    errors: u32,
    auth_failures: u32,
}

impl Tally {
    /// A command that is answered BAD, or a log-in that was refused or cancelled.
    pub(super) fn error(&mut self) -> Consequence {
        self.errors += 1;
        match self.errors {
            ERRORS_MAX.. => Consequence::End,
            errors => {
                let delay = ERROR_DELAY * (errors + 1).saturating_sub(ERRORS_UNTIL_DELAY);
                Consequence::Delay(delay.min(ERROR_DELAY_MAX))
            }
        }
    }

    /// Whether the session ends because of this wrong password.
    pub(super) fn auth_failure(&mut self) -> bool {
        self.auth_failures += 1;
        self.auth_failures >= AUTH_FAILURES_MAX
    }

    pub(super) fn errors(&self) -> u32 {
        self.errors
    }
}
