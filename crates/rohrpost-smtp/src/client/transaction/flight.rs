//! Commands on their way, and the replies that are owed to them.
//!
//! With PIPELINING (RFC 2920) all commands go at once; without it, each waits for the reply to the one before.

use std::collections::VecDeque;

use rohrpost_mail::Stage;

use super::{
    super::{limits::CHUNKS_WAITING_MAX, output::Output},
    outcomes::Whom,
};

/// A command or a part of the body whose reply is awaited.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Rset,
    Mail,
    /// With the place in the list of recipients.
    Rcpt(usize),
    Data,
    /// The dot after a 354 that nobody wanted.
    LoneDot,
    /// A chunk that is not the last.
    Chunk,
    /// The whole message; LMTP (RFC 2033 §4.2) has one reply for each accepted recipient.
    End(Whom),
}

impl Step {
    pub(super) fn stage(self) -> Stage {
        match self {
            Self::Rset | Self::Mail => Stage::Mail,
            Self::Rcpt(_) => Stage::Rcpt,
            Self::Data | Self::LoneDot | Self::Chunk => Stage::Data,
            Self::End(_) => Stage::Dot,
        }
    }
}

/// What is to be said before the body, and what is owed for what was said.
#[derive(Debug)]
pub(super) struct Flight {
    pipelining: bool,
    /// DATA waits until all before it is answered, so that it can still be withheld.
    holds_data: bool,
    /// All commands, one after the other.
    commands: String,
    /// How much of `commands` is sent.
    sent: usize,
    /// The commands that are not, with their ends in `commands`.
    unsent: VecDeque<(Step, usize)>,
    awaited: VecDeque<Step>,
}

impl Flight {
    pub(super) fn new(pipelining: bool, holds_data: bool) -> Self {
        let (unsent, awaited) = (VecDeque::new(), VecDeque::new());
        Self { pipelining, holds_data, commands: String::new(), sent: 0, unsent, awaited }
    }

    /// Adds a command, which `write` appends with its line end.
    pub(super) fn add(&mut self, step: Step, write: impl FnOnce(&mut String)) {
        write(&mut self.commands);
        self.unsent.push_back((step, self.commands.len()));
    }

    /// Sends what may go now.
    pub(super) fn send(&mut self, output: &mut Output) {
        while let Some((step, end)) = self.unsent.front().copied() {
            let is_held = !self.pipelining || self.holds_data && step == Step::Data;
            if is_held && !self.awaited.is_empty() {
                return;
            }
            self.unsent.pop_front();
            output.commands(&self.commands[self.sent..end]);
            self.sent = end;
            self.awaited.push_back(step);
        }
    }

    /// Whether all is answered and the body would be next.
    pub(super) fn is_before_data(&self) -> bool {
        self.awaited.is_empty() && self.unsent.front().is_none_or(|(step, _)| *step == Step::Data)
    }

    /// Forgets the commands that are not sent: nobody is left to send them for.
    pub(super) fn cancel(&mut self) {
        self.unsent.clear();
    }

    /// Takes note of something that was sent beside the commands.
    pub(super) fn owe(&mut self, step: Step) {
        self.awaited.push_back(step);
    }

    /// What the reply that just came is about; nothing if none was owed.
    pub(super) fn answered(&mut self) -> Option<Step> {
        self.awaited.pop_front()
    }

    /// What the next reply is about; nothing while it is our turn.
    pub(super) fn awaited(&self) -> Option<Step> {
        self.awaited.front().copied()
    }

    /// Whether another chunk may go before the last ones are answered.
    pub(super) fn has_room_for_chunk(&self) -> bool {
        self.awaited.len() < if self.pipelining { CHUNKS_WAITING_MAX } else { 1 }
    }
}
