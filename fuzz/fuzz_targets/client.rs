//! A whole session of the client against any server: it logs in, sends one message and must come to an end.
#![no_main]

use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{login, portions};
use rohrpost_mail::{Envelope, Host, Recipient};
use rohrpost_smtp::client::{Event, Message, Session, Settings};

/// A message that would like to end early.
const BODY: &[u8] = b"Subject: hi\r\n\r\n.\r\nMAIL FROM:<eve@there.test>\r\n.\n.\r\n";

/// The password, as PLAIN and as LOGIN have it.
const SECRETS: [&str; 2] = ["AGFubgBwZW5jaWw", "cGVuY2ls"];

fuzz_target!(|octets: &[u8]| {
    let now = Instant::now();
    let settings =
        Settings { helo: true, transcript: true, ..Settings::new(Host::parse("here.test").expect("a host")) };
    let mut run = Run { session: Session::new(settings, now), now, tried: false, sent: false, wire: Vec::new() };
    for portion in portions(octets) {
        run.session.handle_input(now, portion);
        run.settle();
    }
    run.session.handle_eof();
    run.settle();
    assert!(run.session.is_closed());
    assert!(run.session.transmit().is_empty(), "nothing is left to say to nobody");
    let transcript = run.session.transcript();
    for secret in SECRETS.iter().filter(|secret| !holds(octets, secret.as_bytes())) {
        assert!(!transcript.contains(secret), "{transcript}");
    }
});

struct Run {
    session: Session,
    now: Instant,
    /// To log in, once.
    tried: bool,
    sent: bool,
    wire: Vec<u8>,
}

impl Run {
    fn settle(&mut self) {
        loop {
            let mut more = false;
            while let Some(event) = self.session.poll_event() {
                self.act(&event);
                more = true;
            }
            if self.session.wants_body() {
                self.session.body(self.now, BODY);
                self.session.end_body(self.now);
                more = true;
            }
            let count = self.session.transmit().len();
            if count > 0 {
                self.check_wire();
                self.session.handle_written(self.now, count);
                more = true;
            }
            if !more {
                return;
            }
        }
    }

    fn act(&mut self, event: &Event) {
        match event {
            Event::Ready if !self.tried && !self.session.capabilities().auth.is_empty() => self.log_in(),
            Event::Ready | Event::Authenticated | Event::AuthRefused(_) if !self.sent => self.send(),
            Event::StartTls => self.session.tls_started(self.now),
            Event::Sent(outcomes) => {
                assert_eq!(outcomes.len(), 2, "one outcome for each recipient");
                self.session.quit(self.now);
            }
            _ => {}
        }
    }

    fn log_in(&mut self) {
        self.tried = true;
        let mechanism = self.session.capabilities().auth[0];
        self.session.authenticate(self.now, mechanism, login(mechanism));
    }

    fn send(&mut self) {
        self.sent = true;
        let envelope = Envelope::default();
        let recipients = ["bob@there.test", "\"carl <c>\"@there.test"];
        let recipients = recipients.map(|recipient| Recipient::new(recipient.parse().expect("an address")));
        let message =
            Message { envelope: &envelope, recipients: &recipients, octets: BODY.len() as u64, utf8_header: false };
        self.session.send(self.now, &message);
    }

    /// Whatever the server says, no line of the body is a command: eve's MAIL only ever stands inside the message.
    fn check_wire(&mut self) {
        self.wire.extend_from_slice(self.session.transmit());
        rohrpost_fuzz::assert_crlf_only(self.wire.strip_suffix(b"\r").unwrap_or(&self.wire));
        let count = |text: &[u8]| self.wire.windows(text.len()).filter(|window| *window == text).count();
        assert!(self.tried || !SECRETS.iter().any(|secret| holds(&self.wire, secret.as_bytes())));
        assert!(count(b"\r\n.\r\n") <= 1 || count(b"\r\nBDAT ") > 0, "a message that is not counted has one end");
    }
}

fn holds(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|window| window == part)
}
