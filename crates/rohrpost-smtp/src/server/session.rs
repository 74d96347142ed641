//! The state of a session and the calls of its driver. What commands do is in the modules beside this one.

use std::{collections::VecDeque, marker::PhantomData, sync::Arc, time::Instant};

use jiff::Timestamp;
use rohrpost_mail::Reply;
use rohrpost_sasl::server::TlsFacts;

use super::{
    auth::Login,
    clock::{Clock, Expired},
    event::{CloseReason, Event, Transmit},
    input::LineBuffer,
    message::Drain,
    output::Output,
    profile::{Profile, Protocol},
    replies::{self, Fixed},
    tally::{Consequence, Tally},
    transaction::Transaction,
};
use crate::data;

/// How far the dialogue has come.
///
/// ```text
///            greet           EHLO           MAIL          RCPT          DATA … dot, BDAT … LAST
///  Connected ────► Greeted ───────► Ready ───────► Mail ───────► Rcpt ────────────────────────► Ready
///                     ▲               │ STARTTLS                  │ BDAT              ▲
///                     │               ▼                           ▼                   │ LAST
///                     └────────── Handshake                     Chunks ───────────────┤
///                      handshake                                  │ failed            │ RSET, EHLO
///  any ──QUIT, 421──► Closed                                      └────► ChunkFailed ─┘
/// ```
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Phase {
    /// The greeting is not written yet.
    Connected,
    /// No hello yet, or none since TLS began.
    Greeted,
    /// Between transactions.
    Ready,
    /// MAIL was accepted, no recipient yet.
    Mail,
    /// At least one recipient was accepted.
    Rcpt,
    /// A chunk was accepted, and it was not the last.
    Chunks,
    /// A chunk was refused. RFC 3030 §2: nothing goes on before RSET.
    ChunkFailed,
    /// STARTTLS was accepted, TLS has not begun.
    Handshake,
    /// Nothing more is read.
    Closed,
}

/// What the next octets are.
#[derive(Debug)]
pub(super) enum Reading {
    /// Command lines.
    Commands,
    /// A line of AUTH.
    Auth(Box<Login>),
    /// A message up to its dot.
    Data(Box<data::Reader>),
    /// A chunk for the reader of the transaction.
    Chunk,
    /// The octets of a chunk that nobody wants.
    Drain(Box<Drain>),
}

/// What the driver was asked. No input is taken before it answers.
#[derive(Debug)]
pub(super) enum Question {
    Mail(Box<Transaction>),
    Rcpt,
    Data,
    /// The first chunk.
    Chunk(crate::bdat::Chunk),
    Password(Box<Login>),
    ScramKeys(Box<Login>),
    /// The message is complete.
    End,
}

/// One session. How it is driven: [`crate::server`].
#[derive(Debug)]
pub struct Session<P> {
    pub(super) profile: Arc<Profile>,
    pub(super) tls: Option<TlsFacts>,
    pub(super) phase: Phase,
    pub(super) reading: Reading,
    pub(super) question: Option<Question>,
    pub(super) transaction: Option<Transaction>,
    pub(super) logged_in: bool,
    /// Whether the client said EHLO or LHLO, and may use what they offer.
    pub(super) extended: bool,
    pub(super) tally: Tally,
    pub(super) clock: Clock,
    pub(super) output: Output,
    pub(super) events: VecDeque<Event>,
    line: LineBuffer,
    /// Whether a line was executed; the first one may be no SMTP at all.
    spoken: bool,
    /// Whether the last input was not taken whole.
    pub(super) more: bool,
    /// Nothing is read before this instant.
    blocked: Option<Instant>,
    /// What is said at the next command boundary instead of going on.
    farewell: Option<Reply>,
    /// Whether the client has closed its side.
    eof: bool,
    /// The begin of the session on both clocks.
    began: (Instant, Timestamp),
    proof: PhantomData<fn(P)>,
}

impl<P> Session<P> {
    /// A client has connected. `tls` is there where TLS was the first thing it did. `wall` is the time of day at
    /// `now`. Nothing is written before [`Self::greet`].
    pub fn new(profile: Arc<Profile>, tls: Option<TlsFacts>, now: Instant, wall: Timestamp) -> Self {
        Self {
            tls,
            phase: Phase::Connected,
            reading: Reading::Commands,
            question: None,
            transaction: None,
            logged_in: false,
            extended: false,
            tally: Tally::default(),
            clock: Clock::new(profile.timeouts, now),
            output: Output::new(profile.extensions.enhancedstatuscodes),
            events: VecDeque::new(),
            line: LineBuffer::default(),
            spoken: false,
            more: false,
            blocked: None,
            farewell: None,
            eof: false,
            began: (now, wall),
            profile,
            proof: PhantomData,
        }
    }

    /// Gives the session a name that stands behind each refusal: `503 5.5.1 Send MAIL first (a7)`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.output.set_id(id.into());
        self
    }

    /// Greets the client. Input is taken from now on.
    pub fn greet(&mut self, now: Instant) {
        if self.phase != Phase::Connected {
            return;
        }
        if let Some(reply) = self.farewell.take() {
            return self.refuse_connection(reply);
        }
        self.clock.touch(now);
        self.phase = Phase::Greeted;
        self.output.reply(&replies::greeting(&self.profile), false);
        self.output.flush();
    }

    /// Says no instead of a greeting, or later at any time, and ends the session.
    pub fn refuse_connection(&mut self, reply: Reply) {
        self.farewell = Some(reply);
        self.leave(CloseReason::Refused);
    }

    /// Takes octets of the client and says how many. It takes none while a question is open, a reply waits for its
    /// time, or too many replies wait to be written.
    ///
    /// Octets that come before the greeting are refused on a listener for strangers, else left with the driver.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> usize {
        if !bytes.is_empty() {
            self.refuse_unbidden();
        }
        if self.phase == Phase::Closed {
            self.more = false;
            return bytes.len();
        }
        let mut taken = 0;
        while taken < bytes.len() && self.is_reading(now) {
            self.clock.touch(now);
            taken += self.read(now, &bytes[taken..]);
            self.leave_if_asked();
        }
        if self.phase == Phase::Closed {
            taken = bytes.len();
        }
        self.more = taken < bytes.len();
        self.at_boundary();
        taken
    }

    /// The client has closed its side, and all that came before was taken. Replies may still reach it.
    pub fn handle_eof(&mut self, now: Instant) {
        self.clock.touch(now);
        self.eof = true;
        self.more = false;
        self.at_boundary();
    }

    /// The instant of [`Self::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.blocked.is_some_and(|until| until <= now) {
            self.blocked = None;
            self.clock.touch(now);
        }
        if self.question.is_some() || self.blocked.is_some() || self.phase == Phase::Closed {
            return;
        }
        match self.clock.expired(now) {
            Some(Expired::Silent) => self.close_with(replies::TIMED_OUT, CloseReason::TimedOut),
            Some(Expired::Slow) => self.close_with(replies::TOO_SLOW, CloseReason::TimedOut),
            None => {}
        }
    }

    /// Ends the session with this reply (421) at the next boundary between commands, at once where it is idle. A
    /// message that is on its way is taken and answered first.
    pub fn shut_down(&mut self, reply: Reply) {
        self.farewell = Some(reply);
        self.at_boundary();
    }

    /// The handshake is done. The client has to start over: nothing it said before counts (RFC 3207 §4.2).
    pub fn tls_started(&mut self, now: Instant, tls: TlsFacts) {
        self.clock.touch(now);
        self.tls = Some(tls);
        self.phase = Phase::Greeted;
        self.extended = false;
        self.logged_in = false;
        self.line = LineBuffer::default();
        self.more = false;
        self.at_boundary();
    }

    /// The next group of replies. There is none while more is to be added to it: while a question is open, or octets
    /// of the last input are not taken yet.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let complete = self.phase == Phase::Closed || !self.more && self.question.is_none();
        self.output.take(complete)
    }

    /// What the driver is to do.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while the driver is asked.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            _ if self.question.is_some() => None,
            _ => Some(self.blocked.unwrap_or_else(|| self.clock.deadline())),
        }
    }

    /// Whether the connection is to be closed: nothing is read any more, and all is written that was to be.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed && self.output.is_empty()
    }

    /// Errors the client made so far.
    pub fn errors(&self) -> u32 {
        self.tally.errors()
    }

    /// Whether octets can be taken now.
    fn is_reading(&self, now: Instant) -> bool {
        let greeted = !matches!(self.phase, Phase::Connected | Phase::Handshake | Phase::Closed);
        let blocked = self.blocked.is_some_and(|until| now < until);
        greeted && !blocked && self.question.is_none() && !self.output.is_full()
    }

    /// Takes at least one octet.
    fn read(&mut self, now: Instant, input: &[u8]) -> usize {
        self.blocked = None;
        match std::mem::replace(&mut self.reading, Reading::Commands) {
            Reading::Commands | Reading::Auth(_) if self.is_binary_noise(input) => {
                self.close_with(replies::NOT_SMTP, CloseReason::NotSmtp);
                input.len()
            }
            Reading::Commands => {
                let (taken, line) = self.line.cut(input);
                self.command_line(now, line, taken < input.len());
                taken
            }
            Reading::Auth(login) => {
                let (taken, line) = self.line.cut(input);
                self.auth_line(now, *login, line);
                taken
            }
            Reading::Data(reader) => self.data(now, reader, input),
            Reading::Chunk => self.chunk(now, input),
            Reading::Drain(drain) => self.drain(now, drain, input),
        }
    }

    /// Octets that nobody asked for: before the greeting, and between STARTTLS and the handshake.
    fn refuse_unbidden(&mut self) {
        let stranger = self.profile.protocol == Protocol::Smtp && !self.profile.known_peer;
        match self.phase {
            Phase::Connected if stranger => self.close_with(replies::EARLY_TALKER, CloseReason::EarlyTalker),
            Phase::Handshake => self.close_with(replies::PIPELINED_STARTTLS, CloseReason::Injection),
            _ => {}
        }
    }

    /// A TLS record, a PROXY header of version 2 or noise: the first octet of a session is a letter, else it is not
    /// worth waiting for the end of a line.
    fn is_binary_noise(&mut self, input: &[u8]) -> bool {
        let first = !std::mem::replace(&mut self.spoken, true);
        first && !input[0].is_ascii_alphabetic()
    }

    /// Between two commands: the place to end a session that is to end.
    pub(super) fn at_boundary(&mut self) {
        self.leave_if_asked();
        if self.eof && !self.more && self.question.is_none() {
            self.close(CloseReason::Lost);
        }
    }

    /// The driver wants the session to end, and nothing is half done.
    fn leave_if_asked(&mut self) {
        let between = matches!(self.reading, Reading::Commands | Reading::Auth(_)) && self.line.is_empty();
        let free = between && self.question.is_none() && self.phase != Phase::Closed;
        if free {
            self.leave(CloseReason::ShutDown);
        }
    }

    /// Ends the session with the driver's last word, where there is one.
    fn leave(&mut self, reason: CloseReason) {
        if let Some(reply) = self.farewell.take() {
            self.output.reply(&reply, false);
            self.close(reason);
        }
    }

    /// The time of day.
    pub(super) fn wall(&self, now: Instant) -> Timestamp {
        let (began, wall) = self.began;
        wall.checked_add(now.saturating_duration_since(began)).unwrap_or(Timestamp::MAX)
    }

    /// Answers what is no error.
    pub(super) fn reply(&mut self, fixed: Fixed) {
        self.output.fixed(fixed);
    }

    /// Answers what is an error of the client.
    pub(super) fn error(&mut self, now: Instant, fixed: Fixed) {
        let consequence = self.tally.error();
        self.error_with(now, &fixed.into(), consequence);
    }

    /// Answers an error whose consequence is known.
    pub(super) fn error_with(&mut self, now: Instant, reply: &Reply, consequence: Consequence) {
        match consequence {
            Consequence::End => self.close_with(replies::TOO_MANY_ERRORS, CloseReason::Errors),
            Consequence::Delay(delay) => {
                let smtputf8 = self.transaction.as_ref().is_some_and(Transaction::is_smtputf8);
                self.output.reply(reply, smtputf8);
                if !delay.is_zero() {
                    self.delay_until(now + delay);
                }
            }
        }
    }

    /// Neither writes what is waiting nor reads on before this instant.
    pub(super) fn delay_until(&mut self, instant: Instant) {
        self.output.delay_until(instant);
        self.blocked = Some(instant);
    }

    /// Says a last word and ends the session.
    pub(super) fn close_with(&mut self, fixed: Fixed, reason: CloseReason) {
        self.output.fixed(fixed);
        self.close(reason);
    }

    /// Ends the session. A transaction that is not stored is given up.
    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.phase == Phase::Closed {
            return;
        }
        self.abort_transaction();
        self.question = None;
        self.reading = Reading::Commands;
        self.phase = Phase::Closed;
        self.output.flush();
        self.events.push_back(Event::Closed { reason });
    }
}
