//! AUTH: base64 around a SASL exchange. RFC 4954 §4.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rohrpost_mail::{Reply, Secret, Severity, Stage};
use rohrpost_sasl::{Mechanism, SaslError, client::Exchange};

use super::{error::SessionError, output::Output};
use crate::limits::COMMAND_LINE_BYTES_MAX;

/// One exchange on the wire. It is bounded: each mechanism knows how many challenges it has and fails at one more.
pub(super) struct Dialogue {
    exchange: Exchange,
    /// An initial response that was too long for the command; it goes behind an empty challenge.
    held: Option<String>,
    /// Our responses, for some servers repeat them when they refuse.
    said: Vec<Secret>,
}

/// Where a reply led.
pub(super) enum Verdict {
    /// Our answer is on its way.
    Continues,
    /// Logged in, and the server proved what the mechanism makes it prove.
    Done,
    /// The server does not want these credentials, or not this mechanism.
    Refused(Reply),
}

impl Dialogue {
    /// Writes the command, with the initial response where the mechanism has one and the line has room for it: lines of
    /// responses may be longer than those of commands (RFC 4954 §4). With `waits` the server has to ask for it.
    pub(super) fn start(mechanism: Mechanism, mut exchange: Exchange, waits: bool, output: &mut Output) -> Self {
        let command = format!("AUTH {mechanism}");
        let room = COMMAND_LINE_BYTES_MAX - command.len() - " \r\n".len();
        let mut held = exchange.initial().map(|initial| BASE64.encode(initial));
        let said =
            held.iter().filter(|initial| !initial.is_empty()).map(|initial| Secret::new(initial.as_str())).collect();
        match held.take_if(|initial| !waits && initial.len() <= room) {
            // RFC 4954 §4: an initial response of no octets is written as a single equals sign.
            Some(initial) if initial.is_empty() => output.line(&format!("{command} =")),
            Some(initial) => output.masked(&format!("{command} {initial}"), &format!("{command} ***")),
            None => output.line(&command),
        }
        Self { exchange, held, said }
    }

    /// A final reply without what we said, so that no log and no error shows a secret.
    pub(super) fn scrub(&self, reply: Reply) -> Reply {
        if reply.code == 334 {
            return reply;
        }
        let text = self.said.iter().fold(reply.text, |text, said| text.replace(said.expose(), "***"));
        Reply { text, ..reply }
    }

    /// Takes a reply to AUTH or to a response. An error ends the connection: the server cannot be believed any more.
    pub(super) fn on_reply(&mut self, reply: Reply, output: &mut Output) -> Result<Verdict, SessionError> {
        match reply.severity() {
            Severity::Intermediate if reply.code == 334 => self.respond(&reply, output).map(|()| Verdict::Continues),
            Severity::Intermediate => Err(SessionError::Unexpected { stage: Stage::Auth, reply }),
            Severity::Positive if self.held.is_some() => Err(SessionError::Unexpected { stage: Stage::Auth, reply }),
            Severity::Positive => self.exchange.finished().map(|()| Verdict::Done).map_err(SessionError::Sasl),
            Severity::Temporary | Severity::Permanent => Ok(Verdict::Refused(reply)),
        }
    }

    fn respond(&mut self, reply: &Reply, output: &mut Output) -> Result<(), SessionError> {
        let challenge = BASE64.decode(reply.text.trim());
        let challenge = challenge.map_err(|_| SessionError::Challenge)?;
        let response = match self.held.take() {
            Some(initial) if challenge.is_empty() => initial,
            Some(_) => return Err(SessionError::Sasl(SaslError::BadChallenge)),
            None => BASE64.encode(self.exchange.step(&challenge).map_err(SessionError::Sasl)?),
        };
        output.masked(&response, "***");
        if !response.is_empty() {
            self.said.push(Secret::new(response));
        }
        Ok(())
    }
}

/// Credentials are inside: nothing of it is shown.
impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialogue").finish_non_exhaustive()
    }
}
