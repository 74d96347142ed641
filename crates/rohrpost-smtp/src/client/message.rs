//! What is to be sent, and whether a server can take it at all.

use rohrpost_mail::{Envelope, Mailbox, Recipient};

use super::{
    capabilities::Capabilities,
    error::{Extension, SessionError},
};

/// What is to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// From whom, and how.
    pub envelope: &'a Envelope,
    /// To whom. Not more than [`Capabilities::batch_len`] says.
    pub recipients: &'a [Recipient],
    /// Size in octets, for the SIZE parameter (RFC 1870 §5). An estimate will do; a server may refuse by it.
    pub octets: u64,
    /// Whether the header holds octets beyond ASCII, so that nobody without SMTPUTF8 can take it (RFC 6531 §3.2).
    pub utf8_header: bool,
}

impl Message<'_> {
    /// Whether anything in it needs SMTPUTF8, or its sender declared it.
    pub(super) fn needs_smtputf8(&self) -> bool {
        let beyond_ascii = |recipient: &Recipient| recipient.address.needs_smtputf8();
        self.envelope.smtputf8
            || self.utf8_header
            || self.sender_needs_smtputf8()
            || self.recipients.iter().any(beyond_ascii)
    }

    /// What keeps the server from serving anybody. RFC 8689 §4.2.1, RFC 1870 §6.1, RFC 6531 §3.2.
    pub(super) fn obstacle(&self, capabilities: &Capabilities, in_tls: bool) -> Option<SessionError> {
        if self.envelope.require_tls && !(in_tls && capabilities.require_tls) {
            return Some(SessionError::NotOffered(Extension::RequireTls));
        }
        if let Some(max) = capabilities.size_max.filter(|max| self.octets > *max) {
            return Some(SessionError::TooLarge { max });
        }
        (!capabilities.smtputf8 && self.sender_needs_smtputf8()).then_some(SessionError::Utf8Address)
    }

    /// What keeps the server from serving this recipient. RFC 6531 §3.2.
    ///
    /// The address comes first: where it is not ASCII, neither is the header, since Received names it.
    pub(super) fn obstacle_to(&self, recipient: &Recipient, capabilities: &Capabilities) -> Option<SessionError> {
        match recipient.address.needs_smtputf8() {
            _ if capabilities.smtputf8 => None,
            true => Some(SessionError::Utf8Address),
            false => self.utf8_header.then_some(SessionError::Utf8Header),
        }
    }

    fn sender_needs_smtputf8(&self) -> bool {
        self.envelope.reverse_path.mailbox().is_some_and(Mailbox::needs_smtputf8)
    }
}
