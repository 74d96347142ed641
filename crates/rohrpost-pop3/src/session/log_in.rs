//! Who it is: USER and PASS (RFC 1939 §7), and AUTH (RFC 5034), which is the exchange of rohrpost-sasl in lines of POP3.
//!
//! APOP is not offered. Its digest is made of the password itself, so that the server would have to keep passwords that
//! it can read, and so could whoever steals its disk; and MD5 is no longer a digest to rely on. SCRAM does what APOP
//! was for.

use std::{mem, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_sasl::{
    Mechanism, ScramKeys,
    server::{AuthVerdict, Exchange, Input, Step},
};

use super::{Question, Session, State};
use crate::{
    event::{CloseReason, Event},
    limits::{AUTH_FAILURE_DELAY, AUTH_FAILURES_MAX},
    maildrop::Maildrop,
    profile::LogInRule,
    response::{self, Negative},
};

/// An attempt to log in that is under way.
#[derive(Debug)]
pub(super) struct LogIn {
    mechanism: Mechanism,
    exchange: Exchange,
    /// Whose SCRAM proof is awaited.
    user: String,
    /// There once the client is who it says, and only has to take note of it: user and authzid.
    proven: Option<(String, String)>,
}

impl Session {
    /// Answers [`Event::Password`]; also [`Event::ScramKeys`] where the keys are not to be had, with
    /// [`AuthVerdict::Locked`], [`AuthVerdict::CannotCheck`] or [`AuthVerdict::NeedsTls`].
    pub fn answer_password(&mut self, now: Instant, verdict: AuthVerdict) {
        let log_in = match self.question.take() {
            Some(Question::Password(log_in) | Question::ScramKeys(log_in)) => log_in,
            other => return self.question = other,
        };
        self.last = now;
        match verdict {
            AuthVerdict::Right => self.step(now, log_in, Input::Password(true)),
            AuthVerdict::Wrong => self.wrong_password(now),
            AuthVerdict::CannotCheck => {
                self.output.negative(&response::CANNOT_CHECK);
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::TooManySessions => {
                self.output.negative(&response::TOO_MANY_SESSIONS);
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::Locked => self.error(now, &response::LOCKED),
            AuthVerdict::NeedsTls => self.error(now, &response::LOG_IN_NEEDS_TLS),
        }
        self.at_boundary();
    }

    /// Answers [`Event::ScramKeys`]: the keys of all the account's passwords, none where there is no such account. The
    /// nonce is at least [`rohrpost_sasl::limits::NONCE_BYTES_MIN`] random printable characters without commas.
    pub fn answer_scram(&mut self, now: Instant, keys: Vec<ScramKeys>, nonce: String) {
        match self.question.take() {
            Some(Question::ScramKeys(log_in)) => {
                self.last = now;
                self.step(now, log_in, Input::Scram { keys, nonce });
                self.at_boundary();
            }
            other => self.question = other,
        }
    }

    /// Answers [`Event::Authenticated`] with the messages of the account. Only now does the client hear that it has
    /// logged in; where they cannot be had, it may try again.
    pub fn answer_maildrop(&mut self, now: Instant, maildrop: Result<Maildrop, Negative>) {
        match self.question.take() {
            Some(Question::Maildrop) => {}
            other => return self.question = other,
        }
        self.last = now;
        match maildrop {
            Ok(maildrop) => {
                let (count, octets) = maildrop.stat();
                self.state = State::Transaction(maildrop);
                self.output.ok(format_args!("{count} messages of {octets} octets"));
            }
            Err(negative) => self.output.negative(&negative),
        }
        self.at_boundary();
    }

    /// The mechanisms of this link.
    pub(super) fn mechanisms(&self) -> impl Iterator<Item = Mechanism> {
        self.profile.mechanisms(self.tls.as_ref())
    }

    /// USER and PASS are PLAIN in other words, and offered where PLAIN is.
    pub(super) fn offers_user(&self) -> bool {
        self.mechanisms().any(|mechanism| mechanism == Mechanism::Plain)
    }

    /// The name is taken whether there is such an account or not: only the password decides.
    pub(super) fn user(&mut self, now: Instant, name: &[u8]) {
        if let Some(negative) = self.log_in_refusal() {
            return self.error(now, &negative);
        }
        if !self.offers_user() {
            return self.error(now, &response::UNKNOWN_MECHANISM);
        }
        self.state = State::Authorization { user: Some(name.to_vec()) };
        self.output.ok(format_args!("Send PASS"));
    }

    pub(super) fn pass(&mut self, now: Instant, password: &[u8]) {
        let user = match &mut self.state {
            State::Authorization { user } => user.take(),
            _ => None,
        };
        let Some(user) = user else { return self.error(now, &response::USER_FIRST) };
        let message = [b"", &user[..], password].join(&0);
        if let Some(log_in) = self.begin_log_in(Mechanism::Plain) {
            self.step(now, log_in, Input::Response(&message));
        }
    }

    /// AUTH alone: a list like that of CAPA.
    pub(super) fn auth_list(&mut self, now: Instant) {
        if let Some(negative) = self.log_in_refusal() {
            return self.error(now, &negative);
        }
        self.output.ok(format_args!("Mechanisms"));
        for mechanism in self.mechanisms().collect::<Vec<_>>() {
            self.output.line(format_args!("{mechanism}"));
        }
        self.output.line(format_args!("."));
    }

    pub(super) fn auth(&mut self, now: Instant, mechanism: &str, initial: Option<&[u8]>) {
        if let Some(negative) = self.log_in_refusal() {
            return self.error(now, &negative);
        }
        let named = self.mechanisms().find(|offered| offered.as_str().eq_ignore_ascii_case(mechanism));
        let Some(log_in) = named.and_then(|mechanism| self.begin_log_in(mechanism)) else {
            return self.error(now, &response::UNKNOWN_MECHANISM);
        };
        match initial {
            None => self.step(now, log_in, Input::Start),
            Some(encoded) => self.encoded_response(now, log_in, encoded),
        }
    }

    /// A line that answers a challenge. RFC 5034 §4: `*` cancels.
    pub(super) fn auth_line(&mut self, now: Instant, log_in: Box<LogIn>, line: &[u8]) {
        match line {
            b"*" => self.error(now, &response::AUTH_CANCELLED),
            line => self.encoded_response(now, log_in, line),
        }
    }

    /// Why nobody logs in on this link.
    fn log_in_refusal(&self) -> Option<Negative> {
        match self.profile.log_in_rule(self.tls.is_some()) {
            LogInRule::Open => None,
            LogInRule::NeedsTls => Some(response::LOG_IN_NEEDS_TLS),
            LogInRule::Off => Some(response::NO_LOG_IN),
        }
    }

    fn begin_log_in(&self, mechanism: Mechanism) -> Option<Box<LogIn>> {
        let binding = self.tls.as_ref().and_then(|tls| tls.binding.clone());
        let plus = self.mechanisms().any(Mechanism::is_plus);
        let exchange = Exchange::new(mechanism, self.profile.hashes.clone(), binding, plus, self.profile.decoy)?;
        Some(LogIn { mechanism, exchange, user: String::new(), proven: None }.into())
    }

    fn encoded_response(&mut self, now: Instant, mut log_in: Box<LogIn>, encoded: &[u8]) {
        let Ok(response) = STANDARD.decode(encoded) else { return self.error(now, &response::BAD_BASE64) };
        match mem::take(&mut log_in.proven) {
            Some((user, authzid)) if response.is_empty() => self.authenticated(log_in.mechanism, user, authzid),
            Some(_) => self.error(now, &response::BAD_BASE64),
            None => self.step(now, log_in, Input::Response(&response)),
        }
    }

    fn step(&mut self, now: Instant, mut log_in: Box<LogIn>, input: Input<'_>) {
        let mechanism = log_in.mechanism;
        match log_in.exchange.step(input) {
            Step::Challenge(challenge) => self.challenge(log_in, &challenge),
            Step::CheckPassword { authzid, user, password } => {
                self.question = Some(Question::Password(log_in));
                self.events.push_back(Event::Password { mechanism, authzid, user, password });
            }
            Step::FetchScram { authzid, user } => {
                log_in.user.clone_from(&user);
                self.question = Some(Question::ScramKeys(log_in));
                self.events.push_back(Event::ScramKeys { mechanism, authzid, user });
            }
            Step::Done { user, authzid, final_challenge: None } => self.authenticated(mechanism, user, authzid),
            // `+OK` carries no data, so SCRAM's last message is a challenge (RFC 5034 §4).
            Step::Done { user, authzid, final_challenge: Some(challenge) } => {
                log_in.proven = Some((user, authzid));
                self.challenge(log_in, &challenge);
            }
            Step::Failed => {
                if !log_in.user.is_empty() {
                    self.events.push_back(Event::AuthFailed { mechanism, user: log_in.user });
                }
                self.wrong_password(now);
            }
            Step::Malformed => self.error(now, &response::BAD_BASE64),
        }
    }

    fn challenge(&mut self, log_in: Box<LogIn>, challenge: &[u8]) {
        self.output.line(format_args!("+ {}", STANDARD.encode(challenge)));
        self.output.flush();
        self.log_in = Some(log_in);
    }

    fn authenticated(&mut self, mechanism: Mechanism, user: String, authzid: String) {
        self.question = Some(Question::Maildrop);
        self.events.push_back(Event::Authenticated { mechanism, user, authzid });
    }

    /// Wrong, unknown or not allowed: the same words after the same time.
    fn wrong_password(&mut self, now: Instant) {
        self.auth_failures += 1;
        if self.auth_failures >= AUTH_FAILURES_MAX {
            self.close_with(&response::TOO_MANY_GUESSES, CloseReason::Guessing);
        } else {
            self.error(now, &response::WRONG_PASSWORD);
        }
        self.delay_until(now + AUTH_FAILURE_DELAY);
    }
}
