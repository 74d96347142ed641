//! `rohrpost trace` and `rohrpost mailbox`: where mail went, and what is in it.

use jiff::Timestamp;
use rohrpost_mail::{DeliveryRecord, Mailbox, QueueId, ReversePath};
use serde::{Deserialize, Serialize};

use super::QueueRow;

/// Every hop of one message.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Trace {
    /// Its id.
    pub(crate) id: QueueId,
    /// Who sent it; none when only its records are left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sender: Option<ReversePath>,
    /// Its Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// The hops, the oldest first.
    pub(crate) records: Vec<DeliveryRecord>,
    /// Who still waits.
    pub(crate) waiting: Vec<QueueRow>,
}

/// Where a message is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BodyOf {
    /// In the queue.
    Queued(QueueId),
    /// In a mailbox.
    Filed {
        /// The account.
        account: Mailbox,
        /// The folder.
        folder: String,
        /// Its queue id when it came in.
        id: QueueId,
    },
    /// In a mailbox, by its UID.
    Mail {
        /// The account.
        account: Mailbox,
        /// The mailbox.
        mailbox: String,
        /// Its UID.
        uid: u32,
    },
}

/// A piece of a message.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Piece {
    /// Octets of the whole message.
    pub(crate) octets: u64,
    /// The piece, base64.
    #[serde(with = "base64_text")]
    pub(crate) bytes: Vec<u8>,
}

/// A message in a mailbox.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct MailRow {
    /// Its UID: grows with each message that comes into the folder.
    pub(crate) number: i64,
    /// Its queue id when it came in; none where a mail program or an import put it there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<QueueId>,
    /// When it came in.
    pub(crate) at: Timestamp,
    /// Its From field.
    pub(crate) from: String,
    /// Its Subject field.
    pub(crate) subject: String,
    /// Octets.
    pub(crate) octets: u64,
}

pub(super) mod base64_text {
    use base64::{Engine, prelude::BASE64_STANDARD};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(in crate::control) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(in crate::control) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        BASE64_STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
