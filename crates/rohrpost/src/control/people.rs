//! `rohrpost account`, `rohrpost alias` and `rohrpost domain`: whose mail it is.

use rohrpost_mail::{Mailbox, Secret};
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
    /// Whether it may log in.
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
    /// Octets that its mail may have; none for no limit.
    Quota(Option<u64>),
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
    /// Whether it may not log in.
    pub(crate) disabled: bool,
}

/// An alias.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct AliasRow {
    /// The address, or `@domain`.
    pub(crate) name: String,
    /// Where its mail goes.
    pub(crate) targets: Vec<Mailbox>,
}

/// A local domain.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct DomainRow {
    /// The domain.
    pub(crate) name: String,
    /// Whether the configuration names it, rather than the store.
    pub(crate) configured: bool,
}
