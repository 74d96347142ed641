//! `rohrpost store`: the state of what is on disk.

use serde::{Deserialize, Serialize};

/// What the check of the store found.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Checked {
    /// Messages of the queue looked at, those among them whose records are kept.
    pub(crate) messages: u64,
    /// Mails in mailboxes looked at.
    pub(crate) mails: u64,
    /// Bodies looked at.
    pub(crate) bodies: u64,
    /// What is wrong.
    pub(crate) faults: Vec<String>,
}
