//! How long the client waits for what. RFC 5321 §4.5.3.2.
//!
//! Each time counts without *progress*, and progress is a complete reply, or a block of the body taken at a pace of at
//! least [`PACE_BYTES`] in [`PACE_TIME`]. Single octets of a reply are none: a peer that trickles them frees the slot as
//! soon as one that is silent.

use std::time::Duration;

use rohrpost_mail::Stage;

/// The shortest wait for the reply to the final dot. RFC 5321 §4.5.3.2.6: whoever hangs up earlier sends the message
/// twice, since the peer may just be about to take it.
pub const DOT_MIN: Duration = Duration::from_mins(10);

/// The pace of a body: 100 octets a second …
pub const PACE_BYTES: usize = 6_000;
/// … looked at over a minute, so that a short stall does not count.
pub const PACE_TIME: Duration = Duration::from_mins(1);

/// Limits per stage, each with its default. The sections are those of RFC 5321.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// The TCP connection, which the driver opens; 30 s.
    pub connect: Duration,
    /// The greeting; 5 min (§4.5.3.2.1).
    pub greeting: Duration,
    /// EHLO, HELO, LHLO; 5 min.
    pub ehlo: Duration,
    /// The reply to STARTTLS, and the handshake; 1 min.
    pub starttls: Duration,
    /// Each reply of AUTH; 5 min, since some servers let a wrong password wait.
    pub auth: Duration,
    /// MAIL; 5 min (§4.5.3.2.2).
    pub mail: Duration,
    /// RCPT; 5 min (§4.5.3.2.3).
    pub rcpt: Duration,
    /// DATA; 2 min (§4.5.3.2.4).
    pub data: Duration,
    /// A block of the body; 3 min (§4.5.3.2.5).
    pub block: Duration,
    /// The reply to the whole message; 10 min (§4.5.3.2.6), and never less than [`DOT_MIN`] whatever stands here.
    pub dot: Duration,
    /// RSET and QUIT; 20 s.
    pub rset: Duration,
    /// The whole transaction up to the end of the body; `None` by default, no limit. The reply to the dot has its own time.
    pub total: Option<Duration>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            greeting: Duration::from_mins(5),
            ehlo: Duration::from_mins(5),
            starttls: Duration::from_mins(1),
            auth: Duration::from_mins(5),
            mail: Duration::from_mins(5),
            rcpt: Duration::from_mins(5),
            data: Duration::from_mins(2),
            block: Duration::from_mins(3),
            dot: DOT_MIN,
            rset: Duration::from_secs(20),
            total: None,
        }
    }
}

impl Timeouts {
    /// The wait for the reply of a stage.
    pub fn reply(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Dns | Stage::Policy | Stage::Connect | Stage::Local => self.connect,
            Stage::Greeting => self.greeting,
            Stage::Ehlo => self.ehlo,
            Stage::Tls | Stage::Starttls => self.starttls,
            Stage::Auth => self.auth,
            Stage::Mail => self.mail,
            Stage::Rcpt => self.rcpt,
            Stage::Data => self.data,
            Stage::Dot => self.dot.max(DOT_MIN),
        }
    }
}
