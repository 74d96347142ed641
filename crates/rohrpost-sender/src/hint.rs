//! What to do about an error: one human sentence or two, which name the setting.

use rohrpost_client::{ConnectError, Extension, OpenFailure, SessionError};
use rohrpost_dns::TlsaError;
use rohrpost_mail::{Link, Stage};
use rohrpost_tls::{PeerCertificate, TlsError};

use crate::{
    error::{Cause, ConfigError},
    known::Known,
    proxy::ProxyDown,
};

const INSISTS: &str =
    "The server insists on TLS, and our setting keeps us from it: set tls=starttls (or tls=auto) for this server.";

/// The hint for a cause, where there is more to say than the error itself does.
pub(crate) fn of(cause: &Cause) -> Option<String> {
    match cause {
        Cause::Sent { failure, .. } if failure.possible_duplicate => Some(
            "The message may have arrived. Look for it at the recipient or in the server's log before sending it again."
                .to_owned(),
        ),
        Cause::Sent { wants_tls: true, .. } => Some(INSISTS.to_owned()),
        Cause::Sent { failure, .. } => of_session(&failure.error),
        Cause::Open(failure) if failure.wants_tls() => Some(INSISTS.to_owned()),
        Cause::Open(failure) => of_opening(failure),
        Cause::Changed { known: Known { file, line, .. }, .. } => Some(format!(
            "Somebody may stand between here and the server, or it has a new key. Only if you are sure of that, remove line \
             {line} of {}: sed -i {line}d {}",
            file.display(),
            file.display()
        )),
        Cause::Tlsa(TlsaError::None { .. } | TlsaError::Insecure { .. }) => Some(
            "trust=dane is for servers whose operator publishes signed TLSA records; others need another trust=."
                .to_owned(),
        ),
        Cause::Config(ConfigError::NoKnownServers) => {
            Some("Name the file with Server::known_servers, or --known-servers on the command line.".to_owned())
        }
        Cause::Unattended { .. } => {
            Some("Start the server of this host with `rohrpost serve`, or name another one with --server.".to_owned())
        }
        Cause::Handed(_) | Cause::Unreadable(_) | Cause::Build(_) | Cause::Config(_) | Cause::Secret(_) | Cause::Tlsa(_) | Cause::Known(_) | Cause::Spool { .. } => None,
    }
}

fn of_opening(failure: &OpenFailure) -> Option<String> {
    match &failure.error {
        ConnectError::Session(error) => of_session(error),
        // With TLS from the first octet there is no dialogue yet.
        ConnectError::Tls(TlsError::NotTls) if !failure.transcript.is_empty() => Some(
            "The server offers STARTTLS and then speaks no TLS: it is broken there, or something between here and it is. \
             Try port 465 with tls=implicit."
                .to_owned(),
        ),
        ConnectError::Tls(error) => of_tls(error),
        ConnectError::Lookup { name, .. } => Some(format!("Is {name} the server's right name?")),
        ConnectError::Connect { error, .. } if ProxyDown::is_in(error) => {
            Some("Is the proxy's address right, does it run, and may this host connect to it?".to_owned())
        }
        ConnectError::Connect { .. } | ConnectError::NoneAnswered { .. } => {
            Some("Is the port right (465, 587 or 25), and may this host connect to it?".to_owned())
        }
        ConnectError::PasswordInClear { .. } => Some(
            "Use tls=starttls or tls=implicit; only where that cannot be had, allow_clear lets the password cross the \
             network for all to read."
                .to_owned(),
        ),
        ConnectError::PasswordToStranger { .. } => {
            Some("Give the server a certificate that is trusted, or say with trust= whom to trust.".to_owned())
        }
        ConnectError::NoMechanism { .. } if !matches!(failure.link, Link::Tls(_)) => {
            Some("Most servers offer more ways to log in inside TLS: set tls=starttls or tls=implicit.".to_owned())
        }
        _ => None,
    }
}

fn of_tls(error: &TlsError) -> Option<String> {
    match error {
        TlsError::Untrusted(untrusted) => untrusted.certificate.as_ref().map(of_certificate),
        TlsError::NotTls => Some("The port greets in clear text, so it speaks STARTTLS: set tls=starttls.".to_owned()),
        TlsError::Version => Some(
            "The server speaks nothing above TLS 1.1, or min_tls asks for too much: it needs an update.".to_owned(),
        ),
        _ => None,
    }
}

/// What a person needs to decide whether this is the right server after all, and the setting that says so.
fn of_certificate(certificate: &PeerCertificate) -> String {
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
    format!(
        "The server's certificate: issued by {}, for {}, valid {} to {}, SHA-256 {}. \
         If this is the right server, pin it with trust=pin:sha256:{}",
        certificate.issuer,
        if certificate.names.is_empty() { certificate.subject.clone() } else { certificate.names.join(", ") },
        day(certificate.not_before),
        day(certificate.not_after),
        certificate.fingerprint,
        certificate.fingerprint,
    )
}

fn of_session(error: &SessionError) -> Option<String> {
    let text = match error {
        SessionError::TimedOut { stage: Stage::Greeting, .. } | SessionError::Lost { stage: Stage::Greeting } => {
            "A port that does not greet often waits for TLS from the first octet: set tls=implicit."
        }
        SessionError::NotOffered(Extension::Starttls) => {
            "The server offers no STARTTLS. Try port 465 with tls=implicit; tls=opportunistic would send in clear text."
        }
        SessionError::NotOffered(Extension::Auth) => "The server offers no log-in on this port: try 587 or 465.",
        SessionError::NotOffered(Extension::RequireTls) => {
            "The message asks for REQUIRETLS, which this server cannot promise."
        }
        SessionError::Refused { stage: Stage::Auth, .. } => {
            "Check user and secret. Some providers want an app password or OAuth instead of the account's password."
        }
        SessionError::Refused { reply, .. } if reply.code == 530 => {
            "The server wants a log-in: add a user to the URL and a secret beside it."
        }
        SessionError::Refused { stage: Stage::Rcpt, .. } if is_relaying(error) => {
            "The server takes mail for others only after a log-in: add a user to the URL and a secret beside it."
        }
        SessionError::BodyUnreadable => {
            "A file of the message vanished or changed while it was sent. No server has the message: send it again when \
             its files are whole."
        }
        SessionError::Utf8Address => {
            "Addresses beyond ASCII need SMTPUTF8 on the whole way: use an address in ASCII, or a server that has it."
        }
        SessionError::TooLarge { .. } => "Send a link instead of the largest attachment, or raise the server's limit.",
        SessionError::Injected => "Somebody between here and the server tampers with the connection. Nothing was sent.",
        _ => return None,
    };
    Some(text.to_owned())
}

fn is_relaying(error: &SessionError) -> bool {
    error.reply().is_some_and(|reply| reply.text.to_lowercase().contains("relay"))
}
