//! COPY and MOVE (RFC 9051 §6.4.7 and §6.4.8).

use std::time::Instant;

use super::state::{Question, Session, State};
use crate::{
    command::Messages,
    event::{Copied, Event, Refusal},
    mailbox_name::MailboxName,
    response::{Code, Line, Status},
    sequence::ranges,
};

impl Session {
    /// The command. Nothing to copy is no error (RFC 9051 §6.4.9).
    pub(super) fn copy(&mut self, now: Instant, uid: bool, messages: &Messages, target: &MailboxName, is_move: bool) {
        let Some(uids) = self.uids_of(now, uid, messages) else { return };
        let State::Selected(view) = &self.state else { return };
        if is_move && view.read_only {
            return self.no(now, Code::Cannot, "The mailbox is open for reading only");
        }
        if uids.is_empty() {
            return self.ok(now, "There was nothing to do");
        }
        let event = Event::Copy { mailbox: view.mailbox, uids, target: target.as_str().to_owned(), is_move };
        self.ask(Question::Copy { is_move }, event);
    }

    /// Answers [`Event::Copy`]. What MOVE took from here is told as the news of any command are, behind COPYUID (RFC 9051
    /// §6.4.8).
    pub fn answer_copy(&mut self, now: Instant, copied: Result<Copied, Refusal>) {
        let is_move = match self.question.take() {
            Some(Question::Copy { is_move }) => is_move,
            other => return self.question = other,
        };
        match copied {
            Err(refusal) => self.refuse_target(now, &refusal),
            Ok(copied) if copied.pairs.is_empty() => self.refuse(now, &Refusal::Expunged),
            Ok(copied) if is_move => self.moved(now, copied),
            Ok(copied) => self.ok_with(now, copy_uid(copied), "COPY completed"),
        }
        self.go_on(now);
    }

    fn moved(&mut self, now: Instant, copied: Copied) {
        let modseq = copied.modseq;
        Line::untagged(Status::Ok, "Moved").with_code(copy_uid(copied)).print(self.output.buffer());
        self.ok_gone(now, modseq, "MOVE completed");
    }
}

fn copy_uid(copied: Copied) -> Code {
    let Copied { uid_validity, pairs, .. } = copied;
    let source = ranges(pairs.iter().map(|(source, _)| *source)).collect();
    let target = ranges(pairs.iter().map(|(_, target)| *target)).collect();
    Code::CopyUid { uid_validity, source, target }
}
