//! Who lives here: accounts, aliases, local domains.

mod allowance;
mod rename;
mod rows;

use rohrpost_mail::Mailbox;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

pub(crate) use self::rows::{Kind, read};
use self::rows::{account_of, claim, get, list, login_of, put, remove};
pub use self::{allowance::Allowance, rename::Moved};
use crate::{
    error::StoreError,
    mailbox::{folders, quota, work::Work},
    store::Store,
};

/// An account.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Account {
    /// Its login, in lower case; usually its first address.
    pub login: String,
    /// Addresses it may send from and gets mail for.
    #[serde(default)]
    pub addresses: Vec<Mailbox>,
    /// Domains whose every address it may send from.
    #[serde(default)]
    pub domains: Vec<String>,
    /// The class of its limits.
    #[serde(default)]
    pub class: String,
    /// Its passwords, each with a label of its own.
    #[serde(default)]
    pub secrets: Vec<AppPassword>,
    /// `en` or `de`: the language of notices to it.
    #[serde(default)]
    pub language: String,
    /// What its mail may take.
    #[serde(default, rename = "quota_octets")]
    pub quota: Allowance,
    /// Whether it is suspended: it may not log in, and mail for its addresses is refused.
    #[serde(default)]
    pub disabled: bool,
}

/// A password of an account, in the forms that check it. The password itself is nowhere.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct AppPassword {
    /// What its owner calls it.
    pub label: String,
    /// Argon2id in PHC format.
    pub argon2: String,
    /// Keys for SCRAM-SHA-256, where it may be used for that.
    #[serde(default)]
    pub scram: Option<ScramSecret>,
}

/// What SCRAM-SHA-256 needs to check a password. RFC 5802 §3.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
pub struct ScramSecret {
    /// Salt.
    pub salt: Vec<u8>,
    /// Iterations of PBKDF2.
    pub iterations: u32,
    /// `StoredKey`
    pub stored_key: [u8; 32],
    /// `ServerKey`
    pub server_key: [u8; 32],
}

impl std::fmt::Debug for AppPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppPassword").field("label", &self.label).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ScramSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ScramSecret").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

/// Other addresses in the place of one.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alias {
    /// `ann@here.test`, or `@here.test` for every address that has nothing else.
    pub address: String,
    /// Where its mail goes.
    pub targets: Vec<Mailbox>,
    /// Whether it is suspended: mail for it is refused.
    #[serde(default)]
    pub disabled: bool,
}

/// A domain whose mail ends here.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct LocalDomain {
    /// Its name, as A-labels.
    pub name: String,
    /// What the mail of each account may take whose login is in it, and that has no say of its own.
    #[serde(default)]
    pub quota: Allowance,
    /// Whether it is suspended: the accounts whose login is in it may not log in, and mail for its addresses is refused.
    #[serde(default)]
    pub disabled: bool,
}

/// Who gets the mail for an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolved {
    /// An account that has this address.
    Account {
        /// The account.
        account: Account,
        /// Octets that its mail may take, whoever says so; no limit where there is none.
        octets_max: Option<u64>,
    },
    /// An alias.
    Alias(Alias),
    /// The domain's catch-all.
    CatchAll(Alias),
    /// Nobody.
    Nobody,
}

impl Store {
    /// Adds an account, or replaces the one with its login.
    ///
    /// # Errors
    /// [`StoreError::AddressTaken`] when one of its addresses belongs to another account.
    pub async fn account_put(&self, mut account: Account) -> Result<(), StoreError> {
        account.login = account.login.to_lowercase();
        self.change_directory(move |work| put_account(work, &account)).await
    }

    /// Puts an account in the place of the one with another login; mailboxes and limits go over to it. False if that was
    /// not there.
    ///
    /// # Errors
    /// [`StoreError::AddressTaken`] when the new login or one of the addresses belongs to another account.
    pub async fn account_rename(&self, from: &str, mut account: Account) -> Result<bool, StoreError> {
        account.login = account.login.to_lowercase();
        let from = from.to_lowercase();
        self.change_directory(move |work| {
            if get::<Account>(work.connection, Kind::Account, &from)?.is_none() {
                return Ok(false);
            }
            move_account(work, &from, &account)?;
            Ok(true)
        })
        .await
    }

    /// An account by its login, in any case.
    pub async fn account_get(&self, login: &str) -> Result<Option<Account>, StoreError> {
        let login = login.to_lowercase();
        self.read(move |connection| get(connection, Kind::Account, &login)).await
    }

    /// The account that has an address.
    pub async fn account_of(&self, address: &Mailbox) -> Result<Option<Account>, StoreError> {
        let key = address.key();
        self.read(move |connection| account_of(connection, &key)).await
    }

    /// Who may log in under this name, a login or an address in any case: an account that is not suspended, nor is the
    /// domain of its login.
    pub async fn account_for_log_in(&self, user: &str) -> Result<Option<Account>, StoreError> {
        let user = user.to_lowercase();
        self.read(move |connection| {
            let account = match get::<Account>(connection, Kind::Account, &user)? {
                Some(account) => Some(account),
                None => match Mailbox::parse(&user) {
                    Ok(address) => account_of(connection, &address.key())?,
                    Err(_) => None,
                },
            };
            let Some(account) = account.filter(|account| !account.disabled) else { return Ok(None) };
            let domain = match account.login.rsplit_once('@') {
                Some((_, domain)) => get::<LocalDomain>(connection, Kind::Domain, domain)?,
                None => None,
            };
            Ok((!domain.is_some_and(|domain| domain.disabled)).then_some(account))
        })
        .await
    }

    /// All accounts, by login.
    pub async fn account_list(&self) -> Result<Vec<Account>, StoreError> {
        self.read(|connection| list(connection, Kind::Account)).await
    }

    /// Removes an account; its mailboxes stay. False if it was not there.
    pub async fn account_remove(&self, login: &str) -> Result<bool, StoreError> {
        let login = login.to_lowercase();
        self.change_directory(move |work| {
            let connection = work.connection;
            connection.execute("DELETE FROM address WHERE login = ?1", [&login])?;
            quota::set(connection, &login, Allowance::Inherited)?;
            work.weigh(&login);
            remove(connection, Kind::Account, &login)
        })
        .await
    }

    /// Adds an alias, or replaces the one with its address.
    pub async fn alias_put(&self, mut alias: Alias) -> Result<(), StoreError> {
        alias.address = alias.address.to_lowercase();
        self.change_directory(move |work| put(work.connection, Kind::Alias, &alias.address, &alias)).await
    }

    /// An alias by its address, `ann@here.test` or `@here.test`.
    pub async fn alias_get(&self, address: &str) -> Result<Option<Alias>, StoreError> {
        let address = address.to_lowercase();
        self.read(move |connection| get(connection, Kind::Alias, &address)).await
    }

    /// All aliases, by address.
    pub async fn alias_list(&self) -> Result<Vec<Alias>, StoreError> {
        self.read(|connection| list(connection, Kind::Alias)).await
    }

    /// Removes an alias. False if it was not there.
    pub async fn alias_remove(&self, address: &str) -> Result<bool, StoreError> {
        let address = address.to_lowercase();
        self.change_directory(move |work| remove(work.connection, Kind::Alias, &address)).await
    }

    /// Gives an alias another address, in one step. False if it was not there.
    ///
    /// # Errors
    /// [`StoreError::AliasTaken`] when there is an alias of that address already.
    pub async fn alias_rename(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let (from, to) = (from.to_lowercase(), to.to_lowercase());
        self.change_directory(move |work| {
            let connection = work.connection;
            let Some(alias) = get::<Alias>(connection, Kind::Alias, &from)? else { return Ok(false) };
            if from != to {
                remove(connection, Kind::Alias, &from)?;
                new_alias(connection, Alias { address: to.clone(), ..alias })?;
            }
            Ok(true)
        })
        .await
    }

    /// Adds a local domain, or replaces the one with its name.
    pub async fn domain_put(&self, domain: LocalDomain) -> Result<(), StoreError> {
        self.change_directory(move |work| put_domain(work.connection, &domain)).await
    }

    /// A local domain by its name, in any case.
    pub async fn domain_get(&self, name: &str) -> Result<Option<LocalDomain>, StoreError> {
        let name = name.to_lowercase();
        self.read(move |connection| get(connection, Kind::Domain, &name)).await
    }

    /// All local domains, by name.
    pub async fn domain_list(&self) -> Result<Vec<LocalDomain>, StoreError> {
        self.read(|connection| list(connection, Kind::Domain)).await
    }

    /// Removes a local domain. False if it was not there.
    pub async fn domain_remove(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_lowercase();
        self.change_directory(move |work| remove_domain(work.connection, &name)).await
    }

    /// Who gets the mail for an address: its account, else its alias, else the catch-all of its domain.
    pub async fn resolve(&self, address: &Mailbox) -> Result<Resolved, StoreError> {
        let (key, domain) = (address.key(), format!("@{}", address.domain));
        self.read(move |connection| {
            if let Some(account) = account_of(connection, &key)? {
                let octets_max = quota::limit(connection, &account.login)?.0;
                return Ok(Resolved::Account { account, octets_max });
            }
            if let Some(alias) = get(connection, Kind::Alias, &key)? {
                return Ok(Resolved::Alias(alias));
            }
            Ok(get(connection, Kind::Alias, &domain)?.map_or(Resolved::Nobody, Resolved::CatchAll))
        })
        .await
    }
}

/// Writes an account, its addresses, its limit, and the mailboxes that every account has.
fn put_account(work: &mut Work<'_>, account: &Account) -> Result<(), StoreError> {
    let connection = work.connection;
    put(connection, Kind::Account, &account.login, account)?;
    connection.execute("DELETE FROM address WHERE login = ?1", [&account.login])?;
    account.addresses.iter().try_for_each(|address| claim(connection, &address.key(), &account.login))?;
    quota::set(connection, &account.login, account.quota)?;
    work.weigh(&account.login);
    work.ensure_inbox(&account.login).map(drop)
}

/// Puts an account in the place of the one with another login.
fn move_account(work: &mut Work<'_>, from: &str, account: &Account) -> Result<(), StoreError> {
    let (connection, login) = (work.connection, &account.login);
    if login != from {
        if get::<Account>(connection, Kind::Account, login)?.is_some() {
            return Err(StoreError::AddressTaken { address: login.clone(), login: login.clone() });
        }
        connection.execute("DELETE FROM address WHERE login = ?1", [from])?;
        remove(connection, Kind::Account, from)?;
        quota::set(connection, from, Allowance::Inherited)?;
        work.weigh(from);
        folders::change_account(work, from, login)?;
    }
    put_account(work, account)
}

/// Writes an alias of an address that must have none, and be nobody's.
fn new_alias(connection: &Connection, alias: Alias) -> Result<(), StoreError> {
    if let Some(login) = login_of(connection, &alias.address)? {
        return Err(StoreError::AddressTaken { address: alias.address, login });
    }
    if get::<Alias>(connection, Kind::Alias, &alias.address)?.is_some() {
        return Err(StoreError::AliasTaken { address: alias.address });
    }
    put(connection, Kind::Alias, &alias.address, &alias)
}

fn put_domain(connection: &Connection, domain: &LocalDomain) -> Result<(), StoreError> {
    quota::set(connection, &format!("@{}", domain.name), domain.quota)?;
    put(connection, Kind::Domain, &domain.name, domain)
}

fn remove_domain(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    quota::set(connection, &format!("@{name}"), Allowance::Inherited)?;
    remove(connection, Kind::Domain, name)
}
