//! What a session has on its account: errors and guesses.

use std::time::Duration;

/// The error at which the session ends. A program that errs this often does nothing else.
pub(super) const ERRORS_MAX: u32 = 50;
/// The error from which on each next one is answered [`ERROR_DELAY`] later than the one before.
const ERRORS_UNTIL_DELAY: u32 = 10;
const _: () = assert!(ERRORS_UNTIL_DELAY < ERRORS_MAX);
/// See [`ERRORS_UNTIL_DELAY`]; no reply waits longer than [`ERROR_DELAY_MAX`].
const ERROR_DELAY: Duration = Duration::from_secs(1);
const ERROR_DELAY_MAX: Duration = Duration::from_secs(10);

/// Wrong passwords that end the session.
pub(super) const AUTH_FAILURES_MAX: u32 = 3;
/// How long the reply to a wrong password waits: guessing one after another becomes slow.
pub(super) const AUTH_FAILURE_DELAY: Duration = Duration::from_secs(1);

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
