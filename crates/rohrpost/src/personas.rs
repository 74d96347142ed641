//! The programs that Rohrpost takes the place of: called by their names it behaves as they do.
//!
//! The last part of `argv[0]` chooses, and `rohrpost sendmail …` does the same without a link. A persona reads its own
//! command line, since it is that of another program: with bundles, glued values and options in any place. Everything
//! else of Rohrpost reads its command line strictly, in [`crate::cli`].

mod addresses;
mod message;
mod msmtp;
mod sendmail;
mod smtp;

use std::{
    ffi::{OsStr, OsString},
    path::Path,
    process::ExitCode,
};

pub(crate) use self::sendmail::settings::Settings;
use crate::cli::Place;

/// Which program this process is to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Persona {
    /// `sendmail` under one of its names.
    Sendmail(sendmail::Name),
    /// `msmtp`
    Msmtp,
}

impl Persona {
    /// What `rohrpost sendmail` is.
    pub(crate) const SENDMAIL: Self = Self::Sendmail(sendmail::Name::Sendmail);

    /// By the path that the program was called by; none for `rohrpost` itself and for every name that is not ours.
    pub(crate) fn of(program: &OsStr) -> Option<Self> {
        match Path::new(program).file_name()?.to_str()? {
            "msmtp" => Some(Self::Msmtp),
            name => sendmail::Name::of(name).map(Self::Sendmail),
        }
    }

    /// Does what that program does; `arguments` are those behind its name.
    pub(crate) fn run(self, place: &Place, arguments: Vec<OsString>) -> ExitCode {
        match self {
            Self::Sendmail(name) => sendmail::run(name, place, arguments),
            Self::Msmtp => msmtp::run(arguments),
        }
    }
}

/// Runs the persona that `argv[0]` names, if it does.
pub(crate) fn run_if_called() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let persona = Persona::of(&arguments.next()?)?;
    Some(persona.run(&place_of_environment(), arguments.collect()))
}

/// Which server is meant, where no command line of ours says so.
fn place_of_environment() -> Place {
    let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(Into::into);
    Place { config: path("ROHRPOST_CONFIG"), dir: path("ROHRPOST_DIR") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_of_the_name_chooses() {
        use sendmail::Name;
        let cases = [
            ("/usr/sbin/sendmail", Some(Name::Sendmail)),
            ("send-mail", Some(Name::Sendmail)),
            ("/usr/bin/mailq", Some(Name::Mailq)),
            ("runq", Some(Name::Runq)),
            ("newaliases", Some(Name::Newaliases)),
            ("/usr/bin/rohrpost", None),
            ("/usr/lib/sendmail/rohrpost", None),
            ("mail", None),
            ("mailx", None),
            ("", None),
        ];
        for (program, name) in cases {
            assert_eq!(Persona::of(OsStr::new(program)), name.map(Persona::Sendmail), "{program}");
        }
        assert_eq!(Persona::of(OsStr::new("/usr/bin/msmtp")), Some(Persona::Msmtp));
    }
}
