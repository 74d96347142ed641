//! How the program ends when nobody got the message: by msmtp's codes, or by those of the rest of Rohrpost.

use std::error::Error as _;

use rohrpost_client::{ConnectError, Extension, SessionError};
use rohrpost_mail::{Class, Reply, Stage};
use rohrpost_sender::{Error, Kind};
use rohrpost_tls::TlsError;

use crate::exit::Exit;

/// Every code that a failed sending can have.
const CODES: [Exit; 11] = [
    Exit::Data,
    Exit::NoUser,
    Exit::NoHost,
    Exit::Unavailable,
    Exit::Software,
    Exit::CannotCreate,
    Exit::Io,
    Exit::TempFail,
    Exit::Protocol,
    Exit::NoPermission,
    Exit::Config,
];

/// The code for an error; `ours` for Rohrpost's own.
pub(super) fn exit(error: &Error, ours: bool) -> Exit {
    if ours {
        return CODES.into_iter().find(|exit| *exit as u8 == error.sysexit()).unwrap_or(Exit::Software);
    }
    special(error).unwrap_or_else(|| as_msmtp(error.kind(), error.stage(), error.reply()))
}

/// msmtp's codes know no "later": a 4xx is as final as a server without TLS.
fn as_msmtp(kind: Kind, stage: Option<Stage>, reply: Option<&Reply>) -> Exit {
    match kind {
        Kind::Build => Exit::Data,
        Kind::Dns => Exit::NoHost,
        Kind::Auth => Exit::NoPermission,
        Kind::Tls | Kind::Capability => Exit::Unavailable,
        Kind::Sender | Kind::Recipient | Kind::Data => {
            let is_early_no = stage != Some(Stage::Dot) && reply.is_some_and(Reply::is_permanent);
            if is_early_no { Exit::Data } else { Exit::Unavailable }
        }
        Kind::Connect | Kind::Timeout if matches!(stage, Some(Stage::Connect) | None) => Exit::TempFail,
        // A server that refuses to speak, or hangs up in the middle, does not keep to the protocol.
        Kind::Connect | Kind::Protocol => Exit::Protocol,
        Kind::Timeout | Kind::AfterDot | Kind::Io => Exit::Io,
        Kind::Config => Exit::Config,
        Kind::Spool => Exit::CannotCreate,
        _ => Exit::Software,
    }
}

/// What has a code of its own within its kind: a server that knows no log-in at all refuses nobody, and a handshake that
/// fails for another reason than trust is a matter of the protocol.
fn special(error: &Error) -> Option<Exit> {
    let mut cause = error.source();
    while let Some(error) = cause {
        match error.downcast_ref() {
            Some(
                ConnectError::Session(SessionError::NotOffered(Extension::Auth))
                | ConnectError::Tls(TlsError::Untrusted(_)),
            ) => return Some(Exit::Unavailable),
            Some(ConnectError::Tls(error)) if error.class() != Class::Ours => return Some(Exit::Protocol),
            _ => cause = error.source(),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_msmtps() {
        let permanent = Reply::with(550, 1, 1, "no");
        let temporary = Reply::with(450, 2, 0, "later");
        let cases = [
            (Kind::Dns, None, None, 68),
            (Kind::Connect, Some(Stage::Connect), None, 75),
            (Kind::Connect, Some(Stage::Greeting), Some(&temporary), 76),
            (Kind::Connect, Some(Stage::Mail), None, 76),
            (Kind::Timeout, Some(Stage::Connect), None, 75),
            (Kind::Timeout, Some(Stage::Ehlo), None, 74),
            (Kind::Tls, Some(Stage::Tls), None, 69),
            (Kind::Auth, Some(Stage::Auth), Some(&permanent), 77),
            (Kind::Capability, Some(Stage::Mail), None, 69),
            (Kind::Sender, Some(Stage::Mail), Some(&permanent), 65),
            (Kind::Sender, Some(Stage::Mail), Some(&temporary), 69),
            (Kind::Recipient, Some(Stage::Rcpt), Some(&permanent), 65),
            (Kind::Recipient, Some(Stage::Rcpt), Some(&temporary), 69),
            (Kind::Data, Some(Stage::Data), Some(&permanent), 65),
            (Kind::Data, Some(Stage::Dot), Some(&permanent), 69),
            (Kind::Data, Some(Stage::Dot), Some(&temporary), 69),
            (Kind::AfterDot, Some(Stage::Dot), None, 74),
            (Kind::Protocol, Some(Stage::Ehlo), None, 76),
            (Kind::Config, None, None, 78),
        ];
        for (kind, stage, reply, code) in cases {
            assert_eq!(as_msmtp(kind, stage, reply) as u8, code, "{kind:?} {stage:?}");
        }
    }
}
