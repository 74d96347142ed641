//! The rows of the directory: a key, JSON and a checksum each; and the index of addresses.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Serialize, de::DeserializeOwned};

use super::Account;
use crate::{
    error::StoreError,
    row::{Damage, Sum, json, verify},
};

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

pub(super) fn put<T: Serialize>(connection: &Connection, kind: Kind, key: &str, value: &T) -> Result<(), StoreError> {
    let (table, column) = kind.names();
    let data = json(value);
    let sql = format!("INSERT OR REPLACE INTO {table} ({column}, data, crc) VALUES (?1, ?2, ?3)");
    connection.prepare_cached(&sql)?.execute(params![key, data, kind.sum(key, &data)])?;
    Ok(())
}

pub(super) fn get<T: DeserializeOwned>(
    connection: &Connection,
    kind: Kind,
    key: &str,
) -> Result<Option<T>, StoreError> {
    let (table, column) = kind.names();
    let sql = format!("SELECT {column}, data, crc FROM {table} WHERE {column} = ?1");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query([key])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    read(row, kind).map(Some).map_err(|damage| told(damage, kind, key))
}

/// All good rows. A damaged one is reported and left out: it may be the one that its owner is about to write anew.
pub(super) fn list<T: DeserializeOwned>(connection: &Connection, kind: Kind) -> Result<Vec<T>, StoreError> {
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

pub(super) fn remove(connection: &Connection, kind: Kind, key: &str) -> Result<bool, StoreError> {
    let (table, column) = kind.names();
    Ok(connection.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), [key])? > 0)
}

pub(super) fn account_of(connection: &Connection, address: &str) -> Result<Option<Account>, StoreError> {
    match login_of(connection, address)? {
        Some(login) => get(connection, Kind::Account, &login),
        None => Ok(None),
    }
}

pub(super) fn login_of(connection: &Connection, address: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT login FROM address WHERE address = ?1")?;
    Ok(statement.query_row([address], |row| row.get(0)).optional()?)
}

pub(super) fn claim(connection: &Connection, address: &str, login: &str) -> Result<(), StoreError> {
    match login_of(connection, address)? {
        Some(other) if other != login => Err(StoreError::AddressTaken { address: address.to_owned(), login: other }),
        _ => {
            connection.execute("INSERT OR IGNORE INTO address (address, login) VALUES (?1, ?2)", [address, login])?;
            Ok(())
        }
    }
}
