//! MAIL and RCPT: the envelope of a message.

use std::time::{Duration, Instant};

use rohrpost_mail::{Envelope, Reply};

use super::{
    event::{CloseReason, Event, MailRequest, RcptRequest},
    replies::{self, Fixed},
    session::{Phase, Question, Reading, Session},
    tally::Consequence,
};
use crate::{
    bdat,
    command::{Hold, Mail, MailParameters, Rcpt, RcptParameters},
};

/// What a session remembers of a transaction; the envelope itself is the driver's.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    smtputf8: bool,
    pub(super) recipients: usize,
    /// There from the first chunk on.
    pub(super) chunks: Option<Box<bdat::Reader>>,
    /// `BDAT 0` without LAST so far.
    pub(super) empty_chunks: u32,
    /// Whether the driver was told already that nothing comes of this.
    pub(super) aborted: bool,
}

impl Transaction {
    pub(super) fn is_smtputf8(&self) -> bool {
        self.smtputf8
    }
}

impl<P> Session<P> {
    /// Answers [`Event::Mail`], [`Event::Rcpt`] and [`Event::Data`]. A refusal is sent as it is; one with the code 421
    /// ends the session. 550 with a status x.1.x (no such recipient) counts as an error of the client.
    pub fn answer(&mut self, now: Instant, verdict: Result<(), Reply>) {
        self.clock.touch(now);
        match (self.question.take(), verdict) {
            (Some(_), Err(reply)) if reply.code == 421 => self.refuse_connection(reply),
            (Some(Question::Mail(transaction)), Ok(())) => self.mail_accepted(now, *transaction),
            (Some(Question::Rcpt), Ok(())) => self.rcpt_accepted(),
            (Some(Question::Data), Ok(())) => self.data_accepted(now),
            (Some(Question::Chunk(chunk)), Ok(())) => self.chunks_accepted(now, chunk),
            (Some(Question::Mail(_)), Err(reply)) => self.output.reply(&reply, false),
            (Some(Question::Rcpt), Err(reply)) => self.rcpt_refused(now, &reply),
            (Some(Question::Data), Err(reply)) => self.data_refused(now, &reply),
            (Some(Question::Chunk(chunk)), Err(reply)) => self.chunks_refused(now, chunk, reply),
            (other, _) => self.question = other,
        }
        self.at_boundary();
    }

    pub(super) fn mail(&mut self, now: Instant, mail: Mail) {
        if self.profile.require_auth && !self.logged_in {
            return self.error(now, replies::AUTH_FIRST);
        }
        if self.tally.transactions() >= self.profile.messages_max {
            return self.close_with(replies::TOO_MANY_MESSAGES, CloseReason::Messages);
        }
        match self.mail_refusal(now, &mail) {
            Some(fixed) => self.error(now, fixed),
            // The size is a limit of ours, and no error of the client.
            None if mail.parameters.size > Some(self.profile.size_max) => self.reply(replies::TOO_LARGE),
            None => self.ask_mail(now, mail),
        }
    }

    /// What this listener has against the parameters.
    fn mail_refusal(&self, now: Instant, mail: &Mail) -> Option<Fixed> {
        let (on, given) = (&self.profile.extensions, &mail.parameters);
        let unknown = *given != MailParameters::default() && !self.extended
            || given.size.is_some() && !on.size
            || given.body.is_some() && !on.eightbitmime
            || given.smtputf8 && !on.smtputf8
            || (given.ret.is_some() || given.envid.is_some()) && !on.dsn
            || given.auth.is_some() && !on.auth
            || given.hold.is_some() && !on.futurerelease
            || given.require_tls && (!on.requiretls || self.tls.is_none());
        let held_too_long = given.hold.is_some_and(|hold| self.is_too_long(now, hold));
        let refusals = [
            (unknown, replies::UNKNOWN_PARAMETER),
            (held_too_long, replies::HOLD_TOO_LONG),
            (!mail.ascii && !given.smtputf8, replies::NEEDS_SMTPUTF8),
        ];
        refusals.into_iter().find(|(applies, _)| *applies).map(|(_, fixed)| fixed)
    }

    /// RFC 4865 §4: beyond what EHLO listed.
    fn is_too_long(&self, now: Instant, hold: Hold) -> bool {
        let wall = self.wall(now);
        wall.checked_add(self.profile.hold_max).is_ok_and(|latest| hold.until(wall) > latest)
    }

    fn ask_mail(&mut self, now: Instant, mail: Mail) {
        let Mail { reverse_path, parameters, .. } = mail;
        let transaction = Transaction { smtputf8: parameters.smtputf8, ..Transaction::default() };
        let envelope = Envelope {
            reverse_path,
            envid: parameters.envid,
            ret: parameters.ret,
            body: parameters.body.unwrap_or_default(),
            smtputf8: parameters.smtputf8,
            require_tls: parameters.require_tls,
            hold_until: parameters.hold.map(|hold| hold.until(self.wall(now))),
        };
        self.question = Some(Question::Mail(transaction.into()));
        let request = MailRequest { envelope, size: parameters.size, auth_param: parameters.auth };
        self.events.push_back(Event::Mail(request));
    }

    fn mail_accepted(&mut self, now: Instant, transaction: Transaction) {
        self.transaction = Some(transaction);
        self.phase = Phase::Mail;
        self.tally.transaction();
        self.clock.transaction_begins(now);
        self.reply(replies::SENDER_OK);
    }

    pub(super) fn rcpt(&mut self, now: Instant, rcpt: Rcpt) {
        let Some(transaction) = &self.transaction else {
            return self.error(now, replies::MAIL_FIRST);
        };
        let unknown = rcpt.parameters != RcptParameters::default() && !(self.profile.extensions.dsn && self.extended);
        if unknown {
            self.error(now, replies::UNKNOWN_PARAMETER);
        } else if !rcpt.ascii && !transaction.smtputf8 {
            self.error(now, replies::NEEDS_SMTPUTF8);
        } else if transaction.recipients >= self.profile.recipients_max {
            // RFC 5321 §4.5.3.1.10: 452, so that the client sends the rest later. The limit is ours, no error.
            self.reply(replies::TOO_MANY_RECIPIENTS);
        } else {
            self.ask_rcpt(rcpt);
        }
    }

    fn ask_rcpt(&mut self, rcpt: Rcpt) {
        let RcptParameters { notify, orcpt } = rcpt.parameters;
        self.question = Some(Question::Rcpt);
        let request = RcptRequest { path: rcpt.forward_path, orcpt, notify: notify.unwrap_or_default() };
        self.events.push_back(Event::Rcpt(request));
    }

    fn rcpt_accepted(&mut self) {
        if let Some(transaction) = &mut self.transaction {
            transaction.recipients += 1;
            self.phase = Phase::Rcpt;
            self.reply(replies::RECIPIENT_OK);
        }
    }

    fn rcpt_refused(&mut self, now: Instant, reply: &Reply) {
        let unknown = reply.is_permanent() && reply.enhanced.is_some_and(|status| status.1 == 1);
        let consequence = if unknown { self.tally.error() } else { Consequence::Delay(Duration::ZERO) };
        self.error_with(now, reply, consequence);
    }

    /// The transaction is over, stored or not; the session goes on.
    pub(super) fn end_transaction(&mut self, now: Instant) {
        self.abort_transaction();
        self.clock.transaction_ends(now);
    }

    /// Gives the transaction up and tells the driver, once.
    pub(super) fn abort_transaction(&mut self) {
        if self.transaction.take().is_some_and(|transaction| !transaction.aborted) {
            self.events.push_back(Event::Abort);
        }
        self.reading = Reading::Commands;
    }

    /// RSET, NOOP, EHLO, HELP, VRFY: how long the reply waits. `None` when the session ended over it.
    pub(super) fn idle_talk(&mut self) -> Option<Duration> {
        if !self.tally.idle_command() {
            return Some(Duration::ZERO);
        }
        match self.tally.error() {
            Consequence::Delay(delay) => Some(delay),
            Consequence::End => {
                self.close_with(replies::TOO_MANY_ERRORS, CloseReason::Errors);
                None
            }
        }
    }

    pub(super) fn delay_by(&mut self, now: Instant, delay: Duration) {
        if !delay.is_zero() {
            self.delay_until(now + delay);
        }
    }
}
