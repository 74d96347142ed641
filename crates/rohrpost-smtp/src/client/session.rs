//! The dialogue as a whole.
//!
//! ```text
//!  Greeting ─▶ Ehlo ─┬─▶ Ready ◀──▶ Transaction
//!               ▲  │ ├─▶ Helo ─▶ Ready  (EHLO refused, clear text allowed)
//!               │  ▼ │     ▲ ▼
//!    Handshake ◀─ Starttls  Auth                 any state ─▶ Closed
//! ```

mod opening;

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rohrpost_mail::{Envelope, Recipient, Reply, Stage};
use rohrpost_sasl::{Mechanism, client::Exchange};

use super::{
    auth::{Dialogue, Verdict},
    capabilities::Capabilities,
    error::{Extension, Outcome, SessionError},
    message::Message,
    output::Output,
    settings::Settings,
    timer::Timer,
    transaction::{Ground, Progress, Purpose, Transaction},
};
use crate::reply::Parser;

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
            state: State::Greeting,
            parser: Parser::default(),
            output: Output::new(settings.transcript),
            settings,
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

    /// The handshake after [`Event::StartTls`] is done. RFC 3207 §4.2: all that EHLO said is forgotten. Where the session
    /// was closed during the handshake, it stays closed.
    pub fn tls_started(&mut self, now: Instant) {
        if !matches!(self.state, State::Handshake) {
            return;
        }
        self.settings.in_tls = true;
        self.output.note(|transcript| transcript.event("TLS"));
        self.parser = Parser::default();
        self.timer.progress(now);
        self.hello();
    }

    /// Says STARTTLS on a link that was left in clear so far. [`Event::StartTls`] and then [`Event::Ready`], or
    /// [`Event::Failed`], ends it.
    ///
    /// # Panics
    /// Unless [`Session::is_ready`], and outside of TLS.
    pub fn start_tls(&mut self, now: Instant) {
        assert!(self.is_ready() && !self.settings.in_tls, "STARTTLS comes once, between two other dialogues");
        self.timer.progress(now);
        if self.capabilities.starttls {
            self.say_starttls();
        } else {
            self.fail(SessionError::NotOffered(Extension::Starttls));
        }
    }

    /// Logs in (RFC 4954). [`Event::Authenticated`], [`Event::AuthRefused`] or [`Event::Failed`] ends it. Whether this link
    /// may carry the credentials is the driver's knowledge.
    ///
    /// # Panics
    /// Outside of the time between [`Event::Ready`] (or [`Event::AuthRefused`]) and the first transaction.
    pub fn authenticate(&mut self, now: Instant, mechanism: Mechanism, exchange: Exchange) {
        assert!(self.is_ready(), "AUTH comes between two other dialogues");
        self.timer.progress(now);
        let waits = self.settings.quirks.no_initial_response;
        self.state = State::Auth(Box::new(Dialogue::start(mechanism, exchange, waits, &mut self.output)));
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
        self.hand_over(now, |transaction, output| transaction.body(bytes, output));
    }

    /// The message is handed over completely.
    pub fn end_body(&mut self, now: Instant) {
        self.hand_over(now, Transaction::end_body);
    }

    /// The message cannot be read to its end: the connection is given up, so that no half of it is taken for the whole.
    pub fn abort_body(&mut self) {
        self.fail(SessionError::BodyUnreadable);
    }

    /// Says goodbye, if nothing else is going on. The reply need not be waited for: some servers delay it.
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

    /// When [`Session::handle_timeout`] is to be called. `None` while it is the driver's turn and no limit for the whole
    /// transaction ([`Timeouts::total`](super::Timeouts::total)) runs.
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

    /// What was said so far, line by line, without secrets and message texts; empty unless
    /// [`Settings::transcript`](super::Settings::transcript). Of a long dialogue it is the end.
    pub fn transcript(&self) -> String {
        self.output.transcript.as_ref().map(ToString::to_string).unwrap_or_default()
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
            State::Transaction(transaction) => transaction.stage(&self.output),
        }
    }

    fn transact(&mut self, now: Instant, message: &Message<'_>, purpose: Purpose) {
        assert!(self.is_ready(), "one transaction at a time");
        let (protocol, in_tls) = (self.settings.protocol, self.settings.in_tls);
        let all_or_nothing = self.settings.all_or_nothing;
        let ground = Ground { capabilities: &self.capabilities, protocol, in_tls, reset: self.reset, all_or_nothing };
        self.timer.begin(now);
        let (transaction, progress) = Transaction::start(message, purpose, &ground, &mut self.output);
        self.state = State::Transaction(Box::new(transaction));
        self.after_step(progress);
    }

    fn hand_over(&mut self, now: Instant, part: impl FnOnce(&mut Transaction, &mut Output)) {
        let State::Transaction(transaction) = &mut self.state else { return };
        // Up to now the server had nothing to take, so its time for it begins here.
        if self.output.waiting().is_empty() {
            self.timer.progress(now);
        }
        part(transaction, &mut self.output);
    }

    fn on_reply(&mut self, now: Instant, reply: Reply) {
        self.timer.progress(now);
        let reply = if let State::Auth(dialogue) = &self.state { dialogue.scrub(reply) } else { reply };
        self.output.note(|transcript| transcript.server(&reply));
        match &mut self.state {
            State::Transaction(transaction) => {
                let progress = transaction.on_reply(reply, &mut self.output);
                self.after_step(progress);
            }
            State::Quit => self.close(),
            State::Handshake | State::Closed => {}
            _ if reply.code == 421 => self.fail(SessionError::Closing { stage: self.stage(), reply }),
            State::Auth(dialogue) => {
                let verdict = dialogue.on_reply(reply, &mut self.output);
                self.after_auth(verdict);
            }
            State::Greeting => self.on_greeting(reply),
            State::Ehlo => self.on_ehlo(reply),
            State::Helo => self.on_helo(reply),
            State::Starttls => self.on_starttls(reply),
            State::Ready => self.fail(SessionError::Unexpected { stage: Stage::Mail, reply }),
        }
    }

    fn ready(&mut self, event: Event) {
        self.state = State::Ready;
        self.events.push_back(event);
    }

    fn after_auth(&mut self, verdict: Result<Verdict, SessionError>) {
        match verdict {
            Ok(Verdict::Continues) => {}
            Ok(Verdict::Done) => self.ready(Event::Authenticated),
            Ok(Verdict::Refused(reply)) => self.ready(Event::AuthRefused(reply)),
            Err(error) => self.fail(error),
        }
    }

    fn after_step(&mut self, progress: Progress) {
        let next = match progress {
            Progress::Going => return,
            Progress::Done => State::Ready,
            Progress::Broken => State::Closed,
        };
        if let State::Transaction(transaction) = std::mem::replace(&mut self.state, next) {
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
        if let State::Transaction(transaction) = &mut self.state {
            transaction.fail(error, &self.output);
            return self.after_step(Progress::Broken);
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
            State::Transaction(transaction) => transaction.limit(timeouts, &self.output),
            _ => Some(timeouts.reply(self.stage())),
        }
    }
}
