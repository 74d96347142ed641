use rohrpost_mail::Mailbox;

use super::*;
use crate::{Account, Alias, LocalDomain, Resolved};

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
    let alias = |address: &str, target: &str| Alias { address: address.to_owned(), targets: vec![mailbox(target)] };
    store.account_put(account("ann@here.test", &["ann@here.test"])).await.unwrap();
    for alias in
        [alias("ann@here.test", "x@x.test"), alias("Info@here.test", "i@x.test"), alias("@here.test", "c@x.test")]
    {
        store.alias_put(alias).await.unwrap();
    }
    let resolve = async |address: &str| store.resolve(&mailbox(address)).await.unwrap();
    assert!(matches!(resolve("Ann@here.test").await, Resolved::Account(_)));
    assert_eq!(resolve("INFO@here.test").await, Resolved::Alias(vec![mailbox("i@x.test")]));
    assert_eq!(resolve("anything@here.test").await, Resolved::CatchAll(vec![mailbox("c@x.test")]));
    assert_eq!(resolve("anything@there.test").await, Resolved::Nobody);
    assert!(store.alias_remove("@here.test").await.unwrap());
    assert_eq!(resolve("anything@here.test").await, Resolved::Nobody);
    assert_eq!(store.alias_list().await.unwrap().len(), 2);
}

#[tokio::test]
async fn small_things_are_remembered_over_a_restart() {
    let (dir, store) = fresh();
    store.domain_put(LocalDomain { name: "here.test".to_owned() }).await.unwrap();
    store.meta_put("srs", vec![1, 2, 3]).await.unwrap();
    let (bob, until) = (mailbox("bob@there.test"), now() + SignedDuration::from_hours(1));
    store.suppression_put("ann", &bob, until).await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(store.domain_list().await.unwrap(), [LocalDomain { name: "here.test".to_owned() }]);
    assert_eq!(store.meta_get("srs").await.unwrap(), Some(vec![1, 2, 3]));
    assert_eq!(store.meta_get("opened").await.unwrap(), None);
    assert_eq!(store.suppressed_until("ann", &bob, now()).await.unwrap(), Some(until));
    assert_eq!(store.suppressed_until("ann", &bob, until).await.unwrap(), None);
    assert!(store.suppression_remove("ann", &bob).await.unwrap());
    assert!(store.domain_remove("HERE.test").await.unwrap());
}
