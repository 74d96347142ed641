//! The dialogue as a whole.
//!
//! ```text
//!  Greeting ─▶ Ehlo ─┬─▶ Ready ◀──▶ Transaction
//!               ▲  │ ├─▶ Helo ─▶ Ready  (EHLO refused, clear text allowed)
//!               │  ▼ │     ▲ ▼
//!    Handshake ◀─ Starttls  Auth                 any state ─▶ Closed
//! ```

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rohrpost_mail::{Envelope, Host, Recipient, Reply, Severity, Stage};
use rohrpost_sasl::{Mechanism, client::Exchange};

use super::{
    auth::{Dialogue, Verdict},
    capabilities::Capabilities,
    error::{Extension, Outcome, SessionError},
    output::Output,
    timeouts::Timeouts,
    timer::Timer,
    transaction::{Ground, Message, Progress, Purpose, Transaction},
};
use crate::reply::Parser;

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// RFC 5321
    #[default]
    Smtp,
    /// RFC 2033: LHLO, and a reply for each recipient after the dot.
    Lmtp,
}

/// What is to be done about STARTTLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Starttls {
    /// Not used, even if it is offered.
    Never,
    /// Used where it is offered. A server that offers it and then refuses ends the dialogue all the same: going on in
    /// clear text would reward whoever stands in between.
    #[default]
    IfOffered,
    /// Nothing goes on without it.
    Required,
}

/// What a session is told about its task.
#[derive(Clone, Debug)]
pub struct Settings {
    /// SMTP or LMTP.
    pub protocol: Protocol,
    /// What we call ourselves.
    pub ehlo_name: Host,
    /// STARTTLS, unless the session runs inside TLS from the start.
    pub starttls: Starttls,
    /// The session runs inside TLS from the start.
    pub in_tls: bool,
    /// Whether HELO may follow a refused EHLO (RFC 5321 §3.2). Only where clear text without log-in is allowed.
    pub helo: bool,
    /// Limits per stage.
    pub timeouts: Timeouts,
}

impl Settings {
    /// SMTP, STARTTLS where it is offered, no HELO, the usual timeouts.
    pub fn new(ehlo_name: Host) -> Self {
        let (protocol, starttls) = (Protocol::default(), Starttls::default());
        Self { protocol, ehlo_name, starttls, in_tls: false, helo: false, timeouts: Timeouts::default() }
    }
}

/// What the driver has to act on.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Do the handshake now, without reading or writing anything before it; then call [`Session::tls_started`].
    StartTls,
    /// EHLO is answered, inside TLS where that was asked for: log in or send.
    Ready,
    /// AUTH succeeded.
    Authenticated,
    /// AUTH was refused; another mechanism may be tried.
    AuthRefused(Reply),
    /// The transaction is over: the outcome of each recipient. The connection may be gone ([`Session::is_closed`]).
    Sent(Vec<Outcome>),
    /// The connection is of no use any more, outside of a transaction.
    Failed(SessionError),
}

#[derive(Debug)]
enum State {
    Greeting,
    Ehlo,
    Helo,
    Starttls,
    Handshake,
    Ready,
    Auth(Box<Dialogue>),
    Transaction(Box<Transaction>),
    Quit,
    Closed,
}

/// One dialogue. See the [module](super) for how to drive it.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    state: State,
    parser: Parser,
    output: Output,
    events: VecDeque<Event>,
    timer: Timer,
    greeting: Option<Reply>,
    capabilities: Capabilities,
    helo_used: bool,
    /// The last transaction was left open: the next one begins with RSET.
    reset: bool,
}

impl Session {
    /// A session that waits for the greeting, on a link that is open (and inside TLS, where `settings` say so).
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self {
            settings,
            state: State::Greeting,
            parser: Parser::default(),
            output: Output::default(),
            events: VecDeque::new(),
            timer: Timer::new(now),
            greeting: None,
            capabilities: Capabilities::default(),
            helo_used: false,
            reset: false,
        }
    }

    /// Takes what was read, in any portions.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) {
        if self.is_closed() {
            return;
        }
        self.parser.push(bytes);
        loop {
            match self.parser.next_reply() {
                Ok(Some(reply)) => self.on_reply(now, reply),
                Ok(None) => return,
                Err(fault) => return self.fail(SessionError::Malformed { stage: self.stage(), fault }),
            }
            if self.is_closed() {
                return;
            }
        }
    }

    /// Takes note that the first `count` octets of [`Session::transmit`] are written.
    pub fn handle_written(&mut self, now: Instant, count: usize) {
        self.output.advance(count);
        let State::Transaction(transaction) = &self.state else { return };
        if !transaction.in_body() {
            return;
        }
        if !self.output.waiting().is_empty() {
            return self.timer.body_taken(now, count);
        }
        self.timer.progress(now);
        if transaction.body_ended() {
            self.timer.stop_total();
        }
    }

    /// The peer closed the connection, or it broke.
    pub fn handle_eof(&mut self) {
        match self.state {
            State::Quit => self.close(),
            State::Closed => {}
            _ => self.fail(SessionError::Lost { stage: self.stage() }),
        }
    }

    /// To be called at [`Session::poll_timeout`] or later; earlier calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.deadline() {
            Some((deadline, limit)) if deadline <= now => {
                self.fail(SessionError::TimedOut { stage: self.stage(), limit });
            }
            _ => {}
        }
    }

    /// The handshake after [`Event::StartTls`] is done. RFC 3207 §4.2: all that EHLO said is forgotten.
    pub fn tls_started(&mut self, now: Instant) {
        self.settings.in_tls = true;
        self.parser = Parser::default();
        self.timer.progress(now);
        self.hello();
    }

    /// Logs in. Whether this link may carry the credentials is the driver's knowledge.
    ///
    /// # Panics
    /// Outside of the time between [`Event::Ready`] (or [`Event::AuthRefused`]) and the first transaction.
    pub fn authenticate(&mut self, now: Instant, mechanism: Mechanism, exchange: Exchange) {
        assert!(self.is_ready(), "AUTH comes between two other dialogues");
        self.timer.progress(now);
        self.state = State::Auth(Box::new(Dialogue::start(mechanism, exchange, &mut self.output)));
    }

    /// Starts a transaction; [`Event::Sent`] ends it.
    ///
    /// # Panics
    /// Unless [`Session::is_ready`].
    pub fn send(&mut self, now: Instant, message: &Message<'_>) {
        self.transact(now, message, Purpose::Send);
    }

    /// Asks whether the server would take mail for a recipient, without sending any: a transaction with a null path
    /// that ends before DATA. [`Event::Sent`] has the one outcome.
    ///
    /// # Panics
    /// Unless [`Session::is_ready`].
    pub fn probe(&mut self, now: Instant, recipient: &Recipient) {
        let (envelope, recipients) = (Envelope::default(), std::slice::from_ref(recipient));
        self.transact(now, &Message { envelope: &envelope, recipients, octets: 0, utf8_header: false }, Purpose::Probe);
    }

    /// Whether [`Session::body`] or [`Session::end_body`] should be called now.
    pub fn wants_body(&self) -> bool {
        matches!(&self.state, State::Transaction(transaction) if transaction.wants_body(&self.output))
    }

    /// Hands over the next octets of the message, in any portions; line ends are put right, dots stuffed.
    pub fn body(&mut self, now: Instant, bytes: &[u8]) {
        let State::Transaction(transaction) = &mut self.state else { return };
        if self.output.waiting().is_empty() {
            self.timer.progress(now);
        }
        transaction.body(bytes, &mut self.output);
    }

    /// The message is handed over completely.
    pub fn end_body(&mut self, now: Instant) {
        let State::Transaction(transaction) = &mut self.state else { return };
        if self.output.waiting().is_empty() {
            self.timer.progress(now);
        }
        transaction.end_body(&mut self.output);
    }

    /// The message cannot be read to its end: the connection is given up, so that no half of it is taken for the whole.
    pub fn abort_body(&mut self) {
        self.fail(SessionError::BodyUnreadable);
    }

    /// Says goodbye. The reply need not be waited for: some servers delay it.
    pub fn quit(&mut self, now: Instant) {
        if self.is_ready() {
            self.timer.progress(now);
            self.output.line("QUIT");
            self.state = State::Quit;
        }
    }

    /// Octets to be written, commands of one flight together.
    pub fn transmit(&self) -> &[u8] {
        self.output.waiting()
    }

    /// The next thing to act on.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Session::handle_timeout`] is to be called. `None` while it is the driver's turn.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline().map(|(deadline, _)| deadline)
    }

    /// What the greeting said.
    pub fn greeting(&self) -> Option<&Reply> {
        self.greeting.as_ref()
    }

    /// What the last EHLO said.
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Whether EHLO was refused, so that HELO had to do.
    pub fn helo_used(&self) -> bool {
        self.helo_used
    }

    /// Whether a transaction, AUTH or QUIT may begin.
    pub fn is_ready(&self) -> bool {
        matches!(self.state, State::Ready)
    }

    /// Whether the connection is of no use any more.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// Where the dialogue stands.
    pub fn stage(&self) -> Stage {
        match &self.state {
            State::Greeting => Stage::Greeting,
            State::Ehlo | State::Helo => Stage::Ehlo,
            State::Starttls => Stage::Starttls,
            State::Handshake => Stage::Tls,
            State::Auth(_) => Stage::Auth,
            State::Ready | State::Quit | State::Closed => Stage::Mail,
            State::Transaction(transaction) => match transaction.awaited() {
                // While octets of the body wait here, the server cannot have seen its end.
                Some(_) if transaction.in_body() && !self.output.waiting().is_empty() => Stage::Data,
                Some(stage) => stage,
                None => Stage::Data,
            },
        }
    }

    fn transact(&mut self, now: Instant, message: &Message<'_>, purpose: Purpose) {
        assert!(self.is_ready(), "one transaction at a time");
        let (protocol, in_tls) = (self.settings.protocol, self.settings.in_tls);
        let ground = Ground { capabilities: &self.capabilities, protocol, in_tls, reset: self.reset };
        self.timer.begin(now);
        let (transaction, progress) = Transaction::start(message, purpose, &ground, &mut self.output);
        self.state = State::Transaction(Box::new(transaction));
        self.after(progress);
    }

    fn on_reply(&mut self, now: Instant, reply: Reply) {
        self.timer.progress(now);
        match &mut self.state {
            State::Transaction(transaction) => {
                let progress = transaction.on_reply(reply, &mut self.output);
                self.after(progress);
            }
            State::Quit => self.close(),
            State::Handshake | State::Closed => {}
            _ if reply.code == 421 => self.fail(SessionError::Closing { stage: self.stage(), reply }),
            State::Auth(dialogue) => match dialogue.on_reply(reply, &mut self.output) {
                Ok(Verdict::Continues) => {}
                Ok(Verdict::Done) => self.ready(Event::Authenticated),
                Ok(Verdict::Refused(reply)) => self.ready(Event::AuthRefused(reply)),
                Err(error) => self.fail(error),
            },
            State::Greeting => self.on_greeting(reply),
            State::Ehlo => self.on_ehlo(&reply),
            State::Helo => self.on_helo(reply),
            State::Starttls => self.on_starttls(reply),
            State::Ready => self.fail(SessionError::Unexpected { stage: Stage::Mail, reply }),
        }
    }

    fn on_greeting(&mut self, reply: Reply) {
        if !reply.is_positive() {
            return self.fail(refusal(Stage::Greeting, reply));
        }
        self.greeting = Some(reply);
        self.hello();
    }

    fn on_ehlo(&mut self, reply: &Reply) {
        if reply.is_permanent() && self.settings.helo && self.settings.protocol == Protocol::Smtp {
            self.output.line(&format!("HELO {}", self.settings.ehlo_name));
            self.state = State::Helo;
            return;
        }
        if !reply.is_positive() {
            return self.fail(refusal(Stage::Ehlo, reply.clone()));
        }
        self.capabilities = Capabilities::from_ehlo(reply);
        match self.settings.starttls {
            Starttls::IfOffered | Starttls::Required if !self.settings.in_tls && self.capabilities.starttls => {
                self.output.line("STARTTLS");
                self.state = State::Starttls;
            }
            Starttls::Required if !self.settings.in_tls => self.fail(SessionError::NotOffered(Extension::Starttls)),
            _ => self.ready(Event::Ready),
        }
    }

    fn on_helo(&mut self, reply: Reply) {
        if !reply.is_positive() {
            return self.fail(refusal(Stage::Ehlo, reply));
        }
        self.helo_used = true;
        self.ready(Event::Ready);
    }

    /// RFC 3207 §4: 220 and nothing but 220. What came with it came from somebody who cannot know what TLS will say.
    fn on_starttls(&mut self, reply: Reply) {
        if reply.code != 220 {
            return self.fail(refusal(Stage::Starttls, reply));
        }
        if self.parser.unread() > 0 {
            return self.fail(SessionError::Injected);
        }
        self.capabilities = Capabilities::default();
        self.state = State::Handshake;
        self.events.push_back(Event::StartTls);
    }

    fn hello(&mut self) {
        let verb = if self.settings.protocol == Protocol::Lmtp { "LHLO" } else { "EHLO" };
        self.output.line(&format!("{verb} {}", self.settings.ehlo_name));
        self.capabilities = Capabilities::default();
        self.state = State::Ehlo;
    }

    fn ready(&mut self, event: Event) {
        self.state = State::Ready;
        self.events.push_back(event);
    }

    fn after(&mut self, progress: Progress) {
        if progress == Progress::Going {
            return;
        }
        let state = if progress == Progress::Done { State::Ready } else { State::Closed };
        if let State::Transaction(transaction) = std::mem::replace(&mut self.state, state) {
            let (outcomes, reset) = transaction.finish();
            self.reset = reset;
            self.timer.stop_total();
            self.output.release();
            self.events.push_back(Event::Sent(outcomes));
        }
        if self.is_closed() {
            self.output.clear();
        }
    }

    fn fail(&mut self, error: SessionError) {
        let unwritten = !self.output.waiting().is_empty();
        if let State::Transaction(transaction) = &mut self.state {
            transaction.fail(&error, unwritten);
            return self.after(Progress::Broken);
        }
        self.close();
        // Whoever acted on what came before in the same segment would act on a connection that is gone.
        self.events.retain(|event| matches!(event, Event::Sent(_)));
        self.events.push_back(Event::Failed(error));
    }

    fn close(&mut self) {
        self.state = State::Closed;
        self.output.clear();
    }

    fn deadline(&self) -> Option<(Instant, Duration)> {
        self.timer.deadline(self.limit(), self.settings.timeouts.total)
    }

    /// How long the peer may take for what it owes; nothing while it is our turn.
    fn limit(&self) -> Option<Duration> {
        let timeouts = &self.settings.timeouts;
        match &self.state {
            State::Ready | State::Handshake | State::Closed => None,
            State::Quit => Some(timeouts.rset),
            State::Transaction(transaction) if transaction.awaits_reset() => Some(timeouts.rset),
            State::Transaction(transaction) if transaction.in_body() && !self.output.waiting().is_empty() => {
                Some(timeouts.block)
            }
            State::Transaction(transaction) => transaction.awaited().map(|stage| timeouts.reply(stage)),
            _ => Some(timeouts.reply(self.stage())),
        }
    }
}

/// A reply that is not the one that was hoped for: a refusal, or nothing that belongs here.
fn refusal(stage: Stage, reply: Reply) -> SessionError {
    match reply.severity() {
        Severity::Temporary | Severity::Permanent => SessionError::Refused { stage, reply },
        Severity::Positive | Severity::Intermediate => SessionError::Unexpected { stage, reply },
    }
}
