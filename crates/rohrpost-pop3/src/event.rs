//! What a session asks and tells its driver.

use bytes::Bytes;
use rohrpost_mail::Secret;
use rohrpost_sasl::Mechanism;

/// What [`crate::Session::poll_event`] hands out. "Asks" means that the session takes no more input until the answer is
/// there.
#[derive(Debug)]
pub enum Event {
    /// Asks whether the password is right, and `authzid` allowed: [`crate::Session::answer_password`].
    Password {
        /// PLAIN or LOGIN. USER and PASS are PLAIN in other words.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose password it is, in the form of RFC 8265.
        user: String,
        /// The password, in the form of RFC 8265.
        password: Secret,
    },
    /// Asks for the keys of an account: [`crate::Session::answer_scram`]. Where `authzid` is not allowed for it, there
    /// are none.
    ScramKeys {
        /// Which of the two.
        mechanism: Mechanism,
        /// Whom the client wants to act as; empty for itself.
        authzid: String,
        /// Whose keys are asked for, in the form of RFC 8265.
        user: String,
    },
    /// A proof of SCRAM was wrong: one wrong password more for this account and peer. Nothing to answer.
    AuthFailed {
        /// Which of the two.
        mechanism: Mechanism,
        /// The account that was tried, whether it exists or not.
        user: String,
    },
    /// The client is who it says. Asks for its messages: [`crate::Session::answer_maildrop`].
    Authenticated {
        /// Which mechanism.
        mechanism: Mechanism,
        /// Who it is.
        user: String,
        /// Whom it acts as; empty for itself.
        authzid: String,
    },
    /// RETR or TOP asks for a message: [`crate::Session::begin_message`], [`crate::Session::push_message`] as often as
    /// it says that it wants more, and [`crate::Session::end_message`]; or [`crate::Session::refuse_message`].
    Message {
        /// Which one.
        uid: u32,
    },
    /// QUIT asks to remove these messages: [`crate::Session::answer_removal`]. There is at least one.
    Remove {
        /// Which ones, in ascending order.
        uids: Vec<u32>,
    },
    /// Once everything of [`crate::Session::poll_transmit`] is written: shake hands, then
    /// [`crate::Session::tls_started`]. Nothing that was read before may be given to TLS or to the session.
    StartTls,
    /// The session is over; what [`crate::Session::poll_transmit`] still has may be written.
    Closed {
        /// Why.
        reason: CloseReason,
    },
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum CloseReason {
    /// The client said QUIT.
    Quit,
    /// The client closed the connection. Nothing was removed.
    Lost,
    /// The client was silent for too long. Nothing was removed.
    TimedOut,
    /// Too many errors.
    Errors,
    /// Too many wrong passwords.
    Guessing,
    /// What came was no POP3: HTTP, TLS, noise.
    NotPop3,
    /// Octets followed STLS before its response.
    Injection,
    /// A CR or LF stood alone in a command.
    BareNewline,
    /// The driver refused the connection.
    Refused,
    /// A message could not be read to its end.
    Broken,
    /// The driver shuts down.
    ShutDown,
}

/// Octets to be written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Transmit {
    /// Whole responses, or a part of a message or list.
    pub bytes: Bytes,
    /// Not to be written before this instant.
    pub not_before: Option<std::time::Instant>,
}
