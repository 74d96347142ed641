//! IDLE (RFC 9051 §6.3.13): the client waits for news.

use std::time::Instant;

use super::state::{Reading, Session};
use crate::response::continuation;

impl Session {
    /// The command. News that are there already are told at once.
    pub(super) fn idle(&mut self, now: Instant) {
        self.reading = Reading::Idle;
        self.reader.expect_line();
        continuation(self.output.buffer(), "idling");
        self.output.flush();
        self.go_on(now);
    }

    /// A line of the client ends it: DONE, or what should have been.
    pub(super) fn idle_line(&mut self, now: Instant, line: &[u8]) {
        self.reading = Reading::Commands;
        if line.eq_ignore_ascii_case(b"DONE") {
            self.ok(now, "IDLE completed");
        } else {
            self.bad(now, "DONE ends IDLE");
        }
    }
}
