//! What the session asks, and who answers.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use rohrpost_intake::{LogIn, Refusal, ScramAnswer};
use rohrpost_mail::Secret;
use rohrpost_sasl::ScramKeys;
use rohrpost_smtp::server::{Accepted, AuthVerdict, Event, HelloVerb, MailRequest, Protocol, RcptRequest};
use rohrpost_store::ScramSecret;
use tokio::time::sleep;

use super::{Driver, now};
use crate::limits::UNKNOWN_RECIPIENT_DELAY;

impl Driver {
    /// Answers one event. The futures of rare ones are boxed, so that a session that waits is small.
    pub(super) async fn handle(&mut self, event: Event) {
        match event {
            Event::Hello { verb, name } => {
                self.peer.helo = name;
                self.peer.is_extended = verb != HelloVerb::Helo;
            }
            Event::Password { authzid, user, password, .. } => {
                let verdict = Box::pin(self.check_password(&authzid, &user, &password)).await;
                self.session.answer_password(now(), verdict);
            }
            Event::ScramKeys { authzid, user, .. } => Box::pin(self.fetch_keys(&authzid, &user)).await,
            Event::Authenticated { user, .. } => Box::pin(self.log_in(&user)).await,
            Event::AuthFailed { user, .. } => {
                self.shared.intake.scram_disproved(&user, self.ip(), now());
                self.note_log_in(&user, &LogIn::Wrong);
            }
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
                    transaction.push(&self.peer, bytes).await;
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
            self.note_refusal(about, refusal);
        }
        self.session.answer(now(), verdict.map_err(|refusal| refusal.reply()));
    }

    async fn mail(&mut self, request: MailRequest) -> Result<(), Refusal> {
        self.transaction = Some(self.shared.intake.mail(&self.peer, request.envelope).await?);
        Ok(())
    }

    async fn rcpt(&mut self, request: RcptRequest) -> Result<(), Refusal> {
        let Some(transaction) = &mut self.transaction else { return Err(Refusal::OutOfStep) };
        let RcptRequest { path, orcpt, notify } = request;
        let verdict = transaction.rcpt(&self.peer, &path, orcpt, notify, now()).await;
        if matches!(verdict, Err(Refusal::NoMailbox)) && self.peer.is_stranger() {
            self.unknown_recipients += 1;
            let limits = self.shared.intake.peer_limits(self.peer.role);
            if self.unknown_recipients > limits.unknown_recipients && !self.is_stopping {
                sleep(UNKNOWN_RECIPIENT_DELAY).await;
            }
        }
        verdict
    }

    async fn end(&mut self, octets: u64) {
        let outcome = match self.transaction.take() {
            Some(transaction) => transaction.finish(&self.peer).await,
            None => Err(Refusal::OutOfStep),
        };
        match outcome {
            Ok(accepted) => {
                self.note_message(&accepted, octets);
                let per_recipient = (self.listener.protocol() == Protocol::Lmtp).then(|| accepted.replies());
                let answer = Accepted { id: accepted.id(), per_recipient };
                self.session.accept_message(now(), accepted.stored, answer);
            }
            Err(refusal) => {
                self.note_refusal("message", &refusal);
                self.session.refuse_message(now(), refusal.reply());
            }
        }
    }

    /// Nobody may act as another yet, so another identity is as wrong as a wrong password, and takes as long.
    async fn check_password(&mut self, authzid: &str, user: &str, password: &Secret) -> AuthVerdict {
        let outcome = self.shared.intake.check_password(user, password, self.ip(), now()).await;
        let outcome = if authzid.is_empty() || authzid == user { outcome } else { LogIn::Wrong };
        if !matches!(outcome, LogIn::Right(_)) {
            self.note_log_in(user, &outcome);
        }
        match outcome {
            LogIn::Right(account) => {
                self.proven = Some(account);
                AuthVerdict::Right
            }
            LogIn::Wrong => AuthVerdict::Wrong,
            LogIn::CannotCheck => AuthVerdict::CannotCheck,
            LogIn::Locked => AuthVerdict::Locked,
        }
    }

    async fn fetch_keys(&mut self, authzid: &str, user: &str) {
        match self.shared.intake.scram_keys(user, self.ip(), now()).await {
            ScramAnswer::Keys(keys) => {
                let allowed = authzid.is_empty() || authzid == user;
                let keys = keys.into_iter().filter(|_| allowed).map(scram_keys).collect();
                let nonce = STANDARD_NO_PAD.encode(rohrpost_tls::crypto::random::<18>());
                self.session.answer_scram(now(), keys, nonce);
            }
            ScramAnswer::CannotCheck => {
                self.note_log_in(user, &LogIn::CannotCheck);
                self.session.answer_password(now(), AuthVerdict::CannotCheck);
            }
            ScramAnswer::Locked => {
                self.note_log_in(user, &LogIn::Locked);
                self.session.answer_password(now(), AuthVerdict::Locked);
            }
        }
    }

    /// 235 is on its way. After SCRAM the account is still to be fetched; should it have gone meanwhile, so does the
    /// session.
    async fn log_in(&mut self, user: &str) {
        let outcome = match self.proven.take() {
            Some(account) => LogIn::Right(account),
            None => self.shared.intake.scram_proved(user, self.ip(), now()).await,
        };
        self.note_log_in(user, &outcome);
        match outcome {
            LogIn::Right(account) => self.peer.account = Some(account),
            _ => self.session.shut_down(Refusal::Overload.reply()),
        }
    }

    fn ip(&self) -> Option<std::net::IpAddr> {
        self.peer.address.map(|address| address.ip())
    }
}

fn scram_keys(secret: ScramSecret) -> ScramKeys {
    let ScramSecret { salt, iterations, stored_key, server_key } = secret;
    ScramKeys { salt, iterations, stored_key, server_key }
}
