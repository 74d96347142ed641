//! `rohrpost import`, `export` and `mailbox`: mail on its way in and out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::mail::base64_text;
use crate::import::Key;

/// Octets in a JSON text: base64.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Octets(#[serde(with = "base64_text")] pub(crate) Vec<u8>);

/// A message to be filed.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct MailIn {
    /// Its flags by their IMAP names.
    pub(crate) flags: Vec<String>,
    /// When it came.
    pub(crate) at: Timestamp,
    /// Its octets in canonical form.
    pub(crate) content: Content,
}

/// Where the octets of a message are.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// Here.
    Here(Octets),
    /// They came before, in pieces, under this number.
    Uploaded(u64),
}

/// Where messages were filed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Added {
    /// UIDVALIDITY of the mailbox.
    pub(crate) uid_validity: u32,
    /// The UID that its next message gets.
    pub(crate) uid_next: u32,
}

/// What a message of a mailbox is known again by.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Mark {
    /// Its UID.
    pub(crate) uid: u32,
    /// What it is known by.
    pub(crate) key: Key,
}

/// A message of a mailbox.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct MailOut {
    /// Its UID.
    pub(crate) uid: u32,
    /// Its flags by their IMAP names.
    pub(crate) flags: Vec<String>,
    /// When it came.
    pub(crate) at: Timestamp,
    /// How many octets it has.
    pub(crate) octets: u64,
    /// Its octets; none where they are so many that they are asked for in pieces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Octets>,
}

/// A mailbox as a whole.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct MailboxRow {
    /// Its name.
    pub(crate) name: String,
    /// What it is for: an attribute of RFC 6154.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) special_use: Option<String>,
    /// Messages in it.
    pub(crate) messages: u32,
    /// Those of them that were not read.
    pub(crate) unseen: u32,
    /// Octets of them.
    pub(crate) octets: u64,
    /// Its UIDVALIDITY.
    pub(crate) uid_validity: u32,
    /// The UID that its next message gets.
    pub(crate) uid_next: u32,
}
