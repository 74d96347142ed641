//! Who is to be told that a mailbox is nearly full.

use super::*;
use crate::{
    Account, Allowance, LocalDomain,
    mailbox::{Filled, Flags, NewMail},
};

const ANN: &str = "ann@here.test";
const NOTHING: [u64; 0] = [];

fn ann(quota: Allowance) -> Account {
    Account { login: ANN.to_owned(), quota, ..Account::default() }
}

async fn append(store: &Store, count: usize) {
    let mail = |_| NewMail { body: Body::from_bytes("x"), shape: None, flags: Flags::default(), at: now() };
    store.mailbox_append(ANN, "INBOX", (0..count).map(mail).collect()).await.unwrap();
}

async fn expunge(store: &Store, count: u32) {
    let inbox = store.mailbox(ANN, "INBOX").await.unwrap().unwrap();
    let last = inbox.uid_next - 1;
    store.mailbox_expunge(inbox.id, Some(&[last - count + 1..=last]), false).await.unwrap();
}

/// The steps that ann is to be told of; then she is.
async fn told(store: &Store) -> Vec<u64> {
    let filled = store.filled("", 10).await.unwrap();
    for filled in filled.clone() {
        store.filled_told(filled).await.unwrap();
    }
    assert_eq!(store.filled("", 10).await.unwrap(), []);
    filled.iter().map(|filled| filled.step).collect()
}

#[tokio::test]
async fn each_step_is_told_once_until_the_account_was_below_it_again() {
    let (_dir, store) = fresh();
    store.account_put(ann(Allowance::Octets(100))).await.unwrap();
    append(&store, 79).await;
    assert_eq!(told(&store).await, NOTHING);
    append(&store, 1).await;
    store.wait_until_filled().await;
    assert_eq!(told(&store).await, [80]);
    append(&store, 14).await;
    assert_eq!(told(&store).await, NOTHING);
    append(&store, 1).await;
    assert_eq!(told(&store).await, [95]);
    expunge(&store, 5).await;
    append(&store, 4).await;
    assert_eq!(told(&store).await, NOTHING, "it was never below 80, nor is it at 95 again");
    append(&store, 1).await;
    assert_eq!(told(&store).await, [95]);
    expunge(&store, 95).await;
    append(&store, 95).await;
    assert_eq!(told(&store).await, [95], "the last word is enough");
    assert_sound(&store).await;
}

#[tokio::test]
async fn who_tidied_up_before_being_told_hears_nothing() {
    let (_dir, store) = fresh();
    store.account_put(ann(Allowance::Octets(10))).await.unwrap();
    append(&store, 10).await;
    expunge(&store, 9).await;
    assert_eq!(told(&store).await, NOTHING);
    append(&store, 7).await;
    let filled = Filled { account: ANN.to_owned(), step: 80 };
    assert_eq!(store.filled("", 10).await.unwrap(), std::slice::from_ref(&filled));
    append(&store, 2).await;
    store.filled_told(filled).await.unwrap();
    assert_eq!(told(&store).await, [95], "who was told of one step has still to hear of the next");
}

#[tokio::test]
async fn whatever_makes_a_mailbox_fuller_is_told_and_over_a_restart() {
    let (dir, store) = fresh();
    store.account_put(ann(Allowance::Inherited)).await.unwrap();
    append(&store, 8).await;
    assert_eq!(told(&store).await, NOTHING);
    store.account_put(ann(Allowance::Octets(10))).await.unwrap();
    drop(store);
    let store = open(dir.path());
    assert_eq!(told(&store).await, [80], "a limit was set");
    store.account_put(ann(Allowance::Unlimited)).await.unwrap();
    let quota = Allowance::Octets(8);
    store.domain_put(LocalDomain { name: "here.test".to_owned(), quota, disabled: false }).await.unwrap();
    store.account_put(ann(Allowance::Inherited)).await.unwrap();
    assert_eq!(told(&store).await, [95]);
    let inbox = store.mailbox(ANN, "INBOX").await.unwrap().unwrap();
    store.account_put(ann(Allowance::Octets(16))).await.unwrap();
    store.mailbox_copy(inbox.id, &[1..=8], "Archive").await.unwrap();
    assert_eq!(told(&store).await, [95]);
    store.account_put(ann(Allowance::Octets(100_000))).await.unwrap();
    let large = NewMail { body: Body::from_bytes(octets(95_500)), shape: None, flags: Flags::default(), at: now() };
    store.mailbox_append(ANN, "Archive", vec![large]).await.unwrap();
    assert_eq!(told(&store).await, [95]);
    store.mailbox_delete(ANN, "Archive").await.unwrap();
    store.mailbox_undelete(ANN, "Archive", Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(told(&store).await, [95], "it was deleted and brought back");
}

#[tokio::test]
async fn nothing_is_left_of_an_account_that_is_gone_or_renamed() {
    let (_dir, store) = fresh();
    store.account_put(ann(Allowance::Octets(1))).await.unwrap();
    append(&store, 1).await;
    store
        .account_rename(ANN, Account { login: "eve@here.test".to_owned(), ..ann(Allowance::Octets(1)) })
        .await
        .unwrap();
    let filled = |account: &str| Filled { account: account.to_owned(), step: 95 };
    assert_eq!(store.filled("", 10).await.unwrap(), [filled("eve@here.test")]);
    store.account_remove("eve@here.test").await.unwrap();
    assert_eq!(store.filled("", 10).await.unwrap(), []);
}
