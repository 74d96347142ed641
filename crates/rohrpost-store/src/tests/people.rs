use rohrpost_mail::Mailbox;

use super::*;
use crate::{Account, Alias, Allowance, LocalDomain, Moved, Resolved, mailbox::SaidBy};

fn mailbox(text: &str) -> Mailbox {
    text.parse().unwrap()
}

fn account(login: &str, addresses: &[&str]) -> Account {
    let addresses = addresses.iter().map(|address| mailbox(address)).collect();
    Account { login: login.to_owned(), addresses, ..Account::default() }
}

#[tokio::test]
async fn accounts_are_found_by_login_and_by_every_address() {
    let (_dir, store) = fresh();
    let before = store.directory_version();
    store.account_put(account("Ann@here.test", &["ann@here.test", "Office@here.test"])).await.unwrap();
    assert!(store.directory_version() > before);
    let ann = store.account_get("ANN@here.test").await.unwrap().unwrap();
    assert_eq!(store.account_of(&mailbox("OFFICE@here.test")).await.unwrap(), Some(ann.clone()));

    let thief = store.account_put(account("eve@here.test", &["eve@here.test", "office@here.test"])).await;
    assert!(matches!(thief, Err(StoreError::AddressTaken { .. })));
    assert_eq!(store.account_get("eve@here.test").await.unwrap(), None);
    assert_eq!(store.account_list().await.unwrap(), [ann]);

    store.account_put(account("ann@here.test", &["ann@here.test"])).await.unwrap();
    assert_eq!(store.account_of(&mailbox("office@here.test")).await.unwrap(), None);
    assert!(store.account_remove("ann@here.test").await.unwrap());
    assert!(!store.account_remove("ann@here.test").await.unwrap());
    assert_eq!(store.account_of(&mailbox("ann@here.test")).await.unwrap(), None);
}

#[tokio::test]
async fn an_address_goes_to_its_account_then_its_alias_then_the_catch_all() {
    let (_dir, store) = fresh();
    let alias = |address: &str, target: &str| Alias {
        address: address.to_owned(),
        targets: vec![mailbox(target)],
        ..Alias::default()
    };
    store.account_put(account("ann@here.test", &["ann@here.test"])).await.unwrap();
    for alias in
        [alias("ann@here.test", "x@x.test"), alias("Info@here.test", "i@x.test"), alias("@here.test", "c@x.test")]
    {
        store.alias_put(alias).await.unwrap();
    }
    let resolve = async |address: &str| store.resolve(&mailbox(address)).await.unwrap();
    assert!(matches!(resolve("Ann@here.test").await, Resolved::Account { octets_max: None, .. }));
    assert_eq!(resolve("INFO@here.test").await, Resolved::Alias(alias("info@here.test", "i@x.test")));
    assert_eq!(resolve("anything@here.test").await, Resolved::CatchAll(alias("@here.test", "c@x.test")));
    assert_eq!(resolve("anything@there.test").await, Resolved::Nobody);
    assert!(store.alias_remove("@here.test").await.unwrap());
    assert_eq!(resolve("anything@here.test").await, Resolved::Nobody);
    assert_eq!(store.alias_list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn small_things_are_remembered_over_a_restart() {
    let (dir, store) = fresh();
    let here = LocalDomain { name: "here.test".to_owned(), quota: Allowance::Octets(5), disabled: true };
    store.domain_put(here.clone()).await.unwrap();
    store.meta_put("srs", vec![1, 2, 3]).await.unwrap();
    let (bob, until) = (mailbox("bob@there.test"), now() + SignedDuration::from_hours(1));
    store.suppression_put("ann", &bob, until).await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.domain_list().await.unwrap(), [here]);
    assert_eq!(store.meta_get("srs").await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(store.meta_get("opened").await.unwrap(), None);
    assert_eq!(store.suppressed_until("ann", &bob, now()).await.unwrap(), Some(until));
    assert_eq!(store.suppressed_until("ann", &bob, until).await.unwrap(), None);
    assert!(store.suppression_remove("ann", &bob).await.unwrap());
    assert!(store.domain_remove("HERE.test").await.unwrap());
}

#[tokio::test]
async fn who_is_suspended_or_in_a_suspended_domain_may_not_log_in() {
    let (_dir, store) = fresh();
    let ann = Account { login: "ann@here.test".to_owned(), ..account("", &["ann@here.test", "ann@there.test"]) };
    store.account_put(ann.clone()).await.unwrap();
    let may = async |user: &str| store.account_for_log_in(user).await.unwrap().is_some();
    assert!(may("Ann@here.test").await && may("ANN@there.test").await && !may("ann").await);
    let suspend = async |name: &str, disabled| {
        store.domain_put(LocalDomain { name: name.to_owned(), disabled, ..LocalDomain::default() }).await.unwrap();
    };
    suspend("there.test", true).await;
    assert!(may("ann@there.test").await, "the domain of the login counts");
    suspend("here.test", true).await;
    assert!(!may("ann@here.test").await && !may("ann@there.test").await);
    suspend("here.test", false).await;
    assert!(may("ann@here.test").await);
    store.account_put(Account { disabled: true, ..ann }).await.unwrap();
    assert!(!may("ann@here.test").await);
}

#[tokio::test]
async fn the_account_says_how_much_it_may_take_then_its_domain_then_the_server() {
    let (_dir, store) = fresh();
    let ann = account("ann@here.test", &["ann@here.test"]);
    store.account_put(ann.clone()).await.unwrap();
    let limit = async || {
        let quota = store.mailbox_quota("ann@here.test").await.unwrap();
        let Resolved::Account { octets_max, .. } = store.resolve(&mailbox("ann@here.test")).await.unwrap() else {
            panic!("she is there")
        };
        assert_eq!(octets_max, quota.octets_max);
        (octets_max, quota.said_by)
    };
    let domain = async |quota| {
        store.domain_put(LocalDomain { name: "here.test".to_owned(), quota, disabled: false }).await.unwrap();
    };
    assert_eq!(limit().await, (None, SaidBy::Nobody));
    let version = store.directory_version();
    store.default_quota_set(Some(1)).await.unwrap();
    assert!(store.directory_version() > version);
    assert_eq!(limit().await, (Some(1), SaidBy::Server));
    domain(Allowance::Octets(2)).await;
    assert_eq!(limit().await, (Some(2), SaidBy::Domain));
    store.account_put(Account { quota: Allowance::Octets(3), ..ann.clone() }).await.unwrap();
    assert_eq!(limit().await, (Some(3), SaidBy::Account));
    store.account_put(Account { quota: Allowance::Unlimited, ..ann.clone() }).await.unwrap();
    assert_eq!(limit().await, (None, SaidBy::Account));
    store.account_put(ann).await.unwrap();
    domain(Allowance::Unlimited).await;
    assert_eq!(limit().await, (None, SaidBy::Domain));
    assert!(store.domain_remove("here.test").await.unwrap());
    assert_eq!(limit().await, (Some(1), SaidBy::Server));
    store.default_quota_set(None).await.unwrap();
    assert_eq!(limit().await, (None, SaidBy::Nobody));
}

/// `ann@old.test`, who has an address in `there.test` too, and `info@old.test`, which leads to her.
async fn with_old_domain() -> (tempfile::TempDir, Store) {
    let (dir, store) = fresh();
    let old = LocalDomain { name: "old.test".to_owned(), quota: Allowance::Octets(5), disabled: false };
    store.domain_put(old).await.unwrap();
    let ann = account("ann@old.test", &["ann@old.test", "ann@there.test"]);
    store.account_put(Account { domains: vec!["old.test".to_owned()], ..ann }).await.unwrap();
    store.account_put(account("bob@there.test", &["bob@there.test", "bob@old.test"])).await.unwrap();
    let info = Alias { address: "info@old.test".to_owned(), targets: vec![mailbox("ann@old.test")], disabled: true };
    store.alias_put(info).await.unwrap();
    (dir, store)
}

async fn rename(store: &Store, keeps: bool) -> Result<Option<Moved>, StoreError> {
    store.domain_rename(&"old.test".parse().unwrap(), &"new.test".parse().unwrap(), keeps).await
}

#[tokio::test]
async fn a_renamed_domain_takes_along_all_that_is_named_after_it() {
    let (_dir, store) = with_old_domain().await;
    assert_eq!(rename(&store, false).await.unwrap(), Some(Moved { accounts: 2, aliases: 1 }));
    assert_eq!(rename(&store, false).await.unwrap(), None, "it is gone");
    let ann = store.account_get("ann@new.test").await.unwrap().unwrap();
    assert_eq!(ann.addresses, [mailbox("ann@new.test"), mailbox("ann@there.test")]);
    assert_eq!(ann.domains, ["new.test"]);
    assert!(store.mailbox("ann@new.test", "INBOX").await.unwrap().is_some());
    assert_eq!(store.mailbox_quota("ann@new.test").await.unwrap().octets_max, Some(5));
    let bob = store.account_get("bob@there.test").await.unwrap().unwrap();
    assert_eq!(bob.addresses, [mailbox("bob@there.test"), mailbox("bob@new.test")]);
    let info = Alias { address: "info@new.test".to_owned(), targets: vec![mailbox("ann@new.test")], disabled: true };
    assert_eq!(store.alias_list().await.unwrap(), [info]);
    assert_eq!(store.resolve(&mailbox("ann@old.test")).await.unwrap(), Resolved::Nobody);
    assert_eq!(store.account_get("ann@old.test").await.unwrap(), None);
}

#[tokio::test]
async fn a_domain_that_is_kept_leads_to_the_same_people() {
    let (_dir, store) = with_old_domain().await;
    rename(&store, true).await.unwrap();
    let ann = store.account_get("ann@new.test").await.unwrap().unwrap();
    let wanted = ["ann@new.test", "ann@there.test", "ann@old.test"].map(mailbox);
    assert_eq!(ann.addresses, wanted);
    assert_eq!(ann.domains, ["new.test", "old.test"]);
    let aliases: Vec<_> = store.alias_list().await.unwrap();
    assert!(aliases.iter().all(|alias| alias.targets == [mailbox("ann@new.test")]), "{aliases:?}");
    assert_eq!(aliases.len(), 2);
    assert_eq!(store.domain_list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_domain_whose_new_names_are_taken_stays_as_it_was() {
    let (_dir, store) = with_old_domain().await;
    store.account_put(account("eve@there.test", &["ann@new.test"])).await.unwrap();
    assert!(matches!(rename(&store, false).await, Err(StoreError::AddressTaken { .. })));
    store.account_put(account("eve@there.test", &["eve@there.test"])).await.unwrap();
    let taken = Alias { address: "info@new.test".to_owned(), ..Alias::default() };
    store.alias_put(taken).await.unwrap();
    assert!(matches!(rename(&store, false).await, Err(StoreError::AliasTaken { .. })));
    store.alias_remove("info@new.test").await.unwrap();
    store.alias_put(Alias { address: "bob@new.test".to_owned(), ..Alias::default() }).await.unwrap();
    assert!(matches!(rename(&store, false).await, Err(StoreError::AliasTaken { .. })), "bob would get its mail");
    store.alias_remove("bob@new.test").await.unwrap();
    store.account_put(account("eve@there.test", &["info@new.test"])).await.unwrap();
    assert!(matches!(rename(&store, false).await, Err(StoreError::AddressTaken { .. })), "eve would get its mail");
    let ann = store.account_of(&mailbox("ann@old.test")).await.unwrap().unwrap();
    assert_eq!(ann.login, "ann@old.test");
    assert!(store.mailbox("ann@old.test", "INBOX").await.unwrap().is_some());
    assert_eq!(store.domain_list().await.unwrap()[0].name, "old.test");
}

#[tokio::test]
async fn an_alias_is_renamed_unless_its_new_name_is_taken() {
    let (_dir, store) = with_old_domain().await;
    assert!(store.alias_rename("Info@old.test", "office@old.test").await.unwrap());
    assert!(!store.alias_rename("info@old.test", "x@old.test").await.unwrap());
    assert!(store.alias_get("office@old.test").await.unwrap().unwrap().disabled, "it stays suspended");
    store.alias_put(Alias { address: "x@old.test".to_owned(), ..Alias::default() }).await.unwrap();
    let refused = store.alias_rename("office@old.test", "X@old.test").await;
    assert!(matches!(refused, Err(StoreError::AliasTaken { .. })));
}
