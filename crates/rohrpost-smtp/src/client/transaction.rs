//! One message: MAIL, RCPT, DATA or BDAT, the body, the verdict for each recipient.
//!
//! ```text
//!              354, someone is left          end_body
//!   Ahead ────────────────────────▶ Dotted ────────────┐
//!    │  │                                              ▼
//!    │  └─ RCPTs answered, CHUNKING ─▶ Chunked ─────▶ Ended ──▶ replies to the end of the body: done
//!    │
//!    └─ nobody is left: done (a 354 all the same is answered with a lone dot)
//! ```
//!
//! Three parts do the work, each in a file of its own: the [`Flight`] of commands and the replies owed to them, the
//! [`Body`] in one of the phases above, and the [`Outcomes`]. A recipient that has an outcome is out of the game; when
//! the last one has, the transaction is over as soon as the replies that are still to come have come.

mod body;
mod flight;
mod outcomes;

use std::time::Duration;

use rohrpost_mail::{Recipient, Reply, Severity, Stage};

use self::{
    body::Body,
    flight::{Flight, Step},
    outcomes::{Outcomes, Whom},
};
use super::{
    capabilities::Capabilities,
    command,
    error::{Failure, Outcome, SessionError},
    limits::WAITING_BYTES_MAX,
    message::Message,
    output::Output,
    settings::Protocol,
    timeouts::Timeouts,
};

/// What a transaction is for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Purpose {
    /// To send a message.
    Send,
    /// To hear what RCPT says, and to go no further.
    Probe,
}

/// What the session has to do after a step.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Progress {
    /// Replies or body are to come.
    Going,
    /// Over; the connection can go on.
    Done,
    /// Over, and so is the connection.
    Broken,
}

/// What a transaction has to know of its connection.
pub(super) struct Ground<'a> {
    pub(super) capabilities: &'a Capabilities,
    pub(super) protocol: Protocol,
    pub(super) in_tls: bool,
    /// An earlier transaction was left open.
    pub(super) reset: bool,
    /// One refused recipient keeps the message from all.
    pub(super) all_or_nothing: bool,
}

/// The state of one transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    flight: Flight,
    body: Body,
    outcomes: Outcomes,
    purpose: Purpose,
    protocol: Protocol,
    chunking: bool,
    all_or_nothing: bool,
    /// MAIL was accepted and nothing ended what it began, so that the next one needs RSET.
    open: bool,
}

impl Transaction {
    /// Writes the first flight. Recipients that cannot be served here have their outcome at once.
    pub(super) fn start(
        message: &Message<'_>,
        purpose: Purpose,
        ground: &Ground<'_>,
        output: &mut Output,
    ) -> (Self, Progress) {
        let outcomes = Outcomes::new(foreseen(message, ground));
        let mut transaction = Self {
            flight: commands(message, purpose, ground, &outcomes),
            body: Body::Ahead,
            outcomes,
            purpose,
            protocol: ground.protocol,
            chunking: ground.capabilities.chunking,
            all_or_nothing: ground.all_or_nothing,
            open: ground.reset,
        };
        let progress = transaction.advance(output);
        (transaction, progress)
    }

    /// Takes the next reply.
    pub(super) fn on_reply(&mut self, reply: Reply, output: &mut Output) -> Progress {
        let Some(step) = self.flight.answered() else {
            // It is our turn: the server gives up on the body, or does not speak SMTP. The rest of the body stays owed,
            // so the connection cannot be used again.
            return self.broken(SessionError::from_reply(Stage::Data, reply), output);
        };
        let stage = step.stage();
        match (step, reply.severity()) {
            _ if reply.code == 421 => return self.broken(SessionError::from_reply(stage, reply), output),
            (Step::Rset, Severity::Positive) | (Step::LoneDot, _) => self.open = false,
            (Step::Mail, Severity::Positive) => self.open = true,
            (Step::Rcpt(place), Severity::Positive) => self.accept(place, reply),
            (Step::Data, Severity::Intermediate) => self.go_ahead(output),
            (Step::Chunk, Severity::Positive) => {}
            (Step::End(whom), Severity::Positive) => self.deliver(whom, reply),
            (Step::Rset, _) | (_, Severity::Positive | Severity::Intermediate) => {
                return self.broken(SessionError::Unexpected { stage, reply }, output);
            }
            (refused, _) => self.refuse(refused, SessionError::Refused { stage, reply }),
        }
        self.advance(output)
    }

    /// Adds octets of the message.
    pub(super) fn body(&mut self, bytes: &[u8], output: &mut Output) {
        if self.body.push(bytes, output) {
            self.flight.owe(Step::Chunk);
        }
    }

    /// Ends the message.
    pub(super) fn end_body(&mut self, output: &mut Output) {
        if !self.body.end(output) {
            return;
        }
        match self.protocol {
            Protocol::Smtp => self.flight.owe(Step::End(Whom::All)),
            Protocol::Lmtp => {
                self.outcomes.accepted().iter().for_each(|place| self.flight.owe(Step::End(Whom::One(*place))));
            }
        }
    }

    /// Nothing more will come of it. Once all of the message is out, only a server that says no has surely not taken it.
    pub(super) fn fail(&mut self, error: SessionError, output: &Output) {
        let said_no = matches!(error, SessionError::Refused { .. } | SessionError::Closing { .. });
        let possible_duplicate = self.body.has_ended() && output.waiting().is_empty() && !said_no;
        self.outcomes.decide(Whom::All, &Err(Failure { possible_duplicate, ..error.into() }));
    }

    /// Whether the next part of the message can be taken.
    pub(super) fn wants_body(&self, output: &Output) -> bool {
        let room = output.waiting().len() < WAITING_BYTES_MAX;
        match self.body {
            Body::Ahead | Body::Ended => false,
            Body::Dotted(_) => room,
            Body::Chunked(..) => room && self.flight.has_room_for_chunk() && !self.outcomes.are_decided(),
        }
    }

    /// Whether the body has begun.
    pub(super) fn in_body(&self) -> bool {
        self.body.has_begun()
    }

    /// Whether all of the body is in the output.
    pub(super) fn body_ended(&self) -> bool {
        self.body.has_ended()
    }

    /// Where it stands. While octets of the body wait here, the server cannot have seen its end.
    pub(super) fn stage(&self, output: &Output) -> Stage {
        match self.flight.awaited() {
            Some(step) if !self.is_writing_body(output) => step.stage(),
            _ => Stage::Data,
        }
    }

    /// How long the server may take for what it owes; nothing while it is our turn.
    pub(super) fn limit(&self, timeouts: &Timeouts, output: &Output) -> Option<Duration> {
        match self.flight.awaited() {
            _ if self.is_writing_body(output) => Some(timeouts.block),
            Some(Step::Rset) => Some(timeouts.rset),
            step => step.map(|step| timeouts.reply(step.stage())),
        }
    }

    /// The outcomes, and whether the next transaction has to begin with RSET.
    pub(super) fn finish(self) -> (Vec<Outcome>, bool) {
        (self.outcomes.finish(), self.open)
    }

    fn is_writing_body(&self, output: &Output) -> bool {
        self.body.has_begun() && !output.waiting().is_empty()
    }

    /// Does what is next: sends commands, begins the body, or ends.
    fn advance(&mut self, output: &mut Output) -> Progress {
        self.withhold();
        let decided = self.outcomes.are_decided();
        if decided {
            self.flight.cancel();
        }
        self.flight.send(output);
        if self.flight.awaited().is_some() {
            return Progress::Going;
        }
        if decided {
            return Progress::Done;
        }
        if !self.body.has_begun() {
            self.body = Body::chunked();
        }
        Progress::Going
    }

    fn accept(&mut self, place: usize, reply: Reply) {
        self.outcomes.accept(place);
        if self.purpose == Purpose::Probe {
            self.outcomes.decide(Whom::One(place), &Ok(reply));
        }
    }

    /// 354: the body may come, or, where nobody is left to get it, an empty one whose verdict counts for nothing
    /// (RFC 2920 §3.1).
    fn go_ahead(&mut self, output: &mut Output) {
        if self.outcomes.are_decided() {
            output.line(".");
            self.flight.owe(Step::LoneDot);
        } else {
            self.body = Body::dotted();
        }
    }

    fn deliver(&mut self, whom: Whom, reply: Reply) {
        self.open = false;
        self.outcomes.decide(whom, &Ok(reply));
    }

    fn refuse(&mut self, step: Step, error: SessionError) {
        let whom = match step {
            Step::Rcpt(place) => Whom::One(place),
            Step::End(whom) => {
                // RFC 3030 §2: what a failed BDAT leaves behind is undefined until RSET. The dot of DATA ends it for
                // good.
                self.open = self.chunking;
                whom
            }
            Step::Rset | Step::Mail | Step::Data | Step::LoneDot | Step::Chunk => Whom::All,
        };
        self.outcomes.decide(whom, &Err(error.into()));
    }

    /// Where all or nobody is to get the message and somebody was refused, nobody gets it.
    fn withhold(&mut self) {
        let is_last_moment = self.flight.is_before_data() && !self.body.has_begun();
        if self.all_or_nothing && is_last_moment && self.outcomes.is_anybody_decided() {
            self.outcomes.decide(Whom::All, &Err(SessionError::Withheld.into()));
        }
    }

    /// An error after which the connection is of no use.
    fn broken(&mut self, error: SessionError, output: &Output) -> Progress {
        self.fail(error, output);
        Progress::Broken
    }
}

/// The outcomes of those who cannot be served by this server at all.
fn foreseen(message: &Message<'_>, ground: &Ground<'_>) -> Vec<Option<Outcome>> {
    let for_all = message.obstacle(ground.capabilities, ground.in_tls);
    let one = |recipient: &Recipient| {
        let obstacle = for_all.clone().or_else(|| message.obstacle_to(recipient, ground.capabilities));
        obstacle.map(|error| Err(error.into()))
    };
    message.recipients.iter().map(one).collect()
}

/// All that is said before the body.
fn commands(message: &Message<'_>, purpose: Purpose, ground: &Ground<'_>, outcomes: &Outcomes) -> Flight {
    let capabilities = ground.capabilities;
    let mut flight = Flight::new(capabilities.pipelining, ground.all_or_nothing);
    let rset = |line: &mut String| line.push_str("RSET\r\n");
    if ground.reset {
        flight.add(Step::Rset, rset);
    }
    flight.add(Step::Mail, |line| command::mail(line, message, capabilities));
    for (place, recipient) in message.recipients.iter().enumerate() {
        if outcomes.is_open(place) {
            flight.add(Step::Rcpt(place), |line| command::rcpt(line, recipient, capabilities));
        }
    }
    match purpose {
        Purpose::Probe => flight.add(Step::Rset, rset),
        Purpose::Send if capabilities.chunking => {}
        Purpose::Send => flight.add(Step::Data, |line| line.push_str("DATA\r\n")),
    }
    flight
}
