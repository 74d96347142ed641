//! AUTH (RFC 4954): the exchange of rohrpost-sasl in the lines of SMTP.

use std::{mem, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_sasl::{
    Mechanism, ScramKeys,
    server::{AuthVerdict, Exchange, Input, Step},
};

use super::{
    event::{CloseReason, Event},
    hello::{self, AuthRule},
    input::Line,
    replies,
    session::{Question, Reading, Session},
};
use crate::limits::AUTH_FAILURE_DELAY;

/// An attempt to log in that is under way.
#[derive(Debug)]
pub(super) struct Login {
    mechanism: Mechanism,
    exchange: Exchange,
    /// Whose SCRAM proof is awaited.
    user: String,
    /// There once the client is who it says, and only has to take note of it: user and authzid.
    proven: Option<(String, String)>,
}

impl<P> Session<P> {
    /// Answers [`Event::Password`]; also [`Event::ScramKeys`] where the keys are not to be had, with
    /// [`AuthVerdict::Locked`], [`AuthVerdict::CannotCheck`] or [`AuthVerdict::NeedsTls`].
    pub fn answer_password(&mut self, now: Instant, verdict: AuthVerdict) {
        let login = match self.question.take() {
            Some(Question::Password(login) | Question::ScramKeys(login)) => login,
            other => return self.question = other,
        };
        self.clock.touch(now);
        match verdict {
            AuthVerdict::Right => self.step(now, *login, Input::Password(true)),
            AuthVerdict::Wrong => self.wrong_password(now),
            AuthVerdict::CannotCheck => {
                self.reply(replies::CANNOT_CHECK);
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::TooManySessions => {
                self.reply(replies::TOO_MANY_SESSIONS);
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::Locked => self.error(now, replies::LOCKED),
            AuthVerdict::NeedsTls => self.error(now, replies::AUTH_NEEDS_TLS),
        }
        self.at_boundary();
    }

    /// Answers [`Event::ScramKeys`]: the keys of all the account's passwords, none where there is no such account. The
    /// nonce is at least [`rohrpost_sasl::limits::NONCE_BYTES_MIN`] random printable characters without commas.
    pub fn answer_scram(&mut self, now: Instant, keys: Vec<ScramKeys>, nonce: String) {
        match self.question.take() {
            Some(Question::ScramKeys(login)) => {
                self.clock.touch(now);
                self.step(now, *login, Input::Scram { keys, nonce });
                self.at_boundary();
            }
            other => self.question = other,
        }
    }

    /// The command. The gate has let it pass, so AUTH exists here.
    pub(super) fn auth(&mut self, now: Instant, mechanism: &str, initial: Option<&[u8]>) {
        if self.logged_in {
            return self.error(now, replies::LOGGED_IN_ALREADY);
        }
        if self.auth_rule() == AuthRule::NeedsTls {
            return self.error(now, replies::AUTH_NEEDS_TLS);
        }
        let offered = hello::mechanisms(&self.profile, self.tls.as_ref());
        let named = offered.into_iter().find(|offered| offered.as_str().eq_ignore_ascii_case(mechanism));
        let Some(login) = named.and_then(|mechanism| self.begin_login(mechanism)) else {
            return self.error(now, replies::UNKNOWN_MECHANISM);
        };
        match initial {
            None => self.step(now, login, Input::Start),
            // RFC 4954 §4: an initial response without octets is written `=`.
            Some(b"=") => self.step(now, login, Input::Response(b"")),
            Some(encoded) => self.encoded_response(now, login, encoded),
        }
    }

    fn begin_login(&self, mechanism: Mechanism) -> Option<Login> {
        let binding = self.tls.as_ref().and_then(|tls| tls.binding.clone());
        let plus =
            hello::mechanisms(&self.profile, self.tls.as_ref()).any(|offered| offered == Mechanism::ScramSha256Plus);
        let exchange = Exchange::new(mechanism, self.profile.hashes.clone(), binding, plus, self.profile.decoy)?;
        Some(Login { mechanism, exchange, user: String::new(), proven: None })
    }

    /// A line that answers a challenge.
    pub(super) fn auth_line(&mut self, now: Instant, login: Login, line: Line<'_>) {
        match line {
            Line::Partial => self.reading = Reading::Auth(login.into()),
            Line::Whole(b"*") => self.error(now, replies::AUTH_CANCELLED),
            Line::Whole(line) => self.encoded_response(now, login, line),
            Line::Joined(line) => self.auth_line(now, login, Line::Whole(&line)),
            Line::TooLong(_) => self.error(now, replies::AUTH_LINE_TOO_LONG),
            Line::BareNewline => self.close_with(replies::BARE_NEWLINE, CloseReason::BareNewline),
            Line::Endless => self.close_with(replies::AUTH_LINE_TOO_LONG, CloseReason::Errors),
        }
    }

    fn encoded_response(&mut self, now: Instant, mut login: Login, encoded: &[u8]) {
        let Ok(response) = STANDARD.decode(encoded) else {
            return self.error(now, replies::BAD_BASE64);
        };
        match mem::take(&mut login.proven) {
            Some((user, authzid)) if response.is_empty() => self.logged_in(login.mechanism, user, authzid),
            Some(_) => self.error(now, replies::BAD_BASE64),
            None => self.step(now, login, Input::Response(&response)),
        }
    }

    fn step(&mut self, now: Instant, mut login: Login, input: Input<'_>) {
        let mechanism = login.mechanism;
        match login.exchange.step(input) {
            Step::Challenge(challenge) => self.challenge(login, &challenge),
            Step::CheckPassword { authzid, user, password } => {
                self.question = Some(Question::Password(login.into()));
                self.events.push_back(Event::Password { mechanism, authzid, user, password });
            }
            Step::FetchScram { authzid, user } => {
                login.user.clone_from(&user);
                self.question = Some(Question::ScramKeys(login.into()));
                self.events.push_back(Event::ScramKeys { mechanism, authzid, user });
            }
            Step::Done { user, authzid, final_challenge: None } => self.logged_in(mechanism, user, authzid),
            // The success reply carries no data, so SCRAM's last message is a challenge (RFC 4954 §4).
            Step::Done { user, authzid, final_challenge: Some(challenge) } => {
                login.proven = Some((user, authzid));
                self.challenge(login, &challenge);
            }
            Step::Failed => {
                if !login.user.is_empty() {
                    self.events.push_back(Event::AuthFailed { mechanism, user: login.user });
                }
                self.wrong_password(now);
            }
            Step::Malformed => self.error(now, replies::BAD_BASE64),
        }
    }

    fn challenge(&mut self, login: Login, challenge: &[u8]) {
        self.output.plain(334, &STANDARD.encode(challenge));
        self.output.flush();
        self.reading = Reading::Auth(login.into());
    }

    fn logged_in(&mut self, mechanism: Mechanism, user: String, authzid: String) {
        self.logged_in = true;
        self.reply(replies::LOGGED_IN);
        self.events.push_back(Event::Authenticated { mechanism, user, authzid });
    }

    /// Wrong, unknown or not allowed: the same words after the same time.
    fn wrong_password(&mut self, now: Instant) {
        if self.tally.auth_failure() {
            self.close_with(replies::TOO_MANY_GUESSES, CloseReason::Guessing);
        } else {
            self.error(now, replies::WRONG_PASSWORD);
        }
        self.delay_until(now + AUTH_FAILURE_DELAY);
    }
}
