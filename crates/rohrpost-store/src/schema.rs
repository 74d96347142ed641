//! The schema, as numbered steps that are only ever added to. `docs/design/store.md` explains the tables.

use rusqlite::{Connection, TransactionBehavior};

use crate::{
    error::{OpenError, StoreError},
    mailbox,
};

/// What brings the database from one version to the next.
pub(crate) struct Step {
    pub(crate) sql: &'static str,
    /// What SQL alone cannot do.
    then: fn(&Connection) -> Result<(), StoreError>,
}

/// The steps, each at the index of the version that it starts from. A released step never changes.
pub(crate) const STEPS: &[Step] = &[
    Step { sql: include_str!("schema/1.sql"), then: |_| Ok(()) },
    Step { sql: include_str!("schema/2.sql"), then: |_| Ok(()) },
    Step { sql: include_str!("schema/3.sql"), then: mailbox::migrate::run },
    Step { sql: include_str!("schema/4.sql"), then: |_| Ok(()) },
];

/// The version that this release writes.
pub(crate) fn known() -> u32 {
    u32::try_from(STEPS.len()).expect("there are few steps")
}

/// The version of an open database; 0 for an empty one.
pub(crate) fn found(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the database to a version, [`known`] mostly, one transaction a step, so that a crash leaves a version that exists.
pub(crate) fn migrate(connection: &mut Connection, to: u32) -> Result<(), OpenError> {
    let found = found(connection)?;
    if found > known() {
        return Err(OpenError::FromTheFuture { found, known: known() });
    }
    for version in found..to {
        let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        step.execute_batch(STEPS[version as usize].sql)?;
        (STEPS[version as usize].then)(&step).map_err(OpenError::Migration)?;
        step.pragma_update(None, "user_version", version + 1)?;
        step.commit()?;
        tracing::info!(schema = version + 1, "database migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT sql FROM sqlite_schema ORDER BY name").unwrap();
        statement
            .query_map([], |row| Ok(row.get::<_, Option<String>>(0)?.unwrap_or_default()))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn every_version_reaches_the_newest_one_and_migrating_twice_changes_nothing() {
        let mut fresh = Connection::open_in_memory().unwrap();
        migrate(&mut fresh, known()).unwrap();
        let newest = tables(&fresh);
        for from in 0..STEPS.len() {
            let mut old = Connection::open_in_memory().unwrap();
            for step in &STEPS[..from] {
                old.execute_batch(step.sql).unwrap();
                (step.then)(&old).unwrap();
            }
            old.pragma_update(None, "user_version", u32::try_from(from).unwrap()).unwrap();
            migrate(&mut old, known()).unwrap();
            assert_eq!(tables(&old), newest, "from version {from}");
        }
        migrate(&mut fresh, known()).unwrap();
        assert_eq!(found(&fresh).unwrap(), known());
        assert_eq!(tables(&fresh), newest);
    }

    #[test]
    fn a_database_of_a_later_release_is_not_touched() {
        let mut future = Connection::open_in_memory().unwrap();
        future.pragma_update(None, "user_version", known() + 1).unwrap();
        assert!(matches!(migrate(&mut future, known()), Err(OpenError::FromTheFuture { .. })));
        assert!(tables(&future).is_empty());
    }
}
