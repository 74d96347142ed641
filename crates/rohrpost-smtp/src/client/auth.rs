//! AUTH: base64 around a SASL exchange. RFC 4954 §4.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use rohrpost_mail::{Reply, Severity, Stage};
use rohrpost_sasl::{Mechanism, client::Exchange};

use super::{error::SessionError, output::Output};

/// One exchange on the wire. It is bounded: each mechanism knows how many challenges it has and fails at one more.
pub(super) struct Dialogue(Exchange);

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
    /// Writes the command, with the initial response where the mechanism has one.
    pub(super) fn start(mechanism: Mechanism, mut exchange: Exchange, output: &mut Output) -> Self {
        match exchange.initial() {
            None => output.line(&format!("AUTH {mechanism}")),
            // RFC 4954 §4: an initial response of no octets is written as a single equals sign.
            Some(initial) if initial.is_empty() => output.line(&format!("AUTH {mechanism} =")),
            Some(initial) => output.line(&format!("AUTH {mechanism} {}", BASE64.encode(initial))),
        }
        Self(exchange)
    }

    /// Takes a reply to AUTH or to a response. An error ends the connection: the server cannot be believed any more.
    pub(super) fn on_reply(&mut self, reply: Reply, output: &mut Output) -> Result<Verdict, SessionError> {
        match reply.severity() {
            Severity::Intermediate if reply.code == 334 => self.respond(&reply, output).map(|()| Verdict::Continues),
            Severity::Intermediate => Err(SessionError::Unexpected { stage: Stage::Auth, reply }),
            Severity::Positive => self.0.finished().map(|()| Verdict::Done).map_err(SessionError::Sasl),
            Severity::Temporary | Severity::Permanent => Ok(Verdict::Refused(reply)),
        }
    }

    fn respond(&mut self, reply: &Reply, output: &mut Output) -> Result<(), SessionError> {
        let challenge = BASE64.decode(reply.text.trim());
        let challenge = challenge.map_err(|_| SessionError::Challenge)?;
        let response = self.0.step(&challenge).map_err(SessionError::Sasl)?;
        output.line(&BASE64.encode(response));
        Ok(())
    }
}

/// Credentials are inside: nothing of it is shown.
impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialogue").finish_non_exhaustive()
    }
}
