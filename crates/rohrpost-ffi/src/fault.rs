//! What is wrong with what the program handed over, or with us.

use std::{any::Any, fmt, str::Utf8Error};

use rohrpost_sender::BuildError;

use crate::ABI;

/// Why there is no sender, or no receipt.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What `rohrpost_open` was given.
    #[error("settings: {0}")]
    Settings(#[source] Fault),
    /// What `rohrpost_send` was given.
    #[error("mail: {0}")]
    Mail(#[source] Fault),
    /// `rohrpost_send` was given NULL, or what it returned itself.
    #[error("rohrpost_send: the handle is none of rohrpost_open's")]
    NoSender,
    /// The system gives no thread.
    #[error("no thread can be started: {0}")]
    Thread(#[from] std::io::Error),
    /// A panic, which ends here: C could not catch it.
    #[error("a defect of the library: {0}")]
    Defect(String),
}

/// What is wrong with a text, or with what it says.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// There is no text.
    #[error("NULL, where JSON is expected")]
    Null,
    /// It is a list.
    #[error("a list, where an object is expected")]
    List,
    /// It is not in UTF-8. Counted from one.
    #[error("octet {} is not UTF-8", .0.valid_up_to() + 1)]
    Utf8(#[from] Utf8Error),
    /// It is no JSON, or no JSON of ours. Says which member and where in the text.
    #[error("{0}")]
    Json(#[from] serde_path_to_error::Error<serde_json::Error>),
    /// More text behind the JSON.
    #[error("{0}")]
    Rest(#[from] serde_json::Error),
    /// It was written for another version of this library.
    #[error("abi: this library has {ABI}, the program was written for {0}")]
    Abi(u32),
    /// A member that cannot be used.
    #[error("{path}: {reason}")]
    Value {
        /// Which, such as `attach[1].base64`.
        path: String,
        /// Why.
        reason: String,
    },
    /// A file of the mail that cannot be read.
    #[error("{0}")]
    Unreadable(#[from] std::io::Error),
    /// Members that do not make a mail.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// Members that do not make a sender.
    #[error(transparent)]
    Sender(#[from] rohrpost_sender::Error),
}

impl Fault {
    /// What is wrong with a member.
    pub(crate) fn value(path: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self::Value { path: path.into(), reason: reason.to_string() }
    }
}

impl Failure {
    /// What a panic said.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let words = panic.downcast_ref::<&str>().copied();
        let words = words.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::Defect(words.unwrap_or("a panic without words").to_owned())
    }
}
