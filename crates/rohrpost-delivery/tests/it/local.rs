//! Mailboxes, aliases, forwardings and loops.

use std::time::Duration;

use rohrpost_delivery::Settings;
use rohrpost_mail::{Outcome, Recipient, mime::Shape};
use rohrpost_queue::RouteRule;
use rohrpost_store::{Account, Alias, Allowance, mailbox::Parts};
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
    let ann = office.store.account_get("ann@here.test").await.unwrap().unwrap();
    office.store.account_put(Account { quota: Allowance::Octets(10), ..ann.clone() }).await.unwrap();
    let id = office.send(&["ann@here.test"]).await;
    let full = office.deferred(id).await;
    assert_eq!(full.note.as_deref(), Some("the mailbox is full"));
    office.store.account_put(ann).await.unwrap();
    office.pass(Duration::from_hours(1)).await;
    assert!(office.filed().await.ends_with(TEXT));
}

#[tokio::test]
async fn the_owner_of_a_mailbox_is_told_in_time_that_it_fills_and_only_once() {
    let mut office = Office::open(9, settings()).await;
    let ann = office.store.account_get("ann@here.test").await.unwrap().unwrap();
    office.store.account_put(Account { quota: Allowance::Octets(10_000), language: "de".into(), ..ann }).await.unwrap();
    let inbox = office.store.mailbox("ann@here.test", "INBOX").await.unwrap().unwrap().id;
    let text = format!("{TEXT}{}", "yyyyyyyy\r\n".repeat(800));
    office.submit("bob@there.test", vec![Recipient::new(address("ann@here.test"))], &text).await;
    assert!(office.filed().await.contains("yyy"));
    let notice = office.filed().await;
    assert!(notice.contains("Postfach") && notice.contains("80"), "{notice}");
    office.store.mailbox_expunge(inbox, Some(&[1..=9]), false).await.unwrap();
    let before = office.store.stats().commits;
    office.submit("bob@there.test", vec![Recipient::new(address("ann@here.test"))], &text).await;
    assert!(office.filed().await.contains("yyy"));
    assert_eq!(office.store.stats().commits, before + 1, "one notice a day is enough");
}

#[tokio::test]
async fn a_subaddress_names_a_folder_if_it_looks_like_one() {
    let mut office = Office::open(9, settings()).await;
    for (to, folder) in [
        ("ann+lists@here.test", "lists"),
        ("ann+LISTS@here.test", "lists"),
        ("\"ann+../../x\"@here.test", "INBOX"),
        ("ann+@here.test", "INBOX"),
    ] {
        let before = office.mail("ann@here.test", folder).await.len();
        office.send(&[to]).await;
        office.filed().await;
        assert_eq!(office.mail("ann@here.test", folder).await.len(), before + 1, "{to}");
    }
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
