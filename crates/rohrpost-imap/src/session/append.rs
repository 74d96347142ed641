//! APPEND (RFC 9051 §6.3.12) and MULTIAPPEND (RFC 3502): messages pass through, and are filed all or none.

use std::{mem, time::Instant};

use bytes::Bytes;

use super::state::{Question, Reading, Session};
use crate::{
    command::AppendMessage,
    event::{Appended, Event, Refusal},
    mailbox_name::MailboxName,
    response::{Code, continuation},
    sequence::ranges,
};

/// An APPEND that is under way.
#[derive(Debug)]
pub(super) struct Appending {
    mailbox: MailboxName,
    /// Whether the client waits for leave to send the message that was announced last.
    synchronizing: bool,
}

impl Session {
    /// The command, up to the first message.
    pub(super) fn append(&mut self, mailbox: MailboxName, message: &AppendMessage) {
        self.ask_for_message(Appending { mailbox, synchronizing: message.synchronizing }, message);
    }

    /// One message more.
    pub(super) fn next_message(&mut self, message: &AppendMessage) {
        if let Reading::Append(appending) = mem::replace(&mut self.reading, Reading::Commands) {
            self.ask_for_message(Appending { synchronizing: message.synchronizing, ..appending }, message);
        }
    }

    fn ask_for_message(&mut self, appending: Appending, message: &AppendMessage) {
        let mailbox = appending.mailbox.as_str().to_owned();
        let AppendMessage { at, octets, .. } = *message;
        let flags = message.flags.as_slice().into();
        self.ask(Question::Append(appending), Event::Append { mailbox, octets, flags, at });
    }

    /// Answers [`Event::Append`]: whether the message may come.
    pub fn answer_append(&mut self, now: Instant, answer: Result<(), Refusal>) {
        let appending = match self.question.take() {
            Some(Question::Append(appending)) => appending,
            other => return self.question = other,
        };
        self.clock.touch(now);
        match answer {
            Ok(()) => {
                self.reader.accept_message();
                if appending.synchronizing {
                    continuation(self.output.buffer(), "Go on");
                    self.output.flush();
                }
                self.reading = Reading::Append(appending);
            }
            Err(refusal) => {
                self.reader.refuse_append();
                self.events.push_back(Event::AppendAbort);
                self.refuse_target(now, &refusal);
            }
        }
        self.go_on(now);
    }

    pub(super) fn message_octets(&mut self, octets: &[u8]) {
        self.events.push_back(Event::AppendData(Bytes::copy_from_slice(octets)));
    }

    pub(super) fn message_end(&mut self) {
        self.events.push_back(Event::AppendEnd);
    }

    /// The command is whole.
    pub(super) fn append_end(&mut self, _: Instant) {
        self.reading = Reading::Commands;
        self.ask(Question::AppendCommit, Event::AppendCommit);
    }

    /// Answers [`Event::AppendCommit`]. A client that has the mailbox selected is told of the new messages first.
    pub fn answer_appended(&mut self, now: Instant, appended: Result<Appended, Refusal>) {
        match self.question.take() {
            Some(Question::AppendCommit) => {}
            other => return self.question = other,
        }
        match appended {
            Ok(Appended { uid_validity, uids }) => {
                let code = Code::AppendUid { uid_validity, uids: ranges(uids).collect() };
                self.ok_with(now, code, "APPEND completed");
            }
            Err(refusal) => self.refuse_target(now, &refusal),
        }
        self.go_on(now);
    }

    /// The command went wrong on its way.
    pub(super) fn give_up_append(&mut self) {
        if let Reading::Append(_) = self.reading {
            self.reading = Reading::Commands;
            self.events.push_back(Event::AppendAbort);
        }
    }

    /// `NO`, where a mailbox that is missing may be made and the command said again (RFC 9051 §6.3.12).
    pub(super) fn refuse_target(&mut self, now: Instant, refusal: &Refusal) {
        match refusal {
            Refusal::NoMailbox => self.no(now, Code::TryCreate, "There is no such mailbox; create it first"),
            refusal => self.refuse(now, refusal),
        }
    }
}
