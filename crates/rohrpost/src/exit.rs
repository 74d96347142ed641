//! How the program ends: the exit codes of `sysexits.h`, which mail programs have used since Sendmail.
//!
//! Scripts rely on them; `docs/commands.md` lists them.

use std::{fmt, process::ExitCode};

use rohrpost_store::OpenError;
use rohrpost_tls::{CertError, TlsError};

use crate::config::ConfigError;

/// Why the program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// `EX_USAGE`: the command line is wrong.
    Usage = 64,
    /// `EX_DATAERR`: what was given to work on is wrong, such as an address.
    Data = 65,
    /// `EX_NOINPUT`: a file that was named cannot be read.
    NoInput = 66,
    /// `EX_NOUSER`: the recipient is refused for good.
    NoUser = 67,
    /// `EX_NOHOST`: the server's name leads nowhere.
    NoHost = 68,
    /// `EX_UNAVAILABLE`: the server refuses, or what was asked for is not there.
    Unavailable = 69,
    /// `EX_SOFTWARE`: our own fault.
    Software = 70,
    /// `EX_OSERR`: the system refuses, such as a port that is taken.
    System = 71,
    /// `EX_CANTCREAT`: a file cannot be made.
    CannotCreate = 73,
    /// `EX_IOERR`: reading or writing failed.
    Io = 74,
    /// `EX_TEMPFAIL`: later it may work.
    TempFail = 75,
    /// `EX_PROTOCOL`: the other side said what nobody understands.
    Protocol = 76,
    /// `EX_NOPERM`: log-in or permission is missing, or the other side is not who it should be.
    NoPermission = 77,
    /// `EX_CONFIG`: the configuration is wrong.
    Config = 78,
}

impl Exit {
    /// Its name in `sysexits.h`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Usage => "EX_USAGE",
            Self::Data => "EX_DATAERR",
            Self::NoInput => "EX_NOINPUT",
            Self::NoUser => "EX_NOUSER",
            Self::NoHost => "EX_NOHOST",
            Self::Unavailable => "EX_UNAVAILABLE",
            Self::Software => "EX_SOFTWARE",
            Self::System => "EX_OSERR",
            Self::CannotCreate => "EX_CANTCREAT",
            Self::Io => "EX_IOERR",
            Self::TempFail => "EX_TEMPFAIL",
            Self::Protocol => "EX_PROTOCOL",
            Self::NoPermission => "EX_NOPERM",
            Self::Config => "EX_CONFIG",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that knows how the program shall end.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// Ends with `exit` after saying `message`.
    pub(crate) fn new(exit: Exit, message: impl fmt::Display) -> Self {
        Self { exit, message: message.to_string() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// The code for an error: that of the [`Failure`] in its chain, else by its kind.
pub(crate) fn code_of(error: &anyhow::Error) -> Exit {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return failure.exit;
        }
        if cause.is::<ConfigError>() || cause.is::<CertError>() || cause.is::<TlsError>() {
            return Exit::Config;
        }
        if let Some(store) = cause.downcast_ref::<OpenError>() {
            return of_store(store);
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return of_io(io);
        }
    }
    Exit::Software
}

/// The code for a store that cannot be opened.
pub(crate) fn of_store(error: &OpenError) -> Exit {
    match error {
        OpenError::InUse(_) => Exit::TempFail,
        OpenError::Missing(_) => Exit::NoInput,
        OpenError::Io { error, .. } => of_io(error),
        _ => Exit::System,
    }
}

fn of_io(error: &std::io::Error) -> Exit {
    match error.kind() {
        std::io::ErrorKind::NotFound => Exit::NoInput,
        std::io::ErrorKind::PermissionDenied => Exit::NoPermission,
        _ => Exit::System,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn the_cause_decides_the_code_however_much_is_said_around_it() {
        let code = |error: anyhow::Error| code_of(&error.context("while doing this").context("and that"));
        assert_eq!(code(Failure::new(Exit::NoUser, "nobody").into()), Exit::NoUser);
        assert_eq!(code(OpenError::InUse("/x".into()).into()), Exit::TempFail);
        assert_eq!(code(std::io::Error::from(std::io::ErrorKind::PermissionDenied).into()), Exit::NoPermission);
        assert_eq!(code(anyhow!("something else")), Exit::Software);
        let config = crate::config::read(std::path::Path::new("/nowhere/rohrpost.toml")).context("reading");
        assert_eq!(code_of(&config.unwrap_err()), Exit::Config);
    }
}
