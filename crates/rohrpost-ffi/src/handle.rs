//! What a program holds: a sender, or what came of a message. All of it in safe Rust; the pointers are in
//! [`crate::border`].

use std::panic::{AssertUnwindSafe, catch_unwind};

use rohrpost_sender::DkimKey;

use crate::{
    answer::Answer,
    engine::Engine,
    fault::{Failure, Fault},
    mail::{self, Letter},
    settings::{self, Terms},
};

/// See the module.
pub(crate) struct Handle {
    role: Role,
    answer: Answer,
}

enum Role {
    /// Of `rohrpost_open`, with the keys that sign each message.
    Sender(Engine, Vec<DkimKey>),
    /// Of `rohrpost_open`, where that failed.
    Broken,
    /// Of `rohrpost_send`.
    Result,
}

impl Handle {
    /// A sender; where there can be none, its answer says why.
    pub(crate) fn open(settings: Result<&str, Fault>) -> Self {
        match guarded(|| start(settings)) {
            Ok(sender) => sender,
            Err(failure) => Self { role: Role::Broken, answer: (&failure).into() },
        }
    }

    /// Sends a message through the sender that `handle` is; the answer is the receipt, or says why there is none.
    pub(crate) fn send(handle: Option<&Self>, mail: Result<&str, Fault>) -> Self {
        let sent = match handle {
            Some(Self { role: Role::Sender(engine, keys), .. }) => guarded(|| send(engine, keys, mail)),
            Some(Self { role: Role::Broken, answer }) => return Self { role: Role::Result, answer: answer.clone() },
            Some(Self { role: Role::Result, .. }) | None => Err(Failure::NoSender),
        };
        Self { role: Role::Result, answer: sent.unwrap_or_else(|failure| (&failure).into()) }
    }

    /// What the program may ask for.
    pub(crate) fn answer(&self) -> &Answer {
        &self.answer
    }

    /// The end.
    pub(crate) fn close(self) {
        if let Role::Sender(engine, _) = self.role {
            // There is nobody left to tell.
            drop(guarded(|| {
                engine.stop();
                Ok(())
            }));
        }
    }
}

fn start(settings: Result<&str, Fault>) -> Result<Handle, Failure> {
    let Terms { way, servers, keys } = settings.and_then(settings::terms).map_err(Failure::Settings)?;
    Ok(Handle { role: Role::Sender(Engine::start(way)?, keys), answer: Answer::ready(servers) })
}

fn send(engine: &Engine, keys: &[DkimKey], mail: Result<&str, Fault>) -> Result<Answer, Failure> {
    let Letter { mail, transcript } = mail.and_then(mail::letter).map_err(Failure::Mail)?;
    let mail = mail.signed(keys).map_err(|error| Failure::Mail(error.into()))?;
    Ok(Answer::told(&engine.send(mail)?, transcript))
}

/// No panic leaves here. What a panic left half done is not looked at again, and the sender's own state is whole between
/// any two statements.
fn guarded<T>(work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Failure::panicked(&*panic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_answer_of_its_own() {
        for (panic, told) in [
            (guarded::<()>(|| panic!("no {}", "way")), "a defect of the library: no way"),
            (guarded(|| panic!("none")), "a defect of the library: none"),
            (guarded(|| std::panic::panic_any(1)), "a defect of the library: a panic without words"),
        ] {
            let failure = panic.unwrap_err();
            assert_eq!((Answer::from(&failure).exit(), failure.to_string()), (70, told.to_owned()));
        }
    }
}
