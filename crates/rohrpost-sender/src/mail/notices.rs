//! What is asked of the servers that a mail passes on its further way.

use rohrpost_mail::{Notify, Recipient, Ret};

use super::{BuildError, Mail, fields::envelope_id};

/// Wishes about the further way of a mail that was not made by a [`Builder`](super::Builder), which has a verb for each.
#[derive(Clone, Debug, Default)]
pub struct Notices {
    /// Which notices are wanted about each recipient (RFC 3461 §4.1). Default: as it was.
    pub notify: Option<Notify>,
    /// How much of the message a notice returns (RFC 3461 §4.3). Default: that is up to the server.
    pub ret: Option<Ret>,
    /// An id of yours that notices mention (RFC 3461 §4.4): at most 100 characters of ASCII. Default: none.
    pub envid: Option<String>,
    /// That every hop must use TLS and know whom it talks to, or return the mail (RFC 8689). Default: no.
    pub require_tls: bool,
}

impl Mail {
    /// The same mail with these wishes.
    ///
    /// # Errors
    /// The id is too long, or not ASCII.
    pub fn noticed(mut self, notices: Notices) -> Result<Self, BuildError> {
        let Notices { notify, ret, envid, require_tls } = notices;
        let envid = envid.map(envelope_id).transpose();
        self.envelope.envid = envid.map_err(|error| BuildError::one("envid", error))?;
        self.envelope.ret = ret;
        self.envelope.require_tls = require_tls;
        if let Some(notify) = notify {
            let told = self.recipients.iter().cloned().map(|to| Recipient { notify, ..to });
            self.recipients = told.collect();
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_reach_the_envelope_and_each_recipient() {
        let mail = || Mail::from_eml("From: ann@here.test\r\nTo: bob@there.test, cy@there.test\r\n\r\n").unwrap();
        let asked = Notices {
            notify: Some(Notify::NEVER),
            ret: Some(Ret::Hdrs),
            envid: Some("4711".to_owned()),
            require_tls: true,
        };
        let told = mail().noticed(asked).unwrap();
        assert!(told.recipients().iter().all(|to| to.notify == Notify::NEVER));
        let envelope = told.envelope();
        assert_eq!(
            (envelope.ret, envelope.envid.as_deref(), envelope.require_tls),
            (Some(Ret::Hdrs), Some("4711"), true)
        );

        let silent = mail().noticed(Notices::default()).unwrap();
        assert_eq!((silent.envelope(), silent.recipients()), (mail().envelope(), mail().recipients()));
        let error = mail().noticed(Notices { envid: Some("a\nb".to_owned()), ..Notices::default() }).unwrap_err();
        assert!(error.to_string().starts_with("envid: "), "{error}");
    }
}
