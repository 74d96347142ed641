//! What a [`crate::Peer`] says and does, step by step.

use std::sync::Arc;

use rohrpost_tls::ServerTls;

use crate::{Gate, transcript::unescape};

/// One connection of a [`crate::Peer`].
///
/// ```
/// use rohrpost_testkit::{Gate, Script};
///
/// let gate = Gate::new();
/// let script = Script::new().say("220 mx.there.test").hear("EHLO").wait_for(&gate).say("421 4.3.2 Going down").close();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Script(pub(crate) Arc<Vec<Step>>);

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Say(Vec<u8>),
    Repeat(Vec<u8>, usize),
    Hear(String),
    HearMessage,
    Wait(Gate),
    Signal(Gate),
    Tls(ServerTls),
    Close,
    Reset,
}

impl Script {
    /// Takes the connection, says nothing, and hears whatever comes.
    pub fn new() -> Self {
        Self::default()
    }

    /// The dialogue of a server that takes one message: greeting, EHLO with these keywords, MAIL, RCPT, DATA, dot.
    pub fn takes_one(keywords: &[&str]) -> Self {
        Self::new().greets(keywords).hear("MAIL").say("250 2.1.0 OK").hear("RCPT").say("250 2.1.5 OK").takes_data()
    }

    /// Greeting and EHLO with these keywords.
    #[must_use]
    pub fn greets(self, keywords: &[&str]) -> Self {
        self.say("220 mx.there.test ESMTP").hear("EHLO").lists(keywords)
    }

    /// The reply to EHLO: the host's name, for the first line never holds a keyword (RFC 5321 §4.1.1.1), then these.
    #[must_use]
    pub fn lists(self, keywords: &[&str]) -> Self {
        let host = self.say("250-mx.there.test");
        let more = keywords.iter().fold(host, |script, keyword| script.say(&format!("250-{keyword}")));
        more.say("250 HELP")
    }

    /// DATA, the message, and 250.
    #[must_use]
    pub fn takes_data(self) -> Self {
        self.hear("DATA").say("354 Go ahead").hear_message().say("250 2.0.0 OK")
    }

    /// Sends a line, with the escapes of [`crate::transcript`], and CRLF.
    #[must_use]
    pub fn say(self, line: &str) -> Self {
        self.step(Step::Say([unescape(line).as_slice(), b"\r\n"].concat()))
    }

    /// Sends octets as they are.
    #[must_use]
    pub fn say_raw(self, octets: &[u8]) -> Self {
        self.step(Step::Say(octets.to_vec()))
    }

    /// Sends octets again and again, until the other side closes or it is done.
    #[must_use]
    pub fn repeat(self, octets: &[u8], times: usize) -> Self {
        self.step(Step::Repeat(octets.to_vec(), times))
    }

    /// Waits for a line that starts with this, in any case. Another line ends the connection, and
    /// [`crate::Peer::faults`] tells.
    #[must_use]
    pub fn hear(self, start: &str) -> Self {
        self.step(Step::Hear(start.to_owned()))
    }

    /// Waits for a message up to its final dot.
    #[must_use]
    pub fn hear_message(self) -> Self {
        self.step(Step::HearMessage)
    }

    /// Waits until the test opens the gate.
    #[must_use]
    pub fn wait_for(self, gate: &Gate) -> Self {
        self.step(Step::Wait(gate.clone()))
    }

    /// Opens a gate: the test can wait until the dialogue has come to this step.
    #[must_use]
    pub fn signal(self, gate: &Gate) -> Self {
        self.step(Step::Signal(gate.clone()))
    }

    /// Shakes hands; all that follows is inside TLS.
    #[must_use]
    pub fn tls(self, tls: &ServerTls) -> Self {
        self.step(Step::Tls(tls.clone()))
    }

    /// Closes the connection. A script that ends without it waits for the other side to close.
    #[must_use]
    pub fn close(self) -> Self {
        self.step(Step::Close)
    }

    /// Breaks the connection: the other side sees a reset.
    #[must_use]
    pub fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    fn step(mut self, step: Step) -> Self {
        Arc::make_mut(&mut self.0).push(step);
        self
    }
}
