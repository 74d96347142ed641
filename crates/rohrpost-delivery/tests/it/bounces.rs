//! Who is told what.

use std::time::Duration;

use rohrpost_mail::{Notify, Outcome, Recipient, Reply, Stage};
use rohrpost_store::Filter;
use rohrpost_testkit::{Sink, SinkBuilder};

use crate::office::{Office, TEXT, address, settings};

/// A sink that knows nobody called Eve.
fn without_eve() -> SinkBuilder {
    Sink::builder().on_rcpt(|path| match path.to_string().as_str() {
        "eve@there.test" => Err(Reply::with(550, 1, 1, "No such user")),
        "busy@there.test" => Err(Reply::with(452, 2, 2, "Mailbox busy")),
        _ => Ok(()),
    })
}

fn is_failed(outcome: &Outcome) -> bool {
    *outcome == Outcome::Failed
}

/// C14 at its end: each recipient has its own fate.
#[tokio::test]
async fn a_c14_each_recipient_has_its_own_fate_and_one_notice_tells_of_the_failed() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let id = office.send(&["bob@there.test", "eve@there.test", "busy@there.test"]).await;
    let notice = office.filed().await;
    assert_eq!(sink.messages(1).await[0].recipients, ["bob@there.test"]);
    assert!(notice.starts_with("Return-Path: <>\r\nDelivered-To: ann@here.test\r\nFrom: "), "{notice}");
    for part in [
        "Auto-Submitted: auto-replied",
        "Final-Recipient: rfc822; eve@there.test",
        "Action: failed",
        "Status: 5.1.1",
        "Diagnostic-Code: smtp; 550 5.1.1 No such user",
        "Subject: Hi",
    ] {
        assert!(notice.contains(part), "{part} is missing in\n{notice}");
    }
    assert!(!notice.contains("bob@") && !notice.contains("busy@"), "{notice}");
    let records = office.store.records_of(id).await.unwrap();
    let eve = records.iter().find(|record| record.outcome == Outcome::Failed).unwrap();
    assert_eq!(eve.stage, Some(Stage::Rcpt));
    let queued = office.queued().await;
    assert_eq!(queued.len(), 1);
    assert_eq!(queued[0].last.as_deref(), Some("mx.there.test: 452 4.2.2 Mailbox busy"));
}

/// Q12: nobody is told of a failed notice but the postmaster, once a day.
#[tokio::test]
async fn a_q12_a_notice_that_fails_becomes_a_line_of_the_daily_digest() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    for _ in 0..2 {
        let id = office.submit("", vec![Recipient::new(address("eve@there.test"))], TEXT).await;
        office.outcome(id, is_failed).await;
    }
    assert!(office.mail("ann@here.test", "INBOX").await.is_empty());
    office.pass(Duration::from_hours(25)).await;
    let digest = office.filed().await;
    assert!(digest.contains("Subject: 2 notices could not be delivered"), "{digest}");
    assert!(digest.contains("eve@there.test") && digest.contains("550 5.1.1 No such user"), "{digest}");
    assert!(office.store.digest_take(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn notify_never_is_obeyed() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let eve = Recipient { notify: Notify::NEVER, ..Recipient::new(address("eve@there.test")) };
    let id = office.submit("ann@here.test", vec![eve], TEXT).await;
    office.outcome(id, is_failed).await;
    assert!(office.queued().await.is_empty());
    assert!(office.mail("ann@here.test", "INBOX").await.is_empty());
}

/// RFC 3461 §5.2.2: a server that reports nothing back; one that does is left to report.
#[tokio::test]
async fn a_wish_for_success_ends_where_nobody_reports_back() {
    for reports in [false, true] {
        let sink = Sink::builder().extensions(|extensions| extensions.dsn = reports).start().await;
        let mut office = Office::open(sink.address().port(), settings()).await;
        let notify = Notify { success: true, explicit: true, ..Notify::default() };
        let bob = Recipient { notify, ..Recipient::new(address("bob@there.test")) };
        let id = office.submit("ann@here.test", vec![bob], TEXT).await;
        office.outcome(id, |outcome| *outcome == Outcome::Relayed).await;
        if reports {
            assert!(office.queued().await.is_empty());
            continue;
        }
        let notice = office.filed().await;
        assert!(notice.contains("Action: relayed") && notice.contains("X-Rohrpost-Seal: cleartext"), "{notice}");
    }
}

#[tokio::test]
async fn after_five_days_it_is_given_up() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let id = office.send(&["busy@there.test"]).await;
    office.deferred(id).await;
    office.pass(Duration::from_hours(5 * 24)).await;
    let record = office.outcome(id, |outcome| *outcome == Outcome::Expired).await;
    assert_eq!(record.note.as_deref(), Some("given up after 5 days; last: mx.there.test: 452 4.2.2 Mailbox busy"));
    let notice = office.filed().await;
    assert!(notice.contains("Status: 5.4.7"), "{notice}");
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn a_clock_set_forward_by_a_year_expires_nothing_before_its_time() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let id = office.send(&["busy@there.test"]).await;
    office.deferred(id).await;
    office.clock.step(365 * 86_400);
    office.queue.look_at_clock();
    office.pass(Duration::from_secs(500)).await;
    office.deferred(id).await;
    assert_eq!(office.queued().await.len(), 1);
    assert!(office.mail("ann@here.test", "INBOX").await.is_empty(), "nor is it called late");
    office.pass(Duration::from_hours(5 * 24)).await;
    office.outcome(id, |outcome| *outcome == Outcome::Expired).await;
}

#[tokio::test]
async fn a_domain_that_does_not_exist_bounces_at_once_and_one_that_cannot_be_asked_waits() {
    let mut office = Office::open(9, settings()).await;
    let gone = office.send(&["bob@gone.there.test"]).await;
    assert_eq!(office.outcome(gone, is_failed).await.stage, Some(Stage::Dns));
    assert!(office.filed().await.contains("Status: 5.1.2"));
    let unknown = office.send(&["bob@elsewhere.example"]).await;
    assert_eq!(office.deferred(unknown).await.stage, Some(Stage::Dns));
}

#[tokio::test]
async fn an_operator_can_return_what_waits() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let id = office.send(&["busy@there.test"]).await;
    office.deferred(id).await;
    let filter = Filter { ids: vec![id], ..Filter::default() };
    assert_eq!(office.delivery.bounce(filter, "uid 0".into()).await.unwrap(), 1);
    assert!(office.filed().await.contains("returned by the operator"));
    assert!(office.queued().await.is_empty());
}

#[tokio::test]
async fn german_speakers_are_told_in_german() {
    let sink = without_eve().start().await;
    let mut office = Office::open(sink.address().port(), settings()).await;
    let mut account = office.store.account_get("ann@here.test").await.unwrap().unwrap();
    account.language = "de".into();
    office.store.account_put(account).await.unwrap();
    office.send(&["eve@there.test"]).await;
    assert!(office.filed().await.contains("Ihre Nachricht konnte nicht zugestellt werden"));
}
