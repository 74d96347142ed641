//! Every question there is, in the order of the commands.

use rohrpost_mail::{Domain, Mailbox, QueueId};
use rohrpost_store::Filter;
use serde::{Deserialize, Serialize};

use super::{BodyOf, NewAccount, Password, VerbWord};

/// What a command asks.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "ask")]
pub(crate) enum Request {
    /// One page of the queue.
    QueueList {
        /// Which recipients.
        filter: Filter,
        /// Those after this one.
        after: Option<(QueueId, u32)>,
        /// How many, at most [`PAGE_ROWS`](super::PAGE_ROWS).
        limit: usize,
    },
    /// One message with its recipients.
    QueueShow {
        /// Which.
        id: QueueId,
    },
    /// A verb for some recipients.
    QueueApply {
        /// Which recipients.
        filter: Filter,
        /// The verb.
        verb: VerbWord,
        /// Only count them.
        count_only: bool,
    },
    /// Age by destination.
    QueueShape,
    /// Every hop of some messages.
    Trace {
        /// Queue id, Message-ID or address.
        query: String,
        /// How many messages.
        limit: usize,
    },
    /// A piece of a message.
    Body {
        /// Which message.
        of: BodyOf,
        /// Octets to leave out.
        from: u64,
    },
    /// A new account.
    AccountAdd {
        /// The account.
        account: NewAccount,
        /// Its first password.
        password: Password,
    },
    /// All accounts.
    AccountList,
    /// Removes an account.
    AccountRemove {
        /// Its name.
        name: Mailbox,
    },
    /// Sets the password with this label.
    AccountPassword {
        /// The account.
        name: Mailbox,
        /// The device it is for.
        label: String,
        /// The password.
        password: Password,
    },
    /// Forgets failed log-ins.
    AccountUnlock {
        /// The account.
        name: Mailbox,
    },
    /// Sets an alias.
    AliasSet {
        /// The address, or `@domain`.
        name: String,
        /// Where its mail goes.
        targets: Vec<Mailbox>,
    },
    /// All aliases.
    AliasList,
    /// Removes an alias.
    AliasRemove {
        /// The address, or `@domain`.
        name: String,
    },
    /// Adds a local domain.
    DomainAdd {
        /// The domain.
        name: Domain,
    },
    /// All local domains.
    DomainList,
    /// Removes a local domain.
    DomainRemove {
        /// The domain.
        name: Domain,
    },
    /// One page of a mailbox.
    MailboxList {
        /// The account.
        account: Mailbox,
        /// The folder.
        folder: String,
        /// Messages after this number.
        after: i64,
    },
    /// All ways out and how they fare.
    RouteList,
    /// Tries a way out at once.
    RouteRetry {
        /// Its name.
        name: String,
    },
    /// What mail programs can use here.
    Offer,
    /// Checks the store.
    StoreCheck,
}

impl Request {
    /// Whether it changes anything, rather than only looks.
    pub(crate) fn changes(&self) -> bool {
        !matches!(
            self,
            Self::QueueList { .. }
                | Self::QueueShow { .. }
                | Self::QueueApply { count_only: true, .. }
                | Self::QueueShape
                | Self::Trace { .. }
                | Self::Body { .. }
                | Self::AccountList
                | Self::AliasList
                | Self::DomainList
                | Self::MailboxList { .. }
                | Self::RouteList
                | Self::Offer
                | Self::StoreCheck
        )
    }
}
