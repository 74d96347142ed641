//! Handing a message to the server: through its socket or, where nobody answers, into its drop directory.
//!
//! Both are tried with the same submission, whose id the server remembers: a message that it took, while its answer was
//! lost, and that then lies in the drop directory too, is delivered once.

use std::fmt::Write as _;

use rohrpost_mail::QueueId;
use rohrpost_server::submit::{self, Accepted, RefusedRecipient, Submission, SubmitAnswer};

use super::settings::Settings;
use crate::{
    exit::{Exit, Failure},
    personas::message::Message,
};

/// The server has the message, or its drop directory does: on disk, both of them.
#[derive(Debug)]
pub(super) struct Taken {
    ids: Vec<QueueId>,
    refused: Vec<RefusedRecipient>,
}

impl Taken {
    /// Its name in the queue. The drop directory gives none before the server runs again.
    pub(super) fn id(&self) -> Option<QueueId> {
        self.ids.first().copied()
    }

    /// Who does not get the message, in one line for people. The sender gets a notice besides.
    pub(super) fn refusals(&self) -> Option<String> {
        let mut line = String::new();
        for RefusedRecipient { address, text, .. } in &self.refused {
            let separator = if line.is_empty() { "refused: " } else { ", " };
            // A String takes all.
            let _ = write!(line, "{separator}{address} ({text})");
        }
        (!line.is_empty()).then_some(line)
    }

    /// The first attempt failed for all of them. The code is that of the first.
    fn nobody(&self) -> anyhow::Error {
        let exit = self.refused.first().map_or(Exit::Unavailable, |first| exit_of(first.sysexit));
        Failure::new(exit, format!("nobody got the message: {}", self.refusals().unwrap_or_default())).into()
    }
}

/// Hands the message over. With `-odi` the first attempt is over when it comes back.
pub(super) fn hand_over(settings: &Settings, submission: &Submission, message: &mut Message) -> anyhow::Result<Taken> {
    let unreadable =
        |error: std::io::Error| Failure::new(Exit::Io, format!("the message cannot be read again ({error})"));
    let body = message.reader().map_err(unreadable)?;
    let (answer, tried) = submit::submit_and_wait(&settings.socket, submission, body);
    match answer {
        SubmitAnswer::Accepted(Accepted { ids, mut refused }) => {
            let has_failed = tried.as_ref().is_some_and(|tried| !tried.is_under_way);
            refused.extend(tried.into_iter().flat_map(|tried| tried.failed));
            let taken = Taken { ids, refused };
            if has_failed { Err(taken.nobody()) } else { Ok(taken) }
        }
        SubmitAnswer::Refused(refused) => {
            let what = format!("the message was refused ({})", refused.text);
            Err(Failure::new(exit_of(refused.sysexit), what).into())
        }
        SubmitAnswer::Unreadable(error) => Err(unreadable(error).into()),
        SubmitAnswer::Unreachable(error) => {
            let dropped = submit::drop(&settings.drop_dir, submission, message.reader().map_err(unreadable)?);
            dropped.map_err(|dropped| {
                let what = format!("the message was not taken (no answer from the server: {error}; {dropped})");
                Failure::new(exit_of(dropped.sysexit()), what)
            })?;
            Ok(Taken { ids: Vec::new(), refused: Vec::new() })
        }
    }
}

/// The codes that may come from the server.
pub(super) fn exit_of(sysexit: u8) -> Exit {
    use Exit::{
        CannotCreate, Config, Data, Io, NoHost, NoInput, NoPermission, NoUser, Protocol, Software, System, TempFail,
        Usage,
    };
    let known = [
        Usage,
        Data,
        NoInput,
        NoUser,
        NoHost,
        Software,
        System,
        CannotCreate,
        Io,
        TempFail,
        Protocol,
        NoPermission,
        Config,
    ];
    known.into_iter().find(|exit| *exit as u8 == sysexit).unwrap_or(Exit::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_the_server_are_kept() {
        for code in [64, 65, 66, 67, 68, 69, 70, 71, 73, 74, 75, 76, 77, 78] {
            assert_eq!(exit_of(code) as u8, code);
        }
        assert_eq!(exit_of(1), Exit::Unavailable);
    }

    #[test]
    fn refused_recipients_make_one_line() {
        let refused =
            |address: &str| RefusedRecipient { address: address.into(), sysexit: 67, text: "no such user".into() };
        let taken = Taken { ids: Vec::new(), refused: vec![refused("a@x.test"), refused("b")] };
        assert_eq!(taken.refusals().as_deref(), Some("refused: a@x.test (no such user), b (no such user)"));
        assert_eq!(Taken { ids: Vec::new(), refused: Vec::new() }.refusals(), None);
    }
}
