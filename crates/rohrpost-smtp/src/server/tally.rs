//! What a session has on its account: errors, guesses, idle talk.

use std::time::Duration;

use crate::limits::{AUTH_FAILURES_MAX, ERROR_DELAY, ERRORS_MAX, ERRORS_UNTIL_DELAY, IDLE_COMMANDS_MAX};

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
    idle_commands: u32,
    transactions: usize,
}

impl Tally {
    /// Syntax, sequence, refused or cancelled AUTH, unknown recipients, idle talk.
    pub(super) fn error(&mut self) -> Consequence {
        self.errors += 1;
        match self.errors {
            ERRORS_MAX.. => Consequence::End,
            errors => Consequence::Delay(ERROR_DELAY * (errors + 1).saturating_sub(ERRORS_UNTIL_DELAY)),
        }
    }

    /// Whether the session ends because of this wrong password.
    pub(super) fn auth_failure(&mut self) -> bool {
        self.auth_failures += 1;
        self.auth_failures >= AUTH_FAILURES_MAX
    }

    /// RSET, NOOP, EHLO, HELP, VRFY: whether it is one too many.
    pub(super) fn idle_command(&mut self) -> bool {
        self.idle_commands += 1;
        self.idle_commands > IDLE_COMMANDS_MAX
    }

    /// A message was stored.
    pub(super) fn stored(&mut self) {
        self.idle_commands = 0;
    }

    /// MAIL was accepted.
    pub(super) fn transaction(&mut self) {
        self.transactions += 1;
    }

    pub(super) fn transactions(&self) -> usize {
        self.transactions
    }

    pub(super) fn errors(&self) -> u32 {
        self.errors
    }
}
