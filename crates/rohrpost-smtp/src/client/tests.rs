//! Dialogues with servers, honest and hostile. Tests named `a_c…` are rows of the table of known attacks.

mod attacks;
mod dialogue;
mod paired;
mod properties;
mod terms;

use std::time::{Duration, Instant};

use rohrpost_mail::{Envelope, Host, Recipient};
use rohrpost_sasl::Hashes;

use super::*;

/// Good for nothing but to make exchanges.
pub(super) struct NoHashes;

impl Hashes for NoHashes {
    fn sha256(&self, _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn hmac_sha256(&self, _: &[u8], _: &[u8]) -> [u8; 32] {
        [0; 32]
    }

    fn pbkdf2_sha256(&self, _: &[u8], _: &[u8], _: u32) -> [u8; 32] {
        [0; 32]
    }
}

/// A session with a clock that stands still until a test moves it.
pub(super) struct Play {
    pub(super) session: Session,
    pub(super) now: Instant,
    /// What the client has written and no `C:` line has asked for yet.
    heard: Vec<u8>,
}

pub(super) fn settings() -> Settings {
    Settings::new(Host::parse("here.test").unwrap())
}

impl Play {
    pub(super) fn new(settings: Settings) -> Self {
        let now = Instant::now();
        Self { session: Session::new(settings, now), now, heard: Vec::new() }
    }

    /// After `220` and an EHLO that lists these keywords, blank-separated.
    pub(super) fn ready(keywords: &str) -> Self {
        let mut play = Self::new(settings());
        play.greet(keywords);
        assert_eq!(play.session.poll_event(), Some(Event::Ready));
        play
    }

    pub(super) fn greet(&mut self, keywords: &str) {
        self.say("S: 220 mx.test\nC: EHLO here.test");
        self.say_ehlo(keywords);
    }

    pub(super) fn say_ehlo(&mut self, keywords: &str) {
        let keywords: Vec<_> = keywords.split_ascii_whitespace().map(|word| word.replace('_', " ")).collect();
        let lines = [vec!["mx.test".to_owned()], keywords].concat();
        let (last, rest) = lines.split_last().unwrap();
        for line in rest {
            self.input(format!("250-{line}\r\n").as_bytes());
        }
        self.input(format!("250 {last}\r\n").as_bytes());
    }

    /// Plays a transcript: `S:` is said by the server, `C:` must be what the client writes.
    pub(super) fn say(&mut self, script: &str) {
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_at(2) {
                ("S:", text) => self.input(format!("{}\r\n", text.trim_start()).as_bytes()),
                ("C:", text) => assert_eq!(self.line(), text.trim_start(), "in {script}"),
                _ => panic!("neither C: nor S: in {line}"),
            }
        }
    }

    pub(super) fn input(&mut self, bytes: &[u8]) {
        self.session.handle_input(self.now, bytes);
    }

    /// Everything the client writes, as far as no `C:` line took it.
    pub(super) fn written(&mut self) -> Vec<u8> {
        self.write();
        std::mem::take(&mut self.heard)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.handle_timeout(self.now);
    }

    /// Starts a transaction with a null path.
    pub(super) fn send(&mut self, to: &[&str]) {
        self.send_from(&Envelope::default(), to);
    }

    pub(super) fn send_from(&mut self, envelope: &Envelope, to: &[&str]) {
        let recipients = recipients(to);
        let message = Message { envelope, recipients: &recipients, octets: 4, utf8_header: false };
        self.session.send(self.now, &message);
    }

    /// Hands over a body and sees that it is wanted.
    pub(super) fn body(&mut self, body: &[u8]) {
        assert!(self.session.wants_body());
        self.session.body(self.now, body);
        self.session.end_body(self.now);
    }

    pub(super) fn outcomes(&mut self) -> Vec<Outcome> {
        match self.session.poll_event() {
            Some(Event::Sent(outcomes)) => outcomes,
            other => panic!("expected the end of the transaction, found {other:?}"),
        }
    }

    /// One word for each outcome: code or error, and the class.
    pub(super) fn summary(&mut self) -> Vec<String> {
        let one = |outcome: &Outcome| match outcome {
            Ok(reply) => reply.code.to_string(),
            Err(failure) => {
                let unknown = if failure.possible_duplicate { " unknown" } else { "" };
                let code = failure.reply().map_or("-".to_owned(), |reply| reply.code.to_string());
                format!("{code} {} {}{unknown}", failure.stage(), failure.class)
            }
        };
        self.outcomes().iter().map(one).collect()
    }

    pub(super) fn failure(&mut self) -> SessionError {
        assert!(self.session.is_closed());
        match self.session.poll_event() {
            Some(Event::Failed(error)) => error,
            other => panic!("expected a failure, found {other:?}"),
        }
    }

    fn write(&mut self) {
        let count = self.session.transmit().len();
        self.heard.extend_from_slice(self.session.transmit());
        self.session.handle_written(self.now, count);
    }

    fn line(&mut self) -> String {
        self.write();
        let end = self.heard.windows(2).position(|two| two == b"\r\n").expect("the client writes a line");
        String::from_utf8(self.heard.drain(..end + 2).take(end).collect()).unwrap()
    }
}

pub(super) fn recipients(to: &[&str]) -> Vec<Recipient> {
    to.iter().map(|text| Recipient::new(text.parse().unwrap())).collect()
}
