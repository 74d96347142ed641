//! Bodies: the octets of messages, stored once for all who refer to them.
//!
//! Small ones are rows beside their envelope, large ones are files. Either way the header fields that we put before a
//! message (`Received`) are part of the body; fields that only one copy has (`Delivered-To`) are a prefix of that copy.

pub(crate) mod budget;
pub(crate) mod files;
mod reader;
pub(crate) mod rows;
mod writer;

use std::sync::Arc;

use bytes::Bytes;
use rohrpost_mail::QueueId;

pub use reader::BodyReader;
pub use writer::BodyWriter;

/// A finished body on its way into the store. Clones share it; a file that no commit has taken is removed with the
/// last of them.
#[derive(Clone, Debug)]
pub struct Body {
    pub(crate) content: Content,
    pub(crate) octets: u64,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// In memory, with its part of the writers' budget.
    Inline { message: Bytes, _claim: Option<Arc<budget::Claim>> },
    /// In a file that is durable already; the prefix comes before it.
    File { new: Arc<files::NewFile>, crc: u32, prefix: Bytes },
    /// That of another message in the store.
    Shared(BodyRef),
}

impl Body {
    /// A body from memory: for bounces and notices, and wherever the whole message is at hand.
    pub fn from_bytes(message: impl Into<Bytes>) -> Self {
        let message = message.into();
        Self { octets: message.len() as u64, content: Content::Inline { message, _claim: None } }
    }

    /// The body of a message in the store, with more fields at its top: for forwarded copies. Nothing is copied.
    pub fn shared(body: &BodyRef, prefix: impl Into<Bytes>) -> Self {
        let own = prefix.into();
        let octets = body.octets + own.len() as u64;
        let prefix = if body.prefix.is_empty() { own } else { [own, body.prefix.clone()].concat().into() };
        Self { octets, content: Content::Shared(BodyRef { id: body.id, octets, prefix }) }
    }

    /// Octets of the whole message.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// The whole message where it is in memory.
    pub fn inline(&self) -> Option<Bytes> {
        match &self.content {
            Content::Inline { message, .. } => Some(message.clone()),
            Content::File { .. } | Content::Shared(_) => None,
        }
    }
}

/// Where the body of a message in the store is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BodyRef {
    pub(crate) id: QueueId,
    pub(crate) octets: u64,
    pub(crate) prefix: Bytes,
}

impl BodyRef {
    /// Octets of the whole message.
    pub fn octets(&self) -> u64 {
        self.octets
    }

    /// Octets at its top that only this copy has.
    pub fn prefix(&self) -> &Bytes {
        &self.prefix
    }
}
