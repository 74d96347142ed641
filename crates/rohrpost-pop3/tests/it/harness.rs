//! A driver in memory, and dialogues written as they look on the wire.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use rohrpost_mail::{Domain, ListenerTls};
use rohrpost_pop3::{CloseReason, Event, Maildrop, Negative, Profile, ResponseCode, Session};
use rohrpost_sasl::{
    ChannelBinding, Hashes, ScramKeys,
    server::{AuthVerdict, Decoy, MECHANISMS, TlsFacts},
};

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

/// A listener on which a password may cross clear text.
pub(crate) fn profile() -> Profile {
    Profile {
        host_name: Domain::parse("mail.here.test").unwrap(),
        software: "Rohrpost".into(),
        tls: ListenerTls::Offered,
        starttls_available: true,
        auth_clear: true,
        auth_tls: true,
        mechanisms: MECHANISMS.to_vec(),
        hashes: Arc::new(Sha),
        decoy: Decoy { key: [7; 32], iterations: 4_096 },
    }
}

/// The mailbox of ann: what all sessions share.
pub(crate) type Mailbox = BTreeMap<u32, Vec<u8>>;

pub(crate) fn three() -> Mailbox {
    let mail = |text: &str| text.replace('\n', "\r\n").into_bytes();
    [
        (11, mail("Subject: one\n\nfirst\nsecond\nthird\n")),
        (12, mail("Subject: two\n\n.\n..dots\n")),
        (15, mail("Subject: three\n\n")),
    ]
    .into()
}

/// A session and its driver. `ann@here.test` has the password `pencil`, `broken`, `locked` and `strict` are answered so, and
/// `closed@here.test` has no messages to be had.
pub(crate) struct Wire {
    pub(crate) session: Session,
    pub(crate) now: Instant,
    pub(crate) mailbox: Mailbox,
    /// Whether the store fails.
    pub(crate) is_store_down: bool,
    /// Whether a message breaks off in its middle.
    pub(crate) is_disk_bad: bool,
    /// Octets of messages that were handed to the session.
    pub(crate) octets_read: usize,
    /// The most octets that were handed out at once.
    pub(crate) transmit_most: usize,
    pub(crate) writes: usize,
    pub(crate) handshakes: usize,
    pub(crate) auth_failures: usize,
    pub(crate) closed: Option<CloseReason>,
    /// Time that passed because responses had to wait.
    pub(crate) waited: Duration,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Wire {
    /// A client has connected and was greeted.
    pub(crate) fn new(profile: Profile) -> Self {
        let mut wire = Self::with_tls(profile, None);
        assert_eq!(wire.take_output(), "+OK mail.here.test Rohrpost POP3\r\n");
        wire
    }

    /// `tls` is there where TLS came first.
    pub(crate) fn with_tls(profile: Profile, tls: Option<TlsFacts>) -> Self {
        let now = Instant::now();
        let mut wire = Self {
            session: Session::new(Arc::new(profile), tls, now),
            now,
            mailbox: three(),
            is_store_down: false,
            is_disk_bad: false,
            octets_read: 0,
            transmit_most: 0,
            writes: 0,
            handshakes: 0,
            auth_failures: 0,
            closed: None,
            waited: Duration::ZERO,
            input: Vec::new(),
            output: Vec::new(),
        };
        wire.session.greet(now);
        wire.pump();
        wire
    }

    /// Sends octets, and says what came back.
    pub(crate) fn send(&mut self, octets: impl AsRef<[u8]>) -> String {
        self.input.extend_from_slice(octets.as_ref());
        self.pump();
        // The instants at which responses may leave pass by themselves.
        while let Some(instant) = self.session.poll_timeout().filter(|_| !self.input.is_empty()) {
            self.now = self.now.max(instant);
            self.session.handle_timeout(self.now);
            self.pump();
        }
        self.take_output()
    }

    pub(crate) fn take_output(&mut self) -> String {
        String::from_utf8(std::mem::take(&mut self.output)).expect("responses are UTF-8")
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

    /// The client's side of the handshake went well.
    pub(crate) fn tls(&mut self) {
        let binding = Some(ChannelBinding::tls_exporter(BINDING));
        self.session.tls_started(self.now, TlsFacts { binding, client_name: None });
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
            moved |= self.write();
            if !moved {
                return;
            }
        }
    }

    fn write(&mut self) -> bool {
        let before = self.writes;
        while let Some(transmit) = self.session.poll_transmit() {
            self.writes += 1;
            self.transmit_most = self.transmit_most.max(transmit.bytes.len());
            if let Some(at) = transmit.not_before.filter(|at| *at > self.now) {
                self.waited += at - self.now;
                self.now = at;
            }
            self.output.extend_from_slice(&transmit.bytes);
        }
        self.writes > before
    }

    fn handle(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::Password { authzid, user, password, .. } => {
                let verdict = match user.as_str() {
                    "broken" => AuthVerdict::CannotCheck,
                    "locked" => AuthVerdict::Locked,
                    "strict" => AuthVerdict::NeedsTls,
                    "closed@here.test" => AuthVerdict::Right,
                    "ann@here.test" if password.expose() == "pencil" && authzid.is_empty() => AuthVerdict::Right,
                    "jörg" if password.expose() == "grün weiß" => AuthVerdict::Right,
                    _ => AuthVerdict::Wrong,
                };
                self.session.answer_password(now, verdict);
            }
            Event::ScramKeys { user, .. } => {
                let keys = (user == "ann@here.test")
                    .then(|| ScramKeys::derive(&Sha, "pencil", b"salt of ann", 4_096).unwrap());
                self.session.answer_scram(now, keys.into_iter().collect(), "server-nonce-1234".into());
            }
            Event::AuthFailed { .. } => self.auth_failures += 1,
            Event::Authenticated { user, .. } => {
                let mut maildrop = Maildrop::new(7);
                maildrop.extend(self.mailbox.iter().map(|(uid, mail)| (*uid, mail.len() as u64)));
                let down = Negative::new(ResponseCode::SysTemp, "The mailbox cannot be opened now");
                let maildrop = if user == "closed@here.test" { Err(down) } else { Ok(maildrop) };
                self.session.answer_maildrop(now, maildrop);
            }
            Event::Message { uid } => self.message(uid),
            Event::Remove { uids } => {
                let down = Negative::new(ResponseCode::SysTemp, "Nothing was removed");
                let removed = if self.is_store_down { Err(down) } else { Ok(()) };
                if removed.is_ok() {
                    self.mailbox.retain(|uid, _| !uids.contains(uid));
                }
                self.session.answer_removal(now, removed);
            }
            Event::StartTls => self.handshakes += 1,
            Event::Closed { reason } => assert_eq!(self.closed.replace(reason), None, "closed twice"),
        }
    }

    /// Hands a message out in pieces of a thousand octets.
    fn message(&mut self, uid: u32) {
        let gone = Negative::new(ResponseCode::SysTemp, "The message is gone");
        let Some(mail) = self.mailbox.get(&uid).cloned() else { return self.session.refuse_message(self.now, &gone) };
        self.session.begin_message(mail.len() as u64);
        for piece in mail.chunks(1_000) {
            self.octets_read += piece.len();
            let wants_more = self.session.push_message(piece);
            self.write();
            if self.is_disk_bad {
                return self.session.refuse_message(self.now, &gone);
            }
            if !wants_more {
                break;
            }
        }
        self.session.end_message(self.now);
    }
}

/// Ann has logged in.
pub(crate) fn logged_in() -> Wire {
    let mut wire = Wire::new(profile());
    log_in(&mut wire);
    wire
}

pub(crate) fn log_in(wire: &mut Wire) {
    let said = wire.send("USER ann@here.test\r\nPASS pencil\r\n");
    assert!(said.starts_with("+OK Send PASS\r\n+OK "), "{said}");
}

/// Plays a dialogue with a client that has just been greeted.
pub(crate) fn transcript(profile: Profile, dialogue: &str) -> Wire {
    let mut wire = Wire::new(profile);
    play(&mut wire, dialogue);
    wire
}

/// Plays a dialogue. Lines of the client that stand together are sent together. In them `\r`, `\n` and `\0` are what
/// they are in Rust, and `\` at the end holds the CRLF back. `(tls)` is the handshake, `(closed)` the end, `(eof)` the
/// client's end.
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
                let (first, rest) = came.split_once("\r\n").unwrap_or_else(|| panic!("nothing came for {line:?}"));
                // The empty challenge ends with a blank, which a line of a transcript cannot.
                assert_eq!(first.trim_end(), text.trim_start());
                came = rest.to_owned();
            }
            _ if line == "(tls)" => wire.tls(),
            _ if line == "(eof)" => came += &wire.eof(),
            _ if line == "(closed)" => assert!(wire.session.is_closed(), "still open"),
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
