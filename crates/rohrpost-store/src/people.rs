//! Who lives here: accounts, aliases, local domains.

use rohrpost_mail::Mailbox;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    error::StoreError,
    mailbox::{folders, quota, work::Work},
    row::{Damage, Sum, json, verify},
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
    /// Octets that its mail may take; no limit where there is none.
    #[serde(default)]
    pub quota_octets: Option<u64>,
    /// Whether it may not log in.
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
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Alias {
    /// `ann@here.test`, or `@here.test` for every address that has nothing else.
    pub address: String,
    /// Where its mail goes.
    pub targets: Vec<Mailbox>,
}

/// A domain whose mail ends here.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct LocalDomain {
    /// Its name, as A-labels.
    pub name: String,
}

/// Who gets the mail for an address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Resolved {
    /// An account that has this address.
    Account(Account),
    /// The targets of an alias.
    Alias(Vec<Mailbox>),
    /// The targets of the domain's catch-all.
    CatchAll(Vec<Mailbox>),
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
            let (connection, login) = (work.connection, &account.login);
            if get::<Account>(connection, Kind::Account, &from)?.is_none() {
                return Ok(false);
            }
            if *login != from {
                if get::<Account>(connection, Kind::Account, login)?.is_some() {
                    return Err(StoreError::AddressTaken { address: login.clone(), login: login.clone() });
                }
                connection.execute("DELETE FROM address WHERE login = ?1", [&from])?;
                remove(connection, Kind::Account, &from)?;
                quota::set(connection, &from, None)?;
                folders::change_account(work, &from, login)?;
            }
            put_account(work, &account)?;
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
            quota::set(connection, &login, None)?;
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

    /// Adds a local domain.
    pub async fn domain_put(&self, domain: LocalDomain) -> Result<(), StoreError> {
        self.change_directory(move |work| put(work.connection, Kind::Domain, &domain.name, &domain)).await
    }

    /// All local domains, by name.
    pub async fn domain_list(&self) -> Result<Vec<LocalDomain>, StoreError> {
        self.read(|connection| list(connection, Kind::Domain)).await
    }

    /// Removes a local domain. False if it was not there.
    pub async fn domain_remove(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_lowercase();
        self.change_directory(move |work| remove(work.connection, Kind::Domain, &name)).await
    }

    /// Who gets the mail for an address: its account, else its alias, else the catch-all of its domain.
    pub async fn resolve(&self, address: &Mailbox) -> Result<Resolved, StoreError> {
        let (key, domain) = (address.key(), format!("@{}", address.domain));
        self.read(move |connection| {
            if let Some(account) = account_of(connection, &key)? {
                return Ok(Resolved::Account(account));
            }
            if let Some(alias) = get::<Alias>(connection, Kind::Alias, &key)? {
                return Ok(Resolved::Alias(alias.targets));
            }
            let catch_all = get::<Alias>(connection, Kind::Alias, &domain)?;
            Ok(catch_all.map_or(Resolved::Nobody, |alias| Resolved::CatchAll(alias.targets)))
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
    quota::set(connection, &account.login, account.quota_octets)?;
    work.ensure_inbox(&account.login).map(drop)
}

/// The tables of the directory. Each has a key, JSON and a checksum.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Account,
    Alias,
    Domain,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Account, Self::Alias, Self::Domain];

    /// Table and key column.
    pub(crate) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Account => ("account", "login"),
            Self::Alias => ("alias", "address"),
            Self::Domain => ("domain", "name"),
        }
    }

    fn sum(self, key: &str, data: &str) -> i64 {
        Sum::of(self.names().0).text(key).text(data).end()
    }
}

fn put<T: Serialize>(connection: &Connection, kind: Kind, key: &str, value: &T) -> Result<(), StoreError> {
    let (table, column) = kind.names();
    let data = json(value);
    let sql = format!("INSERT OR REPLACE INTO {table} ({column}, data, crc) VALUES (?1, ?2, ?3)");
    connection.prepare_cached(&sql)?.execute(params![key, data, kind.sum(key, &data)])?;
    Ok(())
}

fn get<T: DeserializeOwned>(connection: &Connection, kind: Kind, key: &str) -> Result<Option<T>, StoreError> {
    let (table, column) = kind.names();
    let sql = format!("SELECT {column}, data, crc FROM {table} WHERE {column} = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    read(row, kind).map(Some).map_err(|damage| told(damage, kind, key))
}

/// All good rows. A damaged one is reported and left out: it may be the one that its owner is about to write anew.
fn list<T: DeserializeOwned>(connection: &Connection, kind: Kind) -> Result<Vec<T>, StoreError> {
    let (table, column) = kind.names();
    let mut statement =
        connection.prepare_cached(&format!("SELECT {column}, data, crc FROM {table} ORDER BY {column}"))?;
    let mut rows = statement.query([])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        match read(row, kind) {
            Ok(value) => list.push(value),
            Err(Damage::Database(error)) => return Err(error),
            Err(Damage::Row(reason)) => tracing::error!(table, reason, "a damaged row is left out"),
        }
    }
    Ok(list)
}

/// Reads a row of the directory and checks it.
pub(crate) fn read<T: DeserializeOwned>(row: &rusqlite::Row<'_>, kind: Kind) -> Result<T, Damage> {
    let key: String = row.get(0)?;
    let data = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
    verify(row.get(2)?, kind.sum(&key, data))?;
    Ok(serde_json::from_str(data)?)
}

fn told(damage: Damage, kind: Kind, key: &str) -> StoreError {
    match damage {
        Damage::Database(error) => error,
        Damage::Row(_) => StoreError::Corrupt { what: format!("{} {key}", kind.names().0) },
    }
}

fn remove(connection: &Connection, kind: Kind, key: &str) -> Result<bool, StoreError> {
    let (table, column) = kind.names();
    Ok(connection.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), [key])? > 0)
}

fn account_of(connection: &Connection, address: &str) -> Result<Option<Account>, StoreError> {
    match login_of(connection, address)? {
        Some(login) => get(connection, Kind::Account, &login),
        None => Ok(None),
    }
}

fn login_of(connection: &Connection, address: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT login FROM address WHERE address = ?1")?;
    Ok(statement.query_row([address], |row| row.get(0)).optional()?)
}

fn claim(connection: &Connection, address: &str, login: &str) -> Result<(), StoreError> {
    match login_of(connection, address)? {
        Some(other) if other != login => Err(StoreError::AddressTaken { address: address.to_owned(), login: other }),
        _ => {
            connection.execute("INSERT OR IGNORE INTO address (address, login) VALUES (?1, ?2)", [address, login])?;
            Ok(())
        }
    }
}
