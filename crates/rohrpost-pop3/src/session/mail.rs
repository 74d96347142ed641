//! The messages: lists of them, their octets, and their end.

use std::time::Instant;

use super::{Question, Session, State};
use crate::{
    event::{CloseReason, Event},
    response::{self, Negative},
    stuffing::Stuffing,
};

/// What stands beside a number in a list.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// LIST
    Octets,
    /// UIDL
    UniqueId,
}

/// A list that is being written. A mailbox may have many messages, and what waits to be written is bounded: so lines are
/// only made as earlier ones leave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listing {
    column: Column,
    /// The number from which on the list goes on.
    next: u64,
}

/// A message that is being written.
#[derive(Debug)]
pub(super) struct Sending {
    stuffing: Stuffing,
    is_begun: bool,
}

impl Session {
    /// Begins to answer [`Event::Message`]. `octets` are those of the whole message, as LIST says them.
    pub fn begin_message(&mut self, octets: u64) {
        if let Some(Question::Message(sending)) = &mut self.question
            && !std::mem::replace(&mut sending.is_begun, true)
        {
            self.output.ok(format_args!("{octets} octets"));
        }
    }

    /// Goes on with the message: the next piece, with CRLF line ends. False where no more of it is wanted. Each piece is
    /// to be written before the next: [`Self::poll_transmit`] hands it out once there is enough.
    pub fn push_message(&mut self, piece: &[u8]) -> bool {
        match &mut self.question {
            Some(Question::Message(sending)) => sending.stuffing.push(self.output.bytes(), piece),
            _ => false,
        }
    }

    /// The message is complete.
    pub fn end_message(&mut self, now: Instant) {
        match self.question.take() {
            Some(Question::Message(sending)) => {
                sending.stuffing.end(self.output.bytes());
                self.last = now;
                self.at_boundary();
            }
            other => self.question = other,
        }
    }

    /// The message cannot be had. Once it has begun there is no way to say so but the end of the connection: an end mark
    /// would make half a message a whole one.
    pub fn refuse_message(&mut self, now: Instant, negative: &Negative) {
        match self.question.take() {
            Some(Question::Message(Sending { is_begun: true, .. })) => self.close(CloseReason::Broken),
            Some(Question::Message(_)) => {
                self.last = now;
                self.output.negative(negative);
                self.at_boundary();
            }
            other => self.question = other,
        }
    }

    /// Answers [`Event::Remove`]. The client hears that its messages are gone only once they are (RFC 1939 §6).
    pub fn answer_removal(&mut self, now: Instant, removed: Result<(), Negative>) {
        match self.question.take() {
            Some(Question::Removal) => {}
            other => return self.question = other,
        }
        self.last = now;
        match removed {
            Ok(()) => self.bye(),
            Err(negative) => self.close_with(&negative, CloseReason::Quit),
        }
    }

    /// LIST and UIDL: of one message in one line, of all in many.
    pub(super) fn list(&mut self, now: Instant, column: Column, number: Option<u64>) {
        let State::Transaction(maildrop) = &self.state else { return };
        match number.map(|number| (number, maildrop.get(number))) {
            None => {
                self.output.ok(format_args!("List follows"));
                self.listing = Some(Listing { column, next: 1 });
                self.go_on_listing();
            }
            Some((number, Some(message))) => match column {
                Column::Octets => self.output.ok(format_args!("{number} {}", message.octets)),
                Column::UniqueId => self.output.ok(format_args!("{number} {}", maildrop.unique_id(message))),
            },
            Some((_, None)) => self.error(now, &response::NO_SUCH_MESSAGE),
        }
    }

    /// Writes lines of a list while there is room.
    pub(super) fn go_on_listing(&mut self) {
        let State::Transaction(maildrop) = &self.state else { return };
        while let Some(listing) = self.listing.as_mut().filter(|_| !self.output.is_full()) {
            let Some((number, message)) = maildrop.next_from(listing.next) else {
                self.output.line(format_args!("."));
                self.listing = None;
                return;
            };
            match listing.column {
                Column::Octets => self.output.line(format_args!("{number} {}", message.octets)),
                Column::UniqueId => self.output.line(format_args!("{number} {}", maildrop.unique_id(message))),
            }
            listing.next = number + 1;
        }
    }

    /// RETR and TOP. `lines` are those of the body that TOP wants.
    pub(super) fn ask_message(&mut self, now: Instant, number: u64, lines: Option<u64>) {
        let State::Transaction(maildrop) = &self.state else { return };
        let Some(message) = maildrop.get(number) else { return self.error(now, &response::NO_SUCH_MESSAGE) };
        self.events.push_back(Event::Message { uid: message.uid });
        self.question = Some(Question::Message(Sending { stuffing: Stuffing::new(lines), is_begun: false }));
    }

    pub(super) fn dele(&mut self, now: Instant, number: u64) {
        let State::Transaction(maildrop) = &mut self.state else { return };
        if maildrop.delete(number) {
            self.output.ok(format_args!("Deleted"));
        } else {
            self.error(now, &response::NO_SUCH_MESSAGE);
        }
    }
}
