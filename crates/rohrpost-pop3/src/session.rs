//! The state of a session and the calls of its driver. What commands do is in the modules below this one.

mod log_in;
mod mail;

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use rohrpost_sasl::server::TlsFacts;

use self::{
    log_in::LogIn,
    mail::{Listing, Sending},
};
use crate::{
    command::{Command, Fault},
    event::{CloseReason, Event, Transmit},
    limits::{AUTHORIZATION_TIMEOUT, ERROR_DELAY, ERRORS_MAX, ERRORS_UNTIL_DELAY, TRANSACTION_TIMEOUT},
    line::{Line, LineBuffer},
    maildrop::Maildrop,
    output::Output,
    profile::{LogInRule, Profile},
    response::{self, Negative},
};

/// How far the dialogue has come (RFC 1939 §3).
///
/// ```text
///            greet                 PASS, AUTH                QUIT with something deleted
///  Connected ────► Authorization ──────────────► Transaction ───────────────────────────► Update
///                   │ STLS  ▲  │                     │                                       │
///                   ▼       │  │ QUIT                │ QUIT                           removed │
///                  Handshake   └──────────────────┐  │  ┌────────────────────────────────────┘
///                   handshake                     ▼  ▼  ▼
///  any ──lost, timed out, too many errors──────►  Closed
/// ```
///
/// Only the way over Update removes messages. A connection that is lost before has changed nothing.
#[derive(Debug)]
enum State {
    /// The greeting is not written yet.
    Connected,
    /// The client has to say who it is, and may have said its name.
    Authorization { user: Option<Vec<u8>> },
    /// STLS was accepted, TLS has not begun.
    Handshake,
    /// The client reads its messages.
    Transaction(Maildrop),
    /// The client has said QUIT, and messages are being removed.
    Update,
    /// Nothing more is read.
    Closed,
}

/// What the driver was asked. No input is taken before it answers.
#[derive(Debug)]
enum Question {
    Password(Box<LogIn>),
    ScramKeys(Box<LogIn>),
    Maildrop,
    Message(Sending),
    Removal,
}

/// One session. How it is driven: see the [crate].
#[derive(Debug)]
pub struct Session {
    profile: Arc<Profile>,
    tls: Option<TlsFacts>,
    state: State,
    /// There while lines are responses of AUTH rather than commands.
    log_in: Option<Box<LogIn>>,
    question: Option<Question>,
    /// What is left of a list that is too long to be written at once.
    listing: Option<Listing>,
    line: LineBuffer,
    output: Output,
    events: VecDeque<Event>,
    errors: u32,
    auth_failures: u32,
    /// Whether a line was executed; the first one may be no POP3 at all.
    spoken: bool,
    /// Whether the last input was not taken whole.
    more: bool,
    /// Whether the client has closed its side.
    eof: bool,
    begun: Instant,
    /// When the client last sent something, or was last answered.
    last: Instant,
    /// Nothing is read before this instant.
    blocked: Option<Instant>,
    /// What is said at the next boundary between commands instead of going on.
    farewell: Option<Negative>,
}

impl Session {
    /// A client has connected. `tls` is there where TLS was the first thing it did. Nothing is written before
    /// [`Self::greet`].
    pub fn new(profile: Arc<Profile>, tls: Option<TlsFacts>, now: Instant) -> Self {
        Self {
            profile,
            tls,
            state: State::Connected,
            log_in: None,
            question: None,
            listing: None,
            line: LineBuffer::default(),
            output: Output::default(),
            events: VecDeque::new(),
            errors: 0,
            auth_failures: 0,
            spoken: false,
            more: false,
            eof: false,
            begun: now,
            last: now,
            blocked: None,
            farewell: None,
        }
    }

    /// Gives the session a name that stands behind each refusal: `-ERR No such message (a7)`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.output.set_id(id.into());
        self
    }

    /// Greets the client. Input is taken from now on.
    pub fn greet(&mut self, now: Instant) {
        if !matches!(self.state, State::Connected) {
            return;
        }
        self.last = now;
        self.state = State::Authorization { user: None };
        let Profile { host_name, software, .. } = &*self.profile;
        self.output.ok(format_args!("{host_name} {software} POP3"));
        self.output.flush();
    }

    /// Says no instead of a greeting, or later at any time, and ends the session.
    pub fn refuse_connection(&mut self, negative: &Negative) {
        self.close_with(negative, CloseReason::Refused);
    }

    /// Takes octets of the client and says how many. It takes none while a question is open, a response waits for its
    /// time, or too much waits to be written. What is not taken is to be handed in again.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> usize {
        if !bytes.is_empty() && matches!(self.state, State::Handshake) {
            self.close_with(&response::PIPELINED_STLS, CloseReason::Injection);
        }
        self.go_on_listing();
        let mut taken = 0;
        while taken < bytes.len() && self.is_reading(now) {
            self.last = now;
            self.blocked = None;
            let (octets, line) = self.line.cut(&bytes[taken..]);
            taken += octets;
            self.handle_line(now, line, taken < bytes.len());
            self.leave_if_asked();
        }
        if self.is_over() {
            taken = bytes.len();
        }
        self.more = taken < bytes.len();
        self.at_boundary();
        taken
    }

    /// The client has closed its side, and all that came before was taken. Responses may still reach it.
    pub fn handle_eof(&mut self, now: Instant) {
        self.last = now;
        self.eof = true;
        self.more = false;
        self.at_boundary();
    }

    /// The instant of [`Self::poll_timeout`] has come. RFC 1939 §3: a client that was silent for too long hears
    /// nothing, and nothing is removed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.blocked.is_some_and(|until| until <= now) {
            self.blocked = None;
            self.last = now;
        }
        if self.poll_timeout().is_some_and(|deadline| deadline <= now) {
            self.close(CloseReason::TimedOut);
        }
    }

    /// Ends the session with this response at the next boundary between commands, at once where it is idle.
    pub fn shut_down(&mut self, negative: Negative) {
        self.farewell = Some(negative);
        self.at_boundary();
    }

    /// The handshake is done. Nothing the client said before counts (RFC 2595 §2.1).
    pub fn tls_started(&mut self, now: Instant, tls: TlsFacts) {
        self.last = now;
        self.tls = Some(tls);
        self.state = State::Authorization { user: None };
        self.line = LineBuffer::default();
        self.more = false;
        self.at_boundary();
    }

    /// The next octets to be written. There are none while more is to be added to them: while a question is open, or
    /// octets of the last input are not taken yet.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let complete = self.is_over() || !self.more && self.question.is_none() && self.listing.is_none();
        self.output.take(complete)
    }

    /// What the driver is to do.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while the driver is asked.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadline = match self.state {
            State::Closed => return None,
            _ if self.question.is_some() => return None,
            State::Transaction(_) | State::Update => self.last + TRANSACTION_TIMEOUT,
            State::Connected | State::Authorization { .. } | State::Handshake => self.begun + AUTHORIZATION_TIMEOUT,
        };
        Some(self.blocked.unwrap_or(deadline))
    }

    /// Whether the connection is to be closed: nothing is read any more, and all is written that was to be.
    pub fn is_closed(&self) -> bool {
        self.is_over() && self.output.is_empty()
    }

    /// Errors the client made so far.
    pub fn errors(&self) -> u32 {
        self.errors
    }

    fn is_over(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Whether octets can be taken now.
    fn is_reading(&self, now: Instant) -> bool {
        let talking = matches!(self.state, State::Authorization { .. } | State::Transaction(_));
        let blocked = self.blocked.is_some_and(|until| now < until);
        talking && !blocked && self.question.is_none() && self.listing.is_none() && !self.output.is_full()
    }

    /// `more` says whether octets follow the line in the same input.
    fn handle_line(&mut self, now: Instant, line: Line<'_>, more: bool) {
        match (line, self.log_in.take()) {
            (Line::Partial, log_in) => self.log_in = log_in,
            (Line::Whole(line), Some(log_in)) => self.auth_line(now, log_in, &line),
            (Line::Whole(line), None) => self.execute(now, &line, more),
            (Line::TooLong, _) => self.close_with(&response::LINE_TOO_LONG, CloseReason::Errors),
            (Line::BareNewline, _) => self.close_with(&response::BARE_NEWLINE, CloseReason::BareNewline),
        }
    }

    fn execute(&mut self, now: Instant, line: &[u8], more: bool) {
        // A TLS record or noise: the first octet of a session is a letter.
        let is_noise = !std::mem::replace(&mut self.spoken, true) && !line.first().is_some_and(u8::is_ascii_alphabetic);
        match Command::parse(line) {
            _ if is_noise => self.close_with(&response::NOT_POP3, CloseReason::NotPop3),
            Ok(command) => self.dispatch(now, command, more),
            Err(Fault::NotPop3) => self.close_with(&response::NOT_POP3, CloseReason::NotPop3),
            Err(Fault::Unknown) => self.error(now, &response::UNKNOWN_COMMAND),
            Err(Fault::Arguments) => self.error(now, &response::ARGUMENTS),
            Err(Fault::Nul) => self.error(now, &response::NUL),
        }
    }

    /// The table. What it does not name comes at the wrong time.
    fn dispatch(&mut self, now: Instant, command: Command<'_>, more: bool) {
        use State::{Authorization, Transaction};
        match (&mut self.state, command) {
            (_, Command::Quit) => self.quit(),
            (_, Command::Capa) => self.capa(),
            (Authorization { .. }, Command::Stls) => self.stls(now, more),
            (Authorization { .. }, Command::Utf8) => self.output.ok(format_args!("UTF-8 is read and written")),
            (Authorization { .. }, Command::User(name)) => self.user(now, name),
            (Authorization { .. }, Command::Pass(password)) => self.pass(now, password),
            (Authorization { .. }, Command::AuthList) => self.auth_list(now),
            (Authorization { .. }, Command::Auth { mechanism, initial }) => self.auth(now, mechanism, initial),
            (Authorization { .. }, _) => self.error(now, &response::LOG_IN_FIRST),
            (Transaction(maildrop), Command::Stat) => {
                let (count, octets) = maildrop.stat();
                self.output.ok(format_args!("{count} {octets}"));
            }
            (Transaction(_), Command::List(message)) => self.list(now, mail::Column::Octets, message),
            (Transaction(_), Command::Uidl(message)) => self.list(now, mail::Column::UniqueId, message),
            (Transaction(_), Command::Retr(message)) => self.ask_message(now, message, None),
            (Transaction(_), Command::Top { message, lines }) => self.ask_message(now, message, Some(lines)),
            (Transaction(_), Command::Dele(message)) => self.dele(now, message),
            (Transaction(maildrop), Command::Rset) => {
                maildrop.reset();
                self.output.ok(format_args!("Nothing is deleted"));
            }
            (Transaction(_), Command::Noop) => self.output.ok(format_args!("OK")),
            (_, _) => self.error(now, &response::LOGGED_IN_ALREADY),
        }
    }

    /// RFC 2449 §5. What belongs to the log-in is listed only before it.
    fn capa(&mut self) {
        self.output.ok(format_args!("Capabilities"));
        if matches!(self.state, State::Authorization { .. }) {
            self.log_in_capabilities();
        }
        let software = format!("IMPLEMENTATION {}", self.profile.software);
        let always: [&str; 9] =
            ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "UTF8 USER", "EXPIRE NEVER", &software, "."];
        for line in always {
            self.output.line(format_args!("{line}"));
        }
    }

    fn log_in_capabilities(&mut self) {
        let rule = self.profile.log_in_rule(self.tls.is_some());
        let mechanisms: Vec<&str> = self.mechanisms().map(rohrpost_sasl::Mechanism::as_str).collect();
        if rule == LogInRule::Open {
            if self.offers_user() {
                self.output.line(format_args!("USER"));
            }
            self.output.line(format_args!("SASL {}", mechanisms.join(" ")));
        }
        if self.tls.is_none() && self.profile.offers_stls() {
            self.output.line(format_args!("STLS"));
        }
    }

    /// RFC 2595 §4. What follows the command in the same input was written before TLS, perhaps by somebody else, to be
    /// read after it.
    fn stls(&mut self, now: Instant, more: bool) {
        if self.tls.is_some() {
            return self.error(now, &response::TLS_IS_ON);
        }
        if !self.profile.offers_stls() {
            return self.error(now, &response::NO_TLS);
        }
        if more {
            return self.close_with(&response::PIPELINED_STLS, CloseReason::Injection);
        }
        self.state = State::Handshake;
        self.output.ok(format_args!("Begin TLS"));
        self.output.flush();
        self.events.push_back(Event::StartTls);
    }

    /// RFC 1939 §6: only here does what is deleted go.
    fn quit(&mut self) {
        let uids = match &self.state {
            State::Transaction(maildrop) => maildrop.deleted(),
            _ => Vec::new(),
        };
        if uids.is_empty() {
            return self.bye();
        }
        self.state = State::Update;
        self.question = Some(Question::Removal);
        self.events.push_back(Event::Remove { uids });
    }

    fn bye(&mut self) {
        self.output.ok(format_args!("Bye"));
        self.close(CloseReason::Quit);
    }

    /// Between two commands: the place to end a session that is to end.
    fn at_boundary(&mut self) {
        self.leave_if_asked();
        if self.eof && !self.more && self.question.is_none() && self.listing.is_none() {
            self.close(CloseReason::Lost);
        }
    }

    /// The driver wants the session to end, and nothing is half done.
    fn leave_if_asked(&mut self) {
        let free = self.line.is_empty() && self.question.is_none() && self.listing.is_none() && !self.is_over();
        if free && let Some(negative) = self.farewell.take() {
            self.close_with(&negative, CloseReason::ShutDown);
        }
    }

    /// Answers what is an error of the client. From some on each takes longer; at last the session ends.
    fn error(&mut self, now: Instant, negative: &Negative) {
        self.errors += 1;
        if self.errors >= ERRORS_MAX {
            return self.close_with(&response::TOO_MANY_ERRORS, CloseReason::Errors);
        }
        self.output.negative(negative);
        let delay = ERROR_DELAY * (self.errors + 1).saturating_sub(ERRORS_UNTIL_DELAY);
        if delay > Duration::ZERO {
            self.delay_until(now + delay);
        }
    }

    /// Neither writes what is waiting nor reads on before this instant.
    fn delay_until(&mut self, instant: Instant) {
        self.output.delay_until(instant);
        self.blocked = Some(instant);
    }

    /// Says a last word and ends the session.
    fn close_with(&mut self, negative: &Negative, reason: CloseReason) {
        if !self.is_over() {
            self.output.negative(negative);
        }
        self.close(reason);
    }

    /// Ends the session. What was deleted and not removed yet stays.
    fn close(&mut self, reason: CloseReason) {
        if self.is_over() {
            return;
        }
        self.state = State::Closed;
        self.question = None;
        self.listing = None;
        self.log_in = None;
        self.output.flush();
        self.events.push_back(Event::Closed { reason });
    }
}
