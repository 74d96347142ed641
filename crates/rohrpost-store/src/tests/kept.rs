//! What is kept of expunged mail is bounded by the quota.

use super::*;
use crate::{
    Account, Allowance,
    limits::{KEPT_ROW_OCTETS, UNDELETE_DAYS},
    mailbox::{Flags, MailboxError, MailboxInfo, NewMail},
};

const ANN: &str = "ann@here.test";
const QUOTA: u64 = 100_000;
/// Of these ten fill what may be kept.
const OCTETS: u64 = QUOTA / 10 - KEPT_ROW_OCTETS;

async fn with_quota(quota: Allowance) -> (TempDir, Store) {
    let (dir, store) = fresh();
    store.account_put(Account { login: ANN.to_owned(), quota, ..Account::default() }).await.unwrap();
    (dir, store)
}

async fn append(store: &Store, name: &str, count: usize, octets: u64) {
    let text = vec![b'x'; usize::try_from(octets).unwrap()];
    let mail = |_| NewMail { body: Body::from_bytes(text.clone()), shape: None, flags: Flags::default(), at: now() };
    store.mailbox_append(ANN, name, (0..count).map(mail).collect()).await.unwrap();
}

async fn mailbox(store: &Store, name: &str) -> MailboxInfo {
    store.mailbox(ANN, name).await.unwrap().unwrap()
}

async fn expunge(store: &Store, name: &str) {
    let id = mailbox(store, name).await.id;
    store.mailbox_expunge(id, None, false).await.unwrap();
}

async fn bring_and_expunge(store: &Store, name: &str, rounds: usize) {
    for _ in 0..rounds {
        append(store, name, 1, OCTETS).await;
        expunge(store, name).await;
    }
}

async fn kept(store: &Store) -> (i64, i64) {
    (rows(store, "expunged").await, rows(store, "body").await)
}

#[tokio::test]
async fn an_account_keeps_as_much_expunged_mail_as_its_quota_and_the_oldest_goes_first() {
    let (_dir, store) = with_quota(Allowance::Octets(QUOTA)).await;
    bring_and_expunge(&store, "Archive", 4).await;
    bring_and_expunge(&store, "INBOX", 6).await;
    assert_eq!(kept(&store).await, (10, 10));
    let before = mailbox(&store, "Archive").await;
    bring_and_expunge(&store, "INBOX", 3).await;
    assert_eq!(kept(&store).await, (10, 10));
    assert_eq!(store.mailbox_undelete(ANN, "Archive", Timestamp::MIN).await.unwrap(), 1);
    assert_eq!(mailbox(&store, "Archive").await.uid_next, before.uid_next + 1);
    let changes = store.mailbox_changes(before.id, 0).await.unwrap();
    assert_eq!(changes.vanished, [1..=4], "also what is forgotten is said to be gone");
    assert_sound(&store).await;
}

#[tokio::test]
async fn without_a_quota_all_is_kept_and_a_later_one_counts_what_is_there() {
    let (_dir, store) = with_quota(Allowance::Unlimited).await;
    bring_and_expunge(&store, "INBOX", 12).await;
    assert_eq!(kept(&store).await, (12, 12));
    let quota = Allowance::Octets(QUOTA);
    store.account_put(Account { login: ANN.to_owned(), quota, ..Account::default() }).await.unwrap();
    bring_and_expunge(&store, "INBOX", 1).await;
    assert_eq!(kept(&store).await, (10, 10));
    assert_sound(&store).await;
}

#[tokio::test]
async fn deleted_mailboxes_count_and_lose_their_oldest_mail_in_their_turn() {
    let (_dir, store) = with_quota(Allowance::Octets(QUOTA)).await;
    bring_and_expunge(&store, "INBOX", 2).await;
    store.mailbox_create(ANN, "work", None).await.unwrap();
    append(&store, "work", 9, OCTETS).await;
    store.mailbox_delete(ANN, "work").await.unwrap();
    assert_eq!(kept(&store).await, (1, 10), "the first that was expunged is gone");
    bring_and_expunge(&store, "INBOX", 4).await;
    assert_eq!(kept(&store).await, (4, 10));
    assert_sound(&store).await;
    assert_eq!(store.mailbox_undelete(ANN, "work", Timestamp::MIN).await.unwrap(), 6);
    let work = mailbox(&store, "work").await;
    assert_eq!((work.messages, work.octets), (6, 6 * OCTETS));
    let left = store.mailbox_select(ANN, "work").await.unwrap().unwrap().uids;
    assert_eq!(left[..], [4..=9], "the newest are left");
    assert_sound(&store).await;
}

#[tokio::test]
async fn what_is_forgotten_or_brought_back_counts_no_more() {
    let (_dir, store) = with_quota(Allowance::Octets(QUOTA)).await;
    bring_and_expunge(&store, "INBOX", 10).await;
    store.prune(Timestamp::now() + SignedDuration::from_hours(24 * (UNDELETE_DAYS + 1))).await.unwrap();
    bring_and_expunge(&store, "INBOX", 10).await;
    assert_eq!(kept(&store).await, (10, 10), "the fortnight is over for the first ten");
    assert_eq!(store.mailbox_undelete(ANN, "INBOX", Timestamp::MIN).await.unwrap(), 10);
    expunge(&store, "INBOX").await;
    assert_eq!(kept(&store).await, (10, 10), "only the rows of what came back have gone");
    assert_sound(&store).await;
}

#[tokio::test]
async fn what_does_not_fit_into_the_quota_is_not_brought_back() {
    let (_dir, store) = with_quota(Allowance::Octets(QUOTA)).await;
    bring_and_expunge(&store, "INBOX", 6).await;
    append(&store, "Archive", 5, OCTETS).await;
    let refused = store.mailbox_undelete(ANN, "INBOX", Timestamp::MIN).await;
    assert!(matches!(refused, Err(MailboxError::OverQuota)));
    assert_eq!(mailbox(&store, "INBOX").await.messages, 0);
    store.mailbox_delete(ANN, "Archive").await.unwrap();
    store.mailbox_create(ANN, "Archive", None).await.unwrap();
    append(&store, "Archive", 6, OCTETS).await;
    let refused = store.mailbox_undelete(ANN, "Archive", Timestamp::MIN).await;
    assert!(matches!(refused, Err(MailboxError::OverQuota)), "the deleted mailbox of this name counts");
    assert_sound(&store).await;
}

#[tokio::test]
async fn rows_of_mail_that_moved_on_are_bounded_too() {
    let (_dir, store) = with_quota(Allowance::Octets(QUOTA)).await;
    append(&store, "INBOX", 100, 1).await;
    for (from, to) in [("INBOX", "Archive"), ("Archive", "INBOX")].into_iter().cycle().take(6) {
        let id = mailbox(&store, from).await.id;
        store.mailbox_move(id, &[1..=u32::MAX], to).await.unwrap();
    }
    assert_eq!(rows(&store, "expunged").await, i64::try_from(QUOTA / KEPT_ROW_OCTETS).unwrap());
    assert_eq!(mailbox(&store, "INBOX").await.messages, 100);
    assert_sound(&store).await;
}
