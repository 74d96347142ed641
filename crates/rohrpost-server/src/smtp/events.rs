//! What the session asks, and who answers.

use rohrpost_intake::{Accepted, Refusal};
use rohrpost_smtp::server::{self, Event, HelloVerb, MailRequest, Protocol, RcptRequest};
use tokio::time::sleep;

use super::Driver;
use crate::{
    connection::{ScramStart, now},
    limits::UNKNOWN_RECIPIENT_DELAY,
};

impl Driver {
    /// Answers one event. The futures of rare ones are boxed, so that a session that waits is small.
    pub(super) async fn handle(&mut self, event: Event) {
        match event {
            Event::Hello { verb, name } => {
                self.connection.peer.helo = name;
                self.connection.peer.is_extended = verb != HelloVerb::Helo;
            }
            Event::Password { authzid, user, password, .. } => {
                let verdict = Box::pin(self.connection.check_password(&authzid, &user, &password)).await;
                self.session.answer_password(now(), verdict);
            }
            Event::ScramKeys { authzid, user, .. } => Box::pin(self.fetch_keys(&authzid, &user)).await,
            Event::Authenticated { user, .. } => Box::pin(self.log_in(&user)).await,
            Event::AuthFailed { user, .. } => self.connection.scram_failed(&user),
            Event::Mail(request) => {
                let verdict = Box::pin(self.mail(request)).await;
                self.answer("sender", verdict);
            }
            Event::Rcpt(request) => {
                let verdict = Box::pin(self.rcpt(request)).await;
                self.answer("recipient", verdict);
            }
            Event::Data => {
                let verdict =
                    self.transaction.as_ref().map_or(Err(Refusal::OutOfStep), |transaction| transaction.data());
                self.answer("message", verdict);
            }
            Event::Body(bytes) => {
                if let Some(transaction) = &mut self.transaction {
                    transaction.push(&self.connection.peer, bytes).await;
                }
            }
            Event::End { octets } => Box::pin(self.end(octets)).await,
            Event::Abort => self.transaction = None,
            Event::StartTls => self.wants_handshake = true,
            Event::Closed { reason } => self.reason = Some(reason),
        }
    }

    fn answer(&mut self, about: &'static str, verdict: Result<(), Refusal>) {
        if let Err(refusal) = &verdict {
            self.connection.note_refusal(about, refusal);
        }
        self.session.answer(now(), verdict.map_err(|refusal| refusal.reply()));
    }

    async fn mail(&mut self, request: MailRequest) -> Result<(), Refusal> {
        let mut transaction = self.connection.shared.intake.mail(&self.connection.peer, request.envelope).await?;
        if let Some(octets) = request.size {
            transaction.declare_size(octets);
        }
        self.transaction = Some(transaction);
        Ok(())
    }

    async fn rcpt(&mut self, request: RcptRequest) -> Result<(), Refusal> {
        let Some(transaction) = &mut self.transaction else { return Err(Refusal::OutOfStep) };
        let RcptRequest { path, orcpt, notify } = request;
        let verdict = transaction.rcpt(&self.connection.peer, &path, orcpt, notify, now()).await;
        if matches!(verdict, Err(Refusal::NoMailbox)) && self.connection.peer.is_stranger() {
            self.unknown_recipients += 1;
            let limits = self.connection.shared.intake.peer_limits(self.connection.peer.role);
            if self.unknown_recipients > limits.unknown_recipients && !self.is_stopping {
                sleep(UNKNOWN_RECIPIENT_DELAY).await;
            }
        }
        verdict
    }

    async fn end(&mut self, octets: u64) {
        let outcome = match self.transaction.take() {
            Some(transaction) => transaction.finish(&self.connection.peer).await,
            None => Err(Refusal::OutOfStep),
        };
        match outcome {
            Ok(accepted) => {
                self.note_message(&accepted, octets);
                let per_recipient = (self.profiles.protocol() == Protocol::Lmtp).then(|| accepted.replies());
                let answer = server::Accepted { id: accepted.id(), per_recipient };
                self.session.accept_message(now(), accepted.stored, answer);
            }
            Err(refusal) => {
                self.connection.note_refusal("message", &refusal);
                self.session.refuse_message(now(), refusal.reply());
            }
        }
    }

    /// 235 is on its way, whatever has become of the account meanwhile.
    async fn log_in(&mut self, user: &str) {
        if let Err(refusal) = self.connection.log_in(user).await {
            self.session.shut_down(refusal.reply());
        }
    }

    async fn fetch_keys(&mut self, authzid: &str, user: &str) {
        match self.connection.scram_keys(authzid, user).await {
            ScramStart::Keys(keys, nonce) => self.session.answer_scram(now(), keys, nonce),
            ScramStart::Refused(verdict) => self.session.answer_password(now(), verdict),
        }
    }

    fn note_message(&self, accepted: &Accepted, octets: u64) {
        let stats = &self.connection.shared.stats;
        stats.messages.increment();
        stats.octets.add(octets);
        stats.recipients.add(accepted.recipients as u64);
        let peer = &self.connection.peer;
        let (session, listener) = (&peer.session, &peer.listener);
        let account = peer.account.as_ref().map(|account| account.login.as_str());
        let (id, recipients) = (accepted.id(), accepted.recipients);
        let is_tls = peer.tls.is_some();
        tracing::info!(%session, %listener, %id, account, octets, recipients, is_tls, "stored");
    }
}
