//! One message: MAIL, RCPT, DATA or BDAT, the body, the verdict for each recipient.
//!
//! ```text
//!               354, someone accepted            end_body
//!  Envelope ───────────────────────────▶ Dotted ──────────┐
//!     │  │                                                ▼
//!     │  └─ RCPTs answered, CHUNKING ──▶ Chunked ──────▶ Ended ──▶ replies to the dot: done
//!     │
//!     └─ nobody left: done (a 354 all the same is answered with a lone dot)
//! ```
//!
//! A recipient that has an outcome is out of the game; when the last one has, the transaction is over as soon as the
//! replies that are still to come have come.

use std::collections::VecDeque;

use rohrpost_mail::{Class, EnhancedStatus, Envelope, Recipient, Reply, Severity, Stage};

use super::{
    capabilities::Capabilities,
    command,
    error::{Extension, Failure, Outcome, SessionError},
    limits::{CHUNK_BYTES, CHUNKS_WAITING_MAX, WAITING_BYTES_MAX},
    output::Output,
    session::Protocol,
};
use crate::dot::{Framing, Writer};

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// From whom, and how.
    pub envelope: &'a Envelope,
    /// To whom. Not more than [`Capabilities::batch_len`] says.
    pub recipients: &'a [Recipient],
    /// Size for the SIZE parameter.
    pub octets: u64,
    /// Whether the header holds octets beyond ASCII, so that nobody without SMTPUTF8 can take it.
    pub utf8_header: bool,
}

impl Message<'_> {
    /// Whether anything in it needs SMTPUTF8, or its sender declared it.
    pub(super) fn needs_smtputf8(&self) -> bool {
        let beyond_ascii = |recipient: &Recipient| recipient.address.needs_smtputf8();
        self.envelope.smtputf8
            || self.utf8_header
            || utf8_sender(self.envelope)
            || self.recipients.iter().any(beyond_ascii)
    }
}

fn utf8_sender(envelope: &Envelope) -> bool {
    envelope.reverse_path.mailbox().is_some_and(rohrpost_mail::Mailbox::needs_smtputf8)
}

/// A command or body whose reply is awaited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Rset,
    Mail,
    /// With the place in the list of recipients.
    Rcpt(usize),
    Data,
    /// The dot after a 354 that nobody wanted.
    LoneDot,
    Block,
    /// The whole message; LMTP (RFC 2033 §4.2) has one reply for each accepted recipient, here its place.
    End(Option<usize>),
}

impl Step {
    fn stage(self) -> Stage {
        match self {
            Self::Rset | Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data | Self::LoneDot | Self::Block => Stage::Data,
            Self::End(_) => Stage::Dot,
        }
    }
}

#[derive(Debug)]
enum Body {
    /// Not yet, or never.
    Envelope,
    /// DATA.
    Dotted(Writer),
    /// BDAT, with the chunk that is being filled.
    Chunked(Writer, Vec<u8>),
    /// All of it is in the output.
    Ended,
}

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

/// The state of one transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    outcomes: Vec<Option<Outcome>>,
    accepted: Vec<usize>,
    commands: String,
    /// Commands that are not sent yet, with their ends in `commands`. Without PIPELINING they go one by one.
    unsent: VecDeque<(Step, usize)>,
    sent: usize,
    expected: VecDeque<Step>,
    body: Body,
    purpose: Purpose,
    pipelining: bool,
    chunking: bool,
    protocol: Protocol,
    /// MAIL was accepted and nothing ended what it began, so that the next one needs RSET.
    open: bool,
}

/// What a transaction has to know of its connection.
pub(super) struct Ground<'a> {
    pub(super) capabilities: &'a Capabilities,
    pub(super) protocol: Protocol,
    pub(super) in_tls: bool,
    /// An earlier transaction was left open.
    pub(super) reset: bool,
}

impl Transaction {
    /// Writes the first flight. Recipients that cannot be served here have their outcome at once.
    pub(super) fn start(
        message: &Message<'_>,
        purpose: Purpose,
        ground: &Ground<'_>,
        output: &mut Output,
    ) -> (Self, Progress) {
        let mut transaction = Self {
            outcomes: unsendable(message, ground),
            accepted: Vec::new(),
            commands: String::new(),
            unsent: VecDeque::new(),
            sent: 0,
            expected: VecDeque::new(),
            body: Body::Envelope,
            purpose,
            pipelining: ground.capabilities.pipelining,
            chunking: ground.capabilities.chunking,
            protocol: ground.protocol,
            open: ground.reset,
        };
        if transaction.decided() {
            return (transaction, Progress::Done);
        }
        transaction.write_commands(message, ground);
        let progress = transaction.advance(output);
        (transaction, progress)
    }

    /// Takes the next reply.
    pub(super) fn on_reply(&mut self, reply: Reply, output: &mut Output) -> Progress {
        let Some(step) = self.expected.pop_front() else { return self.on_unasked(reply) };
        let stage = step.stage();
        if reply.code == 421 {
            return self.broken(&SessionError::Closing { stage, reply });
        }
        let refused = matches!(reply.severity(), Severity::Temporary | Severity::Permanent);
        match (step, reply.severity()) {
            (Step::Rset, Severity::Positive) | (Step::LoneDot, _) => self.open = false,
            (Step::Mail, Severity::Positive) => self.open = true,
            (Step::Rcpt(place), Severity::Positive) => self.accept(place, reply),
            (Step::Data, Severity::Intermediate) => self.go_ahead(output),
            (Step::Block, Severity::Positive) => {}
            (Step::End(place), Severity::Positive) => self.deliver(place, &reply),
            (Step::Rcpt(place), _) if refused => self.refuse(place, SessionError::Refused { stage, reply }),
            (Step::End(place), _) if refused => self.refuse_end(place, reply),
            (Step::Mail | Step::Data | Step::Block, _) if refused => {
                self.settle(&SessionError::Refused { stage, reply });
            }
            _ => return self.broken(&SessionError::Unexpected { stage, reply }),
        }
        self.advance(output)
    }

    /// Adds octets of the message.
    pub(super) fn body(&mut self, bytes: &[u8], output: &mut Output) {
        match &mut self.body {
            Body::Dotted(writer) => writer.push(bytes, output.buffer()),
            Body::Chunked(writer, chunk) => {
                writer.push(bytes, chunk);
                if chunk.len() >= CHUNK_BYTES {
                    let whole = std::mem::take(chunk);
                    write_chunk(&whole, "", output);
                    self.expected.push_back(Step::Block);
                }
            }
            Body::Envelope | Body::Ended => {}
        }
    }

    /// Ends the message.
    pub(super) fn end_body(&mut self, output: &mut Output) {
        match std::mem::replace(&mut self.body, Body::Ended) {
            Body::Dotted(writer) => writer.finish(output.buffer()),
            Body::Chunked(writer, mut chunk) => {
                writer.finish(&mut chunk);
                write_chunk(&chunk, " LAST", output);
            }
            other => {
                self.body = other;
                return;
            }
        }
        match self.protocol {
            Protocol::Smtp => self.expected.push_back(Step::End(None)),
            Protocol::Lmtp => self.expected.extend(self.accepted.iter().map(|place| Step::End(Some(*place)))),
        }
    }

    /// The connection is of no use any more. `unwritten`: whether octets of ours never left.
    pub(super) fn fail(&mut self, error: &SessionError, unwritten: bool) {
        let possible_duplicate = matches!(self.body, Body::Ended) && !unwritten;
        for outcome in self.outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
            *outcome = Some(Err(Failure { possible_duplicate, ..Failure::from(error.clone()) }));
        }
    }

    /// Whether the next part of the message can be taken.
    pub(super) fn wants_body(&self, output: &Output) -> bool {
        let room = output.waiting().len() < WAITING_BYTES_MAX;
        match self.body {
            Body::Envelope | Body::Ended => false,
            Body::Dotted(_) => room,
            Body::Chunked(..) => {
                let waiting_max = if self.pipelining { CHUNKS_WAITING_MAX } else { 1 };
                room && self.expected.len() < waiting_max && !self.decided()
            }
        }
    }

    /// Whether the body has begun.
    pub(super) fn in_body(&self) -> bool {
        !matches!(self.body, Body::Envelope)
    }

    /// Whether all of the body is in the output.
    pub(super) fn body_ended(&self) -> bool {
        matches!(self.body, Body::Ended)
    }

    /// What the next reply is about; nothing while it is our turn.
    pub(super) fn awaited(&self) -> Option<Stage> {
        self.expected.front().map(|step| step.stage())
    }

    /// Whether the next reply is that to RSET.
    pub(super) fn awaits_reset(&self) -> bool {
        self.expected.front() == Some(&Step::Rset)
    }

    /// The outcomes, and whether the next transaction has to begin with RSET.
    pub(super) fn finish(mut self) -> (Vec<Outcome>, bool) {
        self.forgive_552();
        let decided = |outcome: Option<Outcome>| outcome.expect("a transaction ends when all recipients are decided");
        (self.outcomes.into_iter().map(decided).collect(), self.open)
    }

    fn write_commands(&mut self, message: &Message<'_>, ground: &Ground<'_>) {
        if ground.reset {
            self.commands.push_str("RSET\r\n");
            self.unsent.push_back((Step::Rset, self.commands.len()));
        }
        command::mail(&mut self.commands, message, ground.capabilities);
        self.unsent.push_back((Step::Mail, self.commands.len()));
        for (place, recipient) in message.recipients.iter().enumerate() {
            if self.outcomes[place].is_none() {
                command::rcpt(&mut self.commands, recipient, ground.capabilities);
                self.unsent.push_back((Step::Rcpt(place), self.commands.len()));
            }
        }
        let (last, step) = match self.purpose {
            Purpose::Probe => ("RSET\r\n", Step::Rset),
            Purpose::Send if self.chunking => return,
            Purpose::Send => ("DATA\r\n", Step::Data),
        };
        self.commands.push_str(last);
        self.unsent.push_back((step, self.commands.len()));
    }

    /// Does what is next: sends commands, begins the body, or ends.
    fn advance(&mut self, output: &mut Output) -> Progress {
        if self.pipelining {
            while self.send_next(output) {}
        } else if self.expected.is_empty() {
            if self.decided() {
                self.unsent.clear();
            }
            self.send_next(output);
        }
        if !self.expected.is_empty() {
            return Progress::Going;
        }
        if self.decided() {
            return Progress::Done;
        }
        if matches!(self.body, Body::Envelope) {
            self.body = Body::Chunked(Writer::new(Framing::Counted), Vec::new());
        }
        Progress::Going
    }

    /// Writes the next command; `false` if there is none.
    fn send_next(&mut self, output: &mut Output) -> bool {
        let Some((step, end)) = self.unsent.pop_front() else { return false };
        output.buffer().extend_from_slice(&self.commands.as_bytes()[self.sent..end]);
        self.sent = end;
        self.expected.push_back(step);
        true
    }

    fn decided(&self) -> bool {
        self.outcomes.iter().all(Option::is_some)
    }

    fn accept(&mut self, place: usize, reply: Reply) {
        // After a refused MAIL the recipient is decided, whatever the server thinks of RCPT.
        if self.outcomes[place].is_some() {
            return;
        }
        self.accepted.push(place);
        if self.purpose == Purpose::Probe {
            self.outcomes[place] = Some(Ok(reply));
        }
    }

    fn refuse(&mut self, place: usize, error: SessionError) {
        self.outcomes[place].get_or_insert_with(|| Err(error.into()));
    }

    /// 354: the body may come, or, where nobody is left to get it, an empty one whose verdict counts for nothing
    /// (RFC 2920 §3.1).
    fn go_ahead(&mut self, output: &mut Output) {
        if self.decided() {
            output.line(".");
            self.expected.push_back(Step::LoneDot);
        } else {
            self.body = Body::Dotted(Writer::new(Framing::Dot));
        }
    }

    fn deliver(&mut self, place: Option<usize>, reply: &Reply) {
        self.open = false;
        let accepted = |outcome: &mut Option<Outcome>| {
            outcome.get_or_insert_with(|| Ok(reply.clone()));
        };
        match place {
            Some(place) => accepted(&mut self.outcomes[place]),
            None => self.outcomes.iter_mut().for_each(accepted),
        }
    }

    fn refuse_end(&mut self, place: Option<usize>, reply: Reply) {
        // RFC 3030 §2: what a failed BDAT leaves behind is undefined until RSET. The dot of DATA ends it for good.
        self.open = self.chunking;
        let error = SessionError::Refused { stage: Stage::Dot, reply };
        match place {
            Some(place) => self.refuse(place, error),
            None => self.settle(&error),
        }
    }

    /// A reply while it is our turn: the server gives up on the body, or does not speak SMTP.
    fn on_unasked(&mut self, reply: Reply) -> Progress {
        let stage = Stage::Data;
        let error = match reply.severity() {
            _ if reply.code == 421 => SessionError::Closing { stage, reply },
            Severity::Temporary | Severity::Permanent => SessionError::Refused { stage, reply },
            Severity::Positive | Severity::Intermediate => SessionError::Unexpected { stage, reply },
        };
        // The rest of the body is still owed, so the connection cannot be used again; the dot was not sent.
        self.broken(&error)
    }

    /// The same end for all who have none yet.
    fn settle(&mut self, error: &SessionError) {
        for outcome in self.outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
            *outcome = Some(Err(error.clone().into()));
        }
    }

    /// An error after which the connection is of no use. A strange reply to the dot says nothing about the message.
    fn broken(&mut self, error: &SessionError) -> Progress {
        let unknown = matches!(error, SessionError::Unexpected { stage: Stage::Dot, .. });
        if unknown {
            self.fail(error, false);
        } else {
            self.settle(error);
        }
        Progress::Broken
    }

    /// RFC 5321 §4.5.3.1.10: a 552 to RCPT can mean "too many recipients". It does where others were accepted and no
    /// enhanced status says otherwise.
    fn forgive_552(&mut self) {
        if self.accepted.is_empty() {
            return;
        }
        for failure in self.outcomes.iter_mut().flatten().filter_map(|outcome| outcome.as_mut().err()) {
            if let SessionError::Refused { stage: Stage::Rcpt, reply } = &failure.error {
                let too_many = matches!(reply.enhanced, None | Some(EnhancedStatus(5, 5, 3)));
                if reply.code == 552 && too_many {
                    failure.class = Class::Temporary;
                }
            }
        }
    }
}

/// Who cannot be served by this server at all. RFC 8689 §4.2.1, RFC 1870 §6.1, RFC 6531 §3.2.
fn unsendable(message: &Message<'_>, ground: &Ground<'_>) -> Vec<Option<Outcome>> {
    let capabilities = ground.capabilities;
    let too_large = capabilities.size_max.filter(|max| message.octets > *max);
    let without_utf8 = !capabilities.smtputf8;
    let all = if message.envelope.require_tls && !(ground.in_tls && capabilities.require_tls) {
        Some(SessionError::NotOffered(Extension::RequireTls))
    } else if let Some(max) = too_large {
        Some(SessionError::TooLarge { max })
    } else if without_utf8 && utf8_sender(message.envelope) {
        Some(SessionError::Utf8Address)
    } else {
        None
    };
    // The address first: where it is not ASCII, neither is the header, since Received names it.
    let one = |recipient: &Recipient| {
        let address = || (without_utf8 && recipient.address.needs_smtputf8()).then_some(SessionError::Utf8Address);
        let header = || (without_utf8 && message.utf8_header).then_some(SessionError::Utf8Header);
        all.clone().or_else(address).or_else(header).map(|error| Err(error.into()))
    };
    message.recipients.iter().map(one).collect()
}

fn write_chunk(chunk: &[u8], last: &str, output: &mut Output) {
    output.line(&format!("BDAT {}{last}", chunk.len()));
    output.buffer().extend_from_slice(chunk);
}
