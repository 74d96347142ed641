//! Accounts that were looked up for a log-in: once, until something about accounts changes.
//!
//! A program that connects for each message, or a mail program with its five connections, need not wait for the store
//! each time. Users that are not there are remembered, too: they take as long as the others.

use std::sync::{Arc, Mutex, PoisonError};

use rohrpost_store::{Account, Store, StoreError};

use crate::{
    bounded::Bounded,
    limits::{ACCOUNTS_CACHED_MAX, LOGIN_CACHED_BYTES_MAX},
};

/// What is remembered.
#[derive(Debug)]
pub(super) struct Known(Mutex<Cache>);

#[derive(Debug)]
struct Cache {
    /// The store's version that all of it was read at.
    version: u64,
    found: Bounded<String, Option<Arc<Account>>>,
}

impl Known {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Cache { version: 0, found: Bounded::new(ACCOUNTS_CACHED_MAX) }))
    }

    /// An account that may log in, by its login or one of its addresses.
    pub(super) async fn account(&self, store: &Store, user: &str) -> Result<Option<Arc<Account>>, StoreError> {
        // Asked before the account is read, so that what changes meanwhile is not missed.
        let version = store.directory_version();
        if let Some(found) = self.with(version, |found| found.get_mut(user).cloned()).flatten() {
            return Ok(found);
        }
        let account = store.account_for_log_in(user).await?.map(Arc::new);
        if user.len() <= LOGIN_CACHED_BYTES_MAX {
            self.with(version, |found| found.insert(user.to_owned(), account.clone()));
        }
        Ok(account)
    }

    /// What was read at this version; nothing where others know a newer one.
    fn with<T>(&self, version: u64, work: impl FnOnce(&mut Bounded<String, Option<Arc<Account>>>) -> T) -> Option<T> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.version < version {
            cache.found.clear();
            cache.version = version;
        }
        (cache.version == version).then(|| work(&mut cache.found))
    }
}

#[cfg(test)]
mod tests {
    use rohrpost_store::Options;

    use super::*;

    #[tokio::test]
    async fn an_account_is_read_once_until_any_account_changes() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), Options { free_bytes_min: 1, ..Options::default() }).unwrap();
        let ann = Account { login: "ann@here.test".into(), ..Account::default() };
        store.account_put(ann.clone()).await.unwrap();
        let known = Known::new();
        let look = async |user| known.account(&store, user).await.unwrap();
        let first = look("ann@here.test").await.unwrap();
        assert!(Arc::ptr_eq(&first, &look("ann@here.test").await.unwrap()));
        assert!(look("bob@here.test").await.is_none());

        store.account_put(Account { login: "bob@here.test".into(), ..Account::default() }).await.unwrap();
        assert!(look("bob@here.test").await.is_some());
        assert!(!Arc::ptr_eq(&first, &look("ann@here.test").await.unwrap()));
        store.account_put(Account { disabled: true, ..ann }).await.unwrap();
        assert!(look("ann@here.test").await.is_none());
    }

    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let known = Known::new();
        let version = |version| known.with(version, |found| found.insert("ann".into(), None)).is_some();
        assert!(version(2));
        assert!(!version(1), "somebody has seen the change");
        assert_eq!(known.with(3, |found| found.len()), Some(0));
    }
}
