//! A whole session of POP3 against any client. The driver says yes to everything, and its messages are the octets of the
//! input.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{FlatHashes, portions};
use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_pop3::limits::OUTPUT_BYTES_MAX;
use rohrpost_pop3::{Event, Maildrop, Profile, Session};
use rohrpost_sasl::Mechanism;
use rohrpost_sasl::server::{AuthVerdict, Decoy, TlsFacts};

fuzz_target!(|octets: &[u8]| {
    let Some((kind, octets)) = octets.split_first() else { return };
    let mut run = Run::new(*kind, octets);
    for portion in portions(octets) {
        if !run.feed(portion) {
            return;
        }
    }
    run.session.handle_eof(run.now);
    run.settle();
    assert!(run.session.is_closed());
});

/// Messages of every mailbox here: enough that a list does not fit into one write.
const MESSAGES: u32 = 5_000;

struct Run<'a> {
    session: Session,
    now: Instant,
    message: &'a [u8],
    closed: bool,
}

impl<'a> Run<'a> {
    /// The first octet of an input picks the listener.
    fn new(kind: u8, message: &'a [u8]) -> Self {
        let tls = [ListenerTls::Offered, ListenerTls::Required][usize::from(kind & 1)];
        let now = Instant::now();
        let mut session = Session::new(Arc::new(Profile { tls, ..PROFILE.clone() }), None, now);
        session.greet(now);
        let mut run = Self { session, now, message, closed: false };
        run.settle();
        run
    }

    /// Hands in octets until they are taken. False when the session is over.
    fn feed(&mut self, mut octets: &[u8]) -> bool {
        let mut idle = 0;
        while !octets.is_empty() && !self.session.is_closed() {
            let taken = self.session.handle_input(self.now, octets);
            octets = &octets[taken..];
            idle = if self.settle() || taken > 0 { 0 } else { idle + 1 };
            assert!(idle < 3, "the session neither takes octets nor wants anything");
        }
        !self.session.is_closed()
    }

    /// Answers and writes until nothing is left. True when there was something.
    fn settle(&mut self) -> bool {
        let mut busy = false;
        loop {
            let mut more = false;
            while let Some(event) = self.session.poll_event() {
                self.answer(event);
                more = true;
            }
            self.session.handle_input(self.now, b"");
            more |= self.write();
            busy |= more;
            if !more {
                return busy;
            }
        }
    }

    fn write(&mut self) -> bool {
        let mut wrote = false;
        while let Some(transmit) = self.session.poll_transmit() {
            assert!(transmit.bytes.len() < 2 * OUTPUT_BYTES_MAX + 2 * self.message.len());
            self.now = transmit.not_before.map_or(self.now, |at| at.max(self.now));
            wrote = true;
        }
        wrote
    }

    fn answer(&mut self, event: Event) {
        assert!(!self.closed, "{event:?} after the end");
        match event {
            Event::Password { .. } => self.session.answer_password(self.now, AuthVerdict::Right),
            Event::ScramKeys { .. } => {
                self.session.answer_scram(self.now, Vec::new(), "fyko+d2lbbFgONRv9qkx".to_owned())
            }
            Event::Authenticated { .. } => {
                let mut maildrop = Maildrop::new(1);
                maildrop.extend((1..=MESSAGES).map(|uid| (uid, self.message.len() as u64)));
                self.session.answer_maildrop(self.now, Ok(maildrop));
            }
            Event::Message { uid } => {
                assert!((1..=MESSAGES).contains(&uid), "no message has the UID {uid}");
                self.session.begin_message(self.message.len() as u64);
                for piece in portions(self.message) {
                    if !self.session.push_message(piece) {
                        break;
                    }
                    self.write();
                }
                self.session.end_message(self.now);
            }
            Event::Remove { uids } => {
                assert!(!uids.is_empty() && uids.is_sorted());
                self.session.answer_removal(self.now, Ok(()));
            }
            Event::StartTls => self.session.tls_started(self.now, TlsFacts::default()),
            Event::Closed { .. } => self.closed = true,
            Event::AuthFailed { .. } => {}
        }
    }
}

static PROFILE: LazyLock<Profile> = LazyLock::new(|| Profile {
    host_name: Domain::parse("mail.here.test").expect("a domain"),
    software: "Rohrpost".to_owned(),
    tls: ListenerTls::Offered,
    starttls_available: true,
    auth_clear: true,
    auth_tls: true,
    mechanisms: vec![Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login],
    hashes: Arc::new(FlatHashes),
    decoy: Decoy { key: [0; 32], iterations: 4_096 },
});
