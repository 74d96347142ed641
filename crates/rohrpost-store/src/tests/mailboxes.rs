//! Mailboxes as a session sees them.

use std::ops::RangeInclusive;

use super::*;
use crate::{
    Account, Allowance, limits,
    mailbox::{
        Appended, Changes, FetchedMail, FlagOp, Flags, MailboxError, MailboxInfo, NewMail, Parts, SpecialUse, System,
    },
};

const ANN: &str = "ann@here.test";
const ALL: [RangeInclusive<u32>; 1] = [1..=u32::MAX];

/// A store with one account.
async fn with_ann() -> (TempDir, Store) {
    let (dir, store) = fresh();
    store.account_put(Account { login: ANN.to_owned(), ..Account::default() }).await.unwrap();
    (dir, store)
}

async fn mailbox(store: &Store, name: &str) -> MailboxInfo {
    store.mailbox(ANN, name).await.unwrap().unwrap()
}

fn mail(text: &str) -> NewMail {
    NewMail { body: Body::from_bytes(text.to_owned()), shape: None, flags: Flags::default(), at: now() }
}

async fn append(store: &Store, name: &str, texts: &[&str]) -> Appended {
    store.mailbox_append(ANN, name, texts.iter().map(|text| mail(text)).collect()).await.unwrap()
}

async fn mails(store: &Store, name: &str) -> Vec<FetchedMail> {
    let info = mailbox(store, name).await;
    store.mailbox_fetch(info.id, &ALL, Parts::BODY, 1_000).await.unwrap().mails
}

async fn texts(store: &Store, name: &str) -> Vec<String> {
    let mails = mails(store, name).await;
    mails.into_iter().map(|mail| String::from_utf8(mail.content.unwrap().to_vec()).unwrap()).collect()
}

async fn changes(store: &Store, name: &str, since: u64) -> Changes {
    store.mailbox_changes(mailbox(store, name).await.id, since).await.unwrap()
}

fn keyword(word: &str) -> Flags {
    Flags::new(System::default(), [word])
}

#[tokio::test]
async fn a_new_account_has_its_mailboxes_and_each_has_a_uid_validity_of_its_own() {
    let (_dir, store) = with_ann().await;
    let mailboxes = store.mailboxes(ANN).await.unwrap();
    let uses: Vec<_> = mailboxes.iter().map(|mailbox| (mailbox.name.as_str(), mailbox.special_use)).collect();
    assert_eq!(
        uses,
        [
            ("Archive", Some(SpecialUse::Archive)),
            ("Drafts", Some(SpecialUse::Drafts)),
            ("INBOX", None),
            ("Junk", Some(SpecialUse::Junk)),
            ("Sent", Some(SpecialUse::Sent)),
            ("Trash", Some(SpecialUse::Trash)),
        ]
    );
    let validities: std::collections::HashSet<_> = mailboxes.iter().map(|mailbox| mailbox.uid_validity).collect();
    assert_eq!(validities.len(), 6);
    assert_eq!(mailbox(&store, "inbox").await.name, "INBOX");
}

#[tokio::test]
async fn a_name_made_again_is_another_mailbox() {
    let (_dir, store) = with_ann().await;
    let first = store.mailbox_create(ANN, "lists/rust", None).await.unwrap();
    assert_eq!(mailbox(&store, "lists").await.messages, 0, "what is above it was made too");
    assert!(matches!(store.mailbox_create(ANN, "lists", None).await, Err(MailboxError::Exists)));
    store.mailbox_delete(ANN, "lists/rust").await.unwrap();
    assert!(matches!(store.mailbox_delete(ANN, "lists/rust").await, Err(MailboxError::Missing)));
    let second = store.mailbox_create(ANN, "lists/rust", None).await.unwrap();
    assert!(second.uid_validity > first.uid_validity && second.id != first.id);
    for refused in [store.mailbox_create(ANN, "INBOX", None).await.map(drop), store.mailbox_delete(ANN, "inbox").await]
    {
        assert!(matches!(refused, Err(MailboxError::Inbox)));
    }
}

#[tokio::test]
async fn a_mailbox_is_renamed_with_all_below_it_and_inbox_leaves_an_empty_one() {
    let (_dir, store) = with_ann().await;
    store.mailbox_create(ANN, "a/b/b", None).await.unwrap();
    store.mailbox_create(ANN, "a0", None).await.unwrap();
    append(&store, "a/b", &["x"]).await;
    let before = mailbox(&store, "a/b").await;
    store.mailbox_rename(ANN, "a/b", "c/d").await.unwrap();
    let names: Vec<_> = store.mailboxes(ANN).await.unwrap().into_iter().map(|mailbox| mailbox.name).collect();
    assert_eq!(names[..2], ["Archive", "Drafts"]);
    assert_eq!(names[6..], ["a", "a0", "c", "c/d", "c/d/b"]);
    assert_eq!(mailbox(&store, "c/d").await.uid_validity, before.uid_validity);
    assert!(matches!(store.mailbox_rename(ANN, "c", "c/e").await, Err(MailboxError::BadName)));
    assert!(matches!(store.mailbox_rename(ANN, "c", "a0").await, Err(MailboxError::Exists)));

    append(&store, "INBOX", &["y"]).await;
    store.mailbox_create(ANN, "INBOX/below", None).await.unwrap();
    let before = mailbox(&store, "INBOX").await;
    store.mailbox_rename(ANN, "INBOX", "old").await.unwrap();
    assert_eq!(texts(&store, "old").await, ["y"]);
    let after = mailbox(&store, "INBOX").await;
    assert!(after.messages == 0 && after.uid_validity > before.uid_validity);
    assert!(store.mailbox(ANN, "INBOX/below").await.unwrap().is_some());
    assert_sound(&store).await;
}

#[tokio::test]
async fn appended_mail_is_there_after_a_restart_with_all_that_came_with_it() {
    let (dir, store) = with_ann().await;
    let at: Timestamp = "2001-02-03T04:05:06Z".parse().unwrap();
    let large = octets(200_000);
    let new = vec![
        NewMail { flags: Flags::new(System::SEEN, ["$Forwarded"]), at, ..mail("one") },
        NewMail { body: write(&store, &large, "").await.unwrap(), shape: Some("shape".into()), ..mail("") },
    ];
    let appended = store.mailbox_append(ANN, "Sent", new).await.unwrap();
    assert_eq!(appended.uids, 1..=2);
    drop(store);
    let store = open(dir.path());
    let info = mailbox(&store, "Sent").await;
    assert_eq!((info.messages, info.unseen, info.octets, info.uid_next), (2, 1, 200_003, 3));
    let page = store.mailbox_fetch(info.id, &ALL, Parts::BODY | Parts::SHAPE, 9).await.unwrap();
    let [one, two] = &page.mails[..] else { panic!("two mails") };
    assert_eq!((one.content.as_deref(), one.at, one.shape.as_deref()), (Some(&b"one"[..]), at, None));
    assert_eq!(one.flags.to_string(), "\\Seen $Forwarded");
    assert_eq!((two.content.as_deref(), two.shape.as_deref()), (None, Some(&b"shape"[..])));
    assert_eq!(read(&store, &two.body).await.unwrap(), large);
    store.mailbox_shape_put(&one.body, "late".into()).await.unwrap();
    let page = store.mailbox_fetch(info.id, &[1..=1], Parts::SHAPE, 9).await.unwrap();
    assert_eq!(page.mails[0].shape.as_deref(), Some(&b"late"[..]));
    assert_sound(&store).await;
}

#[tokio::test]
async fn nothing_is_appended_where_one_of_the_messages_cannot_be() {
    let (dir, store) = with_ann().await;
    let too_many: Vec<String> = (0..=limits::KEYWORDS_MAX).map(|number| format!("k{number}")).collect();
    let flags = Flags::new(System::default(), too_many.iter().map(String::as_str));
    let refused = store.mailbox_append(ANN, "INBOX", vec![mail("one"), NewMail { flags, ..mail("two") }]).await;
    assert!(matches!(refused, Err(MailboxError::TooMany)));
    let missing = store.mailbox_append(ANN, "nowhere", vec![mail("x")]).await;
    assert!(matches!(missing, Err(MailboxError::Missing)));
    assert_eq!((mailbox(&store, "INBOX").await.messages, rows(&store, "body").await), (0, 0));
    assert_eq!(body_files(dir.path()), 0);
}

#[tokio::test]
async fn flags_change_and_those_who_come_back_learn_of_it() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1", "2", "3"]).await;
    let before = mailbox(&store, "INBOX").await;
    let stored = store.mailbox_store(before.id, &[2..=3], FlagOp::Add, System::SEEN.into(), None).await.unwrap();
    assert_eq!(stored.entries.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(stored.modseq, Some(before.modseq + 1));
    let again = store.mailbox_store(before.id, &[2..=3], FlagOp::Add, System::SEEN.into(), None).await.unwrap();
    assert_eq!((again.modseq, again.entries), (None, stored.entries), "nothing has changed");

    let news = changes(&store, "INBOX", before.modseq).await;
    assert_eq!(news.entries.iter().map(|entry| entry.uid).collect::<Vec<_>>(), [2, 3]);
    assert_eq!((news.info.unseen, news.vanished.len()), (1, 0));
    let since = Some(before.modseq);
    let refused = store.mailbox_store(before.id, &[1..=2], FlagOp::Replace, keyword("x"), since).await.unwrap();
    assert_eq!((refused.modified, refused.entries.len()), (vec![2], 1));
    let taken = store.mailbox_store(before.id, &ALL, FlagOp::Remove, keyword("X"), None).await.unwrap();
    assert_eq!(taken.entries[0].flags, Flags::default(), "keywords know no case");
    assert_eq!(*store.mailbox_select(ANN, "INBOX").await.unwrap().unwrap().keywords, ["x"]);
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_keyword_keeps_its_first_spelling_in_a_mailbox() {
    let (_dir, store) = with_ann().await;
    for word in ["Later", "LATER"] {
        let new = NewMail { flags: keyword(word), ..mail(word) };
        store.mailbox_append(ANN, "INBOX", vec![new]).await.unwrap();
    }
    let words: Vec<_> = mails(&store, "INBOX").await.into_iter().map(|mail| mail.flags.to_string()).collect();
    assert_eq!(words, ["Later", "Later"]);
}

#[tokio::test]
async fn copies_share_the_body_and_moved_mail_vanishes() {
    let (_dir, store) = with_ann().await;
    let flagged = NewMail { flags: Flags::new(System::FLAGGED, ["$Work"]), ..mail("2") };
    store.mailbox_append(ANN, "INBOX", vec![mail("1"), flagged, mail("3")]).await.unwrap();
    let inbox = mailbox(&store, "INBOX").await;
    let copied = store.mailbox_copy(inbox.id, &[2..=9], "Archive").await.unwrap();
    assert_eq!(copied.pairs, [(2, 1), (3, 2)]);
    assert_eq!(copied.uid_validity, mailbox(&store, "Archive").await.uid_validity);
    assert_eq!(rows(&store, "body").await, 3);
    let (there, here) = (mails(&store, "Archive").await, mails(&store, "INBOX").await);
    assert_eq!((there[0].email_id, &there[0].flags), (here[1].email_id, &here[1].flags));

    let moved = store.mailbox_move(inbox.id, &[1..=2], "Trash").await.unwrap();
    assert_eq!(moved.pairs, [(1, 1), (2, 2)]);
    assert_eq!((texts(&store, "INBOX").await, texts(&store, "Trash").await.len()), (vec!["3".to_owned()], 2));
    assert_eq!(changes(&store, "INBOX", inbox.modseq).await.vanished, [1..=2]);
    let moved = store.mailbox_move(inbox.id, &ALL, "INBOX").await.unwrap();
    assert_eq!(moved.pairs, [(3, 4)], "to where it is: a new UID");
    assert_eq!(store.mailbox_undelete(ANN, "INBOX", Timestamp::MIN).await.unwrap(), 0, "what moved on is not gone");
    let missing = store.mailbox_copy(inbox.id, &ALL, "nowhere").await;
    assert!(matches!(missing, Err(MailboxError::Missing)));
    assert_sound(&store).await;
}

#[tokio::test]
async fn expunged_mail_can_be_brought_back_and_its_uid_is_not_used_again() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1", "2", "3", "4"]).await;
    let before = mailbox(&store, "INBOX").await;
    store.mailbox_store(before.id, &[2..=3], FlagOp::Add, System::DELETED.into(), None).await.unwrap();
    assert_eq!((mailbox(&store, "INBOX").await.deleted, mailbox(&store, "INBOX").await.deleted_octets), (2, 2));
    let some = store.mailbox_expunge(before.id, Some(&[1..=2]), true).await.unwrap();
    assert_eq!(some.uids, [2..=2]);
    let rest = store.mailbox_expunge(before.id, None, true).await.unwrap();
    assert_eq!((rest.uids, rest.modseq), (vec![3..=3], Some(before.modseq + 3)));
    assert_eq!(store.mailbox_expunge(before.id, Some(&[4..=4]), false).await.unwrap().uids, [4..=4]);
    let info = mailbox(&store, "INBOX").await;
    assert_eq!((info.messages, info.deleted, info.octets, info.uid_next), (1, 0, 1, 5));
    assert_sound(&store).await;

    assert_eq!(
        store.mailbox_undelete(ANN, "INBOX", Timestamp::now() - SignedDuration::from_hours(1)).await.unwrap(),
        3
    );
    let back = mails(&store, "INBOX").await;
    assert_eq!(back.iter().map(|mail| mail.uid).collect::<Vec<_>>(), [1, 5, 6, 7]);
    assert!(back.iter().all(|mail| mail.flags == Flags::default()));
    assert_eq!(changes(&store, "INBOX", before.modseq).await.vanished, [2..=4]);
    assert_eq!(store.mailbox_undelete(ANN, "INBOX", Timestamp::MIN).await.unwrap(), 0);
    assert_sound(&store).await;
}

#[tokio::test]
async fn a_deleted_mailbox_comes_back_as_it_was_or_into_the_one_that_has_its_name() {
    let (_dir, store) = with_ann().await;
    store.mailbox_create(ANN, "work", None).await.unwrap();
    append(&store, "work", &["1", "2"]).await;
    let before = mailbox(&store, "work").await;
    store.mailbox_delete(ANN, "work").await.unwrap();
    assert!(store.mailbox_by_id(before.id).await.unwrap().is_none());
    assert_eq!(store.mailbox_quota(ANN).await.unwrap().octets, 0);
    assert_eq!(store.mailbox_undelete(ANN, "work", now()).await.unwrap(), 2);
    assert_eq!(mailbox(&store, "work").await.uid_validity, before.uid_validity);

    store.mailbox_delete(ANN, "work").await.unwrap();
    store.mailbox_create(ANN, "work", None).await.unwrap();
    append(&store, "work", &["3"]).await;
    assert_eq!(store.mailbox_undelete(ANN, "work", now()).await.unwrap(), 2);
    assert_eq!(texts(&store, "work").await, ["3", "1", "2"]);
    assert!(matches!(store.mailbox_undelete(ANN, "never", now()).await, Err(MailboxError::Missing)));
    assert_sound(&store).await;
}

#[tokio::test]
async fn after_a_fortnight_expunged_mail_is_forgotten_and_clients_hear_of_all_that_is_not_there() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1", "2", "3"]).await;
    store.mailbox_create(ANN, "work", None).await.unwrap();
    append(&store, "work", &["4"]).await;
    store.mailbox_delete(ANN, "work").await.unwrap();
    let before = mailbox(&store, "INBOX").await;
    store.mailbox_expunge(before.id, Some(&[1..=2]), false).await.unwrap();
    let days = |days: i64| Timestamp::now() + SignedDuration::from_hours(24 * days);
    store.prune(days(limits::UNDELETE_DAYS - 1)).await.unwrap();
    assert_eq!((rows(&store, "expunged").await, rows(&store, "body").await), (2, 4));
    store.prune(days(limits::UNDELETE_DAYS + 1)).await.unwrap();
    assert_eq!((rows(&store, "expunged").await, rows(&store, "body").await), (0, 1));
    assert_eq!(changes(&store, "INBOX", before.modseq).await.vanished, [1..=2]);
    append(&store, "INBOX", &["5"]).await;
    store.mailbox_expunge(before.id, Some(&[3..=3]), false).await.unwrap();
    let known = changes(&store, "INBOX", before.modseq + 1).await;
    assert_eq!(known.vanished, [3..=3], "what is remembered is told exactly");
    assert_sound(&store).await;
}

#[tokio::test]
async fn an_account_over_its_quota_takes_no_more_until_there_is_room() {
    let (_dir, store) = with_ann().await;
    let ann = Account { login: ANN.to_owned(), quota: Allowance::Octets(10), ..Account::default() };
    store.account_put(ann.clone()).await.unwrap();
    append(&store, "INBOX", &["12345", "1234"]).await;
    let inbox = mailbox(&store, "INBOX").await;
    for refused in [
        store.mailbox_append(ANN, "INBOX", vec![mail("12")]).await.map(drop),
        store.mailbox_copy(inbox.id, &[2..=2], "Archive").await.map(drop),
    ] {
        assert!(matches!(refused, Err(MailboxError::OverQuota)));
    }
    let quota = store.mailbox_quota(ANN).await.unwrap();
    assert_eq!((quota.octets, quota.messages, quota.octets_max, quota.percent()), (9, 2, Some(10), Some(90)));
    store.mailbox_move(inbox.id, &[2..=2], "Trash").await.unwrap();
    append(&store, "INBOX", &["1"]).await;
    store.account_put(Account { quota: Allowance::Inherited, ..ann }).await.unwrap();
    append(&store, "INBOX", &["12345"]).await;
    assert_sound(&store).await;
}

#[tokio::test]
async fn whoever_watches_a_mailbox_hears_of_each_change_after_its_commit() {
    let (_dir, store) = with_ann().await;
    let inbox = mailbox(&store, "INBOX").await;
    let mut watch = store.mailbox_select(ANN, "INBOX").await.unwrap().unwrap().changes;
    watch.mark_unchanged();
    append(&store, "Sent", &["elsewhere"]).await;
    assert!(!watch.has_changed().unwrap());
    append(&store, "INBOX", &["1"]).await;
    assert!(watch.has_changed().unwrap());
    assert_eq!(*watch.borrow_and_update(), inbox.modseq + 1);
    let id = commit(&store, &["ann@here.test"], b"x").await;
    let filing =
        crate::Filing { account: ANN.to_owned(), mailbox: "INBOX".to_owned(), prefix: Bytes::new(), shape: None };
    store.settle(vec![settlement(id, 0, Change::File(vec![filing]))]).await.unwrap();
    assert!(watch.has_changed().unwrap());
}

#[tokio::test]
async fn a_selected_mailbox_is_always_what_it_is_now() {
    let (_dir, store) = with_ann().await;
    let select = || async { store.mailbox_select(ANN, "INBOX").await.unwrap().unwrap() };
    assert!(select().await.uids.is_empty());
    append(&store, "INBOX", &["1", "2", "3", "4"]).await;
    let selected = select().await;
    assert_eq!((&selected.uids[..], selected.first_unseen), (&[1..=4][..], Some(1)));
    let id = selected.info.id;
    store.mailbox_store(id, &[1..=2], FlagOp::Add, System::SEEN.into(), None).await.unwrap();
    store.mailbox_expunge(id, Some(&[2..=3]), false).await.unwrap();
    let before = select().await;
    assert!(!before.changes.has_changed().unwrap());
    append(&store, "INBOX", &["5"]).await;
    assert!(before.changes.has_changed().unwrap(), "who opens it watches it");
    let selected = select().await;
    assert_eq!((&selected.uids[..], selected.first_unseen), (&[1..=1, 4..=5][..], Some(4)));
    assert_eq!((selected.info.messages, selected.info.uid_next), (3, 6));
    let sizes = store.mailbox_sizes(id, 1, 9).await.unwrap();
    assert_eq!(sizes, [(4, 1), (5, 1)]);
    store.mailbox_subscribe(ANN, "INBOX", false).await.unwrap();
    assert!(!select().await.info.subscribed, "what is remembered is never older than the row");
    store.mailbox_rename(ANN, "INBOX", "old").await.unwrap();
    assert!(select().await.uids.is_empty(), "another mailbox has the name");
    store.mailbox_delete(ANN, "old").await.unwrap();
    assert!(store.mailbox_select(ANN, "old").await.unwrap().is_none());
    store.mailbox_undelete(ANN, "old", now()).await.unwrap();
    let known = store.mailbox_select(ANN, "old").await.unwrap().unwrap();
    store.write(|connection| Ok(connection.execute("UPDATE mail SET octets = 7 WHERE uid = 4", [])?)).await.unwrap();
    mails(&store, "old").await;
    let selected = store.mailbox_select(ANN, "old").await.unwrap().unwrap();
    assert_eq!((&known.uids[..], &selected.uids[..]), (&[1..=1, 4..=7][..], &[1..=1, 5..=7][..]), "damage counts, too");
    assert!(store.mailbox_select(ANN, "nowhere").await.unwrap().is_none());
}

#[tokio::test]
async fn a_fetch_ends_its_page_and_says_where_to_go_on() {
    let (_dir, store) = with_ann().await;
    let large = "x".repeat(100_000);
    append(&store, "INBOX", &[large.as_str(); 15]).await;
    let id = mailbox(&store, "INBOX").await.id;
    let page = store.mailbox_fetch(id, &[1..=2, 5..=15], Parts::NONE, 4).await.unwrap();
    assert_eq!(page.mails.iter().map(|mail| mail.uid).collect::<Vec<_>>(), [1, 2, 5, 6]);
    assert_eq!(page.next, Some(7));
    let page = store.mailbox_fetch(id, &ALL, Parts::BODY, 1_000).await.unwrap();
    assert_eq!((page.mails.len(), page.next), (11, Some(12)), "one MiB and a bit");
    let page = store.mailbox_fetch(id, &[15..=15, 30..=40], Parts::BODY, 1_000).await.unwrap();
    assert_eq!((page.mails.len(), page.next), (1, None));
}

#[tokio::test]
async fn damaged_mail_vanishes_and_the_rest_runs() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1", "2", "3"]).await;
    let before = mailbox(&store, "INBOX").await;
    store.write(|connection| Ok(connection.execute("UPDATE mail SET flags = 1 WHERE uid = 2", [])?)).await.unwrap();
    assert_eq!(texts(&store, "INBOX").await, ["1", "3"]);
    assert_eq!(store.quarantined(9).await.unwrap().len(), 1);
    let after = changes(&store, "INBOX", before.modseq).await;
    assert_eq!((after.vanished, after.info.messages, after.info.unseen), (vec![2..=2], 2, 2));
    let report = store.check().await.unwrap();
    assert!(!report.faults.iter().any(|fault| fault.contains("counters")));
    assert_eq!((report.messages, report.mails), (0, 2));
    store.write(|connection| Ok(connection.execute("UPDATE mail SET octets = 7 WHERE uid = 3", [])?)).await.unwrap();
    store.mailbox_store(before.id, &ALL, FlagOp::Add, System::SEEN.into(), None).await.unwrap();
    assert_eq!(texts(&store, "INBOX").await, ["1"], "the writer looks as well as the readers");
}

#[tokio::test]
async fn an_account_takes_its_mail_along_to_its_new_login() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1"]).await;
    assert_eq!(&store.mailbox_select(ANN, "INBOX").await.unwrap().unwrap().uids[..], [1..=1]);
    let renamed = Account { login: "anna@here.test".to_owned(), ..Account::default() };
    assert!(store.account_rename(ANN, renamed.clone()).await.unwrap());
    assert!(!store.account_rename(ANN, renamed).await.unwrap());
    assert_eq!(store.mailboxes(ANN).await.unwrap(), []);
    assert!(store.mailbox_select(ANN, "INBOX").await.unwrap().is_none(), "nothing is remembered for the old login");
    let inbox = store.mailbox("anna@here.test", "INBOX").await.unwrap().unwrap();
    assert_eq!((inbox.messages, store.mailboxes("anna@here.test").await.unwrap().len()), (1, 6));
    assert_eq!(store.mailboxes_forget("anna@here.test").await.unwrap(), 1);
    assert_eq!((rows(&store, "mail").await, rows(&store, "body").await, rows(&store, "mailbox").await), (0, 0, 0));
    assert_sound(&store).await;
}

#[tokio::test]
async fn keywords_that_no_mail_has_make_room_for_new_ones() {
    let (_dir, store) = with_ann().await;
    append(&store, "INBOX", &["1", "2"]).await;
    let inbox = mailbox(&store, "INBOX").await.id;
    let set =
        async |uid: u32, flags: Flags| store.mailbox_store(inbox, &[uid..=uid], FlagOp::Replace, flags, None).await;
    set(2, keyword("Stays")).await.unwrap();
    let many: Vec<String> = (1..limits::KEYWORDS_MAX).map(|number| format!("k{number}")).collect();
    let many = Flags::new(System::default(), many.iter().map(String::as_str));
    set(1, many.clone()).await.unwrap();
    assert!(matches!(
        store.mailbox_store(inbox, &[2..=2], FlagOp::Add, keyword("fresh"), None).await,
        Err(MailboxError::TooMany)
    ));
    set(1, Flags::default()).await.unwrap();
    store.mailbox_store(inbox, &[2..=2], FlagOp::Add, keyword("fresh"), None).await.unwrap();
    let keywords = store.mailbox_select(ANN, "INBOX").await.unwrap().unwrap().keywords;
    assert_eq!(keywords.iter().collect::<Vec<_>>(), ["fresh", "Stays"]);
    assert_sound(&store).await;
}

#[tokio::test]
async fn mail_that_is_brought_back_has_keywords_that_its_mailbox_knows() {
    let (_dir, store) = with_ann().await;
    store.mailbox_create(ANN, "work", None).await.unwrap();
    let later = NewMail { flags: keyword("Later"), ..mail("1") };
    store.mailbox_append(ANN, "work", vec![later]).await.unwrap();
    store.mailbox_delete(ANN, "work").await.unwrap();
    store.mailbox_create(ANN, "work", None).await.unwrap();
    assert_eq!(store.mailbox_undelete(ANN, "work", now()).await.unwrap(), 1);
    let keywords = store.mailbox_select(ANN, "work").await.unwrap().unwrap().keywords;
    assert_eq!(keywords.iter().collect::<Vec<_>>(), ["Later"]);
}
