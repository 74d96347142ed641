//! `-bs`: SMTP with a program on standard input and output.
//!
//! The session is the server's own, with nothing to log in to and nothing to encrypt: the peer is the user who calls.
//! How the first command line ends fixes how all lines end: with CRLF, as on the network, or with LF. So an LF `.` LF
//! cannot end the data of a caller who speaks CRLF, and whoever mixes gets 500.

#[cfg(test)]
mod tests;

use std::{
    io::{Read, Write},
    sync::Arc,
    thread,
    time::Instant,
};

use anyhow::Context;
use bytes::{Buf as _, BytesMut};
use jiff::Timestamp;
use rohrpost_mail::{Domain, Envelope, ListenerTls, QueueId, Reply};
use rohrpost_sasl::server::Decoy;
use rohrpost_server::{hashes::ProviderHashes, submit::To};
use rohrpost_smtp::server::{
    Accepted, BareNewline, CloseReason, Event, Extensions, MailRequest, Profile, Protocol, RcptRequest, Session,
    Timeouts, Transmit,
};

use super::message::{Collector, Message, MessageError};
use crate::exit::{self, Exit, Failure};

/// Octets that are read at once.
const READ_BYTES: usize = 64 << 10;
/// What LIMITS can say at most (RFC 9422 §4); the server has limits of its own.
const LIMIT_MAX: usize = 999_999;

/// Where a message goes that was taken in.
pub(super) trait Office {
    /// What only somebody has who took a message: without it the caller is not told that all is well.
    type Proof;

    /// Hands the message on; its name in the queue, where it got one.
    fn send(
        &mut self,
        envelope: Envelope,
        recipients: Vec<To>,
        message: Message,
    ) -> anyhow::Result<(Self::Proof, Option<QueueId>)>;
}

/// Speaks SMTP until the program at the other end has enough.
pub(super) fn converse(
    host_name: &Domain,
    input: impl Read,
    output: impl Write,
    office: impl Office,
) -> anyhow::Result<()> {
    let now = Instant::now();
    let mut session = Session::new(Arc::new(profile(host_name)), None, now, Timestamp::now());
    session.greet(now);
    let dialogue = Dialogue {
        session,
        input,
        output,
        office,
        newline: None,
        last: None,
        pending: BytesMut::new(),
        transaction: None,
        in_message: false,
        ended: None,
    };
    dialogue.run()
}

/// What the session offers. There is no CHUNKING: where LF ends lines, octets cannot be counted.
fn profile(host_name: &Domain) -> Profile {
    let extensions = Extensions {
        chunking: false,
        futurerelease: false,
        size: false,
        starttls: false,
        auth: false,
        requiretls: false,
        ..Extensions::of(Protocol::Submission)
    };
    Profile {
        protocol: Protocol::Submission,
        host_name: host_name.clone(),
        software: "Rohrpost".to_owned(),
        tls: ListenerTls::Off,
        starttls_available: false,
        auth_clear: false,
        auth_tls: false,
        require_auth: false,
        mechanisms: Vec::new(),
        extensions,
        size_max: u64::MAX,
        recipients_max: LIMIT_MAX,
        messages_max: LIMIT_MAX,
        bare_newline: BareNewline::Normalize,
        hold_max: std::time::Duration::ZERO,
        timeouts: Timeouts::default(),
        hashes: Arc::new(ProviderHashes),
        // Nobody can log in, so nobody is made up.
        decoy: Decoy { key: [0; 32], iterations: 1 },
        known_peer: true,
    }
}

/// How the caller ends its lines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Newline {
    CrLf,
    Lf,
}

/// A message while it is sent.
struct Transaction {
    envelope: Envelope,
    recipients: Vec<To>,
    collector: Collector,
    /// The first thing that was wrong with it.
    error: Option<MessageError>,
}

struct Dialogue<I, O, F: Office> {
    session: Session<F::Proof>,
    input: I,
    output: O,
    office: F,
    /// Known from the first line on.
    newline: Option<Newline>,
    /// The last octet of the caller so far.
    last: Option<u8>,
    /// Octets that the session has not taken yet.
    pending: BytesMut,
    transaction: Option<Transaction>,
    /// Whether the end of the input would cut a message off.
    in_message: bool,
    ended: Option<CloseReason>,
}

impl<I: Read, O: Write, F: Office> Dialogue<I, O, F> {
    /// Carries octets until the session is over.
    fn run(mut self) -> anyhow::Result<()> {
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let next = self.next_octets();
            let taken = self.session.handle_input(Instant::now(), &self.pending[..next]);
            self.pending.advance(taken);
            if let Some(event) = self.session.poll_event() {
                self.handle(event);
            } else if taken > 0 {
                // What was taken may have made room for more.
            } else if let Some(transmit) = self.session.poll_transmit() {
                self.transmit(&transmit).context("standard output")?;
            } else if self.session.is_closed() {
                return self.verdict();
            } else if self.pending.is_empty() {
                self.read(&mut buffer).context("standard input")?;
            } else {
                self.wait();
            }
        }
    }

    /// Commands line by line: a program may write its whole dialogue at once, with nobody between us who could have put
    /// something into it.
    fn next_octets(&self) -> usize {
        let line = memchr::memchr(b'\n', &self.pending).filter(|_| !self.in_message);
        line.map_or(self.pending.len(), |end| end + 1)
    }

    /// Between commands a program may go away without a word; within a message nothing of it is kept.
    fn verdict(&self) -> anyhow::Result<()> {
        match self.ended {
            Some(CloseReason::Quit) => Ok(()),
            _ if self.in_message => Err(Failure::new(Exit::Data, "the input ended within a message").into()),
            Some(CloseReason::Lost) | None => Ok(()),
            Some(_) => Err(Failure::new(Exit::Protocol, "the SMTP session was ended after errors").into()),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<()> {
        match self.input.read(buffer) {
            Ok(0) => self.session.handle_eof(Instant::now()),
            Ok(octets) => self.translate(&buffer[..octets]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Lines of a caller who ends them with LF get CRLF. Those that have it already then have a CR too many, which the
    /// session refuses: the mixture of both.
    fn translate(&mut self, octets: &[u8]) {
        if self.newline.is_none()
            && let Some(end) = octets.iter().position(|octet| *octet == b'\n')
        {
            let before = octets[..end].last().copied().or(self.last);
            self.newline = Some(if before == Some(b'\r') { Newline::CrLf } else { Newline::Lf });
        }
        self.last = octets.last().copied();
        if self.newline != Some(Newline::Lf) {
            return self.pending.extend_from_slice(octets);
        }
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(content) => {
                    self.pending.extend_from_slice(content);
                    self.pending.extend_from_slice(b"\r\n");
                }
                None => self.pending.extend_from_slice(line),
            }
        }
    }

    fn transmit(&mut self, transmit: &Transmit) -> std::io::Result<()> {
        if let Some(at) = transmit.not_before {
            thread::sleep(at.saturating_duration_since(Instant::now()));
        }
        if self.newline == Some(Newline::Lf) {
            let mut parts = transmit.bytes.split(|octet| *octet == b'\r');
            parts.try_for_each(|part| self.output.write_all(part))?;
        } else {
            self.output.write_all(&transmit.bytes)?;
        }
        self.output.flush()
    }

    /// The session makes a caller wait who has made many errors.
    fn wait(&mut self) {
        if let Some(at) = self.session.poll_timeout() {
            thread::sleep(at.saturating_duration_since(Instant::now()));
        }
        self.session.handle_timeout(Instant::now());
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Mail(request) => self.mail(request),
            Event::Rcpt(request) => self.rcpt(request),
            Event::Data => {
                self.in_message = true;
                self.session.answer(Instant::now(), Ok(()));
            }
            Event::Body(octets) => self.body(&octets),
            Event::End { .. } => self.end(),
            Event::Abort => self.transaction = None,
            Event::Hello { .. } => self.in_message = false,
            Event::Closed { reason } => self.ended = Some(reason),
            // Neither AUTH nor STARTTLS is offered, so none of their questions comes.
            _ => {}
        }
    }

    fn mail(&mut self, request: MailRequest) {
        self.in_message = false;
        let collector = Collector::new(false);
        self.transaction =
            Some(Transaction { envelope: request.envelope, recipients: Vec::new(), collector, error: None });
        self.session.answer(Instant::now(), Ok(()));
    }

    fn rcpt(&mut self, request: RcptRequest) {
        if let Some(transaction) = &mut self.transaction {
            let mut to = To::new(request.path.to_string());
            to.notify = request.notify;
            to.orcpt = request.orcpt;
            transaction.recipients.push(to);
        }
        self.session.answer(Instant::now(), Ok(()));
    }

    fn body(&mut self, octets: &[u8]) {
        if let Some(transaction) = &mut self.transaction
            && transaction.error.is_none()
        {
            transaction.error = transaction.collector.push(octets).err();
        }
    }

    fn end(&mut self) {
        self.in_message = false;
        let Some(transaction) = self.transaction.take() else { return };
        let sent = transaction
            .finish()
            .and_then(|(envelope, recipients, message)| self.office.send(envelope, recipients, message));
        match sent {
            Ok((proof, id)) => {
                // Zero is the name of no message.
                let id = id.unwrap_or(QueueId::from_i64(0));
                self.session.accept_message(Instant::now(), proof, Accepted { id, per_recipient: None });
            }
            Err(error) => self.session.refuse_message(Instant::now(), reply(&error)),
        }
    }
}

impl Transaction {
    fn finish(self) -> anyhow::Result<(Envelope, Vec<To>, Message)> {
        let message = match self.error {
            Some(error) => Err(error),
            None => self.collector.finish(),
        };
        Ok((self.envelope, self.recipients, message?))
    }
}

/// A failure in the words of SMTP.
fn reply(error: &anyhow::Error) -> Reply {
    let (code, subject, detail) = match exit::code_of(error) {
        Exit::TempFail | Exit::System | Exit::CannotCreate | Exit::Io | Exit::Software | Exit::Config => (451, 3, 0),
        Exit::NoUser => (550, 1, 1),
        Exit::NoPermission => (550, 7, 1),
        Exit::Data => (554, 6, 0),
        _ => (554, 0, 0),
    };
    Reply::with(code, subject, detail, format!("{error:#}").replace('\n', " "))
}
