//! `rohrpost queue`: the verbs, and mail that waits as it is shown.

use jiff::Timestamp;
use rohrpost_mail::{Mailbox, QueueId, ReversePath};
use rohrpost_store::State;
use serde::{Deserialize, Serialize};

/// Verbs of the queue. They act on recipients, whatever the state of others of the same message.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum VerbWord {
    /// `queue hold`: keep back until somebody releases it.
    Hold,
    /// `queue release`: let go what was held.
    Release,
    /// `queue retry`: try now.
    Retry,
    /// `queue route`: send by the route of this name.
    Route(String),
    /// `queue drop`: take out without a notice.
    Drop,
    /// `queue bounce`: return to the sender.
    Bounce,
}

/// A recipient in the queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct QueueRow {
    /// The message.
    pub(crate) id: QueueId,
    /// Number of the recipient in it.
    pub(crate) n: u32,
    /// Who sent it.
    pub(crate) sender: ReversePath,
    /// Who gets it.
    pub(crate) recipient: Mailbox,
    /// `mx`, `local` or the name of a route.
    pub(crate) route: String,
    /// Waiting or held.
    pub(crate) state: State,
    /// Whether the server lets nothing out to where it goes, whatever its state: `rohrpost demo --hold`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) kept_in: bool,
    /// Attempts so far.
    pub(crate) attempts: u32,
    /// When it came in.
    pub(crate) created: Timestamp,
    /// When it is tried next.
    pub(crate) due: Timestamp,
    /// When it goes back.
    pub(crate) expires: Timestamp,
    /// Octets of the message.
    pub(crate) octets: u64,
    /// What came of the last attempt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<String>,
}

/// A message in the queue.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct QueueMessage {
    /// Its id.
    pub(crate) id: QueueId,
    /// Who sent it.
    pub(crate) sender: ReversePath,
    /// The account that submitted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    /// Its Message-ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message_id: Option<String>,
    /// When it came in.
    pub(crate) created: Timestamp,
    /// When it goes back.
    pub(crate) expires: Timestamp,
    /// Octets.
    pub(crate) octets: u64,
    /// Recipients that still wait.
    pub(crate) recipients: Vec<QueueRow>,
}

/// What waits for one site.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Shape {
    /// The route.
    pub(crate) route: String,
    /// The destination.
    pub(crate) site: String,
    /// Recipients by age; the bounds are [`rohrpost_store::ShapeRow::AGES`].
    pub(crate) ages: Vec<u64>,
    /// How many are held.
    pub(crate) held: u64,
}
