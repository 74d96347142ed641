//! `rohrpost account`, `rohrpost alias` and `rohrpost domain`: whose mail it is.

use rohrpost_mail::{Mailbox, Secret};
use rohrpost_store::{Allowance, mailbox::SaidBy};
use serde::{Deserialize, Serialize};

/// An account to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct NewAccount {
    /// Its name and first address.
    pub(crate) name: Mailbox,
    /// More addresses.
    pub(crate) addresses: Vec<Mailbox>,
    /// `person`, `service` or `bulk`.
    pub(crate) class: String,
    /// `en` or `de`.
    pub(crate) language: String,
}

/// A password on its way to the one who keeps it, through a socket that only its owner can open.
#[derive(Clone, Debug)]
pub(crate) struct Password(pub(crate) Secret);

impl Serialize for Password {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Secret::deserialize(deserializer).map(Self)
    }
}

/// What is to be different about an account.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AccountChange {
    /// Whether it is suspended.
    Disabled(bool),
    /// Its addresses: the first are added, the second removed.
    Addresses {
        /// To be added.
        add: Vec<Mailbox>,
        /// To be removed.
        remove: Vec<Mailbox>,
    },
    /// The password with this label is taken back.
    WithoutPassword(String),
    /// What its mail may take.
    Quota(Allowance),
}

/// What is to be different about a domain.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DomainChange {
    /// Whether it is suspended.
    Disabled(bool),
    /// What the mail of each account in it may take.
    Quota(Allowance),
}

/// An account as it is shown.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AccountRow {
    /// Its name.
    pub(crate) name: String,
    /// Its addresses.
    pub(crate) addresses: Vec<Mailbox>,
    /// `person`, `service` or `bulk`.
    pub(crate) class: String,
    /// `en` or `de`.
    pub(crate) language: String,
    /// Labels of its passwords.
    pub(crate) passwords: Vec<String>,
    /// Whether it is suspended.
    pub(crate) disabled: bool,
    /// Whether the domain of its name is suspended.
    pub(crate) domain_disabled: bool,
    /// What its mail takes, and may take.
    #[serde(flatten)]
    pub(crate) room: RoomRow,
}

/// How much room an account has.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct QuotaRow {
    /// The account.
    pub(crate) account: String,
    /// What its mail takes, and may take.
    #[serde(flatten)]
    pub(crate) room: RoomRow,
}

/// What the mail of an account takes, and may take.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct RoomRow {
    /// Messages in its mailboxes.
    pub(crate) messages: u64,
    /// Octets of them.
    pub(crate) octets: u64,
    /// What they may be.
    #[serde(flatten)]
    pub(crate) limit: LimitRow,
}

/// How many octets mail may take.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct LimitRow {
    /// Octets; none where nothing limits them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) octets_max: Option<u64>,
    /// Who says so.
    pub(crate) said_by: SaidBy,
}

/// An alias.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AliasRow {
    /// The address, or `@domain`.
    pub(crate) name: String,
    /// Where its mail goes.
    pub(crate) targets: Vec<Mailbox>,
    /// Whether it is suspended.
    pub(crate) disabled: bool,
}

/// A local domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct DomainRow {
    /// The domain.
    pub(crate) name: String,
    /// Whether the configuration names it, rather than the store.
    pub(crate) configured: bool,
    /// Whether it is suspended.
    pub(crate) disabled: bool,
    /// What the mail of each account in it may take that has no say of its own.
    #[serde(flatten)]
    pub(crate) limit: LimitRow,
}

/// What went along when a domain was renamed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Renamed {
    /// Accounts that have another name or address.
    pub(crate) accounts: u64,
    /// Aliases that have another address or target.
    pub(crate) aliases: u64,
}
