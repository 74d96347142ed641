//! A driver in memory, and dialogues written as they look on the wire.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rohrpost_mail::{Domain, ForwardPath, ListenerTls, Mailbox, QueueId, Reply};
use rohrpost_sasl::{
    ChannelBinding, Hashes, ScramKeys,
    server::{Decoy, MECHANISMS},
};
use rohrpost_smtp::server::{
    Accepted, AuthVerdict, BareNewline, CloseReason, Event, Extensions, MailRequest, Profile, Protocol, Session,
    Timeouts, TlsFacts,
};

/// What the tests' store hands out.
pub(crate) struct Stored;

/// Hashes by the library that the program uses, too.
pub(crate) struct Sha;

impl Hashes for Sha {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, data).as_ref().try_into().unwrap()
    }

    fn hmac_sha256(&self, key: &[u8], data: &[u8]) -> [u8; 32] {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
        aws_lc_rs::hmac::sign(&key, data).as_ref().try_into().unwrap()
    }

    fn pbkdf2_sha256(&self, password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
        let mut out = [0; 32];
        let iterations = iterations.try_into().unwrap();
        aws_lc_rs::pbkdf2::derive(aws_lc_rs::pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut out);
        out
    }
}

pub(crate) const BINDING: &[u8] = b"what only the two ends know";

pub(crate) fn profile(protocol: Protocol) -> Profile {
    Profile {
        protocol,
        host_name: Domain::parse("mx.here.test").unwrap(),
        software: "Rohrpost".into(),
        tls: ListenerTls::Offered,
        starttls_available: true,
        auth_clear: false,
        auth_tls: protocol == Protocol::Submission,
        require_auth: false,
        mechanisms: MECHANISMS.to_vec(),
        extensions: Extensions::of(protocol),
        size_max: 100_000,
        recipients_max: 1_000,
        messages_max: 100,
        bare_newline: BareNewline::Normalize,
        hold_max: Duration::from_hours(30 * 24),
        timeouts: Timeouts::default(),
        hashes: Arc::new(Sha),
        decoy: Decoy { key: [7; 32], iterations: 4_096 },
        known_peer: false,
    }
}

/// One message that was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    pub(crate) mail: MailRequest,
    pub(crate) recipients: Vec<ForwardPath>,
    pub(crate) body: Vec<u8>,
}

/// A session and its driver. Whoever is called `nobody…` does not exist, `full…` has no room, `ann@here.test` has the
/// password `pencil`, and a message with the word `infected` is refused.
pub(crate) struct Wire {
    pub(crate) session: Session<Stored>,
    pub(crate) now: Instant,
    /// Time that passed because replies had to wait.
    pub(crate) waited: Duration,
    pub(crate) messages: Vec<Message>,
    pub(crate) hellos: Vec<String>,
    pub(crate) aborts: usize,
    pub(crate) auth_failures: usize,
    pub(crate) logged_in: Option<(String, String)>,
    pub(crate) closed: Option<CloseReason>,
    pub(crate) handshakes: usize,
    /// How often octets were written.
    pub(crate) writes: usize,
    pub(crate) asked_passwords: usize,
    input: Vec<u8>,
    output: Vec<u8>,
    mail: Option<MailRequest>,
    recipients: Vec<ForwardPath>,
    body: Vec<u8>,
    body_most: usize,
}

impl Wire {
    /// A client has connected and was greeted.
    pub(crate) fn new(profile: Profile) -> Self {
        let mut wire = Self::connected(profile, None);
        wire.session.greet(wire.now);
        wire.pump();
        assert_eq!(wire.take_output().lines().count(), 1);
        wire
    }

    pub(crate) fn connected(profile: Profile, tls: Option<TlsFacts>) -> Self {
        let now = Instant::now();
        let wall = "2026-11-22T10:00:00Z".parse().unwrap();
        Self {
            session: Session::new(Arc::new(profile), tls, now, wall),
            now,
            waited: Duration::ZERO,
            messages: Vec::new(),
            hellos: Vec::new(),
            aborts: 0,
            auth_failures: 0,
            logged_in: None,
            closed: None,
            handshakes: 0,
            writes: 0,
            asked_passwords: 0,
            input: Vec::new(),
            output: Vec::new(),
            mail: None,
            recipients: Vec::new(),
            body: Vec::new(),
            body_most: 0,
        }
    }

    /// Sends octets and returns what came back.
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.input.extend_from_slice(octets.as_ref());
        self.pump();
        self.take_output()
    }

    /// Sends octets in pieces, in which they might arrive.
    pub(crate) fn send_in_pieces<'a>(&mut self, pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
        for piece in pieces {
            self.input.extend_from_slice(piece);
            self.pump();
        }
        self.take_output()
    }

    pub(crate) fn take_output(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.output)).expect("replies are UTF-8")
    }

    /// Time passes; the session is told when it wanted to be.
    pub(crate) fn pass(&mut self, time: Duration) -> String {
        let end = self.now + time;
        while let Some(instant) = self.session.poll_timeout().filter(|instant| *instant <= end) {
            self.now = instant;
            self.session.handle_timeout(instant);
            self.pump();
        }
        self.now = end;
        self.take_output()
    }

    pub(crate) fn eof(&mut self) -> String {
        self.session.handle_eof(self.now);
        self.pump();
        self.take_output()
    }

    /// The most octets of a message that were held for one transaction.
    pub(crate) fn body_most(&self) -> usize {
        self.body_most
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    pub(crate) fn pump(&mut self) {
        loop {
            let taken = self.session.handle_input(self.now, &self.input);
            self.input.drain(..taken);
            let mut moved = taken > 0;
            while let Some(event) = self.session.poll_event() {
                moved = true;
                self.handle(event);
            }
            while let Some(transmit) = self.session.poll_transmit() {
                moved = true;
                self.writes += 1;
                if let Some(at) = transmit.not_before.filter(|at| *at > self.now) {
                    self.waited += at - self.now;
                    self.now = at;
                }
                self.output.extend_from_slice(&transmit.bytes);
            }
            if !moved {
                return;
            }
        }
    }

    fn handle(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Hello { name, .. } => self.hellos.push(name),
            Event::Password { authzid, user, password, .. } => {
                self.asked_passwords += 1;
                let verdict = match user.as_str() {
                    "broken" => AuthVerdict::CannotCheck,
                    "locked" => AuthVerdict::Locked,
                    "ann@here.test" if password.expose() == "pencil" && allowed(&user, &authzid) => AuthVerdict::Right,
                    _ => AuthVerdict::Wrong,
                };
                self.session.answer_password(now, verdict);
            }
            Event::ScramKeys { authzid, user, .. } => {
                let known = user == "ann@here.test" && allowed(&user, &authzid);
                let keys = known.then(|| ScramKeys::derive(&Sha, "pencil", b"salt of ann", 4_096).unwrap());
                self.session.answer_scram(now, keys.into_iter().collect(), "server-nonce-1234".into());
            }
            Event::Authenticated { user, authzid, .. } => self.logged_in = Some((user, authzid)),
            Event::AuthFailed { .. } => self.auth_failures += 1,
            Event::Mail(mail) => {
                self.mail = Some(mail);
                self.session.answer(now, Ok(()));
            }
            Event::Rcpt(rcpt) => self.rcpt(rcpt.path),
            Event::Data => self.session.answer(now, Ok(())),
            Event::Body(bytes) => {
                self.body.extend_from_slice(&bytes);
                self.body_most = self.body_most.max(self.body.len());
            }
            Event::End { octets } => self.end(octets),
            Event::Abort => {
                self.aborts += 1;
                self.forget();
            }
            Event::StartTls => {
                assert!(self.session.poll_transmit().is_some_and(|transmit| {
                    self.output.extend_from_slice(&transmit.bytes);
                    true
                }));
                self.handshakes += 1;
            }
            Event::Closed { reason } => self.closed = Some(reason),
        }
    }

    /// The client's side of the handshake went well.
    pub(crate) fn tls(&mut self) {
        let binding = Some(ChannelBinding::tls_exporter(BINDING));
        self.session.tls_started(self.now, TlsFacts { binding, client_name: None });
    }

    fn rcpt(&mut self, path: ForwardPath) {
        let verdict = match path.to_string() {
            text if text.starts_with("nobody") => Err(Reply::with(550, 1, 1, "No such mailbox")),
            text if text.starts_with("full") => Err(Reply::with(452, 2, 2, "Mailbox full")),
            _ => {
                self.recipients.push(path);
                Ok(())
            }
        };
        self.session.answer(self.now, verdict);
    }

    fn end(&mut self, octets: u64) {
        assert_eq!(octets, self.body.len() as u64, "every octet was handed out");
        if self.body.windows(8).any(|window| window == b"infected") {
            self.session.refuse_message(self.now, Reply::with(550, 7, 1, "Malware"));
            return self.forget();
        }
        let message = Message {
            mail: self.mail.take().expect("MAIL came first"),
            recipients: std::mem::take(&mut self.recipients),
            body: std::mem::take(&mut self.body),
        };
        self.messages.push(message);
        self.session.accept_message(self.now, Stored, Accepted { id: QueueId::from_i64(1), per_recipient: None });
    }

    fn forget(&mut self) {
        self.mail = None;
        self.recipients.clear();
        self.body.clear();
    }
}

fn allowed(user: &str, authzid: &str) -> bool {
    authzid.is_empty() || authzid == user
}

pub(crate) fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

/// Greeted, EHLO said, and sender and recipient accepted.
pub(crate) fn in_transaction(profile: Profile) -> Wire {
    let hello = if profile.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
    let mut wire = Wire::new(profile);
    wire.send(format!("{hello} a.test\r\n"));
    let replies = wire.send("MAIL FROM:<ann@a.test>\r\nRCPT TO:<bob@here.test>\r\n");
    assert_eq!(replies, "250 2.1.0 Sender OK\r\n250 2.1.5 Recipient OK\r\n");
    wire
}

/// In a transaction, with 354 answered.
pub(crate) fn in_data(profile: Profile) -> Wire {
    let mut wire = in_transaction(profile);
    assert!(wire.send("DATA\r\n").starts_with("354 "));
    wire
}

/// Plays a dialogue. Lines of the client that stand together are sent together. In them `\r`, `\n` and `\0` are what
/// they are in Rust, and `\` at the end holds the CRLF back. A line of the server that ends with `…` stands for one
/// whole reply that begins so. `(tls)` is the handshake, `(closed)` the end, `(eof)` the client's end.
pub(crate) fn transcript(profile: Profile, dialogue: &str) -> Wire {
    let mut wire = Wire::new(profile);
    play(&mut wire, dialogue);
    wire
}

pub(crate) fn play(wire: &mut Wire, dialogue: &str) {
    let mut sending = Vec::new();
    let mut came = String::new();
    for line in dialogue.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match line.split_at(2) {
            ("C:", text) => sending.extend(octets(text.trim_start())),
            ("S:", text) => {
                if !sending.is_empty() {
                    assert_eq!(came, "", "the server said more than {line:?} follows");
                    came = wire.send(std::mem::take(&mut sending));
                }
                expect(&mut came, text.trim_start(), line);
            }
            _ if line == "(tls)" => wire.tls(),
            _ if line == "(eof)" => came += &wire.eof(),
            _ if line == "(closed)" => assert!(wire.is_closed(), "still open"),
            _ => panic!("a line of a dialogue is C:, S:, (tls), (eof) or (closed), not {line:?}"),
        }
    }
    came += &wire.send(sending);
    assert_eq!(came, "", "the server said more");
}

fn octets(text: &str) -> Vec<u8> {
    let (text, end) = text.strip_suffix('\\').map_or((text, "\r\n"), |text| (text, ""));
    let text = text.replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0");
    [text.as_bytes(), end.as_bytes()].concat()
}

fn expect(came: &mut String, text: &str, line: &str) {
    let Some(prefix) = text.strip_suffix('…') else {
        let (first, rest) = came.split_once("\r\n").unwrap_or_else(|| panic!("nothing came for {line:?}"));
        assert_eq!(first, text);
        *came = rest.to_owned();
        return;
    };
    assert!(came.starts_with(prefix.trim_end()), "{line:?}, not {came:?}");
    loop {
        let (first, rest) = came.split_once("\r\n").unwrap_or_else(|| panic!("the reply to {line:?} has no end"));
        let last = first.as_bytes().get(3) != Some(&b'-');
        *came = rest.to_owned();
        if last {
            return;
        }
    }
}
