//! Stores of earlier releases.

use rusqlite::{Connection, params};

use super::*;
use crate::{
    mailbox::{MailboxInfo, Parts},
    row::Sum,
    salvage, schema,
};

/// A database as schemas 1 and 2 left it, with mail in folders.
fn old_store(dir: &Path, version: usize) {
    let old = Connection::open(dir.join("rohrpost.db")).unwrap();
    for step in &schema::STEPS[..version] {
        old.execute_batch(step.sql).unwrap();
    }
    old.pragma_update(None, "user_version", u32::try_from(version).unwrap()).unwrap();
    let file = |id: i64, folder: &str, text: &str, prefix: &str, damage: i64| {
        let length = |text: &str| i64::try_from(text.len()).unwrap();
        let (account, octets, at) = ("ann@here.test", length(text) + length(prefix), 1_000 * id);
        let body = Sum::of("body").int(id).int(length(text)).int(0).int(0).bytes(text.as_bytes()).end();
        old.execute("INSERT INTO body VALUES (?1, ?2, 0, 0, ?3, ?4)", params![id, text.len(), text.as_bytes(), body])
            .unwrap();
        let sum = Sum::of("mail").int(id).text(account).text(folder).int(id + 7).int(at).int(id).int(octets);
        let crc = sum.bytes(prefix.as_bytes()).end() + damage;
        old.execute("INSERT OR IGNORE INTO folder VALUES (?1, ?2)", [account, folder]).unwrap();
        let prefix = prefix.as_bytes();
        let columns = params![id, account, folder, id + 7, at, id, prefix, octets, crc];
        old.execute("INSERT INTO mail VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", columns).unwrap();
    };
    file(30, "INBOX", "third", "", 0);
    file(10, "INBOX", "first", "Delivered-To: ann\r\n", 0);
    file(20, "INBOX", "damaged", "", 1);
    file(40, "lists", "fourth", "", 0);
}

#[tokio::test]
async fn mail_in_folders_gets_its_uids_in_the_order_it_came() {
    for version in [1, 2] {
        let dir = tempfile::tempdir().unwrap();
        old_store(dir.path(), version);
        let store = open(dir.path());
        let mailboxes = store.mailboxes("ann@here.test").await.unwrap();
        assert_eq!(mailboxes.len(), 7, "what every account has, and lists");
        let named = |name: &str| -> MailboxInfo { mailboxes.iter().find(|found| found.name == name).unwrap().clone() };
        let inbox = named("INBOX");
        assert_eq!((inbox.messages, inbox.unseen, inbox.uid_next), (2, 2, 3));
        let page = store.mailbox_fetch(inbox.id, &[1..=9], Parts::BODY, 9).await.unwrap();
        let found: Vec<_> = page.mails.iter().map(|mail| (mail.uid, mail.at.as_second(), mail.octets)).collect();
        assert_eq!(found, [(1, 10, 24), (2, 30, 5)]);
        assert_eq!(page.mails[0].message, Some(QueueId::from_i64(17)));
        assert_eq!(read(&store, &page.mails[0].body).await.unwrap(), b"Delivered-To: ann\r\nfirst");
        assert_eq!(named("lists").messages, 1);
        let aside: Vec<_> = store.quarantined(9).await.unwrap().into_iter().map(|row| row.what).collect();
        assert_eq!(aside, ["mail 20"]);
        let faults = store.check().await.unwrap().faults;
        assert!(faults.iter().all(|fault| fault.starts_with("a body that nothing refers to")), "{faults:?}");
    }
}

#[tokio::test]
async fn what_is_salvaged_of_an_older_store_is_migrated_too() {
    let dir = tempfile::tempdir().unwrap();
    old_store(dir.path(), 2);
    let to = dir.path().join("new");
    let report = salvage(dir.path(), &to).unwrap();
    assert_eq!(report.losses, Vec::<String>::new());
    let store = open(&to);
    let inbox = store.mailbox("ann@here.test", "INBOX").await.unwrap().unwrap();
    assert_eq!((inbox.messages, inbox.uid_next), (2, 3));
}
