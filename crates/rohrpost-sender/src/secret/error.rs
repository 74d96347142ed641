//! Why there is no secret. No text here holds one.

use std::{io, path::PathBuf, sync::Arc};

use rohrpost_mail::Class;
use rohrpost_tls::http::HttpError;

use super::limits::{COMMAND_TIME_MAX, CONSENT_TIME_MAX, WORDS_BYTES_MAX};

/// Why a source gave no secret. Sorted by culprit: the server of the tokens, the way to it, we.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The server of the tokens says no (RFC 6749 §5.2, RFC 8628 §3.5).
    #[error("{endpoint} refused: {words}")]
    Refused {
        /// Which host.
        endpoint: String,
        /// The code of the error and its description, fit to be shown.
        words: String,
    },
    /// The server's answer is none of RFC 6749.
    #[error("{endpoint} answered with status {status} and nothing that can be read")]
    Answer {
        /// Which host.
        endpoint: String,
        /// Of HTTP.
        status: u16,
    },
    /// The server gave a token, but none to get the next one with.
    #[error("{endpoint} gave no refresh token: the scope must allow offline access")]
    NoRefreshToken {
        /// Which host.
        endpoint: String,
    },
    /// The server of the tokens could not be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Nobody has given consent yet, or it was withdrawn.
    #[error("nobody has given consent to send mail for this account: {} holds no valid refresh token", store.display())]
    NoConsent {
        /// Where the refresh token should be.
        store: PathBuf,
    },
    /// The person did not say yes in time.
    #[error("nobody gave consent within {} minutes", CONSENT_TIME_MAX.as_secs() / 60)]
    ConsentTimedOut,
    /// The provider has no address for this way of asking for consent.
    #[error("the provider has no endpoint for this flow")]
    NoEndpoint,
    /// The browser cannot come back to us.
    #[error("no port of 127.0.0.1 can be listened on: {0}")]
    Loopback(#[source] Arc<io::Error>),
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// A file that everybody can read.
    #[error("{} can be read by everybody (mode {mode:04o}): take that away with chmod o-r", path.display())]
    ReadableByOthers {
        /// Which one.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file whose content can be no secret.
    #[error("{} {reason}", path.display())]
    Content {
        /// Which one.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A variable of the environment that has none.
    #[error("the environment variable {name} {reason}")]
    Variable {
        /// Which one.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A command could not be started.
    #[error("{command} cannot be started: {error}")]
    NotStarted {
        /// Its first word.
        command: String,
        /// What the system says.
        #[source]
        error: Arc<io::Error>,
    },
    /// A command failed.
    #[error("{command} failed ({status}): {stderr}")]
    Failed {
        /// Its first word.
        command: String,
        /// How it ended.
        status: String,
        /// What it complained about, fit to be shown, without what it printed as the secret.
        stderr: String,
    },
    /// A command printed nothing that can be a secret.
    #[error("{command} {reason}")]
    Printed {
        /// Its first word.
        command: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A command took too long.
    #[error("{command} did not end within {} s", COMMAND_TIME_MAX.as_secs())]
    TimedOut {
        /// Its first word.
        command: String,
    },
}

impl SecretError {
    /// Whose turn it is. What only a person can mend is ours.
    pub fn class(&self) -> Class {
        match self {
            Self::Answer { .. } | Self::TimedOut { .. } => Class::Temporary,
            Self::Http(error) => error.class(),
            _ => Class::Ours,
        }
    }

    /// Whether it is worth asking again later.
    pub fn is_temporary(&self) -> bool {
        self.class() == Class::Temporary
    }
}

/// Somebody else's words, fit to be shown: in one line, not endless, and without any of these secrets.
pub(super) fn shown(words: &str, secrets: &[&str]) -> String {
    let secrets = secrets.iter().filter(|secret| !secret.is_empty());
    let masked = secrets.fold(words.to_owned(), |words, secret| words.replace(secret, "***"));
    let line: Vec<&str> =
        masked.split(|c: char| c.is_control()).map(str::trim).filter(|part| !part.is_empty()).collect();
    let mut line = line.join(" / ");
    if line.len() > WORDS_BYTES_MAX {
        line.truncate(line.floor_char_boundary(WORDS_BYTES_MAX));
        line.push('…');
    }
    if line.is_empty() { "no reason given".to_owned() } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_others_are_one_line_without_the_secret() {
        assert_eq!(shown("no key\nfor \x1b[1mpencil\r\n", &["pencil", ""]), "no key / for / [1m***");
        assert_eq!(shown(" \n", &[]), "no reason given");
        assert_eq!(shown(&"ü".repeat(1_000), &[]).chars().count(), WORDS_BYTES_MAX / 2 + 1);
    }
}
