//! From octets to what they do: commands, lines within commands, and messages of APPEND.

use std::{mem, time::Instant};

use super::state::{Reading, Session};
use crate::{
    command::Tag,
    event::CloseReason,
    parse::{BadCommand, ParseError},
    reader::Input,
    response::{Status, continuation},
};

/// First words of HTTP and SMTP.
const OTHER_PROTOCOLS: [&str; 9] = ["GET", "POST", "HEAD", "PUT", "OPTIONS", "CONNECT", "EHLO", "HELO", "LHLO"];

impl Session {
    /// Reads on, and says how many octets were taken; `None` where nothing can be read before a question is answered.
    pub(super) fn read(&mut self, now: Instant, input: &[u8]) -> Option<usize> {
        // A TLS record, a PROXY header of version 2 or noise is not worth waiting for the end of a line.
        if !std::mem::replace(&mut self.has_spoken, true) && !input[0].is_ascii_graphic() {
            self.close_with("This is no IMAP", CloseReason::NotImap);
            return Some(input.len());
        }
        let (taken, read) = self.reader.read(input);
        let more = taken < input.len();
        match read {
            None if taken == 0 => return None,
            None => {}
            Some(Input::Command(command)) => self.execute(now, command, more),
            Some(Input::Bad(bad)) => self.bad_command(now, bad),
            Some(Input::Continue) => {
                continuation(self.output.buffer(), "OK");
                self.output.flush();
            }
            Some(Input::Line(line)) => self.line(now, line.expose().as_bytes()),
            Some(Input::Message(message)) => self.next_message(&message),
            Some(Input::Octets(octets)) => self.message_octets(octets),
            Some(Input::MessageEnd) => self.message_end(),
            Some(Input::AppendEnd) => self.append_end(now),
        }
        Some(taken)
    }

    /// A line within AUTHENTICATE or IDLE.
    fn line(&mut self, now: Instant, line: &[u8]) {
        match mem::replace(&mut self.reading, Reading::Commands) {
            Reading::Auth(login) => self.auth_line(now, *login, line),
            Reading::Idle => self.idle_line(now, line),
            reading => self.reading = reading,
        }
    }

    /// What is no command. Where it has a tag, so has the answer; in AUTHENTICATE and IDLE it is that of the command.
    fn bad_command(&mut self, now: Instant, bad: BadCommand) {
        self.give_up_append();
        self.reading = Reading::Commands;
        if self.is_another_protocol(&bad) || bad.error.status() == Status::Bye {
            return self.close_with(&bad.to_string(), CloseReason::NotImap);
        }
        let tag = self.current.take().map(|current| current.tag);
        let line = BadCommand { tag: bad.tag.or(tag), ..bad }.line();
        line.print(self.output.buffer());
        let consequence = self.tally.error();
        self.follow(now, consequence);
    }

    /// A browser that a page made speak to us, or a mail client at the wrong port: the rest of what it sends may hold
    /// anything, commands of ours included.
    fn is_another_protocol(&self, bad: &BadCommand) -> bool {
        let is_verb = |tag: &Tag| OTHER_PROTOCOLS.iter().any(|verb| tag.as_str().eq_ignore_ascii_case(verb));
        let is_unknown = matches!(bad.error, ParseError::UnknownCommand | ParseError::Tag);
        !self.is_logged_in() && is_unknown && bad.tag.as_ref().is_some_and(is_verb)
    }
}
