//! One event per decision, always with the session's name; peers' words are printed escaped.

use rohrpost_intake::{Accepted, LogIn, Refusal};
use rohrpost_smtp::server::CloseReason;

use super::Driver;

impl Driver {
    pub(super) fn note_refusal(&self, about: &'static str, refusal: &Refusal) {
        self.shared.stats.refusals.increment(refusal.word());
        let (session, listener) = (&self.peer.session, &self.peer.listener);
        let address = self.peer.address.map(tracing::field::display);
        tracing::info!(%session, %listener, address, about, why = ?refusal.to_string(), reply = refusal.reply().code, "refused");
    }

    pub(super) fn note_message(&self, accepted: &Accepted, octets: u64) {
        let stats = &self.shared.stats;
        stats.messages.increment();
        stats.octets.add(octets);
        stats.recipients.add(accepted.recipients as u64);
        let (session, listener) = (&self.peer.session, &self.peer.listener);
        let account = self.peer.account.as_ref().map(|account| account.login.as_str());
        let (id, recipients) = (accepted.id(), accepted.recipients);
        let is_tls = self.peer.tls.is_some();
        tracing::info!(%session, %listener, %id, account, octets, recipients, is_tls, "stored");
    }

    pub(super) fn note_log_in(&self, user: &str, outcome: &LogIn) {
        let stats = &self.shared.stats;
        let (counter, word) = match outcome {
            LogIn::Right(_) => (&stats.logins, "right"),
            LogIn::Wrong => (&stats.login_failures, "wrong"),
            LogIn::CannotCheck => (&stats.login_failures, "cannot check"),
            LogIn::Locked => (&stats.logins_locked, "locked"),
        };
        counter.increment();
        let (session, address, in_clear) =
            (&self.peer.session, self.peer.address.map(tracing::field::display), self.peer.tls.is_none());
        tracing::info!(%session, address, ?user, outcome = word, in_clear, "log-in");
    }

    pub(super) fn log_end(&self) {
        let word = self.reason.map_or("lost", close_word);
        self.shared.stats.closes.increment(word);
        let (session, errors) = (&self.peer.session, self.session.errors());
        tracing::debug!(%session, reason = word, errors, "session ended");
    }
}

/// The words of [`crate::stats::CLOSES`].
fn close_word(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::Quit => "quit",
        CloseReason::Lost => "lost",
        CloseReason::TimedOut => "timed-out",
        CloseReason::Errors => "errors",
        CloseReason::Guessing => "guessing",
        CloseReason::Messages => "messages",
        CloseReason::NotSmtp => "not-smtp",
        CloseReason::EarlyTalker => "early-talker",
        CloseReason::Injection => "injection",
        CloseReason::BareNewline => "bare-newline",
        CloseReason::BadChunk => "bad-chunk",
        CloseReason::Refused => "refused",
        CloseReason::ShutDown => "shut-down",
    }
}
