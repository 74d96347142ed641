//! What a session is told about its task.

use rohrpost_mail::Host;

use super::{capabilities::Capabilities, timeouts::Timeouts};

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Protocol {
    /// RFC 5321.
    #[default]
    Smtp,
    /// RFC 2033: LHLO, and a reply for each recipient after the dot.
    Lmtp,
}

/// What is to be done about STARTTLS (RFC 3207).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Starttls {
    /// Not used, even if it is offered.
    Never,
    /// Used where it is offered. A server that offers it and then refuses ends the dialogue all the same: going on in
    /// clear text would reward whoever stands in between.
    #[default]
    IfOffered,
    /// Nothing goes on without it.
    Required,
}

/// What is not used although the server offers it: for servers that say what they cannot do. Default: all is used.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Quirks {
    /// Each command waits for the reply to the one before (against RFC 2920).
    pub no_pipelining: bool,
    /// DATA instead of BDAT (RFC 3030).
    pub no_chunking: bool,
    /// AUTH without an initial response (RFC 4954 §4): the server asks for it.
    pub no_initial_response: bool,
    /// MAIL without SIZE (RFC 1870).
    pub no_size: bool,
    /// No parameters of RFC 3461.
    pub no_dsn: bool,
}

impl Quirks {
    /// What is left of what the server offers.
    pub(super) fn narrow(self, mut offered: Capabilities) -> Capabilities {
        offered.pipelining &= !self.no_pipelining;
        offered.chunking &= !self.no_chunking;
        offered.size &= !self.no_size;
        offered.dsn &= !self.no_dsn;
        offered
    }
}

/// What a session is told about its task.
#[derive(Clone, Debug)]
pub struct Settings {
    /// SMTP (default) or LMTP.
    pub protocol: Protocol,
    /// What we call ourselves in EHLO, HELO or LHLO.
    pub ehlo_name: Host,
    /// STARTTLS, unless the session runs inside TLS from the start. Default: where it is offered.
    pub starttls: Starttls,
    /// The session runs inside TLS from the start. Default: no.
    pub in_tls: bool,
    /// Whether HELO may follow a refused EHLO (RFC 5321 §3.2). Default: no. Only for clear text without log-in: never
    /// where STARTTLS is required, whatever stands here, and never in LMTP.
    pub helo: bool,
    /// Limits per stage. Default: those of RFC 5321 §4.5.3.2.
    pub timeouts: Timeouts,
    /// What is not used although it is offered. Default: nothing.
    pub quirks: Quirks,
    /// Whether the message is withheld from everybody when one recipient is refused. Default: no. All recipients have to
    /// go in one transaction then.
    pub all_or_nothing: bool,
    /// Whether the dialogue is kept for [`Session::transcript`](super::Session::transcript). Default: no.
    pub transcript: bool,
}

impl Settings {
    /// SMTP, STARTTLS where it is offered, no HELO, the usual timeouts.
    pub fn new(ehlo_name: Host) -> Self {
        let (protocol, starttls) = (Protocol::default(), Starttls::default());
        Self {
            protocol,
            ehlo_name,
            starttls,
            in_tls: false,
            helo: false,
            timeouts: Timeouts::default(),
            quirks: Quirks::default(),
            all_or_nothing: false,
            transcript: false,
        }
    }

    /// The verb that greets the server.
    pub(super) fn hello_verb(&self) -> &'static str {
        match self.protocol {
            Protocol::Smtp => "EHLO",
            Protocol::Lmtp => "LHLO",
        }
    }

    /// Whether a refused EHLO may be followed by HELO, behind which there is neither STARTTLS nor AUTH.
    pub(super) fn may_say_helo(&self) -> bool {
        let tls_is_missing = self.starttls == Starttls::Required && !self.in_tls;
        self.helo && self.protocol == Protocol::Smtp && !tls_is_missing
    }
}
