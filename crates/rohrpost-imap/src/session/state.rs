//! The state of a session and the calls of its driver. What commands do is in the modules beside this one.

use std::{borrow::Cow, collections::VecDeque, sync::Arc, time::Instant};

use jiff::Timestamp;
use rohrpost_sasl::server::TlsFacts;

use super::{
    append::Appending,
    auth::Login,
    capability,
    clock::{Clock, Pace},
    fetch::Fetching,
    list::Listing,
    output::Output,
    search::Searching,
    select::Selecting,
    store::Storing,
    tally::{Consequence, Tally},
};
use crate::{
    command::{self, Tag},
    event::{CloseReason, Event, MailboxChange, Refusal, Transmit},
    mailbox_name::MailboxName,
    profile::Profile,
    reader::Reader,
    response::{Code, Line, Status},
    view::View,
};

/// How far the dialogue has come (RFC 9051 §3).
///
/// ```text
///  Connected
///      │ greet
///      ▼              LOGIN, AUTHENTICATE                  SELECT, EXAMINE
///  NotAuthenticated ─────────────────────► Authenticated ──────────────────► Selected ─┐ SELECT,
///      ▲  │ STARTTLS                             ▲                             │   ▲   │ EXAMINE
///      │  ▼                                      └── CLOSE, UNSELECT, ─────────┘   └───┘
///   Handshake                                        a SELECT that fails
///
///  any ──LOGOUT, BYE──► Closed
/// ```
#[derive(Debug)]
pub(super) enum State {
    /// The greeting is not written yet.
    Connected,
    /// Nobody has logged in.
    NotAuthenticated,
    /// STARTTLS was accepted, TLS has not begun.
    Handshake,
    /// Logged in; no mailbox is selected.
    Authenticated,
    /// A mailbox is selected.
    Selected(Box<View>),
    /// Nothing more is read.
    Closed,
}

/// What the next octets are.
#[derive(Debug)]
pub(super) enum Reading {
    /// Commands.
    Commands,
    /// A line of AUTHENTICATE.
    Auth(Box<Login>),
    /// DONE of IDLE.
    Idle,
    /// Messages of APPEND.
    Append(Appending),
}

/// What the driver was asked. No input is taken before it answers.
#[derive(Debug)]
pub(super) enum Question {
    Password(Box<Login>),
    ScramKeys(Box<Login>),
    /// LIST, LSUB.
    Mailboxes(Box<Listing>),
    Status(command::Status),
    /// A change of the list of mailboxes.
    Change(MailboxChange),
    Select(Box<Selecting>),
    /// What a client that comes back does not know (QRESYNC).
    Resync(Box<Selecting>),
    /// What is to be told before the tagged response.
    Sync(Vec<u8>),
    /// What is to be told in IDLE.
    IdleSync,
    /// A page of FETCH.
    Fetch(Box<Fetching>),
    /// The flag `\Seen` for what FETCH shows.
    Seen(Box<Fetching>),
    /// Octets of a message that is too large for a page.
    Octets(Box<Fetching>),
    /// What has changed (FETCH with CHANGEDSINCE).
    Since(Box<Fetching>),
    /// Which messages hold the texts.
    Text(Box<Searching>),
    /// A page of SEARCH, SORT or THREAD.
    Search(Box<Searching>),
    Store(Box<Storing>),
    /// EXPUNGE or UID EXPUNGE.
    Expunge,
    /// CLOSE.
    Close,
    Copy {
        is_move: bool,
    },
    Append(Appending),
    AppendCommit,
    /// GETQUOTA, or GETQUOTAROOT of a mailbox.
    Quota(Option<MailboxName>),
}

/// The command that is being answered.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) tag: Tag,
    /// FETCH, STORE, SEARCH, SORT or THREAD by message numbers: no message may vanish meanwhile (RFC 9051 §7.5.1).
    pub(super) holds_numbers: bool,
}

/// What the client has switched on (RFC 9051 §6.3.1), by ENABLE or by using it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Enabled {
    pub(super) rev2: bool,
    /// CONDSTORE: MODSEQ is told with every change of flags (RFC 7162 §3.1).
    pub(super) condstore: bool,
    /// QRESYNC: VANISHED instead of EXPUNGE (RFC 7162 §3.2.10).
    pub(super) qresync: bool,
    /// UTF8=ACCEPT (RFC 6855).
    pub(super) utf8: bool,
}

/// One session. How it is driven: [`crate::session`].
#[derive(Debug)]
pub struct Session {
    pub(super) profile: Arc<Profile>,
    pub(super) tls: Option<TlsFacts>,
    pub(super) state: State,
    pub(super) reading: Reading,
    pub(super) reader: Reader,
    pub(super) question: Option<Question>,
    /// FETCH that waits for room in the output.
    pub(super) paused: Option<Box<Fetching>>,
    pub(super) current: Option<Current>,
    pub(super) enabled: Enabled,
    pub(super) tally: Tally,
    pub(super) clock: Clock,
    pub(super) output: Output,
    pub(super) events: VecDeque<Event>,
    id: Box<str>,
    /// Whether octets came; the first may be no IMAP at all.
    pub(super) has_spoken: bool,
    /// Whether the last input was not taken whole.
    pub(super) more: bool,
    /// Nothing is read before this instant.
    blocked: Option<Instant>,
    /// What is said at the next boundary between commands instead of going on.
    farewell: Option<(String, CloseReason)>,
    /// Whether the client has closed its side.
    eof: bool,
    /// The begin of the session on both clocks.
    began: (Instant, Timestamp),
}

impl Session {
    /// A client has connected. `tls` is there where TLS was the first thing it did. `wall` is the time of day at
    /// `now`. Nothing is written before [`Self::greet`].
    pub fn new(profile: Arc<Profile>, tls: Option<TlsFacts>, now: Instant, wall: Timestamp) -> Self {
        Self {
            tls,
            state: State::Connected,
            reading: Reading::Commands,
            reader: Reader::default(),
            question: None,
            paused: None,
            current: None,
            enabled: Enabled::default(),
            tally: Tally::default(),
            clock: Clock::new(profile.timeouts, now),
            output: Output::default(),
            events: VecDeque::new(),
            id: Box::default(),
            has_spoken: false,
            more: false,
            blocked: None,
            farewell: None,
            eof: false,
            began: (now, wall),
            profile,
        }
    }

    /// Gives the session a name that stands behind each refusal of a log-in and each last word, so that the log line
    /// can be found: `* BYE Too many errors (a7)`.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<Box<str>>) -> Self {
        self.id = id.into();
        self
    }

    /// Greets the client. Input is taken from now on.
    pub fn greet(&mut self, now: Instant) {
        if !matches!(self.state, State::Connected) {
            return;
        }
        if let Some((text, reason)) = self.farewell.take() {
            return self.close_with(&text, reason);
        }
        self.clock.touch(now);
        self.state = State::NotAuthenticated;
        let offered = capability::list(&self.profile, self.tls.as_ref(), false);
        let text = format!("{} {} ready", self.profile.host_name, self.profile.software);
        let greeting = Line::untagged(Status::Ok, text).with_code(Code::Capability(offered));
        greeting.print(self.output.buffer());
        self.output.flush();
    }

    /// Says no instead of a greeting, or later at any time, and ends the session.
    pub fn refuse_connection(&mut self, text: &str) {
        self.close_with(text, CloseReason::Refused);
    }

    /// Ends the session with this last word at the next boundary between commands, at once where it is idle. A message
    /// that is on its way is taken and answered first.
    pub fn shut_down(&mut self, text: &str) {
        self.farewell = Some((text.to_owned(), CloseReason::ShutDown));
        self.at_boundary();
    }

    /// Takes octets of the client and says how many. It takes none while a question is open, a response waits for its
    /// time, or too much waits to be written.
    pub fn handle_input(&mut self, now: Instant, bytes: &[u8]) -> usize {
        if !bytes.is_empty() && matches!(self.state, State::Handshake) {
            self.close_with("Nothing may follow STARTTLS before the handshake", CloseReason::Injection);
        }
        if self.is_over() {
            self.more = false;
            return bytes.len();
        }
        let mut taken = 0;
        while taken < bytes.len() && self.is_reading(now) {
            self.clock.touch(now);
            self.blocked = None;
            let Some(read) = self.read(now, &bytes[taken..]) else { break };
            taken += read;
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
        let waits = self.question.is_some() || self.blocked.is_some() || self.is_over();
        if !waits && now >= self.clock.deadline(self.pace()) {
            self.close_with("Autologout: nothing came for too long", CloseReason::TimedOut);
        }
    }

    /// The handshake is done. The client has to start over: nothing it said before counts (RFC 9051 §6.2.1).
    pub fn tls_started(&mut self, now: Instant, tls: TlsFacts) {
        self.clock.touch(now);
        self.tls = Some(tls);
        self.state = State::NotAuthenticated;
        self.reader = Reader::default();
        self.more = false;
        self.at_boundary();
    }

    /// The mailbox has come to this MODSEQ. The client is told when it may be: in IDLE at once, else at the end of its
    /// next command. News of other mailboxes than the selected one are passed over.
    pub fn notify(&mut self, now: Instant, mailbox: crate::event::MailboxId, modseq: u64) {
        if let State::Selected(view) = &mut self.state
            && view.mailbox == mailbox
        {
            view.notify(modseq);
            self.go_on(now);
        }
    }

    /// Somebody else deleted the mailbox. If it is the selected one, nothing more is told of it from now on: in IDLE the
    /// session ends at once, else behind the answer to its next command, unless that leaves the mailbox.
    pub fn mailbox_gone(&mut self, now: Instant, mailbox: crate::event::MailboxId) {
        if let State::Selected(view) = &mut self.state
            && view.mailbox == mailbox
        {
            view.is_gone = true;
            self.go_on(now);
        }
    }

    /// The next octets to be written. There are none while more is to be added to them: while a question is open, or
    /// octets of the last input are not taken yet.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        let complete = self.is_over() || !self.more && self.question.is_none() && self.paused.is_none();
        let transmit = self.output.take(complete)?;
        self.go_on_printing();
        Some(transmit)
    }

    /// What the driver is to do.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            self.events = VecDeque::new();
        }
        event
    }

    /// When [`Self::handle_timeout`] is to be called; `None` while the driver is asked.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waits = self.is_over() || self.question.is_some();
        (!waits).then(|| self.blocked.unwrap_or_else(|| self.clock.deadline(self.pace())))
    }

    /// Whether the connection is to be closed: nothing is read any more, and all is written that was to be.
    pub fn is_closed(&self) -> bool {
        self.is_over() && self.output.is_empty()
    }

    /// Errors the client made so far.
    pub fn errors(&self) -> u32 {
        self.tally.errors()
    }

    /// Whether octets can be taken now.
    fn is_reading(&self, now: Instant) -> bool {
        let greeted = !matches!(self.state, State::Connected | State::Handshake | State::Closed);
        let blocked = self.blocked.is_some_and(|until| now < until);
        greeted && !blocked && !self.is_busy() && !self.output.is_full()
    }

    /// Whether a command waits for the driver, or for room.
    pub(super) fn is_busy(&self) -> bool {
        self.question.is_some() || self.paused.is_some()
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    pub(super) fn is_logged_in(&self) -> bool {
        matches!(self.state, State::Authenticated | State::Selected(_))
    }

    fn pace(&self) -> Pace {
        match self.reading {
            _ if !self.is_logged_in() => Pace::LoggingIn,
            Reading::Append(_) => Pace::Within,
            _ if !self.reader.is_between_commands() => Pace::Within,
            _ => Pace::Between,
        }
    }

    /// The time of day.
    pub(super) fn wall(&self, now: Instant) -> Timestamp {
        let (began, wall) = self.began;
        wall.checked_add(now.saturating_duration_since(began)).unwrap_or(Timestamp::MAX)
    }

    /// Asks the driver.
    pub(super) fn ask(&mut self, question: Question, event: Event) {
        self.question = Some(question);
        self.events.push_back(event);
    }

    /// Between two commands: the place to end a session that is to end.
    pub(super) fn at_boundary(&mut self) {
        self.leave_if_asked();
        if self.eof && !self.more && !self.is_busy() {
            self.close(CloseReason::Lost);
        }
    }

    /// The driver wants the session to end, and nothing is half done.
    fn leave_if_asked(&mut self) {
        let between = !matches!(self.reading, Reading::Append(_)) && self.reader.is_between_commands();
        let is_free = between && !self.is_busy() && !self.is_over() && !matches!(self.state, State::Connected);
        if is_free && let Some((text, reason)) = self.farewell.take() {
            self.close_with(&text, reason);
        }
    }

    /// `OK`
    pub(super) fn ok(&mut self, now: Instant, text: &'static str) {
        self.finish(now, Status::Ok, None, text.into());
    }

    /// `OK` with a response code.
    pub(super) fn ok_with(&mut self, now: Instant, code: Code, text: &'static str) {
        self.finish(now, Status::Ok, Some(code), text.into());
    }

    /// `NO`: what was asked cannot be done.
    pub(super) fn no(&mut self, now: Instant, code: Code, text: impl Into<Cow<'static, str>>) {
        self.finish(now, Status::No, Some(code), text.into());
    }

    /// `NO`, for a reason of the driver.
    pub(super) fn refuse(&mut self, now: Instant, refusal: &Refusal) {
        if *refusal == Refusal::SelectedGone {
            self.leave_deleted_mailbox();
        }
        self.no(now, refusal_code(refusal), refusal_text(refusal));
    }

    /// Another session deleted the selected mailbox: the session ends behind the answer to this command. `* OK [CLOSED]`
    /// belongs to the client's own SELECT and DELETE (RFC 9051 §7.1), and a client that keeps sending commands for a mailbox
    /// would get nothing but errors. Clients know this from Dovecot: they come back and look for what is there.
    pub(super) fn leave_deleted_mailbox(&mut self) {
        let text = refusal_text(&Refusal::SelectedGone);
        self.farewell.get_or_insert((text, CloseReason::MailboxGone));
    }

    /// `BAD`: the command makes no sense, here or at all. One error more.
    pub(super) fn bad(&mut self, now: Instant, text: impl Into<Cow<'static, str>>) {
        let consequence = self.tally.error();
        self.finish(now, Status::Bad, None, text.into());
        self.follow(now, consequence);
    }

    /// What an error leads to.
    pub(super) fn follow(&mut self, now: Instant, consequence: Consequence) {
        match consequence {
            Consequence::End => self.close_with("Too many errors", CloseReason::Errors),
            Consequence::Delay(delay) if !delay.is_zero() => self.delay_until(now + delay),
            Consequence::Delay(_) => {}
        }
    }

    /// Neither writes what is waiting nor reads on before this instant.
    pub(super) fn delay_until(&mut self, instant: Instant) {
        self.output.delay_until(instant);
        self.blocked = Some(instant);
    }

    /// The name of the session as it stands behind a text, with a blank before it.
    pub(super) fn shown_id(&self) -> String {
        if self.id.is_empty() { String::new() } else { format!(" ({})", self.id) }
    }

    /// Says a last word and ends the session.
    pub(super) fn close_with(&mut self, text: &str, reason: CloseReason) {
        if self.is_over() {
            return;
        }
        let id = self.shown_id();
        Line::untagged(Status::Bye, format!("{text}{id}")).print(self.output.buffer());
        self.close(reason);
    }

    /// Ends the session. Messages that are not filed are given up.
    pub(super) fn close(&mut self, reason: CloseReason) {
        if self.is_over() {
            return;
        }
        let appending = matches!(self.reading, Reading::Append(_));
        if appending || matches!(self.question, Some(Question::Append(_))) {
            self.events.push_back(Event::AppendAbort);
        }
        self.question = None;
        self.paused = None;
        self.current = None;
        self.reading = Reading::Commands;
        self.reader = Reader::default();
        self.state = State::Closed;
        self.output.flush();
        self.events.push_back(Event::Closed { reason });
    }
}

/// The response code of RFC 9051 §7.1 and RFC 5530 for a reason of the driver.
fn refusal_code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::NoMailbox | Refusal::SelectedGone => Code::NonExistent,
        Refusal::Exists => Code::AlreadyExists,
        Refusal::Cannot(_) => Code::Cannot,
        Refusal::UseTaken => Code::UseAttr,
        Refusal::Limit(_) => Code::Limit,
        Refusal::OverQuota => Code::OverQuota,
        Refusal::TooBig => Code::TooBig,
        Refusal::Expunged => Code::ExpungeIssued,
        Refusal::Damaged => Code::ServerBug,
        Refusal::Unavailable => Code::Unavailable,
    }
}

/// What the driver's reason says to people: a sentence.
pub(super) fn refusal_text(refusal: &Refusal) -> String {
    let text = refusal.to_string();
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
