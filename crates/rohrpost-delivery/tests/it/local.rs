//! Mailboxes, aliases, forwardings and loops.

use std::{collections::HashSet, time::Duration};

use rohrpost_delivery::Settings;
use rohrpost_mail::{Outcome, Recipient, mime::Shape};
use rohrpost_queue::RouteRule;
use rohrpost_store::{
    Account, Alias, Allowance, Body,
    mailbox::{Flags, NewMail, Parts},
};
use rohrpost_testkit::Sink;

use crate::office::{Office, TEXT, address, route, settings};

async fn alias(office: &Office, name: &str, targets: &[&str]) {
    let targets = targets.iter().map(|target| address(target)).collect();
    office.store.alias_put(Alias { address: name.into(), targets, ..Alias::default() }).await.unwrap();
}

#[tokio::test]
async fn mail_is_filed_with_its_return_path() {
    let mut office = Office::open(9, settings()).await;
    let id = office.submit("bob@there.test", vec![Recipient::new(address("Ann@here.test"))], TEXT).await;
    assert_eq!(office.filed().await, format!("Return-Path: <bob@there.test>\r\nDelivered-To: Ann@here.test\r\n{TEXT}"));
    let records = office.store.records_of(id).await.unwrap();
    let filed = Outcome::Filed { mailbox: "ann@here.test/INBOX".into() };
    assert!(records.iter().any(|record| record.outcome == filed));
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn filed_mail_comes_with_the_structure_of_its_body() {
    let mut office = Office::open(9, settings()).await;
    office.store.mailbox_create("ann@here.test", "lists", None).await.unwrap();
    alias(&office, "list@here.test", &["ann@here.test", "ann+lists@here.test"]).await;
    office.send(&["list@here.test"]).await;
    office.filed().await;
    for name in ["INBOX", "lists"] {
        let mailbox = office.store.mailbox("ann@here.test", name).await.unwrap().unwrap();
        let page = office.store.mailbox_fetch(mailbox.id, &[1..=1], Parts::SHAPE, 1).await.unwrap();
        let shape = Shape::from_bytes(page.mails[0].shape.clone().unwrap()).unwrap();
        assert_eq!(shape.octets(), TEXT.len() as u64, "what only one copy has is not in it");
        assert_eq!(page.mails[0].octets, shape.octets() + page.mails[0].body.prefix().len() as u64);
    }
}

#[tokio::test]
async fn mail_for_a_full_mailbox_waits_until_there_is_room() {
    let mut office = Office::open(9, settings()).await;
    fill(&office, 1_000, 700).await;
    let text = format!("{TEXT}{}", "y".repeat(300));
    let id = office.submit("bob@there.test", vec![Recipient::new(address("ann@here.test"))], &text).await;
    let full = office.deferred(id).await;
    assert_eq!(full.note.as_deref(), Some("the mailbox is full"));
    limit(&office, "ann@here.test", Allowance::Unlimited).await;
    office.pass(Duration::from_hours(1)).await;
    assert!(office.filed().await.ends_with(&text));
}

#[tokio::test]
async fn a_message_larger_than_all_of_a_mailbox_goes_back_at_once() {
    let mut office = Office::open(9, settings()).await;
    let bob =
        Account { login: "bob@here.test".into(), addresses: vec![address("bob@here.test")], ..Account::default() };
    office.store.account_put(Account { quota: Allowance::Octets(10), ..bob }).await.unwrap();
    office.send(&["bob@here.test"]).await;
    let bounce = office.filed().await;
    assert!(
        bounce.contains("Status: 5.2.3") && bounce.contains("larger than all that the mailbox may hold"),
        "{bounce}"
    );
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn mail_that_comes_all_at_once_does_not_overfill_a_mailbox_and_tells_its_owner_once() {
    let mut office = Office::open(9, settings()).await;
    limit(&office, "ann@here.test", Allowance::Octets(10_000)).await;
    let text = format!("{TEXT}{}", "y".repeat(800));
    let mut left = HashSet::new();
    for _ in 0..30 {
        left.insert(office.submit("bob@there.test", vec![Recipient::new(address("ann@here.test"))], &text).await);
    }
    while !left.is_empty() {
        let record = office.next().await;
        if matches!(record.outcome, Outcome::Filed { .. } | Outcome::Deferred { .. }) {
            left.remove(&record.message);
        }
    }
    while !office.mail("ann@here.test", "INBOX").await.iter().any(|text| text.contains("95 %")) {
        office.next().await;
    }
    let mail = office.mail("ann@here.test", "INBOX").await;
    let (notices, mail): (Vec<_>, Vec<_>) = mail.into_iter().partition(|text| text.contains("mailer-daemon@"));
    let octets: usize = mail.iter().map(String::len).sum();
    assert!((9_000..=10_000).contains(&octets), "{octets}");
    let told = |step: &str| notices.iter().filter(|text| text.contains(step)).count();
    assert!(told("80 %") <= 1 && told("95 %") == 1, "{notices:?}");
}

#[tokio::test]
async fn the_owner_of_a_mailbox_is_told_that_it_fills_whoever_fills_it_and_once_a_day() {
    let mut office = Office::open(9, settings()).await;
    let ann = office.store.account_get("ann@here.test").await.unwrap().unwrap();
    office.store.account_put(Account { language: "de".into(), ..ann }).await.unwrap();
    fill(&office, 10_000, 8_200).await;
    let notice = office.filed().await;
    assert!(notice.contains("Postfach") && notice.contains("80"), "{notice}");
    let inbox = office.store.mailbox("ann@here.test", "INBOX").await.unwrap().unwrap().id;
    office.store.mailbox_expunge(inbox, Some(&[1..=9]), false).await.unwrap();
    let text = format!("{TEXT}{}", "yyyyyyyy\r\n".repeat(800));
    office.submit("bob@there.test", vec![Recipient::new(address("ann@here.test"))], &text).await;
    assert!(office.filed().await.contains("yyy"));
    // Whoever comes later in the list is told after her.
    bob(&office, Allowance::Octets(0)).await;
    assert!(office.filed().await.contains("Delivered-To: bob@here.test"));
    assert!(office.queued().await.is_empty());
    assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 1, "one notice a day is enough");
    office.pass(Duration::from_hours(25)).await;
    let notice = office.filed().await;
    assert!(notice.contains("Postfach") && notice.contains("80"), "{notice}");
}

#[tokio::test]
async fn that_a_mailbox_is_full_finds_room_in_it() {
    let mut office = Office::open(9, settings()).await;
    fill(&office, 1_000, 1_000).await;
    let notice = office.filed().await;
    assert!(notice.contains("95 %"), "{notice}");
    assert!(office.queued().await.is_empty());
}

async fn limit(office: &Office, login: &str, quota: Allowance) {
    let account = office.store.account_get(login).await.unwrap().unwrap();
    office.store.account_put(Account { quota, ..account }).await.unwrap();
}

/// Somebody else here.
async fn bob(office: &Office, quota: Allowance) {
    let addresses = vec![address("bob@here.test")];
    let bob = Account { login: "bob@here.test".into(), addresses, quota, ..Account::default() };
    office.store.account_put(bob).await.unwrap();
}

/// Lets ann have so many octets, and puts so many into her INBOX, as her mail program does.
async fn fill(office: &Office, max: u64, octets: usize) {
    limit(office, "ann@here.test", Allowance::Octets(max)).await;
    let body = Body::from_bytes("x".repeat(octets));
    let mail = NewMail { body, shape: None, flags: Flags::default(), at: office.queue.now().wall };
    office.store.mailbox_append("ann@here.test", "INBOX", vec![mail]).await.unwrap();
}

#[tokio::test]
async fn a_subaddress_names_a_mailbox_that_its_owner_has_made() {
    let mut office = Office::open(9, settings()).await;
    for name in ["lists", "Work", "work"] {
        office.store.mailbox_create("ann@here.test", name, None).await.unwrap();
    }
    for (to, folder) in [
        ("ann+lists@here.test", "lists"),
        ("ann+LISTS@here.test", "lists"),
        ("ann+work@here.test", "work"),
        ("ann+Work@here.test", "Work"),
        ("ann+inbox@here.test", "INBOX"),
        ("ann+unknown@here.test", "INBOX"),
        ("ann+Sent@here.test", "INBOX"),
        ("ann+drafts@here.test", "INBOX"),
        ("\"ann+../../x\"@here.test", "INBOX"),
        ("ann+@here.test", "INBOX"),
    ] {
        let before = office.mail("ann@here.test", folder).await.len();
        office.send(&[to]).await;
        office.filed().await;
        assert_eq!(office.mail("ann@here.test", folder).await.len(), before + 1, "{to}");
    }
    assert!(office.store.mailbox("ann@here.test", "unknown").await.unwrap().is_none());
}

#[tokio::test]
async fn an_unknown_mailbox_bounces_and_a_catch_all_takes_it() {
    let mut office = Office::open(9, settings()).await;
    office.send(&["nobody@here.test"]).await;
    assert!(office.filed().await.contains("Status: 5.1.1"));
    alias(&office, "@here.test", &["ann@here.test"]).await;
    office.submit("bob@there.test", vec![Recipient::new(address("nobody@here.test"))], TEXT).await;
    assert!(office.filed().await.starts_with("Return-Path: <bob@there.test>"));
}

/// A forwarded copy goes the way that a rule about its header names, though nobody but the store knows that header.
#[tokio::test]
async fn a_forwarded_message_is_routed_by_what_the_stored_one_says() {
    let sink = Sink::start().await;
    let routes = vec![route("greetings", &[sink.address().port()])];
    let office = Office::open(9, Settings { routes, ..settings() }).await;
    let headers = vec!["Subject: hi".parse().unwrap()];
    let rule = RouteRule::to(vec!["elsewhere.test".parse().unwrap()], "greetings");
    office.router.set_rules(vec![RouteRule { headers, ..rule }]);
    alias(&office, "list@here.test", &["bob@elsewhere.test"]).await;
    office.send(&["list@here.test"]).await;
    let arrive = tokio::time::timeout(Duration::from_secs(20), sink.messages(1));
    assert_eq!(arrive.await.expect("it went another way")[0].recipients, ["bob@elsewhere.test"]);
}

#[tokio::test]
async fn postmaster_and_abuse_reach_a_person() {
    let mut office = Office::open(9, settings()).await;
    for to in ["postmaster@here.test", "ABUSE@here.test"] {
        office.submit("bob@there.test", vec![Recipient::new(address(to))], TEXT).await;
        assert!(office.filed().await.contains("Delivered-To: ann@here.test"));
    }
}

#[tokio::test]
async fn an_alias_leads_to_each_of_its_ends_once() {
    let sink = Sink::start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    alias(&office, "staff@here.test", &["ann@here.test", "all@here.test", "bob@there.test"]).await;
    alias(&office, "all@here.test", &["staff@here.test", "ann@here.test", "bob@there.test"]).await;
    let id = office.submit("eve@far.test", vec![Recipient::new(address("staff@here.test"))], TEXT).await;
    office.filed().await;
    assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 1);
    let forwarded = sink.messages(1).await.remove(0);
    assert_eq!(forwarded.recipients, ["bob@there.test"]);
    assert_eq!(forwarded.text(), format!("Delivered-To: staff@here.test\r\n{TEXT}"));
    let records = office.store.records_of(id).await.unwrap();
    let expanded = records.iter().find(|record| record.outcome == Outcome::Expanded { into: 2 }).unwrap();
    let note = expanded.note.as_deref().unwrap();
    assert!(note.starts_with("sent on as ") && note.ends_with(" to bob@there.test"), "{note}");
}

#[tokio::test]
async fn a_forwarded_message_has_a_path_of_ours_and_its_bounce_finds_the_way_back() {
    let sink = Sink::start().await;
    let office = Office::open(sink.address().port(), settings()).await;
    alias(&office, "bob@here.test", &["bob@there.test"]).await;
    office.submit("eve@there.test", vec![Recipient::new(address("bob@here.test"))], TEXT).await;
    let forwarded = sink.messages(1).await.remove(0);
    let path = forwarded.envelope.reverse_path.to_string();
    assert!(path.starts_with("SRS0=") && path.ends_with("=there.test=eve@here.test"), "{path}");
    office.submit("", vec![Recipient::new(address(&path))], TEXT).await;
    assert_eq!(sink.messages(2).await[1].recipients, ["eve@there.test"]);
    // Our own people need no rewriting.
    office.send(&["bob@here.test"]).await;
    assert_eq!(sink.messages(3).await[2].envelope.reverse_path.to_string(), "ann@here.test");
}

#[tokio::test]
async fn a_loop_ends_in_546_and_a_notice_that_loops_in_silence() {
    let mut office = Office::open(9, settings()).await;
    alias(&office, "loop@here.test", &["pool@here.test"]).await;
    alias(&office, "pool@here.test", &["loop@here.test"]).await;
    office.send(&["loop@here.test"]).await;
    assert!(office.filed().await.contains("Status: 5.4.6"));
    let been_here = format!("Delivered-To: ann@here.test\r\n{TEXT}");
    let ann = || vec![Recipient::new(address("ann@here.test"))];
    let id = office.submit("", ann(), &been_here).await;
    office.outcome(id, |outcome| *outcome == Outcome::Failed).await;
    assert!(office.queued().await.is_empty());
    assert_eq!(office.mail("ann@here.test", "INBOX").await.len(), 1, "only the bounce of the first");
}

#[tokio::test]
async fn a_forged_rewritten_address_leads_nowhere() {
    let sink = Sink::start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    office.send(&["SRS0=AAAAAAAAAAAA=AA=there.test=eve@here.test"]).await;
    assert!(office.filed().await.contains("Status: 5.1.1"));
    assert!(sink.received().is_empty());
}
