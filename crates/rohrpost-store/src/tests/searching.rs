//! What is looked for is found, in the index and without it.

use std::{ops::RangeInclusive, os::unix::fs::PermissionsExt, time::Duration};

use super::*;
use crate::{
    Account, limits,
    mailbox::{Flags, MailboxId, NewMail},
};

const ANN: &str = "ann@here.test";
const ALL: [RangeInclusive<u32>; 1] = [1..=u32::MAX];

async fn with_account(login: &str) -> (TempDir, Store) {
    let (dir, store) = fresh();
    store.account_put(Account { login: login.to_owned(), ..Account::default() }).await.unwrap();
    (dir, store)
}

async fn append(store: &Store, account: &str, messages: &[&str]) {
    let mail = |text: &&str| NewMail {
        body: Body::from_bytes(text.replace('\n', "\r\n")),
        shape: None,
        flags: Flags::default(),
        at: now(),
    };
    store.mailbox_append(account, "INBOX", messages.iter().map(mail).collect()).await.unwrap();
}

async fn inbox(store: &Store, account: &str) -> MailboxId {
    store.mailbox(account, "INBOX").await.unwrap().unwrap().id
}

/// How long the index may take to be filled; a test that passes never waits for it.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until all mail is in the index.
async fn indexed(store: &Store) {
    let newest = "SELECT max(email) FROM mail";
    let newest: i64 = store.read(move |db| Ok(db.query_row(newest, [], |row| row.get(0))?)).await.unwrap();
    let filled = tokio::time::timeout(DEADLINE, async { store.index().unwrap().filled_to(newest).await });
    filled.await.expect("the index is never filled");
}

/// The messages of ann's INBOX that hold a text; asserts that the index makes no difference.
async fn search(store: &Store, with_header: bool, text: &str) -> Vec<u32> {
    indexed(store).await;
    let id = inbox(store, ANN).await;
    let found = store.mailbox_search(id, &ALL, with_header, text).await.unwrap();
    assert_eq!(found, store.mailbox_read_through(id, &ALL, with_header, text).await.unwrap(), "{text}");
    found
}

const LUNCH: &str = "From: bob@there.test\nSubject: Lunch\n\nAt noon in the große Straße?\n";
const INVOICE: &str = "Subject: =?utf-8?q?Rechnung_f=C3=BCr_M=C3=BCller?=\nContent-Type: multipart/mixed; boundary=b\n\n\
    --b\nContent-Type: text/html\n\n<p>Ihre Rechnungs<b>nummer</b>: 4711</p><script>hidden</script>\n\
    --b\nContent-Type: application/pdf; name=Beleg.pdf\nContent-Transfer-Encoding: base64\n\nbHVuY2g=\n\
    --b\nContent-Type: text/csv\nContent-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nUsO2aHJlOzEy\n--b--\n";
const FLOWED: &str = "Subject: Mueller\n\nAt\nnoon; or not at noon.\n";

#[tokio::test]
async fn words_are_found_in_headers_texts_and_names_of_files() {
    let (_dir, store) = with_account(ANN).await;
    append(&store, ANN, &[LUNCH, INVOICE, FLOWED]).await;
    for (text, whole, body) in [
        ("lunch", vec![1], vec![]),
        ("unc", vec![1], vec![]),
        ("THERE.test", vec![1], vec![]),
        ("beleg", vec![2], vec![]),
        ("nummer", vec![2], vec![2]),
        ("4711", vec![2], vec![2]),
        ("röhre", vec![2], vec![2]),
        ("hidden", vec![], vec![]),
        ("müller", vec![2, 3], vec![]),
        ("Mueller", vec![2, 3], vec![]),
        ("Muller", vec![2], vec![]),
        ("strasse", vec![1], vec![1]),
        ("at noon", vec![1, 3], vec![1, 3]),
        ("t noo", vec![1, 3], vec![1, 3]),
        ("noon at", vec![], vec![]),
        ("in", vec![1, 2], vec![1]),
        ("", vec![1, 2, 3], vec![1, 2, 3]),
        ("no such word", vec![], vec![]),
        ("\"quoted\" OR *", vec![], vec![]),
    ] {
        assert_eq!(search(&store, true, text).await, whole, "{text}");
        assert_eq!(search(&store, false, text).await, body, "{text}");
    }
}

#[tokio::test]
async fn mail_that_is_not_indexed_yet_is_found_and_mail_that_is_gone_is_not() {
    let (_dir, store) = with_account(ANN).await;
    append(&store, ANN, &[LUNCH, FLOWED]).await;
    indexed(&store).await;
    append(&store, ANN, &[LUNCH]).await;
    let id = inbox(&store, ANN).await;
    assert_eq!(store.mailbox_search(id, &ALL, true, "lunch").await.unwrap(), [1, 3]);
    assert_eq!(store.mailbox_search(id, &[2..=3], true, "lunch").await.unwrap(), [3]);
    store.mailbox_move(id, &[1..=1], "Archive").await.unwrap();
    store.mailbox_copy(id, &[2..=2], "INBOX").await.unwrap();
    assert_eq!(search(&store, true, "lunch").await, [3]);
    assert_eq!(search(&store, true, "noon").await, [2, 3, 4]);
    let archive = store.mailbox(ANN, "Archive").await.unwrap().unwrap().id;
    assert_eq!(store.mailbox_search(archive, &ALL, true, "lunch").await.unwrap(), [1]);
}

/// It went before the index took it in, and the index goes through the mail only once.
#[tokio::test]
async fn mail_that_was_gone_when_the_index_came_by_is_found_when_it_is_back() {
    let (_dir, store) = with_account(ANN).await;
    append(&store, ANN, &[LUNCH]).await;
    let id = inbox(&store, ANN).await;
    store.mailbox_expunge(id, Some(&ALL), false).await.unwrap();
    append(&store, ANN, &[FLOWED]).await;
    indexed(&store).await;
    assert_eq!(store.mailbox_undelete(ANN, "INBOX", Timestamp::MIN).await.unwrap(), 1);
    assert_eq!(search(&store, true, "lunch").await, [3]);
}

/// Together they have more words than are held at once, and some in common.
#[tokio::test]
async fn messages_of_many_words_are_all_found() {
    let (_dir, store) = with_account(ANN).await;
    let count = limits::SEARCH_BATCH_WORDS / 3 + 1;
    let letter = |first: usize| (first..first + count).fold("\n".to_owned(), |text, word| text + &format!("w{word} "));
    let letters: Vec<String> = (0..4).map(|nth| letter(nth * count / 2)).collect();
    append(&store, ANN, &letters.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (word, found) in
        [(0, vec![1]), (count - 1, vec![1, 2]), (count + count / 2 - 1, vec![2, 3]), (2 * count, vec![4])]
    {
        assert_eq!(search(&store, false, &format!("w{word}")).await, found, "{word}");
    }
}

#[tokio::test]
async fn an_account_finds_its_own_mail_only() {
    let (_dir, store) = with_account(ANN).await;
    store.account_put(Account { login: "eve@here.test".to_owned(), ..Account::default() }).await.unwrap();
    append(&store, ANN, &[LUNCH]).await;
    append(&store, "eve@here.test", &[FLOWED, LUNCH]).await;
    indexed(&store).await;
    let eve = inbox(&store, "eve@here.test").await;
    assert_eq!(store.mailbox_search(eve, &ALL, true, "lunch").await.unwrap(), [2]);
    assert_eq!(search(&store, true, "noon").await, [1]);
}

#[tokio::test]
async fn an_account_with_a_new_name_finds_its_old_mail() {
    let (_dir, store) = with_account("anne@here.test").await;
    append(&store, "anne@here.test", &[LUNCH]).await;
    indexed(&store).await;
    store.mailbox_rename("anne@here.test", "INBOX", "old").await.unwrap();
    let renamed = Account { login: ANN.to_owned(), ..Account::default() };
    assert!(store.account_rename("anne@here.test", renamed).await.unwrap());
    append(&store, ANN, &[FLOWED]).await;
    assert_eq!(search(&store, true, "noon").await, [1]);
    let old = store.mailbox(ANN, "old").await.unwrap().unwrap().id;
    assert_eq!(store.mailbox_search(old, &ALL, true, "lunch").await.unwrap(), [1]);
}

#[tokio::test]
async fn a_damaged_index_is_made_anew_for_its_owner_only() {
    let (dir, store) = with_account(ANN).await;
    append(&store, ANN, &[LUNCH, FLOWED]).await;
    indexed(&store).await;
    drop(store);
    let file = dir.path().join("search.db");
    std::fs::write(&file, "this is no database").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let store = open(dir.path());
    assert_eq!(search(&store, true, "lunch").await, [1]);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_large_message_is_found_by_what_is_in_its_file() {
    let (_dir, store) = with_account(ANN).await;
    let text = format!("Subject: large\r\n\r\n{}needle\r\n", "some words of a long text\r\n".repeat(20_000));
    let body = write(&store, &text.into(), "").await.unwrap();
    let mail = NewMail { body, shape: None, flags: Flags::default(), at: now() };
    store.mailbox_append(ANN, "INBOX", vec![mail]).await.unwrap();
    assert_eq!(search(&store, false, "needle").await, [1]);
    assert_eq!(search(&store, false, "long text some").await, [1]);
    assert_eq!(search(&store, false, "haystack").await, [0; 0]);
}
