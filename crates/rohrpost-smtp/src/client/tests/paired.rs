//! Our client and our server, joined in memory by a network that cuts octets where it likes.

use std::sync::Arc;

use proptest::prelude::*;
use rohrpost_mail::{BodyKind, ForwardPath, ListenerTls, Orcpt, QueueId, Reply, Ret};
use rohrpost_sasl::server::Decoy;

use super::*;
use crate::server::{self, Accepted, BareNewline, Event as Asked, Extensions, MailRequest, Profile, RcptRequest};

/// What the server's store would hand out.
struct Stored;

/// What arrived.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Arrived {
    mail: Option<MailRequest>,
    recipients: Vec<RcptRequest>,
    body: Vec<u8>,
}

struct Pair {
    client: Session,
    server: server::Session<Stored>,
    now: Instant,
    /// On its way to the server, and to the client.
    there: Vec<u8>,
    back: Vec<u8>,
    arrived: Arrived,
    taken: Vec<Arrived>,
    /// How many octets the network carries at a time, in turn.
    portions: Vec<usize>,
    turn: usize,
}

fn profile(protocol: server::Protocol, extensions: Extensions) -> Profile {
    Profile {
        protocol,
        host_name: "mx.there.test".parse().unwrap(),
        software: "Rohrpost".into(),
        tls: ListenerTls::Off,
        starttls_available: false,
        auth_clear: false,
        auth_tls: false,
        require_auth: false,
        mechanisms: Vec::new(),
        extensions,
        size_max: 1 << 20,
        recipients_max: 1_000,
        messages_max: 100,
        bare_newline: BareNewline::Normalize,
        hold_max: Duration::ZERO,
        timeouts: server::Timeouts::default(),
        hashes: Arc::new(NoHashes),
        decoy: Decoy { key: [0; 32], iterations: 4_096 },
        known_peer: true,
    }
}

impl Pair {
    fn new(protocol: Protocol, extensions: Extensions, portions: Vec<usize>) -> Self {
        let now = Instant::now();
        let theirs = if protocol == Protocol::Lmtp { server::Protocol::Lmtp } else { server::Protocol::Submission };
        let wall = "2026-11-22T10:00:00Z".parse().unwrap();
        let mut server = server::Session::new(Arc::new(profile(theirs, extensions)), None, now, wall);
        server.greet(now);
        let client = Session::new(Settings { protocol, ..settings() }, now);
        let (there, back, arrived, taken) = (Vec::new(), Vec::new(), Arrived::default(), Vec::new());
        Self { client, server, now, there, back, arrived, taken, portions, turn: 0 }
    }

    fn portion(&mut self, available: usize) -> usize {
        self.turn += 1;
        self.portions[self.turn % self.portions.len()].min(available)
    }

    /// Carries octets until the client has an event.
    fn event(&mut self, body: &[u8]) -> Event {
        for _ in 0..1_000_000 {
            if let Some(event) = self.client.poll_event() {
                return event;
            }
            if self.client.wants_body() {
                let part = body.len().div_ceil(3).max(1);
                body.chunks(part).for_each(|part| self.client.body(self.now, part));
                self.client.end_body(self.now);
            }
            self.carry_there();
            self.carry_back();
        }
        panic!("the dialogue stands still")
    }

    fn carry_there(&mut self) {
        let count = self.portion(self.client.transmit().len());
        self.there.extend_from_slice(&self.client.transmit()[..count]);
        self.client.handle_written(self.now, count);
        let octets = self.portion(self.there.len());
        let taken = self.server.handle_input(self.now, &self.there[..octets]);
        self.there.drain(..taken);
        while let Some(asked) = self.server.poll_event() {
            self.answer(asked);
        }
        self.server.handle_input(self.now, &[]);
    }

    fn carry_back(&mut self) {
        while let Some(transmit) = self.server.poll_transmit() {
            self.now = self.now.max(transmit.not_before.unwrap_or(self.now));
            self.back.extend_from_slice(&transmit.bytes);
        }
        let count = self.portion(self.back.len());
        self.client.handle_input(self.now, &self.back[..count]);
        self.back.drain(..count);
    }

    fn answer(&mut self, asked: Asked) {
        match asked {
            Asked::Mail(mail) => {
                self.arrived.mail = Some(mail);
                self.server.answer(self.now, Ok(()));
            }
            Asked::Rcpt(rcpt) => {
                let unknown = matches!(&rcpt.path, ForwardPath::Mailbox(mailbox) if mailbox.local.as_str() == "nobody");
                let verdict = if unknown { Err(Reply::with(550, 1, 1, "nobody")) } else { Ok(()) };
                if !unknown {
                    self.arrived.recipients.push(rcpt);
                }
                self.server.answer(self.now, verdict);
            }
            Asked::Data => self.server.answer(self.now, Ok(())),
            Asked::Body(bytes) => self.arrived.body.extend_from_slice(&bytes),
            Asked::End { .. } => {
                self.taken.push(std::mem::take(&mut self.arrived));
                let id = QueueId::from_i64(1);
                self.server.accept_message(self.now, Stored, Accepted { id, per_recipient: None });
            }
            Asked::Abort => self.arrived = Arrived::default(),
            _ => {}
        }
    }

    /// Sends one message; the outcomes.
    fn send(&mut self, envelope: &Envelope, recipients: &[Recipient], body: &[u8]) -> Vec<Outcome> {
        let octets = body.len() as u64;
        self.client.send(self.now, &Message { envelope, recipients, octets, utf8_header: false });
        match self.event(body) {
            Event::Sent(outcomes) => outcomes,
            other => panic!("{other:?}"),
        }
    }
}

/// Line ends put right, and the last line ended, as a server that reads up to a dot sees it.
fn normalised(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(body.to_vec()).unwrap();
    text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n").into_bytes()
}

fn extensions(pipelining: bool, chunking: bool) -> Extensions {
    Extensions { pipelining, chunking, ..Extensions::of(server::Protocol::Submission) }
}

#[test]
fn what_the_sender_asked_for_arrives() {
    let envelope = Envelope {
        reverse_path: "jörg@here.test".parse().unwrap(),
        envid: Some("QQ 314+159=".into()),
        ret: Some(Ret::Hdrs),
        body: BodyKind::EightBitMime,
        smtputf8: true,
        ..Envelope::default()
    };
    let mut recipients = recipients(&["\"a> b\"@there.test", "nobody@there.test", "müller@there.test"]);
    recipients[0].notify = "SUCCESS,DELAY".parse().unwrap();
    recipients[0].orcpt = Some(Orcpt { kind: "rfc822".into(), address: "Ann+x@here.test".into() });
    let mut pair = Pair::new(Protocol::Smtp, extensions(true, true), vec![7, 1_000]);
    assert_eq!(pair.event(b""), Event::Ready);
    let outcomes = pair.send(&envelope, &recipients, b"Subject: x\r\n\r\nHi\r\n");
    assert!(outcomes[0].is_ok() && outcomes[1].is_err() && outcomes[2].is_ok());
    let arrived = &pair.taken[0];
    assert_eq!(arrived.mail.as_ref().unwrap().envelope, envelope);
    assert_eq!(arrived.recipients.len(), 2);
    for (sent, got) in [&recipients[0], &recipients[2]].into_iter().zip(&arrived.recipients) {
        assert_eq!(ForwardPath::Mailbox(sent.address.clone()), got.path);
        assert_eq!((&sent.orcpt, sent.notify), (&got.orcpt, got.notify));
    }
}

proptest! {
    #[test]
    fn any_message_arrives_normalised_over_any_network_in_any_mode(
        body in "(Subject: x\r\n\r\n)[a.\r\n]{0,80}",
        portions in proptest::collection::vec(1..50_usize, 1..6),
        pipelining: bool, chunking: bool, lmtp: bool,
    ) {
        let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
        let mut pair = Pair::new(protocol, extensions(pipelining, chunking), portions);
        prop_assert_eq!(pair.event(b""), Event::Ready);
        let recipients = recipients(&["ann@there.test", "nobody@there.test", "bob@there.test"]);
        for _ in 0..2 {
            let outcomes = pair.send(&Envelope::default(), &recipients, body.as_bytes());
            let taken: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
            prop_assert_eq!(taken, [true, false, true]);
        }
        prop_assert_eq!(pair.taken.len(), 2);
        let mut expected = normalised(body.as_bytes());
        if !chunking && !expected.ends_with(b"\r\n") {
            expected.extend_from_slice(b"\r\n");
        }
        for arrived in &pair.taken {
            prop_assert_eq!(&arrived.body, &expected);
        }
    }
}
