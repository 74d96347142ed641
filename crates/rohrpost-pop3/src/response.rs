//! Responses (RFC 1939 §3): `+OK`, or `-ERR` with a code for programs (RFC 2449 §8) and a text for people. Every refusal
//! that a session gives of its own is here, so that the texts can be read beside one another.
//!
//! The texts are fixed; what a peer sent is never part of them.

use std::{borrow::Cow, fmt};

/// What a program may conclude from a refusal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ResponseCode {
    /// The name or the password is wrong (RFC 3206 §4): ask the user, and do not try the same again.
    Auth,
    /// The server cannot now, and no fault of the user (RFC 3206 §4): try again later.
    SysTemp,
    /// The server cannot, and somebody has to change something (RFC 3206 §4).
    SysPerm,
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auth => "[AUTH] ",
            Self::SysTemp => "[SYS/TEMP] ",
            Self::SysPerm => "[SYS/PERM] ",
        })
    }
}

/// A negative response: `-ERR [SYS/TEMP] Try again later`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Negative {
    /// For programs.
    pub code: Option<ResponseCode>,
    /// For people: one line. What is no printable ASCII is written as `?`.
    pub text: Cow<'static, str>,
}

impl Negative {
    /// With a code and a text.
    pub fn new(code: ResponseCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: Some(code), text: text.into() }
    }

    const fn coded(code: ResponseCode, text: &'static str) -> Self {
        Self { code: Some(code), text: Cow::Borrowed(text) }
    }

    const fn plain(text: &'static str) -> Self {
        Self { code: None, text: Cow::Borrowed(text) }
    }
}

pub(crate) const UNKNOWN_COMMAND: Negative = Negative::plain("Unknown command");
pub(crate) const ARGUMENTS: Negative = Negative::plain("Syntax error in the arguments");
pub(crate) const NUL: Negative = Negative::plain("NUL is not allowed");
pub(crate) const LINE_TOO_LONG: Negative = Negative::plain("Line too long");
pub(crate) const BARE_NEWLINE: Negative = Negative::plain("Lines must end with CR LF");
pub(crate) const NOT_POP3: Negative = Negative::plain("This is not POP3");
pub(crate) const TOO_MANY_ERRORS: Negative = Negative::plain("Too many errors");

pub(crate) const LOG_IN_FIRST: Negative = Negative::plain("Log in first");
pub(crate) const LOGGED_IN_ALREADY: Negative = Negative::plain("You have logged in already");
pub(crate) const USER_FIRST: Negative = Negative::plain("Send USER first");
pub(crate) const NO_LOG_IN: Negative = Negative::coded(ResponseCode::SysPerm, "No log-in is offered here");
pub(crate) const LOG_IN_NEEDS_TLS: Negative = Negative::coded(
    ResponseCode::SysPerm,
    "Log-in needs encryption: set your mail program to SSL/TLS or STARTTLS for incoming mail",
);
pub(crate) const UNKNOWN_MECHANISM: Negative = Negative::plain("Mechanism not offered");
pub(crate) const BAD_BASE64: Negative = Negative::plain("Not what the mechanism expects");
pub(crate) const AUTH_CANCELLED: Negative = Negative::plain("Cancelled");
pub(crate) const WRONG_PASSWORD: Negative = Negative::coded(ResponseCode::Auth, "Name or password is wrong");
pub(crate) const TOO_MANY_GUESSES: Negative = Negative::coded(ResponseCode::Auth, "Too many wrong passwords");
pub(crate) const CANNOT_CHECK: Negative =
    Negative::coded(ResponseCode::SysTemp, "Passwords cannot be checked now, try again later");
pub(crate) const TOO_MANY_SESSIONS: Negative =
    Negative::coded(ResponseCode::SysTemp, "This account has too many sessions: close one of your mail programs");
pub(crate) const LOCKED: Negative = Negative::coded(ResponseCode::SysTemp, "Too many wrong passwords, try again later");

pub(crate) const TLS_IS_ON: Negative = Negative::plain("TLS is on already");
pub(crate) const NO_TLS: Negative = Negative::plain("TLS is not offered here");
pub(crate) const PIPELINED_STLS: Negative = Negative::plain("Nothing may follow STLS before its response");

pub(crate) const NO_SUCH_MESSAGE: Negative = Negative::plain("No such message");
