//! Every reply that a session gives of its own: one table, so that texts and codes can be read beside one another.
//!
//! The texts are fixed; what a peer sent is never part of them.

use rohrpost_mail::Reply;

use super::profile::Profile;
use crate::{
    command::{Fault, ParameterError, Verb},
    content::ContentError,
};

/// A fixed reply: code, subject and detail of the enhanced status (RFC 3463), text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Fixed(pub(super) u16, pub(super) u16, pub(super) u16, pub(super) &'static str);

impl From<Fixed> for Reply {
    fn from(Fixed(code, subject, detail, text): Fixed) -> Self {
        Self::with(code, subject, detail, text)
    }
}

pub(super) const OK: Fixed = Fixed(250, 0, 0, "OK");
pub(super) const SENDER_OK: Fixed = Fixed(250, 1, 0, "Sender OK");
pub(super) const RECIPIENT_OK: Fixed = Fixed(250, 1, 5, "Recipient OK");
pub(super) const CHUNK_OK: Fixed = Fixed(250, 0, 0, "Chunk OK");
pub(super) const BYE: Fixed = Fixed(221, 0, 0, "Bye");
pub(super) const READY_FOR_TLS: Fixed = Fixed(220, 0, 0, "Ready to start TLS");
pub(super) const LOGGED_IN: Fixed = Fixed(235, 7, 0, "Logged in");
pub(super) const CANNOT_VERIFY: Fixed = Fixed(252, 5, 2, "Send some mail, I'll try my best");
pub(super) const HELP: Fixed = Fixed(214, 0, 0, "See RFC 5321");

pub(super) const UNKNOWN_COMMAND: Fixed = Fixed(500, 5, 2, "Unknown command");
pub(super) const LINE_TOO_LONG: Fixed = Fixed(500, 5, 2, "Line too long");
pub(super) const AUTH_LINE_TOO_LONG: Fixed = Fixed(500, 5, 6, "Line too long");
pub(super) const NUL: Fixed = Fixed(500, 5, 2, "NUL is not allowed");
pub(super) const BARE_NEWLINE: Fixed = Fixed(500, 5, 2, "Lines must end with CR LF");
pub(super) const ARGUMENTS: Fixed = Fixed(501, 5, 4, "Syntax error in the arguments");
pub(super) const BAD_SENDER: Fixed = Fixed(501, 1, 7, "Syntax error in the sender's address");
pub(super) const BAD_RECIPIENT: Fixed = Fixed(501, 1, 3, "Syntax error in the recipient's address");
pub(super) const BAD_PARAMETER: Fixed = Fixed(501, 5, 4, "Syntax error in a parameter");
pub(super) const PARAMETER_TWICE: Fixed = Fixed(501, 5, 4, "A parameter is given twice");
pub(super) const HOLD_TOO_LONG: Fixed = Fixed(501, 5, 4, "The message cannot be held that long");
pub(super) const BAD_BASE64: Fixed = Fixed(501, 5, 2, "Not what the mechanism expects");
pub(super) const AUTH_CANCELLED: Fixed = Fixed(501, 5, 2, "Cancelled");
pub(super) const UNKNOWN_PARAMETER: Fixed = Fixed(555, 5, 4, "A parameter is not known here");
pub(super) const NOT_IMPLEMENTED: Fixed = Fixed(502, 5, 1, "Command not implemented");
pub(super) const UNKNOWN_MECHANISM: Fixed = Fixed(504, 5, 4, "Mechanism not offered");

pub(super) const HELLO_FIRST: Fixed = Fixed(503, 5, 1, "Send EHLO first");
pub(super) const LHLO_FIRST: Fixed = Fixed(503, 5, 1, "Send LHLO first");
pub(super) const MAIL_FIRST: Fixed = Fixed(503, 5, 1, "Send MAIL first");
pub(super) const RECIPIENT_FIRST: Fixed = Fixed(503, 5, 1, "No valid recipient");
pub(super) const BAD_SEQUENCE: Fixed = Fixed(503, 5, 1, "Not in this place");
pub(super) const CHUNK_FAILED: Fixed = Fixed(503, 5, 1, "A chunk has failed, send RSET");
pub(super) const EMPTY_CHUNKS: Fixed = Fixed(503, 5, 1, "Too many empty chunks");
pub(super) const TLS_IS_ON: Fixed = Fixed(503, 5, 1, "TLS is on already");
pub(super) const LOGGED_IN_ALREADY: Fixed = Fixed(503, 5, 1, "You have logged in already");

pub(super) const TLS_FIRST: Fixed = Fixed(530, 7, 0, "Must issue a STARTTLS command first");
pub(super) const AUTH_FIRST: Fixed = Fixed(530, 7, 0, "Authentication required");
pub(super) const AUTH_NEEDS_TLS: Fixed = Fixed(538, 7, 11, "Encryption required for authentication");
pub(super) const WRONG_PASSWORD: Fixed = Fixed(535, 7, 8, "Authentication credentials invalid");
pub(super) const CANNOT_CHECK: Fixed = Fixed(454, 7, 0, "Temporary authentication failure");
pub(super) const TOO_MANY_SESSIONS: Fixed = Fixed(454, 7, 0, "Too many sessions of this account, close one");
pub(super) const LOCKED: Fixed = Fixed(454, 7, 0, "Too many wrong passwords, try again later");

pub(super) const TOO_MANY_RECIPIENTS: Fixed = Fixed(452, 5, 3, "Too many recipients");
pub(super) const TOO_LARGE: Fixed = Fixed(552, 3, 4, "Message too large");
pub(super) const NEEDS_SMTPUTF8: Fixed = Fixed(550, 6, 7, "The address needs SMTPUTF8");
pub(super) const CONTENT_NUL: Fixed = Fixed(550, 6, 0, "The message holds a NUL");
pub(super) const CONTENT_BARE_NEWLINE: Fixed = Fixed(550, 5, 2, "The message holds a bare CR or LF");
pub(super) const CONTENT_LINE: Fixed = Fixed(554, 6, 0, "A line of the message is too long");
pub(super) const CONTENT_HEADER: Fixed = Fixed(554, 6, 0, "The header of the message is too large");

pub(super) const EARLY_TALKER: Fixed = Fixed(554, 5, 1, "You must wait for the greeting");
pub(super) const NOT_SMTP: Fixed = Fixed(554, 5, 2, "This is not SMTP");
pub(super) const PIPELINED_STARTTLS: Fixed = Fixed(554, 5, 0, "Nothing may follow STARTTLS before its reply");
pub(super) const PIPELINED_DATA: Fixed = Fixed(554, 5, 0, "Nothing may follow DATA before its reply");
pub(super) const BAD_CHUNK: Fixed = Fixed(501, 5, 4, "BDAT takes a number of octets, and perhaps LAST");
pub(super) const TOO_MANY_ERRORS: Fixed = Fixed(421, 7, 0, "Too many errors");
pub(super) const TOO_MANY_GUESSES: Fixed = Fixed(421, 7, 0, "Too many wrong passwords");
pub(super) const TOO_MANY_MESSAGES: Fixed = Fixed(421, 7, 0, "Too many messages, connect again");
pub(super) const TIMED_OUT: Fixed = Fixed(421, 4, 2, "Timeout");
pub(super) const TOO_SLOW: Fixed = Fixed(421, 4, 2, "Too slow");

/// The way from a line that is no command to the wire.
pub(super) fn of_fault(verb: Verb, fault: &Fault) -> Fixed {
    match (verb, fault) {
        (Verb::NotImplemented, Fault::Unknown) => NOT_IMPLEMENTED,
        (_, Fault::Unknown) => UNKNOWN_COMMAND,
        (Verb::Auth, Fault::TooLong) => AUTH_LINE_TOO_LONG,
        // In the first three the verb is known, and what makes the line long is an argument.
        (Verb::Mail | Verb::Rcpt | Verb::Hello(_), Fault::TooLong) | (_, Fault::Arguments) => ARGUMENTS,
        (_, Fault::TooLong) => LINE_TOO_LONG,
        (_, Fault::Nul) => NUL,
        (Verb::Mail, Fault::Address(_)) => BAD_SENDER,
        (_, Fault::Address(_)) => BAD_RECIPIENT,
        (_, Fault::Parameter(ParameterError::Unknown)) => UNKNOWN_PARAMETER,
        (_, Fault::Parameter(ParameterError::Twice)) => PARAMETER_TWICE,
        (_, Fault::Parameter(ParameterError::Value)) => BAD_PARAMETER,
        (_, Fault::Chunk) => BAD_CHUNK,
    }
}

/// The way from a message that breaks the rules to the wire.
pub(super) fn of_content(error: ContentError) -> Fixed {
    match error {
        ContentError::TooLarge { .. } => TOO_LARGE,
        ContentError::Nul => CONTENT_NUL,
        ContentError::LineTooLong => CONTENT_LINE,
        ContentError::HeaderTooLong | ContentError::TooManyFields => CONTENT_HEADER,
    }
}

/// The first line a client sees.
pub(super) fn greeting(profile: &Profile) -> Reply {
    let protocol = if profile.protocol == super::Protocol::Lmtp { "LMTP" } else { "ESMTP" };
    Reply::new(220, None, format!("{} {protocol} {}", profile.host_name, profile.software))
}
