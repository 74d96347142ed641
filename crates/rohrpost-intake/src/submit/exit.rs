//! From refusals to the exit codes of `sysexits.h`, which programs that call sendmail understand.

use rohrpost_mail::{Recipient, Reply, Stage};
use rohrpost_store::StoreError;

use super::{Denied, Refused};
use crate::{aliases_file::AliasError, refusal::Refusal};

/// The program was called wrongly.
const EX_USAGE: u8 = 64;
/// The message is unusable.
const EX_DATAERR: u8 = 65;
/// Nobody is to get it.
const EX_NOINPUT: u8 = 66;
/// There is no such user.
const EX_NOUSER: u8 = 67;
/// There is no such host, or it takes no mail.
const EX_NOHOST: u8 = 68;
/// Refused, and no other word fits.
const EX_UNAVAILABLE: u8 = 69;
/// Our own fault.
const EX_SOFTWARE: u8 = 70;
/// There is no room for it.
const EX_CANTCREAT: u8 = 73;
/// It may be taken later.
const EX_TEMPFAIL: u8 = 75;
/// Policy.
const EX_NOPERM: u8 = 77;
/// The host's own settings are wrong.
const EX_CONFIG: u8 = 78;

/// A whole message is refused.
pub(super) fn refused(refusal: &Refusal) -> Refused {
    Refused { sysexit: of(refusal), text: refusal.reply().to_string() }
}

/// An option is no text that may travel.
pub(super) fn unfit() -> Refused {
    let text = "an envelope id or an original recipient is too long or holds a control character".to_owned();
    Refused { sysexit: EX_USAGE, text }
}

/// Nobody is named.
pub(super) fn no_recipients() -> Refused {
    Refused { sysexit: EX_NOINPUT, text: "the message has no recipients".to_owned() }
}

/// A recipient cannot be read.
pub(super) fn no_address(address: &str) -> Refused {
    Refused { sysexit: EX_DATAERR, text: format!("{address:?} is no address") }
}

/// There are more recipients than one message may have.
pub(super) fn too_many() -> Refused {
    let text = format!("more than {} recipients", crate::limits::SUBMIT_RECIPIENTS_MAX);
    Refused { sysexit: EX_UNAVAILABLE, text }
}

/// The host's aliases cannot be asked.
pub(super) fn no_aliases(error: &AliasError) -> Refused {
    Refused { sysexit: EX_TEMPFAIL, text: error.to_string() }
}

/// One recipient is refused.
pub(super) fn denied(recipient: Recipient, refusal: &Refusal) -> Denied {
    Denied { asked: recipient.address.to_string(), recipient, sysexit: of(refusal), reply: refusal.reply() }
}

/// A name whose alias leads nowhere.
pub(super) fn denied_by_alias(recipient: Recipient, error: &AliasError) -> Denied {
    let (sysexit, reply) = match error {
        AliasError::Loop { .. } | AliasError::TooDeep => (EX_NOUSER, Reply::with(550, 4, 6, error.to_string())),
        _ => (EX_CONFIG, Reply::with(550, 3, 5, error.to_string())),
    };
    Denied { asked: recipient.address.to_string(), recipient, sysexit, reply }
}

/// The code of an attempt that failed for good at this stage.
pub(super) fn of_failure(stage: Option<Stage>) -> u8 {
    match stage {
        Some(Stage::Dns) => EX_NOHOST,
        Some(Stage::Auth) => EX_NOPERM,
        Some(Stage::Mail | Stage::Rcpt | Stage::Data | Stage::Dot) => EX_DATAERR,
        _ => EX_UNAVAILABLE,
    }
}

/// The code of a refusal.
fn of(refusal: &Refusal) -> u8 {
    match refusal {
        Refusal::NoMailbox | Refusal::Disabled => EX_NOUSER,
        Refusal::SenderMissing | Refusal::SenderNullMx | Refusal::RecipientNullMx => EX_NOHOST,
        Refusal::FromBroken | Refusal::Loop(_) => EX_DATAERR,
        Refusal::Relay | Refusal::SenderNotYours | Refusal::FromNotYours(_) | Refusal::AccessReject { .. } => EX_NOPERM,
        Refusal::Store(StoreError::Full) => EX_CANTCREAT,
        Refusal::Store(StoreError::Statement(_)) | Refusal::OutOfStep => EX_SOFTWARE,
        refusal if refusal.reply().is_permanent() => EX_UNAVAILABLE,
        _ => EX_TEMPFAIL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_work_later_is_said_to_be_temporary_and_nothing_else() {
        let code = |refusal: Refusal| (of(&refusal), super::refused(&refusal).is_temporary());
        assert_eq!(code(Refusal::NoMailbox), (EX_NOUSER, false));
        assert_eq!(code(Refusal::RecipientNullMx), (EX_NOHOST, false));
        assert_eq!(code(Refusal::Loop(100)), (EX_DATAERR, false));
        assert_eq!(code(Refusal::AccessReject { entry: 1, text: None }), (EX_NOPERM, false));
        assert_eq!(code(Refusal::AccessDefer { entry: 1, text: None }), (EX_TEMPFAIL, true));
        assert_eq!(code(Refusal::CalloutUndecided), (EX_TEMPFAIL, true));
        assert_eq!(code(Refusal::TlsRequired), (EX_UNAVAILABLE, false));
        assert_eq!(code(Refusal::Store(StoreError::Full)), (EX_CANTCREAT, true));
        assert_eq!(code(Refusal::Store(StoreError::Failed(String::new()))), (EX_TEMPFAIL, true));
    }
}
