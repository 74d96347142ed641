//! One event per decision, always with the session's name; peers' words are printed escaped.

use rohrpost_intake::{LogIn, Refusal};

use super::{Connection, now};

impl Connection {
    pub(crate) fn note_refusal(&self, about: &'static str, refusal: &Refusal) {
        self.shared.stats.refusals.increment(refusal.word());
        let (session, listener) = (&self.peer.session, &self.peer.listener);
        let address = self.peer.address.map(tracing::field::display);
        tracing::info!(%session, %listener, address, about, why = ?refusal.to_string(), reply = refusal.reply().code, "refused");
    }

    pub(super) fn note_log_in(&self, user: &str, outcome: &LogIn) {
        let stats = &self.shared.stats;
        let (counter, word) = match outcome {
            LogIn::Right(_) => (&stats.logins, "right"),
            LogIn::Wrong => (&stats.login_failures, "wrong"),
            LogIn::CannotCheck => (&stats.login_failures, "cannot check"),
            LogIn::Locked => (&stats.logins_locked, "locked"),
            LogIn::NeedsTls => (&stats.login_failures, "needs TLS"),
        };
        counter.increment();
        let unlogged = match outcome {
            LogIn::Right(_) => Some(0),
            _ => self.shared.intake.log_in_line(self.ip(), now()),
        };
        let Some(unlogged) = unlogged else { return };
        let unlogged = Some(unlogged).filter(|count| *count > 0);
        let (session, listener, address, in_clear) = (
            &self.peer.session,
            &self.peer.listener,
            self.peer.address.map(tracing::field::display),
            self.peer.tls.is_none(),
        );
        tracing::info!(%session, %listener, address, ?user, outcome = word, in_clear, unlogged, "log-in");
    }

    /// The session is over. `reason` is one of [`crate::stats::CLOSES`].
    pub(crate) fn note_end(&self, reason: &'static str, errors: u32) {
        self.shared.stats.closes.increment(reason);
        let session = &self.peer.session;
        tracing::debug!(%session, reason, errors, "session ended");
    }
}
