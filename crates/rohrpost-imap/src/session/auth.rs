//! LOGIN and AUTHENTICATE (RFC 9051 §6.2): the exchange of rohrpost-sasl in the lines of IMAP.

use std::{mem, time::Instant};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rohrpost_mail::Secret;
use rohrpost_sasl::{
    Mechanism, ScramKeys,
    server::{AuthVerdict, Exchange, Input, Step},
};

use super::{
    capability::{self, LoginRule},
    state::{Question, Reading, Session, State},
};
use crate::{
    event::{CloseReason, Event},
    limits::AUTH_FAILURE_DELAY,
    response::{Code, continuation},
};

/// What is said to a password, or an attempt to send one, in clear text. Mail programs show it to people.
const NEEDS_TLS: &str = "Log-in needs encryption: set your mail program to SSL/TLS or STARTTLS for incoming mail";

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

impl Session {
    /// Answers [`Event::Password`]; also [`Event::ScramKeys`] where the keys are not to be had, with
    /// [`AuthVerdict::Locked`], [`AuthVerdict::CannotCheck`] or [`AuthVerdict::NeedsTls`].
    pub fn answer_password(&mut self, now: Instant, verdict: AuthVerdict) {
        let login = match self.question.take() {
            Some(Question::Password(login) | Question::ScramKeys(login)) => login,
            other => return self.question = other,
        };
        match verdict {
            AuthVerdict::Right => self.step(now, *login, Input::Password(true)),
            AuthVerdict::Wrong => self.wrong_password(now),
            AuthVerdict::CannotCheck => {
                self.no(now, Code::Unavailable, "Passwords cannot be checked now");
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::TooManySessions => {
                self.no(now, Code::Limit, "This account has too many sessions: close one of your mail programs");
                self.delay_until(now + AUTH_FAILURE_DELAY);
            }
            AuthVerdict::NeedsTls => {
                let consequence = self.tally.error();
                self.no(now, Code::PrivacyRequired, NEEDS_TLS);
                self.follow(now, consequence);
            }
            AuthVerdict::Locked => {
                let text = format!("Too many wrong passwords; try again later{}", self.shown_id());
                let consequence = self.tally.error();
                self.no(now, Code::AuthenticationFailed, text);
                self.follow(now, consequence);
            }
        }
        self.go_on(now);
    }

    /// Answers [`Event::ScramKeys`]: the keys of all the account's passwords, none where there is no such account. The
    /// nonce is at least [`rohrpost_sasl::limits::NONCE_BYTES_MIN`] random printable characters without commas.
    pub fn answer_scram(&mut self, now: Instant, keys: Vec<ScramKeys>, nonce: String) {
        match self.question.take() {
            Some(Question::ScramKeys(login)) => {
                self.clock.touch(now);
                self.step(now, *login, Input::Scram { keys, nonce });
                self.go_on(now);
            }
            other => self.question = other,
        }
    }

    /// LOGIN: name and password at once, as with the mechanism of that name.
    pub(super) fn login(&mut self, now: Instant, user: &str, password: &Secret) {
        if !capability::offers_login(&self.profile, self.tls.as_ref()) {
            return self.refuse_login(now);
        }
        let mut login = self.exchange(Mechanism::Login).expect("LOGIN is a mechanism of the server's side");
        match login.exchange.step(Input::Response(user.as_bytes())) {
            Step::Challenge(_) => self.step(now, login, Input::Response(password.expose().as_bytes())),
            _ => self.wrong_password(now),
        }
    }

    /// AUTHENTICATE, with or without an initial response (RFC 4959).
    pub(super) fn authenticate(&mut self, now: Instant, mechanism: &str, initial: Option<&Secret>) {
        if capability::login_rule(&self.profile, self.tls.is_some()) != LoginRule::Open {
            return self.refuse_login(now);
        }
        let mut offered = capability::mechanisms(&self.profile, self.tls.as_ref());
        let named = offered.find(|offered| offered.as_str().eq_ignore_ascii_case(mechanism));
        drop(offered);
        let Some(login) = named.and_then(|mechanism| self.exchange(mechanism)) else {
            return self.no(now, Code::Cannot, "This mechanism is not offered");
        };
        match initial.map(Secret::expose) {
            None => self.step(now, login, Input::Start),
            // RFC 4959 §3: an initial response without octets is written `=`.
            Some("=") => self.step(now, login, Input::Response(b"")),
            Some(encoded) => self.encoded_response(now, login, encoded.as_bytes()),
        }
    }

    fn refuse_login(&mut self, now: Instant) {
        match capability::login_rule(&self.profile, self.tls.is_some()) {
            LoginRule::NeedsTls => self.no(now, Code::PrivacyRequired, NEEDS_TLS),
            LoginRule::Off | LoginRule::Open => {
                self.no(now, Code::Cannot, "This way of logging in is not offered here");
            }
        }
    }

    fn exchange(&self, mechanism: Mechanism) -> Option<Login> {
        let binding = self.tls.as_ref().and_then(|tls| tls.binding.clone());
        let mut offered = capability::mechanisms(&self.profile, self.tls.as_ref());
        let plus = offered.any(|offered| offered == Mechanism::ScramSha256Plus);
        let exchange = Exchange::new(mechanism, self.profile.hashes.clone(), binding, plus, self.profile.decoy)?;
        Some(Login { mechanism, exchange, user: String::new(), proven: None })
    }

    /// A line that answers a challenge.
    pub(super) fn auth_line(&mut self, now: Instant, login: Login, line: &[u8]) {
        match line {
            b"*" => self.bad(now, "Log-in cancelled"),
            line => self.encoded_response(now, login, line),
        }
    }

    fn encoded_response(&mut self, now: Instant, mut login: Login, encoded: &[u8]) {
        let Ok(response) = STANDARD.decode(encoded) else { return self.bad(now, "This is no base64") };
        match mem::take(&mut login.proven) {
            Some((user, authzid)) if response.is_empty() => self.logged_in(now, login.mechanism, user, authzid),
            Some(_) => self.bad(now, "An empty line was due"),
            None => self.step(now, login, Input::Response(&response)),
        }
    }

    fn step(&mut self, now: Instant, mut login: Login, input: Input<'_>) {
        let mechanism = login.mechanism;
        match login.exchange.step(input) {
            Step::Challenge(challenge) => self.challenge(login, &challenge),
            Step::CheckPassword { authzid, user, password } => {
                self.ask(Question::Password(login.into()), Event::Password { mechanism, authzid, user, password });
            }
            Step::FetchScram { authzid, user } => {
                login.user.clone_from(&user);
                self.ask(Question::ScramKeys(login.into()), Event::ScramKeys { mechanism, authzid, user });
            }
            Step::Done { user, authzid, final_challenge: None } => self.logged_in(now, mechanism, user, authzid),
            // The tagged response carries no data, so SCRAM's last message is a challenge (RFC 9051 §6.2.2).
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
            Step::Malformed => self.bad(now, "This does not follow the mechanism"),
        }
    }

    fn challenge(&mut self, login: Login, challenge: &[u8]) {
        continuation(self.output.buffer(), &STANDARD.encode(challenge));
        self.output.flush();
        self.reader.expect_line();
        self.reading = Reading::Auth(login.into());
    }

    /// RFC 9051 §6.2.2: the response tells what is offered from now on.
    fn logged_in(&mut self, now: Instant, mechanism: Mechanism, user: String, authzid: String) {
        self.state = State::Authenticated;
        self.reader.set_logged_in();
        self.events.push_back(Event::Authenticated { mechanism, user, authzid });
        let offered = capability::list(&self.profile, self.tls.as_ref(), true);
        self.ok_with(now, Code::Capability(offered), "Logged in");
    }

    /// Wrong, unknown or not allowed: the same words after the same time.
    fn wrong_password(&mut self, now: Instant) {
        let text = format!("Wrong name or password{}", self.shown_id());
        let is_last = self.tally.auth_failure();
        self.no(now, Code::AuthenticationFailed, text);
        if is_last {
            self.close_with("Too many wrong passwords", CloseReason::Guessing);
        } else {
            let consequence = self.tally.error();
            self.follow(now, consequence);
        }
        self.delay_until(now + AUTH_FAILURE_DELAY);
    }
}
