//! A whole session of the server against any client. The driver says yes to everything.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use rohrpost_fuzz::{FlatHashes, assert_crlf_only, portions};
use rohrpost_mail::{Domain, ListenerTls, QueueId};
use rohrpost_sasl::Mechanism;
use rohrpost_sasl::server::Decoy;
use rohrpost_smtp::server::{
    Accepted, AuthVerdict, BareNewline, Event, Extensions, Profile, Protocol, Session, Timeouts, TlsFacts,
};

fuzz_target!(|octets: &[u8]| {
    let Some((kind, octets)) = octets.split_first() else { return };
    let mut run = Run::new(*kind);
    for portion in portions(octets) {
        if !run.feed(portion) {
            return;
        }
    }
    run.session.handle_eof(run.now);
    run.settle();
    assert!(run.session.is_closed());
});

/// Stands for what the store hands out.
struct Stored;

struct Run {
    session: Session<Stored>,
    now: Instant,
    /// Octets of the message so far, and those that ended since.
    body: Vec<u8>,
    closed: bool,
}

impl Run {
    /// The first octet of an input picks the listener.
    fn new(kind: u8) -> Self {
        let protocol = [Protocol::Smtp, Protocol::Submission, Protocol::Lmtp, Protocol::Smtp][usize::from(kind & 3)];
        let bare_newline = if kind & 4 == 0 { BareNewline::Normalize } else { BareNewline::Reject };
        let tls = [ListenerTls::Offered, ListenerTls::Required][usize::from(kind >> 3 & 1)];
        let profile = Profile { protocol, bare_newline, tls, extensions: Extensions::of(protocol), ..PROFILE.clone() };
        let now = Instant::now();
        let mut session = Session::new(Arc::new(profile), None, now, Timestamp::UNIX_EPOCH);
        session.greet(now);
        let mut run = Self { session, now, body: Vec::new(), closed: false };
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
            while let Some(transmit) = self.session.poll_transmit() {
                self.check_replies(&transmit.bytes);
                self.now = transmit.not_before.map_or(self.now, |at| at.max(self.now));
                more = true;
            }
            busy |= more;
            if !more {
                return busy;
            }
        }
    }

    fn answer(&mut self, event: Event) {
        assert!(!self.closed, "{event:?} after the end");
        match event {
            Event::Mail(_) | Event::Rcpt(_) | Event::Data => self.session.answer(self.now, Ok(())),
            Event::Password { .. } => self.session.answer_password(self.now, AuthVerdict::Right),
            Event::ScramKeys { .. } => {
                self.session.answer_scram(self.now, Vec::new(), "fyko+d2lbbFgONRv9qkx".to_owned())
            }
            Event::Body(octets) => self.body.extend_from_slice(&octets),
            Event::End { octets } => {
                assert_eq!(octets, self.body.len() as u64);
                assert_crlf_only(&std::mem::take(&mut self.body));
                let accepted = Accepted { id: QueueId::from_i64(1), per_recipient: None };
                self.session.accept_message(self.now, Stored, accepted);
            }
            Event::Abort => self.body.clear(),
            Event::StartTls => self.session.tls_started(self.now, TlsFacts::default()),
            Event::Closed { .. } => self.closed = true,
            Event::Hello { .. } | Event::Authenticated { .. } | Event::AuthFailed { .. } => {}
        }
    }

    fn check_replies(&self, octets: &[u8]) {
        assert_crlf_only(octets);
        let text = std::str::from_utf8(octets).expect("replies are text");
        for line in text.lines() {
            let code: Option<u16> = line.get(..3).and_then(|code| code.parse().ok());
            assert!(code.is_some_and(|code| (200..=599).contains(&code)), "{line:?} is no reply");
            assert!(!line.chars().any(char::is_control), "control character in {line:?}");
        }
    }
}

static PROFILE: LazyLock<Profile> = LazyLock::new(|| Profile {
    protocol: Protocol::Smtp,
    host_name: Domain::parse("mx.here.test").expect("a domain"),
    software: "Rohrpost".to_owned(),
    tls: ListenerTls::Offered,
    starttls_available: true,
    auth_clear: true,
    auth_tls: true,
    require_auth: false,
    mechanisms: vec![Mechanism::ScramSha256Plus, Mechanism::ScramSha256, Mechanism::Plain, Mechanism::Login],
    extensions: Extensions::of(Protocol::Smtp),
    size_max: 1 << 16,
    recipients_max: 100,
    messages_max: 100,
    bare_newline: BareNewline::Normalize,
    hold_max: std::time::Duration::from_secs(30 * 24 * 60 * 60),
    timeouts: Timeouts::default(),
    hashes: Arc::new(FlatHashes),
    decoy: Decoy { key: [0; 32], iterations: 4_096 },
    known_peer: true,
});
