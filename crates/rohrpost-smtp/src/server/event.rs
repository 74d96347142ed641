//! What a session asks and tells its driver, and the answers.

use bytes::Bytes;
use rohrpost_mail::{Envelope, ForwardPath, Notify, Orcpt, QueueId, Reply, Secret};
use rohrpost_sasl::Mechanism;

/// How a client said hello.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum HelloVerb {
    /// HELO: no extensions.
    Helo,
    /// EHLO
    Ehlo,
    /// LHLO (RFC 2033)
    Lhlo,
}

/// What [`super::Session::poll_event`] hands out. "Asks" means that the session takes no more input until the answer
/// is there.
#[derive(Debug)]
pub enum Event {
    /// The client said its name. Nothing to answer.
    Hello {
        /// How.
        verb: HelloVerb,
        /// The name as it was said: at most 255 octets without control characters, and nothing to trust.
        name: String,
    },
    /// Asks whether the password is right, and `authzid` allowed: [`super::Session::answer_password`].
    Password {
        /// PLAIN or LOGIN.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose password it is, in the form of RFC 8265.
        user: String,
        /// The password, in the form of RFC 8265.
        password: Secret,
    },
    /// Asks for the keys of an account: [`super::Session::answer_scram`]. Where `authzid` is not allowed for it, there
    /// are none.
    ScramKeys {
        /// Which of the two.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose keys are asked for, in the form of RFC 8265.
        user: String,
    },
    /// The client has logged in. Nothing to answer.
    Authenticated {
        /// Which mechanism.
        mechanism: Mechanism,
        /// Who it is.
        user: String,
        /// Whom it acts as; empty for itself.
        authzid: String,
    },
    /// A proof of SCRAM was wrong: one wrong password more for this account and peer. Nothing to answer.
    AuthFailed {
        /// Which of the two.
        mechanism: Mechanism,
        /// The account that was tried, whether it exists or not.
        user: String,
    },
    /// MAIL asks whether this sender may: [`super::Session::answer`].
    Mail(MailRequest),
    /// RCPT asks whether this recipient is served: [`super::Session::answer`].
    Rcpt(RcptRequest),
    /// DATA, or the first BDAT, asks whether the message may come: [`super::Session::answer`].
    Data,
    /// Octets of the message: CRLF line ends only, no transparency dots. Nothing to answer.
    Body(Bytes),
    /// The message is complete. Asks for [`super::Session::accept_message`] or [`super::Session::refuse_message`].
    End {
        /// Octets of all [`Event::Body`] of this message.
        octets: u64,
    },
    /// The transaction is over without a message: RSET, EHLO, a message that breaks the rules, a lost connection.
    /// What was taken in for it is to be dropped. Nothing to answer.
    Abort,
    /// Once everything of [`super::Session::poll_transmit`] is written: shake hands, then
    /// [`super::Session::tls_started`]. Nothing that was read before may be given to TLS or to the session.
    StartTls,
    /// The session is over; what [`super::Session::poll_transmit`] still has may be written.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// MAIL, read and found in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailRequest {
    /// The sender and what it asked for.
    pub envelope: Envelope,
    /// `SIZE=`, not above the listener's limit.
    pub size: Option<u64>,
    /// `AUTH=`, decoded; `<>` where the sender did not log in or will not say (RFC 4954 §5). Nothing to trust.
    pub auth_param: Option<String>,
}

/// RCPT, read and found in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RcptRequest {
    /// The recipient.
    pub path: ForwardPath,
    /// `ORCPT=`, decoded.
    pub orcpt: Option<Orcpt>,
    /// `NOTIFY=`
    pub notify: Notify,
}

/// What the reply to an accepted message says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Accepted {
    /// The name of the message in the queue.
    pub id: QueueId,
    /// LMTP: one reply for each accepted recipient, in their order. `None`: 250 for all.
    pub per_recipient: Option<Vec<Reply>>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseReason {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection.
    Lost,
    /// The client took too long, or was too slow within a message.
    TimedOut,
    /// Too many errors.
    Errors,
    /// Too many wrong passwords.
    Guessing,
    /// More transactions than a session may have.
    Messages,
    /// What came was no SMTP: HTTP, TLS, PROXY, noise.
    NotSmtp,
    /// The client spoke before the greeting.
    EarlyTalker,
    /// Octets followed STARTTLS, or DATA, before its reply.
    Injection,
    /// A CR or LF stood alone in a command, or in a message where that is refused.
    BareNewline,
    /// A BDAT whose octets cannot be counted.
    BadChunk,
    /// The driver refused the connection, or a reply of the driver said 421.
    Refused,
    /// The driver shuts down.
    ShutDown,
}

/// Octets to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// One or more whole replies.
    pub bytes: Bytes,
    /// Not to be written before this instant.
    pub not_before: Option<std::time::Instant>,
}
