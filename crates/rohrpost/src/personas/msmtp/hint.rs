//! What to do about an error, in the words of msmtprc. What the sender itself would say names settings of its own.

use rohrpost_client::{ConnectError, Extension, SessionError};
use rohrpost_mail::Stage;
use rohrpost_sender::{Error, Kind};
use rohrpost_tls::{TlsError, Untrusted};

use super::{pretend::colons, settings::Tls};

const LOG_IN: &str = "The server wants a log-in: set `auth on`, `user` and `passwordeval`.";

/// The hint for an error of an account with these settings, where there is more to say than the error itself does.
pub(super) fn of(error: &Error, tls: &Tls) -> Option<String> {
    // Without `tls on` no handshake can fail: there should have been one.
    if !tls.on && error.kind() == Kind::Tls {
        return Some("The server insists on TLS: set `tls on`.".to_owned());
    }
    let ours = match (found::<ConnectError>(error), found::<SessionError>(error)) {
        // A lost reply comes before all that the session had to say.
        _ if error.kind() == Kind::AfterDot => None,
        (Some(ConnectError::Session(session)), _) | (None, Some(session)) => of_session(session, tls),
        (Some(opening), _) => of_opening(opening, tls),
        (None, None) => None,
    };
    match ours {
        Some(Hint::Ours(text)) => Some(text),
        Some(Hint::Nothing) => None,
        // Causes that no setting mends have the same hint everywhere.
        None => error.hint(),
    }
}

/// A hint in the place of the sender's.
enum Hint {
    Ours(String),
    /// Its advice is already followed.
    Nothing,
}

impl From<&str> for Hint {
    fn from(text: &str) -> Self {
        Self::Ours(text.to_owned())
    }
}

/// The first error of this type among the causes.
fn found<T: std::error::Error + 'static>(error: &Error) -> Option<&T> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source()).find_map(|error| error.downcast_ref())
}

fn of_opening(error: &ConnectError, tls: &Tls) -> Option<Hint> {
    let hint = match error {
        ConnectError::Tls(TlsError::Untrusted(untrusted)) => of_certificate(untrusted),
        ConnectError::Tls(TlsError::NotTls) if tls.starttls => Hint::Nothing,
        ConnectError::Tls(TlsError::NotTls) => {
            "The port greets in clear text, so it speaks STARTTLS: set `tls_starttls on`.".into()
        }
        ConnectError::Tls(TlsError::Version) => {
            "The server speaks nothing above TLS 1.1, or tls_priorities asks for too much: it needs an update.".into()
        }
        ConnectError::PasswordInClear { .. } => {
            "Set `tls on`; only where that cannot be had, `auth plain` lets the password cross the network for all to read."
                .into()
        }
        ConnectError::PasswordToStranger { .. } => {
            "Name the authority of the server's certificate by tls_trust_file, or the certificate by tls_fingerprint."
                .into()
        }
        ConnectError::NoMechanism { .. } if !tls.on => {
            "Most servers offer more ways to log in inside TLS: set `tls on`.".into()
        }
        ConnectError::NoMechanism { .. } => Hint::Nothing,
        _ => return None,
    };
    Some(hint)
}

/// What a person needs to decide whether this is the right server after all, and the line that says so.
fn of_certificate(untrusted: &Untrusted) -> Hint {
    let Some(certificate) = &untrusted.certificate else { return Hint::Nothing };
    let names = if certificate.names.is_empty() { certificate.subject.clone() } else { certificate.names.join(", ") };
    let [from, to] = [certificate.not_before, certificate.not_after].map(|time| time.strftime("%Y-%m-%d"));
    Hint::Ours(format!(
        "The server's certificate: issued by {}, for {names}, valid {from} to {to}. If this is the right server, name the \
         authority by tls_trust_file, or pin the certificate: tls_fingerprint {}",
        certificate.issuer,
        colons(&certificate.fingerprint),
    ))
}

fn of_session(error: &SessionError, tls: &Tls) -> Option<Hint> {
    let hint = match error {
        SessionError::TimedOut { stage: Stage::Greeting, .. } | SessionError::Lost { stage: Stage::Greeting } => {
            if tls.on && !tls.starttls {
                return Some(Hint::Nothing);
            }
            "A port that does not greet often waits for TLS from the first octet: set `tls on` and `tls_starttls off`."
        }
        SessionError::NotOffered(Extension::Starttls) => {
            "The server offers no STARTTLS. Try `tls_starttls off` with port 465; `tls off` would send in clear text."
        }
        SessionError::Refused { stage, .. } if *stage == Stage::Auth => return None,
        SessionError::Refused { reply, .. } if reply.code == 530 => LOG_IN,
        SessionError::Refused { stage: Stage::Rcpt, reply } if reply.text.to_lowercase().contains("relay") => LOG_IN,
        _ => return None,
    };
    Some(hint.into())
}
