//! From a line to what it does: the gates every command passes, and the table of state and command.

use std::time::Instant;

use rohrpost_mail::ListenerTls;

use super::{
    event::{CloseReason, Event, HelloVerb},
    hello::{self, AuthRule},
    input::Line,
    profile::Protocol,
    replies::{self, Fixed},
    session::{Phase, Session},
};
use crate::command::{self, Command, Fault, Verb};

impl<P> Session<P> {
    /// Executes a line once it is there. `more` says whether octets follow it in the same input.
    pub(super) fn command_line(&mut self, now: Instant, line: Line<'_>, more: bool) {
        match line {
            Line::Partial => {}
            Line::Whole(line) => self.execute(now, line, more),
            Line::Joined(line) => self.execute(now, &line, more),
            Line::TooLong(beginning) => {
                let fixed = replies::of_fault(command::verb_of(&beginning), &Fault::TooLong);
                self.error(now, fixed);
            }
            Line::BareNewline => self.close_with(replies::BARE_NEWLINE, CloseReason::BareNewline),
            Line::Endless => self.close_with(replies::LINE_TOO_LONG, CloseReason::Errors),
        }
    }

    fn execute(&mut self, now: Instant, line: &[u8], more: bool) {
        let (verb, parsed) = command::read(line);
        match verb {
            Verb::NotSmtp => return self.close_with(replies::NOT_SMTP, CloseReason::NotSmtp),
            // Where DATA is refused it would be read as commands, where not, commands as a message.
            Verb::Data if more => return self.close_with(replies::PIPELINED_DATA, CloseReason::Injection),
            _ => {}
        }
        match (self.gate(verb), parsed) {
            (Some(fixed), Ok(Command::Bdat(chunk))) => self.misplaced_chunk(now, chunk, fixed),
            // What follows a BDAT whose octets cannot be counted may be anything.
            (_, Err(Fault::Chunk)) => self.close_with(replies::BAD_CHUNK, CloseReason::BadChunk),
            (Some(fixed), _) => self.error(now, fixed),
            (None, Ok(command)) => self.dispatch(now, command, more),
            (None, Err(fault)) => self.error(now, replies::of_fault(verb, &fault)),
        }
    }

    /// What keeps a command from being looked at, whatever its arguments.
    fn gate(&self, verb: Verb) -> Option<Fixed> {
        let protocol = self.profile.protocol;
        let extensions = &self.profile.extensions;
        let required = self.tls.is_none() && hello::tls_in_effect(&self.profile) == ListenerTls::Required;
        let restart = matches!(verb, Verb::Hello(_) | Verb::Rset | Verb::Quit);
        match verb {
            Verb::Hello(verb) if (verb == HelloVerb::Lhlo) != (protocol == Protocol::Lmtp) => {
                Some(replies::UNKNOWN_COMMAND)
            }
            Verb::Auth if self.auth_rule() == AuthRule::Off => Some(replies::NOT_IMPLEMENTED),
            Verb::Hello(_) | Verb::Noop | Verb::Rset | Verb::Quit | Verb::StartTls if required => None,
            _ if required => Some(replies::TLS_FIRST),
            Verb::StartTls if self.tls.is_none() && !hello::offers_starttls(&self.profile) => {
                Some(replies::NOT_IMPLEMENTED)
            }
            Verb::Bdat if !extensions.chunking => Some(replies::NOT_IMPLEMENTED),
            _ if self.phase == Phase::ChunkFailed && !restart => Some(replies::CHUNK_FAILED),
            _ => None,
        }
    }

    /// The table. What it does not name comes at the wrong time.
    fn dispatch(&mut self, now: Instant, command: Command<'_>, more: bool) {
        use Phase::{Chunks, Greeted, Mail, Rcpt, Ready};
        match (self.phase, command) {
            (_, Command::Hello(verb, name)) => self.hello(now, verb, name),
            (_, Command::Quit) => self.close_with(replies::BYE, CloseReason::Quit),
            (_, Command::Rset) => self.reset(now),
            (_, Command::Noop) => self.idle(now, replies::OK),
            (_, Command::Help) => self.idle(now, replies::HELP),
            (_, Command::Vrfy) => self.idle(now, replies::CANNOT_VERIFY),
            (Greeted | Ready, Command::StartTls) => self.start_tls(now, more),
            (Ready, Command::Auth { mechanism, initial }) => self.auth(now, mechanism, initial),
            (Ready, Command::Mail(mail)) => self.mail(now, mail),
            (Mail | Rcpt, Command::Rcpt(rcpt)) => self.rcpt(now, rcpt),
            (Rcpt, Command::Data) => self.ask_data(),
            (Rcpt, Command::Bdat(chunk)) => self.ask_chunk(chunk),
            (Chunks, Command::Bdat(chunk)) => self.next_chunk(now, chunk),
            (Greeted, Command::Auth { .. } | Command::Mail(_) | Command::Rcpt(_) | Command::Data) => {
                self.error(now, self.hello_first());
            }
            (Ready, Command::Rcpt(_) | Command::Data) => self.error(now, replies::MAIL_FIRST),
            (Mail, Command::Data) => self.error(now, replies::RECIPIENT_FIRST),
            (Mail, Command::Bdat(chunk)) => self.misplaced_chunk(now, chunk, replies::RECIPIENT_FIRST),
            (Ready | Greeted, Command::Bdat(chunk)) => self.misplaced_chunk(now, chunk, replies::MAIL_FIRST),
            (_, Command::Bdat(chunk)) => self.misplaced_chunk(now, chunk, replies::BAD_SEQUENCE),
            (_, _) => self.error(now, replies::BAD_SEQUENCE),
        }
    }

    fn hello_first(&self) -> Fixed {
        if self.profile.protocol == Protocol::Lmtp { replies::LHLO_FIRST } else { replies::HELLO_FIRST }
    }

    /// HELO, EHLO, LHLO: who it is, and a new beginning (RFC 5321 §4.1.4).
    fn hello(&mut self, now: Instant, verb: HelloVerb, name: String) {
        self.end_transaction(now);
        self.phase = Phase::Ready;
        self.extended = verb != HelloVerb::Helo;
        self.events.push_back(Event::Hello { verb, name });
        let wall = self.wall(now);
        let lines = match verb {
            HelloVerb::Helo => vec![self.profile.host_name.to_string()],
            HelloVerb::Ehlo | HelloVerb::Lhlo => hello::lines(&self.profile, self.tls.as_ref(), self.auth_rule(), wall),
        };
        if let Some(delay) = self.idle_talk() {
            self.output.hello(&lines);
            self.delay_by(now, delay);
        }
    }

    fn reset(&mut self, now: Instant) {
        self.end_transaction(now);
        if self.phase != Phase::Greeted {
            self.phase = Phase::Ready;
        }
        self.idle(now, replies::OK);
    }

    /// Commands that move nothing have their answer, but not without end.
    fn idle(&mut self, now: Instant, fixed: Fixed) {
        if let Some(delay) = self.idle_talk() {
            self.reply(fixed);
            self.delay_by(now, delay);
        }
    }

    /// RFC 3207 §4, and [`crate::manual::starttls_injection`]. In a transaction it comes at the wrong time.
    fn start_tls(&mut self, now: Instant, more: bool) {
        if self.tls.is_some() {
            return self.error(now, replies::TLS_IS_ON);
        }
        if more {
            return self.close_with(replies::PIPELINED_STARTTLS, CloseReason::Injection);
        }
        self.phase = Phase::Handshake;
        self.reply(replies::READY_FOR_TLS);
        self.output.flush();
        self.events.push_back(Event::StartTls);
    }
}
