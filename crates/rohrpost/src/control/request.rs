//! Every question there is, in the order of the commands.

use jiff::Timestamp;
use rohrpost_mail::{Domain, Mailbox, QueueId};
use rohrpost_store::Filter;
use serde::{Deserialize, Serialize};

use super::{AccountChange, BodyOf, DomainChange, MailIn, NewAccount, Octets, Password, VerbWord};

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
        /// Whether its mail stays.
        keep_mail: bool,
    },
    /// Gives an account another name.
    AccountRename {
        /// Its name.
        name: Mailbox,
        /// The name it gets.
        new: Mailbox,
        /// Whether mail for the old one is taken no more.
        drop_address: bool,
    },
    /// Sets the password with this label.
    AccountPassword {
        /// The account.
        name: Mailbox,
        /// The device it is for.
        label: String,
        /// The password.
        password: Password,
        /// Whether it may take the place of one with this label.
        replace: bool,
    },
    /// Changes what somebody may do or is called.
    AccountChange {
        /// The account.
        name: Mailbox,
        /// What is to be different.
        change: AccountChange,
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
    /// Adds targets to an alias.
    AliasAdd {
        /// The address, or `@domain`.
        name: String,
        /// Where its mail goes too.
        targets: Vec<Mailbox>,
    },
    /// All aliases.
    AliasList,
    /// Gives an alias another name.
    AliasRename {
        /// The address, or `@domain`.
        name: String,
        /// The same, as it shall be.
        new: String,
    },
    /// Suspends an alias, or takes mail for it again.
    AliasDisable {
        /// The address, or `@domain`.
        name: String,
        /// Whether it is to be suspended.
        disabled: bool,
    },
    /// Removes an alias or some of its targets.
    AliasRemove {
        /// The address, or `@domain`.
        name: String,
        /// Targets to remove; none: the alias.
        #[serde(default)]
        targets: Vec<Mailbox>,
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
    /// Gives a local domain another name.
    DomainRename {
        /// The domain.
        name: Domain,
        /// The name it gets.
        new: Domain,
        /// Whether mail for the old one is taken no more.
        drop_addresses: bool,
    },
    /// Changes what is taken for a local domain.
    DomainChange {
        /// The domain.
        name: Domain,
        /// What is to be different.
        change: DomainChange,
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
    /// All mailboxes of an account.
    MailboxAll {
        /// The account.
        account: Mailbox,
    },
    /// Keeps a piece of a message that is too long for one request.
    MailUpload {
        /// The number of the earlier pieces.
        upload: Option<u64>,
        /// The piece.
        piece: Octets,
    },
    /// Files messages in a mailbox, all or none of them. It is made where it is missing.
    MailAdd {
        /// The account.
        account: Mailbox,
        /// The mailbox.
        mailbox: String,
        /// The messages.
        mails: Vec<MailIn>,
    },
    /// What the messages of a mailbox are known by: some of them.
    MailMarks {
        /// The account.
        account: Mailbox,
        /// The mailbox.
        mailbox: String,
        /// Those behind this UID.
        after: u32,
    },
    /// Some messages of a mailbox.
    MailPage {
        /// The account.
        account: Mailbox,
        /// The mailbox.
        mailbox: String,
        /// Those behind this UID.
        after: u32,
    },
    /// Brings back mail that was expunged.
    MailUndelete {
        /// The account.
        account: Mailbox,
        /// The mailbox.
        mailbox: String,
        /// What was expunged since then.
        since: Timestamp,
    },
    /// How much room accounts take and may take.
    Quota {
        /// The account; all without one.
        account: Option<Mailbox>,
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
                | Self::MailboxAll { .. }
                | Self::MailMarks { .. }
                | Self::MailPage { .. }
                | Self::Quota { .. }
                | Self::RouteList
                | Self::Offer
                | Self::StoreCheck
        )
    }
}
